//! What is asked of the installer: a function of what was observed and decided (docs/components.md 5.3 and 5.5). Pure.

mod arguments;

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::chart::digest::Sha256Hex;
use crate::component::spec_hash::SpecHash;
use crate::component::status::{self, OperationKind};
use crate::component::{Component, Wait};
use crate::controller::reconcile::decide::Action;
use crate::controller::reconcile::decide::release::never_reached_helm;
use crate::controller::reconcile::observation::{GoodRevision, Observation, Release};
use crate::release::operation::{Call, DryRun, Operation, Proof, ReleaseKey, UpgradeCall};

use self::arguments::{rollback_call, uninstall_call, upgrade_call};

/// Time for everything that is not waiting: rendering, applying, storing.
pub const BESIDE_WAITING: Duration = Duration::from_secs(60);

/// What a release can be made of.
#[derive(Clone, Debug, Default)]
pub struct Material {
    /// The package of the chart that is wanted.
    pub package: PathBuf,
    /// What the last good revision was made of, if that was looked for.
    pub good: Option<GoodRevision>,
}

/// A new operation's id: short enough for a label.
pub fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// The hash of what an action makes the release of; `None` if nobody knows any more.
pub fn made_of(
    o: &Observation,
    material: &Material,
    action: Action,
    wanted: SpecHash,
) -> Option<SpecHash> {
    let known = |to: i64| {
        let mut history = o.status.history.iter();
        let entry = history.find(|entry| entry.revision == to)?;
        SpecHash::parse(entry.hash.as_deref()?)
    };
    match action {
        Action::Rollback { to } => known(to),
        Action::Reapply { to } => {
            known(to).or_else(|| material.good.as_ref().and_then(|good| good.hash))
        }
        Action::Install | Action::Upgrade | Action::Reinstall | Action::FinishUninstall => {
            Some(wanted)
        }
    }
}

/// What is asked of the installer for an action on the release that the spec names.
pub fn operation(
    o: &Observation,
    material: &Material,
    action: Action,
    before: &Release,
    wanted: SpecHash,
) -> Operation {
    let kind = action.kind(before.revisions.is_empty());
    let hash = made_of(o, material, action, wanted);
    let id = same_operation(o, kind, before, hash).unwrap_or_else(new_id);
    let after = before.number();
    let (call, proof) = match action {
        Action::Rollback { to } => (
            Call::Rollback(rollback_call(o, before, to)),
            Proof::WentBack { after, to },
        ),
        Action::Reinstall | Action::FinishUninstall => {
            (Call::Uninstall(uninstall_call(o, false)), Proof::Gone)
        }
        Action::Install | Action::Upgrade | Action::Reapply { .. } => {
            let hash = hash.unwrap_or(wanted);
            let call = upgrade_call(o, material, action, &id, hash, before);
            (Call::Upgrade(call), Proof::Made { after })
        }
    };
    let timeout = o.timeout(kind);
    let has_install_hooks = o.resolved().is_some_and(|chart| chart.has_install_hooks);
    let steps = if has_install_hooks { 3 } else { 1 };
    let (namespace, release) = o.target();
    Operation {
        id,
        kind,
        call,
        proof,
        as_user: o.user.clone(),
        api_server: None,
        release,
        namespace,
        timeout,
        deadline: timeout * steps + BESIDE_WAITING,
    }
}

/// What is asked of the installer for a release that is not wanted any more.
pub fn removal(o: &Observation, (namespace, name): &ReleaseKey, without_hooks: bool) -> Operation {
    let kind = OperationKind::Uninstall;
    let timeout = o.timeout(kind);
    Operation {
        id: new_id(),
        kind,
        call: Call::Uninstall(uninstall_call(o, without_hooks)),
        proof: Proof::Gone,
        as_user: o.user.clone(),
        api_server: None,
        release: name.clone(),
        namespace: namespace.clone(),
        timeout,
        deadline: timeout * 3 + BESIDE_WAITING,
    }
}

