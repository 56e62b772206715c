//! The content of a Lease. Its times are for people; no decision depends on them.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;

/// The Lease (a new one for `None`) held by `identity`, with the fencing number `transitions`.
pub fn taken(
    lease: Option<Lease>,
    name: &str,
    identity: &str,
    transitions: i32,
    duration: Duration,
    now: Timestamp,
) -> Lease {
    let mut lease = lease.unwrap_or_default();
    lease.metadata.name = Some(name.to_owned());
    let spec = lease.spec.get_or_insert_default();
    spec.holder_identity = Some(identity.to_owned());
    spec.acquire_time = Some(MicroTime(now));
    spec.lease_transitions = Some(transitions);
    renewed(lease, duration, now)
}

/// The Lease, renewed.
pub fn renewed(mut lease: Lease, duration: Duration, now: Timestamp) -> Lease {
    let spec = lease.spec.get_or_insert_default();
    spec.lease_duration_seconds = Some(whole_seconds(duration));
    spec.renew_time = Some(MicroTime(now));
    lease
}

/// The Lease, released; the fencing number stays, so that the next one is higher.
pub fn released(mut lease: Lease, now: Timestamp) -> Lease {
    let spec = lease.spec.get_or_insert_default();
    spec.holder_identity = None;
    spec.renew_time = Some(MicroTime(now));
    lease
}

/// At least one, and rounded up: others may wait longer, never shorter.
fn whole_seconds(duration: Duration) -> i32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(seconds.max(1)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_goes_from_hand_to_hand_and_keeps_what_others_wrote() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut lease = taken(None, "l", "a", 0, Duration::from_secs(15), at(1));
        assert_eq!(lease.metadata.name.as_deref(), Some("l"));
        lease.metadata.resource_version = Some("7".to_owned());
        lease.metadata.labels = Some([("k".to_owned(), "v".to_owned())].into());

        let lease = renewed(lease, Duration::from_secs(15), at(3));
        let spec = lease.spec.clone().unwrap();
        assert_eq!(spec.holder_identity.as_deref(), Some("a"));
        assert_eq!(spec.lease_duration_seconds, Some(15));
        assert_eq!(spec.lease_transitions, Some(0));
        assert_eq!(spec.acquire_time, Some(MicroTime(at(1))));
        assert_eq!(spec.renew_time, Some(MicroTime(at(3))));

        let lease = released(lease, at(4));
        let spec = lease.spec.clone().unwrap();
        assert_eq!(spec.holder_identity, None);
        assert_eq!(spec.lease_transitions, Some(0));

        let lease = taken(Some(lease), "l", "b", 1, Duration::from_secs(15), at(5));
        assert_eq!(lease.metadata.resource_version.as_deref(), Some("7"));
        assert!(lease.metadata.labels.is_some());
        let spec = lease.spec.unwrap();
        assert_eq!(spec.holder_identity.as_deref(), Some("b"));
        assert_eq!(spec.lease_transitions, Some(1));
        assert_eq!(spec.acquire_time, Some(MicroTime(at(5))));
    }

    #[test]
    fn durations_are_written_in_seconds_and_rounded_up() {
        for (milliseconds, seconds) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (15_000, 15)] {
            assert_eq!(
                whole_seconds(Duration::from_millis(milliseconds)),
                seconds,
                "{milliseconds} ms"
            );
        }
    }
}
