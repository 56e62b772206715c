//! Who may go, and what is kept for others only (contract sections 2.6, 2.10 and 2.11).

use std::collections::BTreeSet;

use crate::controller::network::verdict::Removal;
use crate::controller::network::{Member, Network};
use crate::topology::{NodeKey, Strength};

impl Member {
    /// True if an earlier pass found that no version of a dependency suits it and others.
    pub(super) fn is_in_conflict(&self) -> bool {
        self.progress.reason == "DependencyVersionConflict"
    }
}

impl Network {
    /// Whether a Component may be deleted or disabled now. Only dependents that exist count; those in a cycle with it
    /// do not, since no order could be right. What is disabled and gone is free. Who is removed because its whole namespace goes need not ask.
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
            if !self.member(index).is_going() {
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

    /// True if it may go whoever depends on it.
    fn asks_nobody(&self, own: usize) -> bool {
        let member = self.member(own);
        let keeps_release = member.deleting && (member.orphan || member.left_alone);
        member.allow_break || keeps_release || member.is_gone()
    }

    /// Dependents of which something is left, but for those in one cycle with it.
    fn in_the_way(&self, own: usize) -> impl Iterator<Item = (usize, Strength)> {
        let dependents = self.before[own].iter().copied();
        dependents.filter(move |(index, _)| {
            let dependent = self.member(*index);
            let is_left = !dependent.is_gone() || dependent.deleting;
            is_left && !self.are_in_one_cycle(own, *index)
        })
    }

    /// True if nothing that stays needs one that is going, directly or through others: it can be waited for.
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
                if !self.member(dependent).is_going() {
                    return false;
                }
                next.push(dependent);
            }
        }
        true
    }

    /// The Components that cannot do without this one, as namespace/name in the order of keys; those that are disabled
    /// and gone do not count. For `status.requiredBy`.
    pub fn required_by(&self, key: &NodeKey) -> Vec<String> {
        let own = self.directory.place(key).into_iter();
        let requirers = own.flat_map(|own| self.requirers(own));
        requirers
            .map(|index| self.member(index).key.to_string())
            .collect()
    }

    /// True if the controller made it for others, and none of them is left. Implicit Components that only require each
    /// other are all unneeded.
    pub fn unneeded(&self, key: &NodeKey) -> bool {
        let Some(own) = self.directory.place(key) else {
            return false;
        };
        let is_kept_by_nobody = |index: usize| {
            self.member(index).implicit
                && (self.requirers(index)).all(|requirer| self.are_in_one_cycle(index, requirer))
        };
        match self.cycle_of[own] {
            None => is_kept_by_nobody(own),
            Some(number) => {
                let members = self.cycles[number].members().into_iter();
                members
                    .filter_map(|key| self.directory.place(key))
                    .all(is_kept_by_nobody)
            }
        }
    }

    /// Members that cannot do without this one, other than itself.
    fn requirers(&self, own: usize) -> impl Iterator<Item = usize> {
        let required = self.before[own].iter().filter(move |(index, strength)| {
            *index != own && *strength == Strength::Required && !self.member(*index).is_gone()
        });
        required.map(|(index, _)| *index)
    }

    /// True for a member and itself as well if it is in a cycle.
    pub(super) fn are_in_one_cycle(&self, one: usize, other: usize) -> bool {
        self.cycle_of[one].is_some() && self.cycle_of[one] == self.cycle_of[other]
    }
}
