use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::chart::version::Version;

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

#[test]
fn a_cycle_is_told_with_its_whole_path_and_outsiders_wait() {
    let rows: &[(&str, &[&str], &[&str], &str, &str)] = &[
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

fn demands(texts: &[&str]) -> Vec<Demand> {
    let demand = |text: &&str| {
        let (requirer, range) = text.split_once(' ').unwrap_or((text, ""));
        Demand {
            requirer: key(requirer),
            range: VersionRange::parse(range).unwrap(),
        }
    };
    texts.iter().map(demand).collect()
}

fn told(demand: &Demand) -> String {
    format!("{} {}", demand.requirer.name, demand.range)
}

#[test]
fn one_version_satisfies_all_requirers_or_the_fewest_that_disagree_are_named() {
    let texts = ["3.0.0-rc.1", "2.1.0", "2.0.0", "1.5.0", "1.0.0"];
    let versions = texts.map(|text| Version::parse(text).unwrap());
    let versions: Vec<&Version> = versions.iter().collect();
    let rows: &[(&[&str], &str)] = &[
        (&[], "2.1.0"),
        (&["a"], "2.1.0"),
        (&["a latest", "b"], "2.1.0"),
        (&["a ^1"], "1.5.0"),
        (&["a ^1", "b"], "1.5.0"),
        (&["a >=1.2", "b <2"], "1.5.0"),
        (&["a >=1", "b <2.1", "c >1.5"], "2.0.0"),
        (&["a >=3.0.0-0"], "3.0.0-rc.1"),
        (&["a >=3.0.0-0", "b"], "3.0.0-rc.1"),
        (&["a >=2.0.0-0", "b >=2"], "2.1.0"),
        (&["b ^9", "a ^1"], "none for b ^9"),
        (&["b >=2", "a ^1"], "conflict of a ^1 and b >=2"),
        (
            &["c *", "b >=2", "d >0", "a ^1"],
            "conflict of a ^1 and b >=2",
        ),
        (
            &["a 1.0.0 || 1.5.0", "b 1.5.0 || 2.0.0", "c 1.0.0 || 2.0.0"],
            "conflict of a 1.0.0 || 1.5.0 and b 1.5.0 || 2.0.0 and c 1.0.0 || 2.0.0",
        ),
    ];
    for (texts_of, expected) in rows {
        let mut demands = demands(texts_of);
        for _ in 0..2 {
            let found = match choose(&versions, &demands) {
                Choice::Version(index) => texts[index].to_owned(),
                Choice::Unsatisfiable(demand) => format!("none for {}", told(demand)),
                Choice::Conflict(all) => {
                    let all: Vec<String> = all.into_iter().map(told).collect();
                    format!("conflict of {}", all.join(" and "))
                }
            };
            assert_eq!(found, *expected, "{texts_of:?}");
            demands.reverse();
        }
    }
}

#[test]
fn annotations_are_lists_of_requirements_in_long_and_short_form() {
    for text in [
        "- name: prometheus\n  version: ^25\n- name: loki\n",
        r#"[{"name": "prometheus", "version": "^25"}, {"name": "loki"}]"#,
        "- prometheus ^25\n- loki",
        "['prometheus  ^25', {name: loki, version: '', namespace: null}]",
    ] {
        let read = Requirement::parse_annotation(text).unwrap();
        let told: Vec<String> = read
            .iter()
            .map(|requirement| format!("{} {}", requirement.name, requirement.range))
            .collect();
        assert_eq!(told, ["prometheus ^25", "loki any version"], "{text}");
    }
    for empty in ["", "[]", "null", "# none"] {
        assert_eq!(Requirement::parse_annotation(empty).unwrap(), []);
    }
    for single in ["loki >=2 <4", "{name: loki, version: '>=2 <4'}"] {
        let read = Requirement::parse_annotation(single).unwrap();
        assert_eq!((read.len(), &*read[0].name), (1, "loki"));
        assert_eq!(read[0].range.to_string(), ">=2 <4");
    }
}

#[test]
fn a_requirement_has_all_the_fields_of_the_contract() {
    let text = "[{name: db, version: ^15, chart: postgresql, namespace: data, optional: true, \
                values: {replicas: 2}, later: 1}]";
    let read = &Requirement::parse_annotation(text).unwrap()[0];
    assert_eq!(read.name, "db");
    assert_eq!(read.chart(), "postgresql");
    assert_eq!(read.namespace.as_deref(), Some("data"));
    assert!(read.is_optional());
    assert_eq!(read.values, Some(json!({"replicas": 2})));
}

#[test]
fn a_broken_annotation_says_where() {
    for (text, message) in [
        ("[{version: ^1}]", "requires[0] needs a name"),
        ("[a, '']", "requires[1] needs a name"),
        (
            "[{name: a, version: 1.10}]",
            "requires[0].version must be a text: put it in quotes",
        ),
        (
            "[{name: a, version: soon}]",
            "requires[0].version \"soon\" is not a version range; write one such as \"^1.2\" or \">=1 <3\"",
        ),
        (
            "[a, b soon]",
            "requires[1].version \"soon\" is not a version range; write one such as \"^1.2\" or \">=1 <3\"",
        ),
        ("[{name: [a]}]", "requires[0].name must be a text"),
        (
            "[{name: a, optional: maybe}]",
            "requires[0].optional must be true or false",
        ),
        (
            "[{name: a, values: 1}]",
            "requires[0].values must be a mapping",
        ),
        (
            "[1]",
            "requires[0] must be a mapping with a name, or \"NAME RANGE\"",
        ),
        ("[", "it is not YAML"),
    ] {
        let error = Requirement::parse_annotation(text).unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }
}

#[test]
fn the_users_word_counts_over_the_charts() {
    let read = |text: &str| Requirement::parse_annotation(text).unwrap();
    let told = |spec: &str, chart: &str| -> Vec<String> {
        let all = union("home", &read(spec), &read(chart));
        let tell = |declared: &Declared| {
            let requirement = &declared.requirement;
            let optional = if requirement.is_optional() {
                " optional"
            } else {
                ""
            };
            let (name, range, by) = (&requirement.name, &requirement.range, declared.by);
            format!("{name} {range}{optional} by {by:?}")
        };
        all.iter().map(tell).collect()
    };
    let rows: &[(&str, &str, &[&str])] = &[
        ("[]", "[a ^1]", &["a ^1 by Chart"]),
        (
            "[a ^2]",
            "[a ^1, b]",
            &["a ^2 by Component", "b any version by Chart"],
        ),
        ("[a]", "[a ^1]", &["a ^1 by Component"]),
        (
            "[a]",
            "[{name: a, optional: true}]",
            &["a any version optional by Component"],
        ),
        (
            "[{name: a, optional: false}]",
            "[{name: a, optional: true}]",
            &["a any version by Component"],
        ),
        (
            "[{name: a, namespace: home}]",
            "[a ^1]",
            &["a ^1 by Component"],
        ),
        (
            "[{name: a, namespace: other}]",
            "[a ^1]",
            &["a any version by Component", "a ^1 by Chart"],
        ),
        (
            "[a ^1, a ^1, a <1.5]",
            "[]",
            &["a ^1 by Component", "a <1.5 by Component"],
        ),
    ];
    for (spec, chart, expected) in rows {
        assert_eq!(told(spec, chart), *expected, "{spec} over {chart}");
    }
}

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
            if !in_one_cycle && !(optional && ignored) {
                prop_assert!(place(&from) < place(&to), "{} before {}", from, to);
            }
        }
    }
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
