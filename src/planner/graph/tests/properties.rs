use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{key, names};
use crate::node_key::NodeKey;
use crate::planner::graph::{Graph, Strength};
use crate::planner::order::Order;

/// Edges among few nodes: dense enough for cycles, diamonds and repetitions.
fn any_edges() -> impl Strategy<Value = Vec<(u8, u8, bool)>> {
    prop::collection::vec((0u8..12, 0u8..12, prop::bool::weighted(0.2)), 0..30)
}

/// Edges that lead from larger to smaller numbers only.
fn acyclic_edges() -> impl Strategy<Value = Vec<(u8, u8, bool)>> {
    let downwards = |edges: Vec<(u8, u8, bool)>| {
        let edges = edges.into_iter().filter(|(from, to, _)| from != to);
        edges
            .map(|(a, b, optional)| (a.max(b), a.min(b), optional))
            .collect()
    };
    any_edges().prop_map(downwards)
}

/// Numbers as names whose order has nothing to do with theirs.
fn scrambled(number: u8) -> NodeKey {
    key(&format!("n{}", (u32::from(number) * 7 + 3) % 12))
}

fn graph_of(edges: &[(u8, u8, bool)]) -> Graph {
    let named = |(from, to, optional): &(u8, u8, bool)| {
        (scrambled(*from), scrambled(*to), Strength::of(*optional))
    };
    let edges: Vec<_> = edges.iter().map(named).collect();
    super::graph_of(&edges, Vec::new())
}

/// Nodes that reach themselves by required edges, found the slow way.
fn circular(edges: &[(u8, u8, bool)]) -> BTreeSet<NodeKey> {
    let mut reach: BTreeSet<(u8, u8)> = (edges.iter())
        .filter(|(.., optional)| !optional)
        .map(|(from, to, _)| (*from, *to))
        .collect();
    loop {
        let further: Vec<_> = reach
            .iter()
            .flat_map(|a| reach.iter().filter(|b| a.1 == b.0).map(|b| (a.0, b.1)))
            .filter(|pair| !reach.contains(pair))
            .collect();
        if further.is_empty() {
            break;
        }
        reach.extend(further);
    }
    let own = reach.iter().filter(|(from, to)| from == to);
    own.map(|(from, _)| scrambled(*from)).collect()
}

proptest! {
    #[test]
    fn a_valid_graph_is_ordered_with_every_edge_respected(edges in acyclic_edges()) {
        let graph = graph_of(&edges);
        let order = Order::of(&graph);
        let level_of: BTreeMap<usize, usize> = (order.levels().into_iter().enumerate())
            .flat_map(|(level, places)| places.into_iter().map(move |place| (place, level)))
            .collect();
        prop_assert_eq!(level_of.len(), graph.len());
        prop_assert!(order.ignored().is_empty());
        for place in 0..graph.len() {
            let levels = graph.dependencies(place).map(|(to, _)| level_of[&to] + 1);
            // as early as can be
            prop_assert_eq!(level_of[&place], levels.max().unwrap_or(0));
            prop_assert_eq!(level_of[&place], order.depth(place));
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(
        (edges, shuffled) in any_edges().prop_flat_map(|edges| {
            let shuffled = Just(edges.clone()).prop_shuffle();
            (Just(edges), shuffled)
        }),
    ) {
        let (graph, other) = (graph_of(&edges), graph_of(&shuffled));
        prop_assert_eq!(Order::of(&graph), Order::of(&other));
        prop_assert_eq!(graph, other);
    }

    #[test]
    fn a_cycle_is_told_if_and_only_if_there_is_one(edges in any_edges()) {
        let graph = graph_of(&edges);
        let order = Order::of(&graph);
        let told: BTreeSet<NodeKey> = (order.cycles().iter())
            .flat_map(|cycle| cycle.members().into_iter().cloned())
            .collect();
        prop_assert_eq!(&told, &circular(&edges));
        for cycle in order.cycles() {
            prop_assert_eq!(cycle.path().first(), cycle.path().last());
            prop_assert_eq!(cycle.path().first(), cycle.members().first().copied());
            for step in cycle.path().windows(2) {
                let place = |key| graph.place(key).unwrap();
                let is_an_edge = graph.required(place(&step[0])).any(|to| to == place(&step[1]));
                prop_assert!(is_an_edge, "{} is not an edge", cycle);
            }
        }
        let in_cycles: BTreeSet<usize> =
            (0..graph.len()).filter(|place| order.cycle_of(*place).is_some()).collect();
        prop_assert_eq!(in_cycles.len(), told.len());
        let blocked = graph.blocked(&in_cycles).len();
        prop_assert_eq!(order.install().count() + told.len() + blocked, graph.len());
        let mut done = BTreeSet::new();
        for place in order.install() {
            prop_assert!(graph.required(place).all(|to| done.contains(&to)));
            done.insert(place);
        }
    }

    #[test]
    fn deletion_is_the_exact_reverse_of_installation(edges in acyclic_edges()) {
        let order = Order::of(&graph_of(&edges));
        let mut reversed: Vec<usize> = order.delete().collect();
        reversed.reverse();
        prop_assert_eq!(reversed, order.install().collect::<Vec<_>>());
    }

    #[test]
    fn deletion_includes_everything_and_respects_every_edge_outside_cycles(edges in any_edges()) {
        let graph = graph_of(&edges);
        let order = Order::of(&graph);
        let deleted: Vec<usize> = order.delete().collect();
        prop_assert_eq!(deleted.len(), graph.len());
        let when = |place: usize| deleted.iter().position(|deleted| *deleted == place);
        for from in 0..graph.len() {
            for (to, _) in graph.dependencies(from) {
                if !(order.are_in_one_cycle(from, to) || order.ignored().contains(&(from, to))) {
                    prop_assert!(when(from) < when(to), "{}", names(&graph, [from, to]));
                }
            }
        }
    }
}
