//! What a reconcile changes of what is remembered, as functions of the time.

use std::time::Duration;

use tokio::time::Instant;

use crate::component::conditions::Reason;
use crate::component::spec_hash::SpecHash;
use crate::controller::reconcile::memory::{Obstructed, OfComponent};
use crate::controller::reconcile::observation::{Acknowledged, Remembered};
use crate::controller::reconcile::retry;
use crate::controller::reconcile::status::{Next, Notice, Remembers, Report};
use crate::release::helm::FailureClass;

/// Pauses while somebody else has to delete something first: they grow to the longest.
const WAIT_FIRST: Duration = Duration::from_secs(5);
/// See [`WAIT_FIRST`].
const WAIT_LONGEST: Duration = Duration::from_secs(30);

impl OfComponent {
    /// What decisions take of it, once the requests of the object were `taken` in.
    pub fn remembered(
        &mut self,
        taken: &Acknowledged,
        is_forced: bool,
        generation: i64,
        now: Instant,
    ) -> Remembered {
        if taken.checks_now {
            self.drift.checked = None;
        }
        let pause = self.retry.pause;
        let is_over = pause.is_some_and(|(of, until)| of != generation || until <= now);
        if taken.forgets || is_forced || is_over {
            self.retry.pause = None;
        }
        let since = |time: Option<Instant>| time.map(|time| now.saturating_duration_since(time));
        let left = (self.retry.pause).map(|(_, until)| until.saturating_duration_since(now));
        Remembered {
            pause: left,
            queued: since(self.waiting.queued),
            has_inventory: self.release.inventory.is_some(),
            tried: self.tried,
            checked: since(self.drift.checked_by(generation)),
            is_requested: taken.checks_now,
            told: self.told.clone(),
            progress: since(self.waiting.told_progress),
        }
    }

    /// Takes in what a report asks to remember; `wanted` is the hash of what is wanted, if there is a chart.
    pub fn take_in(
        &mut self,
        remembers: &Remembers,
        wanted: Option<SpecHash>,
        generation: i64,
        now: Instant,
    ) {
        if remembers.forgets_release {
            self.tried = None;
            self.told.clear();
        }
        if remembers.tried {
            self.tried = wanted.map(|hash| (hash, generation));
        }
        if remembers.begins {
            self.obstacle = Obstructed::default();
        }
        if remembers.forgets_failures {
            self.retry.pause = None;
        }
        if remembers.pauses {
            // until when it is set with the pause itself
            self.retry.pause = Some((generation, now));
        }
        if let Some(is_healthy) = remembers.made_anew {
            self.drift.checked = is_healthy.then_some((generation, now));
            self.drift.corrections.clear();
            self.told.remove(Reason::DriftDetected.as_str());
            self.told.remove(Reason::ComparisonFailed.as_str());
        }
        if let Some(ago) = remembers.checked {
            self.drift.checked = Some((generation, now.checked_sub(ago).unwrap_or(now)));
        }
        if remembers.drift_is_over {
            self.told.remove(Reason::DriftDetected.as_str());
        }
        if remembers.told_progress {
            self.waiting.told_progress = Some(now);
        }
        match remembers.queued {
            true => _ = self.waiting.queued.get_or_insert(now),
            false => self.waiting.queued = None,
        }
    }

    /// When to reconcile again after a report; `jitter` between -1 and 1 spreads what may be spread.
    pub fn after(
        &mut self,
        report: &Report,
        safety_poll: Duration,
        jitter: f64,
        now: Instant,
    ) -> Option<Duration> {
        let pauses = report.remembers.pauses;
        let next = self.until(report.next, pauses, safety_poll, jitter, now);
        let look = self.until(report.look, pauses, safety_poll, jitter, now);
        next.into_iter().chain(look).min()
    }

    fn until(
        &mut self,
        next: Next,
        pauses: bool,
        safety_poll: Duration,
        jitter: f64,
        now: Instant,
    ) -> Option<Duration> {
        let spread = |delay: Duration| delay.mul_f64(1.0 + 0.1 * jitter);
        Some(match next {
            Next::Never => return None,
            Next::Now => Duration::ZERO,
            Next::In(delay) => delay,
            Next::About(delay) => spread(delay),
            Next::SafetyPoll => spread(safety_poll),
            Next::Transient(at_most) => {
                let delay = self.another_transient(jitter);
                if let Some((_, until)) = self.retry.pause.as_mut().filter(|_| pauses) {
                    *until = now + delay;
                }
                at_most.map_or(delay, |most| most.min(delay))
            }
            Next::Patience => {
                self.waiting.patience = self.waiting.patience.saturating_add(1);
                WAIT_FIRST
                    .saturating_mul(self.waiting.patience)
                    .min(WAIT_LONGEST)
            }
        })
    }

    /// Counts that something could not be reached, and says how long to wait for it; the pauses grow.
    pub fn another_transient(&mut self, jitter: f64) -> Duration {
        self.retry.transient += 1;
        retry::delay(FailureClass::Transient, self.retry.transient - 1, jitter)
    }

    /// A reconcile did what it should, which began when so many had not reached something: unless it, too, could not, or
    /// came too early to try.
    pub fn no_longer_transient(&mut self, before: i64) {
        if self.retry.transient == before && self.retry.pause.is_none() {
            self.retry.transient = 0;
        }
    }

    /// True if this is to be told: what is said once was not said before.
    pub fn is_news(&mut self, notice: &Notice) -> bool {
        let Some(once) = &notice.once else {
            return true;
        };
        let before = self.told.insert(notice.reason.as_str(), once.clone());
        before.as_ref() != Some(once)
    }
}
