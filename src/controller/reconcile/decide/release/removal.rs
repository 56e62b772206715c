//! What to do about a release that is not wanted: the Component is deleted or not enabled (docs/components.md 12.1,
//! 12.2 and 12.4).
//!
//! Counters start at zero when a removal begins; each failed uninstall goes through `retry::after_failure` with the
//! kind `Uninstall`, and the condition `Released` gets the reason `UninstallFailed`.

use k8s_openapi::jiff::Timestamp;

use crate::component::ComponentStatus;
use crate::component::conditions::{ConditionType, Reason};
use crate::component::status::OperationKind;
use crate::controller::reconcile::decide::release::evidence::{is_managed, is_over, own_operation};
use crate::controller::reconcile::decide::release::words;
use crate::controller::reconcile::observation::Newest;
use crate::controller::reconcile::retry::{delay, later};
use crate::release::helm::FailureClass;
use crate::release::record::{Record, ReleaseStatus, Revision};

/// How many uninstalls with hooks may fail before `forceAt` leaves the hooks out.
pub const UNINSTALLS_WITH_HOOKS: i64 = 3;

/// Everything that the removal of a release depends on.
#[derive(Clone, Debug)]
pub struct RemovalSituation<'a> {
    /// The time.
    pub now: Timestamp,
    /// The release's revisions by their labels, newest first.
    pub revisions: &'a [Revision],
    /// The record of the first of them.
    pub newest: Newest<&'a Record>,
    /// What was done so far.
    pub status: &'a ComponentStatus,
    /// Who decides, as in [`super::Situation::holder`].
    pub holder: &'a str,
    /// As [`super::Situation::holder_is_gone`].
    pub holder_is_gone: bool,
    /// True if there is a `forceAt` that was not handled.
    pub forced: bool,
    /// As [`super::Situation::is_anothers`].
    pub is_anothers: bool,
    /// True if that other Component wants the release still, whoever looks after it.
    pub has_rival: bool,
    /// True if the list of the release's objects is kept and they were not all seen to be gone.
    pub has_inventory: bool,
}

/// The next step of a removal.
#[derive(Clone, Debug, PartialEq)]
pub enum RemovalStep {
    /// `helm uninstall`.
    Uninstall,
    /// `helm uninstall --no-hooks`: a hook kept failing, and `forceAt` says to go on without.
    UninstallWithoutHooks,
    /// Move the unreadable newest revision out of Helm's sight, as [`super::Decision::SetAside`].
    SetAside {
        /// The unreadable revision.
        revision: i64,
    },
    /// There is nothing of ours, or nothing any more.
    NothingThere,
    /// Helm has no release any more, but what it installed may still be there: look for each object that was saved.
    VerifyInventory,
    /// Something passes by itself.
    Wait {
        /// What is waited for, or what failed.
        reason: Reason,
        /// A sentence.
        message: String,
        /// When to decide again at the latest.
        until: Timestamp,
    },
}

/// What to do about a release that is not wanted.
///
/// A release that this Component never worked on is left alone, and so is one that is another's by now. A pending one
/// needs no unlocking: Helm uninstalls it.
pub fn decide_removal(removal: &RemovalSituation<'_>) -> RemovalStep {
    let operation = removal.status.operation.as_ref();
    if let Some(operation) = operation
        && !is_over(operation, removal.holder_is_gone, removal.now)
    {
        return RemovalStep::Wait {
            reason: Reason::PendingRelease,
            message: words::held(removal.holder, operation),
            until: operation.deadline.0,
        };
    }
    if removal.has_rival {
        return RemovalStep::NothingThere;
    }
    let was_uninstalling =
        operation.is_some_and(|operation| operation.kind == OperationKind::Uninstall);
    let without_release = if removal.has_inventory || was_uninstalling {
        RemovalStep::VerifyInventory
    } else {
        RemovalStep::NothingThere
    };
    let record = match &removal.newest {
        Newest::None => return without_release,
        Newest::Readable(record) if record.status == ReleaseStatus::Uninstalled => {
            return without_release;
        }
        Newest::Readable(record) => Some(*record),
        Newest::Unreadable(_) => None,
    };
    let is_ours = is_managed(removal.status, removal.revisions, removal.is_anothers)
        || record
            .is_some_and(|record| own_operation(operation, removal.revisions, record).is_some());
    if !is_ours {
        return RemovalStep::NothingThere;
    }
    if let Newest::Unreadable(why) = &removal.newest {
        return unreadable(removal, why);
    }
    uninstall(removal)
}

/// Nothing is destroyed that cannot be read, unless somebody says so.
fn unreadable(removal: &RemovalSituation<'_>, why: &str) -> RemovalStep {
    let revision = removal
        .revisions
        .first()
        .map_or(0, |revision| revision.number);
    if removal.forced {
        return RemovalStep::SetAside { revision };
    }
    RemovalStep::Wait {
        reason: Reason::StateError,
        message: words::unreadable(revision, why),
        until: later(removal.now, delay(FailureClass::Terminal, 0, 0.0)),
    }
}

fn uninstall(removal: &RemovalSituation<'_>) -> RemovalStep {
    let failed = removal.status.conditions.iter().find(|condition| {
        condition.type_ == ConditionType::Released.as_str()
            && condition.reason == Reason::UninstallFailed.as_str()
    });
    let Some(failed) = failed else {
        return RemovalStep::Uninstall;
    };
    let failures = removal.status.retry_count.unwrap_or(0);
    if removal.forced && failures >= UNINSTALLS_WITH_HOOKS {
        return RemovalStep::UninstallWithoutHooks;
    }
    let next = removal.status.next_retry_time.as_ref().map(|time| time.0);
    match next.filter(|next| *next > removal.now) {
        Some(until) if !removal.forced => RemovalStep::Wait {
            reason: Reason::UninstallFailed,
            message: failed.message.clone(),
            until,
        },
        _ => RemovalStep::Uninstall,
    }
}
