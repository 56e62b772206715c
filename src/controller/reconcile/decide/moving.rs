//! A spec that names another release, or another namespace for it: the old release goes before the new one comes, and
//! it goes only when the new one can come (docs/components.md 12.3).

use k8s_openapi::jiff::Timestamp;

use crate::component::ComponentStatus;
use crate::component::conditions::{ConditionType, Reason, find};
use crate::component::names::annotation;
use crate::component::status::OperationKind;
use crate::controller::reconcile::decide::leaving::{Removed, take_down};
use crate::controller::reconcile::decide::release::{RIVAL_RECHECK, Wanted, decide_release};
use crate::controller::reconcile::decide::{Action, Decision, Read, blocked, without_slot};
use crate::controller::reconcile::observation::{MOMENT, Observation, OldRelease};
use crate::controller::reconcile::retry::later;
use crate::planner::DependencyCheck;
use crate::release::helm::FailureClass;
use crate::release::operation::ReleaseKey;
use crate::release::record::ReleaseStatus;

/// Namespaces whose names begin like this are Kubernetes' own: what a cluster stands on lives there, its network, its
/// DNS, its storage.
const PROTECTED: &str = "kube-";

/// Takes the old release down, once it is certain that the new one can be installed in its place.
pub(super) fn move_from(
    o: &Observation,
    old: &OldRelease,
    wanted: &Wanted,
    gate: &DependencyCheck,
) -> Decision {
    if let Some(claimant) = &old.claimant {
        return Decision::Moved {
            note: format!(
                "{} stays: it is Component {claimant}'s now",
                title(&old.key)
            ),
        };
    }
    if !has_begun(&o.status, old)
        && let Some(decision) = may_not_move(o, old, wanted, gate)
    {
        return decision;
    }
    let note = match take_down(o, &old.key) {
        Removed::NotYet(decision) => return decision,
        Removed::Gone => format!("{} is uninstalled: the spec names another", title(&old.key)),
        Removed::Nothing => format!("{} is not this Component's any more", title(&old.key)),
    };
    Decision::Moved { note }
}

/// Half a release is no use: once the old one is not whole any more, it goes, whatever else is wrong.
fn has_begun(status: &ComponentStatus, old: &OldRelease) -> bool {
    let operation = status.operation.as_ref();
    if operation.is_some_and(|operation| operation.kind == OperationKind::Uninstall) {
        return true;
    }
    match old.newest {
        Some(newest) => [ReleaseStatus::Uninstalling, ReleaseStatus::Uninstalled].contains(&newest),
        // Helm's record is gone; what it stood for goes only if that was our doing
        None => find(&status.conditions, ConditionType::Released)
            .is_some_and(|released| released.reason == Reason::UninstallSucceeded.as_str()),
    }
}

/// What is in the way of the new release, or has to be found out; then the old one stays as it is.
fn may_not_move(
    o: &Observation,
    old: &OldRelease,
    wanted: &Wanted,
    gate: &DependencyCheck,
) -> Option<Decision> {
    let key = o.target();
    if old.key.0.starts_with(PROTECTED) && !o.is_marked(annotation::ALLOW_MOVE) {
        return Some(Decision::Stall {
            reason: Reason::InvalidSpec,
            message: format!(
                "the spec names {}, and {} would be uninstalled for it, in a namespace of Kubernetes' own: set the \
                 annotation {} to \"true\" if that may be, or spec.chart back to what it was",
                title(&key),
                title(&old.key),
                annotation::ALLOW_MOVE,
            ),
        });
    }
    if let Some(blocked) = blocked(gate) {
        return Some(blocked);
    }
    if o.memory.tried == Some((wanted.hash, o.generation())) {
        return None;
    }
    let release = match o.release(&key) {
        Some(release) if release.is_fresh => release,
        _ => return Some(Decision::Read(Read::Release { key, fresh: true })),
    };
    if let Some(rival) = &release.rival {
        let why = format!("it is Component {}'s, which names it still", rival.owner);
        let until = Some(later(o.now, RIVAL_RECHECK));
        let reason = Reason::ReleaseConflict;
        return Some(cannot_move(o, FailureClass::Terminal, reason, &why, until));
    }
    // what was done to the old release says nothing of the new one
    let nothing = ComponentStatus::default();
    match decide_release(&o.situation(wanted, release, &nothing)) {
        Decision::Wait {
            reason,
            message,
            class,
            until,
        } => Some(cannot_move(o, class, reason, &message, until)),
        Decision::Hold {
            reason,
            message,
            recheck,
        } => {
            let class = FailureClass::Terminal;
            Some(cannot_move(o, class, reason, &message, Some(recheck)))
        }
        decision @ (Decision::Unlock { .. } | Decision::SetAside { .. }) => Some(decision),
        Decision::Run {
            action: Action::Install | Action::Upgrade,
            ..
        } => Some(try_new(o, wanted, &key)),
        // Helm cannot try while something else has to be done first, and need not if nothing has
        _ => None,
    }
}

