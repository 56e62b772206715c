//! What is told of what runs, whatever is in the way of the next version: is it healthy, and has anybody changed it
//! (docs/components.md 8, 9)?

use crate::component::DriftMode;
use crate::component::conditions::{ConditionStatus, ConditionType, Reason};
use crate::controller::reconcile::decide::{Check, Decision, Runs, runs};
use crate::controller::reconcile::observation::{Drift, Installed, MOMENT, Observation};
use crate::controller::reconcile::outcome::Outcome;
use crate::controller::reconcile::status::{Count, Draft, Next, Notice};
use crate::release::helm::FailureClass;

impl Draft {
    /// Tells of what runs beside this decision, as far as it was looked at; says when to look again.
    pub(super) fn look(&mut self, o: &Observation, decision: &Decision, outcome: &Outcome) -> Next {
        match runs(o, decision) {
            Runs::Changes if comes_to_rest(outcome) => {}
            Runs::Changes => return Next::Never,
            Runs::Nothing => {
                self.clear(&[ConditionType::Healthy, ConditionType::Drifted]);
                return Next::Never;
            }
            Runs::Unknown(_) | Runs::Deployed(_) => {}
        }
        if let Some(installed) = &o.installed {
            self.looked(o, installed, outcome);
            return Next::About(o.period(&self.status));
        }
        match o.next_check() {
            Check::Now => Next::In(MOMENT),
            Check::In(rest) => Next::In(rest),
            Check::Spread(rest) => {
                let interval = o.component.spec.interval.get();
                self.remembers.checked = Some(interval.saturating_sub(rest));
                Next::In(rest)
            }
        }
    }

    /// What a look at the installed objects showed.
    fn looked(&mut self, o: &Observation, installed: &Installed, outcome: &Outcome) {
        self.drift(o, &installed.drift, outcome);
        let unready = match outcome {
            Outcome::Corrected { unready, .. } => unready,
            _ => &installed.unready,
        };
        self.health(o, unready.as_deref());
        if let Some(unreadable) = &installed.unreadable {
            self.unreadable(o, unreadable, unready.is_none());
        }
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

    fn health(&mut self, o: &Observation, unready: Option<&str>) {
        let Some(named) = unready else {
            return self.is_true(ConditionType::Healthy, Reason::Healthy, "");
        };
        let (about, reason) = (ConditionType::Healthy, Reason::Unhealthy);
        if !o.says(about, reason, named) {
            self.tell(Notice::warning(reason, "Check", named));
        }
        self.is_false(about, reason, named);
    }

    fn drift(&mut self, o: &Observation, drift: &Drift, outcome: &Outcome) {
        let about = ConditionType::Drifted;
        match drift {
            Drift::NotLooked => self.clear(&[about]),
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
                match outcome {
                    Outcome::Corrected { failed, .. } if !failed.is_empty() => {
                        self.uncorrected(o, action, &failed.join("; "));
                    }
                    Outcome::Corrected { .. } => {
                        self.count(Count::Drift("enabled", "corrected"));
                        self.is_false(about, Reason::DriftCorrected, summary);
                        self.tell(Notice::normal(Reason::DriftCorrected, action, summary));
                        if let Some(unknown) = unknown {
                            self.unknown_drift(unknown);
                        }
                    }
                    _ => self.told_drift(o, action, digest, summary),
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

    /// Drift that is only told: each once.
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
    fn uncorrected(&mut self, o: &Observation, action: String, failures: &str) {
        self.count(Count::Drift("enabled", "failed"));
        let (about, reason) = (ConditionType::Drifted, Reason::CorrectionFailed);
        if !o.says(about, reason, failures) {
            self.tell(Notice::warning(reason, action, failures));
        }
        self.is_true(about, reason, failures);
    }
}

/// True if something was tried with the release that failed, and is not tried again at once.
fn comes_to_rest(outcome: &Outcome) -> bool {
    let failure = match outcome {
        Outcome::Ran(ran) => &ran.failure,
        Outcome::Tried { failure, .. } => failure,
        Outcome::Done | Outcome::Corrected { .. } | Outcome::Stopped => return false,
    };
    failure.as_ref().is_some_and(|failure| match failure.class {
        FailureClass::Transient | FailureClass::Attempt | FailureClass::Terminal => true,
        FailureClass::Interrupted | FailureClass::DecideAgain => false,
    })
}
