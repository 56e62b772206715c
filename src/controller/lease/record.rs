//! Whose a lease is, and since when nobody has renewed it: a function of what was seen and of the local clock.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;

/// What a Lease says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// Who has it; `None` if it was given back.
    pub holder: Option<String>,
    /// How often it has changed hands.
    pub transitions: i32,
    /// How long it is valid after a renewal, if it says so.
    pub duration: Option<Duration>,
    /// Changes with every renewal.
    pub version: Option<String>,
}

impl Record {
    /// Reads a Lease.
    pub fn of(lease: &Lease) -> Self {
        let spec = lease.spec.as_ref();
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
        Self {
            holder: spec
                .and_then(|spec| spec.holder_identity.clone())
                .filter(|holder| !holder.is_empty()),
            transitions: spec.and_then(|spec| spec.lease_transitions).unwrap_or(0),
            duration: seconds
                .and_then(|seconds| u64::try_from(seconds).ok())
                .map(Duration::from_secs),
            version: lease.metadata.resource_version.clone(),
        }
    }
}

/// What to do about a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Somebody has it.
    Wait,
    /// Nobody has it: write ourselves in.
    Take {
        /// Who had it and let it expire.
        previous: Option<String>,
    },
}

/// What was seen last, and since when it has been so.
#[derive(Debug, Default)]
pub(super) struct Observation {
    seen: Option<(Record, Instant)>,
}

impl Observation {
    /// Who had it when it was last looked at.
    pub fn holder(&self) -> Option<&str> {
        self.seen.as_ref()?.0.holder.as_deref()
    }

    /// What to do, now that the lease says `record`; `at_least` is how long to watch a lease that does not say how long
    /// it is valid, or says less.
    pub fn step(
        &mut self,
        record: &Record,
        identity: &str,
        now: Instant,
        at_least: Duration,
    ) -> Step {
        let since = match &self.seen {
            Some((seen, since)) if seen == record => *since,
            _ => {
                self.seen = Some((record.clone(), now));
                now
            }
        };
        match &record.holder {
            None => Step::Take { previous: None },
            // a name is never used twice, but what if
            Some(holder) if holder == identity => Step::Take { previous: None },
            Some(holder) => {
                let valid = record.duration.unwrap_or(at_least).max(at_least);
                if now.duration_since(since) >= valid {
                    Step::Take {
                        previous: Some(holder.clone()),
                    }
                } else {
                    Step::Wait
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: Duration = Duration::from_secs(15);

    fn held(by: &str, version: &str) -> Record {
        Record {
            holder: Some(by.to_owned()),
            transitions: 3,
            duration: Some(VALID),
            version: Some(version.to_owned()),
        }
    }

    fn expired(holder: &str) -> Step {
        Step::Take {
            previous: Some(holder.to_owned()),
        }
    }

    #[test]
    fn a_lease_expires_when_it_was_seen_unchanged_for_its_duration() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut observation = Observation::default();
        for (when, version, wanted) in [
            (0, "1", Step::Wait),
            (14, "1", Step::Wait),
            // renewed: its time begins again
            (14, "2", Step::Wait),
            (28, "2", Step::Wait),
            (29, "2", expired("other")),
        ] {
            let step = observation.step(&held("other", version), "me", at(when), VALID);
            assert_eq!(step, wanted, "after {when} s");
        }
        assert_eq!(observation.holder(), Some("other"));
    }

    #[test]
    fn a_lease_that_was_given_back_or_is_ours_is_taken_at_once() {
        let now = Instant::now();
        let free = Record {
            holder: None,
            ..held("nobody", "1")
        };
        let take = Step::Take { previous: None };
        assert_eq!(Observation::default().step(&free, "me", now, VALID), take);
        let ours = held("me", "1");
        assert_eq!(Observation::default().step(&ours, "me", now, VALID), take);
    }

    #[test]
    fn a_shorter_duration_in_the_lease_does_not_shorten_the_wait() {
        let start = Instant::now();
        let mut observation = Observation::default();
        let short = Record {
            duration: Some(Duration::from_secs(1)),
            ..held("other", "1")
        };
        assert_eq!(observation.step(&short, "me", start, VALID), Step::Wait);
        let later = start + Duration::from_secs(14);
        assert_eq!(observation.step(&short, "me", later, VALID), Step::Wait);
    }
}
