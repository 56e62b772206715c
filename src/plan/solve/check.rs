//! What is wrong between Components: switched off, missing, ambiguous, of the wrong version, two for one release.

use std::collections::BTreeMap;

use crate::chart::version::Version;
use crate::plan::planned::Edge;
use crate::plan::problem::Reason;
use crate::plan::solve::words::{and, versions_there_are};
use crate::plan::solve::{AddedSet, Found, World, wanted};
use crate::topology::{Choice, Demand, NodeKey, choose};

impl<'a> World<'a> {
    /// Reports everything but cycles, which need the whole graph.
    pub(super) fn check(&mut self, added: &AddedSet<'a>, edges: &BTreeMap<NodeKey, Vec<Edge>>) {
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
            for declared in declared {
                let requirement = &declared.requirement;
                let target = wanted(requirer, requirement);
                let (requirer_name, name) = (self.name(requirer), self.name(&target));
                let (reason, message, help) = match self.find(requirer, requirement) {
                    Found::One(_) => continue,
                    Found::Several(keys) => {
                        let names: Vec<String> = keys.iter().map(|key| self.name(key)).collect();
                        (
                            Reason::DependencyAmbiguous,
                            format!(
                                "{requirer_name} requires {name}: no Component has that name, and {} all have the chart \
                                 {}",
                                and(&names),
                                requirement.chart()
                            ),
                            format!(
                                "name one of them in spec.dependsOn of {requirer_name}, or rename one"
                            ),
                        )
                    }
                    Found::None if requirement.is_optional() || self.is_unsettled => continue,
                    Found::None if super::added::find(added, &target, requirement).is_some() => {
                        continue;
                    }
                    Found::None if may_add => (
                        Reason::DependencyAmbiguous,
                        format!(
                            "{requirer_name} requires {name} of the chart {}, others require it of another chart",
                            requirement.chart()
                        ),
                        format!("write a Component {name}: its manifest says which chart it is"),
                    ),
                    Found::None => (
                        Reason::DependencyMissing,
                        format!(
                            "{requirer_name} requires {name}, which is in no manifest, and its autoInstallDependencies is \
                             false"
                        ),
                        format!(
                            "add a manifest for {name}, or set spec.autoInstallDependencies of {requirer_name} to true"
                        ),
                    ),
                };
                found.push((reason, vec![requirer.clone()], message, help));
            }
        }
        for (reason, on, message, help) in found {
            self.problem(reason, on, message, help);
        }
    }

    fn check_disabled(&mut self, edges: &BTreeMap<NodeKey, Vec<Edge>>) {
        for (requirer, edges) in edges {
            for edge in edges.iter().filter(|edge| !edge.optional) {
                let Some((key, given)) =
                    (edge.target.as_ref()).and_then(|key| self.given.get_key_value(key))
                else {
                    continue;
                };
                if given.component.enabled {
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
    fn check_versions(&mut self, edges: &BTreeMap<NodeKey, Vec<Edge>>) {
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
            let Some(given) = self.given.get(&target) else {
                continue;
            };
            let Some((text, version)) = given.version.clone().filter(|_| given.component.enabled)
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
            let why = match component.version.as_str() {
                "" => "its newest version, as spec.version is empty".to_owned(),
                asked => format!("by its spec.version {asked:?}"),
            };
            let message = format!("{wishes}, but {name} is {text} ({why})");
            let versions = (self.catalog)
                .and_then(|catalog| catalog.versions(&component.chart))
                .unwrap_or_default();
            let parsed: Vec<&Version> = versions.iter().map(|v| &v.version).collect();
            let (reason, help) = match choose(&parsed, &demands) {
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

    fn note_optional(&mut self, requirer: &NodeKey, target: &NodeKey, edge: &Edge) {
        let version = self
            .given
            .get(target)
            .and_then(|given| given.version.as_ref());
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
        for (key, given) in self.given.iter().filter(|(_, given)| given.is_active()) {
            let release = given.component.release.clone();
            owners.entry(release).or_default().push(key.clone());
        }
        for key in added.keys() {
            let release = ("edge-system".to_owned(), key.name.clone());
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
