//! The dependency graph of Components: which depend on which, in which versions and which order, what is missing or
//! cyclic, which wait for which, and which may be removed.
//!
//! Components come in as the API or a manifest has them, charts and releases as they were looked up. The controller
//! asks a [`Planner`] of all Components in a cluster about one of them; [`solve()`] answers for a set of manifests and
//! a cluster in which nothing is installed. The rules are those of docs/components.md 11.1 to 11.5
//! and 12.1. Nothing depends on the order in which Components are given. It reads no cluster, no repository, no clock.

mod available;
mod catalog;
mod check;
mod cycle;
mod demand;
mod directory;
mod graph;
mod inherit;
mod node;
mod obstacle;
mod order;
mod plan;
mod problem;
mod range;
mod relations;
mod removal;
mod requirement;
mod solve;
mod verdict;
mod words;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use crate::component::conditions::Reason;
use crate::node_key::NodeKey;

use self::directory::Directory;
use self::relations::Relations;

pub use self::available::{Available, Lookup};
pub use self::catalog::Catalog;
pub use self::cycle::Cycle;
pub use self::graph::{Graph, Strength};
pub use self::inherit::handed_down;
pub use self::node::{Inherited, Node, Progress, ReadyReason};
pub use self::order::Order;
pub use self::plan::{Dependency, Plan, PlannedComponent, State};
pub use self::problem::Problem;
pub use self::range::VersionRange;
pub use self::requirement::{Declared, DeclaredBy, Requirement, RequirementError, union};
pub use self::solve::{Manifest, solve};
pub use self::verdict::{DependencyCheck, HandDown, ImplicitComponent, Removal, Retarget, Verdict};

/// All Components of a cluster and their dependencies: `spec.dependsOn`, and what was recorded of their charts'
/// requirements.
#[derive(Debug)]
pub struct Planner {
    directory: Directory,
    relations: Arc<Relations>,
    /// Components that make progress by themselves; computed on first use.
    progress: OnceLock<Vec<bool>>,
}

impl Planner {
    /// The planner of these Components. Of two with one key only the first counts.
    pub fn of(nodes: impl IntoIterator<Item = Node>) -> Self {
        let directory = Directory::of(nodes);
        Self {
            relations: Arc::new(Relations::of(&directory)),
            directory,
            progress: OnceLock::new(),
        }
    }

    /// The planner that has `node` in place of the one with its key, if only its state changes: much cheaper than
    /// [`Planner::of`]. `None` if it is new, or if its edges or those of others could be other ones.
    pub fn with(&self, node: Node) -> Option<Self> {
        let place = self.directory.place(&node.key)?;
        let known = self.node(place);
        let is_found_alike = known.chart_name == node.chart_name
            && known.implicit == node.implicit
            && known.is_alive() == node.is_alive()
            && known.release == node.release
            && known.created == node.created;
        if !is_found_alike {
            return None;
        }
        let directory = self.directory.with(place, node);
        let is_same = directory.known_edges(place) == self.relations.edges[place];
        is_same.then(|| Self {
            directory,
            relations: Arc::clone(&self.relations),
            progress: OnceLock::new(),
        })
    }

    /// The Components to reconcile when `key` appears, changes or goes: all with an edge to it, optional ones too, in
    /// the order of keys. `key` need not exist.
    pub fn dependents(&self, key: &NodeKey) -> Vec<NodeKey> {
        let dependents = self.relations.dependents.get(key).into_iter().flatten();
        self.keys((dependents.copied()).filter(|place| self.node(*place).key != *key))
    }

    /// All that may be affected by a change of `key`: its dependents, and beyond them those of its
    /// dependencies that wait for its removal or exist for it only, others that want another version of those than it
    /// does, and the Components that would own the same release. When a Component has gone, ask the planner that
    /// still has it.
    pub fn concerned(&self, key: &NodeKey) -> Vec<NodeKey> {
        let mut all: BTreeSet<NodeKey> = self.dependents(key).into_iter().collect();
        if let Some(own) = self.directory.place(key) {
            let graph = &self.relations.graph;
            for (target, _) in graph.dependencies(own) {
                let dependency = self.node(target);
                if !dependency.is_alive() || dependency.implicit {
                    all.insert(dependency.key.clone());
                }
                let rivals = graph.dependents(target).map(|(rival, _)| rival);
                all.extend(self.keys(rivals.filter(|rival| self.node(*rival).is_in_conflict())));
            }
            let owners = &self.relations.releases[&self.node(own).release];
            all.extend(self.keys(owners.iter().copied()));
            all.remove(key);
        }
        all.into_iter().collect()
    }

    /// How many Components must come before this one, one after the other: what is deepest is installed last.
    pub fn depth(&self, key: &NodeKey) -> usize {
        let place = self.directory.place(key);
        place.map_or(0, |place| self.relations.order.depth(place))
    }

    /// The older Component with the same release, which owns it: `key` is in conflict with it (docs/components.md 1.4).
    /// `None` if `key` is the owner.
    pub fn release_owner(&self, key: &NodeKey) -> Option<NodeKey> {
        let own = self.directory.place(key)?;
        let owner = *self.relations.releases[&self.node(own).release].first()?;
        (owner != own).then(|| self.node(owner).key.clone())
    }

    fn node(&self, place: usize) -> &Node {
        self.directory.node(place)
    }

    fn keys(&self, places: impl Iterator<Item = usize>) -> Vec<NodeKey> {
        places.map(|place| self.node(place).key.clone()).collect()
    }

    /// The cycle that a Component is in.
    fn cycle_of(&self, place: usize) -> Option<&Cycle> {
        self.relations.order.cycle_of(place)
    }

    /// True if a Component makes progress by itself.
    fn makes_progress(&self, place: usize) -> bool {
        self.progress.get_or_init(|| self.find_progress())[place]
    }

    /// Dependencies are judged first; members of a cycle make no progress.
    fn find_progress(&self) -> Vec<bool> {
        let mut progress = vec![false; self.directory.len()];
        let sequence: Vec<usize> = self.relations.order.delete().collect();
        for place in sequence.into_iter().rev() {
            let node = self.node(place);
            if self.cycle_of(place).is_some() || !node.is_alive() || node.left_alone {
                continue;
            }
            let waits = matches!(
                node.progress.known_reason(),
                Some(Reason::DependencyInstalling | Reason::DependencyNotReady)
            );
            let mut required = self.relations.graph.required(place);
            progress[place] = !node.is_settled
                || node.is_moving()
                || waits
                    && node.is_held_up()
                    && required.all(|to| self.node(to).is_there() || progress[to]);
        }
        progress
    }
}

#[cfg(test)]
mod tests;
