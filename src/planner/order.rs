//! The order of installation, in levels, and its exact reverse for deletion.

use std::collections::{BTreeMap, BTreeSet};

use crate::planner::cycle::{Cycle, strong_components};
use crate::planner::graph::{Graph, Strength};

/// In which order the Components of a graph can be installed and deleted. Components are named by their places in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// How many Components must come before each, one after the other.
    depths: Vec<usize>,
    /// All of them, dependencies first.
    sequence: Vec<usize>,
    cycles: Vec<Cycle>,
    /// Index into `cycles`.
    cycle_of: Vec<Option<usize>>,
    /// Members of cycles, and those that need one.
    stuck: BTreeSet<usize>,
    ignored: Vec<(usize, usize)>,
}

impl Order {
    /// The order of the Components of `graph`.
    pub fn of(graph: &Graph) -> Self {
        let (edges, ignored) = edges_of(graph);
        let components = strong_components(&edges);
        let component_of = component_of(&components, graph.len());
        let mut cycles = Vec::new();
        let mut depth_of: Vec<usize> = Vec::with_capacity(components.len());
        for (number, members) in components.iter().enumerate() {
            let targets = members.iter().flat_map(|member| &edges[*member]);
            let outside = targets
                .map(|next| component_of[*next])
                .filter(|next| *next != number);
            depth_of.push(outside.map(|next| depth_of[next] + 1).max().unwrap_or(0));
            if members.len() > 1 || edges[members[0]].contains(&members[0]) {
                cycles.push(Cycle::through(members, &edges, graph));
            }
        }
        cycles.sort_unstable_by(|a, b| a.path().cmp(b.path()));
        let mut cycle_of = vec![None; graph.len()];
        for (number, cycle) in cycles.iter().enumerate() {
            for member in cycle.members() {
                cycle_of[graph.place(member).expect("a cycle is in its graph")] = Some(number);
            }
        }
        let depths: Vec<usize> = (component_of.iter())
            .map(|component| depth_of[*component])
            .collect();
        let mut sequence: Vec<usize> = (0..graph.len()).collect();
        sequence.sort_by_key(|place| (depths[*place], *place));
        let in_cycles = (0..graph.len()).filter(|place| cycle_of[*place].is_some());
        let mut stuck: BTreeSet<usize> = in_cycles.collect();
        stuck.extend(graph.blocked(&stuck).into_keys());
        Self {
            depths,
            sequence,
            cycles,
            cycle_of,
            stuck,
            ignored,
        }
    }

    /// Components that can be installed, in groups: those of one group do not depend on each other and can run at once,
    /// after the groups before it. Sorted within a group.
    pub fn levels(&self) -> Vec<Vec<usize>> {
        let mut by_depth: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for place in self.install() {
            by_depth.entry(self.depths[place]).or_default().push(place);
        }
        by_depth.into_values().collect()
    }

    /// Components that can be installed, one after the other.
    pub fn install(&self) -> impl Iterator<Item = usize> {
        let sequence = self.sequence.iter().copied();
        sequence.filter(|place| !self.stuck.contains(place))
    }

    /// All Components, dependents first: without cycles the exact reverse of [`Order::install`]. Members of a cycle
    /// stand together, before what they depend on and after what depends on them.
    pub fn delete(&self) -> impl Iterator<Item = usize> {
        self.sequence.iter().rev().copied()
    }

    /// How many Components must come before this one, one after the other.
    pub fn depth(&self, place: usize) -> usize {
        self.depths[place]
    }

    /// The cycles, the one with the smallest member first. A Component is in one of them at most.
    pub fn cycles(&self) -> &[Cycle] {
        &self.cycles
    }

    /// The cycle that a Component is a member of.
    pub fn cycle_of(&self, place: usize) -> Option<&Cycle> {
        self.cycle_of[place].map(|number| &self.cycles[number])
    }

    /// True for two members of one cycle, and for a member of a cycle and itself.
    pub fn are_in_one_cycle(&self, one: usize, other: usize) -> bool {
        self.cycle_of[one].is_some() && self.cycle_of[one] == self.cycle_of[other]
    }

    /// Optional edges (dependent, dependency) that are ignored because they would close a cycle.
    pub fn ignored(&self) -> &[(usize, usize)] {
        &self.ignored
    }
}

/// The edges of a graph, and the optional ones that were left out since they lie in a cycle.
fn edges_of(graph: &Graph) -> (Vec<Vec<usize>>, Vec<(usize, usize)>) {
    let targets = |place| graph.dependencies(place).map(|(to, _)| to).collect();
    let all: Vec<Vec<usize>> = (0..graph.len()).map(targets).collect();
    let component_of = component_of(&strong_components(&all), graph.len());
    let mut ignored = Vec::new();
    let mut kept = vec![Vec::new(); graph.len()];
    for (from, kept) in kept.iter_mut().enumerate() {
        for (to, strength) in graph.dependencies(from) {
            if strength == Strength::Optional && component_of[from] == component_of[to] {
                ignored.push((from, to));
            } else {
                kept.push(to);
            }
        }
    }
    (kept, ignored)
}

/// The number of the strong component that each of `count` places is in.
fn component_of(components: &[Vec<usize>], count: usize) -> Vec<usize> {
    let mut component_of = vec![0; count];
    for (number, members) in components.iter().enumerate() {
        for member in members {
            component_of[*member] = number;
        }
    }
    component_of
}
