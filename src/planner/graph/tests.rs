use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::planner::cycle::Cycle;
use crate::planner::order::Order;

mod properties;

fn key(name: &str) -> NodeKey {
    NodeKey::new("default", name)
}

fn names(graph: &Graph, places: impl IntoIterator<Item = usize>) -> String {
    let names = places
        .into_iter()
        .map(|place| graph.key(place).name.clone());
    names.collect::<Vec<_>>().join(" ")
}

/// The graph of these edges, with `more` Components.
fn graph_of(edges: &[(NodeKey, NodeKey, Strength)], more: Vec<NodeKey>) -> Graph {
    let ends = (edges.iter()).flat_map(|(from, to, _)| [from.clone(), to.clone()]);
    let mut graph = Graph::of(ends.chain(more));
    for (from, to, strength) in edges {
        let place = |key| graph.place(key).unwrap();
        let (from, to) = (place(from), place(to));
        graph.require(from, to, *strength);
    }
    graph
}

/// `a: b c?` is Component a, which requires b and c, the latter optionally.
fn graph(lines: &[&str]) -> Graph {
    let mut edges = Vec::new();
    let mut nodes = Vec::new();
    for line in lines {
        let (node, needs) = line.split_once(':').unwrap_or((line, ""));
        nodes.push(key(node));
        for need in needs.split_whitespace() {
            let to = need.trim_end_matches('?');
            edges.push((key(node), key(to), Strength::of(to != need)));
        }
    }
    graph_of(&edges, nodes)
}

fn levels(graph: &Graph) -> Vec<String> {
    let levels = Order::of(graph).levels().into_iter();
    levels.map(|level| names(graph, level)).collect()
}

#[test]
fn dependencies_come_first_and_what_is_independent_shares_a_level() {
    let rows: &[(&str, &[&str], &[&str])] = &[
        ("nothing", &[], &[]),
        ("one alone", &["a"], &["a"]),
        ("a chain", &["a: b", "b: c", "c"], &["c", "b", "a"]),
        (
            "a diamond",
            &["top: left right", "left: base", "right: base", "base"],
            &["base", "left right", "top"],
        ),
        (
            "the longest way counts",
            &["a: b c", "b: c", "c", "d"],
            &["c d", "b", "a"],
        ),
        ("the same edge twice", &["a: b b", "b"], &["b", "a"]),
        (
            "an optional edge that is there",
            &["a: b?", "b"],
            &["b", "a"],
        ),
        (
            "an optional edge that would close a cycle",
            &["a: b", "b: a?"],
            &["b", "a"],
        ),
        (
            "two optional edges that would close a cycle",
            &["a: b?", "b: a?"],
            &["a b"],
        ),
        ("an optional edge to itself", &["a: a?"], &["a"]),
    ];
    for (case, lines, expected) in rows {
        let graph = graph(lines);
        assert_eq!(levels(&graph), *expected, "{case}");
        assert_eq!(Order::of(&graph).cycles(), [], "{case}");
    }
}

#[test]
fn optional_edges_that_are_not_respected_are_named() {
    let graph = graph(&["a: b c?", "b: a?", "c"]);
    assert_eq!(Order::of(&graph).ignored(), [(1, 0)]);
}

/// A case, a graph, the cycles in it, who is blocked, who can be installed.
type CycleRow = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
    &'static str,
);

#[test]
fn a_cycle_is_told_with_its_whole_path_and_outsiders_wait() {
    let rows: &[CycleRow] = &[
        (
            "three and an outsider",
            &["b: c", "c: a", "a: b", "d: a", "e"],
            &["a → b → c → a"],
            "d",
            "e",
        ),
        ("itself", &["a: a", "b: a"], &["a → a"], "b", ""),
        (
            "the smallest is first, not the first declared",
            &["z: m", "m: z"],
            &["m → z → m"],
            "",
            "",
        ),
        (
            "two apart",
            &["c: d", "d: c", "a: b", "b: a"],
            &["a → b → a", "c → d → c"],
            "",
            "",
        ),
        (
            "two that share a member",
            &["a: b c", "b: a", "c: a"],
            &["a → b → a → c → a"],
            "",
            "",
        ),
        (
            "a dependency of members can go ahead",
            &["a: b base", "b: a", "base", "far: outer", "outer: b"],
            &["a → b → a"],
            "far outer",
            "base",
        ),
        (
            "an optional dependent of a member can go ahead",
            &["a: b", "b: a", "c: a?"],
            &["a → b → a"],
            "",
            "c",
        ),
        (
            "an optional edge beside the cycle does not save it",
            &["a: b", "b: a c?", "c: a"],
            &["a → b → a"],
            "c",
            "",
        ),
    ];
    for (case, lines, cycles, blocked, installable) in rows {
        let graph = graph(lines);
        let order = Order::of(&graph);
        let found: Vec<String> = order.cycles().iter().map(Cycle::to_string).collect();
        assert_eq!(found, *cycles, "{case}");
        let in_cycles = (0..graph.len()).filter(|place| order.cycle_of(*place).is_some());
        let waiting = graph.blocked(&in_cycles.collect()).into_keys();
        assert_eq!(names(&graph, waiting), *blocked, "{case}");
        assert_eq!(names(&graph, order.install()), *installable, "{case}");
    }
}

