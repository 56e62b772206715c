//! A release that is as wanted is marked as this Component's and written down; what runs is put right where it drifted.

use std::sync::Arc;

use tokio::time::Instant;

use crate::controller::drift::{self, DriftCheck, DriftReport};
use crate::controller::reconcile::act::{definitions, inventory, records};
use crate::controller::reconcile::context::{Context, ReconcileError};
use crate::controller::reconcile::decide::InSync;
use crate::controller::reconcile::observe::{Observed, Uncorrected, unready};
use crate::controller::reconcile::outcome::Outcome;
use crate::release::manifest::Object;

/// A release that is as wanted is this Component's, and has an inventory.
pub async fn note(
    context: &Arc<Context>,
    seen: &mut Observed,
    how: InSync,
) -> Result<(), ReconcileError> {
    let o = &seen.observation;
    let release = o.release(&o.target()).cloned();
    let Some((release, chart)) = release.zip(o.resolved()) else {
        return Err(ReconcileError::Conflict);
    };
    let hash = o.wanted(chart).hash.to_string();
    let is_another = o.status.observed_hash.as_deref() != Some(hash.as_str());
    records::mark(context, o, &release).await?;
    if how == InSync::AdoptSuccess || is_another {
        inventory::note(context, seen, release.number()).await?;
    }
    definitions::settle_what_was_left(context, seen, &release).await
}

/// Puts objects right, one by one; what cannot be put right is named.
pub async fn put_right(context: &Context, seen: &Observed, drifted: &Uncorrected) -> Outcome {
    let o = &seen.observation;
    let (namespace, name) = &drifted.release;
    let check = DriftCheck {
        release: name,
        namespace,
        objects: &drifted.objects,
        policy: &drifted.policy,
    };
    let by = context.objects_of(&o.component);
    let mut failed = Vec::new();
    let mut tried = DriftReport::default();
    for (drifted, rounds) in drifted.report.drifted.iter().zip(&drifted.fought_over) {
        match rounds {
            Some(rounds) => failed.push(format!(
                "{drifted} again, after it was put right {rounds} times in ten minutes: somebody else keeps changing it, \
                 and it is left for now"
            )),
            None => tried.drifted.push(drifted.clone()),
        }
    }
    let now = Instant::now().into_std();
    for (key, result) in drift::correct(&by, &check, &tried).await {
        match result {
            Ok(()) => (context.memory).of(&o.key, |memory| {
                memory.drift.corrections.note(&key, now);
            }),
            Err(cause) => failed.push(format!("{key}: {cause}")),
        }
    }
    let objects: Vec<&Object> = drifted.objects.iter().collect();
    let unready = unready(&by, &objects, namespace).await;
    Outcome::Corrected { failed, unready }
}
