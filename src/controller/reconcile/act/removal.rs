//! Helm's uninstall of a release that is not wanted any more (docs/components.md 12.2).

use std::sync::Arc;

use crate::controller::namespace;
use crate::controller::reconcile::act::{definitions, inventory, operation, rewriting};
use crate::controller::reconcile::call;
use crate::controller::reconcile::context::{Context, ReconcileError, now};
use crate::controller::reconcile::decide::Decision;
use crate::controller::reconcile::effects::begin;
use crate::controller::reconcile::observe::{self, Observed};
use crate::controller::reconcile::outcome::{Outcome, Ran, not_gone};
use crate::controller::reconcile::status::begin_uninstall;
use crate::release::helm::judge;
use crate::release::operation::ReleaseKey;

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
    let ends = namespace::ends(&context.cluster.client, &key.0).await?;
    inventory::save(context, seen, &before).await?;
    let operation = call::removal(&seen.observation, key, ends || without_hooks);
    let intent = call::intent(&seen.observation, &operation, before.number(), None);
    seen.operation = Some(operation.id.clone());
    let report = begin_uninstall(&seen.observation, decision, intent, key);
    begin(context, seen, report).await?;
    definitions::keep_at_uninstall(context, seen, &before).await?;
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
    let mut ran = Ran::of(now(), operation.kind, None, before.number(), after);
    ran.failure = (!is_gone).then(|| not_gone(judge(operation.kind, &ended.outcome)));
    Ok(Outcome::Ran(Box::new(ran)))
}

/// Asks what an uninstall has left to go. What could not be looked at may be somebody else's by now.
pub async fn delete_left(context: &Context, seen: &Observed, key: &ReleaseKey) {
    let asked = (seen.left.iter())
        .filter(|leftover| leftover.deleting_since.is_none() && leftover.unknown.is_none());
    let objects = context.objects_of(&seen.observation.component);
    for leftover in asked {
        // a failure shows in the next look
        let _ = objects.delete(&leftover.key, &key.0).await;
    }
}
