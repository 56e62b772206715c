//! Leader election against a real API server: who gives up is followed at once, who falls silent after the lease, and
//! there is never more than one.

mod hang;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chartroom::config::LeaseTimes;
use chartroom::controller::lease::{Elector, Leadership, Lost, TakenOver};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::control_plane::ControlPlane;

const NAME: &str = "the-lease";
/// Nothing here takes so long unless something is wrong.
const DEADLINE: Duration = Duration::from_secs(60);
/// Longer than any test: who need not wait for it is seen not to.
const LONG: LeaseTimes = LeaseTimes {
    duration: Duration::from_secs(600),
    renew_deadline: Duration::from_secs(300),
    retry_period: Duration::from_millis(100),
};
/// As short as a Lease can be on a busy machine.
const SHORT: LeaseTimes = LeaseTimes {
    duration: Duration::from_secs(5),
    renew_deadline: Duration::from_millis(4500),
    retry_period: Duration::from_millis(100),
};

/// A namespace on the shared API server, and a client of this test's runtime.
struct Place {
    client: Client,
    namespace: String,
}

impl Place {
    async fn new() -> Place {
        let made = || {
            let plane = ControlPlane::shared();
            (plane.kubeconfig(), plane.namespace().namespace().to_owned())
        };
        let made = tokio::task::spawn_blocking(made).await;
        let (kubeconfig, namespace) = made.expect("a control plane");
        let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let config = config.expect("a way in");
        Place {
            client: Client::try_from(config).expect("a client"),
            namespace,
        }
    }

    fn candidate(&self, identity: &str, times: LeaseTimes) -> Arc<Elector> {
        let client = self.client.clone();
        Arc::new(Elector::new(client, &self.namespace, NAME, identity, times))
    }

    fn leases(&self) -> Api<Lease> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    async fn patch(&self, patch: Value) {
        let parameters = PatchParams::default();
        let leases = self.leases();
        let patched = leases.patch(NAME, &parameters, &Patch::Merge(patch)).await;
        patched.expect("a change");
    }

    async fn lease(&self) -> LeaseSpec {
        let lease = self.leases().get(NAME).await.expect("a Lease");
        lease.spec.expect("a spec")
    }