/// Helm is asked whether the new release can be installed, when that is due.
fn try_new(o: &Observation, wanted: &Wanted, key: &ReleaseKey) -> Decision {
    let tried = o.status.last_attempted.as_ref();
    let is_other = tried.and_then(|tried| tried.hash.as_deref()) != Some(&wanted.hash.to_string());
    if !is_other && o.force_request().is_none() {
        let next = o.status.next_retry_time.as_ref();
        let due = next.map(|next| o.until(next.0)).filter(|due| *due > MOMENT);
        if let Some(rest) = due.or(o.memory.pause) {
            return Decision::Pause(rest);
        }
    }
    without_slot(o, key, false, "the release moves").unwrap_or(Decision::TryNew)
}

/// The old release stays and runs on; what is in the way of the new one is told.
fn cannot_move(
    o: &Observation,
    class: FailureClass,
    reason: Reason,
    why: &str,
    until: Option<Timestamp>,
) -> Decision {
    Decision::CannotMove {
        class,
        reason,
        message: stays(&o.target(), why),
        until,
    }
}

/// What is told when the new release cannot come.
pub fn stays(target: &ReleaseKey, why: &str) -> String {
    format!(
        "{} cannot be installed, and the one before it stays: {why}",
        title(target)
    )
}

/// The release that the status tells of, if it is another than the spec's. A name alone is no proof that there is one: it
/// is noted of what others installed too.
pub fn moved(status: &ComponentStatus, release: ReleaseKey) -> Option<ReleaseKey> {
    let has_worked =
        !status.history.is_empty() || status.operation.is_some() || status.observed_hash.is_some();
    let name = status.release_name.clone().filter(|_| has_worked)?;
    // controllers before this one wrote the name alone
    let namespace = status.release_namespace.clone();
    let old = (namespace.unwrap_or_else(|| release.0.clone()), name);
    (old != release).then_some(old)
}

/// `release web in namespace shop`
pub fn title((namespace, name): &ReleaseKey) -> String {
    format!("release {name} in namespace {namespace}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(namespace: Option<&str>, name: Option<&str>) -> ComponentStatus {
        ComponentStatus {
            release_name: name.map(str::to_owned),
            release_namespace: namespace.map(str::to_owned),
            observed_hash: Some("of what was installed".to_owned()),
            ..ComponentStatus::default()
        }
    }

    fn key(namespace: &str, name: &str) -> ReleaseKey {
        (namespace.to_owned(), name.to_owned())
    }

    #[test]
    fn a_release_has_moved_when_the_spec_names_another_than_the_status() {
        let from = |namespace, name| moved(&status(namespace, name), key("apps", "web"));
        assert_eq!(from(None, None), None, "there was none yet");
        assert_eq!(from(Some("apps"), Some("web")), None);
        assert_eq!(from(Some("apps"), Some("old")), Some(key("apps", "old")));
        assert_eq!(from(Some("then"), Some("web")), Some(key("then", "web")));
        assert_eq!(from(None, Some("web")), None, "a name alone");
        assert_eq!(from(None, Some("old")), Some(key("apps", "old")));
    }

    #[test]
    fn what_was_only_looked_at_does_not_move() {
        let mut status = status(Some("apps"), Some("old"));
        status.observed_hash = None;
        // as of a release that others installed
        status.release_version = Some(3);
        assert_eq!(moved(&status, key("apps", "web")), None);
    }
}
