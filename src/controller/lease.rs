//! Leader election by a Lease: of several replicas, one works. Written by GET and PUT with resource versions, timed by
//! this machine's monotonic clock alone (docs/components.md 16.1).
//!
//! The holder stops [`LeaseTimes::renew_deadline`] after it *began* its last successful renewal, the others wait
//! [`LeaseTimes::duration`] after they *saw* it: the holder's work must end in the time between.

mod acquire;
mod election;
mod keep;
mod record;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};

use self::election::ObservedLease;
use crate::api_error::{is_conflict, is_forbidden};
use crate::config::LeaseTimes;

pub use self::election::TakenOver;

/// How long releasing the Lease may take at most: the process is ending.
const RELEASE: Duration = Duration::from_secs(3);

/// One candidate for one Lease. [`Elector::acquire`] it, [`Elector::keep`] it beside the work, [`Elector::release`] it
/// when the work has ended: one after the other, never two at once.
pub struct Elector {
    api: Api<Lease>,
    namespace: String,
    name: String,
    identity: String,
    times: LeaseTimes,
    state: Mutex<State>,
}

/// A term as the leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// The leader: this candidate.
    pub identity: String,
    /// The fencing number (`leaseTransitions`): higher than that of every leader before, as long as nobody deletes the
    /// Lease.
    pub transitions: i32,
    /// The earliest time at which the Lease was ours.
    pub acquired: Instant,
    /// Whether the previous leader is known to have stopped.
    pub taken_over: TakenOver,
    /// The previous leader, if its Lease expired; one that released it left no name.
    pub previous_holder: Option<String>,
}

impl Leadership {
    /// How the previous leader ended, as a phrase.
    pub fn before(&self) -> String {
        match (self.taken_over, &self.previous_holder) {
            (TakenOver::Created, _) => "nobody worked before".to_owned(),
            (TakenOver::AfterRelease, _) => "the one before gave the lease up".to_owned(),
            (TakenOver::AfterExpiry, Some(holder)) => {
                format!("{holder} did not renew the lease in time")
            }
            (TakenOver::AfterExpiry, None) => "nobody renewed the lease in time".to_owned(),
        }
    }
}

/// Why the Lease is no longer renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Stopped on request; the Lease is still ours.
    Stopped,
    /// Another one has the Lease, or may soon have it: the reason. Work must stop at once.
    Lost(String),
}

#[derive(Default)]
struct State {
    /// As the API server last gave it.
    lease: Option<Lease>,
    seen: Option<ObservedLease>,
    /// When the last renewal that succeeded began.
    renewed: Option<Instant>,
    /// The Lease that a write would have made, whose response may have been lost.
    taking: Option<Leadership>,
    complaint: String,
}

impl Elector {
    /// A candidate of this name for the Lease `namespace/name`. Sends no request.
    pub fn new(
        client: Client,
        namespace: &str,
        name: &str,
        identity: &str,
        times: LeaseTimes,
    ) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            identity: identity.to_owned(),
            times,
            state: Mutex::default(),
        }
    }

    /// The reference to the Lease for events.
    pub fn reference(&self) -> ObjectReference {
        let state = self.state();
        let metadata = state.lease.as_ref().map(|lease| &lease.metadata);
        ObjectReference {
            api_version: Some("coordination.k8s.io/v1".to_owned()),
            kind: Some("Lease".to_owned()),
            namespace: Some(self.namespace.clone()),
            name: Some(self.name.clone()),
            uid: metadata.and_then(|metadata| metadata.uid.clone()),
            ..ObjectReference::default()
        }
    }

    /// This candidate's name.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// True while no other candidate can have the Lease: it was renewed within the deadline. To be checked again right
    /// before anything that must not be done twice.
    pub fn is_leading(&self) -> bool {
        let renewed = self.state().renewed;
        renewed.is_some_and(|renewed| renewed.elapsed() < self.times.renew_deadline)
    }

    /// Releases the Lease if it is ours, so that the next candidate need not wait. Takes 3 s at most; if it fails,
    /// the Lease expires.
    pub async fn release(&self) {
        self.state().renewed = None;
        let released = self.bounded(RELEASE, async {
            loop {
                let lease = self.api.get_opt(&self.name).await?;
                let Some(lease) = lease.filter(|lease| self.is_ours(lease)) else {
                    return Ok(false);
                };
                let lease = record::released(lease, Timestamp::now());
                match self.write(&lease).await {
                    Ok(_) => return Ok(true),
                    Err(error) if is_conflict(&error) => {}
                    Err(error) => return Err(error),
                }
            }
        });
        match released.await {
            Ok(true) => tracing::info!(
                lease = self.name,
                namespace = self.namespace,
                "Lease: given up"
            ),
            Ok(false) => {}
            Err(error) => tracing::warn!(
                lease = self.name,
                namespace = self.namespace,
                error,
                "Lease: it cannot be given up and will expire"
            ),
        }
        *self.state() = State::default();
    }

    fn renewed(&self, lease: Lease, began: Instant) {
        let mut state = self.state();
        state.lease = Some(lease);
        state.renewed = Some(began);
        if !std::mem::take(&mut state.complaint).is_empty() {
            tracing::info!(
                lease = self.name,
                namespace = self.namespace,
                "Lease: it can be written again"
            );
        }
    }

    /// Logs why the Lease cannot be read or written, once for each reason.
    fn complain(&self, error: &str) {
        let mut state = self.state();
        if state.complaint != error {
            tracing::warn!(
                lease = self.name,
                namespace = self.namespace,
                error,
                "Lease: it cannot be read or written; trying again"
            );
            error.clone_into(&mut state.complaint);
        }
    }

    /// Writes a Lease that was read, if it has not changed since, or creates one that did not exist.
    async fn write(&self, lease: &Lease) -> Result<Lease, kube::Error> {
        let parameters = PostParams::default();
        if lease.metadata.resource_version.is_some() {
            self.api.replace(&self.name, &parameters, lease).await
        } else {
            self.api.create(&parameters, lease).await
        }
    }

    /// An error is a sentence.
    async fn bounded<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, String> {
        match tokio::time::timeout(limit, work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(sentence(&error)),
            Err(_) => Err(format!("the API server did not answer within {limit:?}")),
        }
    }

    fn is_ours(&self, lease: &Lease) -> bool {
        lease.spec.as_ref().and_then(election::holder) == Some(&self.identity)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // each lock is held for a few assignments that cannot fail
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sentence(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if is_forbidden(error) => format!(
            "{}; allow get, create and update of leases in coordination.k8s.io, or turn --leader-elect off",
            status.message
        ),
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}
