//! The graph: Components and what each of them requires.

use std::collections::{BTreeMap, BTreeSet};

use crate::topology::key::NodeKey;
use crate::topology::order::Order;

/// How much a dependent cares for a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Ordered after it if it is there; never waits for one that is missing or stuck.
    Optional,
    /// Cannot do without it.
    Required,
}

/// Components and their edges. Edges may lead to Components that are not there: [`Graph::missing`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    dependencies: BTreeMap<NodeKey, BTreeMap<NodeKey, Strength>>,
    dependents: BTreeMap<NodeKey, BTreeSet<NodeKey>>,
}

impl Graph {
    /// Adds a Component; one that is there already stays as it is.
    pub fn insert(&mut self, node: NodeKey) {
        self.dependencies.entry(node).or_default();
    }

    /// Adds an edge and its dependent. Of several edges between the same two the strongest counts.
    pub fn require(&mut self, dependent: NodeKey, dependency: NodeKey, strength: Strength) {
        self.dependents
            .entry(dependency.clone())
            .or_default()
            .insert(dependent.clone());
        let edges = self.dependencies.entry(dependent).or_default();
        let known = edges.entry(dependency).or_insert(strength);
        *known = strength.max(*known);
    }

    /// True if the Component is there.
    pub fn contains(&self, node: &NodeKey) -> bool {
        self.dependencies.contains_key(node)
    }

    /// All Components that are there, in the order of their keys.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeKey> {
        self.dependencies.keys()
    }

    /// What `node` requires, there or not, in the order of keys.
    pub fn dependencies(&self, node: &NodeKey) -> impl Iterator<Item = (&NodeKey, Strength)> {
        let edges = self.dependencies.get(node).into_iter().flatten();
        edges.map(|(dependency, strength)| (dependency, *strength))
    }

    /// Who has an edge to `node`, which need not be there, in the order of keys.
    pub fn dependents(&self, node: &NodeKey) -> impl Iterator<Item = (&NodeKey, Strength)> {
        let dependents = self.dependents.get(node).into_iter().flatten();
        dependents.map(move |dependent| (dependent, self.dependencies[dependent][node]))
    }

    /// Who cannot do without `node`, directly or through others; `node` itself only if it is in a cycle.
    pub fn all_dependents(&self, node: &NodeKey) -> BTreeSet<NodeKey> {
        let mut found = BTreeSet::new();
        let mut next = vec![node];
        while let Some(node) = next.pop() {
            for (dependent, strength) in self.dependents(node) {
                if strength == Strength::Required && found.insert(dependent.clone()) {
                    next.push(dependent);
                }
            }
        }
        found
    }

    /// Components that others cannot do without and that are not there, with those others.
    pub fn missing(&self) -> BTreeMap<NodeKey, BTreeSet<NodeKey>> {
        let absent = (self.dependents.keys()).filter(|node| !self.contains(node));
        let with_requirers = absent.map(|node| {
            let required = (self.dependents(node))
                .filter(|(_, strength)| *strength == Strength::Required)
                .map(|(dependent, _)| dependent.clone());
            (node.clone(), required.collect::<BTreeSet<_>>())
        });
        with_requirers
            .filter(|(_, requirers)| !requirers.is_empty())
            .collect()
    }

    /// Who waits when the Components in `stuck` (failed, in a cycle, missing) get no further, and for which of them.
    /// Those in `stuck` are not in the answer.
    pub fn blocked(&self, stuck: &BTreeSet<NodeKey>) -> BTreeMap<NodeKey, BTreeSet<NodeKey>> {
        let mut blocked: BTreeMap<NodeKey, BTreeSet<NodeKey>> = BTreeMap::new();
        for cause in stuck {
            for waiting in self.all_dependents(cause).difference(stuck) {
                let causes = blocked.entry(waiting.clone()).or_default();
                causes.insert(cause.clone());
            }
        }
        blocked
    }

    /// The order of installation and its reverse, or what is in the way of it.
    pub fn order(&self) -> Order {
        Order::of(self)
    }
}
