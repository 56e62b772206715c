//! The objects of a release: are they ready, and are they as they were installed (docs/components.md 4.6, 8 and 9)?

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use crate::component::status::OperationKind;
use crate::component::{DriftDetection, DriftMode, Wait};
use crate::controller::drift::{self, Change, Compared, DriftCheck, DriftReport, Drifted};
use crate::controller::health::{self, Awaited};
use crate::controller::objects::Objects;
use crate::controller::reconcile::context::{Context, ReconcileError};
use crate::controller::reconcile::decide::Look;
use crate::controller::reconcile::observation::{Drift, Installed, Observation, Readiness};
use crate::controller::reconcile::observe::{Observed, release};
use crate::release::manifest::{self, Object, ObjectKey};
use crate::release::operation::ReleaseKey;
use crate::release::record::Record;

/// Drifted objects that are to be put right.
pub struct Uncorrected {
    /// The release.
    pub release: ReleaseKey,
    /// The release's objects.
    pub objects: Vec<Object>,
    /// Which of them drifted, and how.
    pub report: DriftReport,
    /// What does not count.
    pub policy: DriftDetection,
    /// Which are fought over, and were put right how often.
    pub fought_over: Vec<Option<usize>>,
}

/// Health and drift of what runs. Where something is to be put right, health is left for afterwards.
pub async fn read(
    context: &Context,
    seen: &mut Observed,
    look: &Look,
) -> Result<(), ReconcileError> {
    let o = &seen.observation;
    let (key, generation) = (o.key.clone(), o.generation());
    let now = Some((generation, Instant::now()));
    context.memory.of(&key, |memory| memory.drift.checked = now);
    let (objects, unreadable) = present(context, o, look).await?;
    let mut installed = Installed {
        unreadable: in_words(&unreadable),
        ..Installed::default()
    };
    let of = (look.revision, generation);
    let mut compared = context
        .memory
        .of(&key, |memory| memory.drift.take_compared(of));
    let policy = o.component.spec.drift_detection.clone();
    let by = context.objects_of(&o.component);
    let report = detect(&by, look, &objects, &policy, &mut compared).await;
    installed.drift = report.as_ref().map_or(Drift::NotLooked, found);
    let corrects = look.corrects && policy.mode == DriftMode::Enabled;
    let report = report.filter(|report| corrects && !report.drifted.is_empty());
    if report.is_none() {
        // what was just read and is ready need not be read again
        let others: Vec<&Object> = (objects.iter())
            .filter(|object| !compared.is_ready(&object.identity()))
            .collect();
        installed.unready = unready(&by, &others, &look.release.0).await;
    }
    context
        .memory
        .of(&key, |memory| memory.drift.keep_compared(compared));
    seen.drifted = report.map(|report| {
        let now = Instant::now().into_std();
        let fought_over = context.memory.of(&key, |memory| {
            let corrections = &memory.drift.corrections;
            let keys = report.drifted.iter().map(|drifted| &drifted.key);
            keys.map(|key| corrections.fought_over(key, now)).collect()
        });
        Uncorrected {
            release: look.release.clone(),
            objects,
            report,
            policy,
            fought_over,
        }
    });
    seen.observation.installed = Some(installed);
    Ok(())
}

/// The objects that must be there, those of the revision that runs which an unfinished one after it has too; and what
/// cannot be read.
async fn present(
    context: &Context,
    o: &Observation,
    look: &Look,
) -> Result<(Vec<Object>, Vec<String>), ReconcileError> {
    let (mut objects, mut unreadable) = of_revision(context, o, look, look.revision).await?;
    if let Some(number) = look.unfinished {
        let (after, more) = of_revision(context, o, look, number).await?;
        let kept: BTreeSet<ObjectKey> = after.iter().map(unversioned).collect();
        objects.retain(|object| kept.contains(&unversioned(object)));
        unreadable.extend(more);
    }
    Ok((objects, unreadable))
}

/// The objects of a revision, and what of it cannot be read.
async fn of_revision(
    context: &Context,
    o: &Observation,
    look: &Look,
    number: i64,
) -> Result<(Vec<Object>, Vec<String>), ReconcileError> {
    let read = release::manifest(context, &o.key, &look.release, number).await?;
    Ok(match read.ok_or(ReconcileError::Conflict)? {
        Ok(manifest) => {
            let read = manifest::read(&manifest);
            let unreadable = read.unreadable.iter().map(ToString::to_string);
            let objects = manifest::lasting(read.objects, &look.release.0);
            (objects, unreadable.collect())
        }
        Err(cause) => {
            let why = format!("the record of revision {number} cannot be read: {cause}");
            (Vec::new(), vec![why])
        }
    })
}

/// Another version of a kind is the same object.
fn unversioned(object: &Object) -> ObjectKey {
    ObjectKey {
        version: String::new(),
        ..object.identity()
    }
}

/// The first of what cannot be read, and how many more there are.
fn in_words(unreadable: &[String]) -> Option<String> {
    let (first, others) = unreadable.split_first()?;
    Some(match others.len() {
        0 => first.clone(),
        more => format!("{first}; and {more} more"),
    })
}

