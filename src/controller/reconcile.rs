//! One reconcile of one Component: observe → decide → act → status (docs/components.md 4.1). At most one Helm operation;
//! what follows from it is the next reconcile's business.

pub mod act;
mod call;
pub mod context;
pub mod decide;
mod effects;
mod implicit;
pub mod memory;
pub mod observation;
mod observe;
mod outcome;
pub mod retry;
pub mod status;
#[cfg(test)]
mod tests;
pub mod wanted;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, warn};

use crate::causes::chain;
use crate::controller::store::Seen;
use crate::node_key::NodeKey;
use crate::release::helm::FailureClass;

use self::context::{Context, ReconcileError, jitter};
use self::decide::{Decision, decide};
use self::memory::OfComponent;
use self::outcome::Outcome;

/// Pause after somebody else changed the object at the same time.
const AFTER_CONFLICT: Duration = Duration::from_millis(50);

/// Reconciles a Component; says when to do so again.
pub async fn reconcile(context: Arc<Context>, key: NodeKey) -> Option<Duration> {
    let started = Instant::now();
    let transient = context.memory.of(&key, |memory| memory.retry.transient);
    let ended = match context.cluster.store.component(&key).as_deref() {
        None => {
            context.work.slots.forget(&key);
            context.memory.forget(&key);
            return None;
        }
        Some(Seen::Usable(component)) => once(&context, &key, component).await,
        Some(Seen::Broken { metadata, error }) => {
            context.work.slots.forget(&key);
            effects::refuse_unreadable(&context, &key, metadata.generation, error).await
        }
    };
    if ended.is_err() {
        // whoever did not come to the end stands in nobody's way
        context.work.slots.forget(&key);
    }
    let (result, next) = match ended {
        Ok(next) => {
            (context.memory).of(&key, |memory| memory.no_longer_transient(transient));
            ("success", next)
        }
        Err(ReconcileError::Conflict) => ("conflict", Some(AFTER_CONFLICT)),
        Err(cause) => {
            context.metrics.retry(FailureClass::Transient);
            warn!(component = %key, error = chain(&cause), "Reconcile failed: it is tried again");
            let another = |memory: &mut OfComponent| memory.another_transient(jitter());
            ("error", Some(context.memory.of(&key, another)))
        }
    };
    context.metrics.reconciled(result, started.elapsed());
    debug!(component = %key, result, next = ?next, took = ?started.elapsed(), "Reconcile ended");
    next
}

async fn once(
    context: &Arc<Context>,
    key: &NodeKey,
    component: &crate::component::Component,
) -> Result<Option<Duration>, ReconcileError> {
    let mut seen = observe::component(context, key, component);
    let decision = loop {
        match decide(&seen.observation) {
            Decision::Read(read) => observe::read(context, &mut seen, read).await?,
            decision => break decision,
        }
    };
    let outcome = act::act(context, &mut seen, &decision).await?;
    if let Outcome::Stopped = outcome {
        return Ok(None);
    }
    let report = status::report(&seen.observation, &decision, &outcome);
    effects::carry_out(context, &mut seen, &decision, report).await
}
