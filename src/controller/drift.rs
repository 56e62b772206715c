//! Drift: compares installed objects with the release's manifest and corrects them, object by object and without a new
//! revision (docs/components.md 8).

mod applied;
mod autoscalers;
mod compared;
mod corrections;
mod difference;
mod others;
mod owners;
mod pointer;
mod report;
mod rules;
mod selector;
mod stepwise;
mod wanted;

use futures_util::{StreamExt, stream};
use serde_json::Value;

pub use self::applied::{have_fields_of_others, leave_to_others};
use self::autoscalers::ScaleTargets;
pub use self::compared::Compared;
use self::compared::Version;
pub use self::corrections::Corrections;
pub use self::difference::difference;
pub use self::report::{Change, Correction, DriftReport, Drifted, FieldChange};
use self::rules::Ignored;
use crate::component::{DriftDetection, DriftMode};
use crate::controller::objects::{Objects, ObjectsError, is_exempt};
use crate::release::manifest::{Object, ObjectKey};

/// How many objects are compared at the same time.
const AT_ONCE: usize = 4;
/// How many times an object is compared that changes while it is.
const ATTEMPTS: usize = 3;

/// What is compared with the cluster.
#[derive(Clone, Copy)]
pub struct DriftCheck<'a> {
    /// The release's name.
    pub release: &'a str,
    /// The release's namespace.
    pub namespace: &'a str,
    /// The objects of its manifest, without hooks, in the order in which they are applied.
    pub objects: &'a [Object],
    /// What does not count as drift.
    pub policy: &'a DriftDetection,
}

/// The state of one object.
enum Comparison {
    /// As installed, in this version if it was compared.
    AsInstalled(Option<Version>),
    /// Not as installed.
    Drifted(Drifted),
    /// An apply is refused: what can be put right, if anything, and what cannot, if anything.
    Refused(Option<Drifted>, Option<String>),
    /// It cannot be compared; the text says why.
    Unknown(String),
}

/// Compares every object with what server-side apply would make of it, without changing anything. Never fails as a
/// whole: objects that cannot be compared are in [`DriftReport::unknown`]. Mode `disabled` compares nothing.
///
/// Not compared: objects annotated [`DRIFT_DETECTION`] = `disabled`, in the manifest or in the cluster. Of those with
/// Helm's keep policy only their absence is drift.
///
/// [`DRIFT_DETECTION`]: crate::component::names::annotation::DRIFT_DETECTION
pub async fn detect(objects: &Objects, check: &DriftCheck<'_>) -> DriftReport {
    detect_since(objects, check, &mut Compared::default()).await
}

/// As [`detect`], but an object whose version was as installed before is not compared again.
pub async fn detect_since(
    objects: &Objects,
    check: &DriftCheck<'_>,
    compared: &mut Compared,
) -> DriftReport {
    let mut report = DriftReport::default();
    let before = std::mem::take(compared);
    if check.policy.mode == DriftMode::Disabled {
        return report;
    }
    let targets = ScaleTargets::of(objects, check).await;
    let compared_objects = check
        .objects
        .iter()
        .filter(|object| !is_exempt(&object.value));
    let comparisons: Vec<_> = compared_objects
        .map(|object| {
            let (targets, before) = (&targets, &before);
            async move {
                let found = compare(objects, check, targets, before, object).await;
                (object.identity(), found)
            }
        })
        .collect();
    let mut found = stream::iter(comparisons).buffered(AT_ONCE);
    while let Some((key, found)) = found.next().await {
        match found {
            Comparison::AsInstalled(version) => compared.note(key, version),
            Comparison::Drifted(drifted) => report.drifted.push(drifted),
            Comparison::Refused(drifted, why) => {
                report.drifted.extend(drifted);
                report.unknown.extend(why.map(|why| (key, why)));
            }
            Comparison::Unknown(why) => report.unknown.push((key, why)),
        }
    }
    report
}

/// Applies every drifted object of the report, one after the other in the manifest's order, and goes on after an
/// error; returns the result for each object.
///
/// Ignored fields keep the values that they had when they were compared.
pub async fn correct(
    objects: &Objects,
    check: &DriftCheck<'_>,
    report: &DriftReport,
) -> Vec<(ObjectKey, Result<(), String>)> {
    let mut outcomes = Vec::new();
    for drifted in &report.drifted {
        let (key, namespace) = (&drifted.key, check.namespace);
        let answer = match &drifted.correction {
            Correction::Apply(wanted) => objects.apply(wanted, namespace).await,
            Correction::Patch(patch) => objects.patch_fields(key, namespace, patch, false).await,
        };
        let outcome = answer.map(drop).map_err(|error| error.to_string());
        outcomes.push((drifted.key.clone(), outcome));
    }
    outcomes
}

