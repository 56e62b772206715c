//! A release, a Helm and a controller that can die at every step, as far as decisions see of them.

use super::*;
use crate::component::conditions::ConditionType;
use crate::controller::retry::{FailureUpdate, after_failure};
use ReleaseStatus as S;

/// How many revisions Helm keeps.
const KEPT: usize = 5;
/// How long an operation may take, in seconds.
const DEADLINE: i64 = 400;

/// How a run of Helm ends, and whether the controller lives to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Works,
    /// It leaves a failed revision.
    Refused,
    /// It reaches nothing and leaves nothing.
    Unreachable,
    /// The chart cannot be rendered: nothing is left, and it never will work.
    Unrenderable,
    /// The controller dies before it starts Helm.
    DiesBefore,
    /// Both die in the middle.
    DiesDuring,
    /// The controller seems to die, and Helm goes on for a while.
    Lingers,
    /// Helm works, the controller dies before it says so.
    DiesAfterSuccess,
    /// Helm fails, the controller dies before it says so.
    DiesAfterFailure,
    /// The controller ends in order: it tells Helm to stop.
    Stopped,
}

/// What others do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Nothing,
    Want(&'static str),
    UpgradedOutside,
    FailedOutside,
    PendingOutside,
    RolledBackOutside,
    Removed,
    StatusLost,
    Forced,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Something was done.
    Acted(Decision),
    /// Time passed.
    Waited,
    /// Nothing more is to be done.
    Settled(Decision),
}

pub(super) struct Model {
    pub case: Case,
    /// Newest first, as `case.revisions`.
    records: Vec<Record>,
    /// Until when a Helm runs whose controller is not known to be gone.
    running_until: Option<Timestamp>,
    ids: usize,
    /// What made the last attempt fail that counted.
    cause: Option<String>,
    /// Failed runs since time last passed.
    failed_at_once: usize,
}

impl Model {
    pub fn new(change: impl FnOnce(&mut Wanted)) -> Self {
        let mut case = Case::wanting("a");
        change(&mut case.wanted);
        Self {
            case,
            records: Vec::new(),
            running_until: None,
            ids: 0,
            cause: None,
            failed_at_once: 0,
        }
    }

    /// What would be done now.
    pub fn decision(&mut self) -> Decision {
        self.observe();
        self.case.decision()
    }

    /// Decides and does it, with Helm ending as `fate` says.
    pub fn step(&mut self, fate: Fate) -> Step {
        let decision = self.decision();
        match &decision {
            Decision::InSync { how } => {
                assert!(self.is_as_wanted(), "not as wanted: {:?}", self.told());
                if *how == InSync::Ours {
                    return Step::Settled(decision);
                }
                self.succeed();
            }
            Decision::Hold { message, .. } => {
                self.check_cause(&decision, message);
                return Step::Settled(decision);
            }
            Decision::Wait { message, until, .. } => {
                self.check_cause(&decision, message);
                let until = until.expect("somebody must look again");
                assert!(until > self.case.now, "{decision:?} waits for the past");
                self.case.now = until;
                self.failed_at_once = 0;
                return Step::Waited;
            }
            Decision::Unlock { revision, .. } => {
                self.check_nobody_works(&decision);
                let newest = &mut self.records[0];
                assert_eq!(newest.revision, *revision);
                assert!(newest.status.is_pending());
                newest.status = S::Failed;
                newest.description = format!("{INTERRUPTED}gone");
                self.case.revisions[0].status = S::Failed;
            }
            Decision::CountFailure {
                revision,
                kind,
                class,
                message,
            } => self.count(*revision, *kind, *class, message),
            Decision::RecordRollback { revision, to } => {
                assert_eq!(self.records[0].revision, *revision);
                self.went_back(*to);
            }
            Decision::SetAside { .. } => panic!("nothing is unreadable here"),
            Decision::Run { action, .. } => {
                self.check_nobody_works(&decision);
                self.run(*action, fate);
            }
        }
        Step::Acted(decision)
    }

