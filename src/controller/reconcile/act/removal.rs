//! Helm's uninstall of a release that is not wanted any more (docs/components.md 12.2).

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Api;

use crate::component::conditions::Reason;
use crate::component::status::{self, OperationKind};
use crate::controller::reconcile::act::{inventory, operation, rewriting};
use crate::controller::reconcile::context::{Context, ReconcileError, now};
use crate::controller::reconcile::decide::Decision;
use crate::controller::reconcile::effects::begin;
use crate::controller::reconcile::observation::{Observation, Readiness};
use crate::controller::reconcile::observe::{self, Observed};
use crate::controller::reconcile::outcome::{Outcome, Ran};
use crate::controller::reconcile::status::begin_uninstall;
use crate::release::helm::{Failure, FailureClass, judge};
use crate::release::installer::{Call, Operation, Proof, ReleaseKey, UninstallCall};

/// Runs Helm's uninstall once.
pub async fn uninstall(
    context: &Arc<Context>,
    seen: &mut Observed,
    decision: &Decision,
    key: &ReleaseKey,
    without_hooks: bool,
) -> Result<Outcome, ReconcileError> {
    let o = &seen.observation;
    let Some(before) = o.release(key).cloned() else {
        return Err(ReconcileError::Conflict);
    };
    let ends = namespace_ends(context, &key.0).await?;
    inventory::save(context, seen, &before).await?;
    let operation = operation_of(&seen.observation, key, ends || without_hooks);
    let o = &seen.observation;
    let intent = status::Operation {
        id: operation.id.clone(),
        kind: operation.kind,
        from_revision: before.number(),
        hash: None,
        chart_digest: None,
        holder: o.holder.clone(),
        started_at: Time(o.now),
        deadline: o.after(operation.deadline),
        ready_by: None,
    };
    seen.operation = Some(operation.id.clone());
    let report = begin_uninstall(&seen.observation, decision, intent, key);
    begin(context, seen, report).await?;
    rewriting::keep_records_served(context, seen, &before, None).await?;
    let ended = operation::run_installer(context, seen, &operation).await?;
    if context.work.stop.is_cancelled() {
        return Ok(Outcome::Stopped);
    }
    let after = observe::fresh(context, &seen.observation.key, key).await?;
    let is_gone = (operation.proof).holds(&operation.id, &after.revisions, None);
    if is_gone {
        let key = &seen.observation.key;
        context.memory.of(key, |memory| memory.waiting.patience = 0);
    }
    let judged = judge(operation.kind, &ended.outcome).unwrap_or_else(|| Failure {
        class: FailureClass::DecideAgain,
        reason: Reason::UninstallFailed,
        message: "Helm reported success, and the release is still there".to_owned(),
    });
    Ok(Outcome::Ran(Box::new(Ran {
        now: now(),
        kind: operation.kind,
        action: None,
        before: before.number(),
        release: after,
        failure: (!is_gone).then_some(judged),
        said: String::new(),
        readiness: Readiness::Ready,
        unready: None,
    })))
}

fn operation_of(o: &Observation, (namespace, name): &ReleaseKey, without_hooks: bool) -> Operation {
    let kind = OperationKind::Uninstall;
    let timeout = o.timeout(kind);
    Operation {
        id: operation::new_id(),
        kind,
        call: Call::Uninstall(call(o, without_hooks)),
        proof: Proof::Gone,
        as_user: None,
        release: name.clone(),
        namespace: namespace.clone(),
        timeout,
        deadline: timeout * 3 + operation::BESIDE_WAITING,
    }
}

/// What is asked of Helm.
pub fn call(o: &Observation, without_hooks: bool) -> UninstallCall {
    let uninstall = &o.component.spec.uninstall;
    UninstallCall {
        wait: uninstall.wait,
        disable_hooks: uninstall.disable_hooks || without_hooks,
        cascade: uninstall.cascade,
        keep_history: uninstall.keep_history,
        description: None,
    }
}

async fn namespace_ends(context: &Context, name: &str) -> Result<bool, ReconcileError> {
    let namespaces: Api<Namespace> = Api::all(context.cluster.client.clone());
    let found = namespaces.get_opt(name).await?;
    Ok(found.is_none_or(|found| found.metadata.deletion_timestamp.is_some()))
}

/// Asks what an uninstall has left to go. What could not be looked at may be somebody else's by now.
pub async fn delete_left(context: &Context, seen: &Observed, key: &ReleaseKey) {
    let asked = (seen.left.iter())
        .filter(|leftover| leftover.deleting_since.is_none() && leftover.unknown.is_none());
    for leftover in asked {
        // a failure shows in the next look
        let _ = context.cluster.objects.delete(&leftover.key, &key.0).await;
    }
}
