//! What must be there before Helm runs: the namespace, and the chart's CRDs (docs/components.md 2.3 and 10).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::causes::chain;
use crate::component::CrdsPolicy;
use crate::component::conditions::Reason;
use crate::controller::charts::FetchedChart;
use crate::controller::crds::{self, CrdsError};
use crate::controller::namespace::{self, NamespaceState};
use crate::controller::reconcile::context::{Context, ReconcileError};
use crate::controller::reconcile::observe::Observed;
use crate::release::helm::{Failure, FailureClass};

/// How long CRDs may take to be served.
const CRDS_ESTABLISHED: Duration = Duration::from_secs(60);

/// Makes the namespace, if it is not there, and brings the chart's CRDs up to date. The inner error says why Helm cannot
/// run.
pub async fn prepare(
    context: &Context,
    seen: &Observed,
    namespace: Option<NamespaceState>,
    values: Value,
) -> Result<Result<(), Failure>, ReconcileError> {
    let (name, _) = seen.observation.target();
    let labels = &context.config.namespace_labels;
    let objects = context.objects_of(&seen.observation.component);
    let namespace = match namespace {
        Some(namespace) => namespace,
        None => namespace::create(objects.client(), &name, labels).await?,
    };
    match namespace {
        NamespaceState::Existed | NamespaceState::Created => {}
        NamespaceState::Terminating => return Ok(Err(namespace_ends_first(&name))),
    }
    crds(context, seen, values).await
}

/// The namespace has to go before it can be made again.
pub fn namespace_ends_first(name: &str) -> Failure {
    Failure {
        class: FailureClass::Transient,
        reason: Reason::NamespaceTerminating,
        message: format!("namespace {name} is being deleted; it is made again when it is gone"),
    }
}

/// The chart's CRDs, which Helm does not bring up to date.
pub async fn crds(
    context: &Context,
    seen: &Observed,
    values: Value,
) -> Result<Result<(), Failure>, ReconcileError> {
    let policy = seen.observation.component.spec.crds;
    let chart = match &seen.chart {
        Some(chart) if !chart.crds.is_empty() && policy != CrdsPolicy::Skip => chart,
        _ => return Ok(Ok(())),
    };
    let definitions = match definitions(chart, values).await? {
        Ok(definitions) => definitions,
        Err(failure) => return Ok(Err(failure)),
    };
    let objects = context.objects_of(&seen.observation.component);
    let client = objects.client();
    let applied = crds::apply(client, &definitions, policy, CRDS_ESTABLISHED).await;
    Ok(applied
        .map(drop)
        .map_err(|cause| definitions_failure(&cause)))
}

/// The CRDs of a chart and of the sub-charts that these values leave switched on.
pub(super) async fn definitions(
    chart: &Arc<FetchedChart>,
    values: Value,
) -> Result<Result<Vec<(String, Vec<u8>)>, Failure>, ReconcileError> {
    if !chart
        .crds
        .iter()
        .any(|(path, _)| path.starts_with("charts/"))
    {
        return Ok(Ok(chart.crds.clone()));
    }
    let held = Arc::clone(chart);
    // reading and inflating take a while
    let enabled = tokio::task::spawn_blocking(move || {
        let package = std::fs::read(&held.path).map_err(|error| error.to_string())?;
        crds::of_enabled(&package, &held.crds, &values).map_err(|error| error.to_string())
    });
    Ok(enabled.await?.map_err(|why| Failure {
        class: FailureClass::Transient,
        reason: Reason::InstallFailed,
        message: format!(
            "the package of {} in the cache cannot be read: {why}",
            chart.title()
        ),
    }))
}

/// What it means that a chart's CRDs could not be applied.
pub fn definitions_failure(cause: &CrdsError) -> Failure {
    let (class, reason) = match cause {
        CrdsError::Unreadable { .. } => (FailureClass::Terminal, Reason::ChartInvalid),
        CrdsError::Api { source, .. } => match source.as_ref() {
            kube::Error::Api(status) if status.code == 403 => {
                (FailureClass::Attempt, Reason::Forbidden)
            }
            kube::Error::Api(status) if matches!(status.code, 400 | 405 | 415 | 422) => {
                (FailureClass::Attempt, Reason::MissingCRDs)
            }
            _ => (FailureClass::Transient, Reason::ClusterUnreachable),
        },
        CrdsError::NamesRefused { .. } | CrdsError::NotServed { .. } => {
            (FailureClass::Attempt, Reason::MissingCRDs)
        }
    };
    Failure {
        class,
        reason,
        message: format!(
            "the chart's definitions cannot be applied: {}",
            chain(cause)
        ),
    }
}