    pub fn event(&mut self, event: Event) {
        let is_locked = self
            .running_until
            .is_some_and(|until| self.case.now < until)
            || self
                .records
                .first()
                .is_some_and(|newest| newest.status.is_pending());
        let labels = self
            .case
            .revisions
            .first()
            .and_then(|newest| Some((newest.operation.clone()?, newest.hash.clone()?)));
        let is_there = self
            .records
            .first()
            .is_some_and(|newest| !matches!(newest.status, S::Uninstalling | S::Uninstalled));
        self.failed_at_once = 0;
        match event {
            Event::Nothing => {}
            Event::Want(letter) => self.case.wanted.hash = hash(letter),
            Event::Forced => self.case.forced = true,
            // nothing in an uninstalling release tells of the Helm that is at it
            Event::StatusLost if is_locked && !is_there => {}
            Event::StatusLost => {
                self.case.status = ComponentStatus::default();
                self.cause = None;
            }
            // Helm lets nobody in
            _ if is_locked => {}
            Event::Removed => {
                self.records.clear();
                self.case.revisions.clear();
            }
            _ if !is_there => {}
            Event::UpgradedOutside => self.store(S::Deployed, labels, "Upgrade complete"),
            Event::FailedOutside => self.store(S::Failed, labels, "Upgrade \"web\" failed: x"),
            Event::PendingOutside => self.store(S::PendingUpgrade, labels, "Preparing upgrade"),
            Event::RolledBackOutside => {
                let target = self
                    .case
                    .revisions
                    .iter()
                    .skip(1)
                    .find(|revision| matches!(revision.status, S::Superseded | S::Deployed));
                if let Some(target) = target.cloned() {
                    let made = |record: &&Record| record.revision == target.number;
                    let config = self
                        .records
                        .iter()
                        .find(made)
                        .map(|made| made.config.clone());
                    let labels = target.operation.zip(target.hash);
                    let description = format!("Rollback to {}", target.number);
                    self.store(S::Deployed, labels, &description);
                    self.records[0].config = config.unwrap_or_default();
                }
            }
        }
    }

    /// Works from here on, to the end; how many steps that took.
    pub fn settle(&mut self) -> (Decision, usize) {
        for steps in 0..60 {
            if let Step::Settled(decision) = self.step(Fate::Works) {
                return (decision, steps);
            }
        }
        panic!("never at rest: {:?}, {:?}", self.told(), self.case.status);
    }

    pub fn newest(&self) -> Option<&Record> {
        self.records.first()
    }

    /// The revisions, to look at when something is wrong.
    fn told(&self) -> Vec<String> {
        (self.records.iter().zip(&self.case.revisions))
            .map(|(record, revision)| {
                let (number, status) = (record.revision, record.status);
                format!(
                    "{number} {status} {:?} {}",
                    revision.operation, record.description
                )
            })
            .collect()
    }

    /// True if what is wanted is what Helm has in force, by what the model itself knows.
    pub fn is_as_wanted(&self) -> bool {
        self.records.first().is_some_and(|newest| {
            newest.status == S::Deployed && self.made_of(newest) == Some(self.case.wanted.hash)
        })
    }

    /// What a revision is really made of: a rollback, of what its target is.
    fn made_of(&self, record: &Record) -> Option<SpecHash> {
        Token::parse(record.config.get("made")?.as_str()?).map(|token| token.hash)
    }

    fn observe(&mut self) {
        self.case.record = self.records.first().cloned();
        let attempted = self.case.status.last_attempted.as_ref();
        self.case.reset = attempted.is_none_or(|attempt| {
            attempt.hash.as_deref() != Some(self.case.wanted.hash.to_string().as_str())
        });
        // a live Helm is known to be gone only by its deadline
        self.case.holder_is_gone =
            self.case.status.operation.is_some() && self.running_until.is_none();
    }

    fn check_nobody_works(&self, decision: &Decision) {
        let works = self
            .running_until
            .is_some_and(|until| self.case.now < until);
        assert!(!works, "{decision:?} while Helm runs");
    }

    fn check_cause(&self, decision: &Decision, message: &str) {
        let of_others = matches!(
            decision,
            Decision::Wait {
                reason: Reason::PendingRelease,
                ..
            } | Decision::Hold {
                reason: Reason::OwnershipConflict,
                ..
            }
        );
        if let Some(cause) = self.cause.as_ref().filter(|_| !of_others) {
            assert!(message.contains(cause), "{decision:?} lost {cause:?}");
        }
    }

