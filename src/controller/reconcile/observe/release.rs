//! Releases, as Helm's Secrets have them.

use std::sync::Arc;

use kube::api::ListParams;

use crate::api_error::is_forbidden;
use crate::chart::digest::Sha256Hex;
use crate::component::spec_hash::SpecHash;
use crate::controller::holder;
use crate::controller::reconcile::context::{Context, ReconcileError};
use crate::controller::reconcile::observation::{
    GoodRevision, Newest, Observation, Release, Rival,
};
use crate::controller::reconcile::observe::{Good, Observed};
use crate::node_key::NodeKey;
use crate::release::operation::ReleaseKey;
use crate::release::owner;
use crate::release::record::{
    Record, RecordError, ReleaseStatus, Revision, newest_first, selector,
};
use crate::release::token::Token;

/// A release: as the watch has told so far, which is enough to see that nothing is to do, or as the API server has it
/// now, which is what anything is done upon.
pub async fn observe(
    context: &Context,
    o: &Observation,
    release: &ReleaseKey,
    is_fresh: bool,
) -> Result<Release, ReconcileError> {
    let mut seen = if is_fresh {
        fresh(context, &o.key, release).await?
    } else {
        cached(context, &o.key, release).await?
    };
    if let Some(operation) = &o.status.operation {
        let client = &context.cluster.client;
        seen.holder_is_gone = holder::is_gone(client, &o.holder, operation, &release.1).await?;
    }
    Ok(seen)
}

/// A release as the watch has told so far.
pub async fn cached(
    context: &Context,
    key: &NodeKey,
    release: &ReleaseKey,
) -> Result<Release, ReconcileError> {
    let revisions = context.cluster.store.revisions(release);
    with_newest(context, key, release, revisions, false).await
}

/// A release as the API server has it now.
pub async fn fresh(
    context: &Context,
    key: &NodeKey,
    release: &ReleaseKey,
) -> Result<Release, ReconcileError> {
    let secrets = context.cluster.secrets(release);
    let listed = match selector(&release.1) {
        Some(labels) => {
            let which = ListParams::default().labels(&labels);
            secrets.list_metadata(&which).await?.items
        }
        // Helm has no release of such a name, so there is none to wait for or to take down
        None => Vec::new(),
    };
    let revisions = listed
        .iter()
        .filter_map(|secret| Revision::of(&secret.metadata));
    let revisions = newest_first(revisions.collect());
    context.cluster.store.set_revisions(release, &revisions);
    with_newest(context, key, release, revisions, true).await
}

/// The release after an operation that should have made its next revision, if that is there and deployed, with the whole
/// record; `None` if it is not so plain, and has to be looked at in full.
pub async fn made(
    context: &Context,
    key: &NodeKey,
    before: &Release,
    operation: &str,
) -> Result<Option<(Release, Record)>, ReconcileError> {
    let release = &before.key;
    let number = before.number().saturating_add(1);
    let Some(secret) = context.cluster.secret(release, number).await? else {
        return Ok(None);
    };
    let made = Revision::of(&secret.metadata).filter(|made| {
        made.status == ReleaseStatus::Deployed && made.operation.as_deref() == Some(operation)
    });
    let record = crate::controller::reconcile::context::decode(secret).await?;
    let (Some(made), Ok(record)) = (made, record) else {
        return Ok(None);
    };
    context.cluster.store.apply_revision(release, made.clone());
    let mut revisions = before.revisions.clone();
    revisions.insert(0, made.clone());
    let kept = (context.memory).of(key, |memory| memory.release.keep(&made, record.clone()));
    let after = Release {
        key: release.clone(),
        revisions,
        newest: Newest::Readable(kept),
        is_anothers: false,
        rival: None,
        holder_is_gone: false,
        is_fresh: true,
    };
    Ok(Some((after, record)))
}

async fn with_newest(
    context: &Context,
    key: &NodeKey,
    release: &ReleaseKey,
    revisions: Vec<Revision>,
    is_fresh: bool,
) -> Result<Release, ReconcileError> {
    let newest = match revisions.first() {
        None => Newest::None,
        Some(revision) => newest(context, key, release, revision).await?,
    };
    let owner = revisions.first().and_then(|newest| newest.owner.as_deref());
    let other = owner.and_then(owner::marked).filter(|owner| owner != key);
    let is_anothers = other.is_some();
    let rival = match other {
        None => None,
        Some(other) => rival(context, release, other).await?,
    };
    Ok(Release {
        key: release.clone(),
        revisions,
        newest,
        is_anothers,
        rival,
        holder_is_gone: false,
        is_fresh,
    })
}

