use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::component::{Component, ComponentSpec, Dependency};

const NODES: u8 = 10;

/// An edge from one to another, optional or not, declared by the chart or by the spec.
type Wire = (u8, u8, bool, bool);

fn any_wires() -> impl Strategy<Value = Vec<Wire>> {
    let wire = (
        0..NODES,
        0..NODES,
        prop::bool::weighted(0.2),
        prop::bool::ANY,
    );
    prop::collection::vec(wire, 0..24).prop_map(once)
}

/// Two edges between the same two may contradict each other; how that ends is told in tables.
fn once(wires: Vec<Wire>) -> Vec<Wire> {
    let mut known = BTreeSet::new();
    let is_new = |(from, to, ..): &Wire| known.insert((*from, *to));
    wires.into_iter().filter(is_new).collect()
}

/// Edges that lead from larger to smaller numbers only.
fn acyclic_wires() -> impl Strategy<Value = Vec<Wire>> {
    any_wires().prop_map(|wires| {
        let wires = wires.into_iter().filter(|(from, to, ..)| from != to);
        let down = wires.map(|(a, b, optional, by_chart)| (a.max(b), a.min(b), optional, by_chart));
        once(down.collect())
    })
}

/// Priorities: who is looked at first in a round.
fn any_order() -> impl Strategy<Value = Vec<u8>> {
    Just((0..NODES).collect::<Vec<u8>>()).prop_shuffle()
}

/// Numbers as names whose order has nothing to do with theirs.
fn name(number: u8) -> String {
    format!("n{}", (u32::from(number) * 7 + 3) % u32::from(NODES))
}

fn needs(of: u8, wires: &[Wire], chart: bool) -> Vec<Requirement> {
    let own = wires
        .iter()
        .filter(|(from, _, _, by_chart)| *from == of && *by_chart == chart);
    own.map(|(_, to, optional, _)| Requirement {
        name: name(*to),
        range: VersionRange::parse(if to.is_multiple_of(2) { "^1" } else { "" }).unwrap(),
        optional: optional.then_some(true),
        ..Requirement::default()
    })
    .collect()
}

/// A cluster in which installing and removing takes no time.
struct Cluster {
    wires: Vec<Wire>,
    charts: Vec<String>,
    nodes: BTreeMap<NodeKey, Node>,
    installed: Vec<u8>,
}

impl Cluster {
    fn of(wires: &[Wire], applied: &BTreeSet<u8>) -> Self {
        let mut cluster = Self {
            wires: wires.to_vec(),
            charts: (0..NODES)
                .map(|number| format!("{} 2.0.0 1.5.0 1.0.0", name(number)))
                .collect(),
            nodes: BTreeMap::new(),
            installed: Vec::new(),
        };
        for &number in applied {
            let mut node = node(&name(number));
            node.depends_on = needs(number, wires, false);
            node.created = Some(Timestamp::from_second(i64::from(number)).unwrap());
            cluster.nodes.insert(node.key.clone(), node);
        }
        cluster
    }

    fn planner(&self) -> Planner {
        Planner::of(self.nodes.values().cloned())
    }

    fn check(&self, planner: &Planner, number: u8) -> DependencyCheck {
        let requires = needs(number, &self.wires, true);
        let charts: Vec<&str> = self.charts.iter().map(String::as_str).collect();
        check(planner, &name(number), &requires, &charts)
    }

    fn number_of(key: &NodeKey) -> u8 {
        (0..NODES).find(|number| name(*number) == key.name).unwrap()
    }

    /// One pass of one Component. True if anything came of it.
    fn pass(&mut self, number: u8) -> bool {
        let own = key(&name(number));
        let Some(before) = self.nodes.get(&own).cloned() else {
            return false;
        };
        if before.ready {
            return false;
        }
        let gate = self.check(&self.planner(), number);
        let mut after = before.clone();
        after.recorded = gate.dependencies.iter().map(node::recorded).collect();
        after.is_settled = true;
        match &gate.verdict {
            Verdict::Ready { .. } => {
                put(&mut after, "ready");
                after.version = Some(
                    if number.is_multiple_of(2) {
                        "1.5.0"
                    } else {
                        "2.0.0"
                    }
                    .to_owned(),
                );
                self.installed.push(number);
            }
            Verdict::Waiting { reason, message } | Verdict::Stalled { reason, message } => {
                after.progress = Progress {
                    phase: Some(Phase::Blocked),
                    reason: Some(ReadyReason::Known(*reason)),
                    message: message.clone(),
                };
            }
        }
        let is_news = !gate.create.is_empty() || format!("{before:?}") != format!("{after:?}");
        self.nodes.insert(own, after);
        for new in gate.create {
            assert!(!self.nodes.contains_key(&new.key), "{} is there", new.key);
            let mut implicit = node(&new.key.name);
            implicit.implicit = true;
            implicit.chart_name = new.chart;
            // an implicit Component has the chart's edges only: those of its spec are the chart's too
            let number = Self::number_of(&new.key);
            for wire in self.wires.iter_mut().filter(|wire| wire.0 == number) {
                wire.3 = true;
            }
            self.nodes.insert(new.key, implicit);
        }
        is_news
    }

