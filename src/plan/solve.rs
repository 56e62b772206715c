//! From manifests and charts to a plan: versions resolved, missing Components added, everything in order.
//!
//! The rules are those of the controller contract, sections 2.5 and 2.6, for a cluster in which nothing is installed.

mod added;
mod check;
mod outcome;
mod words;

use std::collections::BTreeMap;

use crate::chart::selector::VersionSelector;
use crate::chart::version::Version;
use crate::plan::catalog::Catalog;
use crate::plan::manifest::Component;
use crate::plan::planned::{Edge, Plan};
use crate::plan::problem::{Problem, Reason};
use crate::topology::{Declared, NodeKey, REQUIRES, Requirement, RequirementError, union};

use added::AddedSet;
use words::versions_there_are;

/// Plans `components` with the charts of `catalog`; without one, versions stay open and so does what charts require.
pub fn solve(components: &[Component], catalog: Option<&Catalog>) -> Plan {
    let mut world = World::new(components, catalog);
    let added = world.settle_added();
    let edges = world.edges(&added);
    world.check(&added, &edges);
    world.finish(added, edges)
}

/// A Component of the manifests, its version resolved.
struct Given<'a> {
    component: &'a Component,
    version: Option<(String, Version)>,
    /// What its chart requires.
    requires: Vec<Requirement>,
}

impl Given<'_> {
    /// True if the controller installs it.
    fn is_active(&self) -> bool {
        self.component.enabled && self.component.untouched.is_none()
    }
}

/// What a requirement leads to among the Components of the manifests.
enum Found {
    One(NodeKey),
    /// Several have the chart, none has the name.
    Several(Vec<NodeKey>),
    None,
}

struct World<'a> {
    catalog: Option<&'a Catalog>,
    home: String,
    given: BTreeMap<NodeKey, Given<'a>>,
    problems: Vec<Problem>,
    notes: Vec<String>,
    /// What has to be added never comes to rest, so what it leads to is not worth telling.
    is_unsettled: bool,
}

impl<'a> World<'a> {
    fn new(components: &'a [Component], catalog: Option<&'a Catalog>) -> Self {
        let mut world = Self {
            catalog,
            home: most_common_namespace(components),
            given: BTreeMap::new(),
            problems: Vec::new(),
            notes: Vec::new(),
            is_unsettled: false,
        };
        let mut sorted: Vec<&Component> = components.iter().collect();
        sorted.sort_by(|a, b| (&a.key, &a.source).cmp(&(&b.key, &b.source)));
        for component in sorted {
            if let Some(known) = world.given.get(&component.key) {
                let name = world.name(&component.key);
                let (first, second) = (&known.component.source, &component.source);
                let places = if first == second {
                    format!("twice in {first}")
                } else {
                    format!("in {first} and in {second}")
                };
                world.problem(
                    Reason::InvalidSpec,
                    vec![component.key.clone()],
                    format!("Component {name} is {places}"),
                    "remove one of them".to_owned(),
                );
                continue;
            }
            let given = world.resolve(component);
            world.given.insert(component.key.clone(), given);
        }
        world
    }

    fn name(&self, key: &NodeKey) -> String {
        key.seen_from(&self.home)
    }

    fn problem(&mut self, reason: Reason, on: Vec<NodeKey>, message: String, help: String) {
        self.problems.push(Problem {
            reason,
            on,
            message,
            help,
        });
    }

