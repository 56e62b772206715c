//! The objects of a release: are they ready, and are they as they were installed (docs/components.md 4.6, 8 and 9)?

use std::sync::Arc;

use tokio::time::Instant;

use crate::component::status::OperationKind;
use crate::component::{DriftDetection, DriftMode, Wait};
use crate::controller::drift::{self, Compared, DriftCheck, DriftReport};
use crate::controller::health::{self, Awaited};
use crate::controller::reconcile::context::{Context, ReconcileError};
use crate::controller::reconcile::observation::{Drift, Installed, Observation, Readiness};
use crate::controller::reconcile::observe::{Observed, release};
use crate::release::manifest::{self, Manifest, Object, Unreadable};
use crate::release::record::Record;

/// Drifted objects that are to be put right.
pub struct Uncorrected {
    /// The release's objects.
    pub objects: Vec<Object>,
    /// Which of them drifted, and how.
    pub report: DriftReport,
    /// What does not count.
    pub policy: DriftDetection,
    /// Which are fought over, and were put right how often.
    pub fought_over: Vec<Option<usize>>,
}

/// Health and drift of the deployed revision. Where something is to be put right, health is left for afterwards.
pub async fn read(
    context: &Context,
    seen: &mut Observed,
    number: i64,
) -> Result<(), ReconcileError> {
    let o = &seen.observation;
    let (key, target) = (o.key.clone(), o.target());
    let now = Some(Instant::now());
    context.memory.of(&key, |memory| memory.drift.checked = now);
    let Some(manifest) = release::manifest(context, &key, &target, number).await? else {
        return Err(ReconcileError::Conflict);
    };
    let Manifest {
        objects,
        unreadable,
    } = manifest::read(&manifest);
    let objects = manifest::lasting(objects, &target.0);
    let mut installed = Installed {
        unreadable: in_words(&unreadable),
        ..Installed::default()
    };
    let of = (number, o.generation());
    let mut compared = context
        .memory
        .of(&key, |memory| memory.drift.take_compared(of));
    let policy = o.component.spec.drift_detection.clone();
    let report = detect(context, o, &objects, &policy, &mut compared).await;
    installed.drift = report.as_ref().map_or(Drift::NotLooked, found);
    let corrects = policy.mode == DriftMode::Enabled;
    let report = report.filter(|report| corrects && !report.drifted.is_empty());
    if report.is_none() {
        // what was just read and is ready need not be read again
        let others: Vec<&Object> = (objects.iter())
            .filter(|object| !compared.is_ready(&object.identity()))
            .collect();
        installed.unready = unready(context, &others, &target.0).await;
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
            objects,
            report,
            policy,
            fought_over,
        }
    });
    seen.observation.installed = Some(installed);
    Ok(())
}

/// The first of what cannot be read, and how many more there are.
fn in_words(unreadable: &[Unreadable]) -> Option<String> {
    let (first, others) = unreadable.split_first()?;
    Some(match others.len() {
        0 => first.to_string(),
        more => format!("{first}; and {more} more"),
    })
}

async fn detect(
    context: &Context,
    o: &Observation,
    objects: &[Object],
    policy: &DriftDetection,
    compared: &mut Compared,
) -> Option<DriftReport> {
    if policy.mode == DriftMode::Disabled {
        *compared = Compared::default();
        return None;
    }
    let (namespace, name) = o.target();
    let check = DriftCheck {
        release: &name,
        namespace: &namespace,
        objects,
        policy,
    };
    Some(drift::detect_since(&context.cluster.objects, &check, compared).await)
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
pub async fn unready(context: &Context, objects: &[&Object], namespace: &str) -> Option<String> {
    let cluster = &context.cluster;
    let unready = health::unready_of(&cluster.objects, &cluster.client, objects, namespace).await;
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
    let (cluster, namespace) = (&context.cluster, o.component.target_namespace());
    // the one that was not ready last time is most likely not ready still
    let start = context.memory.of(&o.key, |memory| memory.waiting.unready);
    let place = health::first_unready(&cluster.objects, &objects, namespace, start, awaited).await;
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
    let (by, client) = (&cluster.objects, &cluster.client);
    let unready = health::unready_awaited(by, client, &objects, namespace, awaited).await;
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
