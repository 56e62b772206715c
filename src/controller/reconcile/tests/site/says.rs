//! What can be seen afterwards.

use std::collections::BTreeSet;

use super::{Site, key, release};
use crate::component::ComponentStatus;
use crate::component::status::Failures;
use crate::release::operation::ReleaseKey;
use crate::release::record::ReleaseStatus;

impl Site {
    pub fn status(&self, name: &str) -> ComponentStatus {
        self.component(name).status.unwrap_or_default()
    }

    /// The status in a line: the phase, then each condition as `Type=Status/Reason`.
    fn line(&self, name: &str) -> String {
        let status = self.status(name);
        let phase = status.phase.map(|phase| phase.to_string());
        let conditions = status.conditions.iter();
        let conditions = conditions.map(|it| format!("{}={}/{}", it.type_, it.status, it.reason));
        let words: Vec<String> = phase.into_iter().chain(conditions).collect();
        words.join(" ")
    }

    /// All that is known of a Component, to look at when something is wrong.
    pub fn told(&self, name: &str) -> String {
        if !self.is_there(name) {
            return format!("{name} is gone");
        }
        let status = self.status(name);
        format!(
            "{name} is {}\n  message {:?}\n  operation {:?}\n  failures {:?}, retries {:?}, next {:?}\n  release {}",
            self.line(name),
            status.message,
            status.operation,
            status.failures,
            status.retry_count,
            status.next_retry_time,
            self.release_line(name)
        )
    }

    fn release_line(&self, name: &str) -> String {
        let target = self.component(name).release();
        self.helm.release(&target, |history, _| {
            let oldest_first = history.stored.iter().rev();
            let lines =
                oldest_first.map(|it| format!("{} {}", it.record.revision, it.record.status));
            lines.collect::<Vec<_>>().join(", ")
        })
    }

    /// Asserts what the status says: words such as `Deployed`, `Ready=True/InstallSucceeded`, `Stalled=True`, or
    /// `!Remediated` for a condition that must not be there.
    #[track_caller]
    pub fn shows(&self, name: &str, expected: &str) {
        let line = self.line(name);
        let words: BTreeSet<&str> = line.split(' ').collect();
        for word in expected.split([' ', ',']).filter(|word| !word.is_empty()) {
            let is_there = match word.strip_prefix('!') {
                Some(absent) => !words.iter().any(|it| it.starts_with(&format!("{absent}="))),
                None => words.iter().any(|it| {
                    *it == word
                        || it
                            .strip_prefix(word)
                            .is_some_and(|rest| rest.starts_with('/'))
                }),
            };
            assert!(is_there, "expected {word}, but {}", self.told(name));
        }
    }

    /// Asserts that the message, or that of a condition, has this text.
    #[track_caller]
    pub fn says(&self, name: &str, text: &str) {
        let status = self.status(name);
        let conditions = status.conditions.iter().map(|it| it.message.as_str());
        let said: Vec<&str> = conditions.chain(status.message.as_deref()).collect();
        let is_said = said.iter().any(|it| it.contains(text));
        assert!(is_said, "expected {text:?} in {said:#?}");
    }

    /// Asserts what Helm was asked on the release of that name since this was last asked; in order, with commas.
    #[track_caller]
    pub fn ran(&self, name: &str, expected: &str) {
        let runs = self.helm.take_runs(&release(name)).join(", ");
        assert_eq!(runs, expected, "{}", self.told(name));
    }

    /// As [`ran`](Self::ran), of a release whose Component may be gone.
    #[track_caller]
    pub fn ran_on(&self, release: &ReleaseKey, expected: &str) {
        assert_eq!(self.helm.take_runs(release).join(", "), expected);
    }

    /// Asserts the revisions of the release of that name, as `1 superseded, 2 deployed`.
    #[track_caller]
    pub fn has_release(&self, name: &str, expected: &str) {
        let line = self.helm.release(&release(name), |history, _| {
            let oldest_first = history.stored.iter().rev();
            let lines =
                oldest_first.map(|it| format!("{} {}", it.record.revision, it.record.status));
            lines.collect::<Vec<_>>().join(", ")
        });
        assert_eq!(line, expected, "{}", self.told(name));
    }

    /// How often this was told of a Component in an event.
    pub fn told_of(&self, name: &str, reason: &str) -> usize {
        let of = key(name);
        let all = self.events.iter();
        all.filter(|(key, told)| *key == of && told.reason.as_str() == reason)
            .count()
    }

    /// How often it was looked at what is installed of a Component since this was last asked.
    pub fn take_looks(&mut self, name: &str) -> usize {
        let of = key(name);
        let before = self.looks.len();
        self.looks.retain(|looked| *looked != of);
        before - self.looks.len()
    }

    pub fn is_there(&self, name: &str) -> bool {
        self.components.contains_key(&key(name))
    }

    /// How many failed installs and upgrades count.
    pub fn counted(&self, name: &str) -> (i64, i64) {
        let Failures {
            install, upgrade, ..
        } = self.status(name).failures.unwrap_or_default();
        (install, upgrade)
    }

    /// The values of the newest revision, as JSON.
    pub fn values(&self, name: &str) -> String {
        self.helm.release(&release(name), |history, _| {
            let newest = history.newest().expect("there is a release");
            serde_json::Value::Object(newest.record.config.clone()).to_string()
        })
    }

    /// True if the status says that this generation is installed and in order.
    pub fn is_in_order(&self, name: &str) -> bool {
        let component = self.component(name);
        let status = component.status.unwrap_or_default();
        let ready = (status.conditions.iter()).any(|it| it.type_ == "Ready" && it.status == "True");
        ready
            && status.phase == Some(crate::component::Phase::Deployed)
            && status.observed_generation == component.metadata.generation
    }

    /// True if Helm lets nobody else work on the release of that name.
    pub fn is_locked(&self, name: &str) -> bool {
        let key = release(name);
        let pending = (self.helm).release(&key, |history, _| {
            let newest = history.newest().map(|it| it.record.status);
            newest.is_some_and(|it| it.is_pending() || it == ReleaseStatus::Uninstalling)
        });
        pending || self.helm.may_be_running(&key)
    }

    /// How many slots are taken.
    pub fn slots_in_use(&self) -> usize {
        self.slots.in_use().0
    }
}
