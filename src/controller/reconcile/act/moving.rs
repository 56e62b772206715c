//! Whether a release that moves can be installed in its new place: Helm is asked, as far as it can tell without doing it
//! (docs/components.md 12.3).

use std::sync::Arc;

use crate::component::status::OperationKind;
use crate::controller::namespace::{self, NamespaceState};
use crate::controller::reconcile::act::operation::run_installer;
use crate::controller::reconcile::act::{implicit, prepare, rewriting};
use crate::controller::reconcile::call;
use crate::controller::reconcile::context::{Context, ReconcileError, now};
use crate::controller::reconcile::decide::Decision;
use crate::controller::reconcile::effects::begin;
use crate::controller::reconcile::observation::Release;
use crate::controller::reconcile::observe::Observed;
use crate::controller::reconcile::outcome::Outcome;
use crate::controller::reconcile::status::begin_dry_run;
use crate::release::helm::{self, Failure, judge};
use crate::release::operation::ReleaseKey;

/// Finds out whether the release of the spec could be installed. What the old release has of its objects does not count.
/// The chart's CRDs are applied for that: Helm cannot tell without.
pub async fn try_new(
    context: &Arc<Context>,
    seen: &mut Observed,
    decision: &Decision,
) -> Result<Outcome, ReconcileError> {
    implicit::provide(context, seen).await?;
    let report = begin_dry_run(&seen.observation, decision);
    begin(context, seen, report).await?;
    let o = &seen.observation;
    let Some((old, release)) = o.plan.old.clone().zip(o.release(&o.target()).cloned()) else {
        return Err(ReconcileError::Conflict);
    };
    let failure = try_install(context, seen, &old.key, &release).await?;
    let now = now();
    Ok(Outcome::Tried { now, failure })
}

async fn try_install(
    context: &Arc<Context>,
    seen: &mut Observed,
    old: &ReleaseKey,
    release: &Release,
) -> Result<Option<Failure>, ReconcileError> {
    let namespace = namespace::look(&context.cluster.client, &release.key.0).await?;
    if let Some(NamespaceState::Terminating) = namespace {
        return Ok(Some(prepare::namespace_ends_first(&release.key.0)));
    }
    let values = serde_json::to_value(&seen.observation.component.spec.values);
    let prepared = prepare::crds(context, seen, values.unwrap_or_default()).await?;
    if let Err(failure) = prepared {
        return Ok(Some(failure));
    }
    let lost = rewriting::keep_records_served(context, seen, release, None).await?;
    let mut tried = dry_run(context, seen, release, false).await?;
    if judge(OperationKind::Install, &tried).is_some() && is_of(&tried.stderr, old) {
        // that object goes; whatever else is wrong shows without looking at whose they are
        tried = dry_run(context, seen, release, true).await?;
    }
    rewriting::put_back(context, &release.key, lost).await?;
    Ok(rewriting::judged(context, OperationKind::Install, &tried).await)
}

async fn dry_run(
    context: &Arc<Context>,
    seen: &mut Observed,
    release: &Release,
    whoever_has_objects: bool,
) -> Result<helm::HelmOutcome, ReconcileError> {
    let o = &seen.observation;
    let chart = o.resolved().ok_or(ReconcileError::Conflict)?;
    let wanted = o.wanted(chart).hash;
    let operation = call::dry_run(o, &seen.material(), release, wanted, whoever_has_objects);
    let ended = run_installer(context, seen, &operation).await?;
    if ended.superseded || context.work.stop.is_cancelled() {
        return Err(ReconcileError::Conflict);
    }
    Ok(ended.outcome)
}

/// True if what Helm refuses to take over belongs to this release, by the annotations that Helm quotes.
fn is_of(stderr: &str, (namespace, name): &ReleaseKey) -> bool {
    let mut owners = stderr.split("current value is \"").skip(1).peekable();
    let is_old = |quoted: &str| {
        let value = quoted.split('"').next();
        value == Some(namespace) || value == Some(name)
    };
    owners.peek().is_some() && owners.all(is_old) && !stderr.contains("missing key")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str, name: &str) -> ReleaseKey {
        (namespace.to_owned(), name.to_owned())
    }

    #[test]
    fn helm_says_whose_an_object_is() {
        let old = key("shop", "web");
        let refused = |values: &[&str]| {
            let quoted: Vec<_> = (values.iter())
                .map(|value| format!("annotation validation error: key \"k\" must equal \"n\": current value is \"{value}\""))
                .collect();
            format!(
                "ClusterRole \"x\" exists and cannot be imported: {}",
                quoted.join("; ")
            )
        };
        assert!(is_of(&refused(&["web"]), &old));
        assert!(is_of(&refused(&["web", "shop"]), &old));
        assert!(!is_of(&refused(&["other", "shop"]), &old));
        assert!(!is_of(
            "label validation error: missing key \"app.kubernetes.io/managed-by\"",
            &old
        ));
        assert!(!is_of("Error: something else", &old));
    }
}
