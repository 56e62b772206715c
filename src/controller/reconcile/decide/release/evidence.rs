//! Who made a revision: what its labels and its description prove (docs/components.md 5.2).
//!
//! Labels are inherited by whatever comes after, also by other people's upgrades; a description never is, but Helm
//! overwrites it when an operation fails. So a deployed revision is proved by both, an unfinished one by the label and
//! its number, and a rollback, which can carry neither, by what `status` says of it.

use k8s_openapi::jiff::Timestamp;

use crate::component::status::{ComponentStatus, Operation, OperationKind};
use crate::controller::reconcile::decide::release::good::is_good;
use crate::controller::reconcile::decide::release::{Decision, Situation};
use crate::controller::reconcile::observation::Newest;
use crate::release::record::{Record, ReleaseStatus, Revision};
use crate::release::token::{Token, rollback_target};

/// What the description of a revision begins with when it was unlocked.
pub const INTERRUPTED: &str = "interrupted: ";

/// Helm's own words in the description of a revision whose operation was told to stop.
const CANCELED: &str = "context canceled";

/// Who made a deployed revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    /// This Component.
    Us {
        /// True if it is made of what is wanted now.
        wanted: bool,
    },
    /// This Component, by a rollback whose end was not written down.
    UnrecordedRollback {
        /// The revision that it went back to.
        to: i64,
    },
    /// Somebody else.
    Others,
}

/// The id of the operation that was begun and never came to Helm's ears, if it is still what is wanted: it is run
/// again under the same id (docs/components.md 5.3, first row).
pub fn resumed_operation<'a>(situation: &Situation<'a>) -> Option<&'a str> {
    let operation = situation.status.operation.as_ref()?;
    let hash = situation.wanted.hash.to_string();
    let is_fresh = never_reached_helm(operation, situation.revisions)
        && operation.hash.as_deref() == Some(hash.as_str())
        && matches!(
            operation.kind,
            OperationKind::Install | OperationKind::Upgrade
        );
    is_fresh.then_some(operation.id.as_str())
}

/// True if nothing came of a begun operation: the release is where it was, and nothing in it has the operation's id.
pub fn never_reached_helm(operation: &Operation, revisions: &[Revision]) -> bool {
    let newest = revisions.first().map_or(0, |revision| revision.number);
    let mut ids = revisions
        .iter()
        .filter_map(|revision| revision.operation.as_deref());
    operation.from_revision == newest && ids.all(|id| id != operation.id)
}

impl<'a> Situation<'a> {
    /// True if this Component, or one of its name before it, worked on the release.
    pub(super) fn is_managed(&self) -> bool {
        is_managed(self.status, self.revisions, self.is_anothers)
    }

    /// True if no Helm of the begun operation can still be running.
    pub(super) fn is_over(&self, operation: &Operation) -> bool {
        is_over(operation, self.holder_is_gone, self.now)
    }

    /// The wait for what the begun operation applied, if this deployed revision is that: until it is ready, its time is
    /// over, or something else is wanted (docs/components.md 4.6).
    pub(super) fn awaited(&self, record: &Record) -> Option<Decision> {
        let operation = self.own_operation(record)?;
        let (kind, revision) = (operation.kind, record.revision);
        if !self.wanted.waits.after(kind, revision) {
            return None;
        }
        let is_still_wanted = match self.maker(record) {
            Maker::Others => return None,
            Maker::UnrecordedRollback { .. } => !self.is_untried(),
            Maker::Us { wanted } => match kind {
                OperationKind::Rollback => !self.is_untried(),
                _ => wanted,
            },
        };
        Some(if is_still_wanted && !self.forced {
            Decision::AwaitReady { kind, revision }
        } else {
            Decision::Interrupt { kind, revision }
        })
    }

