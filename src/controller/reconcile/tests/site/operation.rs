//! One operation: the intent is written, the installer runs, and the release says what came of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::task::noop_waker_ref;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::act::Acted;
use super::{Broken, Seen, Site, Step};
use crate::component::status::OperationKind;
use crate::controller::reconcile::act::prepare::namespace_ends_first;
use crate::controller::reconcile::call;
use crate::controller::reconcile::decide::{Action, Decision, Why};
use crate::controller::reconcile::observation::{Readiness, Release};
use crate::controller::reconcile::observe::installed::awaited;
use crate::controller::reconcile::outcome::{Outcome, Ran, may_be_unready, not_gone, unproved};
use crate::controller::reconcile::status::{begin, begin_dry_run, begin_uninstall};
use crate::controller::reconcile::tests::installer::End;
use crate::node_key::NodeKey;
use crate::release::helm::{self, Ending, judge};
use crate::release::installer::Installer as _;
use crate::release::operation::{Call, Operation, ReleaseKey};

/// What becomes of a Helm whose controller dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// It is gone with it, and has written nothing more.
    OfBoth,
    /// It is told to stop, and writes that.
    StopsHelm,
    /// It goes on for so many seconds, and ends like this.
    HelmGoesOn(i64, End),
}

/// A Helm at work, and the reconcile that waits for it.
pub struct Run {
    pub seen: Seen,
    pub decision: Decision,
    pub operation: Operation,
    action: Option<Action>,
    before: Release,
    /// When it is ended, whatever it is at.
    deadline: Timestamp,
    stop: CancellationToken,
    future: Pin<Box<dyn Future<Output = helm::HelmOutcome>>>,
    is_superseded: bool,
}

impl Run {
    pub fn deadline(&self) -> Timestamp {
        self.deadline
    }

    pub fn is_of(&self, release: &ReleaseKey) -> bool {
        self.before.key == *release
    }

    fn poll(&mut self) -> Option<helm::HelmOutcome> {
        let mut context = Context::from_waker(noop_waker_ref());
        match self.future.as_mut().poll(&mut context) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        }
    }
}

impl Site {
    /// The intent of an action, and Helm for it.
    pub(super) fn begin_run(
        &mut self,
        seen: &mut Seen,
        decision: &Decision,
        action: Action,
        why: Why,
    ) -> Result<Acted, Broken> {
        let (o, target) = (&seen.o, seen.o.target());
        let Some((chart, before)) = o.resolved().zip(o.release(&target).cloned()) else {
            return Err(Broken::Conflict);
        };
        let (hash, digest, material) = (o.wanted(chart).hash, chart.digest, &seen.material);
        let operation = call::operation(o, material, action, &before, hash);
        let made_of = call::made_of(o, material, action, hash);
        let intent = call::intent(o, &operation, before.number(), Some((made_of, digest)));
        let report = begin(o, decision, action, why, intent, hash);
        self.begin(seen, report)?;
        self.dies(Step::IntentWritten)?;
        let (namespace, kind) = (&target.0, operation.kind);
        if matches!(operation.call, Call::Upgrade(_)) && kind != OperationKind::Rollback {
            if self.ending_namespaces.contains(namespace) {
                let mut ran = Ran::of(self.now, kind, Some(action), before.number(), before);
                ran.failure = Some(namespace_ends_first(namespace));
                return Ok(Acted::Ended(Outcome::Ran(Box::new(ran))));
            }
            self.namespaces.insert(namespace.clone());
        }
        self.run_installer(seen, decision, operation, Some(action), before)
    }

    /// The intent of an uninstall, and Helm for it.
    pub(super) fn begin_uninstall(
        &mut self,
        seen: &mut Seen,
        decision: &Decision,
        key: &ReleaseKey,
        without_hooks: bool,
    ) -> Result<Acted, Broken> {
        let Some(before) = seen.o.release(key).cloned() else {
            return Err(Broken::Conflict);
        };
        let ends = self.ending_namespaces.contains(&key.0);
        self.note_inventory(seen);
        let operation = call::removal(&seen.o, key, ends || without_hooks);
        let intent = call::intent(&seen.o, &operation, before.number(), None);
        let report = begin_uninstall(&seen.o, decision, intent, key);
        self.begin(seen, report)?;
        self.dies(Step::IntentWritten)?;
        self.run_installer(seen, decision, operation, None, before)
    }

    fn run_installer(
        &mut self,
        seen: &mut Seen,
        decision: &Decision,
        operation: Operation,
        action: Option<Action>,
        before: Release,
    ) -> Result<Acted, Broken> {
        if !self.is_leading {
            return Err(Broken::Unreachable);
        }
        let stop = CancellationToken::new();
        let (installer, asked, stopped) = (Arc::clone(&self.helm), operation.clone(), stop.clone());
        let nothing = Seen::nothing_of(seen);
        let deadline = self.later(operation.deadline);
        Ok(Acted::Runs(Box::new(Run {
            deadline,
            seen: std::mem::replace(seen, nothing),
            decision: decision.clone(),
            operation,
            action,
            before,
            stop,
            future: Box::pin(async move { installer.run(&asked, &stopped).await }),
            is_superseded: false,
        })))
    }

