//! Whether Helm is to reach the API server through a relay (docs/components.md 5.10).

use tracing::warn;

use crate::controller::drift;
use crate::controller::reconcile::context::Context;
use crate::controller::reconcile::observation::{Observation, Release};
use crate::controller::reconcile::observe;
use crate::controller::relay::Relay;
use crate::release::manifest;
use crate::release::operation::{Call, Operation};

/// A relay, if Helm is going to apply objects that have fields of others. Without one Helm goes on as ever.
pub async fn relay(
    context: &Context,
    o: &Observation,
    before: &Release,
    operation: &Operation,
) -> Option<Relay> {
    let applies = match &operation.call {
        Call::Upgrade(upgrade) => upgrade.dry_run.is_none() && !upgrade.force_replace,
        Call::Rollback(_) => true,
        Call::Uninstall(_) => false,
    };
    if !applies || before.number() == 0 {
        return None;
    }
    let manifest = observe::manifest(context, &o.key, &before.key, before.number());
    let manifest = manifest.await.ok().flatten()?.ok()?;
    let objects = manifest::read(&manifest).objects;
    let by = context.objects_of(&o.component);
    if !drift::have_fields_of_others(&by, &objects, &before.key.0).await {
        return None;
    }
    match Relay::start(by.client().clone()).await {
        Ok(relay) => Some(relay),
        Err(error) => {
            warn!(component = %o.key, %error, "Fields of others are not kept in this operation: no port is free");
            None
        }
    }
}
