//! When somebody is working on the release, or was (docs/components.md 5.3 and 6.2).

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use crate::component::conditions::Reason;
use crate::component::status::Operation;
use crate::controller::reconcile::decide::release::evidence::Maker;
use crate::controller::reconcile::decide::release::{Decision, Situation, words};
use crate::controller::reconcile::retry::later;
use crate::release::helm::FailureClass;
use crate::release::record::{Record, ReleaseStatus};

/// The age below which somebody else's operation is never thought dead, whatever the timeout (docs/components.md 6.2).
const YOUNGEST: Duration = Duration::from_secs(10 * 60);

/// Waits for the holder of a begun operation that may still be at it.
///
/// Not if the release shows that it is done: Helm marks a revision deployed as the last thing it does.
pub(super) fn others_work(s: &Situation<'_>) -> Option<Decision> {
    let operation = s.status.operation.as_ref()?;
    let is_done = s.record().is_some_and(|record| {
        record.status == ReleaseStatus::Deployed
            && s.own_operation(record).is_some()
            && s.maker(record) != Maker::Others
    });
    if is_done || s.is_over(operation) {
        return None;
    }
    Some(wait_for_holder(s.holder, operation))
}

/// Waits until the holder is gone or its time is over.
pub(super) fn wait_for_holder(holder: &str, operation: &Operation) -> Decision {
    Decision::Wait {
        reason: Reason::PendingRelease,
        message: words::held(holder, operation),
        class: FailureClass::Transient,
        until: Some(operation.deadline.0),
    }
}

/// A pending newest revision. Helm refuses everything until it is unlocked, and it is unlocked only when nobody can be
/// working on it.
pub(super) fn recover(s: &Situation<'_>, record: &Record) -> Decision {
    let unlock = |event| Decision::Unlock {
        revision: record.revision,
        event,
    };
    // an operation that may still run was waited for
    if let Some(operation) = s.own_operation(record) {
        return unlock(words::holder_gone(record, operation));
    }
    if s.has_ended(record) {
        return unlock(words::ended(record));
    }
    let Some(since) = since(s, record) else {
        return Decision::Wait {
            reason: Reason::PendingRelease,
            message: words::somebody_works(record),
            class: FailureClass::Transient,
            until: Some(later(s.now, YOUNGEST)),
        };
    };
    let over = later(since, patience(s.wanted.timeout));
    if s.now < over {
        return Decision::Wait {
            reason: Reason::PendingRelease,
            message: words::somebody_works(record),
            class: FailureClass::Transient,
            until: Some(over),
        };
    }
    let writer = s
        .revisions
        .first()
        .and_then(|revision| revision.operation.as_deref());
    unlock(words::abandoned(
        record,
        s.now.duration_since(since).unsigned_abs(),
        writer,
    ))
}

/// How long somebody else's operation is left alone.
fn patience(timeout: Duration) -> Duration {
    timeout.saturating_mul(2).max(YOUNGEST)
}

/// When the newest revision began, the latest that anything says.
fn since(s: &Situation<'_>, record: &Record) -> Option<Timestamp> {
    let created = s.revisions.first()?.created.as_ref().map(|time| time.0);
    created.max(record.last_deployed)
}