    /// Helm is asked whether the release of the spec could be installed.
    pub(super) fn try_new(
        &mut self,
        seen: &mut Seen,
        decision: &Decision,
    ) -> Result<Acted, Broken> {
        let report = begin_dry_run(&seen.o, decision);
        self.begin(seen, report)?;
        let o = &seen.o;
        let (chart, release) = (o.resolved())
            .zip(o.release(&o.target()))
            .ok_or(Broken::Conflict)?;
        let wanted = o.wanted(chart).hash;
        let operation = call::dry_run(o, &seen.material, release, wanted, false);
        let stop = CancellationToken::new();
        let mut run = Box::pin(self.helm.run(&operation, &stop));
        let mut context = Context::from_waker(noop_waker_ref());
        let Poll::Ready(outcome) = run.as_mut().poll(&mut context) else {
            panic!("a dry run does not hang");
        };
        Ok(Acted::Ended(Outcome::Tried {
            now: self.now,
            failure: judge(OperationKind::Install, &outcome),
        }))
    }

    /// Looks at a Helm at work: it is stopped if the Component changed. True if it has ended, with all that follows.
    pub(super) fn pump(&mut self, key: &NodeKey) -> bool {
        let Some(mut run) = self.running.remove(key) else {
            return false;
        };
        if call::is_superseded(&run.seen.o, self.components.get(key)) {
            run.stop.cancel();
            run.is_superseded = true;
        }
        if self.now >= run.deadline {
            self.helm.go_on(&run.before.key, End::TooLong);
        }
        let Some(outcome) = run.poll() else {
            self.running.insert(key.clone(), run);
            return false;
        };
        let transient = self.memory.of(key, |memory| memory.retry.transient);
        let decision = run.decision.clone();
        let ended = self.ended(run, &outcome);
        let ended = ended.and_then(|(seen, outcome)| self.end(seen, &decision, &outcome));
        self.came_to(key, transient, ended);
        true
    }

    /// Helm has ended: what does the release show?
    fn ended(&mut self, run: Run, outcome: &helm::HelmOutcome) -> Result<(Seen, Outcome), Broken> {
        self.dies(Step::HelmEnded)?;
        self.reach()?;
        let Run {
            mut seen,
            operation,
            action,
            before,
            ..
        } = run;
        seen.slot = None;
        let superseded = run.is_superseded && outcome.ending != Ending::Succeeded;
        let after = self.see(&seen.o.key, &before.key, true);
        let newest = after.record().map(AsRef::as_ref);
        let is_proved = operation
            .proof
            .holds(&operation.id, &after.revisions, newest);
        let (now, number) = (self.now, after.number());
        let mut ran = Ran::of(now, operation.kind, action, before.number(), after);
        if action.is_none() {
            if is_proved {
                (self.memory).of(&seen.o.key, |memory| memory.waiting.patience = 0);
            }
            let judged = judge(operation.kind, outcome);
            ran.failure = (!is_proved).then(|| not_gone(judged));
        } else if is_proved && number > 0 {
            self.note_inventory(&mut seen);
            let objects = self.objects.entry(seen.o.target()).or_default();
            // what Helm applies is as it was applied
            objects.are_applied();
            let wait = awaited(&seen.o, number);
            let job = objects.job.clone().filter(|_| wait.completes_jobs);
            let unready = objects.unready().or(job);
            if let (true, Some(unready)) = (call::is_awaited(&seen.o, &operation, number), unready)
            {
                ran.readiness = Readiness::NotReady(Some(unready));
            }
        } else if !is_proved {
            let failure = unproved(judge(operation.kind, outcome), superseded);
            if may_be_unready(&failure) {
                ran.unready = self.objects.entry(seen.o.target()).or_default().unready();
            }
            ran.said.clone_from(&outcome.stderr);
            ran.failure = Some(failure);
        }
        Ok((seen, Outcome::Ran(Box::new(ran))))
    }

    /// The controller dies here and now, whatever it is at, and another one begins.
    pub fn controller_dies(&mut self, death: Death) {
        let at_work: Vec<(ReleaseKey, Timestamp)> = (self.running.values())
            .map(|run| (run.before.key.clone(), run.deadline))
            .collect();
        for (key, deadline) in at_work {
            match death {
                Death::OfBoth | Death::StopsHelm => {}
                Death::HelmGoesOn(seconds, end) => {
                    self.helm.outlives(&key);
                    let until = self.now + SignedDuration::from_secs(seconds);
                    // its own timeouts end it, if nobody does
                    let until = until.min(deadline);
                    self.orphans.push((until, key, end));
                }
            }
        }
        if death == Death::StopsHelm {
            for run in self.running.values_mut() {
                run.stop.cancel();
                run.poll();
            }
        }
        self.restart();
    }
}

impl Seen {
    /// What stays where an operation took the rest along.
    fn nothing_of(seen: &Self) -> Self {
        Self {
            o: seen.o.clone(),
            requires: Vec::new(),
            material: Default::default(),
            slot: None,
            drifted: None,
        }
    }
}
