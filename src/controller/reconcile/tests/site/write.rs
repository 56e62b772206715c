//! Writing: the status, events, the object's metadata, and what is remembered.

use std::time::Duration;

use super::{Broken, Seen, Site};
use crate::component::{Component, ComponentStatus};
use crate::controller::reconcile::decide::Decision;
use crate::controller::reconcile::status::{NEWS, Next, Remembers, Report};
use crate::controller::reconcile::tests::site::Step;
use crate::node_key::NodeKey;

/// `--safety-poll`.
const SAFETY_POLL: Duration = Duration::from_secs(30);

impl Site {
    /// Carries out a report; says when to reconcile again.
    pub(super) fn carry_out(
        &mut self,
        mut seen: Seen,
        decision: &Decision,
        report: Report,
    ) -> Result<Option<Duration>, Broken> {
        let key = seen.o.key.clone();
        seen.slot = None;
        if !matches!(decision, Decision::Queue { .. } | Decision::QueueUninstall) {
            self.slots.forget(&key);
        }
        self.remember(&seen, &report.remembers);
        let mut report = report;
        if report.has_happened {
            self.tell(&key, &report);
            self.written(&mut seen, report.clone())?;
        } else if let Some(rest) = self.news_that_can_wait(&seen, &report) {
            report.next = Next::In(rest);
        } else {
            self.written(&mut seen, report.clone())?;
            self.tell(&key, &report);
        }
        self.dies(Step::StatusWritten)?;
        let now = self.instant();
        let after = |memory: &mut crate::controller::reconcile::memory::OfComponent| {
            memory.after(&report, SAFETY_POLL, 0.0, now)
        };
        let next = self.memory.of(&key, after);
        let rest = seen.o.plan.unneeded;
        let rest =
            rest.map(|(since, grace)| grace.saturating_sub(since) + Duration::from_millis(100));
        Ok(match (next, rest) {
            (Some(next), Some(rest)) => Some(next.min(rest)),
            (next, rest) => next.or(rest),
        })
    }

    /// Writes a report before something begins.
    pub(super) fn begin(&mut self, seen: &mut Seen, report: Report) -> Result<(), Broken> {
        self.remember(seen, &report.remembers);
        self.write(seen, report.clone())?;
        self.tell(&seen.o.key, &report);
        Ok(())
    }

    fn remember(&mut self, seen: &Seen, remembers: &Remembers) {
        let (o, now) = (&seen.o, self.instant());
        let wanted = o.resolved().map(|chart| o.wanted(chart).hash);
        let take_in = |memory: &mut crate::controller::reconcile::memory::OfComponent| {
            memory.take_in(remembers, wanted, o.generation(), now);
        };
        self.memory.of(&o.key, take_in);
    }

    fn tell(&mut self, key: &NodeKey, report: &Report) {
        for told in &report.events {
            if self.memory.of(key, |memory| memory.is_news(told)) {
                self.events.push((key.clone(), told.clone()));
            }
        }
    }

    fn news_that_can_wait(&self, seen: &Seen, report: &Report) -> Option<Duration> {
        let o = &seen.o;
        if !report.is_news || o.component.status == report.status {
            return None;
        }
        let told = (self.memory).of(&o.key, |memory| memory.waiting.told_news)?;
        let rest = NEWS.checked_sub(self.instant() - told);
        rest.filter(|rest| !rest.is_zero())
    }

    /// Writes the status; what a look showed that could not be written is looked at again.
    fn written(&mut self, seen: &mut Seen, report: Report) -> Result<(), Broken> {
        let written = self.write(seen, report);
        if written.is_err() && seen.o.installed.is_some() {
            (self.memory).of(&seen.o.key, |memory| memory.drift.checked = None);
        }
        written
    }

    fn write(&mut self, seen: &mut Seen, report: Report) -> Result<(), Broken> {
        let Some(status) = report.status else {
            return Ok(());
        };
        if seen.o.component.status.as_ref() == Some(&status) {
            return Ok(());
        }
        let mut component = self.mine(&seen.o.component)?;
        component.status = Some(stored(&status));
        self.status_writes += 1;
        if report.is_news {
            let told = Some(self.instant());
            (self.memory).of(&seen.o.key, |memory| memory.waiting.told_news = told);
        }
        let written = self.put(component);
        seen.o.wrote(written);
        Ok(())
    }

    /// The object as it is stored, if it is still the one that was read.
    pub(super) fn mine(&mut self, read: &Component) -> Result<Component, Broken> {
        self.reach()?;
        if self.conflicts > 0 {
            self.conflicts -= 1;
            return Err(Broken::Conflict);
        }
        let stored = self.components.get(&key_of(read)).cloned();
        let is_same =
            |stored: &Component| stored.metadata.resource_version == read.metadata.resource_version;
        stored.filter(is_same).ok_or(Broken::Conflict)
    }

    /// Stores an object, as an API server does: in a new version, and not at all once it is deleted and nobody holds it.
    pub(super) fn put(&mut self, mut component: Component) -> Component {
        self.versions += 1;
        component.metadata.resource_version = Some(self.versions.to_string());
        let key = key_of(&component);
        let mut concerned = self.planner().concerned(&key);
        let finalizers = component.metadata.finalizers.as_ref();
        let is_held = finalizers.is_some_and(|finalizers| !finalizers.is_empty());
        if component.metadata.deletion_timestamp.is_some() && !is_held {
            self.components.remove(&key);
        } else {
            self.components.insert(key.clone(), component.clone());
            concerned.extend(self.planner().concerned(&key));
        }
        concerned.iter().for_each(|key| self.wake(key));
        component
    }

    pub(super) fn wake(&mut self, key: &NodeKey) {
        if self.components.contains_key(key) {
            self.due.insert(key.clone(), self.now);
        }
    }
}

/// What an API server makes of a status: it has gone through JSON, and times have no fractions of seconds.
fn stored(status: &ComponentStatus) -> ComponentStatus {
    let text = serde_json::to_string(status).expect("it is JSON");
    serde_json::from_str(&text).expect("it can be read")
}

pub(super) fn key_of(component: &Component) -> NodeKey {
    let namespace = component.metadata.namespace.as_deref().unwrap_or_default();
    NodeKey::new(namespace, component.name())
}
