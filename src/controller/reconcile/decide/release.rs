//! What to do about a release: a function of what is wanted and what is there (docs/components.md 5.3, 6 and 7).
//!
//! A decision is a step, not a plan: whoever acts on it observes again and decides again. For that to come to an end,
//! the reconciler keeps to these rules about `status`:
//!
//! - The intent (`status.operation`) is written before Helm starts, and with it `lastAttempted` unless the action goes
//!   back to an earlier revision. Counters of another hash or generation are cleared there, and `forceAt` and
//!   `resetAt` count as handled from there on.
//! - The end clears the intent and puts the revision into `history`, be it good or bad: a `status` of `failed` there
//!   stays, though Helm may call the revision superseded later. [`remember`] does it.
//!   A revision that went back to another has that one's hash and digests in `history`.
//! - A success clears `failures`, `retryCount` and `nextRetryTime`; going back to an earlier revision clears none.
//! - The cause of a failure stays in the message of `Released` (or of `Ready`, while that is False) until a success.
//! - A failed way back sets `Remediated` to False for `RollbackFailed`; the next failed upgrade takes that away.
//! - Every action but a way back sets `lastAttempted`, also one that only uninstalls before an install.
//! - A reinstall writes two intents: `Uninstall`, and when nothing is left, `Install`.
//! - An intent from revision 0 empties `history`: numbers start again, and what they stood for is gone.

mod evidence;
mod failed;
mod good;
mod pending;
mod removal;
mod schedule;
mod words;

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

pub use self::evidence::{
    INTERRUPTED, is_cut_off, is_managed, never_reached_helm, resumed_operation,
};
pub use self::failed::decide_without_reapply;
pub use self::good::{last_known_good, remember, was_good};
pub use self::removal::{RemovalSituation, RemovalStep, UNINSTALLS_WITH_HOOKS, decide_removal};

pub use super::decision::{Action, Decision, InSync, Why};

use self::evidence::Maker;
use crate::component::TakeOwnership;
use crate::component::conditions::Reason;
#[cfg(test)]
use crate::component::spec_hash::SpecHash;
use crate::component::status::{ComponentStatus, OperationKind};
#[cfg(test)]
use crate::component::{InstallFailure, UpgradeFailure};
use crate::controller::reconcile::observation::Newest;
use crate::controller::reconcile::retry::later;
pub use crate::controller::reconcile::wanted::{Waits, Wanted};
use crate::node_key::NodeKey;
use crate::release::helm::FailureClass;
use crate::release::record::{Record, ReleaseStatus, Revision};

/// How long nobody looks again, by himself, at what only a change can put right (docs/components.md 7.1).
const RECHECK: Duration = Duration::from_secs(30 * 60);

/// How long nobody looks again whether a rival is still there: nothing tells when it goes without its release.
pub const RIVAL_RECHECK: Duration = Duration::from_secs(2 * 60);

/// Everything that a decision depends on.
#[derive(Clone, Debug)]
pub struct Situation<'a> {
    /// The time.
    pub now: Timestamp,
    /// What is wanted.
    pub wanted: &'a Wanted,
    /// The release's revisions by their labels, newest first.
    pub revisions: &'a [Revision],
    /// The record of the first of them.
    pub newest: Newest<&'a Record>,
    /// What was done so far.
    pub status: &'a ComponentStatus,
    /// Who decides: what this process writes into `status.operation.holder`.
    pub holder: &'a str,
    /// True if no Helm of the holder that `status.operation` names can be running: its process is gone, or it is this
    /// process and has no child for the release. False if there is no operation.
    pub holder_is_gone: bool,
    /// True if there is a `forceAt` that was not handled.
    pub forced: bool,
    /// True if earlier failures do not count any more: an unhandled `resetAt`, or the hash or generation changed.
    pub reset: bool,
    /// True if the object is gone that the last attempt could not get past.
    pub unblocked: bool,
    /// True if the newest revision is marked for another Component.
    pub is_anothers: bool,
    /// That Component, if it wants the release still and nobody here looks after it.
    pub rival: Option<&'a NodeKey>,
}