/// What is asked of the installer to find out whether this release could be installed; `whoever_has_objects` is true if
/// objects of other releases are not in its way.
pub fn dry_run(
    o: &Observation,
    material: &Material,
    release: &Release,
    wanted: SpecHash,
    whoever_has_objects: bool,
) -> Operation {
    let id = new_id();
    let call = upgrade_call(o, material, Action::Install, &id, wanted, release);
    let (namespace, name) = release.key.clone();
    Operation {
        kind: OperationKind::Install,
        call: Call::Upgrade(UpgradeCall {
            dry_run: Some(DryRun::Tried),
            take_ownership: call.take_ownership || whoever_has_objects,
            ..call
        }),
        proof: Proof::DryRun,
        as_user: o.user.clone(),
        api_server: None,
        release: name,
        namespace,
        timeout: BESIDE_WAITING,
        deadline: BESIDE_WAITING,
        id,
    }
}

/// What is asked of the installer to see what this operation would make.
pub fn rendering(operation: &Operation) -> Option<Operation> {
    let Call::Upgrade(call) = &operation.call else {
        return None;
    };
    Some(Operation {
        call: Call::Upgrade(UpgradeCall {
            dry_run: Some(DryRun::Rendered),
            ..call.clone()
        }),
        proof: Proof::DryRun,
        timeout: BESIDE_WAITING,
        deadline: BESIDE_WAITING,
        ..operation.clone()
    })
}

/// The operation as it is written down before it starts.
pub fn intent(
    o: &Observation,
    operation: &Operation,
    from_revision: i64,
    made_of: Option<(Option<SpecHash>, Sha256Hex)>,
) -> status::Operation {
    let (hash, digest) = made_of.unzip();
    status::Operation {
        id: operation.id.clone(),
        kind: operation.kind,
        from_revision,
        hash: hash.flatten().map(|hash| hash.to_string()),
        chart_digest: digest.map(|digest| format!("sha256:{digest}")),
        holder: o.holder.clone(),
        started_at: Time(o.now),
        deadline: o.after(operation.deadline),
        ready_by: None,
    }
}

/// True if the reconciler awaits what an operation applied as this revision, because Helm did not.
pub fn is_awaited(o: &Observation, operation: &Operation, revision: i64) -> bool {
    let helm_has_waited = match &operation.call {
        Call::Upgrade(call) => call.wait != Wait::HookOnly,
        Call::Rollback(call) => call.wait != Wait::HookOnly,
        Call::Uninstall(_) => true,
    };
    let waits = o.resolved().map(|chart| o.wanted(chart).waits);
    !helm_has_waited && waits.is_some_and(|waits| waits.after(operation.kind, revision))
}

/// True if what was begun is no longer wanted, as the Component is now; it may be gone. A removal goes on as long as the
/// release still is to go.
pub fn is_superseded(o: &Observation, component: Option<&Component>) -> bool {
    let Some(component) = component else {
        return true;
    };
    // an uninstall that makes room for another release is one too
    let begun = o.status.operation.as_ref();
    let is_removal = o.is_deleting()
        || !o.component.spec.enabled
        || begun.is_some_and(|begun| begun.kind == OperationKind::Uninstall);
    let is_other = component.metadata.generation != o.component.metadata.generation
        || component.metadata.deletion_timestamp.is_some()
        || component.is_left_alone();
    is_other && !(is_removal && component.is_leaving())
}

/// The id of the operation that was begun, if it never reached Helm: it is begun again as itself.
fn same_operation(
    o: &Observation,
    kind: OperationKind,
    before: &Release,
    hash: Option<SpecHash>,
) -> Option<String> {
    let hash = hash.map(|hash| hash.to_string());
    let known = o.status.operation.as_ref()?;
    let is_same = never_reached_helm(known, &before.revisions)
        && (known.kind, known.hash.as_ref()) == (kind, hash.as_ref());
    is_same.then(|| known.id.clone())
}
