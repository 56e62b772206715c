//! A cluster was upgraded past what a release's record names: the record is told in the versions that the server serves
//! before Helm reads it, which would fail over the others. Kubernetes keeps the objects; only the names are out of date
//! (docs/components.md 5.9).
//!
//! Nothing is lost by a kill: the record as it was is kept first, then replaced if it is still the one that was read, and
//! what names only served versions is left alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::PostParams;
use tracing::warn;

use crate::api_error::{is_conflict, is_not_found};
use crate::causes::chain;
use crate::component::conditions::Reason;
use crate::component::names::label;
use crate::controller::reconcile::context::{Context, ReconcileError, changed, payload};
use crate::controller::reconcile::effects::tell;
use crate::controller::reconcile::observation::Release;
use crate::controller::reconcile::observe::Observed;
use crate::controller::reconcile::status::Notice;
use crate::operation_kind::OperationKind;
use crate::release::helm::{Failure, HelmOutcome, judge, of_unserved, unknown_kinds};
use crate::release::manifest;
use crate::release::manifest::served::{ApiKind, Served, Unserved};
use crate::release::operation::ReleaseKey;
use crate::release::record::{
    Record, ReleaseStatus, named, rewritten, secret_name, without_definitions,
};

/// What was changed in records, for people.
#[derive(Default)]
struct Changes {
    revisions: Vec<i64>,
    /// `FlowSchema: flowcontrol.apiserver.k8s.io/v1beta3 → flowcontrol.apiserver.k8s.io/v1`.
    mapped: BTreeSet<String>,
    /// `PodSecurityPolicy strict (policy/v1beta1)`.
    left_out: BTreeSet<String>,
    /// Records that lost objects whose definition is gone and may come back, as they were, to be written over those that
    /// took their place.
    lost: Vec<Secret>,
}

/// Tells the records that Helm is about to read in the versions that the server serves: the newest, the one that is
/// deployed, and the one that is gone back to. If one of them needs it, so do all others: people go back to them.
///
/// The answer is for [`put_back`], should Helm make nothing of it.
///
/// # Errors
/// [`ReconcileError::Conflict`] if somebody changed a record meanwhile: it was left as they made it.
pub async fn keep_records_served(
    context: &Arc<Context>,
    seen: &Observed,
    release: &Release,
    target: Option<i64>,
) -> Result<Vec<Secret>, ReconcileError> {
    let revisions = &release.revisions;
    let deployed = revisions
        .iter()
        .find(|revision| revision.status == ReleaseStatus::Deployed);
    let newest = revisions.first().map(|newest| newest.number);
    let read: BTreeSet<i64> = (newest.into_iter())
        .chain(deployed.map(|deployed| deployed.number))
        .chain(target)
        .collect();
    let others = revisions.iter().map(|revision| revision.number);
    let others = others.filter(|number| !read.contains(number));
    let mut changes = Changes::default();
    let mut kept = Ok(());
    for (number, is_read) in
        (read.iter().map(|number| (*number, true))).chain(others.map(|number| (number, false)))
    {
        if kept.is_err() || !is_read && changes.revisions.is_empty() {
            break;
        }
        kept = keep_record_served(context, seen, &release.key, number, &mut changes).await;
    }
    if !changes.revisions.is_empty() {
        let action = format!("Rewrite/{}", release.number());
        let note = changes.note(&release.key.1);
        let notice = Notice::normal(Reason::RecordRewritten, action, &note);
        tell(context, seen, &notice);
    }
    kept.map(|()| changes.lost)
}

/// Helm has made no revision of it, and the records stay the last word on what is installed: objects whose definition
/// is gone are put right by them when it comes back. A record that somebody has written since is left alone.
pub async fn put_back(
    context: &Context,
    release: &ReleaseKey,
    lost: Vec<Secret>,
) -> Result<(), ReconcileError> {
    let secrets = context.cluster.secrets(release);
    for record in lost {
        let name = record.metadata.name.clone().unwrap_or_default();
        match secrets
            .replace(&name, &PostParams::default(), &record)
            .await
        {
            Ok(_) => {}
            Err(cause) if is_conflict(&cause) || is_not_found(&cause) => {}
            Err(cause) => return Err(cause.into()),
        }
    }
    Ok(())
}

/// Leaves these definitions out of the newest record: an uninstall deletes what that has, whatever the live object says.
pub async fn leave_out_definitions(
    context: &Context,
    release: &Release,
    names: &BTreeSet<String>,
) -> Result<(), ReconcileError> {
    if names.is_empty() {
        return Ok(());
    }
    let Some(secret) = context
        .cluster
        .secret(&release.key, release.number())
        .await?
    else {
        return Ok(());
    };
    let (data, names) = (payload(secret.clone()), names.clone());
    match tokio::task::spawn_blocking(move || without_definitions(&data, &names)).await? {
        Ok(Some(told)) => {
            replace_record(context, &release.key, secret, told).await?;
        }
        Ok(None) => {}
        // what cannot be read, Helm cannot either, and deletes nothing upon it
        Err(cause) => warn!(
            release = release.key.1,
            error = chain(&cause),
            "Record not rewritten"
        ),
    }
    Ok(())
}