#[test]
fn every_member_knows_the_cycle_and_outsiders_know_whom_they_wait_for() {
    let graph = graph(&["a: b", "b: c", "c: a", "d: a"]);
    let order = Order::of(&graph);
    for member in 0..3 {
        let cycle = order.cycle_of(member).unwrap();
        assert_eq!(cycle.to_string(), "a → b → c → a", "{member}");
        assert!(order.are_in_one_cycle(member, 0) && !order.are_in_one_cycle(member, 3));
    }
    assert_eq!(order.cycle_of(3), None);
    assert!(!order.are_in_one_cycle(3, 3));
    let blocked = graph.blocked(&BTreeSet::from([0, 1, 2]));
    assert_eq!(blocked, BTreeMap::from([(3, BTreeSet::from([0, 1, 2]))]));
}

#[test]
fn a_cycle_across_namespaces_names_them() {
    let other = NodeKey::new("other", "a");
    let edges = [
        (key("z"), other.clone(), Strength::Required),
        (other, key("z"), Strength::Required),
    ];
    let graph = graph_of(&edges, Vec::new());
    assert_eq!(
        Order::of(&graph).cycles()[0].to_string(),
        "default/z → other/a → default/z"
    );
}

#[test]
fn deletion_is_the_reverse_and_includes_who_cannot_be_installed() {
    let valid = graph(&["app: db web", "web: db", "db", "cache"]);
    let order = Order::of(&valid);
    assert_eq!(names(&valid, order.install()), "cache db web app");
    assert_eq!(names(&valid, order.delete()), "app web db cache");
    let circular = graph(&["a: b base", "b: a", "base", "user: a"]);
    let order = Order::of(&circular);
    assert_eq!(names(&circular, order.delete()), "user b a base");
}

#[test]
fn depth_counts_what_must_come_before_and_a_cycle_is_one() {
    let graph = graph(&["a: b c", "b: c", "c", "d: a?", "x: y c", "y: x", "z: x"]);
    let order = Order::of(&graph);
    let depths: Vec<usize> = (0..graph.len()).map(|place| order.depth(place)).collect();
    // a b c d x y z
    assert_eq!(depths, [2, 1, 0, 3, 1, 1, 2]);
}

#[test]
fn only_those_who_cannot_do_without_it_are_blocked() {
    let graph = graph(&[
        "db",
        "web: db",
        "shop: web",
        "stats: db?",
        "blog: cms",
        "cms",
        "all: shop blog",
    ]);
    let place = |name: &str| graph.place(&key(name)).unwrap();
    let stuck = BTreeSet::from([place("db"), place("blog")]);
    let blocked: Vec<(String, String)> = (graph.blocked(&stuck).into_iter())
        .map(|(place, causes)| (names(&graph, [place]), names(&graph, causes)))
        .collect();
    let expected = [("all", "blog db"), ("shop", "db"), ("web", "db")];
    assert_eq!(
        blocked,
        expected.map(|(node, causes)| (node.to_owned(), causes.to_owned()))
    );
    let all = graph.all_dependents(place("db"));
    assert_eq!(names(&graph, all), "all shop web");
    let direct: Vec<_> = graph.dependents(place("db")).collect();
    let expected = [
        (place("stats"), Strength::Optional),
        (place("web"), Strength::Required),
    ];
    assert_eq!(direct, expected);
}

#[test]
fn an_edge_that_is_taken_out_is_gone_at_both_ends() {
    let mut graph = graph(&["a: b c?", "b", "c"]);
    graph.remove(0, 2);
    assert_eq!(names(&graph, graph.dependencies(0).map(|(to, _)| to)), "b");
    assert_eq!(graph.dependents(2).count(), 0);
}

#[test]
fn a_long_chain_does_not_exhaust_the_stack() {
    let name = |index: usize| key(&format!("n{index:05}"));
    let mut graph = Graph::of((0..=50_000).map(name));
    for index in 0..50_000 {
        graph.require(index, index + 1, Strength::Required);
    }
    let order = Order::of(&graph);
    assert_eq!(order.levels().len(), 50_001);
    assert_eq!(order.install().next(), Some(50_000));
}