    fn run(&mut self, action: Action, fate: Fate) {
        let kind = match action {
            Action::Install => OperationKind::Install,
            Action::Upgrade => OperationKind::Upgrade,
            Action::Rollback { .. } | Action::Reapply { .. } => OperationKind::Rollback,
            Action::Reinstall | Action::FinishUninstall => OperationKind::Uninstall,
        };
        let id = resumed_operation(&self.case.situation()).map_or_else(
            || {
                self.ids += 1;
                format!("op{}", self.ids)
            },
            str::to_owned,
        );
        let now = self.case.now;
        let wanted = self.case.wanted.hash;
        let from = self.records.first().map_or(0, |newest| newest.revision);
        self.running_until = None;
        if from == 0 {
            self.case.status.history.clear();
        }
        if kind != OperationKind::Rollback {
            if self.case.reset {
                self.case.status.failures = None;
                self.case.status.retry_count = None;
                self.case.status.next_retry_time = None;
            }
            self.case.status.last_attempted = Some(Attempt {
                hash: Some(wanted.to_string()),
                ..Attempt::default()
            });
        }
        self.case.forced = false;
        self.case.status.operation = Some(Operation {
            id: id.clone(),
            kind,
            from_revision: from,
            hash: Some(wanted.to_string()),
            chart_digest: None,
            holder: HOLDER.to_owned(),
            started_at: Time(now),
            deadline: Time(now + k8s_openapi::jiff::SignedDuration::from_secs(DEADLINE)),
        });
        let cause = format!("cause {}", self.ids);
        match fate {
            Fate::Works => {
                self.helm(action, &id, None);
                self.finish(action);
            }
            Fate::Refused => {
                self.helm(action, &id, Some((S::Failed, &cause)));
                let revision = self.records.first().map_or(0, |newest| newest.revision);
                self.count(revision, kind, FailureClass::Attempt, &cause);
                self.fail_at_once();
            }
            Fate::Unreachable => {
                self.schedule(kind, FailureClass::Transient);
                self.case.status.operation = None;
                self.fail_at_once();
            }
            // what was rendered once renders again
            Fate::Unrenderable if kind == OperationKind::Rollback => {
                self.helm(action, &id, None);
                self.finish(action);
            }
            Fate::Unrenderable => {
                self.schedule(kind, FailureClass::Terminal);
                self.case.status.operation = None;
                self.say("Released", "False", Reason::InstallFailed, &cause);
                self.say("Stalled", "True", Reason::ChartInvalid, &cause);
                self.cause = Some(cause);
                self.fail_at_once();
            }
            Fate::DiesBefore => {}
            Fate::DiesDuring => self.helm(action, &id, Some((self.pending(action), ""))),
            Fate::Lingers => {
                self.helm(action, &id, Some((self.pending(action), "")));
                let until = now + k8s_openapi::jiff::SignedDuration::from_secs(DEADLINE - 50);
                self.running_until = Some(until);
            }
            Fate::DiesAfterSuccess => self.helm(action, &id, None),
            Fate::DiesAfterFailure => self.helm(action, &id, Some((S::Failed, &cause))),
            Fate::Stopped => {
                self.helm(action, &id, Some((S::Failed, "failed: context canceled")));
            }
        }
    }

    fn fail_at_once(&mut self) {
        self.failed_at_once += 1;
        assert!(
            self.failed_at_once <= 3,
            "failures follow each other at once"
        );
    }

    fn pending(&self, action: Action) -> ReleaseStatus {
        match action {
            Action::Rollback { .. } => S::PendingRollback,
            _ if self.records.is_empty() => S::PendingInstall,
            _ => S::PendingUpgrade,
        }
    }

    /// What Helm does to its Secrets; `bad` is the state and description of what did not work.
    fn helm(&mut self, action: Action, id: &str, bad: Option<(ReleaseStatus, &str)>) {
        let of = |letter: SpecHash| {
            Token {
                operation: id.to_owned(),
                hash: letter,
                generation: 1,
            }
            .to_string()
        };
        match action {
            Action::Reinstall | Action::FinishUninstall if bad.is_none() => {
                self.records.clear();
                self.case.revisions.clear();
            }
            Action::Reinstall | Action::FinishUninstall => {
                if let (Some(record), Some(revision)) =
                    (self.records.first_mut(), self.case.revisions.first_mut())
                {
                    record.status = S::Uninstalling;
                    revision.status = S::Uninstalling;
                }
            }
            Action::Install | Action::Upgrade | Action::Reapply { .. } => {
                let hash = match action {
                    Action::Reapply { to } => self.hash_of(to),
                    _ => self.case.wanted.hash,
                };
                let (status, description) = bad.unwrap_or((S::Deployed, ""));
                let description = match status {
                    S::Failed => description.to_owned(),
                    _ => of(hash),
                };
                let labels = Some((id.to_owned(), hash.short()));
                self.store(status, labels, &description);
                self.records[0].config = Map::from_iter([("made".to_owned(), of(hash).into())]);
            }
            Action::Rollback { to } => {
                let position = |revision: &Revision| revision.number == to;
                let at = self
                    .case
                    .revisions
                    .iter()
                    .position(position)
                    .expect("it exists");
                let target = self.case.revisions[at].clone();
                let config = self.records[at].config.clone();
                let (status, description) = bad.unwrap_or((S::Deployed, ""));
                let description = match status {
                    S::Failed => description.to_owned(),
                    _ => format!("Rollback to {to}"),
                };
                if status == S::Failed {
                    self.records[0].status = S::Superseded;
                    self.case.revisions[0].status = S::Superseded;
                }
                self.store(status, target.operation.zip(target.hash), &description);
                self.records[0].config = config;
            }
        }
    }

