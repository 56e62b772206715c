use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::key;
use crate::topology::{Graph, NodeKey, Strength};

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
    let mut graph = Graph::default();
    for &(from, to, optional) in edges {
        graph.insert(scrambled(to));
        let strength = if optional {
            Strength::Optional
        } else {
            Strength::Required
        };
        graph.require(scrambled(from), scrambled(to), strength);
    }
    graph
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
        let order = graph.order();
        let level_of: BTreeMap<&NodeKey, usize> = (order.levels().iter().enumerate())
            .flat_map(|(level, keys)| keys.iter().map(move |key| (key, level)))
            .collect();
        prop_assert_eq!(level_of.len(), graph.nodes().count());
        prop_assert!(order.ignored().is_empty());
        for (from, to, _) in &edges {
            prop_assert!(level_of[&scrambled(*from)] > level_of[&scrambled(*to)]);
        }
        for (level, keys) in order.levels().iter().enumerate().skip(1) {
            for key in keys {
                let is_as_early_as_can_be =
                    graph.dependencies(key).any(|(to, _)| level_of[to] + 1 == level);
                prop_assert!(is_as_early_as_can_be);
            }
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(
        (edges, shuffled) in any_edges().prop_flat_map(|edges| {
            let shuffled = Just(edges.clone()).prop_shuffle();
            (Just(edges), shuffled)
        }),
    ) {
        prop_assert_eq!(graph_of(&edges).order(), graph_of(&shuffled).order());
    }

    #[test]
    fn a_cycle_is_told_if_and_only_if_there_is_one(edges in any_edges()) {
        let graph = graph_of(&edges);
        let order = graph.order();
        let told: BTreeSet<NodeKey> = (order.cycles().iter())
            .flat_map(|cycle| cycle.members().into_iter().cloned())
            .collect();
        prop_assert_eq!(&told, &circular(&edges));
        for cycle in order.cycles() {
            prop_assert_eq!(cycle.path().first(), cycle.path().last());
            prop_assert_eq!(cycle.path().first(), cycle.members().first().copied());
            for step in cycle.path().windows(2) {
                let is_an_edge = graph
                    .dependencies(&step[0])
                    .any(|(to, strength)| *to == step[1] && strength == Strength::Required);
                prop_assert!(is_an_edge, "{} is not an edge", cycle);
            }
        }
        let installed: BTreeSet<&NodeKey> = order.install().collect();
        prop_assert_eq!(
            installed.len() + told.len() + order.blocked().len(),
            graph.nodes().count()
        );
        let mut done = BTreeSet::new();
        for key in order.install() {
            let is_ready = graph
                .dependencies(key)
                .all(|(to, strength)| strength == Strength::Optional || done.contains(to));
            prop_assert!(is_ready);
            done.insert(key);
        }
    }

    #[test]
    fn deletion_is_the_exact_reverse_of_installation(edges in acyclic_edges()) {
        let order = graph_of(&edges).order();
        let mut reversed: Vec<&NodeKey> = order.delete().collect();
        reversed.reverse();
        prop_assert_eq!(reversed, order.install().collect::<Vec<_>>());
    }

    #[test]
    fn deletion_includes_everything_and_respects_every_edge_outside_cycles(edges in any_edges()) {
        let graph = graph_of(&edges);
        let order = graph.order();
        let deleted: Vec<&NodeKey> = order.delete().collect();
        prop_assert_eq!(deleted.len(), graph.nodes().count());
        let place = |key: &NodeKey| deleted.iter().position(|deleted| *deleted == key);
        for &(from, to, optional) in &edges {
            let (from, to) = (scrambled(from), scrambled(to));
            let in_one_cycle = order.cycle_of(&from).is_some_and(|c| c.members().contains(&to));
            let ignored = order.ignored().contains(&(from.clone(), to.clone()));
            if !(in_one_cycle || optional && ignored) {
                prop_assert!(place(&from) < place(&to), "{} before {}", from, to);
            }
        }
    }
}
