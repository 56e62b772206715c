//! The object that an operation cannot get past: is it there still (docs/components.md 7.4)?

use tracing::debug;

use crate::causes::chain;
use crate::controller::objects::ObjectsError;
use crate::controller::reconcile::context::Context;
use crate::controller::reconcile::observe::Observed;
use crate::release::helm::Obstacle;
use crate::release::manifest::ObjectKey;

/// Reads whether the object is there, and whether it is the one that was there before.
pub async fn read(context: &Context, seen: &mut Observed, obstacle: &Obstacle) {
    let o = &seen.observation;
    let known = (context.memory).of(&o.key, |memory| memory.obstacle.key_of(obstacle));
    let found = match known {
        Some(key) => uid(context, &key, o.component.target_namespace())
            .await
            .map(|uid| uid.map(|uid| (key, uid))),
        None => find(context, obstacle, o.component.target_namespace()).await,
    };
    let is_requested = o.memory.is_requested;
    let state = (context.memory).of(&o.key, |memory| match found {
        Ok(found) => memory.obstacle.seen(obstacle, found, is_requested),
        Err(cause) => {
            debug!(component = %o.key, error = chain(&cause), "Not looked whether the object is there");
            memory.obstacle.not_seen(obstacle)
        }
    });
    seen.observation.obstacle = Some(state);
}

/// The object, by its kind alone if its API version is not told.
async fn find(
    context: &Context,
    obstacle: &Obstacle,
    namespace: &str,
) -> Result<Option<(ObjectKey, String)>, ObjectsError> {
    let objects = &context.cluster.objects;
    let api_versions = match &obstacle.api_version {
        Some(api_version) => vec![api_version.clone()],
        None => objects.api_versions_of(&obstacle.kind).await?,
    };
    for api_version in api_versions {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", &api_version));
        let key = ObjectKey {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: obstacle.kind.clone(),
            namespace: obstacle.namespace.clone(),
            name: obstacle.name.clone(),
        };
        if let Some(uid) = uid(context, &key, namespace).await? {
            return Ok(Some((key, uid)));
        }
    }
    Ok(None)
}

async fn uid(
    context: &Context,
    key: &ObjectKey,
    namespace: &str,
) -> Result<Option<String>, ObjectsError> {
    let found = context.cluster.objects.get(key, namespace).await?;
    Ok(found.and_then(|live| live["metadata"]["uid"].as_str().map(str::to_owned)))
}
