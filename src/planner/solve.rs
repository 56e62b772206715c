//! From manifests and charts to a plan: versions resolved, missing Components added, everything in order.

mod added;
mod outcome;
mod problems;
mod settle;

use std::collections::BTreeMap;

use crate::chart::selector::VersionSelector;
use crate::chart::version::Version;
use crate::component::Component;
use crate::component::conditions::Reason;
use crate::component::names::annotation;
use crate::node_key::NodeKey;
use crate::planner::catalog::Catalog;
use crate::planner::directory::{Directory, Found};
use crate::planner::inherit::handed_down;
use crate::planner::node::Node;
use crate::planner::plan::{Dependency, Plan};
use crate::planner::problem::Problem;
use crate::planner::requirement::{Declared, Requirement, RequirementError, union};
use crate::planner::words::versions_there_are;

use self::added::AddedSet;

/// A Component to be planned.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// What it says.
    pub component: Component,
    /// Where it was read, for messages.
    pub source: String,
}

/// Plans the installation of `manifests` with the charts of `catalog` in a cluster where nothing is installed; without
/// a catalog, versions and the requirements of charts stay open.
pub fn solve(manifests: &[Manifest], catalog: Option<&Catalog>) -> Plan {
    let mut solver = Solver::new(manifests, catalog);
    let added = solver.settle_added();
    let dependencies = solver.dependencies(&added);
    solver.report_problems(&added, &dependencies);
    solver.finish(added, dependencies)
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
        self.component.spec.enabled && self.untouched().is_none()
    }

    /// The annotation for which the controller leaves it alone, without its group.
    fn untouched(&self) -> Option<&'static str> {
        let marks = [annotation::SKIP_RECONCILE, annotation::PRE_INSTALLED];
        let mark = marks
            .into_iter()
            .find(|mark| self.component.is_marked(mark))?;
        mark.rsplit('/').next()
    }
}

struct Solver<'a> {
    catalog: Option<&'a Catalog>,
    home: String,
    directory: Directory,
    /// Those of the directory, by its places.
    given: Vec<Given<'a>>,
    problems: Vec<Problem>,
    notes: Vec<String>,
    /// The set of added Components never settles, so that problems which follow from it are not reported.
    is_unsettled: bool,
}

impl<'a> Solver<'a> {
    fn new(manifests: &'a [Manifest], catalog: Option<&'a Catalog>) -> Self {
        let mut sorted: Vec<(Node, &Manifest)> = (manifests.iter())
            .map(|manifest| (Node::of(&manifest.component), manifest))
            .collect();
        sorted.sort_by(|(a, one), (b, other)| (&a.key, &one.source).cmp(&(&b.key, &other.source)));
        let mut solver = Self {
            catalog,
            home: most_common_namespace(sorted.iter().map(|(node, _)| &node.key)),
            directory: Directory::of(sorted.iter().map(|(node, _)| node.clone())),
            given: Vec::new(),
            problems: Vec::new(),
            notes: Vec::new(),
            is_unsettled: false,
        };
        let mut first: Option<(&NodeKey, &Manifest)> = None;
        for (node, manifest) in &sorted {
            match first {
                Some((key, known)) if *key == node.key => {
                    solver.report_twice(key, &known.source, &manifest.source);
                }
                _ => {
                    let given = solver.resolve(&node.key, &manifest.component);
                    solver.given.push(given);
                    first = Some((&node.key, manifest));
                }
            }
        }
        solver
    }

    fn report_twice(&mut self, key: &NodeKey, first: &str, second: &str) {
        let places = if first == second {
            format!("twice in {first}")
        } else {
            format!("in {first} and in {second}")
        };
        let name = self.name(key);
        self.problem(
            Reason::InvalidSpec,
            vec![key.clone()],
            format!("Component {name} is {places}"),
            "remove one of them".to_owned(),
        );
    }