/// The Component that a release is marked for, if it is there and wants the release still.
async fn rival(
    context: &Context,
    release: &ReleaseKey,
    owner: NodeKey,
) -> Result<Option<Rival>, ReconcileError> {
    let unknown = |owner| {
        let is_known = false;
        Some(Rival { owner, is_known })
    };
    if let Some(seen) = context.cluster.store.component(&owner) {
        let Some(component) = seen.usable() else {
            // it wants something, whatever that is
            return Ok(unknown(owner));
        };
        let wants = component.release() == *release;
        let is_known = true;
        return Ok(wants.then_some(Rival { owner, is_known }));
    }
    let api = context.cluster.components(&owner.namespace);
    match api.get_opt(&owner.name).await {
        Ok(found) => {
            let wants = found.is_some_and(|found| found.release() == *release);
            Ok(unknown(owner).filter(|_| wants))
        }
        Err(kube::Error::SerdeError(_)) => Ok(unknown(owner)),
        // whether it is there cannot be seen
        Err(cause) if is_forbidden(&cause) => Ok(unknown(owner)),
        Err(cause) => Err(cause.into()),
    }
}

async fn newest(
    context: &Context,
    key: &NodeKey,
    release: &ReleaseKey,
    revision: &Revision,
) -> Result<Newest, ReconcileError> {
    if let Some(record) = (context.memory).of(key, |memory| memory.release.record(revision)) {
        return Ok(Newest::Readable(record));
    }
    Ok(
        match context.cluster.record(release, revision.number).await? {
            None => Newest::Unreadable(format!(
                "revision {} vanished while it was read",
                revision.number
            )),
            Some(Err(cause)) => Newest::Unreadable(cause.to_string()),
            Some(Ok(record)) => {
                let keep = |memory: &mut super::super::memory::OfComponent| {
                    memory.release.keep(revision, record)
                };
                Newest::Readable(context.memory.of(key, keep))
            }
        },
    )
}

/// The manifest of a revision: from memory, or from its Secret; `None` if that is gone.
pub async fn manifest(
    context: &Context,
    key: &NodeKey,
    release: &ReleaseKey,
    number: i64,
) -> Result<Option<Result<String, RecordError>>, ReconcileError> {
    let kept = (context.memory).of(key, |memory| memory.release.manifest(&release.1, number));
    if kept.is_some() {
        return Ok(kept.map(Ok));
    }
    let record = context.cluster.record(release, number).await?;
    Ok(record.map(|read| read.map(|record| record.manifest)))
}

/// What the last good revision was made of, and whether it can be made again.
pub async fn good(
    context: &Arc<Context>,
    seen: &mut Observed,
    to: i64,
) -> Result<(), ReconcileError> {
    let o = &mut seen.observation;
    let mut history = o.status.history.iter();
    let known = history.find(|entry| entry.revision == to);
    let hash = known.and_then(|entry| SpecHash::parse(entry.hash.as_deref()?));
    let digest = known.and_then(|entry| Sha256Hex::parse_named(entry.chart_digest.as_deref()?));
    let chart = match digest {
        Some(digest) => context.charts.cached(digest).await,
        None => None,
    };
    let Some(chart) = chart else {
        o.reapply = Some(Some(format!(
            "the package of revision {to} is no longer in the cache; push a good version of the chart"
        )));
        return Ok(());
    };
    match context.cluster.record(&o.target(), to).await? {
        Some(Ok(record)) => {
            let proved = || Token::parse(&record.description).map(|token| token.hash);
            let revision = GoodRevision {
                package: chart.path.clone(),
                values: serde_json::to_vec(&record.config).unwrap_or_default(),
                hash: hash.or_else(proved),
            };
            seen.good = Some(Good { revision, chart });
            o.reapply = Some(None);
        }
        _ => o.reapply = Some(Some(format!("revision {to} can no longer be read"))),
    }
    Ok(())
}
