//! A Component that is deleted or not enabled: dependents first, then its releases, one after the other
//! (docs/components.md 12.1, 12.2 and 12.4).

use crate::component::DeletionPolicy;
use crate::component::conditions::{ConditionType, Reason, find};
use crate::controller::reconcile::decide::release::{
    RemovalSituation, RemovalStep, decide_removal,
};
use crate::controller::reconcile::decide::{Decision, Read};
use crate::controller::reconcile::observation::{Observation, Release, SlotState};
use crate::node_key::NodeKey;
use crate::planner;
use crate::release::operation::ReleaseKey;

/// How the removal of one release stands.
pub(super) enum Removed {
    /// Nothing of it is left.
    Gone,
    /// There was nothing, or nothing of this Component.
    Nothing,
    /// This is to be done first.
    NotYet(Decision),
}

/// The Component is to go, and its releases before it.
pub(super) fn delete(o: &Observation) -> Decision {
    if !o.has_finalizer() {
        return Decision::Nothing;
    }
    let releases = o.leaving();
    if o.component.is_left_alone() {
        let note = format!("suspended: {} left as it is", titles(&releases));
        return Decision::RemoveFinalizer { note };
    }
    if o.component.spec.deletion_policy == DeletionPolicy::Orphan {
        let note = format!(
            "deletionPolicy is Orphan: {} left as it is",
            titles(&releases)
        );
        return Decision::RemoveFinalizer { note };
    }
    if let Some(decision) = dependents_first(o, "deleted") {
        return decision;
    }
    let note = match take_all_down(o, &releases) {
        Removed::NotYet(decision) => return decision,
        Removed::Gone => format!("{} uninstalled", titles(&releases)),
        Removed::Nothing => "nothing of it is installed".to_owned(),
    };
    Decision::RemoveFinalizer { note }
}

/// The Component stays, its releases go.
pub(super) fn disable(o: &Observation) -> Decision {
    let ready = find(&o.status.conditions, ConditionType::Ready);
    let says_so = ready
        .is_some_and(|ready| ready.status == "True" && ready.reason == Reason::Disabled.as_str());
    if o.status.observed_generation == Some(o.generation()) && says_so {
        return Decision::StayDisabled {
            is_recreated: o.plan.has_release,
        };
    }
    if let Some(decision) = dependents_first(o, "disabled") {
        return decision;
    }
    let releases = o.leaving();
    let note = match take_all_down(o, &releases) {
        Removed::NotYet(decision) => return decision,
        Removed::Gone => Some(format!(
            "{} uninstalled: spec.enabled is false",
            titles(&releases)
        )),
        Removed::Nothing => None,
    };
    Decision::Disabled { note }
}

/// Who needs this Component goes first, or says no.
fn dependents_first(o: &Observation, what: &'static str) -> Option<Decision> {
    match &o.plan.removal {
        planner::Removal::Free => None,
        planner::Removal::WaitFor(dependents) => Some(Decision::AwaitDependents {
            names: names(o, dependents),
        }),
        // everything in a namespace that ends has to go, in whatever order
        planner::Removal::Refused(dependents) => match o.namespace_ends {
            None => Some(Decision::Read(Read::Namespace)),
            Some(true) => None,
            Some(false) => Some(Decision::KeepForDependents {
                names: names(o, dependents),
                what,
            }),
        },
    }
}

fn names(o: &Observation, keys: &[NodeKey]) -> String {
    let named = keys.iter().map(|key| key.seen_from(&o.key.namespace));
    named.collect::<Vec<_>>().join(", ")
}

/// One release after the other.
fn take_all_down(o: &Observation, releases: &[ReleaseKey]) -> Removed {
    let Some((first, others)) = releases.split_first() else {
        return Removed::Nothing;
    };
    if *first == o.target() && o.plan.old.is_some() {
        // what is known of the old one, which is another's by now, is no proof for this one
        return Removed::NotYet(Decision::ForgetOld);
    }
    match take_down(o, first) {
        Removed::Gone | Removed::Nothing if !others.is_empty() => {
            Removed::NotYet(Decision::ForgetOld)
        }
        removed => removed,
    }
}

/// Takes one release down.
pub(super) fn take_down(o: &Observation, key: &ReleaseKey) -> Removed {
    let release = match o.release(key) {
        Some(release) if release.is_fresh => release,
        _ => {
            let (key, fresh) = (key.clone(), true);
            return Removed::NotYet(Decision::Read(Read::Release { key, fresh }));
        }
    };
    let without_hooks = match decide_removal(&removal(o, release)) {
        RemovalStep::Uninstall => false,
        RemovalStep::UninstallWithoutHooks => true,
        RemovalStep::NothingThere => return Removed::Nothing,
        RemovalStep::VerifyInventory => return verify(o, key),
        RemovalStep::SetAside { revision } => {
            return Removed::NotYet(Decision::SetAside { revision });
        }
        RemovalStep::Wait {
            reason,
            message,
            until,
        } => {
            return Removed::NotYet(Decision::AwaitUninstall {
                reason,
                message,
                until,
            });
        }
    };
    if let Some(interrupt) = end_of_wait(o, release) {
        return Removed::NotYet(interrupt);
    }
    let key = key.clone();
    Removed::NotYet(match o.slot {
        None => Decision::Read(Read::Slot {
            key,
            is_urgent: true,
        }),
        Some(SlotState::Busy(_)) => Decision::QueueUninstall,
        Some(SlotState::Taken) => Decision::Uninstall { key, without_hooks },
    })
}

/// What is awaited is no success, should the uninstall come to nothing: that is written down before it begins.
fn end_of_wait(o: &Observation, release: &Release) -> Option<Decision> {
    let begun = o.status.operation.as_ref()?;
    let revision = release.record()?.revision;
    let is_awaited = begun.ready_by.is_some() && revision == begun.from_revision.saturating_add(1);
    let kind = begun.kind;
    is_awaited.then_some(Decision::Interrupt { kind, revision })
}

/// Proof that nothing is left.
fn verify(o: &Observation, key: &ReleaseKey) -> Removed {
    match &o.leftovers {
        None => Removed::NotYet(Decision::Read(Read::Leftovers(key.clone()))),
        Some(None) => Removed::Gone,
        Some(Some(left)) => Removed::NotYet(Decision::AwaitGone {
            key: key.clone(),
            left: left.clone(),
        }),
    }
}

fn removal<'a>(o: &'a Observation, release: &'a Release) -> RemovalSituation<'a> {
    RemovalSituation {
        now: o.now,
        revisions: &release.revisions,
        newest: release.newest.as_ref(),
        status: &o.status,
        holder: &o.holder,
        holder_is_gone: release.holder_is_gone,
        forced: o.force_request().is_some(),
        is_anothers: release.is_anothers,
        has_rival: release.rival.is_some(),
        has_inventory: o.status.inventory_ref.is_some() || o.memory.has_inventory,
    }
}

/// Releases in a sentence, with their verb.
fn titles(releases: &[ReleaseKey]) -> String {
    match releases {
        [] => "nothing is".to_owned(),
        [(_, name)] => format!("release {name} is"),
        several => {
            let named = several
                .iter()
                .map(|(namespace, name)| format!("{name} in {namespace}"));
            let named: Vec<String> = named.collect();
            format!("releases {} are", named.join(" and "))
        }
    }
}