    /// Waits until the Lease is so.
    async fn lease_when(&self, holds: impl Fn(&LeaseSpec) -> bool) -> LeaseSpec {
        let end = Instant::now() + DEADLINE;
        loop {
            let lease = self.leases().get_opt(NAME).await.expect("an answer");
            let spec = lease.and_then(|lease| lease.spec).unwrap_or_default();
            if holds(&spec) {
                return spec;
            }
            assert!(Instant::now() < end, "{spec:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the Lease was renewed this often.
    async fn renewals(&self, times: usize) {
        let mut last = self.lease().await.renew_time;
        for _ in 0..times {
            last = self
                .lease_when(|spec| spec.renew_time != last)
                .await
                .renew_time;
        }
    }
}

fn never() -> CancellationToken {
    CancellationToken::new()
}

async fn acquire(elector: &Elector) -> Leadership {
    let stop = never();
    let acquired = tokio::time::timeout(DEADLINE, elector.acquire(&stop)).await;
    acquired.expect("in time").expect("nobody said stop")
}

fn acquiring(elector: &Arc<Elector>) -> JoinHandle<Leadership> {
    let elector = Arc::clone(elector);
    tokio::spawn(async move { acquire(&elector).await })
}

fn keeping(
    elector: &Arc<Elector>,
    leadership: &Leadership,
    stop: &CancellationToken,
) -> JoinHandle<Lost> {
    let (elector, leadership, stop) = (Arc::clone(elector), leadership.clone(), stop.clone());
    tokio::spawn(async move { elector.keep(&leadership, &stop).await })
}

async fn ended(keeping: JoinHandle<Lost>) -> Lost {
    let ended = tokio::time::timeout(DEADLINE, keeping).await;
    ended.expect("in time").expect("no panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_the_lease_up_is_followed_at_once() {
    let place = Place::new().await;
    let (first, second) = (
        place.candidate("first", LONG),
        place.candidate("second", LONG),
    );
    let leadership = acquire(&first).await;
    assert_eq!(leadership.transitions, 0);
    assert_eq!(leadership.taken_over, TakenOver::Created);
    assert!(first.is_leading());
    let stop = never();
    let kept = keeping(&first, &leadership, &stop);
    let next = acquiring(&second);
    place.renewals(3).await;
    assert!(!next.is_finished() && !second.is_leading());

    stop.cancel();
    assert_eq!(ended(kept).await, Lost::Stopped);
    assert!(first.is_leading());
    first.release().await;
    assert!(!first.is_leading());
    let next = next.await.expect("it follows");
    assert_eq!((next.identity.as_str(), next.transitions), ("second", 1));
    assert_eq!(next.taken_over, TakenOver::AfterRelease);
    assert_eq!(next.previous_holder, None);
    let lease = place.lease().await;
    assert_eq!(lease.holder_identity.as_deref(), Some("second"));
    assert_eq!(lease.lease_duration_seconds, Some(600));

    // nobody gives up what is another's
    first.release().await;
    assert_eq!(place.lease().await, lease);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_falls_silent_is_followed_when_the_lease_has_run_out_and_not_before() {
    let place = Place::new().await;
    let (first, second) = (
        place.candidate("first", SHORT),
        place.candidate("second", SHORT),
    );
    let leadership = acquire(&first).await;
    let stop = never();
    let kept = keeping(&first, &leadership, &stop);
    let next = acquiring(&second);
    // it lives for longer than the lease lasts
    let start = Instant::now();
    while start.elapsed() < SHORT.duration + SHORT.retry_period * 5 {
        place.renewals(1).await;
    }
    assert!(!next.is_finished());

    // dead without a word
    kept.abort();
    let last = place.lease().await;
    let next = next.await.expect("it follows");
    let taken = place.lease().await;
    // one clock wrote both
    let renewed = last.renew_time.expect("a time").0;
    let waited = taken
        .acquire_time
        .expect("a time")
        .0
        .duration_since(renewed);
    let waited = Duration::try_from(waited).expect("it is later");
    assert!(waited >= SHORT.duration, "{waited:?}");
    assert_eq!(last.holder_identity.as_deref(), Some("first"));
    assert_eq!(next.taken_over, TakenOver::AfterExpiry);
    assert_eq!(next.previous_holder.as_deref(), Some("first"));
    assert_eq!(next.transitions, leadership.transitions + 1);
    assert!(second.is_leading());
    assert!(!first.is_leading(), "it knows without asking anybody");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_is_lost_when_another_one_is_written_into_it() {
    let place = Place::new().await;
    let first = place.candidate("first", LONG);
    let leadership = acquire(&first).await;
    let kept = keeping(&first, &leadership, &never());
    place.renewals(1).await;
    place
        .patch(json!({"spec": {"holderIdentity": "intruder"}}))
        .await;
    assert_eq!(ended(kept).await, Lost::Lost("intruder has it".to_owned()));
    assert!(!first.is_leading());
    first.release().await;
    let lease = place.lease().await;
    assert_eq!(lease.holder_identity.as_deref(), Some("intruder"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_beside_it_and_even_its_deletion_do_not_end_a_term() {
    let place = Place::new().await;
    let first = place.candidate("first", LONG);
    acquire(&first).await;
    first.release().await;
    let leadership = acquire(&first).await;
    assert_eq!(leadership.transitions, 1);
    let kept = keeping(&first, &leadership, &never());
    place.renewals(1).await;

    place
        .patch(json!({"metadata": {"labels": {"written-by": "somebody"}}}))
        .await;
    place.renewals(3).await;
    let leases = place.leases();
    let lease = leases.get(NAME).await.expect("a Lease");
    let labels = lease.metadata.labels.unwrap_or_default();
    assert_eq!(
        labels.get("written-by").map(String::as_str),
        Some("somebody")
    );

    let deleted = leases.delete(NAME, &DeleteParams::default()).await;
    deleted.expect("it is deleted");
    let lease = place
        .lease_when(|spec| spec.holder_identity.as_deref() == Some("first"))
        .await;
    // its number does not begin again
    assert_eq!(lease.lease_transitions, Some(1));
    place.renewals(3).await;
    assert!(!kept.is_finished() && first.is_leading());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_want_it_at_once_one_has_it_at_a_time_and_each_term_has_its_number() {
    const CANDIDATES: usize = 6;
    let place = Place::new().await;
    let leaders = Arc::new(AtomicUsize::new(0));
    let terms: Vec<_> = (0..CANDIDATES)
        .map(|number| {
            let elector = place.candidate(&format!("candidate-{number}"), LONG);
            let leaders = Arc::clone(&leaders);
            tokio::spawn(async move {
                let leadership = acquire(&elector).await;
                let others = leaders.fetch_add(1, Ordering::SeqCst);
                assert_eq!(others, 0, "two lead at once");
                assert!(elector.is_leading());
                tokio::task::yield_now().await;
                leaders.fetch_sub(1, Ordering::SeqCst);
                elector.release().await;
                leadership.transitions
            })
        })
        .collect();
    let mut numbers = Vec::new();
    for term in terms {
        numbers.push(term.await.expect("a term"));
    }
    numbers.sort_unstable();
    let wanted: Vec<i32> = (0..).take(CANDIDATES).collect();
    assert_eq!(numbers, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_to_stop_waits_no_longer_and_leaves_nothing_behind() {
    let place = Place::new().await;
    let (first, second) = (
        place.candidate("first", LONG),
        place.candidate("second", LONG),
    );
    acquire(&first).await;
    let stop = never();
    let waiting = {
        let (second, stop) = (Arc::clone(&second), stop.clone());
        tokio::spawn(async move { second.acquire(&stop).await })
    };
    stop.cancel();
    let given_up = tokio::time::timeout(DEADLINE, waiting).await;
    assert_eq!(given_up.expect("in time").expect("no panic"), None);
    let lease = place.lease().await;
    assert_eq!(lease.holder_identity.as_deref(), Some("first"));
    assert!(!second.is_leading());
}