async fn detect(
    by: &Objects,
    look: &Look,
    objects: &[Object],
    policy: &DriftDetection,
    compared: &mut Compared,
) -> Option<DriftReport> {
    if policy.mode == DriftMode::Disabled {
        *compared = Compared::default();
        return None;
    }
    let (namespace, name) = &look.release;
    let check = DriftCheck {
        release: name,
        namespace,
        objects,
        policy,
    };
    let mut report = drift::detect_since(by, &check, compared).await;
    if look.unfinished.is_some() {
        // what the unfinished revision changed is no drift
        let is_missing = |drifted: &Drifted| drifted.change == Change::Missing;
        report.drifted.retain(is_missing);
    }
    Some(report)
}

fn found(report: &DriftReport) -> Drift {
    let unknown = (!report.unknown.is_empty()).then(|| report.unknown_summary());
    if report.drifted.is_empty() {
        return Drift::None { unknown };
    }
    Drift::Found {
        digest: report.digest(),
        summary: report.summary(),
        unknown,
    }
}

/// The first few of these objects that are not ready, and why; `None` if all are.
pub async fn unready(by: &Objects, objects: &[&Object], namespace: &str) -> Option<String> {
    let unready = health::unready_of(by, by.client(), objects, namespace).await;
    (!unready.is_empty()).then(|| health::name_three(&unready))
}

/// Whether what a revision applied is ready; what is not is named if it is asked for.
pub async fn readiness(
    context: &Context,
    o: &Observation,
    number: i64,
    in_words: bool,
) -> Result<Readiness, ReconcileError> {
    let kept = (context.memory).of(&o.key, |memory| memory.waiting.applied.clone());
    let kept = kept.filter(|(revision, _)| *revision == number);
    let objects = match kept {
        Some((_, objects)) => objects,
        None => {
            let manifest = release::manifest(context, &o.key, &o.target(), number).await?;
            let manifest = manifest.and_then(Result::ok);
            keep_applied(
                context,
                o,
                number,
                &manifest.ok_or(ReconcileError::Conflict)?,
            )
        }
    };
    Ok(readiness_of(context, o, number, &objects, in_words).await)
}

/// The objects of what was applied, remembered for the next look. Helm had no trouble with what we cannot read, so nothing
/// says that it is not ready.
fn keep_applied(
    context: &Context,
    o: &Observation,
    number: i64,
    manifest: &str,
) -> Arc<Vec<Object>> {
    let objects = manifest::read(manifest).objects;
    let objects = Arc::new(manifest::lasting(objects, o.component.target_namespace()));
    let applied = Some((number, Arc::clone(&objects)));
    context
        .memory
        .of(&o.key, |memory| memory.waiting.applied = applied);
    objects
}

/// Whether what a revision applied is ready, from its record.
pub async fn readiness_of_record(context: &Context, o: &Observation, record: &Record) -> Readiness {
    let objects = keep_applied(context, o, record.revision, &record.manifest);
    readiness_of(context, o, record.revision, &objects, true).await
}

async fn readiness_of(
    context: &Context,
    o: &Observation,
    number: i64,
    objects: &[Object],
    in_words: bool,
) -> Readiness {
    let awaited = awaited(o, number);
    let objects: Vec<&Object> = (objects.iter())
        .filter(|object| awaited.counts(object))
        .collect();
    let cluster = context.objects_of(&o.component);
    let namespace = o.component.target_namespace();
    // the one that was not ready last time is most likely not ready still
    let start = context.memory.of(&o.key, |memory| memory.waiting.unready);
    let place = health::first_unready(&cluster, &objects, namespace, start, awaited).await;
    let next = place.unwrap_or_default();
    context
        .memory
        .of(&o.key, |memory| memory.waiting.unready = next);
    if place.is_none() {
        return ready(context, o);
    }
    if !in_words {
        return Readiness::NotReady(None);
    }
    let client = cluster.client();
    let unready = health::unready_awaited(&cluster, client, &objects, namespace, awaited).await;
    if unready.is_empty() {
        // all became ready between the two looks
        return ready(context, o);
    }
    Readiness::NotReady(Some(health::name_three(&unready)))
}

/// All is ready, and nothing has to be remembered for another look.
fn ready(context: &Context, o: &Observation) -> Readiness {
    context
        .memory
        .of(&o.key, |memory| memory.waiting.applied = None);
    Readiness::Ready
}

/// What is waited for after the operation that made this revision (docs/components.md 4.6).
pub fn awaited(o: &Observation, number: i64) -> Awaited {
    let spec = &o.component.spec;
    let kind = o.status.operation.as_ref().map(|operation| operation.kind);
    let (wait, jobs) = match kind {
        Some(OperationKind::Rollback) => (spec.rollback.wait, spec.rollback.wait_for_jobs),
        _ if number == 1 => (spec.install.wait, spec.install.wait_for_jobs),
        _ => (spec.upgrade.wait, spec.upgrade.wait_for_jobs),
    };
    Awaited {
        completes_jobs: jobs,
        is_legacy: wait == Wait::Legacy,
    }
}