    /// The begun operation, if this revision came of it.
    pub(super) fn own_operation(&self, record: &Record) -> Option<&'a Operation> {
        own_operation(self.status.operation.as_ref(), self.revisions, record)
    }

    /// True if `status` has the end of the operation that made this revision.
    pub(super) fn is_recorded(&self, number: i64) -> bool {
        self.status
            .history
            .iter()
            .any(|entry| entry.revision == number)
    }

    /// True if `status` has this revision as one that ended well.
    fn was_good(&self, number: i64) -> bool {
        let history = &self.status.history;
        history
            .iter()
            .any(|entry| entry.revision == number && is_good(entry))
    }

    /// Who made the deployed newest revision.
    pub(super) fn maker(&self, record: &Record) -> Maker {
        let Some(revision) = self.revisions.first() else {
            return Maker::Others;
        };
        if let Some(token) = Token::parse(&record.description) {
            let label_agrees = revision.operation.as_deref() == Some(&token.operation);
            return if label_agrees {
                Maker::Us {
                    wanted: token.hash == self.wanted.hash,
                }
            } else {
                Maker::Others
            };
        }
        let Some(to) = rollback_target(&record.description) else {
            return Maker::Others;
        };
        if revision.operation.is_none() {
            return Maker::Others;
        }
        if self.is_recorded(record.revision) {
            return Maker::Us {
                wanted: self.is_of_wanted(revision),
            };
        }
        match self.own_operation(record) {
            // ours goes to what is known to be good; to anything else it is somebody's that was faster
            Some(operation) if operation.kind == OperationKind::Rollback && self.was_good(to) => {
                Maker::UnrecordedRollback { to }
            }
            _ => Maker::Others,
        }
    }

    /// True if the label says that this revision is made of what is wanted.
    pub(super) fn is_of_wanted(&self, revision: &Revision) -> bool {
        revision.hash.as_deref() == Some(self.wanted.hash.short().as_str())
    }

    /// True if the failed revision was cut off rather than refused.
    ///
    /// Helm's words are the same whether it was told to stop because the controller stops or because its time was over.
    /// The latter counts, so it is written down as a failure later than the revision began.
    pub(super) fn was_interrupted(&self, record: &Record) -> bool {
        says_interrupted(&record.description) && !self.failed_since(record)
    }

    /// True if `status` has a failure that was seen after the revision began. Its times are in whole seconds.
    fn failed_since(&self, record: &Record) -> bool {
        match (&self.status.last_failure_time, record.last_deployed) {
            (Some(failure), Some(began)) => failure.0.as_second() >= began.as_second(),
            _ => false,
        }
    }

    /// True if the operation that made the newest revision is known to have ended, whatever state it left.
    ///
    /// Either the revision is in the history, or a failure was written down after it began: a Component has one
    /// operation at a time, and this one is no copy of another's label.
    pub(super) fn has_ended(&self, record: &Record) -> bool {
        self.is_recorded(record.revision)
            || self.status.operation.is_none()
                && has_own_id(self.revisions)
                && self.failed_since(record)
    }

    /// The newest record, if it can be read.
    pub(super) fn record(&self) -> Option<&'a Record> {
        match self.newest {
            Newest::Readable(record) => Some(record),
            Newest::None | Newest::Unreadable(_) => None,
        }
    }
}

/// True if `status` or a label says that this Component worked on the release. The label of a revision that is marked for
/// another says nothing of this one.
pub fn is_managed(status: &ComponentStatus, revisions: &[Revision], is_anothers: bool) -> bool {
    let is_labelled = |revision: &Revision| revision.operation.is_some();
    !status.history.is_empty() || !is_anothers && revisions.iter().any(is_labelled)
}

/// The begun operation, if the newest revision came of it.
///
/// A rollback copies the labels of its target, so its own id is nowhere: the number and the copied id must do.
pub(super) fn own_operation<'a>(
    operation: Option<&'a Operation>,
    revisions: &[Revision],
    record: &Record,
) -> Option<&'a Operation> {
    let operation = operation?;
    let newest = revisions.first()?;
    let is_next = record.revision == operation.from_revision.saturating_add(1);
    let has_label = newest.operation.as_deref() == Some(&operation.id);
    // from the target; somebody's upgrade inherits from the revision right before it
    let is_copy = newest.operation.is_some()
        && revisions
            .iter()
            .skip(2)
            .any(|revision| revision.operation == newest.operation);
    let may_be_rollback = match record.status {
        ReleaseStatus::Deployed => rollback_target(&record.description).is_some(),
        status => matches!(
            status,
            ReleaseStatus::PendingRollback | ReleaseStatus::Failed
        ),
    };
    let is_rollback = operation.kind == OperationKind::Rollback && is_copy && may_be_rollback;
    // the first revision of a release inherits nothing: its label alone proves it
    let is_own = has_label && (is_next || record.revision == 1) || is_next && is_rollback;
    is_own.then_some(operation)
}

/// True if no Helm of the operation can still be running: it has ended, its holder is gone, or its deadline passed.
pub(super) fn is_over(operation: &Operation, holder_is_gone: bool, now: Timestamp) -> bool {
    operation.ready_by.is_some() || holder_is_gone || now >= operation.deadline.0
}

/// True if the begun operation made this revision, and Helm ended without saying how: it was killed, or could not reach
/// the cluster. Whoever saw it end notes the revision in `history`, so that it is unlocked without waiting.
pub fn is_cut_off(operation: Option<&Operation>, revisions: &[Revision], record: &Record) -> bool {
    let is_pending = matches!(
        record.status,
        ReleaseStatus::PendingInstall
            | ReleaseStatus::PendingUpgrade
            | ReleaseStatus::PendingRollback
    );
    is_pending && own_operation(operation, revisions, record).is_some()
}

/// True if the newest revision carries an id that no other has: it inherited none.
pub(super) fn has_own_id(revisions: &[Revision]) -> bool {
    revisions.split_first().is_some_and(|(newest, older)| {
        newest.operation.is_some()
            && older
                .iter()
                .all(|revision| revision.operation != newest.operation)
    })
}

/// True if a failed revision's description says that the operation was cut off.
pub(super) fn says_interrupted(description: &str) -> bool {
    description.starts_with(INTERRUPTED) || description.contains(CANCELED)
}
