//! What the planner has to know before it says whether dependencies are met (docs/components.md 11.3).

use crate::chart::index::ChartVersion;
use crate::controller::charts::ChartsError;
use crate::controller::reconcile::context::{Context, ReconcileError};
use crate::controller::reconcile::observation::Observation;
use crate::controller::reconcile::observe::release;
use crate::node_key::NodeKey;
use crate::planner::{Available, DependencyCheck, Lookup, Requirement, handed_down};
use crate::release::operation::ReleaseKey;
use crate::release::record::ReleaseStatus;

/// Whether what the chart requires, and the spec depends on, is there.
pub async fn gate(
    context: &Context,
    o: &Observation,
    requires: &[Requirement],
) -> Result<DependencyCheck, ReconcileError> {
    let planner = context.cluster.store.planner();
    let requires = &handed_down(requires, &o.component.spec.values);
    let mut available = Available::default();
    for lookup in planner.lookups(&o.key, requires) {
        match lookup {
            Lookup::Chart(chart) => {
                if let Some(versions) = versions(context, &chart).await {
                    available.charts.insert(&chart, versions);
                }
            }
            Lookup::Release(namespace, name) => {
                if let Some(version) = external(context, o, &namespace, &name).await? {
                    available.releases.insert((namespace, name), version);
                }
            }
        }
    }
    Ok(planner.check(&o.key, requires, &available))
}

/// The versions of a chart in the repository; `None` if it does not answer.
async fn versions(context: &Context, chart: &str) -> Option<Vec<ChartVersion>> {
    match context.charts.versions(None, chart).await {
        Ok(versions) => Some(versions),
        // the repository has answered, too
        Err(ChartsError::ChartNotFound { .. }) => Some(Vec::new()),
        Err(_) => None,
    }
}

/// The chart version of a deployed release of that name, in that namespace or in the one that this release goes to.
async fn external(
    context: &Context,
    o: &Observation,
    namespace: &str,
    name: &str,
) -> Result<Option<String>, ReconcileError> {
    for namespace in [namespace, o.component.target_namespace()] {
        let release = (namespace.to_owned(), name.to_owned());
        if context.cluster.store.revisions(&release).is_empty() {
            continue;
        }
        let seen = release::cached(context, &key_of_external(&release), &release).await?;
        let deployed = seen.record();
        let deployed = deployed.filter(|record| record.status == ReleaseStatus::Deployed);
        if let Some(record) = deployed {
            return Ok(Some(record.chart.version.clone()));
        }
    }
    Ok(None)
}

/// What is remembered of a release without a Component is kept under a key that no Component has.
fn key_of_external((namespace, name): &ReleaseKey) -> NodeKey {
    NodeKey::new(&format!("release:{namespace}"), name)
}
