//! The order of installation, in levels, and its exact reverse for deletion.

use std::collections::{BTreeMap, BTreeSet};

use crate::topology::cycle::{Cycle, strong_components};
use crate::topology::graph::{Graph, Strength};
use crate::topology::key::NodeKey;

/// In which order the Components of a graph can be installed and deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    levels: Vec<Vec<NodeKey>>,
    cycles: Vec<Cycle>,
    blocked: BTreeMap<NodeKey, BTreeSet<NodeKey>>,
    ignored: Vec<(NodeKey, NodeKey)>,
    everything: Vec<NodeKey>,
}

impl Order {
    pub(super) fn of(graph: &Graph) -> Self {
        let keys: Vec<&NodeKey> = graph.nodes().collect();
        let (edges, ignored) = edges_of(graph, &keys);
        let components = strong_components(&edges);
        let mut component_of = vec![0; keys.len()];
        for (number, members) in components.iter().enumerate() {
            members
                .iter()
                .for_each(|member| component_of[*member] = number);
        }
        let mut cycles = Vec::new();
        let mut depths: Vec<usize> = Vec::with_capacity(components.len());
        for (number, members) in components.iter().enumerate() {
            let outside = members
                .iter()
                .flat_map(|member| &edges[*member])
                .map(|next| component_of[*next])
                .filter(|next| *next != number);
            depths.push(outside.map(|next| depths[next] + 1).max().unwrap_or(0));
            if members.len() > 1 || edges[members[0]].contains(&members[0]) {
                cycles.push(Cycle::through(members, &edges, &keys));
            }
        }
        cycles.sort_unstable_by(|a, b| a.path().cmp(b.path()));
        let mut sequence: Vec<usize> = (0..keys.len()).collect();
        sequence.sort_by_key(|node| (depths[component_of[*node]], *node));

        let circular: BTreeSet<NodeKey> = cycles
            .iter()
            .flat_map(|cycle| cycle.path().iter().cloned())
            .collect();
        let blocked = graph.blocked(&circular);
        let mut by_depth: BTreeMap<usize, Vec<NodeKey>> = BTreeMap::new();
        for &node in &sequence {
            let key = keys[node];
            if !circular.contains(key) && !blocked.contains_key(key) {
                let level = by_depth.entry(depths[component_of[node]]).or_default();
                level.push(key.clone());
            }
        }
        Self {
            levels: by_depth.into_values().collect(),
            cycles,
            blocked,
            ignored,
            everything: sequence
                .into_iter()
                .map(|node| keys[node].clone())
                .collect(),
        }
    }

    /// Components that can be installed, in groups: those of one group need nothing of each other and can run at once,
    /// after the groups before it. Sorted within a group.
    pub fn levels(&self) -> &[Vec<NodeKey>] {
        &self.levels
    }

    /// Components that can be installed, one after the other.
    pub fn install(&self) -> impl Iterator<Item = &NodeKey> {
        self.levels.iter().flatten()
    }

    /// All Components, dependents first: without cycles the exact reverse of [`Order::install`]. Members of a cycle
    /// stand together, before what they depend on and after what depends on them.
    pub fn delete(&self) -> impl Iterator<Item = &NodeKey> {
        self.everything.iter().rev()
    }

    /// The cycles, the one with the smallest member first. A Component is in one of them at most.
    pub fn cycles(&self) -> &[Cycle] {
        &self.cycles
    }

    /// The cycle that `node` is a member of.
    pub fn cycle_of(&self, node: &NodeKey) -> Option<&Cycle> {
        self.cycles.iter().find(|cycle| cycle.path().contains(node))
    }

    /// Outsiders that wait for members of cycles, and for which members.
    pub fn blocked(&self) -> &BTreeMap<NodeKey, BTreeSet<NodeKey>> {
        &self.blocked
    }

    /// Optional edges (dependent, dependency) that are not respected because they would close a cycle.
    pub fn ignored(&self) -> &[(NodeKey, NodeKey)] {
        &self.ignored
    }
}

/// Edges between Components that are there, by index, and the optional ones that were left out since they lie in a
/// cycle.
fn edges_of(graph: &Graph, keys: &[&NodeKey]) -> (Vec<Vec<usize>>, Vec<(NodeKey, NodeKey)>) {
    let of_node = |key: &&NodeKey| -> Vec<(usize, Strength)> {
        let present = graph.dependencies(key).filter_map(|(to, strength)| {
            let index = keys.binary_search(&to).ok()?;
            Some((index, strength))
        });
        present.collect()
    };
    let all: Vec<Vec<(usize, Strength)>> = keys.iter().map(of_node).collect();
    let targets = |edges: &Vec<(usize, Strength)>| edges.iter().map(|(to, _)| *to).collect();
    let components = strong_components(&all.iter().map(targets).collect::<Vec<Vec<usize>>>());
    let mut component_of = vec![0; keys.len()];
    for (number, members) in components.iter().enumerate() {
        for member in members {
            component_of[*member] = number;
        }
    }
    let mut ignored = Vec::new();
    let mut kept = vec![Vec::new(); keys.len()];
    for (from, edges) in all.iter().enumerate() {
        for &(to, strength) in edges {
            if strength == Strength::Optional && component_of[from] == component_of[to] {
                ignored.push((keys[from].clone(), keys[to].clone()));
            } else {
                kept[from].push(to);
            }
        }
    }
    (kept, ignored)
}
