//! What to do about a Lease: a function of what was observed, since when, and now. Pure.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::LeaseSpec;

/// The content of a Lease, and since when it is unchanged by the clock of this machine. Clocks of different machines
/// are never compared (docs/components.md 16.1).
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedLease {
    spec: LeaseSpec,
    since: Instant,
}

/// How a Lease was acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenOver {
    /// There was none before.
    Created,
    /// Its holder released it: it has stopped.
    AfterRelease,
    /// It expired: its holder may still be stopping.
    AfterExpiry,
}

/// What to do about a Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElectionStep {
    /// Acquire it.
    Take {
        /// Why it may be acquired.
        how: TakenOver,
        /// The last holder, if known.
        previous_holder: Option<String>,
    },
    /// Renew it: it is ours.
    Renew,
    /// Wait: another candidate holds it, at least until then.
    WaitUntil {
        /// The holder.
        holder: String,
        /// When it expires if it is not renewed.
        expires: Instant,
    },
}

impl ObservedLease {
    /// The Lease as read now. If it is unchanged it keeps its time.
    pub fn next(before: Option<Self>, spec: LeaseSpec, now: Instant) -> Self {
        match before {
            Some(before) if before.spec == spec => before,
            _ => Self { spec, since: now },
        }
    }

    /// The holder; `None` if it was released.
    pub fn holder(&self) -> Option<&str> {
        holder(&self.spec)
    }
}

/// The holder of the Lease; an empty name is none.
pub fn holder(spec: &LeaseSpec) -> Option<&str> {
    spec.holder_identity
        .as_deref()
        .filter(|holder| !holder.is_empty())
}

/// What `identity` does about the observed Lease (`None`: it does not exist). A Lease whose duration is
/// less than `at_least`, or absent, is waited for that long: its holder's settings may have changed since.
pub fn next_step(
    seen: Option<&ObservedLease>,
    identity: &str,
    at_least: Duration,
    now: Instant,
) -> ElectionStep {
    let Some(seen) = seen else {
        return ElectionStep::Take {
            how: TakenOver::Created,
            previous_holder: None,
        };
    };
    let Some(holder) = seen.holder() else {
        return ElectionStep::Take {
            how: TakenOver::AfterRelease,
            previous_holder: None,
        };
    };
    if holder == identity {
        return ElectionStep::Renew;
    }
    let seconds = seen.spec.lease_duration_seconds.unwrap_or_default();
    let said = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let expires = seen.since + said.max(at_least);
    if now < expires {
        return ElectionStep::WaitUntil {
            holder: holder.to_owned(),
            expires,
        };
    }
    ElectionStep::Take {
        how: TakenOver::AfterExpiry,
        previous_holder: Some(holder.to_owned()),
    }
}

/// The fencing number of the next holder (docs/components.md 16.1): one more than ever before.
pub fn next_transitions(seen: Option<&LeaseSpec>) -> i32 {
    match seen {
        None => 0,
        Some(spec) => spec
            .lease_transitions
            .unwrap_or_default()
            .max(0)
            .saturating_add(1),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    const OURS: Duration = Duration::from_secs(8);

    fn spec(holder: Option<&str>, seconds: Option<i32>, renewed: i64) -> LeaseSpec {
        LeaseSpec {
            holder_identity: holder.map(str::to_owned),
            lease_duration_seconds: seconds,
            renew_time: Some(MicroTime(Timestamp::from_second(renewed).unwrap())),
            ..LeaseSpec::default()
        }
    }

    #[test]
    fn who_may_have_the_lease() {
        let start = Instant::now();
        let take = |how, previous: Option<&str>| ElectionStep::Take {
            how,
            previous_holder: previous.map(str::to_owned),
        };
        let wait = |seconds| ElectionStep::WaitUntil {
            holder: "b".to_owned(),
            expires: start + Duration::from_secs(seconds),
        };
        let rows = [
            (
                "there is none: it is ours for the asking",
                None,
                0,
                take(TakenOver::Created, None),
            ),
            (
                "its holder gave it up: nobody need wait",
                Some(spec(None, Some(10), 0)),
                0,
                take(TakenOver::AfterRelease, None),
            ),
            (
                "an empty name is nobody's",
                Some(spec(Some(""), Some(10), 0)),
                0,
                take(TakenOver::AfterRelease, None),
            ),
            (
                "it is ours",
                Some(spec(Some("a"), Some(10), 0)),
                0,
                ElectionStep::Renew,
            ),
            (
                "it is ours, however long ago",
                Some(spec(Some("a"), Some(10), 0)),
                1000,
                ElectionStep::Renew,
            ),
            (
                "another one has it",
                Some(spec(Some("b"), Some(10), 0)),
                0,
                wait(10),
            ),
            (
                "another one has had it for almost as long as it lasts",
                Some(spec(Some("b"), Some(10), 0)),
                9,
                wait(10),
            ),
            (
                "another one has not renewed it",
                Some(spec(Some("b"), Some(10), 0)),
                10,
                take(TakenOver::AfterExpiry, Some("b")),
            ),
            (
                "it does not say how long it lasts: as long as ours",
                Some(spec(Some("b"), None, 0)),
                7,
                wait(8),
            ),
            (
                "it lasts for less than ours: as long as ours",
                Some(spec(Some("b"), Some(1), 0)),
                7,
                wait(8),
            ),
            (
                "it lasts for less than no time, which nobody can mean",
                Some(spec(Some("b"), Some(-1), 0)),
                0,
                wait(8),
            ),
            (
                "the holder's clock is years ahead, which says nothing",
                Some(spec(Some("b"), Some(10), 4_000_000_000)),
                10,
                take(TakenOver::AfterExpiry, Some("b")),
            ),
        ];
        for (sentence, spec, after, expected) in rows {
            let seen = spec.map(|spec| ObservedLease::next(None, spec, start));
            let now = start + Duration::from_secs(after);
            assert_eq!(
                next_step(seen.as_ref(), "a", OURS, now),
                expected,
                "{sentence}"
            );
        }
    }

    #[test]
    fn any_change_is_a_sign_of_life_and_only_a_change() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let first = ObservedLease::next(None, spec(Some("b"), Some(10), 1), at(0));
        let same = ObservedLease::next(Some(first.clone()), spec(Some("b"), Some(10), 1), at(9));
        assert_eq!(same, first);
        let renewed = ObservedLease::next(Some(same), spec(Some("b"), Some(10), 2), at(9));
        assert_eq!(renewed.since, at(9));
        // a holder whose clock went backwards is alive too
        let backwards = ObservedLease::next(Some(renewed), spec(Some("b"), Some(10), 0), at(12));
        assert_eq!(backwards.since, at(12));
        let other = ObservedLease::next(Some(backwards), spec(Some("c"), Some(10), 0), at(13));
        assert_eq!((other.holder(), other.since), (Some("c"), at(13)));
    }

    #[test]
    fn every_holder_has_a_higher_number_than_the_one_before() {
        let numbered = |number| LeaseSpec {
            lease_transitions: number,
            ..LeaseSpec::default()
        };
        for (before, expected) in [
            (None, 0),
            (Some(numbered(None)), 1),
            (Some(numbered(Some(0))), 1),
            (Some(numbered(Some(41))), 42),
            (Some(numbered(Some(-1))), 1),
            (Some(numbered(Some(i32::MAX))), i32::MAX),
        ] {
            assert_eq!(next_transitions(before.as_ref()), expected, "{before:?}");
        }
    }
}
