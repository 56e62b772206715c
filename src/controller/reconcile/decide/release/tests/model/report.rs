//! What the pass writes into the status.

use super::*;
use crate::component::conditions::ConditionType;
use crate::controller::reconcile::retry::{FailureUpdate, after_failure};

/// How many revisions the status remembers.
const REMEMBERED: usize = 5;

impl Model {
    pub(super) fn finish(&mut self, action: Action) {
        match action {
            Action::Reinstall | Action::FinishUninstall => self.case.status.operation = None,
            Action::Rollback { to } | Action::Reapply { to } => self.went_back(to),
            Action::Install | Action::Upgrade => self.succeed(),
        }
    }

    pub(super) fn succeed(&mut self) {
        let number = self.newest_number();
        let status = &mut self.case.status;
        status.operation = None;
        status.failures = None;
        status.retry_count = None;
        status.next_retry_time = None;
        status.conditions.clear();
        status.observed_hash = Some(self.case.wanted.hash.to_string());
        status.release_version = Some(number);
        status.last_attempted = Some(Attempt {
            hash: status.observed_hash.clone(),
            ..Attempt::default()
        });
        let hash = Some(self.case.wanted.hash.to_string());
        self.remember(hash);
        self.cause = None;
    }

    pub(super) fn went_back(&mut self, to: i64) {
        self.case.status.operation = None;
        self.case.status.release_version = Some(self.newest_number());
        let history = &self.case.status.history;
        let target = history.iter().find(|entry| entry.revision == to);
        let hash = target.and_then(|target| target.hash.clone());
        self.remember(hash);
        self.forget(ConditionType::Remediated);
        let cause = self.cause.clone().unwrap_or_default();
        self.say("Released", "True", Reason::RollbackSucceeded, &cause);
    }

    pub(super) fn count(
        &mut self,
        revision: i64,
        kind: OperationKind,
        class: FailureClass,
        message: &str,
    ) {
        self.case.status.operation = None;
        self.schedule(kind, class);
        if self
            .newest()
            .is_some_and(|newest| newest.revision == revision && newest.status == S::Failed)
        {
            self.remember(None);
        }
        if class != FailureClass::Attempt {
            return;
        }
        if kind == OperationKind::Rollback {
            self.say("Remediated", "False", Reason::RollbackFailed, message);
            return;
        }
        self.forget(ConditionType::Remediated);
        self.forget(ConditionType::Stalled);
        self.say("Released", "False", Reason::UpgradeFailed, message);
        self.cause = Some(message.to_owned());
    }

    pub(super) fn schedule(&mut self, kind: OperationKind, class: FailureClass) {
        let FailureUpdate {
            failures,
            retry_count,
            next_retry,
            last_failure,
        } = after_failure(&self.case.status, class, kind, self.case.now, 0.0);
        let status = &mut self.case.status;
        status.failures = Some(failures);
        status.retry_count = Some(retry_count);
        status.next_retry_time = Some(Time(next_retry));
        status.last_failure_time = last_failure.map(Time);
    }

    pub(super) fn remember(&mut self, hash: Option<String>) {
        let newest = self.newest().expect("there is one");
        let made = Entry {
            hash,
            ..entry(newest.revision, newest.status, "")
        };
        self.case.status.history = remember(&self.case.status.history, made, REMEMBERED);
    }

    pub(super) fn say(&mut self, about: &str, status: &str, reason: Reason, message: &str) {
        self.case = self
            .case
            .clone()
            .says(about, status, reason.as_str(), message);
    }

    pub(super) fn forget(&mut self, about: ConditionType) {
        self.case
            .status
            .conditions
            .retain(|condition| condition.type_ != about.as_str());
    }
}
