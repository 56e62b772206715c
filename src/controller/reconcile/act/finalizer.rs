//! The finalizer: no Component goes before its release.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::api_error::{is_conflict, is_not_found};
use crate::component::names::FINALIZER;
use crate::controller::reconcile::context::{Context, ReconcileError};
use crate::controller::reconcile::effects::took_in;
use crate::controller::reconcile::observe::Observed;

/// Adds it.
pub async fn add(context: &Context, seen: &mut Observed) -> Result<(), ReconcileError> {
    let finalizers = &seen.observation.component.metadata.finalizers;
    let mut finalizers = finalizers.clone().unwrap_or_default();
    finalizers.push(FINALIZER.to_owned());
    patch(context, seen, &finalizers).await
}

/// Takes it away; the Component goes then.
pub async fn remove(context: &Context, seen: &mut Observed) -> Result<(), ReconcileError> {
    let finalizers = &seen.observation.component.metadata.finalizers;
    let mut finalizers = finalizers.clone().unwrap_or_default();
    finalizers.retain(|known| known != FINALIZER);
    patch(context, seen, &finalizers).await
}

async fn patch(
    context: &Context,
    seen: &mut Observed,
    finalizers: &[String],
) -> Result<(), ReconcileError> {
    match patch_metadata(context, seen, json!({"finalizers": finalizers})).await {
        // it went while we looked
        Err(ReconcileError::Kube(cause)) if is_not_found(&cause) => Ok(()),
        patched => patched,
    }
}

/// Changes the object's metadata, if nobody else has changed the object meanwhile.
pub async fn patch_metadata(
    context: &Context,
    seen: &mut Observed,
    mut metadata: Value,
) -> Result<(), ReconcileError> {
    let o = &seen.observation;
    metadata["resourceVersion"] = json!(o.component.metadata.resource_version);
    let api = context.cluster.components(&o.key.namespace);
    let (parameters, patch) = (PatchParams::default(), json!({"metadata": metadata}));
    let patched = api
        .patch(&o.key.name, &parameters, &Patch::Merge(patch))
        .await;
    match patched {
        Ok(patched) => {
            took_in(context, seen, patched);
            Ok(())
        }
        Err(cause) if is_conflict(&cause) => Err(ReconcileError::Conflict),
        Err(cause) => Err(cause.into()),
    }
}
