//! When to try again: a function of how often an action failed, and how (docs/components.md 7.2).
//!
//! The counters are those of `status`: they start again at zero with a new generation, a new hash or a `resetAt`, and
//! a success clears them together with `nextRetryTime`. The success of a rollback is no success of what was asked for,
//! and clears neither.

use std::time::Duration;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::component::status::{ComponentStatus, Failures, OperationKind};
use crate::release::helm::FailureClass;

/// The waiting times of docs/components.md 7.2, before they are spread by [`Schedule::SPREAD`].
#[derive(Clone, Copy, Debug)]
pub struct Schedule;

impl Schedule {
    /// Class A: the first; each further one is twice as long.
    pub const TRANSIENT_FIRST: Duration = Duration::from_secs(1);
    /// Class A: the longest.
    pub const TRANSIENT_MOST: Duration = Duration::from_secs(60);
    /// Class B, one after the other; the last is kept to.
    pub const ATTEMPT: [Duration; 6] = [
        Duration::from_secs(10),
        Duration::from_secs(30),
        Duration::from_secs(60),
        Duration::from_secs(2 * 60),
        Duration::from_secs(5 * 60),
        Duration::from_secs(10 * 60),
    ];
    /// Class C: how long until the same is looked at once more.
    pub const TERMINAL: Duration = Duration::from_secs(30 * 60);
    /// How far a time may be off either way, as a fraction, so that not everything starts at once.
    pub const SPREAD: f64 = 0.1;
}

/// How long to wait after a failure of this class when `failures` of its kind came before it.
///
/// `jitter` from -1.0 to 1.0 chooses the place within the spread of ±10 %; what is outside is cut off. An interrupted
/// action goes on at once. [`FailureClass::DecideAgain`] waits as the transient ones do: were it at once, a release
/// whose state keeps being another than Helm thinks would keep a core busy.
pub fn delay(class: FailureClass, failures: i64, jitter: f64) -> Duration {
    let before = u32::try_from(failures.max(0)).unwrap_or(u32::MAX);
    let plain = match class {
        FailureClass::Transient | FailureClass::DecideAgain => {
            let factor = 2u32.checked_pow(before).unwrap_or(u32::MAX);
            Schedule::TRANSIENT_FIRST
                .saturating_mul(factor)
                .min(Schedule::TRANSIENT_MOST)
        }
        FailureClass::Attempt => {
            let last = Schedule::ATTEMPT.len() - 1;
            let at = usize::try_from(before).unwrap_or(last).min(last);
            Schedule::ATTEMPT[at]
        }
        FailureClass::Terminal => Schedule::TERMINAL,
        FailureClass::Interrupted => Duration::ZERO,
    };
    let jitter = if jitter.is_finite() {
        jitter.clamp(-1.0, 1.0)
    } else {
        0.0
    };
    plain.mul_f64(1.0 + Schedule::SPREAD * jitter)
}

/// What a failure makes of the counters and times in `status`. Every field is the value to write, changed or not.
#[derive(Clone, Debug, PartialEq)]
pub struct FailureUpdate {
    /// `status.failures`.
    pub failures: Failures,
    /// `status.retryCount`.
    pub retry_count: i64,
    /// `status.nextRetryTime`.
    pub next_retry: Timestamp,
    /// `status.lastFailureTime`; one that does not count leaves it alone.
    pub last_failure: Option<Timestamp>,
}

/// What a failure of this class in an action of this kind makes of `status`, which must already be without the
/// counters of another generation or hash.
///
/// Class B counts: as an install or as an upgrade (a failed test is a failed upgrade); a rollback or uninstall only in
/// `retryCount`, for it takes no attempt from `upgrade.retries`. Class C counts once, in `retryCount`. Classes A and I
/// never count: A keeps only the number that its own waiting time grows by.
pub fn after_failure(
    status: &ComponentStatus,
    class: FailureClass,
    kind: OperationKind,
    now: Timestamp,
    jitter: f64,
) -> FailureUpdate {
    let mut failures = status.failures.unwrap_or_default();
    let mut retry_count = status.retry_count.unwrap_or(0);
    let mut last_failure = status.last_failure_time.as_ref().map(|time| time.0);
    let before = match class {
        FailureClass::Transient | FailureClass::DecideAgain => {
            let before = failures.transient;
            failures.transient = before.saturating_add(1);
            before
        }
        FailureClass::Attempt => {
            let counter = match kind {
                OperationKind::Install => Some(&mut failures.install),
                OperationKind::Upgrade | OperationKind::Test => Some(&mut failures.upgrade),
                OperationKind::Rollback | OperationKind::Uninstall => None,
            };
            let before = counter.as_ref().map_or(retry_count, |counter| **counter);
            if let Some(counter) = counter {
                *counter = counter.saturating_add(1);
            }
            failures.transient = 0;
            retry_count = retry_count.saturating_add(1);
            last_failure = Some(now);
            before
        }
        FailureClass::Terminal => {
            failures.transient = 0;
            retry_count = retry_count.max(1);
            last_failure = Some(now);
            0
        }
        FailureClass::Interrupted => 0,
    };
    FailureUpdate {
        failures,
        retry_count,
        next_retry: later(now, delay(class, before, jitter)),
        last_failure,
    }
}

/// Forgets what was counted: the next attempt is due now.
pub fn forget_failures(status: &mut ComponentStatus) {
    status.failures = None;
    status.retry_count = None;
    status.next_retry_time = None;
}

/// `now` and `duration` after it; the end of time if that is beyond it.
pub(crate) fn later(now: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| now.checked_add(duration).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
