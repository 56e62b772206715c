//! Helm's records, where Helm itself cannot go on: payload and label are changed in one write, if nobody was faster
//! (docs/components.md 5.4).

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::json;

use crate::api_error::is_conflict;
use crate::component::names::label;
use crate::controller::reconcile::context::{Context, ReconcileError, changed, payload};
use crate::controller::reconcile::observation::{Observation, Release};
use crate::controller::reconcile::observe::Observed;
use crate::controller::reconcile::status::unreadable_name;
use crate::release::operation::ReleaseKey;
use crate::release::owner;
use crate::release::record::{ReleaseStatus, interrupted, secret_name};

/// What Helm's history says of a revision that was cut short.
pub const HOLDER_GONE: &str = "interrupted: the controller was gone before Helm was done";

/// Marks the newest revision as failed for this reason, so that Helm goes on from it, or goes back.
///
/// # Errors
/// [`ReconcileError::Conflict`] if somebody changed the Secret meanwhile: nothing was done then.
pub async fn fail(
    context: &Context,
    seen: &mut Observed,
    number: i64,
    why: &str,
) -> Result<(), ReconcileError> {
    let o = &seen.observation;
    let release = newest(o, number)?;
    let mut secret = as_seen(context, release, number).await?;
    let data = payload(secret.clone());
    let why = why.to_owned();
    let failed = tokio::task::spawn_blocking(move || interrupted(&data, &why)).await?;
    // the decision was made upon a record that could be read: it has changed
    let failed = failed.map_err(|_| ReconcileError::Conflict)?;
    secret
        .data
        .get_or_insert_default()
        .insert("release".to_owned(), ByteString(failed));
    secret.metadata.labels.get_or_insert_default().insert(
        "status".to_owned(),
        ReleaseStatus::Failed.as_str().to_owned(),
    );
    // it carries the version that was read: a write of somebody else in between refuses it
    let secrets = context.cluster.secrets(&release.key);
    let name = secret_name(&release.key.1, number);
    let replaced = secrets
        .replace(&name, &PostParams::default(), &secret)
        .await;
    replaced.map(drop).map_err(changed)
}

/// The release whose newest revision this is.
fn newest(o: &Observation, number: i64) -> Result<&Release, ReconcileError> {
    let mut releases = o.releases.iter();
    let found = releases.find(|release| release.is_fresh && release.number() == number);
    found.ok_or(ReconcileError::Conflict)
}

/// The Secret of the newest revision, if it is still the one that was decided upon: Helm may just have ended.
async fn as_seen(
    context: &Context,
    release: &Release,
    number: i64,
) -> Result<Secret, ReconcileError> {
    let seen = release.revisions.first();
    let seen = seen.filter(|newest| newest.number == number);
    let secret = context.cluster.secret(&release.key, number).await?;
    secret
        .filter(|secret| {
            let version = secret.metadata.resource_version.as_deref();
            version == seen.map(|newest| newest.resource_version.as_str())
        })
        .ok_or(ReconcileError::Conflict)
}

/// Marks the release for this Component, if Helm had no reason to: it was taken over as it is, or is older than marks.
pub async fn mark(
    context: &Context,
    o: &Observation,
    release: &Release,
) -> Result<(), ReconcileError> {
    let Some(newest) = release.revisions.first() else {
        return Ok(());
    };
    let mark = owner::mark(&o.key);
    if newest.owner == mark {
        return Ok(());
    }
    let patch = json!({"metadata": {
        "labels": {label::OWNER: mark},
        "resourceVersion": newest.resource_version,
    }});
    let secrets = context.cluster.secrets(&release.key);
    let name = secret_name(&release.key.1, newest.number);
    let parameters = PatchParams::default();
    let patched = secrets
        .patch_metadata(&name, &parameters, &Patch::Merge(patch))
        .await;
    patched.map(drop).map_err(changed)
}

/// Moves a revision that nobody can read out of Helm's sight: a copy under another name, then the original goes.
pub async fn set_aside(
    context: &Context,
    seen: &mut Observed,
    number: i64,
) -> Result<(), ReconcileError> {
    let mut releases = seen.observation.releases.iter();
    let release = releases.find(|release| release.is_unreadable(number));
    let release = release.ok_or(ReconcileError::Conflict)?;
    let secret = as_seen(context, release, number).await?;
    let secrets = context.cluster.secrets(&release.key);
    let copy = copy(&secret, &release.key, number);
    match secrets.create(&PostParams::default(), &copy).await {
        Ok(_) => {}
        Err(cause) if is_conflict(&cause) => {}
        Err(cause) => return Err(cause.into()),
    }
    let only_this = DeleteParams::default().preconditions(Preconditions {
        uid: secret.metadata.uid.clone(),
        resource_version: secret.metadata.resource_version.clone(),
    });
    let name = secret_name(&release.key.1, number);
    let deleted = secrets.delete(&name, &only_this).await;
    deleted.map(drop).map_err(changed)
}

fn copy(secret: &Secret, (_, name): &ReleaseKey, number: i64) -> Secret {
    let mut copy = Secret {
        data: secret.data.clone(),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    };
    copy.metadata.name = Some(unreadable_name(name, number));
    copy
}
