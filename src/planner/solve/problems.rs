//! Problems between Components: disabled, missing, ambiguous, of the wrong version, two for one release.

use std::collections::BTreeMap;

use crate::component::conditions::Reason;
use crate::component::names::DEFAULT_NAMESPACE;
use crate::node_key::NodeKey;
use crate::planner::demand::{Choice, Demand, choose};
use crate::planner::directory::{Edge, Found};
use crate::planner::graph::Strength;
use crate::planner::obstacle::{Obstacle, wishes};
use crate::planner::plan::Dependency;
use crate::planner::problem::Problem;
use crate::planner::requirement::Declared;
use crate::planner::solve::Solver;
use crate::planner::solve::added::{self, AddedSet};
use crate::planner::words::{and, versions_there_are};

impl<'a> Solver<'a> {
    /// Reports everything but cycles, which need the whole graph.
    pub(super) fn report_problems(
        &mut self,
        added: &AddedSet<'a>,
        edges: &BTreeMap<NodeKey, Vec<Dependency>>,
    ) {
        self.check_added(added);
        self.check_edges(added);
        self.check_versions(edges);
        self.check_releases(added);
    }

    /// Requirements that no Component can meet: by name, by chart, or because it is disabled.
    fn check_edges(&mut self, added: &AddedSet<'a>) {
        let mut found = Vec::new();
        for (requirer, declared, may_add) in self.requirers(added) {
            for Declared { requirement, .. } in declared {
                let edge = self.directory.edge(requirer, requirement);
                let obstacle = match edge.found {
                    Found::Nobody => self.not_added(&edge, added, may_add),
                    _ => self.directory.obstacle(&edge),
                };
                found.extend(obstacle.map(|obstacle| self.between(requirer, &edge, &obstacle)));
            }
        }
        self.problems.append(&mut found);
    }

    fn between(&self, requirer: &NodeKey, edge: &Edge, obstacle: &Obstacle<'_>) -> Problem {
        let dependency = match edge.found {
            Found::One(place) => &self.directory.node(place).key,
            _ => &edge.wanted,
        };
        let chart = edge.requirement.chart();
        let (message, help) = obstacle.in_plan(requirer, dependency, chart, &self.home);
        Problem {
            reason: obstacle.reason(),
            on: vec![requirer.clone()],
            message,
            help,
        }
    }

    /// Why a missing Component is not added. `None` if it is added, or if the additions never settle.
    fn not_added(&self, edge: &Edge, added: &AddedSet<'a>, may_add: bool) -> Option<Obstacle<'_>> {
        let is_added = added::find(added, &edge.wanted, &edge.requirement).is_some();
        if edge.strength() == Strength::Optional || self.is_unsettled || is_added {
            return None;
        }
        Some(if may_add {
            // the name is taken
            Obstacle::OtherChart(None)
        } else {
            Obstacle::MayNotCreate
        })
    }

    /// Versions that manifests ask for, against the ranges of requirers. Added Components satisfy theirs already.
    fn check_versions(&mut self, edges: &BTreeMap<NodeKey, Vec<Dependency>>) {
        let mut demands: BTreeMap<NodeKey, Vec<Demand>> = BTreeMap::new();
        for (requirer, edges) in edges {
            for edge in edges {
                let Some(target) = edge.target.clone() else {
                    continue;
                };
                if edge.optional {
                    self.note_optional(requirer, &target, edge);
                    continue;
                }
                demands.entry(target).or_default().push(Demand {
                    requirer: requirer.clone(),
                    range: edge.range.clone(),
                });
            }
        }
        for (target, demands) in demands {
            self.check_version(&target, &demands);
        }
    }

    /// The version of one Component against all demands on it.
    fn check_version(&mut self, target: &NodeKey, demands: &[Demand]) {
        let Some(given) = self.given(target) else {
            return;
        };
        let component = given.component;
        let Some((text, version)) = (given.version.as_ref()).filter(|_| component.spec.enabled)
        else {
            return;
        };
        let unmet: Vec<Demand> = (demands.iter())
            .filter(|demand| !demand.range.allows(version))
            .cloned()
            .collect();
        if unmet.is_empty() {
            return;
        }
        let on: Vec<NodeKey> = unmet.iter().map(|demand| demand.requirer.clone()).collect();
        let name = self.name(target);
        let versions = self.versions(component.chart_name());
        let help = match choose(versions, demands) {
            Choice::Version(index) => format!(
                "set spec.version of {name} to {}, which is good for all who require it",
                versions[index].text
            ),
            Choice::Conflict(demands) => {
                return self.conflict(on, target, &demands, versions);
            }
            Choice::Unsatisfiable(_) if versions.is_empty() => {
                format!("set spec.version of {name} to one that is good for all who require it")
            }
            Choice::Unsatisfiable(_) => format!(
                "no version would do, {}: upload another or change the range",
                versions_there_are(versions)
            ),
        };
        let why = match component.spec.version.as_str() {
            "" => "its newest version, as spec.version is empty".to_owned(),
            asked => format!("by its spec.version {asked:?}"),
        };
        let wishes = wishes(&unmet, &name, &self.home);
        let message = format!("{wishes}, but {name} is {text} ({why})");
        self.problem(Reason::DependencyVersionMismatch, on, message, help);
    }

    fn note_optional(&mut self, requirer: &NodeKey, target: &NodeKey, edge: &Dependency) {
        let version = (self.given(target)).and_then(|given| given.version.as_ref());
        if let Some((text, _)) = version.filter(|(_, version)| !edge.range.allows(version)) {
            let (requirer, name) = (self.name(requirer), self.name(target));
            self.notes.push(format!(
                "{requirer} is made for {name} {}, which is {text}; the dependency is optional",
                edge.range
            ));
        }
    }

    /// No two Components may own one release.
    fn check_releases(&mut self, added: &AddedSet<'a>) {
        let mut owners: BTreeMap<(String, String), Vec<NodeKey>> = BTreeMap::new();
        for (node, _) in self.active() {
            let owners = owners.entry(node.release.clone()).or_default();
            owners.push(node.key.clone());
        }
        for key in added.keys() {
            let release = (DEFAULT_NAMESPACE.to_owned(), key.name.clone());
            owners.entry(release).or_default().push(key.clone());
        }
        for ((namespace, release), keys) in owners {
            if keys.len() > 1 {
                let names: Vec<String> = keys.iter().map(|key| self.name(key)).collect();
                let names = and(&names);
                self.problem(
                    Reason::ReleaseConflict,
                    keys,
                    format!("{names} would all own the release {release} in namespace {namespace}"),
                    "give each its own spec.chart.releaseName or spec.chart.namespace".to_owned(),
                );
            }
        }
    }
}
