//! The Component whose dependencies are checked, with its current edges.

use std::collections::BTreeSet;

use crate::node_key::NodeKey;
use crate::planner::Planner;
use crate::planner::cycle::Cycle;
use crate::planner::demand::Demand;
use crate::planner::directory::{Edge, Found};
use crate::planner::graph::{Graph, Strength};
use crate::planner::node::Node;
use crate::planner::order::Order;
use crate::planner::requirement::{Requirement, union};

pub(super) struct Dependent<'a> {
    pub(super) planner: &'a Planner,
    pub(super) own: usize,
    pub(super) edges: Vec<Edge>,
    /// The cycle that the Component is in by these edges.
    pub(super) cycle: Option<Cycle>,
    /// Components that lead back to it, optional edges counted: no order is kept among these.
    pub(super) circular: BTreeSet<usize>,
}

impl<'a> Dependent<'a> {
    /// The Component `key`, whose chart `requires` this. `None` if there is no such Component.
    pub(super) fn of(
        planner: &'a Planner,
        key: &NodeKey,
        requires: &[Requirement],
    ) -> Option<Self> {
        let own = planner.directory.place(key)?;
        let declared = union(&key.namespace, &planner.node(own).depends_on, requires);
        let edges = declared
            .into_iter()
            .map(|declared| planner.directory.edge(key, declared.requirement));
        let mut dependent = Self {
            planner,
            own,
            edges: edges.collect(),
            cycle: None,
            circular: BTreeSet::new(),
        };
        dependent.cycle = dependent.find_cycle();
        dependent.circular = dependent.find_circular();
        Some(dependent)
    }

    pub(super) fn me(&self) -> &'a Node {
        self.planner.node(self.own)
    }

    /// The name as it stands in this Component's messages.
    pub(super) fn name(&self, key: &NodeKey) -> String {
        key.seen_from(&self.me().key.namespace)
    }

    /// The cycle that the Component is in if these are its edges.
    fn find_cycle(&self) -> Option<Cycle> {
        let graph = &self.planner.relations.graph;
        let targets = self.required_now();
        if targets.iter().copied().eq(graph.required(self.own)) {
            return self.planner.cycle_of(self.own).cloned();
        }
        let onward = |place: usize| -> Vec<usize> {
            if place == self.own {
                targets.iter().copied().collect()
            } else {
                graph.required(place).collect()
            }
        };
        let mut reached: BTreeSet<usize> = BTreeSet::new();
        let mut next = onward(self.own);
        while let Some(place) = next.pop() {
            if reached.insert(place) && place != self.own {
                next.extend(onward(place));
            }
        }
        if !reached.contains(&self.own) {
            return None;
        }
        let keys = reached.iter().map(|place| graph.key(*place).clone());
        let mut part = Graph::of(keys);
        let place_in_part = |part: &Graph, place: usize| {
            let place = part.place(graph.key(place));
            place.expect("what is required by what was reached was reached")
        };
        for &place in &reached {
            for target in onward(place) {
                let (from, to) = (place_in_part(&part, place), place_in_part(&part, target));
                part.require(from, to, Strength::Required);
            }
        }
        let own = place_in_part(&part, self.own);
        Order::of(&part).cycle_of(own).cloned()
    }

    /// Components that it needs, by these edges.
    fn required_now(&self) -> BTreeSet<usize> {
        let required = |edge: &Edge| match (&edge.found, edge.strength()) {
            (Found::One(target), Strength::Required) => Some(*target),
            _ => None,
        };
        self.edges.iter().filter_map(required).collect()
    }

    /// Components from which edges lead to this one, directly or through others, ignored ones included;
    /// itself among them. Empty, because not needed, if no edge is optional.
    fn find_circular(&self) -> BTreeSet<usize> {
        let is_optional = |edge: &Edge| edge.strength() == Strength::Optional;
        if !self.edges.iter().any(is_optional) {
            return BTreeSet::new();
        }
        let relations = &self.planner.relations;
        let mut leads_here: BTreeSet<usize> = BTreeSet::new();
        let mut next = vec![self.own];
        while let Some(place) = next.pop() {
            if !leads_here.insert(place) {
                continue;
            }
            let dependents = relations.dependents.get(&self.planner.node(place).key);
            let dependents = dependents.into_iter().flatten().copied();
            let has_edge = |from: &usize| {
                let mut edges = relations.edges[*from].iter();
                edges.any(|edge| edge.leads_to(place))
            };
            next.extend(dependents.filter(has_edge));
        }
        leads_here
    }

    /// What this Component and all others demand of another, or of a missing one; the oldest first.
    pub(super) fn demands(
        &self,
        known: impl Iterator<Item = (usize, &'a Edge)>,
        own: &[&Edge],
    ) -> Vec<Demand> {
        let planner = self.planner;
        let others = known.filter(|(index, edge)| {
            *index != self.own
                && planner.node(*index).is_alive()
                && edge.strength() == Strength::Required
        });
        let mut all: Vec<(usize, &Edge)> = others.collect();
        let own = own
            .iter()
            .filter(|edge| edge.strength() == Strength::Required);
        all.extend(own.map(|edge| (self.own, *edge)));
        // stable: the declarations of one requirer stay in their order, the spec's first
        all.sort_by(|(a, _), (b, _)| {
            let (a, b) = (planner.node(*a), planner.node(*b));
            a.seniority().cmp(&b.seniority())
        });
        all.into_iter()
            .map(|(index, edge)| Demand {
                requirer: planner.node(index).key.clone(),
                range: edge.requirement.range.clone(),
            })
            .collect()
    }
}
