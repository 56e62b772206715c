//! Which chart: the version that the spec means, and its package (docs/components.md 11.1 and 17).

use std::sync::Arc;

use crate::chart::digest::Sha256Hex;
use crate::chart::selector::VersionSelector;
use crate::chart::version::Version;
use crate::component::conditions::Reason;
use crate::controller::charts::{
    ChartVersion, ChartsError, ErrorClass, FetchedChart, Picked, pick,
};
use crate::controller::reconcile::context::Context;
use crate::controller::reconcile::observation::{ChartFacts, ChartState, Observation};
use crate::controller::reconcile::observe::Observed;

/// The chart that the spec means, its package fetched.
pub async fn resolve(context: &Context, seen: &mut Observed) {
    let found = find(context, &seen.observation).await;
    seen.observation.chart = Some(match found {
        Ok((chart, instead)) => {
            let refusal = requires_too_much(context, &seen.observation, &chart);
            let state = match check(context, &chart).await {
                Ok(()) => match refusal {
                    None => ChartState::Resolved(facts(&seen.observation, &chart, instead)),
                    Some(message) => ChartState::Refused {
                        reason: Reason::NotAllowed,
                        message,
                    },
                },
                Err(cause) => ChartState::Refused {
                    reason: cause.reason(),
                    message: cause.message(),
                },
            };
            seen.chart = Some(chart);
            state
        }
        Err(state) => state,
    });
}

/// Why the Component may not have what the chart requires besides.
fn requires_too_much(context: &Context, o: &Observation, chart: &FetchedChart) -> Option<String> {
    let named = (chart.requires.iter()).filter_map(|required| required.namespace.as_deref());
    let title = format!("chart {} {} requires", chart.name, chart.version);
    (context.config.bounds).refusal_of_namespaces(&title, &o.key.namespace, named)
}

/// A chart, and why it is not the one that the spec means; or why there is none.
type Found = Result<(Arc<FetchedChart>, Option<(Reason, String)>), ChartState>;

/// The chart, from the cache if what it applied is awaited: that needs nothing of the repository (docs/components.md 4.6).
async fn find(context: &Context, o: &Observation) -> Found {
    let found = listed(context, o).await;
    let Err(ChartState::Awaited { reason, message }) = found else {
        return found;
    };
    match awaited(context, o).await {
        Some(chart) => Ok((chart, Some((reason, message)))),
        None => Err(ChartState::Awaited { reason, message }),
    }
}

/// The chart of the operation that is awaited, as long as the spec is the one that it was begun for.
async fn awaited(context: &Context, o: &Observation) -> Option<Arc<FetchedChart>> {
    let begun = o.status.operation.as_ref()?;
    begun.ready_by.as_ref()?;
    let tried = o.status.last_attempted.as_ref()?;
    let is_of_this = tried.generation == Some(o.generation());
    let digest = begun.chart_digest.as_deref().filter(|_| is_of_this)?;
    context.charts.cached(Sha256Hex::parse_named(digest)?).await
}

async fn listed(context: &Context, o: &Observation) -> Found {
    let spec = &o.component.spec;
    // validated before
    let pinned = spec
        .chart
        .digest
        .as_deref()
        .and_then(Sha256Hex::parse_named);
    let repository = spec
        .chart
        .repository
        .as_deref()
        .filter(|url| !url.is_empty());
    let name = o.component.chart_name();
    let versions = context.charts.versions(repository, name).await;
    let versions = versions.map_err(|cause| without(&cause))?;
    let version = match picked(o, &versions) {
        Picked::Version(index) => &versions[index],
        Picked::Stay(message) => {
            let reason = Reason::VersionNotFound;
            // what runs is wanted still; only its package is no longer in the repository
            return match installed(context, o).await {
                Some(chart) => Ok((chart, Some((reason, message)))),
                None => Err(ChartState::Awaited { reason, message }),
            };
        }
        Picked::NotFound { reason, message } => {
            return Err(ChartState::Awaited { reason, message });
        }
    };
    let fetched = context.charts.fetch(repository, version, pinned).await;
    Ok((fetched.map_err(|cause| without(&cause))?, None))
}

fn picked(o: &Observation, versions: &[ChartVersion]) -> Picked {
    let spec = &o.component.spec;
    // validated before
    let selector = VersionSelector::parse(&spec.version).unwrap_or(VersionSelector::Newest);
    pick(&selector, versions, o.pinned_version(), spec.auto_upgrade)
}

/// The package of what is installed, from the cache.
async fn installed(context: &Context, o: &Observation) -> Option<Arc<FetchedChart>> {
    let status = o.component.status.as_ref()?;
    let digest = Sha256Hex::parse_named(status.chart_digest.as_deref()?)?;
    context.charts.cached(digest).await
}

/// The package is there; may it be installed here? The API server may have become another since the start.
async fn check(context: &Context, chart: &FetchedChart) -> Result<(), ChartsError> {
    let checked = chart.check(&context.cluster.server_version);
    match checked {
        Err(cause) if cause.reason() == Reason::KubeVersionMismatch => {
            let info = context.cluster.objects.server_version().await;
            match info.ok().and_then(|info| Version::parse(&info.git_version)) {
                Some(version) => chart.check(&version),
                None => Err(cause),
            }
        }
        checked => checked,
    }
}

/// There is no chart: waited for, tried again or refused, by what is the matter with it.
fn without(cause: &ChartsError) -> ChartState {
    let (reason, message) = (cause.reason(), cause.message());
    match cause.class() {
        ErrorClass::Terminal => ChartState::Refused { reason, message },
        _ => ChartState::Awaited { reason, message },
    }
}

fn facts(o: &Observation, chart: &FetchedChart, instead: Option<(Reason, String)>) -> ChartFacts {
    ChartFacts {
        name: chart.name.clone(),
        version: chart.version.clone(),
        app_version: chart.app_version.clone(),
        digest: chart.digest,
        hash: o.hash(&chart.name, &chart.version, chart.digest),
        has_install_hooks: chart.has_install_hooks,
        has_post_hooks: chart.has_post_hooks,
        instead,
    }
}
