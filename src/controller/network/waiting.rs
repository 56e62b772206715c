//! For whom a Component waits and why, in words.

use std::collections::BTreeSet;

use crate::controller::network::gate::Look;
use crate::controller::network::words::{phase, short};

impl Look<'_> {
    /// For whom this Component waits and why; where the dependency waits itself, who is at the bottom of it.
    pub(super) fn waits_for(&self, target: usize) -> String {
        let name = self.name(&self.network.member(target).key);
        let bottom = self.bottom_of(target);
        if bottom == target {
            return format!("waits for {name}: {}", self.state_of(target));
        }
        let member = self.network.member(bottom);
        let held_up = format!("waits for {name}, held up by {}", self.name(&member.key));
        if self.network.moving[bottom] {
            // nothing that changes from moment to moment: everybody above would have to be written again
            held_up
        } else {
            format!("{held_up}: {}", self.state_of(bottom))
        }
    }

    /// Down the dependencies that are not there, to one that does not wait for another Component.
    fn bottom_of(&self, target: usize) -> usize {
        let mut seen = BTreeSet::from([self.own]);
        let mut at = target;
        while seen.insert(at)
            && self.network.cycle_of[at].is_none()
            && self.network.member(at).is_held_up()
        {
            let below = self.network.required(at);
            let next = below
                .filter(|index| !self.network.member(*index).is_there())
                .find(|index| !seen.contains(index));
            match next {
                Some(next) => at = next,
                None => break,
            }
        }
        at
    }

    /// `Installing`, `Failed (InstallFailed: …)`, `DependencyCycle (a → b → a)`.
    fn state_of(&self, target: usize) -> String {
        let member = self.network.member(target);
        if let Some(number) = self.network.cycle_of[target] {
            return format!("DependencyCycle ({})", self.network.cycles[number]);
        }
        if member.deleting {
            return "it is being deleted".to_owned();
        }
        if !member.enabled {
            return "it is disabled".to_owned();
        }
        if member.left_alone {
            return "it is not ready, and left alone (suspended, skipped or pre-installed)"
                .to_owned();
        }
        let progress = &member.progress;
        let Some(word) = progress.phase.as_ref().map(phase) else {
            return "nothing was done for it yet".to_owned();
        };
        if member.is_moving() {
            return word;
        }
        if !member.is_settled {
            return format!("{word}, and its spec has changed since");
        }
        if member.ready && !member.released {
            return format!("{word}, but its release is not deployed");
        }
        let why = [progress.reason.clone(), short(&progress.message)];
        let why: Vec<String> = why.into_iter().filter(|text| !text.is_empty()).collect();
        if why.is_empty() {
            word
        } else {
            format!("{word} ({})", why.join(": "))
        }
    }
}
