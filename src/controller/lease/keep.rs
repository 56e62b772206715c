//! Renewing the Lease.

use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{Elector, Leadership, Lost, election, record};
use crate::api_error::{is_conflict, is_not_found};

/// One attempt's outcome.
enum Renewal {
    Done,
    /// The new holder.
    Lost(String),
    Again,
}

impl Elector {
    /// Renews the Lease until it is lost or `stop` comes. Each request times out early enough that an API server
    /// that hangs cannot keep this from returning within the deadline.
    pub async fn keep(&self, leadership: &Leadership, stop: &CancellationToken) -> Lost {
        let why = tokio::select! {
            biased;
            () = stop.cancelled() => return Lost::Stopped,
            why = self.renew_for_ever(leadership) => why,
        };
        self.state().renewed = None;
        Lost::Lost(why)
    }

    /// Returns why the Lease is lost.
    async fn renew_for_ever(&self, leadership: &Leadership) -> String {
        loop {
            let renewed = self.state().renewed.unwrap_or(leadership.acquired);
            let deadline = renewed + self.times.renew_deadline;
            let next = (renewed + self.times.retry_period).max(Instant::now());
            tokio::time::sleep_until(next.min(deadline).into()).await;
            // requests that fail at once are not repeated without a pause
            let mut pause = Duration::ZERO;
            loop {
                tokio::time::sleep(pause).await;
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return format!(
                        "it could not be renewed for {:?}: {}",
                        self.times.renew_deadline,
                        self.state().complaint
                    );
                }
                let limit = left.min(self.times.renew_deadline / 2);
                match self.bounded(limit, self.try_renew(leadership)).await {
                    Ok(Renewal::Done) => break,
                    Ok(Renewal::Lost(holder)) => return format!("{holder} has it"),
                    Ok(Renewal::Again) => pause = self.times.retry_period / 10,
                    Err(error) => {
                        self.complain(&error);
                        let left = deadline.saturating_duration_since(Instant::now());
                        pause = self.times.retry_period.min(left);
                    }
                }
            }
        }
    }

    async fn try_renew(&self, leadership: &Leadership) -> Result<Renewal, kube::Error> {
        // the copy from the last response saves reading it first, as long as no other client writes
        let known = self.state().lease.take();
        let lease = match known {
            Some(lease) => Some(lease),
            None => self.api.get_opt(&self.name).await?,
        };
        if let Some(lease) = &lease
            && !self.is_ours(lease)
        {
            let holder = lease.spec.as_ref().and_then(election::holder);
            return Ok(Renewal::Lost(holder.unwrap_or("nobody").to_owned()));
        }
        let began = Instant::now();
        let body = match lease {
            Some(lease) => record::renewed(lease, self.times.duration, Timestamp::now()),
            // it was deleted: it is created again with our number, or by another candidate
            None => record::taken(
                None,
                &self.name,
                &self.identity,
                leadership.transitions,
                self.times.duration,
                Timestamp::now(),
            ),
        };
        match self.write(&body).await {
            Ok(written) => {
                self.renewed(written, began);
                Ok(Renewal::Done)
            }
            Err(error) if is_conflict(&error) || is_not_found(&error) => Ok(Renewal::Again),
            Err(error) => Err(error),
        }
    }
}
