//! What a removal has left (docs/components.md 12.2): Helm's word is not proof.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use crate::controller::objects::{Leftover, leftovers};
use crate::controller::reconcile::context::{Context, ReconcileError};
use crate::controller::reconcile::memory::Kept;
use crate::controller::reconcile::observation::Observation;
use crate::controller::reconcile::observe::Observed;
use crate::release::operation::ReleaseKey;

/// Where an inventory stands in its ConfigMap.
pub const INVENTORY_KEY: &str = "inventory.json";

/// Which objects of the inventory are still there.
pub async fn read(
    context: &Context,
    seen: &mut Observed,
    release: &ReleaseKey,
) -> Result<(), ReconcileError> {
    let inventory = inventory(context, &seen.observation).await?;
    let mut left = leftovers(
        &context.objects_of(&seen.observation.component),
        &inventory,
        &release.0,
    )
    .await;
    // what another release has taken over is its own
    left.retain(|one| one.release.as_ref().is_none_or(|owner| owner == release));
    seen.observation.leftovers = Some((!left.is_empty()).then(|| describe(&left)));
    seen.left = left;
    Ok(())
}

/// What was written down of the release's objects.
pub async fn inventory(context: &Context, o: &Observation) -> Result<Vec<Kept>, ReconcileError> {
    let known = (context.memory).of(&o.key, |memory| memory.release.inventory.clone());
    if let Some(items) = known {
        return Ok(items);
    }
    let Some(name) = &o.status.inventory_ref else {
        return Ok(Vec::new());
    };
    let client = context.cluster.client.clone();
    let config_maps: Api<ConfigMap> = Api::namespaced(client, &o.key.namespace);
    let found = config_maps.get_opt(name).await?;
    let text = found.and_then(|found| found.data?.remove(INVENTORY_KEY));
    Ok(text
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default())
}

/// The first few leftovers, with what holds them.
pub fn describe(left: &[Leftover]) -> String {
    let mut named: Vec<String> = (left.iter().take(3))
        .map(|leftover| match leftover.finalizers.as_slice() {
            [] => leftover.key.to_string(),
            finalizers => format!("{} (finalizer {})", leftover.key, finalizers.join(", ")),
        })
        .collect();
    if left.len() > 3 {
        named.push(format!("and {} more", left.len() - 3));
    }
    named.join(", ")
}