async fn keep_record_served(
    context: &Context,
    seen: &Observed,
    release: &ReleaseKey,
    number: i64,
    changes: &mut Changes,
) -> Result<(), ReconcileError> {
    let Some(secret) = context.cluster.secret(release, number).await? else {
        return Ok(());
    };
    let data = payload(secret.clone());
    let read = tokio::task::spawn_blocking(move || {
        // what cannot be read, Helm cannot either, and says so
        let record = Record::decode(&data).ok()?;
        let named = named(&record).ok()?;
        Some((record, named))
    });
    let Some((record, named)) = read.await? else {
        return Ok(());
    };
    let unserved = context.cluster.objects.unserved(&named).await;
    if unserved.is_empty() {
        return Ok(());
    }
    let (data, of) = (payload(secret.clone()), unserved.clone());
    let told = match tokio::task::spawn_blocking(move || rewritten(&data, &of)).await? {
        Ok(told) => told,
        Err(cause) => {
            warn!(component = %seen.observation.key, revision = number, error = chain(&cause), "Record not rewritten");
            return Ok(());
        }
    };
    let mut was = secret.clone();
    was.metadata.resource_version = replace_record(context, release, secret, told).await?;
    changes.note_revision(&record, &unserved);
    let may_come_back = |(kind, served): (&ApiKind, &Served)| {
        *served == Served::Nowhere && !kind.is_kubernetes_own()
    };
    if unserved.iter().any(may_come_back) {
        changes.lost.push(was);
    }
    Ok(())
}

/// Keeps the record as it was beside Helm's, then replaces it; returns the version that it has then.
async fn replace_record(
    context: &Context,
    release: &ReleaseKey,
    mut secret: Secret,
    told: Vec<u8>,
) -> Result<Option<String>, ReconcileError> {
    if !context.work.is_leading() {
        return Err(ReconcileError::NotLeading);
    }
    let secrets = context.cluster.secrets(release);
    let name = secret.metadata.name.clone().unwrap_or_default();
    let original = original_of(&secret);
    let kept = original.metadata.name.clone().unwrap_or_default();
    match secrets.create(&PostParams::default(), &original).await {
        Ok(_) => {}
        Err(cause) if is_conflict(&cause) => {
            let found = secrets
                .get_opt(&kept)
                .await?
                .ok_or(ReconcileError::Conflict)?;
            // the first is the original; one of a release of that name before this one is nobody's any more
            if found.metadata.owner_references != original.metadata.owner_references {
                secrets
                    .replace(&kept, &PostParams::default(), &original)
                    .await?;
            }
        }
        Err(cause) => return Err(cause.into()),
    }
    secret
        .data
        .get_or_insert_default()
        .insert("release".to_owned(), ByteString(told));
    // it carries the version that was read: a write of somebody else in between refuses it
    match secrets
        .replace(&name, &PostParams::default(), &secret)
        .await
    {
        Ok(written) => Ok(written.metadata.resource_version),
        Err(cause) => Err(changed(cause)),
    }
}

/// What a run of Helm failed of, if it failed: where the chart renders what the cluster has given up, that is said.
pub async fn judged(
    context: &Context,
    action: OperationKind,
    outcome: &HelmOutcome,
) -> Option<Failure> {
    let failure = judge(action, outcome)?;
    if failure.reason != Reason::MissingCRDs {
        return Some(failure);
    }
    let unknown = unknown_kinds(&outcome.stderr);
    let named = unknown.iter().cloned().collect();
    let unserved = context.cluster.objects.unserved(&named).await;
    Some(of_unserved(action, &unknown, &unserved).unwrap_or(failure))
}

/// A Secret that holds the record as it is, and goes when Helm's own does: nothing of it is Helm's to see.
fn original_of(secret: &Secret) -> Secret {
    let mut original = Secret {
        data: secret.data.clone(),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    };
    let name = secret.metadata.name.clone().unwrap_or_default();
    original.metadata.name = Some(format!("{name}.original"));
    original.metadata.labels = Some([(label::ORIGINAL.to_owned(), "true".to_owned())].into());
    original.metadata.owner_references = Some(vec![OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        name,
        uid: secret.metadata.uid.clone().unwrap_or_default(),
        ..OwnerReference::default()
    }]);
    original
}

impl Changes {
    fn note_revision(&mut self, record: &Record, unserved: &Unserved) {
        self.revisions.push(record.revision);
        let hooks = record.hooks.iter().map(|hook| &hook.manifest);
        for manifest in std::iter::once(&record.manifest).chain(hooks) {
            for object in manifest::read(manifest).objects {
                let named = ApiKind::new(&object.api_version, &object.kind);
                match unserved.get(&named) {
                    Some(Served::At(version)) => self.mapped.insert(format!(
                        "{}: {} → {version}",
                        object.kind, object.api_version
                    )),
                    Some(Served::Nowhere) => {
                        (self.left_out).insert(format!("{object} ({})", object.api_version))
                    }
                    None => false,
                };
            }
        }
    }

    fn note(&self, release: &str) -> String {
        let numbers: Vec<String> = self.revisions.iter().map(i64::to_string).collect();
        let mut note = format!(
            "release {release} (revision {}) named what this cluster no longer serves, and its record was rewritten",
            numbers.join(", ")
        );
        let lists = [
            ("", &self.mapped),
            ("without what is no more: ", &self.left_out),
        ];
        for (words, list) in lists {
            if !list.is_empty() {
                let list: Vec<&str> = list.iter().map(String::as_str).collect();
                note.push_str(&format!("; {words}{}", list.join(", ")));
            }
        }
        let newest = self.revisions.iter().max().copied().unwrap_or_default();
        note.push_str(&format!(
            "; as it was it is kept in Secret {}.original",
            secret_name(release, newest)
        ));
        note
    }
}
