//! Which Components may be removed, and which exist for others only (docs/components.md 11.6, 12.1 and 12.4).

use std::collections::BTreeSet;

use crate::node_key::NodeKey;
use crate::planner::Planner;
use crate::planner::graph::Strength;
use crate::planner::verdict::Removal;

impl Planner {
    /// Whether a Component may be deleted or disabled now. Only dependents that exist count; those in a cycle with it
    /// do not, since no order could be right. One that is disabled and uninstalled is free. Not asked for
    /// Components whose namespace is being deleted.
    pub fn removal(&self, key: &NodeKey) -> Removal {
        let Some(own) = self.directory.place(key) else {
            return Removal::Free;
        };
        if self.asks_nobody(own) {
            return Removal::Free;
        }
        let mut going = Vec::new();
        let mut staying = Vec::new();
        for (index, strength) in self.in_the_way(own) {
            if !self.node(index).is_going() {
                if strength == Strength::Required {
                    staying.push(index);
                }
            } else if strength == Strength::Required || self.will_go(index) {
                going.push(index);
            }
        }
        match (staying.is_empty(), going.is_empty()) {
            (false, _) => Removal::Refused(self.keys(staying.into_iter())),
            (true, false) => Removal::WaitFor(self.keys(going.into_iter())),
            (true, true) => Removal::Free,
        }
    }

    /// True if it may be removed whatever depends on it.
    fn asks_nobody(&self, own: usize) -> bool {
        let node = self.node(own);
        let keeps_release = node.deleting && (node.orphan || node.left_alone);
        node.allow_break || keeps_release || node.is_gone()
    }

    /// Dependents that are not yet uninstalled, without those in one cycle with it.
    fn in_the_way(&self, own: usize) -> impl Iterator<Item = (usize, Strength)> {
        let dependents = self.relations.graph.dependents(own);
        dependents.filter(move |(place, _)| {
            let dependent = self.node(*place);
            let is_left = !dependent.is_gone() || dependent.deleting;
            is_left && !self.relations.order.are_in_one_cycle(own, *place)
        })
    }

    /// True if no Component that stays needs one that is being removed, directly or through others: waiting for it will
    /// end.
    fn will_go(&self, index: usize) -> bool {
        let mut seen = BTreeSet::from([index]);
        let mut next = vec![index];
        while let Some(index) = next.pop() {
            if self.asks_nobody(index) {
                continue;
            }
            for (dependent, strength) in self.in_the_way(index) {
                if strength == Strength::Optional || !seen.insert(dependent) {
                    continue;
                }
                if !self.node(dependent).is_going() {
                    return false;
                }
                next.push(dependent);
            }
        }
        true
    }

    /// The Components that need this one, as namespace/name in the order of keys; those that are disabled
    /// and uninstalled do not count. For `status.requiredBy`.
    pub fn required_by(&self, key: &NodeKey) -> Vec<String> {
        let own = self.directory.place(key).into_iter();
        let requirers = own.flat_map(|own| self.requirers(own));
        requirers
            .map(|index| self.node(index).key.to_string())
            .collect()
    }

    /// True if the controller created it for others, and none of them is left. Implicit Components that only require
    /// each other are all unneeded.
    pub fn unneeded(&self, key: &NodeKey) -> bool {
        let Some(own) = self.directory.place(key) else {
            return false;
        };
        let order = &self.relations.order;
        let is_kept_by_nobody = |place: usize| {
            self.node(place).implicit
                && (self.requirers(place)).all(|requirer| order.are_in_one_cycle(place, requirer))
        };
        match order.cycle_of(own) {
            None => is_kept_by_nobody(own),
            Some(cycle) => (cycle.members().into_iter())
                .filter_map(|key| self.directory.place(key))
                .all(is_kept_by_nobody),
        }
    }

    /// Components that need this one, other than itself.
    fn requirers(&self, own: usize) -> impl Iterator<Item = usize> {
        let dependents = self.relations.graph.dependents(own);
        let required = dependents.filter(move |(place, strength)| {
            *place != own && *strength == Strength::Required && !self.node(*place).is_gone()
        });
        required.map(|(place, _)| place)
    }
}
