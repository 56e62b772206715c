//! Leader election by a Lease: of several replicas one works (contract sections 2.9 and 6).
//!
//! Clocks of different machines are never compared: a lease has expired when this replica has seen it unchanged for its
//! whole duration, by its own clock.

mod record;

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::record::{Observation, Record, Step};
use crate::config::LeaseTimes;
use crate::repository::chain;

/// Giving the lease back may take so long.
const RELEASE: Duration = Duration::from_secs(3);

/// One candidate.
pub struct Elector {
    leases: Api<Lease>,
    name: String,
    identity: String,
    times: LeaseTimes,
}

/// The lease is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// Who we are.
    pub identity: String,
    /// How often the lease has changed hands: it only grows.
    pub transitions: i32,
    /// Who had it before, if anybody did and did not give it back.
    pub previous_holder: Option<String>,
    /// When the renewal began that took it, by the local clock.
    pub acquired: Instant,
}

/// Why the lease is kept no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It was asked for.
    Stopped,
    /// It could not be renewed in time, or somebody else has it: the reason.
    Lost(String),
}

/// What one attempt to write came to.
enum Written {
    Yes,
    /// Somebody else was faster.
    No,
}

impl Elector {
    /// A candidate `identity` for the lease `name`.
    pub fn new(
        client: Client,
        namespace: &str,
        name: &str,
        identity: &str,
        times: LeaseTimes,
    ) -> Self {
        Self {
            leases: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity: identity.to_owned(),
            times,
        }
    }

    /// Waits until the lease is ours; `None` if `stop` came first.
    pub async fn acquire(&self, stop: &CancellationToken) -> Option<Leadership> {
        let mut observation = Observation::default();
        let mut told: Option<String> = None;
        loop {
            let begun = Instant::now();
            let attempt = tokio::select! {
                () = stop.cancelled() => return None,
                attempt = self.attempt(&mut observation, begun) => attempt,
            };
            match attempt {
                Ok(Some(leadership)) => return Some(leadership),
                Ok(None) => {
                    let holder = observation.holder().map(str::to_owned);
                    if holder.is_some() && told != holder {
                        info!(holder, lease = self.name, "Lease: another replica works");
                        told = holder;
                    }
                }
                Err(cause) => warn!(
                    error = chain(&cause),
                    lease = self.name,
                    "Lease: it cannot be read or written; trying again"
                ),
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(self.times.retry_period) => {}
            }
        }
    }

    async fn attempt(
        &self,
        observation: &mut Observation,
        begun: Instant,
    ) -> Result<Option<Leadership>, kube::Error> {
        let Some(lease) = self.read().await? else {
            let record = self.record(0);
            let mut lease = Lease::default();
            lease.metadata.name = Some(self.name.clone());
            lease.spec = Some(record);
            let parameters = PostParams::default();
            let created = self.leases.create(&parameters, &lease);
            return Ok(
                match taken(within(self.times.retry_period, created).await)? {
                    Written::Yes => Some(self.leadership(0, None, begun)),
                    Written::No => None,
                },
            );
        };
        let record = Record::of(&lease);
        match observation.step(
            &record,
            &self.identity,
            begun.into_std(),
            self.times.duration,
        ) {
            Step::Wait => Ok(None),
            Step::Take { previous } => {
                let transitions = record.transitions.saturating_add(1);
                Ok(match self.write(lease, transitions).await? {
                    Written::Yes => Some(self.leadership(transitions, previous, begun)),
                    Written::No => None,
                })
            }
        }
    }

    fn leadership(&self, transitions: i32, previous: Option<String>, begun: Instant) -> Leadership {
        Leadership {
            identity: self.identity.clone(),
            transitions,
            previous_holder: previous,
            acquired: begun,
        }
    }

