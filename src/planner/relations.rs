//! What follows from the edges of all Components alone, and so stays the same while only their states
//! change.

use std::collections::{BTreeMap, BTreeSet};

use crate::node_key::NodeKey;
use crate::planner::directory::{Directory, Edge, Found};
use crate::planner::graph::Graph;
use crate::planner::order::Order;

/// The edges of all Components, indexed at both ends. Components are named by their places in the [`Directory`].
#[derive(Debug)]
pub(super) struct Relations {
    /// Of each Component.
    pub(super) edges: Vec<Vec<Edge>>,
    /// The same, without optional edges that would close a cycle.
    pub(super) graph: Graph,
    pub(super) order: Order,
    /// The Components with an edge to a key, whether or not it exists: by name, by chart, or as one of several
    /// candidates.
    pub(super) dependents: BTreeMap<NodeKey, BTreeSet<usize>>,
    /// Edges that lead to no Component, as (Component, index of its edge), by the key that they name.
    pub(super) missing: BTreeMap<NodeKey, BTreeSet<(usize, usize)>>,
    /// Components by release (namespace and name), the owner first.
    pub(super) releases: BTreeMap<(String, String), Vec<usize>>,
}

impl Relations {
    pub(super) fn of(directory: &Directory) -> Self {
        let edges: Vec<Vec<Edge>> = (0..directory.len())
            .map(|place| directory.known_edges(place))
            .collect();
        let mut graph = directory.graph(&edges);
        let order = Order::of(&graph);
        for (dependent, dependency) in order.ignored() {
            graph.remove(*dependent, *dependency);
        }
        Self {
            dependents: dependents(directory, &edges),
            missing: missing(&edges),
            releases: releases(directory),
            edges,
            graph,
            order,
        }
    }
}

fn dependents(directory: &Directory, edges: &[Vec<Edge>]) -> BTreeMap<NodeKey, BTreeSet<usize>> {
    let mut dependents: BTreeMap<NodeKey, BTreeSet<usize>> = BTreeMap::new();
    for (place, edges) in edges.iter().enumerate() {
        for edge in edges {
            let found: &[usize] = match &edge.found {
                Found::One(one) | Found::OtherChart(one) => &[*one],
                Found::Several(several) => several,
                Found::Nobody => &[],
            };
            let found = found.iter().map(|found| &directory.node(*found).key);
            for key in found.chain([&edge.wanted]) {
                dependents.entry(key.clone()).or_default().insert(place);
            }
        }
    }
    dependents
}

fn missing(edges: &[Vec<Edge>]) -> BTreeMap<NodeKey, BTreeSet<(usize, usize)>> {
    let mut missing: BTreeMap<NodeKey, BTreeSet<(usize, usize)>> = BTreeMap::new();
    for (place, edges) in edges.iter().enumerate() {
        for (number, edge) in edges.iter().enumerate() {
            if edge.found == Found::Nobody {
                for name in [edge.wanted.clone(), edge.wanted_chart()] {
                    missing.entry(name).or_default().insert((place, number));
                }
            }
        }
    }
    missing
}

fn releases(directory: &Directory) -> BTreeMap<(String, String), Vec<usize>> {
    let mut releases: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for (place, node) in directory.nodes().enumerate() {
        let owners = releases.entry(node.release.clone()).or_default();
        owners.push(place);
    }
    for owners in releases.values_mut() {
        owners.sort_by_key(|place| directory.node(*place).seniority());
    }
    releases
}