    /// Finds the version that a manifest asks for (contract section 2.5).
    fn resolve(&mut self, component: &'a Component) -> Given<'a> {
        let mut given = Given {
            component,
            version: None,
            requires: Vec::new(),
        };
        let name = self.name(&component.key);
        let on = vec![component.key.clone()];
        let Some(selector) = VersionSelector::parse(&component.version) else {
            self.problem(
                Reason::InvalidSpec,
                on,
                format!(
                    "spec.version {:?} of {name} is neither a version nor a range",
                    component.version
                ),
                "write a version such as 1.2.3, a range such as ^1.2, or latest".to_owned(),
            );
            return given;
        };
        if let Some((text, version)) = selector.exact() {
            given.version = Some((text.to_owned(), version.clone()));
        }
        let Some(catalog) = self.catalog.filter(|_| given.is_active()) else {
            return given;
        };
        if component.suspended {
            self.notes.push(format!(
                "{name} is suspended: as long as it is not installed already, what depends on it waits"
            ));
        }
        if let Some(repository) = &component.repository {
            self.notes.push(format!(
                "{name} names the repository {repository}: planned with the charts given here instead"
            ));
        }
        let chart = &component.chart;
        let Some(versions) = catalog.versions(chart) else {
            self.chart_not_found(on, &format!("{name} needs the chart {chart}"), chart);
            return given;
        };
        let Some(selected) = catalog.select(chart, &selector) else {
            let asked = match selector {
                VersionSelector::Newest | VersionSelector::Latest => {
                    format!("the chart {chart} of {name} has no stable version")
                }
                _ => format!(
                    "the chart {chart} of {name} has no version {}",
                    component.version
                ),
            };
            self.problem(
                Reason::VersionNotFound,
                on,
                format!("{asked}, {}", versions_there_are(versions)),
                format!("set spec.version of {name} to one of these, or upload the version"),
            );
            return given;
        };
        given.version = Some((selected.text.clone(), selected.version.clone()));
        match selected.requires() {
            Ok(requires) => given.requires = requires,
            Err(error) => self.chart_invalid(on, chart, &selected.text, &error),
        }
        given
    }

    fn chart_not_found(&mut self, on: Vec<NodeKey>, needs: &str, chart: &str) {
        let catalog = self.catalog.into_iter();
        let similar = catalog
            .flat_map(Catalog::names)
            .find(|name| name.contains(chart) || chart.contains(name));
        let help = match similar {
            Some(similar) => format!("did you mean {similar}? Else upload the chart {chart}"),
            None => format!("upload the chart {chart}, or name the source that has it"),
        };
        self.problem(
            Reason::ChartNotFound,
            on,
            format!("{needs}, which no source has"),
            help,
        );
    }

    fn chart_invalid(
        &mut self,
        on: Vec<NodeKey>,
        chart: &str,
        version: &str,
        error: &RequirementError,
    ) {
        self.problem(
            Reason::ChartInvalid,
            on,
            format!("chart {chart} {version} cannot be read: {error}"),
            format!("correct the annotation {} in its Chart.yaml", REQUIRES),
        );
    }

    /// The Component of the manifests that a requirement of `requirer` means: by name, else by chart.
    fn find(&self, requirer: &NodeKey, requirement: &Requirement) -> Found {
        let wanted = wanted(requirer, requirement);
        if self.given.contains_key(&wanted) {
            return Found::One(wanted);
        }
        let of_chart = |enabled: bool| -> Vec<NodeKey> {
            let all = self.given.iter().filter(|(key, given)| {
                key.namespace == wanted.namespace
                    && given.component.chart == requirement.chart()
                    && given.component.enabled == enabled
                    && *key != requirer
            });
            all.map(|(key, _)| key.clone()).collect()
        };
        let mut candidates = of_chart(true);
        if candidates.is_empty() {
            candidates = of_chart(false);
        }
        match candidates.len() {
            0 => Found::None,
            1 => Found::One(candidates.remove(0)),
            _ => Found::Several(candidates),
        }
    }

    /// Every Component that is installed, with all it requires and whether it may have others added.
    fn requirers<'b>(
        &'b self,
        added: &'b AddedSet<'a>,
    ) -> impl Iterator<Item = (&'b NodeKey, Vec<Declared>, bool)> {
        let active = self.given.iter().filter(|(_, given)| given.is_active());
        let given = active.map(|(key, given)| {
            let component = given.component;
            let declared = union(&key.namespace, &component.depends_on, &given.requires);
            (key, declared, component.auto_install)
        });
        let added = added.iter().map(|(key, added)| {
            let declared = union(&key.namespace, &[], &added.requires());
            (key, declared, true)
        });
        given.chain(added)
    }

    fn edges(&self, added: &AddedSet<'a>) -> BTreeMap<NodeKey, Vec<Edge>> {
        let edge = |key: &NodeKey, declared: &Declared| {
            let requirement = &declared.requirement;
            let target = match self.find(key, requirement) {
                Found::One(target) => Some(target),
                Found::Several(_) => None,
                Found::None => added::find(added, &wanted(key, requirement), requirement),
            };
            Edge {
                wanted: wanted(key, requirement),
                target,
                range: requirement.range.clone(),
                optional: requirement.is_optional(),
                by: declared.by,
            }
        };
        self.requirers(added)
            .map(|(key, declared, _)| {
                let edges = declared.iter().map(|declared| edge(key, declared));
                (key.clone(), edges.collect())
            })
            .collect()
    }
}

/// Namespace and name that a requirement names.
fn wanted(requirer: &NodeKey, requirement: &Requirement) -> NodeKey {
    let namespace = requirement.namespace.as_deref();
    NodeKey::new(namespace.unwrap_or(&requirer.namespace), &requirement.name)
}

fn most_common_namespace(components: &[Component]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for component in components {
        *counts.entry(&component.key.namespace).or_default() += 1;
    }
    let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
    most.map_or(String::new(), |(namespace, _)| namespace.to_owned())
}

#[cfg(test)]
mod tests;