/// What to do about a release that is wanted: the next step, by the table of docs/components.md 6.1.
pub fn decide_release(situation: &Situation<'_>) -> Decision {
    let s = situation;
    if let Some(wait) = pending::others_work(s) {
        return wait;
    }
    if let Some(rival) = s.rival {
        return Decision::Hold {
            reason: Reason::ReleaseConflict,
            message: words::of_a_rival(rival, s.record()),
            recheck: later(s.now, RIVAL_RECHECK),
        };
    }
    let record = match &s.newest {
        Newest::None => return nothing_there(s),
        Newest::Readable(record) => *record,
        Newest::Unreadable(why) => return unreadable(s, why),
    };
    if record.status != ReleaseStatus::Uninstalled
        && let Some(hold) = belongs_to_others(s, record)
    {
        return hold;
    }
    match record.status {
        ReleaseStatus::Deployed => deployed(s, record),
        ReleaseStatus::Failed => failed::remediate(s, record),
        ReleaseStatus::PendingInstall
        | ReleaseStatus::PendingUpgrade
        | ReleaseStatus::PendingRollback => pending::recover(s, record),
        ReleaseStatus::Superseded | ReleaseStatus::Unknown => {
            s.by_schedule(Action::Upgrade, Why::Unfinished)
        }
        ReleaseStatus::Uninstalled => s.by_schedule(Action::Install, Why::Unfinished),
        ReleaseStatus::Uninstalling => s.by_schedule(Action::FinishUninstall, Why::Unfinished),
    }
}

/// No release: install. Objects may be left over if an uninstall was cut off.
fn nothing_there(s: &Situation<'_>) -> Decision {
    let interrupted = s.status.operation.as_ref().map(|operation| operation.kind);
    match interrupted {
        Some(OperationKind::Uninstall) => s.by_schedule(Action::Reinstall, Why::Unfinished),
        Some(OperationKind::Install) => s.by_schedule(Action::Install, Why::Interrupted),
        // what never worked was removed by us, to be installed anew
        _ if was_good(s.status) => s.by_schedule(Action::Install, Why::RemovedOutside),
        _ => s.by_schedule(Action::Install, Why::NotInstalled),
    }
}

/// A record that nobody can read is not ours to destroy.
fn unreadable(s: &Situation<'_>, why: &str) -> Decision {
    let number = s.revisions.first().map_or(0, |revision| revision.number);
    let may_touch = s.is_managed() || s.wanted.take_ownership != TakeOwnership::Never;
    if s.forced && may_touch && number > 0 {
        return Decision::SetAside { revision: number };
    }
    Decision::Wait {
        reason: Reason::StateError,
        message: words::unreadable(number, why),
        class: FailureClass::Attempt,
        until: Some(later(s.now, RECHECK)),
    }
}

/// A release that was there before the Component, and that it may not have.
fn belongs_to_others(s: &Situation<'_>, record: &Record) -> Option<Decision> {
    if s.is_managed() {
        return None;
    }
    let other_chart = record.chart.name != s.wanted.chart_name;
    let message = match s.wanted.take_ownership {
        TakeOwnership::Never => words::not_to_be_taken(record),
        TakeOwnership::SameRelease if other_chart => words::of_another_chart(record, s.wanted),
        TakeOwnership::SameRelease | TakeOwnership::Always => return None,
    };
    Some(Decision::Hold {
        reason: Reason::OwnershipConflict,
        message,
        recheck: later(s.now, RECHECK),
    })
}

fn deployed(s: &Situation<'_>, record: &Record) -> Decision {
    if let Some(awaited) = s.awaited(record) {
        return awaited;
    }
    let (in_sync, why) = match s.maker(record) {
        Maker::UnrecordedRollback { to } => {
            return Decision::RecordRollback {
                revision: record.revision,
                to,
            };
        }
        Maker::Us { wanted } => (wanted, Why::Changed),
        Maker::Others if s.is_managed() => (false, Why::Foreign),
        Maker::Others => (false, Why::Adopt),
    };
    if !in_sync {
        return s.by_schedule(Action::Upgrade, why);
    }
    if s.forced {
        return s.by_schedule(Action::Upgrade, Why::Forced);
    }
    let is_recorded = s.status.operation.is_none()
        && s.status.observed_hash.as_deref() == Some(s.wanted.hash.to_string().as_str())
        && s.status.release_version == Some(record.revision)
        && s.status
            .history
            .iter()
            .any(|entry| entry.revision == record.revision);
    Decision::InSync {
        how: if is_recorded {
            InSync::Ours
        } else {
            InSync::AdoptSuccess
        },
    }
}

#[cfg(test)]
mod tests;