/// Compares an object with what server-side apply would make of it.
async fn compare(
    objects: &Objects,
    check: &DriftCheck<'_>,
    targets: &ScaleTargets,
    before: &Compared,
    object: &Object,
) -> Comparison {
    for last in (1..=ATTEMPTS).map(|attempt| attempt == ATTEMPTS) {
        match compare_once(objects, check, targets, before, object).await {
            // the object changed between the two requests: the difference may be that change
            Ok(None) if !last => {}
            Ok(None) => return Comparison::Unknown("it keeps changing".to_owned()),
            Ok(Some(found)) => return found,
            // the cluster was upgraded past it
            Err(ObjectsError::RetiredKind { .. }) => return Comparison::AsInstalled(None),
            Err(error) => return Comparison::Unknown(error.to_string()),
        }
    }
    Comparison::AsInstalled(None)
}

/// Compares an object once; `None` if somebody wrote to it meanwhile.
async fn compare_once(
    objects: &Objects,
    check: &DriftCheck<'_>,
    targets: &ScaleTargets,
    before: &Compared,
    object: &Object,
) -> Result<Option<Comparison>, ObjectsError> {
    let key = object.identity();
    let namespace = key.namespace.as_deref().unwrap_or(check.namespace);
    let mut wanted = wanted::wanted(object, check.release, check.namespace);
    let live = objects.get(&key, check.namespace).await?;
    let ignored = Ignored::of(
        check.policy,
        &key,
        namespace,
        live.as_ref().unwrap_or(&wanted),
    );
    let Ignored::Fields(mut ignored) = ignored else {
        return Ok(Some(Comparison::AsInstalled(None)));
    };
    let Some(live) = live else {
        return Ok(Some(match object.removes_itself() {
            true => Comparison::AsInstalled(None),
            false => Comparison::Drifted(Drifted {
                key,
                change: Change::Missing,
                correction: Correction::Apply(wanted),
            }),
        }));
    };
    if object.keeps() || is_exempt(&live) {
        return Ok(Some(Comparison::AsInstalled(None)));
    }
    if !live["metadata"]["deletionTimestamp"].is_null() {
        let why = "it is being deleted".to_owned();
        return Ok(Some(Comparison::Unknown(why)));
    }
    let is_scaled = targets.has(object.group(), &object.kind, namespace, &object.name);
    let seen = Version::of(&live, is_scaled);
    if before.has(&seen) {
        return Ok(Some(Comparison::AsInstalled(Some(seen))));
    }
    ignored.extend(others::leave(&mut wanted, &live, is_scaled));
    wanted::keep_live(&mut wanted, &live, &ignored);

    let (key, namespace) = (&key, check.namespace);
    let (result, correction, refused) = match objects.dry_run_apply(&wanted, namespace).await {
        Ok(result) => (result, Correction::Apply(wanted), None),
        Err(error) if error.refuses_object() => {
            let tried = stepwise::attempt(objects, key, namespace, &wanted, &live).await?;
            (
                tried.result,
                Correction::Patch(tried.patch),
                Some(tried.refused),
            )
        }
        Err(error) => return Err(error),
    };
    let paths = difference(&result, &live, &ignored);
    let version = |value: &Value| value["metadata"]["resourceVersion"].clone();
    if !paths.is_empty() && version(&result) != version(&live) {
        return Ok(None);
    }
    let drifted = (!paths.is_empty()).then(|| Drifted {
        key: key.clone(),
        change: Change::Changed(fields(&live, paths)),
        correction,
    });
    Ok(Some(match (drifted, refused) {
        (None, None) => Comparison::AsInstalled(Some(seen)),
        (Some(drifted), None) => Comparison::Drifted(drifted),
        (drifted, Some(refused)) => {
            let why = (!refused.is_empty()).then(|| refused.join("; "));
            Comparison::Refused(drifted, why)
        }
    }))
}

fn fields(live: &Value, paths: Vec<String>) -> Vec<FieldChange> {
    let changes = paths.into_iter().map(|path| FieldChange {
        managers: owners::managers(live, &path),
        path,
    });
    changes.collect()
}
