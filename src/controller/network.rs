//! Components and what they need of each other: who waits for whom, what must be created, who may go.
//!
//! The rules are those of the contract, sections 2.6, 2.10 (items 1 and 2) and 2.11. Nothing depends on the order in
//! which Components are given.

mod demands;
mod edges;
mod gate;
mod member;
mod missing;
mod present;
mod removal;
mod supply;
mod together;
mod verdict;
mod waiting;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use crate::topology::{Cycle, Graph, NodeKey, Strength};

use self::edges::{Directory, Edge, Found};

pub use self::member::{Member, Progress};
pub use self::supply::{Question, Supply};
pub use self::verdict::{Gate, ImplicitComponent, Removal, Retarget, Verdict};

/// All Components and their edges: `spec.dependsOn`, and what earlier passes recorded of their charts' requirements.
/// Made anew whenever a Component changes.
#[derive(Debug)]
pub struct Network {
    directory: Directory,
    /// Of each member, in the order of keys.
    edges: Vec<Vec<Edge>>,
    /// Members that each one is ordered after, without optional edges that would close a cycle.
    after: Vec<Vec<(usize, Strength)>>,
    /// The same, the other way round.
    before: Vec<Vec<(usize, Strength)>>,
    cycles: Vec<Cycle>,
    /// Index into `cycles`.
    cycle_of: Vec<Option<usize>>,
    depths: Vec<usize>,
    /// Members that get further without anybody's help.
    moving: Vec<bool>,
    /// Who looks at a Component, there or not: by name, by chart, or as one of several candidates.
    interest: BTreeMap<NodeKey, BTreeSet<usize>>,
    /// Edges to nothing, as member and place in its edges, by what they name.
    missing: BTreeMap<NodeKey, BTreeSet<(usize, usize)>>,
    /// Members by release, the owner first.
    releases: BTreeMap<(String, String), Vec<usize>>,
}

impl Network {
    /// The network of these Components. Of two with one key only the first counts.
    pub fn of(members: Vec<Member>) -> Self {
        let directory = Directory::of(members);
        let edges: Vec<Vec<Edge>> = (0..directory.len())
            .map(|index| directory.known_edges(index))
            .collect();
        let mut network = Self {
            after: Vec::new(),
            before: vec![Vec::new(); edges.len()],
            cycles: Vec::new(),
            cycle_of: vec![None; edges.len()],
            depths: vec![0; edges.len()],
            moving: vec![false; edges.len()],
            interest: BTreeMap::new(),
            missing: BTreeMap::new(),
            releases: BTreeMap::new(),
            directory,
            edges,
        };
        network.order();
        network.note_interest();
        network.note_releases();
        network
    }

    /// Finds cycles, depths and who gets further.
    fn order(&mut self) {
        let mut graph = Graph::default();
        for (index, edges) in self.edges.iter().enumerate() {
            let key = &self.member(index).key;
            graph.insert(key.clone());
            for edge in edges {
                if let Found::One(target) = edge.found {
                    let target = self.member(target).key.clone();
                    graph.require(key.clone(), target, edge.strength());
                }
            }
        }
        let order = graph.order();
        let ignored: BTreeSet<&(NodeKey, NodeKey)> = order.ignored().iter().collect();
        let place = |key: &NodeKey| {
            self.directory
                .place(key)
                .expect("the graph has members only")
        };
        let after_of = |index: usize| -> Vec<(usize, Strength)> {
            let key = &self.member(index).key;
            let kept = graph.dependencies(key).filter(|(to, strength)| {
                *strength == Strength::Required || !ignored.contains(&(key.clone(), (*to).clone()))
            });
            kept.map(|(to, strength)| (place(to), strength)).collect()
        };
        let after: Vec<_> = (0..self.directory.len()).map(after_of).collect();
        let sequence: Vec<usize> = order.delete().map(place).collect();
        for (number, cycle) in order.cycles().iter().enumerate() {
            for key in cycle.members() {
                self.cycle_of[place(key)] = Some(number);
            }
        }
        self.cycles = order.cycles().to_vec();
        for (index, targets) in after.iter().enumerate() {
            for (target, strength) in targets {
                self.before[*target].push((index, *strength));
            }
        }
        self.after = after;
        // dependencies first; members of a cycle see each other as they come
        for index in sequence.into_iter().rev() {
            let deepest = self.after[index].iter().map(|(to, _)| self.depths[*to] + 1);
            self.depths[index] = deepest.max().unwrap_or(0);
            self.moving[index] = self.gets_further(index);
        }
    }

