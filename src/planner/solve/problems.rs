//! What is wrong between Components: switched off, missing, ambiguous, of the wrong version, two for one release.

use std::collections::BTreeMap;

use crate::component::conditions::Reason;
use crate::component::names::DEFAULT_NAMESPACE;
use crate::node_key::NodeKey;
use crate::planner::demand::{Choice, Demand, choose};
use crate::planner::directory::Found;
use crate::planner::plan::Dependency;
use crate::planner::problem::Problem;
use crate::planner::requirement::{Declared, Requirement};
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
        self.check_missing(added);
        self.check_disabled(edges);
        self.check_versions(edges);
        self.check_releases(added);
    }

    /// Requirements that lead nowhere, or to too many.
    fn check_missing(&mut self, added: &AddedSet<'a>) {
        let mut found = Vec::new();
        for (requirer, declared, may_add) in self.requirers(added) {
            for Declared { requirement, .. } in &declared {
                let problem = match self.directory.find(requirer, requirement) {
                    Found::One(_) => None,
                    Found::Several(places) => Some(self.several(requirer, requirement, &places)),
                    Found::OtherChart(_) | Found::Nobody if requirement.is_optional() => None,
                    Found::OtherChart(_) => Some(self.other_chart(requirer, requirement)),
                    Found::Nobody => self.nobody(requirer, requirement, added, may_add),
                };
                found.extend(problem);
            }
        }
        self.problems.append(&mut found);
    }

    fn several(&self, requirer: &NodeKey, requirement: &Requirement, places: &[usize]) -> Problem {
        let names: Vec<String> = (places.iter())
            .map(|place| self.name(&self.directory.node(*place).key))
            .collect();
        let name = self.name(&requirement.key(&requirer.namespace));
        let requirer_name = self.name(requirer);
        Problem {
            reason: Reason::DependencyAmbiguous,
            on: vec![requirer.clone()],
            message: format!(
                "{requirer_name} requires {name}: no Component has that name, and {} all have the chart {}",
                and(&names),
                requirement.chart()
            ),
            help: format!("name one of them in spec.dependsOn of {requirer_name}, or rename one"),
        }
    }

    fn other_chart(&self, requirer: &NodeKey, requirement: &Requirement) -> Problem {
        let name = self.name(&requirement.key(&requirer.namespace));
        Problem {
            reason: Reason::DependencyAmbiguous,
            on: vec![requirer.clone()],
            message: format!(
                "{} requires {name} of the chart {}, others require it of another chart",
                self.name(requirer),
                requirement.chart()
            ),
            help: format!("write a Component {name}: its manifest says which chart it is"),
        }
    }

    /// `None` if it is added, or would be if that came to an end.
    fn nobody(
        &self,
        requirer: &NodeKey,
        requirement: &Requirement,
        added: &AddedSet<'a>,
        may_add: bool,
    ) -> Option<Problem> {
        let wanted = requirement.key(&requirer.namespace);
        if self.is_unsettled || added::find(added, &wanted, requirement).is_some() {
            return None;
        }
        if may_add {
            return Some(self.other_chart(requirer, requirement));
        }
        let (requirer_name, name) = (self.name(requirer), self.name(&wanted));
        Some(Problem {
            reason: Reason::DependencyMissing,
            on: vec![requirer.clone()],
            message: format!(
                "{requirer_name} requires {name}, which is in no manifest, and its autoInstallDependencies is false"
            ),
            help: format!(
                "add a manifest for {name}, or set spec.autoInstallDependencies of {requirer_name} to true"
            ),
        })
    }

    fn check_disabled(&mut self, edges: &BTreeMap<NodeKey, Vec<Dependency>>) {
        for (requirer, edges) in edges {
            for edge in edges.iter().filter(|edge| !edge.optional) {
                let Some(key) = &edge.target else {
                    continue;
                };
                if (self.given(key)).is_none_or(|given| given.component.spec.enabled) {
                    continue;
                }
                let (requirer_name, name) = (self.name(requirer), self.name(key));
                self.problem(
                    Reason::DependencyDisabled,
                    vec![requirer.clone()],
                    format!("{requirer_name} requires {name}, which has enabled: false"),
                    format!(
                        "set spec.enabled of {name} to true, or that of {requirer_name} to false"
                    ),
                );
            }
        }
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
            let Some(given) = self.given(&target) else {
                continue;
            };
            let Some((text, version)) = given
                .version
                .clone()
                .filter(|_| given.component.spec.enabled)
            else {
                continue;
            };
            let component = given.component;
            let unmet: Vec<&Demand> = (demands.iter())
                .filter(|demand| !demand.range.allows(&version))
                .collect();
            if unmet.is_empty() {
                continue;
            }
            let on: Vec<NodeKey> = unmet.iter().map(|demand| demand.requirer.clone()).collect();
            let name = self.name(&target);
            let wishes: Vec<String> = unmet
                .iter()
                .map(|demand| {
                    let requirer = self.name(&demand.requirer);
                    format!("{requirer} wants {name} {}", demand.range)
                })
                .collect();
            let wishes = and(&wishes);
            let why = match component.spec.version.as_str() {
                "" => "its newest version, as spec.version is empty".to_owned(),
                asked => format!("by its spec.version {asked:?}"),
            };
            let message = format!("{wishes}, but {name} is {text} ({why})");
            let versions = (self.catalog)
                .and_then(|catalog| catalog.versions(component.chart_name()))
                .unwrap_or_default();
            let (reason, help) = match choose(versions, &demands) {
                Choice::Version(index) => (
                    Reason::DependencyVersionMismatch,
                    format!(
                        "set spec.version of {name} to {}, which is good for all who require it",
                        versions[index].text
                    ),
                ),
                Choice::Conflict(demands) => {
                    self.conflict(on, &name, &demands, &versions_there_are(versions));
                    continue;
                }
                Choice::Unsatisfiable(_) if versions.is_empty() => (
                    Reason::DependencyVersionMismatch,
                    format!(
                        "set spec.version of {name} to one that is good for all who require it"
                    ),
                ),
                Choice::Unsatisfiable(_) => (
                    Reason::DependencyVersionMismatch,
                    format!(
                        "no version would do, {}: upload another or change the range",
                        versions_there_are(versions)
                    ),
                ),
            };
            self.problem(reason, on, message, help);
        }
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
