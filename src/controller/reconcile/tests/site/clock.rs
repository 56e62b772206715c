//! The loop of the controller, with a clock that jumps from one thing that is due to the next.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::act::Acted;
use super::{Broken, Seen, Site, Step};
use crate::component::Component;
use crate::controller::reconcile::decide::{Decision, decide};
use crate::controller::reconcile::outcome::Outcome;
use crate::controller::reconcile::status;
use crate::node_key::NodeKey;

/// Below the first pause after a failed attempt, with its spread.
const SHORT: i64 = 8;
/// More reconciles at one moment than anything needs.
const BUSY: usize = 500;

impl Site {
    /// Works off what is due within the next 8 s: less than the first pause after a failed attempt. The clock stays at
    /// what was done last.
    pub fn settle(&mut self) {
        self.run_until(self.in_seconds(SHORT));
    }

    /// So many seconds pass.
    pub fn pass(&mut self, seconds: i64) {
        let until = self.in_seconds(seconds);
        self.run_until(until);
        self.set_time(until);
    }

    fn in_seconds(&self, seconds: i64) -> Timestamp {
        self.now + SignedDuration::from_secs(seconds)
    }

    fn set_time(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.helm.set_time(self.now);
    }

    fn run_until(&mut self, until: Timestamp) {
        let (mut at, mut busy) = (self.now, 0);
        loop {
            let at_work: Vec<NodeKey> = self.running.keys().cloned().collect();
            for key in at_work {
                self.pump(&key);
            }
            for key in self.take_woken() {
                self.wake(&key);
            }
            let next = (self.due.iter())
                .filter(|(key, _)| !self.running.contains_key(key))
                .min_by_key(|(_, due)| **due)
                .map(|(key, due)| (key.clone(), *due));
            let orphans = self.orphans.iter().map(|(until, ..)| *until);
            let deadlines = self.running.values().map(|run| run.deadline());
            let helm = orphans.chain(deadlines).min();
            let is_first = |ends: &Timestamp| {
                *ends <= until && next.as_ref().is_none_or(|(_, due)| ends <= due)
            };
            if let Some(ends) = helm.filter(is_first) {
                self.set_time(ends);
                self.orphans_end();
                continue;
            }
            let Some((key, due)) = next.filter(|(_, due)| *due <= until) else {
                return;
            };
            self.set_time(due);
            busy = if self.now == at { busy + 1 } else { 0 };
            at = self.now;
            assert!(busy < BUSY, "never at rest: {}", self.told(&key.name));
            self.reconcile(&key);
        }
    }

    fn orphans_end(&mut self) {
        let now = self.now;
        let (over, left) = std::mem::take(&mut self.orphans)
            .into_iter()
            .partition(|(until, ..)| *until <= now);
        self.orphans = left;
        let over: Vec<_> = over;
        for (_, key, end) in over {
            self.helm.orphan_ends(&key, end);
            self.wake_release(&key);
        }
    }

    /// Reconciles a Component once.
    fn reconcile(&mut self, key: &NodeKey) {
        self.reconciles += 1;
        self.due.remove(key);
        let transient = self.memory.of(key, |memory| memory.retry.transient);
        let Some(component) = self.components.get(key).cloned() else {
            self.slots.forget(key);
            self.memory.forget(key);
            return;
        };
        let ended = self.once(key, &component);
        match ended {
            Ok(Some(ended)) => self.came_to(key, transient, Ok(ended)),
            // Helm is at work
            Ok(None) => _ = self.pump(key),
            Err(broken) => self.came_to(key, transient, Err(broken)),
        }
    }

    /// What a reconcile came to, and so when the next one is due.
    pub(super) fn came_to(
        &mut self,
        key: &NodeKey,
        transient: i64,
        ended: Result<Option<Duration>, Broken>,
    ) {
        let next = match ended {
            Ok(next) => {
                (self.memory).of(key, |memory| memory.no_longer_transient(transient));
                next
            }
            Err(Broken::Conflict) => Some(Duration::from_millis(50)),
            Err(Broken::Unreachable) => {
                Some(self.memory.of(key, |memory| memory.another_transient(0.0)))
            }
            Err(Broken::Dies) => return self.restart(),
        };
        if let (Some(next), true) = (next, self.components.contains_key(key)) {
            let next = self.later(next);
            let due = self.due.entry(key.clone()).or_insert(next);
            *due = next.min(*due);
        }
    }

    fn once(
        &mut self,
        key: &NodeKey,
        component: &Component,
    ) -> Result<Option<Option<Duration>>, Broken> {
        let mut seen = self.observe(key, component);
        let mut reads = 0;
        let decision = loop {
            match decide(&seen.o) {
                Decision::Read(read) => {
                    reads += 1;
                    assert!(reads < 30, "it reads at {read:?} again and again");
                    self.read(&mut seen, read)?;
                }
                decision => break decision,
            }
        };
        self.dies(Step::Decided)?;
        match self.act(&mut seen, &decision)? {
            Acted::Runs(run) => {
                self.running.insert(key.clone(), *run);
                Ok(None)
            }
            Acted::Ended(outcome) => self.end(seen, &decision, &outcome).map(Some),
        }
    }

    /// What is told of it, and when to look again.
    pub(super) fn end(
        &mut self,
        seen: Seen,
        decision: &Decision,
        outcome: &Outcome,
    ) -> Result<Option<Duration>, Broken> {
        self.dies(Step::Done)?;
        let report = status::report(&seen.o, decision, outcome);
        self.carry_out(seen, decision, report)
    }
}