    /// Renews the lease until `stop`, or until it is lost.
    pub async fn keep(&self, leadership: &Leadership, stop: &CancellationToken) -> Lost {
        let mut renewed = leadership.acquired;
        let mut trouble = String::new();
        loop {
            // nothing may outlast the deadline, not even a server that hangs
            let deadline = renewed + self.times.renew_deadline;
            let begun = Instant::now();
            let attempt = tokio::select! {
                () = stop.cancelled() => return Lost::Stopped,
                () = tokio::time::sleep_until(deadline) => {
                    return Lost::Lost(format!("it could not be renewed in time: {trouble}"));
                }
                attempt = self.renew(leadership) => attempt,
            };
            match attempt {
                Ok(None) => renewed = begun,
                Ok(Some(why)) => return Lost::Lost(why),
                Err(cause) => {
                    trouble = chain(&cause);
                    debug!(error = trouble, "Lease: a renewal failed");
                }
            }
            let deadline = renewed + self.times.renew_deadline;
            tokio::select! {
                () = stop.cancelled() => return Lost::Stopped,
                () = tokio::time::sleep_until(deadline) => {
                    return Lost::Lost(format!("it could not be renewed in time: {trouble}"));
                }
                () = tokio::time::sleep(self.times.retry_period) => {}
            }
        }
    }

    /// Renews once; the answer is why the lease is not ours any more.
    async fn renew(&self, leadership: &Leadership) -> Result<Option<String>, kube::Error> {
        let Some(lease) = self.read().await? else {
            return Ok(Some("it was deleted".to_owned()));
        };
        let record = Record::of(&lease);
        if record.holder.as_deref() != Some(self.identity.as_str()) {
            let holder = record.holder.as_deref().unwrap_or("nobody");
            return Ok(Some(format!("{holder} has it")));
        }
        // somebody else writing at the same time shows at the next look
        self.write(lease, leadership.transitions).await?;
        Ok(None)
    }

    /// Gives the lease back, so that the next one need not wait; in bounded time, and without fail.
    pub async fn release(&self) {
        let release = async {
            let Some(mut lease) = self.read().await? else {
                return Ok(());
            };
            if Record::of(&lease).holder.as_deref() != Some(self.identity.as_str()) {
                return Ok(());
            }
            let spec = lease.spec.get_or_insert_default();
            // an empty text would be refused by some servers
            spec.holder_identity = None;
            spec.lease_duration_seconds = Some(1);
            spec.renew_time = Some(MicroTime(Timestamp::now()));
            let parameters = PostParams::default();
            self.leases
                .replace(&self.name, &parameters, &lease)
                .await
                .map(drop)
        };
        match tokio::time::timeout(RELEASE, release).await {
            Ok(Ok(())) => {}
            Ok(Err(cause)) => debug!(error = chain(&cause), "Lease: it was not given back"),
            Err(_) => debug!("Lease: it was not given back in time"),
        }
    }

    async fn read(&self) -> Result<Option<Lease>, kube::Error> {
        within(self.times.retry_period, self.leases.get_opt(&self.name)).await
    }

    async fn write(&self, mut lease: Lease, transitions: i32) -> Result<Written, kube::Error> {
        let before = lease.spec.take();
        let mut spec = self.record(transitions);
        let is_renewal = (before.as_ref())
            .is_some_and(|before| before.holder_identity.as_deref() == Some(&self.identity));
        if is_renewal {
            spec.acquire_time = before.and_then(|before| before.acquire_time);
        }
        lease.spec = Some(spec);
        let parameters = PostParams::default();
        // it carries the version that was read
        let replaced = self.leases.replace(&self.name, &parameters, &lease);
        taken(within(self.times.retry_period, replaced).await)
    }

    fn record(&self, transitions: i32) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let seconds = i32::try_from(self.times.duration.as_secs()).unwrap_or(i32::MAX);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(seconds.max(1)),
            acquire_time: Some(now.clone()),
            renew_time: Some(now),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }
}

fn taken(written: Result<Lease, kube::Error>) -> Result<Written, kube::Error> {
    match written {
        Ok(_) => Ok(Written::Yes),
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(Written::No),
        Err(cause) => Err(cause),
    }
}

/// One request, in no more than a retry period (and a second at least): the next attempt is better than a long wait.
async fn within<T>(
    period: Duration,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, kube::Error> {
    match tokio::time::timeout(period.max(Duration::from_secs(1)), request).await {
        Ok(answer) => answer,
        Err(_) => Err(kube::Error::Service("no answer in time".into())),
    }
}
