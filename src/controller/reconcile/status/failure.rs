//! What is told of an operation that did not do what it should, and when it is tried again (docs/components.md 7).

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::component::Phase;
use crate::component::conditions::{ConditionStatus, ConditionType, Reason, find};
use crate::component::status::{Failures, OperationKind};
use crate::controller::reconcile::decide::release::is_cut_off;
use crate::controller::reconcile::observation::Observation;
use crate::controller::reconcile::outcome::{Ran, superseded};
use crate::controller::reconcile::retry;
use crate::controller::reconcile::status::{
    Count, Draft, Next, Notice, Report, released_reason, stalled_reason,
};
use crate::release::helm::{Failure, FailureClass, failed, not_ready};
use crate::release::record::ReleaseStatus;

/// The longest note of an event that quotes Helm, in bytes.
const MAX_QUOTE: usize = 1000;

/// What was applied was not ready in time; its revision is marked as failed.
pub(super) fn not_ready_in_time(
    o: &Observation,
    mut draft: Draft,
    kind: OperationKind,
    objects: &str,
) -> Report {
    draft.status.operation = None;
    let release = o.release(&o.target());
    let record = release.and_then(|release| release.record());
    let number = record.map_or(0, |record| record.revision);
    if let Some(record) = record {
        draft.note_failed(o, record);
    }
    draft.failed_attempt(o, kind, &not_ready(kind, objects), number, "")
}

/// What was waited for is no longer wanted; its revision is marked as interrupted.
pub(super) fn interrupted(o: &Observation, mut draft: Draft, kind: OperationKind) -> Report {
    draft.status.operation = None;
    let record = o.release(&o.target()).and_then(|release| release.record());
    if let Some(record) = record {
        draft.note_failed(o, record);
    }
    draft.put_off(kind, &superseded())
}

/// An operation failed that nobody saw end.
pub(super) fn count_failure(
    o: &Observation,
    mut draft: Draft,
    kind: OperationKind,
    class: FailureClass,
    message: &str,
) -> Report {
    draft.status.operation = None;
    let record = o.release(&o.target()).and_then(|release| release.record());
    if let Some(record) = record.filter(|record| record.status == ReleaseStatus::Failed) {
        draft.note_failed(o, record);
    }
    draft.tell(Notice::log(message));
    if class == FailureClass::Interrupted {
        draft.progressing(Reason::Progressing, message);
    } else {
        draft.count_failure(o, class, kind, failed(kind), message);
    }
    draft.end(Next::Now)
}

impl Draft {
    /// The operation did not do what it should.
    pub(super) fn failed(mut self, o: &Observation, ran: &Ran, failure: &Failure) -> Report {
        let began = self.status.operation.take();
        let newest = ran.record();
        let cut_off =
            newest.filter(|record| is_cut_off(began.as_ref(), &ran.release.revisions, record));
        if let Some(record) = cut_off {
            // Helm ended without a word in the release: it is known to be ours, and over
            self.note_failed(o, record);
        }
        match failure.class {
            FailureClass::Interrupted | FailureClass::DecideAgain => {
                self.put_off(ran.kind, failure)
            }
            FailureClass::Transient => self.unreachable(ran.kind, failure),
            FailureClass::Attempt | FailureClass::Terminal => {
                if let Some(record) = newest.filter(|it| it.status == ReleaseStatus::Failed) {
                    self.note_failed(o, record);
                }
                let named = match &ran.unready {
                    Some(unready) => Failure {
                        message: format!("{}; not ready: {unready}", failure.message),
                        ..failure.clone()
                    },
                    None => failure.clone(),
                };
                self.failed_attempt(o, ran.kind, &named, ran.release.number(), &ran.said)
            }
        }
    }

    /// The operation is decided on again.
    pub(super) fn put_off(mut self, kind: OperationKind, failure: &Failure) -> Report {
        let Failure {
            class,
            reason,
            message,
        } = failure;
        self.count(Count::Operation(kind, false, *reason));
        self.progressing(Reason::Progressing, message);
        self.tells(Notice::normal(*reason, kind.as_str(), message))
            .happened(if *class == FailureClass::DecideAgain {
                // a state that stays another than Helm thinks must not keep a core busy
                Next::Transient(None)
            } else {
                Next::In(Duration::from_millis(100))
            })
    }

