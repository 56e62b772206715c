//! What is told of a release that is as wanted: is it healthy, and has anybody changed it (docs/components.md 8, 9)?

use crate::component::conditions::{ConditionStatus, ConditionType, Reason, find};
use crate::component::{DriftMode, Phase};
use crate::controller::reconcile::decide::{Check, InSync, is_unsound};
use crate::controller::reconcile::observation::{Drift, Installed, Observation};
use crate::controller::reconcile::outcome::Outcome;
use crate::controller::reconcile::status::{Count, Draft, Next, Notice, Report};

/// Nothing has to be done to the release.
pub(super) fn in_sync(o: &Observation, mut draft: Draft, how: InSync, outcome: &Outcome) -> Report {
    let release = o.release(&o.target());
    let (Some(record), Some(chart)) = (release.and_then(|seen| seen.record()), o.resolved()) else {
        return draft.end(Next::Now);
    };
    let wanted = o.wanted(chart);
    let adopts = how == InSync::AdoptSuccess;
    if adopts || draft.status.observed_hash.as_deref() != Some(&wanted.hash.to_string()) {
        draft.note_revision(o, record, chart, wanted.hash);
    }
    draft.status.operation = None;
    draft.release(&o.target());
    draft.status.release_version = Some(record.revision);
    draft.status.observed_hash = Some(wanted.hash.to_string());
    draft.status.last_attempted = Some(o.attempt(chart, wanted.hash));
    draft.forget_failures();
    let message = format!(
        "{} is installed (release {}, revision {})",
        chart.title(),
        record.name,
        record.revision
    );
    if adopts {
        draft.tell(Notice::log(&message));
    }
    let reason = draft.success_reason(o, record.revision);
    draft.is_true(ConditionType::Released, reason, &message);
    draft.clear(&[ConditionType::Remediated]);
    let due = o.next_check();
    let is_sound = match &o.installed {
        Some(installed) => draft.check(o, installed, outcome, &message),
        None => !is_unsound(&draft.status),
    };
    if is_sound {
        draft.ready(reason, &message);
        draft.phase(Phase::Deployed, &message);
    } else {
        let told = draft.message_of(ConditionType::Ready);
        let told = told.unwrap_or(&message).to_owned();
        draft.clear(&[ConditionType::Reconciling, ConditionType::Stalled]);
        draft.settle();
        draft.phase(Phase::Degraded, &told);
    }
    let next = match due {
        Check::In(rest) if o.installed.is_none() => Next::In(rest),
        Check::Spread(rest) if o.installed.is_none() => {
            let interval = o.component.spec.interval.get();
            draft.remembers.checked = Some(interval.saturating_sub(rest));
            Next::In(rest)
        }
        _ => Next::About(o.period(&draft.status)),
    };
    draft.end(next)
}

impl Draft {
    /// The reason that stood for the success, or what it must have been.
    fn success_reason(&self, o: &Observation, revision: i64) -> Reason {
        let released = find(&self.status.conditions, ConditionType::Released);
        let is_of_this = o.status.release_version == Some(revision);
        let known = released.filter(|released| released.status == "True" && is_of_this);
        let known = known.and_then(|released| {
            let successes = [
                Reason::InstallSucceeded,
                Reason::UpgradeSucceeded,
                Reason::Adopted,
            ];
            let mut successes = successes.into_iter();
            successes.find(|reason| reason.as_str() == released.reason)
        });
        known.unwrap_or(if revision == 1 {
            Reason::InstallSucceeded
        } else {
            Reason::UpgradeSucceeded
        })
    }

    /// What a look at the installed objects showed; false if something is the matter, which the draft then says.
    fn check(
        &mut self,
        o: &Observation,
        installed: &Installed,
        outcome: &Outcome,
        message: &str,
    ) -> bool {
        let is_straight = self.drift(o, &installed.drift, outcome, message);
        let unready = match outcome {
            Outcome::Corrected { unready, .. } => unready,
            _ => &installed.unready,
        };
        let is_healthy = self.health(o, unready.as_deref(), message);
        if let Some(unreadable) = &installed.unreadable {
            self.unreadable(o, unreadable, is_healthy);
        }
        is_straight && is_healthy
    }

