//! What decisions say to people.

use std::fmt;
use std::time::Duration;

use crate::component::status::Operation;
use crate::controller::reconcile::decide::release::{Action, Wanted, Why};
use crate::node_key::NodeKey;
use crate::release::record::Record;

/// Behind the cause when no attempt is left.
const EXHAUSTED: &str = " (no attempt is left: change the spec or the chart, or set the annotation \
                         ext.theriseunion.io/resetAt)";

/// Behind the cause when there is nothing to go back to.
const NOWHERE: &str = " (no revision is known to be good, so nothing was rolled back)";

/// Behind the cause, before the revision, when both ways back failed.
const NOT_BACK: &str = " (the way back failed too, to revision ";

/// The cause without what these functions put behind it, so that it does not grow from one reconcile to the next.
pub(super) fn bare(message: &str) -> &str {
    let mut message = message;
    for tail in [EXHAUSTED, NOWHERE] {
        message = message.strip_suffix(tail).unwrap_or(message);
    }
    message.rfind(NOT_BACK).map_or(message, |at| &message[..at])
}

pub(super) fn exhausted(cause: &str) -> String {
    format!("{}{EXHAUSTED}", bare(cause))
}

pub(super) fn nowhere_to_go_back_to(cause: &str) -> String {
    format!("{}{NOWHERE}", bare(cause))
}

pub(super) fn not_rolled_back(cause: &str, to: i64) -> String {
    format!("{}{NOT_BACK}{to})", bare(cause))
}

pub(super) fn unreadable(revision: i64, why: &str) -> String {
    format!(
        "the record of revision {revision} cannot be read: {why}; restore its Secret, or set the annotation \
         ext.theriseunion.io/forceAt to go on without it"
    )
}

pub(super) fn not_to_be_taken(record: &Record) -> String {
    format!(
        "there is a release of this name already, of chart {} {}, and takeOwnership is Never: choose another \
         chart.releaseName, or set takeOwnership to SameRelease",
        record.chart.name, record.chart.version
    )
}

pub(super) fn of_a_rival(rival: &NodeKey, record: Option<&Record>) -> String {
    let release = record.map_or_else(
        || "the release".to_owned(),
        |record| format!("release {} in namespace {}", record.name, record.namespace),
    );
    format!(
        "{release} belongs to Component {rival}, which another controller looks after; set spec.chart.releaseName or \
         spec.chart.namespace to something else, or delete one of the two"
    )
}

pub(super) fn of_another_chart(record: &Record, wanted: &Wanted) -> String {
    format!(
        "there is a release of this name already, of chart {} and not {}: choose another chart.releaseName, or set \
         takeOwnership to Always",
        record.chart.name, wanted.chart_name
    )
}

pub(super) fn held(holder: &str, operation: &Operation) -> String {
    let who = if operation.holder == holder {
        "this controller".to_owned()
    } else {
        format!("the controller {}", operation.holder)
    };
    format!(
        "{who} may still be running the {:?} {}, until {} at the latest",
        operation.kind, operation.id, operation.deadline.0
    )
}

pub(super) fn somebody_works(record: &Record) -> String {
    format!(
        "revision {} is {}: somebody else is working on the release",
        record.revision, record.status
    )
}

pub(super) fn holder_gone(record: &Record, operation: &Operation) -> String {
    format!(
        "revision {} was {}, and {}, which ran the {:?} {}, is gone or out of time",
        record.revision, record.status, operation.holder, operation.kind, operation.id
    )
}

pub(super) fn ended(record: &Record) -> String {
    format!(
        "revision {} was {}, and the operation that made it ended",
        record.revision, record.status
    )
}

pub(super) fn abandoned(record: &Record, age: Duration, writer: Option<&str>) -> String {
    let minutes = age.as_secs() / 60;
    let writer = writer.map_or_else(
        || "not by a Component".to_owned(),
        |id| format!("after the operation {id}"),
    );
    format!(
        "revision {} was {} for {minutes} minutes, made {writer}, last described as {:?}",
        record.revision, record.status, record.description
    )
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Install => f.write_str("install"),
            Self::Upgrade => f.write_str("upgrade"),
            Self::Reinstall => f.write_str("uninstall and install"),
            Self::Rollback { to } => write!(f, "roll back to revision {to}"),
            Self::Reapply { to } => write!(f, "upgrade to what revision {to} was"),
            Self::FinishUninstall => f.write_str("finish the uninstall"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotInstalled => "there is no release yet",
            Self::RemovedOutside => "the release was removed by somebody else",
            Self::Changed => "what is wanted changed",
            Self::Foreign => "somebody else upgraded the release or rolled it back",
            Self::Forced => "the annotation forceAt asks for it",
            Self::Retry => "the last attempt failed and the next one is due",
            Self::Unblocked => "the object that was in the way is gone",
            Self::Adopt => "the release was there before the Component",
            Self::Unfinished => "the newest revision is not a finished one",
            Self::Interrupted => "what was begun was interrupted",
            Self::LastAttemptFailed => "the last attempt failed",
            Self::RollbackFailed => "the rollback failed",
        })
    }
}
