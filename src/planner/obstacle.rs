//! What keeps a Component from one of its dependencies, as far as Components and charts tell: the judgement that the
//! check of a Component in a cluster and the plan of a set of manifests share, and their words for it.

use crate::chart::index::ChartVersion;
use crate::component::conditions::Reason;
use crate::node_key::NodeKey;
use crate::planner::demand::Demand;
use crate::planner::directory::{Directory, Edge, Found};
use crate::planner::graph::Strength;
use crate::planner::words::{and, newest_of, versions_there_are};

/// What is in the way.
pub(super) enum Obstacle<'a> {
    /// No Component has the name, and these have the chart.
    Several(Vec<&'a NodeKey>),
    /// The Component of the name is made for others who want another chart: this one, if it exists already.
    OtherChart(Option<&'a str>),
    /// `spec.enabled` of the dependency is false.
    Disabled,
    /// There is no such Component, and the dependent does not let it be created.
    MayNotCreate,
    /// None of these versions satisfies these requirers together.
    VersionConflict(Vec<Demand>, &'a [ChartVersion]),
}

impl Directory {
    /// What is in the way of a required dependency by name, chart and `spec.enabled`; `None` also if there is no such
    /// Component. An optional dependency is in nobody's way (docs/components.md 11.3).
    pub(super) fn obstacle(&self, edge: &Edge) -> Option<Obstacle<'_>> {
        if edge.strength() == Strength::Optional {
            return None;
        }
        match &edge.found {
            Found::One(place) if self.node(*place).enabled => None,
            Found::One(_) => Some(Obstacle::Disabled),
            Found::Several(places) => {
                let keys = places.iter().map(|place| &self.node(*place).key);
                Some(Obstacle::Several(keys.collect()))
            }
            Found::OtherChart(place) => {
                Some(Obstacle::OtherChart(Some(&self.node(*place).chart_name)))
            }
            Found::Nobody => None,
        }
    }
}

impl Obstacle<'_> {
    /// The reason of the conditions.
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::Several(_) | Self::OtherChart(_) => Reason::DependencyAmbiguous,
            Self::Disabled => Reason::DependencyDisabled,
            Self::MayNotCreate => Reason::DependencyMissing,
            Self::VersionConflict(..) => Reason::DependencyVersionConflict,
        }
    }

    /// The message for the status of `dependent`. `dependency` is the Component in question, `chart` the chart that is
    /// required of it.
    pub(super) fn in_status(
        &self,
        dependent: &NodeKey,
        dependency: &NodeKey,
        chart: &str,
    ) -> String {
        let shown = |key: &NodeKey| key.seen_from(&dependent.namespace);
        let (me, name) = (shown(dependent), shown(dependency));
        match self {
            Self::Several(candidates) => format!(
                "no Component is named {name}, and {} all have the chart {chart}; name one of them in spec.dependsOn",
                and_keys(candidates, &dependent.namespace)
            ),
            Self::OtherChart(other) => format!(
                "{name} is needed of the chart {chart}, but was created with {} for others; write a Component with \
                 another name and the chart {chart}",
                other.map_or("another chart".to_owned(), |other| format!(
                    "the chart {other}"
                ))
            ),
            Self::Disabled => {
                format!("{name} is disabled, but {me} needs it; set spec.enabled of {name} to true")
            }
            Self::MayNotCreate => format!(
                "waits for {name} (not installed: autoInstallDependencies of {me} is false; write a Component {name})"
            ),
            Self::VersionConflict(demands, versions) => {
                let wishes = demands.iter().map(|demand| {
                    let requirer = shown(&demand.requirer);
                    format!("{requirer} needs {}", demand.range)
                });
                format!(
                    "no version of {name} suits all: {} (there are {}); change one of these ranges",
                    and(&wishes.collect::<Vec<_>>()),
                    newest_of(versions)
                )
            }
        }
    }

    /// What is wrong and what to do, as a plan says it; keys are shown as seen from the namespace `home`.
    pub(super) fn in_plan(
        &self,
        dependent: &NodeKey,
        dependency: &NodeKey,
        chart: &str,
        home: &str,
    ) -> (String, String) {
        let (me, name) = (dependent.seen_from(home), dependency.seen_from(home));
        match self {
            Self::Several(candidates) => (
                format!(
                    "{me} requires {name}: no Component has that name, and {} all have the chart {chart}",
                    and_keys(candidates, home)
                ),
                format!("name one of them in spec.dependsOn of {me}, or rename one"),
            ),
            Self::OtherChart(_) => (
                format!(
                    "{me} requires {name} of the chart {chart}, others require it of another chart"
                ),
                format!("write a Component {name}: its manifest says which chart it is"),
            ),
            Self::Disabled => (
                format!("{me} requires {name}, which has enabled: false"),
                format!("set spec.enabled of {name} to true, or that of {me} to false"),
            ),
            Self::MayNotCreate => (
                format!(
                    "{me} requires {name}, which is in no manifest, and its autoInstallDependencies is false"
                ),
                format!(
                    "add a manifest for {name}, or set spec.autoInstallDependencies of {me} to true"
                ),
            ),
            Self::VersionConflict(demands, versions) => (
                format!(
                    "{}: no version is good for all, {}",
                    wishes(demands, &name, home),
                    versions_there_are(versions)
                ),
                "change the version of one of them, or upload one of the chart that all accept"
                    .to_owned(),
            ),
        }
    }
}

/// `grafana wants db ^1 and loki wants db ^2`, as a plan says it.
pub(super) fn wishes(demands: &[Demand], name: &str, home: &str) -> String {
    let wishes = demands.iter().map(|demand| {
        let requirer = demand.requirer.seen_from(home);
        format!("{requirer} wants {name} {}", demand.range)
    });
    and(&wishes.collect::<Vec<_>>())
}

fn and_keys(keys: &[&NodeKey], home: &str) -> String {
    let names: Vec<String> = keys.iter().map(|key| key.seen_from(home)).collect();
    and(&names)
}