    /// The Component of the manifests with this key.
    fn given(&self, key: &NodeKey) -> Option<&Given<'a>> {
        self.directory.place(key).map(|place| &self.given[place])
    }

    /// The Components of the manifests that are installed.
    fn active(&self) -> impl Iterator<Item = (&Node, &Given<'a>)> {
        let all = self.directory.nodes().zip(&self.given);
        all.filter(|(_, given)| given.is_active())
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

    /// Finds the version that a manifest asks for (docs/components.md 11.1).
    fn resolve(&mut self, key: &NodeKey, component: &'a Component) -> Given<'a> {
        let mut given = Given {
            component,
            version: None,
            requires: Vec::new(),
        };
        let name = self.name(key);
        let on = vec![key.clone()];
        let wanted = &component.spec.version;
        let Some(selector) = VersionSelector::parse(wanted) else {
            self.problem(
                Reason::InvalidSpec,
                on,
                format!("spec.version {wanted:?} of {name} is neither a version nor a range"),
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
        if component.spec.suspend {
            self.notes.push(format!(
                "{name} is suspended: as long as it is not installed already, what depends on it waits"
            ));
        }
        let repository = component.spec.chart.repository.as_deref();
        if let Some(repository) = repository.filter(|url| !url.is_empty()) {
            self.notes.push(format!(
                "{name} names the repository {repository}: planned with the charts given here instead"
            ));
        }
        let chart = component.chart_name();
        let Some(versions) = catalog.versions(chart) else {
            self.chart_not_found(on, &format!("{name} needs the chart {chart}"), chart);
            return given;
        };
        let Some(selected) = catalog.select(chart, &selector) else {
            let asked = match selector {
                VersionSelector::Newest | VersionSelector::Latest => {
                    format!("the chart {chart} of {name} has no stable version")
                }
                VersionSelector::Exact { .. } | VersionSelector::Range(_) => {
                    format!("the chart {chart} of {name} has no version {wanted}")
                }
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
        match Requirement::of(selected) {
            Ok(requires) => given.requires = handed_down(&requires, &component.spec.values),
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
            format!(
                "correct the annotation {} in its Chart.yaml",
                annotation::REQUIRES
            ),
        );
    }

    /// Every Component that is installed, its requirements, and whether Components may be added for it.
    fn requirers<'b>(
        &'b self,
        added: &'b AddedSet<'a>,
    ) -> impl Iterator<Item = (&'b NodeKey, Vec<Declared>, bool)> {
        let given = self.active().map(|(node, given)| {
            let declared = union(&node.key.namespace, &node.depends_on, &given.requires);
            (&node.key, declared, node.auto_install)
        });
        let added = added.iter().map(|(key, added)| {
            let declared = union(&key.namespace, &[], &added.requires());
            (key, declared, true)
        });
        given.chain(added)
    }

    fn dependencies(&self, added: &AddedSet<'a>) -> BTreeMap<NodeKey, Vec<Dependency>> {
        let dependency = |requirer: &NodeKey, declared: &Declared| {
            let requirement = &declared.requirement;
            let wanted = requirement.key(&requirer.namespace);
            let target = match self.directory.find(requirer, requirement) {
                Found::One(place) => Some(self.directory.node(place).key.clone()),
                Found::Several(_) | Found::OtherChart(_) => None,
                Found::Nobody => added::find(added, &wanted, requirement),
            };
            Dependency {
                wanted,
                target,
                range: requirement.range.clone(),
                optional: requirement.is_optional(),
                by: declared.by,
            }
        };
        self.requirers(added)
            .map(|(key, declared, _)| {
                let all = declared.iter().map(|declared| dependency(key, declared));
                (key.clone(), all.collect())
            })
            .collect()
    }
}

/// The smallest of those that have most Components.
fn most_common_namespace<'a>(keys: impl Iterator<Item = &'a NodeKey>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for key in keys {
        *counts.entry(&key.namespace).or_default() += 1;
    }
    let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
    most.map_or(String::new(), |(namespace, _)| namespace.to_owned())
}

#[cfg(test)]
mod tests;
