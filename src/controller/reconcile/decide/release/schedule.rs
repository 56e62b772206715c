//! Whether an action may run now, must wait for its turn after a failure, or must not be tried again.

use k8s_openapi::jiff::Timestamp;

use crate::component::conditions::{ConditionStatus, ConditionType, Reason};
use crate::controller::reconcile::decide::release::{
    Action, Decision, RECHECK, Situation, Why, words,
};
use crate::controller::reconcile::retry::{delay, later};
use crate::release::helm::FailureClass;
use crate::release::record::ReleaseStatus;

/// Why the last attempt failed, as `status` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    /// In a word.
    pub reason: Reason,
    /// In Helm's or the API server's sentence, without what was said around it.
    pub message: String,
}

impl Situation<'_> {
    /// True if what is wanted was not tried since earlier failures were forgotten: nothing is waited for.
    pub(super) fn is_untried(&self) -> bool {
        let attempted = self
            .status
            .last_attempted
            .as_ref()
            .and_then(|attempt| attempt.hash.as_deref());
        self.reset || attempted != Some(self.wanted.hash.to_string().as_str())
    }

    /// True if every attempt at the upgrade that is wanted was used up.
    pub(super) fn is_exhausted(&self) -> bool {
        let failures = self.status.failures.unwrap_or_default();
        let attempts = i64::from(self.wanted.upgrade_retries);
        !self.is_untried() && failures.upgrade > attempts
    }

    /// True if an attempt was counted since the last success.
    pub(super) fn has_failed(&self) -> bool {
        !self.is_untried() && self.status.retry_count.is_some_and(|count| count > 0)
    }

    /// When the next attempt is due, if it is not yet.
    ///
    /// A way back that could not reach the cluster moves `nextRetryTime` to a second later. That must not bring the
    /// next upgrade forward, so the time since the last failure counts too.
    pub(super) fn not_before(&self) -> Option<Timestamp> {
        let failures = self.status.failures.unwrap_or_default();
        let count = failures.upgrade.max(failures.install);
        let since_failure = self
            .status
            .last_failure_time
            .as_ref()
            .filter(|_| count > 0)
            .map(|time| later(time.0, delay(FailureClass::Attempt, count - 1, -1.0)));
        self.next_retry()
            .max(since_failure)
            .filter(|time| *time > self.now)
    }

    /// True if a way back failed, and not for want of a connection: more failures count than attempts failed.
    pub(super) fn way_back_failed(&self) -> bool {
        let failures = self.status.failures.unwrap_or_default();
        let attempts = failures.install.saturating_add(failures.upgrade);
        let is_said = self.status.conditions.iter().any(|condition| {
            condition.type_ == ConditionType::Remediated.as_str()
                && condition.status == ConditionStatus::False.as_str()
                && condition.reason == Reason::RollbackFailed.as_str()
        });
        is_said
            && self
                .status
                .retry_count
                .is_some_and(|count| count > attempts)
    }

    /// When anything may be tried again, if not yet.
    pub(super) fn next_retry(&self) -> Option<Timestamp> {
        let next = self.status.next_retry_time.as_ref().map(|time| time.0);
        next.filter(|time| *time > self.now)
    }

    /// True if the last thing that failed could not reach something.
    pub(super) fn is_transient(&self) -> bool {
        self.status
            .failures
            .is_some_and(|failures| failures.transient > 0)
    }

    /// Runs the action if it may run now (docs/components.md 7.2). New inputs, a reset and force run at once.
    pub(super) fn by_schedule(&self, action: Action, why: Why) -> Decision {
        let is_uninstall = action == Action::FinishUninstall;
        let run = |why| Decision::Run { action, why };
        if self.forced {
            return run(if is_uninstall { why } else { Why::Forced });
        }
        // an uninstall is no attempt at what is wanted
        if self.reset || self.is_untried() && !is_uninstall {
            return run(why);
        }
        if action == Action::Upgrade && self.is_exhausted() {
            return self.exhausted();
        }
        if self.unblocked && !is_uninstall {
            return run(Why::Unblocked);
        }
        if let Some(until) = self.not_before() {
            return self.not_yet(until);
        }
        run(match why {
            Why::Changed | Why::NotInstalled if self.has_failed() => Why::Retry,
            Why::Changed if self.status.operation.is_some() => Why::Interrupted,
            why => why,
        })
    }

    /// No attempt is left: the release stays as it is.
    pub(super) fn exhausted(&self) -> Decision {
        Decision::Hold {
            reason: Reason::RetriesExceeded,
            message: words::exhausted(&self.cause().message),
            recheck: later(self.now, RECHECK),
        }
    }

    /// The next attempt is scheduled, or, if the last one can only fail again, put off.
    pub(super) fn not_yet(&self, until: Timestamp) -> Decision {
        let Cause { reason, message } = self.cause();
        let is_terminal = ConditionType::Stalled.permits(ConditionStatus::True, reason);
        if is_terminal && !self.is_transient() {
            return Decision::Hold {
                reason,
                message,
                recheck: until,
            };
        }
        Decision::Wait {
            reason,
            message,
            class: if self.is_transient() {
                FailureClass::Transient
            } else {
                FailureClass::Attempt
            },
            until: Some(until),
        }
    }

    /// Why the last attempt failed. What the status says wins, because it knows of the objects and their pods; what
    /// Helm wrote into the revision is better than nothing.
    pub(super) fn cause(&self) -> Cause {
        let said = |about: ConditionType| {
            let found = self
                .status
                .conditions
                .iter()
                .find(|condition| condition.type_ == about.as_str())?;
            let reason = *Reason::ALL
                .iter()
                .find(|reason| reason.as_str() == found.reason)?;
            let status = found.status.as_str();
            let message = words::bare(&found.message).to_owned();
            Some((status, Cause { reason, message }))
        };
        let failure = |about, bad: &str| {
            said(about)
                .filter(|(status, cause)| *status == bad && is_failure(cause.reason))
                .map(|(_, cause)| cause)
        };
        let released = failure(ConditionType::Released, "False");
        let rolled_back = said(ConditionType::Released)
            .filter(|(_, cause)| cause.reason == Reason::RollbackSucceeded)
            .map(|(_, cause)| cause.message);
        let ready = failure(ConditionType::Ready, "False");
        let reason = failure(ConditionType::Stalled, "True")
            .or_else(|| released.clone())
            .or_else(|| ready.clone())
            .map_or(self.plain_reason(), |cause| cause.reason);
        let message = released
            .or(ready)
            .map(|cause| cause.message)
            .or(rolled_back)
            .filter(|message| !message.is_empty())
            .or_else(|| self.failed_description())
            .or_else(|| self.status.message.clone())
            .filter(|message| !message.is_empty())
            .unwrap_or_else(|| reason.sentence().to_owned());
        Cause { reason, message }
    }

    /// What to call a failure that no condition tells of.
    fn plain_reason(&self) -> Reason {
        let failures = self.status.failures.unwrap_or_default();
        if failures.install > 0 && failures.upgrade == 0 || self.revisions.is_empty() {
            Reason::InstallFailed
        } else {
            Reason::UpgradeFailed
        }
    }

    /// What Helm wrote into the newest revision, if that failed.
    fn failed_description(&self) -> Option<String> {
        let record = self.record()?;
        let has_failed = record.status == ReleaseStatus::Failed;
        has_failed.then(|| record.description.clone())
    }
}

/// True if a condition with this reason tells of a failed attempt, and not of its aftermath.
fn is_failure(reason: Reason) -> bool {
    use Reason as R;
    let is_good = ConditionType::Ready.permits(ConditionStatus::True, reason);
    let is_progress = ConditionType::Reconciling.permits(ConditionStatus::True, reason);
    let is_aftermath = matches!(
        reason,
        R::RetriesExceeded
            | R::RollbackFailed
            | R::RollbackSucceeded
            | R::MissingRollbackTarget
            | R::NotInstalled
            | R::UninstallSucceeded
            | R::Interrupted
            | R::PendingRelease
    );
    !is_good && !is_progress && !is_aftermath
}