    /// Something could not be reached.
    fn unreachable(mut self, kind: OperationKind, failure: &Failure) -> Report {
        let Failure {
            class,
            reason,
            message,
        } = failure;
        self.count(Count::Operation(kind, false, *reason));
        self.count(Count::Retry(*class));
        self.remembers.pauses = true;
        if kind == OperationKind::Rollback {
            // why there is a rollback at all is still to be read
            let about = ConditionType::Remediated;
            self.is_false(about, Reason::RollbackFailed, message);
            self.phase(Phase::Degraded, message);
        } else {
            if !self.tells_of_an_attempt() {
                let released = released_reason(*reason, failed(kind));
                self.is_false(ConditionType::Released, released, message);
            }
            self.waiting(*reason, Reason::Progressing, message);
            self.phase(Phase::Pending, message);
        }
        self.tells(Notice::warning(*reason, kind.as_str(), message))
            .happened(Next::Transient(None))
    }

    /// The attempt failed, and counts.
    pub(super) fn failed_attempt(
        mut self,
        o: &Observation,
        kind: OperationKind,
        failure: &Failure,
        revision: i64,
        said: &str,
    ) -> Report {
        let Failure {
            class,
            reason,
            message,
        } = failure;
        self.count(Count::Operation(kind, false, *reason));
        self.count_failure(o, *class, kind, *reason, message);
        let action = format!("{}/{revision}", kind.as_str());
        self.tell(Notice::warning(*reason, action.clone(), message));
        let said = said.trim();
        if !said.is_empty() {
            let start = said.ceil_char_boundary(said.len().saturating_sub(MAX_QUOTE));
            self.tell(Notice::warning(Reason::HelmOutput, action, &said[start..]));
        }
        self.happened(Next::In(Duration::from_millis(10)))
    }

    /// True if the condition Released says why an attempt failed: what could not be reached later must not hide that.
    fn tells_of_an_attempt(&self) -> bool {
        let failures = self.status.failures.unwrap_or_default();
        let released = find(&self.status.conditions, ConditionType::Released);
        failures.install + failures.upgrade > 0
            && released.is_some_and(|released| {
                released.status == "False" || released.reason == Reason::RollbackSucceeded.as_str()
            })
    }

    /// Notes a failed attempt: counters, times and conditions.
    pub(super) fn count_failure(
        &mut self,
        o: &Observation,
        class: FailureClass,
        kind: OperationKind,
        reason: Reason,
        message: &str,
    ) {
        self.schedule_retry(class, kind, o.jitter);
        if kind == OperationKind::Rollback {
            self.is_false(ConditionType::Remediated, Reason::RollbackFailed, message);
            let told = self.failed_for();
            self.waiting(Reason::UpgradeFailed, Reason::ProgressingWithRetry, &told);
            self.phase(Phase::Degraded, message);
            return;
        }
        let released = released_reason(reason, failed(kind));
        self.is_false(ConditionType::Released, released, message);
        // what became of an earlier way back says nothing of the next
        self.clear(&[ConditionType::Remediated]);
        if class == FailureClass::Terminal {
            self.stalled(stalled_reason(reason), message);
            self.is_false(ConditionType::Ready, reason, message);
            self.phase(Phase::Stalled, message);
        } else {
            self.waiting(reason, Reason::ProgressingWithRetry, message);
            self.phase(Phase::Failed, message);
        }
    }

    /// Notes that something failed, and when it is tried again.
    pub(super) fn schedule_retry(
        &mut self,
        class: FailureClass,
        kind: OperationKind,
        jitter: f64,
    ) -> Timestamp {
        let update = retry::after_failure(&self.status, class, kind, self.now(), jitter);
        self.count(Count::Retry(class));
        let status = &mut self.status;
        status.failures = Some(update.failures).filter(|failures| *failures != Failures::default());
        status.retry_count = Some(update.retry_count).filter(|count| *count > 0);
        status.next_retry_time = Some(Time(update.next_retry));
        status.last_failure_time = update.last_failure.map(Time);
        update.next_retry
    }

    /// Why the upgrade failed, in the words that it was told with.
    pub(super) fn failed_for(&self) -> String {
        [ConditionType::Released, ConditionType::Ready]
            .into_iter()
            .filter(|about| self.has(*about, ConditionStatus::False))
            .find_map(|about| self.message_of(about))
            .unwrap_or("the upgrade failed")
            .to_owned()
    }
}
