//! The arguments of a call, by the spec and what is there of the release (docs/components.md 5.5).

use crate::component::spec_hash::SpecHash;
use crate::component::{TakeOwnership, Wait};
use crate::controller::reconcile::call::Material;
use crate::controller::reconcile::decide::Action;
use crate::controller::reconcile::decide::release::last_known_good;
use crate::controller::reconcile::observation::{Observation, Release};
use crate::release::operation::NO_LABEL;
use crate::release::operation::{RollbackCall, UninstallCall, UpgradeCall};
use crate::release::owner;
use crate::release::token::Token;

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
pub fn upgrade_call(
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
        skip_schema_validation: spec.disable_schema_validation,
        server_side_apply: spec.server_side_apply,
        force_replace: spec.upgrade.force_replace && !is_first,
        dry_run: None,
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

/// `helm rollback` to this revision.
pub fn rollback_call(o: &Observation, before: &Release, revision: i64) -> RollbackCall {
    let spec = &o.component.spec;
    let wait = helms_own_wait(o, spec.rollback.wait);
    RollbackCall {
        revision,
        wait,
        wait_for_jobs: spec.rollback.wait_for_jobs && wait != Wait::HookOnly,
        disable_hooks: spec.rollback.disable_hooks,
        history_limit: kept(o, before),
        server_side_apply: spec.server_side_apply,
    }
}

/// `helm uninstall`.
pub fn uninstall_call(o: &Observation, without_hooks: bool) -> UninstallCall {
    let uninstall = &o.component.spec.uninstall;
    UninstallCall {
        wait: uninstall.wait,
        disable_hooks: uninstall.disable_hooks || without_hooks,
        cascade: uninstall.cascade,
        keep_history: uninstall.keep_history,
        description: None,
    }
}
