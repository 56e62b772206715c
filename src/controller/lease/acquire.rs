//! Acquiring the Lease.

use std::time::Instant;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::election::{self, ElectionStep, ObservedLease, TakenOver, next_step};
use super::{Elector, Leadership, record};
use crate::api_error::is_conflict;

/// One attempt's outcome.
enum Attempt {
    Ours(Leadership),
    Wait {
        holder: String,
        expires: Instant,
    },
    /// Another client wrote the Lease first.
    Again,
}

impl Elector {
    /// Waits for the Lease and acquires it. `None` if `stop` came first; the Lease is then not ours.
    pub async fn acquire(&self, stop: &CancellationToken) -> Option<Leadership> {
        let mut waits_for = String::new();
        loop {
            let attempt = self.bounded(self.times.renew_deadline / 2, self.try_acquire());
            let attempt = tokio::select! {
                biased;
                () = stop.cancelled() => None,
                attempt = attempt => Some(attempt),
            };
            let Some(attempt) = attempt else {
                // a write may be in flight
                if self.state().taking.is_some() {
                    self.release().await;
                }
                return None;
            };
            let pause = match attempt {
                Ok(Attempt::Ours(leadership)) => {
                    self.state().taking = None;
                    return Some(leadership);
                }
                Ok(Attempt::Wait { holder, expires }) => {
                    if holder != waits_for {
                        tracing::info!(
                            lease = self.name,
                            namespace = self.namespace,
                            holder,
                            "Lease: another replica works"
                        );
                        waits_for = holder;
                    }
                    let left = expires.saturating_duration_since(Instant::now());
                    left.min(self.times.retry_period)
                }
                Ok(Attempt::Again) => self.times.retry_period / 10,
                Err(error) => {
                    self.complain(&error);
                    self.times.retry_period
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn try_acquire(&self) -> Result<Attempt, kube::Error> {
        let lease = self.api.get_opt(&self.name).await?;
        let (decision, spec) = self.observe(lease.as_ref());
        let began = Instant::now();
        let wanted = match decision {
            ElectionStep::WaitUntil { holder, expires } => {
                return Ok(Attempt::Wait { holder, expires });
            }
            // the response to our own write was lost, or a predecessor of our name still holds it
            ElectionStep::Renew => self.state().taking.clone().unwrap_or(Leadership {
                identity: self.identity.clone(),
                transitions: spec
                    .and_then(|spec| spec.lease_transitions)
                    .unwrap_or_default(),
                acquired: began,
                taken_over: TakenOver::AfterRelease,
                previous_holder: None,
            }),
            ElectionStep::Take {
                how,
                previous_holder,
            } => Leadership {
                identity: self.identity.clone(),
                transitions: election::next_transitions(spec.as_ref()),
                acquired: began,
                taken_over: how,
                previous_holder,
            },
        };
        self.state().taking = Some(wanted.clone());
        let body = record::taken(
            lease,
            &self.name,
            &self.identity,
            wanted.transitions,
            self.times.duration,
            Timestamp::now(),
        );
        match self.write(&body).await {
            Ok(written) => {
                self.renewed(written, began);
                Ok(Attempt::Ours(wanted))
            }
            Err(error) if is_conflict(&error) => {
                self.state().taking = None;
                Ok(Attempt::Again)
            }
            Err(error) => Err(error),
        }
    }

    /// Records what was read and decides what to do.
    fn observe(&self, lease: Option<&Lease>) -> (ElectionStep, Option<LeaseSpec>) {
        let spec = lease.map(|lease| lease.spec.clone().unwrap_or_default());
        let now = Instant::now();
        let mut state = self.state();
        let before = state.seen.take();
        state.seen = spec
            .clone()
            .map(|spec| ObservedLease::next(before, spec, now));
        let decision = next_step(
            state.seen.as_ref(),
            &self.identity,
            self.times.duration,
            now,
        );
        (decision, spec)
    }
}
