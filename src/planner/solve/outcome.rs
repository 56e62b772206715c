//! What happens to each Component: installed in which step, failed, or waiting.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Map;

use crate::component::conditions::Reason;
use crate::node_key::NodeKey;
use crate::planner::graph::Graph;
use crate::planner::order::Order;
use crate::planner::plan::{Dependency, Plan, PlannedComponent, State};
use crate::planner::solve::Solver;
use crate::planner::solve::added::AddedSet;

/// The Components of a plan, in the order of keys.
type Planned = BTreeMap<NodeKey, PlannedComponent>;

impl<'a> Solver<'a> {
    /// The plan itself. Cycles are found here; all other problems have been reported.
    pub(super) fn finish(
        mut self,
        added: AddedSet<'a>,
        mut dependencies: BTreeMap<NodeKey, Vec<Dependency>>,
    ) -> Plan {
        let mut components = Planned::new();
        for (node, given) in self.directory.nodes().zip(&self.given) {
            let state = match given.untouched() {
                Some(annotation) => State::Untouched(annotation),
                None if node.enabled => State::Install,
                None => State::Disabled,
            };
            let planned = PlannedComponent {
                chart: node.chart_name.clone(),
                wanted: given.component.spec.version.clone(),
                version: given.version.as_ref().map(|(text, _)| text.clone()),
                added: false,
                values: Map::new(),
                state,
                dependencies: dependencies.remove(&node.key).unwrap_or_default(),
            };
            components.insert(node.key.clone(), planned);
        }
        for (key, added) in added {
            for one in &added.unheard {
                let (part, winner) = (self.name(&key), self.name(&one.winner));
                let sentence = one.sentence(&part, &winner);
                self.notes
                    .push(format!("{}: {sentence}", self.name(&one.loser)));
            }
            let planned = PlannedComponent {
                chart: added.chart,
                wanted: String::new(),
                version: added.version.map(|version| version.text.clone()),
                added: true,
                values: added.values,
                state: State::Install,
                dependencies: dependencies.remove(&key).unwrap_or_default(),
            };
            components.insert(key, planned);
        }
        let steps = self.put_in_order(&mut components);
        self.problems.sort_by(|a, b| a.place().cmp(&b.place()));
        Plan {
            home: self.home,
            components,
            steps,
            problems: self.problems,
            notes: self.notes,
        }
    }

    /// Reports cycles, marks the Components that fail or wait, and returns the steps of the others.
    fn put_in_order(&mut self, components: &mut Planned) -> Vec<Vec<NodeKey>> {
        let graph = graph_of(components);
        let order = Order::of(&graph);
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
                self.name(graph.key(*dependent)),
                self.name(graph.key(*dependency))
            ));
        }
        let failed = self.problems.iter().flat_map(|problem| &problem.on);
        let failed: BTreeSet<usize> = failed.filter_map(|key| graph.place(key)).collect();
        for place in &failed {
            set_state(components, graph.key(*place), State::Failed);
        }
        for (place, causes) in graph.blocked(&failed) {
            let causes = causes.into_iter().map(|cause| graph.key(cause).clone());
            let blocked = State::Blocked(causes.collect());
            set_state(components, graph.key(place), blocked);
        }
        let installed = |level: Vec<usize>| -> Vec<NodeKey> {
            let keys = level.into_iter().map(|place| graph.key(place));
            let works = keys.filter(|key| components[*key].state == State::Install);
            works.cloned().collect()
        };
        let steps = order.levels().into_iter().map(installed);
        steps.filter(|step| !step.is_empty()).collect()
    }
}

fn set_state(components: &mut Planned, key: &NodeKey, state: State) {
    let component = components.get_mut(key);
    component.expect("the graph is made of these").state = state;
}

/// The Components that are installed, and their edges to each other.
fn graph_of(components: &Planned) -> Graph {
    let installed = || {
        let all = components.iter();
        all.filter(|(_, component)| component.state == State::Install)
    };
    let mut graph = Graph::of(installed().map(|(key, _)| key.clone()));
    for (dependent, (_, component)) in installed().enumerate() {
        for dependency in &component.dependencies {
            let target = dependency.target.as_ref();
            if let Some(target) = target.and_then(|target| graph.place(target)) {
                graph.require(dependent, target, dependency.strength());
            }
        }
    }
    graph
}