    /// Passes in rounds until nothing happens any more.
    fn settle(&mut self, order: &[u8]) {
        for _ in 0..200 {
            let is_news: Vec<bool> = order.iter().map(|number| self.pass(*number)).collect();
            if !is_news.contains(&true) {
                return;
            }
        }
        panic!("it never comes to rest");
    }
}

/// What is reachable by required edges from those applied: all that must be there in the end.
fn needed(wires: &[Wire], applied: &BTreeSet<u8>) -> BTreeSet<u8> {
    let mut all = applied.clone();
    loop {
        let more: Vec<u8> = wires
            .iter()
            .filter(|(from, to, optional, _)| all.contains(from) && !optional && !all.contains(to))
            .map(|(_, to, ..)| *to)
            .collect();
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}

/// Nodes that reach `to` by required edges.
fn reaching(wires: &[Wire], to: u8) -> BTreeSet<u8> {
    let mut all = BTreeSet::new();
    let mut next = vec![to];
    while let Some(node) = next.pop() {
        for (from, target, optional, _) in wires {
            if *target == node && !optional && all.insert(*from) {
                next.push(*from);
            }
        }
    }
    all
}

proptest! {
    #[test]
    fn opening_gates_ends_with_everything_installed_in_the_order_of_edges(
        wires in acyclic_wires(),
        applied in prop::collection::btree_set(0..NODES, 1..6),
        order in any_order(),
    ) {
        let mut cluster = Cluster::of(&wires, &applied);
        cluster.settle(&order);
        let installed: BTreeSet<u8> = cluster.installed.iter().copied().collect();
        prop_assert_eq!(installed.len(), cluster.installed.len());
        prop_assert_eq!(&installed, &needed(&wires, &applied));
        let place = |number: u8| cluster.installed.iter().position(|other| *other == number);
        for (from, to, optional, _) in &wires {
            // one that is created later than its optional dependent is installed cannot come before it
            let counts = !optional || (applied.contains(from) && applied.contains(to));
            if let (Some(from), Some(to), true) = (place(*from), place(*to), counts) {
                prop_assert!(to < from, "{:?}", cluster.installed);
            }
        }
        let planner = cluster.planner();
        for node in cluster.nodes.values() {
            let number = Cluster::number_of(&node.key);
            prop_assert_eq!(node.implicit, !applied.contains(&number));
            prop_assert!(!planner.unneeded(&node.key));
        }
    }

    #[test]
    fn deletion_of_all_at_once_is_the_reverse_whoever_is_looked_at_first(
        wires in acyclic_wires(),
        applied in prop::collection::btree_set(0..NODES, 1..6),
        order in any_order(),
    ) {
        let mut cluster = Cluster::of(&wires, &applied);
        cluster.settle(&order);
        let wires = cluster.wires.clone();
        for node in cluster.nodes.values_mut() {
            node.deleting = true;
        }
        let mut removed: Vec<u8> = Vec::new();
        while !cluster.nodes.is_empty() {
            let before = removed.len();
            for number in order.iter().rev() {
                let own = key(&name(*number));
                if !cluster.nodes.contains_key(&own) {
                    continue;
                }
                let removal = cluster.planner().removal(&own);
                prop_assert!(!matches!(removal, Removal::Refused(_)));
                if removal == Removal::Free {
                    cluster.nodes.remove(&own);
                    removed.push(*number);
                }
            }
            prop_assert!(removed.len() > before, "nobody may go");
        }
        let place = |number: u8| removed.iter().position(|other| *other == number);
        for (from, to, ..) in &wires {
            if let (Some(from), Some(to)) = (place(*from), place(*to)) {
                prop_assert!(from < to, "{removed:?}");
            }
        }
    }

    #[test]
    fn one_that_stays_protects_all_that_it_needs(
        wires in acyclic_wires(),
        applied in prop::collection::btree_set(0..NODES, 1..6),
        order in any_order(),
    ) {
        let mut cluster = Cluster::of(&wires, &applied);
        cluster.settle(&order);
        let stays = *cluster.installed.last().unwrap();
        for node in cluster.nodes.values_mut() {
            node.deleting = Cluster::number_of(&node.key) != stays;
        }
        // whoever may go goes, in rounds
        loop {
            let planner = cluster.planner();
            let free: Vec<NodeKey> = cluster
                .nodes
                .values()
                .filter(|node| node.deleting && planner.removal(&node.key) == Removal::Free)
                .map(|node| node.key.clone())
                .collect();
            if free.is_empty() {
                break;
            }
            cluster.nodes.retain(|key, _| !free.contains(key));
        }
        let left: BTreeSet<u8> = cluster.nodes.keys().map(Cluster::number_of).collect();
        prop_assert_eq!(left, needed(&cluster.wires, &BTreeSet::from([stays])));
    }

    #[test]
    fn a_cycle_stops_its_members_and_dependents_and_nobody_else(
        wires in any_wires(),
        order in any_order(),
    ) {
        let everybody: BTreeSet<u8> = (0..NODES).collect();
        let mut cluster = Cluster::of(&wires, &everybody);
        cluster.settle(&order);
        let planner = cluster.planner();
        let in_cycle: BTreeSet<u8> =
            (0..NODES).filter(|node| reaching(&wires, *node).contains(node)).collect();
        let mut paths: BTreeMap<BTreeSet<u8>, BTreeSet<String>> = BTreeMap::new();
        for number in 0..NODES {
            let gate = cluster.check(&planner, number);
            if in_cycle.contains(&number) {
                let Verdict::Stalled { reason, message } = gate.verdict else {
                    panic!("{number} is in a cycle, but {}", told(&gate.verdict));
                };
                prop_assert_eq!(reason.as_str(), "DependencyCycle");
                // who reaches me and is reached by me
                let mut group = reaching(&wires, number);
                group.retain(|other| reaching(&wires, *other).contains(&number));
                paths.entry(group).or_default().insert(message);
            } else {
                let is_blocked = in_cycle.iter().any(|node| reaching(&wires, *node).contains(&number));
                let is_waiting = matches!(gate.verdict, Verdict::Waiting { .. });
                prop_assert_eq!(is_waiting, is_blocked, "{} {}", number, told(&gate.verdict));
                prop_assert_eq!(cluster.installed.contains(&number), !is_blocked);
                if is_waiting {
                    prop_assert!(told(&gate.verdict).contains("DependencyCycle ("));
                }
            }
        }
        for (group, told) in paths {
            prop_assert_eq!(told.len(), 1, "{:?} tell {:?}", group, told);
        }
    }

    #[test]
    fn answers_do_not_depend_on_the_order_of_components(
        wires in any_wires(),
        passes in prop::collection::vec(0..NODES, 0..30),
        order in any_order(),
        words in prop::collection::vec(
            prop::sample::select(vec!["deleting", "implicit", "disabled", "gone", "failed", "age=3", "chart=n1"]),
            NODES as usize,
        ),
        marked in prop::collection::btree_set(0..NODES, 0..4),
    ) {
        let applied: BTreeSet<u8> = (0..NODES - 2).collect();
        let mut cluster = Cluster::of(&wires, &applied);
        for number in passes {
            cluster.pass(number);
        }
        for number in marked {
            if let Some(node) = cluster.nodes.get_mut(&key(&name(number))) {
                put(node, words[usize::from(number)]);
            }
        }
        let shuffled = order.iter().filter_map(|number| cluster.nodes.get(&key(&name(*number))));
        let other = Planner::of(shuffled.cloned());
        assert_same(&cluster, &cluster.planner(), &other)?;
    }

    #[test]
    fn one_component_exchanged_is_as_good_as_a_planner_made_anew(
        wires in any_wires(),
        changes in prop::collection::vec((0..NODES, prop::sample::select(WORDS)), 0..40),
    ) {
        let applied: BTreeSet<u8> = (0..NODES - 2).collect();
        let mut cluster = Cluster::of(&wires, &applied);
        let mut planner = cluster.planner();
        for (number, word) in changes {
            let count = cluster.nodes.len();
            if word == "pass" {
                cluster.pass(number);
            } else if let Some(node) = cluster.nodes.get_mut(&key(&name(number))) {
                put(node, word);
            }
            let node = cluster.nodes.get(&key(&name(number)));
            let exchanged = node.and_then(|node| planner.with(node.clone()));
            planner = match exchanged {
                Some(exchanged) if cluster.nodes.len() == count => exchanged,
                _ => cluster.planner(),
            };
            assert_same(&cluster, &planner, &cluster.planner())?;
        }
    }

    #[test]
    fn what_is_planned_from_manifests_is_what_a_cluster_comes_to(
        wires in any_wires(),
        applied in prop::collection::btree_set(0..NODES, 1..6),
        order in any_order(),
    ) {
        // an implicit Component has its chart's edges only, and so it is with one that is added
        let of_charts = |(from, to, optional, by_chart): &Wire| {
            (*from, *to, *optional, *by_chart || !applied.contains(from))
        };
        let wires: Vec<Wire> = wires.iter().map(of_charts).collect();
        let mut cluster = Cluster::of(&wires, &applied);
        cluster.settle(&order);
        let plan = solve(&manifests(&wires, &applied), Some(&catalog(&wires)));
        let planned: BTreeSet<u8> = plan.steps.iter().flatten().map(Cluster::number_of).collect();
        let installed: BTreeSet<u8> = cluster.installed.iter().copied().collect();
        if plan.works() {
            prop_assert_eq!(&planned, &installed);
        }
        // the controller creates nothing for who is in a cycle
        prop_assert!(installed.is_subset(&planned), "{:?} {:?}", planned, installed);
        let added = planned.difference(&applied).copied().collect();
        prop_assert_eq!(&planned - &added, &installed & &applied);
        let step = |number: u8| plan.steps.iter().position(|step| step.contains(&key(&name(number))));
        for (from, to, optional, _) in &wires {
            if let (Some(from), Some(to), false) = (step(*from), step(*to), optional) {
                prop_assert!(to < from, "{:?}", plan.steps);
            }
        }
    }
}

/// What becomes of a Component between two looks.
const WORDS: &[&str] = &[
    "pass",
    "ready",
    "failed",
    "installing",
    "changed",
    "deleting",
    "disabled",
    "conflict",
    "chart=n1",
];

fn assert_same(cluster: &Cluster, one: &Planner, other: &Planner) -> Result<(), TestCaseError> {
    for number in 0..NODES {
        let own = key(&name(number));
        prop_assert_eq!(cluster.check(one, number), cluster.check(other, number));
        prop_assert_eq!(one.removal(&own), other.removal(&own));
        prop_assert_eq!(one.dependents(&own), other.dependents(&own));
        prop_assert_eq!(one.concerned(&own), other.concerned(&own));
        prop_assert_eq!(one.required_by(&own), other.required_by(&own));
        prop_assert_eq!(one.unneeded(&own), other.unneeded(&own));
        prop_assert_eq!(one.depth(&own), other.depth(&own));
        prop_assert_eq!(one.release_owner(&own), other.release_owner(&own));
    }
    Ok(())
}

fn manifests(wires: &[Wire], applied: &BTreeSet<u8>) -> Vec<Manifest> {
    let manifest = |number: &u8| {
        let depends_on = needs(*number, wires, false).into_iter();
        let spec = ComponentSpec {
            version: if number.is_multiple_of(2) { "^1" } else { "" }.to_owned(),
            depends_on: depends_on
                .map(|requirement| Dependency {
                    version: Some(requirement.range.text().to_owned()),
                    optional: requirement.is_optional(),
                    name: requirement.name,
                    namespace: None,
                })
                .collect(),
            ..ComponentSpec::default()
        };
        let mut component = Component::new(&name(*number), spec);
        component.metadata.namespace = Some("default".to_owned());
        Manifest {
            component,
            source: "m.yaml".to_owned(),
        }
    };
    applied.iter().map(manifest).collect()
}

fn catalog(wires: &[Wire]) -> Catalog {
    let mut catalog = Catalog::default();
    for number in 0..NODES {
        let requires = needs(number, wires, true).into_iter().map(|requirement| {
            serde_json::json!({
                "name": requirement.name,
                "version": requirement.range.text(),
                "optional": requirement.is_optional(),
            })
        });
        let requires = serde_json::Value::from_iter(requires).to_string();
        for text in ["2.0.0", "1.5.0", "1.0.0"] {
            let requires = Some(requires.clone());
            catalog.add(
                &name(number),
                ChartVersion {
                    requires,
                    ..version(text)
                },
            );
        }
    }
    catalog
}