    /// True if a member changes without anybody's help, those that it depends on being judged already.
    fn gets_further(&self, index: usize) -> bool {
        let member = self.member(index);
        if self.cycle_of[index].is_some() || !member.is_alive() || member.left_alone {
            return false;
        }
        if !member.is_settled || member.is_moving() {
            return true;
        }
        let waits = matches!(
            member.progress.reason.as_str(),
            "DependencyInstalling" | "DependencyNotReady"
        );
        waits
            && member.is_held_up()
            && self
                .required(index)
                .all(|to| self.member(to).is_there() || self.moving[to])
    }

    fn note_interest(&mut self) {
        for (index, edges) in self.edges.iter().enumerate() {
            for (place, edge) in edges.iter().enumerate() {
                let mut targets = vec![edge.wanted.clone()];
                match &edge.found {
                    Found::One(one) | Found::OtherChart(one) => {
                        targets.push(self.member(*one).key.clone());
                    }
                    Found::Several(several) => {
                        targets.extend(several.iter().map(|one| self.member(*one).key.clone()));
                    }
                    Found::Nobody => {
                        for name in [edge.wanted.clone(), edge.wanted_chart()] {
                            self.missing.entry(name).or_default().insert((index, place));
                        }
                    }
                }
                for target in targets {
                    self.interest.entry(target).or_default().insert(index);
                }
            }
        }
    }

    fn note_releases(&mut self) {
        for (index, member) in self.directory.members().iter().enumerate() {
            let owners = self.releases.entry(member.release.clone()).or_default();
            owners.push(index);
        }
        let members = self.directory.members();
        for owners in self.releases.values_mut() {
            owners.sort_by(|a, b| members[*a].seniority().cmp(&members[*b].seniority()));
        }
    }

    /// Who must be looked at again when `key` appears, changes or goes: all with an edge to it, optional ones too, in
    /// the order of keys. It need not be a member.
    pub fn dependents(&self, key: &NodeKey) -> Vec<NodeKey> {
        let interested = self.interest.get(key).into_iter().flatten();
        self.keys(
            interested
                .copied()
                .filter(|index| self.member(*index).key != *key),
        )
    }

    /// All who may have to do something else now that `key` has changed: its dependents, and beyond them those of its
    /// dependencies that wait for it to go or are kept for it only, others who want another version of those than it
    /// does, and the Components that would own the same release. When a Component has gone, ask the network in which
    /// it still was.
    pub fn concerned(&self, key: &NodeKey) -> Vec<NodeKey> {
        let mut all: BTreeSet<NodeKey> = self.dependents(key).into_iter().collect();
        if let Some(own) = self.directory.place(key) {
            for &(target, _) in &self.after[own] {
                let dependency = self.member(target);
                if !dependency.is_alive() || dependency.implicit {
                    all.insert(dependency.key.clone());
                }
                let rivals = self.before[target].iter().map(|(rival, _)| *rival);
                all.extend(self.keys(rivals.filter(|rival| self.member(*rival).is_in_conflict())));
            }
            let owners = &self.releases[&self.member(own).release];
            all.extend(self.keys(owners.iter().copied()));
            all.remove(key);
        }
        all.into_iter().collect()
    }

    /// How many Components must come before this one, one after the other: what is deepest is installed last.
    pub fn depth(&self, key: &NodeKey) -> usize {
        let place = self.directory.place(key);
        place.map_or(0, |index| self.depths[index])
    }

    /// The older Component with the same release, which owns it: `key` is in conflict with it (contract section 2.3,
    /// item 5). `None` if `key` is the owner.
    pub fn release_owner(&self, key: &NodeKey) -> Option<NodeKey> {
        let own = self.directory.place(key)?;
        let owner = *self.releases[&self.member(own).release].first()?;
        (owner != own).then(|| self.member(owner).key.clone())
    }

    fn member(&self, index: usize) -> &Member {
        &self.directory.members()[index]
    }

    fn keys(&self, indices: impl Iterator<Item = usize>) -> Vec<NodeKey> {
        indices
            .map(|index| self.member(index).key.clone())
            .collect()
    }

    /// Members that this one cannot do without.
    fn required(&self, index: usize) -> impl Iterator<Item = usize> {
        let required = (self.after[index].iter()).filter(|(_, how)| *how == Strength::Required);
        required.map(|(target, _)| *target)
    }
}

#[cfg(test)]
mod tests;
