//! What becomes of each Component: who is installed in which step, who fails, who waits.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::planned::{Edge, Node, Plan, State};
use crate::plan::problem::Reason;
use crate::plan::solve::World;
use crate::plan::solve::added::AddedSet;
use crate::topology::{Graph, NodeKey, Strength};

impl<'a> World<'a> {
    /// The plan itself. Cycles are found here; all other problems have been reported.
    pub(super) fn finish(
        mut self,
        added: AddedSet<'a>,
        mut edges: BTreeMap<NodeKey, Vec<Edge>>,
    ) -> Plan {
        let given = self.given.iter().map(|(key, given)| {
            let component = given.component;
            let state = match component.untouched {
                Some(annotation) => State::Untouched(annotation),
                None if component.enabled => State::Install,
                None => State::Disabled,
            };
            let node = Node {
                chart: component.chart.clone(),
                wanted: component.version.clone(),
                version: given.version.as_ref().map(|(text, _)| text.clone()),
                added: false,
                state,
                dependencies: edges.remove(key).unwrap_or_default(),
            };
            (key.clone(), node)
        });
        let mut nodes: BTreeMap<NodeKey, Node> = given.collect();
        for (key, added) in &added {
            let node = Node {
                chart: added.chart.clone(),
                wanted: String::new(),
                version: added.version.map(|version| version.text.clone()),
                added: true,
                state: State::Install,
                dependencies: edges.remove(key).unwrap_or_default(),
            };
            nodes.insert(key.clone(), node);
        }
        let steps = self.put_in_order(&mut nodes);
        self.problems
            .sort_by(|a, b| (&a.on, a.reason).cmp(&(&b.on, b.reason)));
        Plan {
            home: self.home,
            nodes,
            steps,
            problems: self.problems,
            notes: self.notes,
        }
    }

    /// Reports cycles, marks who fails and who waits, and returns the steps of the others.
    fn put_in_order(&mut self, nodes: &mut BTreeMap<NodeKey, Node>) -> Vec<Vec<NodeKey>> {
        let graph = graph_of(nodes);
        let order = graph.order();
        for cycle in order.cycles() {
            let members: Vec<NodeKey> = cycle.members().into_iter().cloned().collect();
            let help = if members.len() == 1 {
                "a Component cannot depend on itself: remove the entry from spec.dependsOn or from the chart"
            } else {
                "remove one of these dependencies, or make it optional"
            };
            self.problem(
                Reason::DependencyCycle,
                members,
                cycle.to_string(),
                help.to_owned(),
            );
        }
        for (dependent, dependency) in order.ignored() {
            self.notes.push(format!(
                "{} is not ordered after {}: the dependency is optional and would close a cycle",
                self.name(dependent),
                self.name(dependency)
            ));
        }
        let failed: BTreeSet<NodeKey> = (self.problems.iter())
            .flat_map(|problem| problem.on.iter().cloned())
            .collect();
        let blocked = graph.blocked(&failed);
        for (key, node) in nodes.iter_mut().filter(|(_, n)| n.state == State::Install) {
            if failed.contains(key) {
                node.state = State::Failed;
            } else if let Some(causes) = blocked.get(key) {
                node.state = State::Blocked(causes.clone());
            }
        }
        let installed = |level: &Vec<NodeKey>| -> Vec<NodeKey> {
            let works = level
                .iter()
                .filter(|key| nodes[*key].state == State::Install);
            works.cloned().collect()
        };
        let steps = order.levels().iter().map(installed);
        steps.filter(|step| !step.is_empty()).collect()
    }
}

/// The Components that are installed, and their edges to each other.
fn graph_of(nodes: &BTreeMap<NodeKey, Node>) -> Graph {
    let mut graph = Graph::default();
    let is_installed = |key: &NodeKey| nodes[key].state == State::Install;
    for (key, node) in nodes.iter().filter(|(key, _)| is_installed(key)) {
        graph.insert(key.clone());
        for edge in &node.dependencies {
            let strength = if edge.optional {
                Strength::Optional
            } else {
                Strength::Required
            };
            if let Some(target) = edge.target.clone().filter(is_installed) {
                graph.require(key.clone(), target, strength);
            }
        }
    }
    graph
}
