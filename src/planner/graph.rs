//! The dependency graph: Components and what each requires.

use std::collections::{BTreeMap, BTreeSet};

use crate::node_key::NodeKey;

/// Whether a dependent needs a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// The dependent is ordered after it; it does not wait for one that is missing or stuck.
    Optional,
    /// The dependent needs it.
    Required,
}

impl Strength {
    /// The strength of a dependency that is `optional` or not.
    pub fn of(is_optional: bool) -> Self {
        if is_optional {
            Self::Optional
        } else {
            Self::Required
        }
    }
}

/// Components, each at its place in the order of keys, and the edges between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    keys: Vec<NodeKey>,
    dependencies: Vec<BTreeMap<usize, Strength>>,
    dependents: Vec<BTreeMap<usize, Strength>>,
}

impl Graph {
    /// A graph of these Components without edges.
    pub fn of(keys: impl IntoIterator<Item = NodeKey>) -> Self {
        let keys: BTreeSet<NodeKey> = keys.into_iter().collect();
        Self {
            dependencies: vec![BTreeMap::new(); keys.len()],
            dependents: vec![BTreeMap::new(); keys.len()],
            keys: keys.into_iter().collect(),
        }
    }

    /// Adds an edge between two places. Of several edges between the same two the strongest counts.
    pub fn require(&mut self, dependent: usize, dependency: usize, strength: Strength) {
        let known = self.dependencies[dependent].entry(dependency);
        let strongest = strength.max(*known.or_insert(strength));
        self.dependencies[dependent].insert(dependency, strongest);
        self.dependents[dependency].insert(dependent, strongest);
    }

    /// Removes an edge.
    pub fn remove(&mut self, dependent: usize, dependency: usize) {
        self.dependencies[dependent].remove(&dependency);
        self.dependents[dependency].remove(&dependent);
    }

    /// How many Components there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The place of a Component, if it is in the graph.
    pub fn place(&self, key: &NodeKey) -> Option<usize> {
        self.keys.binary_search(key).ok()
    }

    /// The Component at a place.
    pub fn key(&self, place: usize) -> &NodeKey {
        &self.keys[place]
    }

    /// The dependencies of the Component at `place`, in the order of keys.
    pub fn dependencies(&self, place: usize) -> impl Iterator<Item = (usize, Strength)> {
        self.dependencies[place].iter().map(|(to, how)| (*to, *how))
    }

    /// The required dependencies of the Component at `place`, in the order of keys.
    pub fn required(&self, place: usize) -> impl Iterator<Item = usize> {
        let required = |(to, how)| (how == Strength::Required).then_some(to);
        self.dependencies(place).filter_map(required)
    }

    /// The dependents of the Component at `place`, in the order of keys.
    pub fn dependents(&self, place: usize) -> impl Iterator<Item = (usize, Strength)> {
        self.dependents[place]
            .iter()
            .map(|(from, how)| (*from, *how))
    }

    /// Those that need the Component at `place`, directly or through others; itself only if it is in a cycle.
    pub fn all_dependents(&self, place: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut next = vec![place];
        while let Some(place) = next.pop() {
            for (dependent, strength) in self.dependents(place) {
                if strength == Strength::Required && found.insert(dependent) {
                    next.push(dependent);
                }
            }
        }
        found
    }

    /// Those that wait when the Components in `stuck` (failed, or in a cycle) make no progress, and for which. Those in
    /// `stuck` are not among them.
    pub fn blocked(&self, stuck: &BTreeSet<usize>) -> BTreeMap<usize, BTreeSet<usize>> {
        let mut blocked: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for cause in stuck {
            for waiting in self.all_dependents(*cause).difference(stuck) {
                blocked.entry(*waiting).or_default().insert(*cause);
            }
        }
        blocked
    }
}

#[cfg(test)]
mod tests;
