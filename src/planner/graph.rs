//! The bare graph: Components and what each of them requires.

use std::collections::{BTreeMap, BTreeSet};

use crate::node_key::NodeKey;

/// How much a dependent cares for a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Ordered after it if it is there; never waits for one that is missing or stuck.
    Optional,
    /// Cannot do without it.
    Required,
}

impl Strength {
    /// That of a dependency which is optional or not.
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
    /// These Components, without edges.
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

    /// Takes an edge out.
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

    /// Where a Component is, if it is there.
    pub fn place(&self, key: &NodeKey) -> Option<usize> {
        self.keys.binary_search(key).ok()
    }

    /// The Component at a place.
    pub fn key(&self, place: usize) -> &NodeKey {
        &self.keys[place]
    }

    /// What the Component at `place` requires, in the order of keys.
    pub fn dependencies(&self, place: usize) -> impl Iterator<Item = (usize, Strength)> {
        self.dependencies[place].iter().map(|(to, how)| (*to, *how))
    }

    /// What the Component at `place` cannot do without, in the order of keys.
    pub fn required(&self, place: usize) -> impl Iterator<Item = usize> {
        let required = |(to, how)| (how == Strength::Required).then_some(to);
        self.dependencies(place).filter_map(required)
    }

    /// Who requires the Component at `place`, in the order of keys.
    pub fn dependents(&self, place: usize) -> impl Iterator<Item = (usize, Strength)> {
        self.dependents[place]
            .iter()
            .map(|(from, how)| (*from, *how))
    }

    /// Who cannot do without the Component at `place`, directly or through others; itself only if it is in a cycle.
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

    /// Who waits when the Components in `stuck` (failed, or in a cycle) get no further, and for which of them. Those in
    /// `stuck` are not in the answer.
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
