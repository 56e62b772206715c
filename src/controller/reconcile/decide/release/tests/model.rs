//! A release, a Helm and a controller that can die at every step, as far as decisions see of them.

mod events;
mod helm;
mod report;

use super::*;
use crate::controller::reconcile::tests::helm::History;
use ReleaseStatus as S;

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
    /// As Helm has it; `case` has it as it was observed.
    release: History,
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
            release: History::of("edge-system", "web"),
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
                let newest = self.newest().expect("there is one");
                assert_eq!(newest.revision, *revision);
                assert!(newest.status.is_pending());
                let why = format!("{INTERRUPTED}gone");
                self.release.set_newest(S::Failed, &why);
            }
            Decision::CountFailure {
                revision,
                kind,
                class,
                message,
            } => self.count(*revision, *kind, *class, message),
            Decision::RecordRollback { revision, to } => {
                assert_eq!(self.newest_number(), *revision);
                self.went_back(*to);
            }

            Decision::Run { action, .. } => {
                self.check_nobody_works(&decision);
                self.run(*action, fate);
            }
            other => panic!("nothing here asks for {other:?}"),
        }
        Step::Acted(decision)
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
        self.release.newest().map(|newest| &newest.record)
    }

    fn newest_number(&self) -> i64 {
        self.newest().map_or(0, |newest| newest.revision)
    }

    /// The revisions, to look at when something is wrong.
    fn told(&self) -> Vec<String> {
        (self.release.stored.iter())
            .map(|it| {
                let (record, operation) = (&it.record, &it.revision.operation);
                let (number, status) = (record.revision, record.status);
                format!("{number} {status} {operation:?} {}", record.description)
            })
            .collect()
    }

    /// True if what is wanted is what Helm has in force, by what the model itself knows.
    pub fn is_as_wanted(&self) -> bool {
        self.newest().is_some_and(|newest| {
            newest.status == S::Deployed && self.made_of(newest) == Some(self.case.wanted.hash)
        })
    }

    /// What a revision is really made of: a rollback, of what its target is.
    fn made_of(&self, record: &Record) -> Option<SpecHash> {
        Token::parse(record.config.get("made")?.as_str()?).map(|token| token.hash)
    }

    fn observe(&mut self) {
        self.case.record = self.newest().cloned();
        self.case.revisions = self.release.revisions();
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
        let from = self.newest_number();
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
            ready_by: None,
        });
        let cause = format!("cause {}", self.ids);
        match fate {
            Fate::Works => {
                self.helm(action, &id, None);
                self.finish(action);
            }
            Fate::Refused => {
                self.helm(action, &id, Some((S::Failed, &cause)));
                let revision = self.newest_number();
                self.count(revision, kind, FailureClass::Attempt, &cause);
                self.fail_at_once();
            }
            Fate::Unreachable => {
                self.schedule(kind, FailureClass::Transient);
                self.case.status.operation = None;
                if kind == OperationKind::Rollback {
                    self.say("Remediated", "False", Reason::RollbackFailed, "refused");
                }
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
            _ if self.release.is_absent() => S::PendingInstall,
            _ => S::PendingUpgrade,
        }
    }
}
