//! Which Components are added to those of the manifests, and in which version.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::chart::index::ChartVersion;
use crate::component::conditions::Reason;
use crate::component::implicit::{Given, Values};
use crate::node_key::NodeKey;
use crate::planner::demand::{Choice, Demand, choose};
use crate::planner::directory::Found;
use crate::planner::inherit::joined;
use crate::planner::obstacle::Obstacle;
use crate::planner::requirement::Requirement;
use crate::planner::solve::Solver;
use crate::planner::solve::added::{Added, AddedSet};
use crate::planner::words::{and, versions_there_are};

/// All requirements of one chart in one namespace.
#[derive(Default)]
struct Wish {
    names: Vec<String>,
    demands: Vec<Demand>,
    /// What the requirers want of its values.
    given: Given,
    /// At least one of the requirers lets it be added.
    may_be_added: bool,
}

impl<'a> Solver<'a> {
    /// Adds what is missing, and what that requires, until nothing changes. The version decides what is required and
    /// what is required decides the version; if that does not settle, the last state is kept and reported.
    pub(super) fn settle_added(&mut self) -> AddedSet<'a> {
        let mut seen = Vec::new();
        let mut added = AddedSet::new();
        loop {
            let next = self.add_missing(&added);
            let state = state_of(&next);
            if state == state_of(&added) {
                return next;
            }
            if seen.contains(&state) {
                self.is_unsettled = true;
                let names: Vec<String> = next.keys().map(|key| self.name(key)).collect();
                self.problem(
                    Reason::DependencyVersionConflict,
                    next.keys().cloned().collect(),
                    format!(
                        "no choice of versions for {} lasts: each changes what is required of the others",
                        and(&names)
                    ),
                    "write a Component with an exact spec.version for one of them".to_owned(),
                );
                return next;
            }
            seen.push(state);
            added = next;
        }
    }

    /// What has to be added for the manifests and for what was added so far.
    fn add_missing(&self, so_far: &AddedSet<'a>) -> AddedSet<'a> {
        let mut wishes: BTreeMap<(String, String), Wish> = BTreeMap::new();
        for (requirer, declared, may_add) in self.requirers(so_far) {
            for declared in declared {
                let requirement = declared.requirement;
                let is_missing = self.directory.find(requirer, &requirement) == Found::Nobody;
                if requirement.is_optional() || !is_missing {
                    continue;
                }
                let chart = requirement.chart().to_owned();
                let target = requirement.key(&requirer.namespace);
                // the Component itself under another name is an edge to itself, not a second Component
                let wish = wishes.entry((target.namespace, chart)).or_default();
                wish.names.push(target.name);
                wish.may_be_added |= may_add;
                if let Some(Value::Object(values)) = requirement.values {
                    wish.given.entry(requirer.clone()).or_insert(values);
                }
                wish.demands.push(Demand {
                    requirer: requirer.clone(),
                    range: requirement.range,
                });
            }
        }
        let mut added = AddedSet::new();
        for ((namespace, chart), wish) in wishes {
            if !wish.may_be_added {
                continue;
            }
            // the chart's own name if anybody uses it
            let own = wish.names.iter().find(|name| **name == chart);
            let name = own.or(wish.names.iter().min()).expect("a wish has a name");
            let key = NodeKey::new(&namespace, name);
            let versions = self.versions(&chart);
            let version = match choose(versions, &wish.demands) {
                Choice::Version(index) => Some(&versions[index]),
                Choice::Unsatisfiable(_) | Choice::Conflict(_) => None,
            };
            // none is older than another
            let (values, unheard) = joined(&wish.given, wish.given.keys());
            // a second chart under the name of the first is not added: the check reports it
            added.entry(key).or_insert(Added {
                chart,
                demands: wish.demands,
                version,
                values,
                unheard,
            });
        }
        added
    }

    pub(super) fn versions(&self, chart: &str) -> &'a [ChartVersion] {
        let catalog = self.catalog;
        catalog
            .and_then(|catalog| catalog.versions(chart))
            .unwrap_or_default()
    }

    /// Reports why an added Component has no version, or that its chart cannot be read.
    pub(super) fn check_added(&mut self, added: &AddedSet<'a>) {
        let Some(catalog) = self.catalog else {
            return;
        };
        for (key, added) in added {
            let on = vec![key.clone()];
            let chart = &added.chart;
            if let Some(version) = added.version {
                if let Err(error) = Requirement::of(version) {
                    self.chart_invalid(on, chart, &version.text, &error);
                }
                continue;
            }
            let Some(versions) = catalog.versions(chart) else {
                let requirers: Vec<String> = added.demands.iter().map(|d| self.wish(d)).collect();
                let needs = format!("{} is required by {}", self.name(key), and(&requirers));
                let needs = format!("{needs}; it needs the chart {chart}");
                self.chart_not_found(on, &needs, chart);
                continue;
            };
            let there_are = versions_there_are(versions);
            match choose(versions, &added.demands) {
                Choice::Version(_) => {}
                Choice::Unsatisfiable(demand) => {
                    let text =
                        format!("the chart {chart} has no version for {}", self.wish(demand));
                    let help = format!("upload such a version of {chart}, or change the range");
                    self.problem(
                        Reason::VersionNotFound,
                        on,
                        format!("{text}, {there_are}"),
                        help,
                    );
                }
                Choice::Conflict(demands) => {
                    self.conflict(on, key, &demands, versions);
                }
            }
        }
    }

    /// `grafana (^1)`.
    pub(super) fn wish(&self, demand: &Demand) -> String {
        format!("{} ({})", self.name(&demand.requirer), demand.range)
    }

    /// Reports requirers of `dependency` that no version can satisfy together.
    pub(super) fn conflict(
        &mut self,
        on: Vec<NodeKey>,
        dependency: &NodeKey,
        demands: &[&Demand],
        versions: &[ChartVersion],
    ) {
        let demands = demands.iter().copied().cloned().collect();
        let conflict = Obstacle::VersionConflict(demands, versions);
        let (message, help) = conflict.in_plan(dependency, dependency, "", &self.home);
        self.problem(conflict.reason(), on, message, help);
    }
}

/// What decides whether two rounds have the same outcome.
fn state_of(added: &AddedSet<'_>) -> Vec<(NodeKey, String, Option<String>, Values)> {
    let version = |added: &Added<'_>| added.version.map(|version| version.text.clone());
    added
        .iter()
        .map(|(key, added)| {
            let values = added.values.clone();
            (key.clone(), added.chart.clone(), version(added), values)
        })
        .collect()
}