    /// Some of the manifest cannot be read: what is not known does not count as fine (docs/components.md 9).
    fn unreadable(&mut self, o: &Observation, unreadable: &str, is_healthy: bool) {
        let (unknown, reason) = (ConditionStatus::Unknown, Reason::ManifestUnreadable);
        self.tell(Notice {
            once: Some(unreadable.to_owned()),
            ..Notice::warning(reason, "Check", unreadable)
        });
        let looks = o.component.spec.drift_detection.mode != DriftMode::Disabled;
        if looks && !self.has(ConditionType::Drifted, ConditionStatus::True) {
            self.set(ConditionType::Drifted, unknown, reason, unreadable);
        }
        if is_healthy {
            self.set(ConditionType::Healthy, unknown, reason, unreadable);
        }
    }

    fn health(&mut self, o: &Observation, unready: Option<&str>, message: &str) -> bool {
        let Some(named) = unready else {
            self.is_true(ConditionType::Healthy, Reason::Healthy, "");
            return true;
        };
        let (about, reason) = (ConditionType::Healthy, Reason::Unhealthy);
        if !o.says(about, reason, named) {
            self.tell(Notice::warning(reason, "Check", named));
        }
        self.is_false(about, reason, named);
        let told = format!("{message}, but not ready: {named}");
        self.is_false(ConditionType::Ready, reason, &told);
        false
    }

    fn drift(&mut self, o: &Observation, drift: &Drift, outcome: &Outcome, message: &str) -> bool {
        let about = ConditionType::Drifted;
        match drift {
            Drift::NotLooked => {
                self.clear(&[about]);
                true
            }
            Drift::None { unknown } => {
                self.remembers.drift_is_over = unknown.is_none();
                let none = Reason::NoDriftDetected;
                if let Some(unknown) = unknown {
                    self.told_unknown(unknown);
                    self.unknown_drift(unknown);
                } else if self.has(about, ConditionStatus::True)
                    || self.has(about, ConditionStatus::Unknown)
                {
                    self.is_false(about, none, "");
                }
                true
            }
            Drift::Found {
                digest,
                summary,
                unknown,
            } => {
                let action = format!("Drift/{}", &digest[..8.min(digest.len())]);
                if let Some(unknown) = unknown {
                    self.told_unknown(unknown);
                }
                if o.component.spec.drift_detection.mode == DriftMode::Warn {
                    self.told_drift(o, action, digest, summary);
                    // it is told, and that is all that was asked for
                    return true;
                }
                match outcome {
                    Outcome::Corrected { failed, .. } if !failed.is_empty() => {
                        self.uncorrected(o, action, &failed.join("; "), message);
                        false
                    }
                    _ => {
                        self.count(Count::Drift("enabled", "corrected"));
                        self.is_false(about, Reason::DriftCorrected, summary);
                        self.tell(Notice::normal(Reason::DriftCorrected, action, summary));
                        if let Some(unknown) = unknown {
                            self.unknown_drift(unknown);
                        }
                        true
                    }
                }
            }
        }
    }

    /// What cannot be compared or put right: once told, while it stays the same.
    fn told_unknown(&mut self, unknown: &str) {
        self.tell(Notice {
            once: Some(unknown.to_owned()),
            ..Notice::warning(Reason::ComparisonFailed, "Drift", unknown)
        });
    }

    fn unknown_drift(&mut self, unknown: &str) {
        let (about, reason) = (ConditionType::Drifted, Reason::ComparisonFailed);
        self.set(about, ConditionStatus::Unknown, reason, unknown);
    }

    /// Drift that is only reported: each once.
    fn told_drift(&mut self, o: &Observation, action: String, digest: &str, summary: &str) {
        let reason = Reason::DriftDetected;
        self.is_true(ConditionType::Drifted, reason, summary);
        if o.memory.told.get(reason.as_str()).map(String::as_str) != Some(digest) {
            self.count(Count::Drift("warn", "detected"));
        }
        self.tell(Notice {
            once: Some(digest.to_owned()),
            ..Notice::warning(reason, action, summary)
        });
    }

    /// Drift that could not be put right.
    fn uncorrected(&mut self, o: &Observation, action: String, failures: &str, message: &str) {
        self.count(Count::Drift("enabled", "failed"));
        let (about, reason) = (ConditionType::Drifted, Reason::CorrectionFailed);
        if !o.says(about, reason, failures) {
            self.tell(Notice::warning(reason, action, failures));
        }
        self.is_true(about, reason, failures);
        let told = format!("{message}, but drift could not be put right: {failures}");
        self.is_false(ConditionType::Ready, reason, &told);
    }
}
