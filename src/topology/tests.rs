use std::collections::{BTreeMap, BTreeSet};

use super::*;

mod properties;

fn key(name: &str) -> NodeKey {
    NodeKey::new("default", name)
}

fn names<'a>(keys: impl IntoIterator<Item = &'a NodeKey>) -> String {
    let names: Vec<&str> = keys.into_iter().map(|key| key.name.as_str()).collect();
    names.join(" ")
}

/// `a: b c?` is Component a, which requires b and c, the latter optionally.
fn graph(lines: &[&str]) -> Graph {
    let mut graph = Graph::default();
    for line in lines {
        let (node, needs) = line.split_once(':').unwrap_or((line, ""));
        graph.insert(key(node));
        for need in needs.split_whitespace() {
            let (to, strength) = match need.strip_suffix('?') {
                Some(to) => (to, Strength::Optional),
                None => (need, Strength::Required),
            };
            graph.require(key(node), key(to), strength);
        }
    }
    graph
}

fn levels(order: &Order) -> Vec<String> {
    order.levels().iter().map(names).collect()
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
        ("an optional edge to nothing", &["a: b?"], &["a"]),
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
        let order = graph(lines).order();
        assert_eq!(levels(&order), *expected, "{case}");
        assert_eq!(order.cycles(), [], "{case}");
    }
}

#[test]
fn optional_edges_that_are_not_respected_are_named() {
    let order = graph(&["a: b c?", "b: a?", "c"]).order();
    assert_eq!(order.ignored(), [(key("b"), key("a"))]);
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
        let order = graph(lines).order();
        let found: Vec<String> = order.cycles().iter().map(Cycle::to_string).collect();
        assert_eq!(found, *cycles, "{case}");
        assert_eq!(names(order.blocked().keys()), *blocked, "{case}");
        assert_eq!(names(order.install()), *installable, "{case}");
    }
}

#[test]
fn every_member_knows_the_cycle_and_outsiders_know_whom_they_wait_for() {
    let order = graph(&["a: b", "b: c", "c: a", "d: a"]).order();
    for member in ["a", "b", "c"] {
        let cycle = order.cycle_of(&key(member)).unwrap();
        assert_eq!(cycle.to_string(), "a → b → c → a", "{member}");
        assert_eq!(names(cycle.members()), "a b c");
    }
    assert_eq!(order.cycle_of(&key("d")), None);
    assert_eq!(names(&order.blocked()[&key("d")]), "a b c");
}

#[test]
fn a_cycle_across_namespaces_names_them() {
    let mut graph = Graph::default();
    let other = NodeKey::new("other", "a");
    graph.require(key("z"), other.clone(), Strength::Required);
    graph.require(other, key("z"), Strength::Required);
    let order = graph.order();
    assert_eq!(
        order.cycles()[0].to_string(),
        "default/z → other/a → default/z"
    );
}

#[test]
fn deletion_is_the_reverse_and_includes_who_cannot_be_installed() {
    let order = graph(&["app: db web", "web: db", "db", "cache"]).order();
    assert_eq!(names(order.install()), "cache db web app");
    assert_eq!(names(order.delete()), "app web db cache");
    let circular = graph(&["a: b base", "b: a", "base", "user: a"]).order();
    assert_eq!(names(circular.delete()), "user b a base");
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
    let stuck = BTreeSet::from([key("db"), key("blog")]);
    let blocked: BTreeMap<String, String> = graph
        .blocked(&stuck)
        .iter()
        .map(|(node, causes)| (node.name.clone(), names(causes)))
        .collect();
    let expected = [("all", "blog db"), ("shop", "db"), ("web", "db")];
    assert_eq!(
        blocked,
        expected
            .map(|(node, causes)| (node.to_owned(), causes.to_owned()))
            .into()
    );
    assert_eq!(names(&graph.all_dependents(&key("db"))), "all shop web");
    let direct: Vec<_> = graph.dependents(&key("db")).collect();
    assert_eq!(
        direct,
        [
            (&key("stats"), Strength::Optional),
            (&key("web"), Strength::Required)
        ]
    );
}

#[test]
fn what_is_missing_is_told_with_who_needs_it() {
    let graph = graph(&["a: loki tempo?", "b: loki", "c: a"]);
    assert_eq!(
        graph.missing(),
        BTreeMap::from([(key("loki"), BTreeSet::from([key("a"), key("b")]))])
    );
}

#[test]
fn a_long_chain_does_not_exhaust_the_stack() {
    let mut graph = Graph::default();
    for index in 0..50_000 {
        let (from, to) = (format!("n{index}"), format!("n{}", index + 1));
        graph.require(key(&from), key(&to), Strength::Required);
    }
    graph.insert(key("n50000"));
    let order = graph.order();
    assert_eq!(order.levels().len(), 50_001);
    assert_eq!(order.install().next(), Some(&key("n50000")));
}
