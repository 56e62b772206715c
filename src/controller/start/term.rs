//! One term of work: until the program is to stop, the lease is lost or something dies, and its orderly end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::controller::lease::{Elector, Leadership, Lost};

/// Reconciles that run are waited for so long when the lease is lost: until Helm has ended, or was killed
/// (docs/components.md 16.1). Whoever has the lease then sees that this process is there.
const LEASE_LOST: Duration = Duration::from_secs(12);
/// Reconciles that run are waited for so long when the program is asked to stop.
const STOPPING: Duration = Duration::from_secs(20);

/// What runs during a term.
pub struct Term {
    /// The reconciles.
    pub working: JoinHandle<()>,
    /// Watches, gauges and probes, none of which ends by itself.
    pub background: JoinSet<()>,
    /// The candidate that has the Lease, and the Lease as it was taken; `None` if nobody is elected.
    pub lease: Option<(Arc<Elector>, Leadership)>,
    /// Ends Helm's children.
    pub children: CancellationToken,
    /// Ends the reconciles.
    pub end: CancellationToken,
}

/// Why a term ends.
enum End {
    /// Somebody asked for it.
    Asked,
    /// Another replica may work now.
    LeaseLost(String),
    /// A defect.
    Failed(anyhow::Error),
}

impl Term {
    /// Works until `stop`.
    ///
    /// # Errors
    /// The lease was lost, or something died.
    pub async fn run(mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        let end = tokio::select! {
            ended = &mut self.working => End::of_work(ended),
            lost = keep(self.lease.as_ref(), stop) => match lost {
                None => End::Asked,
                Some(why) => End::LeaseLost(why),
            },
            died = self.background.join_next() => End::of_background(died),
        };
        // children first: helm notes in the release that it was interrupted
        self.children.cancel();
        self.end.cancel();
        let is_over = self.is_over(&end).await;
        match &self.lease {
            Some((elector, _)) if is_over => elector.release().await,
            // others wait until it expires: helm may run until this process has ended
            _ if !is_over => warn!("Controller: reconciles that still run are given up"),
            _ => {}
        }
        match end {
            End::Asked => Ok(()),
            End::LeaseLost(why) => bail!("the lease was lost ({why}): another replica works now"),
            End::Failed(cause) => Err(cause),
        }
    }

    /// Waits until the last reconcile has ended, and keeps the lease until then; false if that takes too long.
    async fn is_over(&mut self, end: &End) -> bool {
        if self.working.is_finished() {
            return true;
        }
        let is_lost = matches!(end, End::LeaseLost(_));
        let patience = if is_lost { LEASE_LOST } else { STOPPING };
        let never = CancellationToken::new();
        tokio::select! {
            ended = tokio::time::timeout(patience, &mut self.working) => ended.is_ok(),
            _ = keep(self.lease.as_ref(), &never), if !is_lost => false,
        }
    }
}

impl End {
    fn of_work(ended: Result<(), JoinError>) -> Self {
        Self::Failed(match ended {
            Ok(()) => anyhow::anyhow!("the controller's reconciles ended by themselves"),
            Err(cause) => anyhow::Error::new(cause).context("the controller's reconciles died"),
        })
    }

    fn of_background(died: Option<Result<(), JoinError>>) -> Self {
        Self::Failed(match died {
            Some(Err(cause)) => {
                anyhow::Error::new(cause).context("a background task of the controller died")
            }
            _ => anyhow::anyhow!("a background task of the controller ended by itself"),
        })
    }
}

/// Completes when the program is to stop (`None`) or the lease is lost.
async fn keep(
    lease: Option<&(Arc<Elector>, Leadership)>,
    stop: &CancellationToken,
) -> Option<String> {
    let Some((elector, leadership)) = lease else {
        stop.cancelled().await;
        return None;
    };
    match elector.keep(leadership, stop).await {
        Lost::Stopped => None,
        Lost::Lost(why) => {
            error!(reason = why, "Controller: the lease is lost");
            Some(why)
        }
    }
}
