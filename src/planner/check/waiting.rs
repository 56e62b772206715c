//! What a Component waits for and why, as a sentence.

use std::collections::BTreeSet;

use crate::component::Phase;
use crate::planner::check::dependent::Dependent;
use crate::planner::words::short;

impl Dependent<'_> {
    /// What this Component waits for and why; where the dependency waits itself, for what in the end.
    pub(super) fn waits_for(&self, target: usize) -> String {
        let name = self.name(&self.planner.node(target).key);
        let bottom = self.bottom_of(target);
        if bottom == target {
            return format!("waits for {name}: {}", self.state_of(target));
        }
        let node = self.planner.node(bottom);
        let held_up = format!("waits for {name}, held up by {}", self.name(&node.key));
        if self.planner.makes_progress(bottom) {
            // nothing that changes often: the status of every dependent would be written again
            held_up
        } else {
            format!("{held_up}: {}", self.state_of(bottom))
        }
    }

    /// Follows the dependencies that are not ready to one that does not wait for another Component.
    fn bottom_of(&self, target: usize) -> usize {
        let mut seen = BTreeSet::from([self.own]);
        let mut at = target;
        while seen.insert(at)
            && self.planner.cycle_of(at).is_none()
            && self.planner.node(at).is_held_up()
        {
            let below = self.planner.relations.graph.required(at);
            let next = below
                .filter(|index| !self.planner.node(*index).is_there())
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
        let node = self.planner.node(target);
        if let Some(cycle) = self.planner.cycle_of(target) {
            return format!("DependencyCycle ({cycle})");
        }
        if node.deleting {
            return "it is being deleted".to_owned();
        }
        if !node.enabled {
            return "it is disabled".to_owned();
        }
        if node.left_alone {
            return "it is not ready, and left alone (suspended, skipped or pre-installed)"
                .to_owned();
        }
        let progress = &node.progress;
        let Some(word) = progress.phase.as_ref().map(Phase::to_string) else {
            return "nothing was done for it yet".to_owned();
        };
        if node.is_moving() {
            return word;
        }
        if !node.is_settled {
            return format!("{word}, and its spec has changed since");
        }
        if node.ready && !node.released {
            return format!("{word}, but its release is not deployed");
        }
        let reason = progress.reason.iter().map(ToString::to_string);
        let message = [short(&progress.message)].into_iter();
        let message = message.filter(|text| !text.is_empty());
        let why: Vec<String> = reason.chain(message).collect();
        if why.is_empty() {
            word
        } else {
            format!("{word} ({})", why.join(": "))
        }
    }
}