    fn hash_of(&self, number: i64) -> SpecHash {
        let record = self.records.iter().find(|record| record.revision == number);
        self.made_of(record.expect("it exists"))
            .expect("it is ours")
    }

    /// A new revision; what it overtakes is superseded, a failed one too.
    fn store(
        &mut self,
        status: ReleaseStatus,
        labels: Option<(String, String)>,
        description: &str,
    ) {
        let number = self.records.first().map_or(1, |newest| newest.revision + 1);
        if status == S::Deployed {
            for at in 0..self.records.len() {
                if self.records[at].status == S::Deployed || at == 0 {
                    self.records[at].status = S::Superseded;
                    self.case.revisions[at].status = S::Superseded;
                }
            }
        }
        let (operation, hash) = labels.unzip();
        let revision = Revision {
            number,
            status,
            operation,
            hash,
            secret: format!("v{number}"),
            resource_version: String::new(),
            created: Some(Time(self.case.now)),
        };
        let mut made = record(number, status, description, "web");
        made.last_deployed = Some(self.case.now);
        made.config = Map::from_iter([("made".to_owned(), "by others".into())]);
        self.case.revisions.insert(0, revision);
        self.records.insert(0, made);
        // the last one in force stays, however old
        let deployed = self
            .records
            .iter()
            .position(|record| record.status == S::Deployed);
        while self.records.len() > KEPT {
            let last = self.records.len() - 1;
            let at = if deployed == Some(last) {
                last - 1
            } else {
                last
            };
            self.records.remove(at);
            self.case.revisions.remove(at);
        }
    }

    fn finish(&mut self, action: Action) {
        match action {
            Action::Reinstall | Action::FinishUninstall => self.case.status.operation = None,
            Action::Rollback { to } | Action::Reapply { to } => self.went_back(to),
            Action::Install | Action::Upgrade => self.succeed(),
        }
    }

    fn succeed(&mut self) {
        let status = &mut self.case.status;
        status.operation = None;
        status.failures = None;
        status.retry_count = None;
        status.next_retry_time = None;
        status.conditions.clear();
        status.observed_hash = Some(self.case.wanted.hash.to_string());
        status.release_version = Some(self.records[0].revision);
        status.last_attempted = Some(Attempt {
            hash: status.observed_hash.clone(),
            ..Attempt::default()
        });
        let hash = Some(self.case.wanted.hash.to_string());
        self.remember(hash);
        self.cause = None;
    }

    fn went_back(&mut self, to: i64) {
        self.case.status.operation = None;
        self.case.status.release_version = Some(self.records[0].revision);
        let history = &self.case.status.history;
        let target = history.iter().find(|entry| entry.revision == to);
        let hash = target.and_then(|target| target.hash.clone());
        self.remember(hash);
        self.forget(ConditionType::Remediated);
        let cause = self.cause.clone().unwrap_or_default();
        self.say("Released", "True", Reason::RollbackSucceeded, &cause);
    }

    fn count(&mut self, revision: i64, kind: OperationKind, class: FailureClass, message: &str) {
        self.case.status.operation = None;
        self.schedule(kind, class);
        if self
            .records
            .first()
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

    fn schedule(&mut self, kind: OperationKind, class: FailureClass) {
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

    fn remember(&mut self, hash: Option<String>) {
        let made = Entry {
            hash,
            ..entry(self.records[0].revision, self.records[0].status, "")
        };
        self.case.status.history = remember(&self.case.status.history, made, KEPT);
    }

    fn say(&mut self, about: &str, status: &str, reason: Reason, message: &str) {
        self.case = self
            .case
            .clone()
            .says(about, status, reason.as_str(), message);
    }

    fn forget(&mut self, about: ConditionType) {
        self.case
            .status
            .conditions
            .retain(|condition| condition.type_ != about.as_str());
    }
}
