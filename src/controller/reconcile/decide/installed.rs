//! What runs: awaited until it is ready (docs/components.md 4.6), and looked after when it is (8 and 9).

use std::time::Duration;

use k8s_openapi::jiff::SignedDuration;

use crate::component::ComponentStatus;
use crate::component::conditions::{ConditionStatus, ConditionType, Reason, find};
use crate::component::status::OperationKind;
use crate::controller::reconcile::decide::{Decision, InSync, Read};
use crate::controller::reconcile::observation::{Observation, Readiness, Release};

/// An unhealthy release is looked at again after this long.
const UNHEALTHY: Duration = Duration::from_secs(5);
/// One that has been unhealthy for this long is looked at as rarely as any other.
const UNHEALTHY_FOR: SignedDuration = SignedDuration::from_mins(2);
/// An operation is quick, or it waits: from then on people want to know for what.
pub const FIRST_WORDS: Duration = Duration::from_secs(5);
/// What is waited for is told, if it is another, so often.
pub const WORDS_EVERY: Duration = Duration::from_secs(10);

/// Nothing has to be done to the release: are its objects to be looked at?
pub(super) fn in_sync(o: &Observation, release: &Release, how: InSync) -> Decision {
    let revision = release.number();
    match (o.next_check(), &o.installed) {
        (Check::Now, None) => Decision::Read(Read::Installed { revision }),
        _ => Decision::InSync { how },
    }
}

/// Helm has applied what is wanted: it is awaited, and its time is limited.
pub(super) fn await_ready(o: &Observation, kind: OperationKind, revision: i64) -> Decision {
    let operation = o.status.operation.as_ref();
    let ready_by = operation.and_then(|operation| operation.ready_by.as_ref());
    let is_over = ready_by.is_some_and(|time| o.now >= time.0);
    match &o.readiness {
        None => Decision::Read(Read::Readiness {
            revision,
            in_words: is_over || o.tells_progress(kind),
        }),
        Some(Readiness::Ready) => Decision::Succeed { kind, revision },
        Some(Readiness::NotReady(_)) if !is_over => Decision::AwaitReady { kind, revision },
        Some(Readiness::NotReady(objects)) => match o.release(&o.target()) {
            Some(release) if release.is_fresh => Decision::FailUnready {
                kind,
                revision,
                objects: objects.clone().unwrap_or_default(),
            },
            _ => Decision::Read(Read::Release {
                key: o.target(),
                fresh: true,
            }),
        },
    }
}

/// When drift and health are to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Now.
    Now,
    /// After this time.
    In(Duration),
    /// After this time: this process has not looked yet, and after a start all at once would be too many.
    Spread(Duration),
}

impl Observation {
    /// True if what is waited for is to be told now.
    pub fn tells_progress(&self, kind: OperationKind) -> bool {
        let operation = self.status.operation.as_ref();
        let Some(ready_by) = operation.and_then(|operation| operation.ready_by.as_ref()) else {
            // that there is something to wait for is written at once
            return true;
        };
        let waits = self.waited(kind, ready_by.0);
        let told = self.memory.progress.unwrap_or(waits);
        waits >= FIRST_WORDS && (told >= WORDS_EVERY || told >= waits)
    }

    /// How long readiness has been awaited that must be there by `ready_by`.
    pub fn waited(&self, kind: OperationKind, ready_by: k8s_openapi::jiff::Timestamp) -> Duration {
        let left = ready_by.duration_since(self.now);
        let left = Duration::try_from(left).unwrap_or_default();
        self.timeout(kind).saturating_sub(left)
    }

    /// How often drift and health are looked at (docs/components.md 4.5).
    pub fn period(&self, status: &ComponentStatus) -> Duration {
        let interval = self.component.spec.interval.get();
        let healthy = find(&status.conditions, ConditionType::Healthy);
        let is_lately_unwell = healthy.is_some_and(|healthy| {
            let since = self.now.duration_since(healthy.last_transition_time.0);
            healthy.status == "False" && since < UNHEALTHY_FOR
        });
        if is_lately_unwell {
            interval.min(UNHEALTHY)
        } else {
            interval
        }
    }

    /// When drift and health are to be looked at.
    pub fn next_check(&self) -> Check {
        let ready = find(&self.status.conditions, ConditionType::Ready);
        let says_so = ready.is_some_and(|ready| {
            let unsound = [Reason::Unhealthy, Reason::CorrectionFailed];
            unsound.iter().any(|known| known.as_str() == ready.reason)
        });
        let observed = self.component.status.as_ref();
        let observed = observed.and_then(|status| status.observed_generation);
        if is_unsound(&self.status) && !says_so || observed != self.component.metadata.generation {
            // something else was said in the meantime, or asked for
            return Check::Now;
        }
        match self.memory.checked {
            Some(checked) => match self.period(&self.status).checked_sub(checked) {
                Some(rest) if !rest.is_zero() => Check::In(rest),
                _ => Check::Now,
            },
            None if self.is_well_known() => {
                let share = (self.jitter + 1.0) / 2.0;
                let interval = self.component.spec.interval.get();
                Check::Spread(interval.mul_f64(1.0 - share).max(Duration::from_millis(10)))
            }
            None => Check::Now,
        }
    }

    /// True if the object says that all is well with this generation, and nobody asks for a look.
    fn is_well_known(&self) -> bool {
        let status = self.component.status.as_ref();
        let requested = status.and_then(|status| status.last_handled_reconcile_at.as_ref());
        let ready = find(&self.status.conditions, ConditionType::Ready);
        status.and_then(|status| status.observed_generation) == self.component.metadata.generation
            && requested == self.status.last_handled_reconcile_at.as_ref()
            && ready.is_some_and(|ready| ready.status == ConditionStatus::True.as_str())
    }
}

/// True if the last look found something that is not as it should be. Drift that is only to be told is no such thing.
pub fn is_unsound(status: &ComponentStatus) -> bool {
    let healthy = find(&status.conditions, ConditionType::Healthy);
    let drifted = find(&status.conditions, ConditionType::Drifted);
    let failed = Reason::CorrectionFailed.as_str();
    healthy.is_some_and(|healthy| healthy.status == ConditionStatus::False.as_str())
        || drifted.is_some_and(|drifted| drifted.reason == failed)
}
