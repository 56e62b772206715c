//! What is asked of the installer: a function of what was observed and decided (docs/components.md 5.3 and 5.5). Pure.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::chart::digest::Sha256Hex;
use crate::component::spec_hash::SpecHash;
use crate::component::status::{self, OperationKind};
use crate::component::{Component, TakeOwnership, Wait};
use crate::controller::reconcile::decide::Action;
use crate::controller::reconcile::decide::release::{last_known_good, never_reached_helm};
use crate::controller::reconcile::observation::{GoodRevision, Observation, Release};
use crate::release::operation::NO_LABEL;
use crate::release::operation::{
    Call, Operation, Proof, ReleaseKey, RollbackCall, UninstallCall, UpgradeCall,
};
use crate::release::owner;
use crate::release::token::Token;

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
        as_user: None,
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
        as_user: None,
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
            dry_run: true,
            take_ownership: call.take_ownership || whoever_has_objects,
            ..call
        }),
        proof: Proof::DryRun,
        as_user: None,
        release: name,
        namespace,
        timeout: BESIDE_WAITING,
        deadline: BESIDE_WAITING,
        id,
    }
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

/// What Helm itself waits for: readiness is observed after it has ended, but hooks that come after an operation must
/// follow it (docs/components.md 4.6).
fn helms_own_wait(o: &Observation, wait: Wait) -> Wait {
    if o.resolved().is_some_and(|chart| chart.has_post_hooks) {
        wait
    } else {
        Wait::HookOnly
    }
}

/// `helm upgrade --install` of what is wanted, or of what was good.
fn upgrade_call(
    o: &Observation,
    material: &Material,
    action: Action,
    operation: &str,
    hash: SpecHash,
    before: &Release,
) -> UpgradeCall {
    let spec = &o.component.spec;
    let is_first = before.revisions.is_empty();
    let (wait, wait_for_jobs, disable_hooks) = if is_first {
        let install = &spec.install;
        (install.wait, install.wait_for_jobs, install.disable_hooks)
    } else {
        let upgrade = &spec.upgrade;
        (upgrade.wait, upgrade.wait_for_jobs, upgrade.disable_hooks)
    };
    let good = (material.good.as_ref()).filter(|_| matches!(action, Action::Reapply { .. }));
    let (package, values) = match good {
        Some(good) => (good.package.clone(), good.values.clone()),
        None => (
            material.package.clone(),
            serde_json::to_vec(&spec.values).unwrap_or_default(),
        ),
    };
    let token = Token {
        operation: operation.to_owned(),
        hash,
        generation: o.generation(),
    };
    let wait = if disable_hooks {
        Wait::HookOnly
    } else {
        helms_own_wait(o, wait)
    };
    UpgradeCall {
        package,
        values,
        wait,
        wait_for_jobs: wait_for_jobs && wait != Wait::HookOnly,
        disable_hooks,
        history_limit: kept(o, before),
        token: token.to_string(),
        hash_label: hash.short(),
        // what another left there is taken away
        owner: owner::mark(&o.key).or((!is_first).then(|| NO_LABEL.to_owned())),
        take_ownership: spec.take_ownership == TakeOwnership::Always,
        force_replace: spec.upgrade.force_replace && !is_first,
        cleanup_on_fail: spec.upgrade.cleanup_on_fail && !is_first,
        dry_run: false,
    }
}

/// How many revisions Helm keeps: as many as the spec says, and the last good one, to go back to. Helm itself only keeps
/// the one that it calls deployed, be it somebody else's, or never ready.
fn kept(o: &Observation, before: &Release) -> u32 {
    let limit = o.component.spec.history_limit;
    let good = last_known_good(&before.revisions, &o.status);
    let mut revisions = before.revisions.iter();
    let place = good.and_then(|good| revisions.position(|revision| revision.number == good));
    match place.and_then(|place| u32::try_from(place).ok()) {
        // those above it, itself, and the one that is made now
        Some(place) if limit > 0 => limit.max(place.saturating_add(2)),
        _ => limit,
    }
}

fn rollback_call(o: &Observation, before: &Release, revision: i64) -> RollbackCall {
    let spec = &o.component.spec;
    let wait = helms_own_wait(o, spec.rollback.wait);
    RollbackCall {
        revision,
        wait,
        wait_for_jobs: spec.rollback.wait_for_jobs && wait != Wait::HookOnly,
        disable_hooks: spec.rollback.disable_hooks,
        history_limit: kept(o, before),
        cleanup_on_fail: spec.upgrade.cleanup_on_fail,
    }
}

fn uninstall_call(o: &Observation, without_hooks: bool) -> UninstallCall {
    let uninstall = &o.component.spec.uninstall;
    UninstallCall {
        wait: uninstall.wait,
        disable_hooks: uninstall.disable_hooks || without_hooks,
        cascade: uninstall.cascade,
        keep_history: uninstall.keep_history,
        description: None,
    }
}
