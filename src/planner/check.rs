//! Whether a Component may be installed: a finding for each dependency, and one verdict of them all.

mod dependent;
mod finding;
mod handed_down;
mod missing;
mod present;
mod summary;
mod waiting;

use std::collections::BTreeSet;

use crate::component::conditions::Reason;
use crate::component::status::{DependencyState, DependencyStatus};
use crate::node_key::NodeKey;
use crate::planner::Planner;
use crate::planner::available::{Available, Lookup};
use crate::planner::directory::{Edge, Found};
use crate::planner::obstacle::Obstacle;
use crate::planner::requirement::Requirement;
use crate::planner::verdict::{DependencyCheck, Verdict};

use self::dependent::Dependent;
use self::finding::Finding;

impl Planner {
    /// Checks what a Component depends on: `spec.dependsOn` and what its chart, just resolved, `requires`. Its own
    /// recorded dependencies do not count. Called in every reconcile for the status; the verdict matters only before an
    /// operation (docs/components.md 4.1, step 6).
    pub fn check(
        &self,
        key: &NodeKey,
        requires: &[Requirement],
        available: &Available,
    ) -> DependencyCheck {
        let Some(dependent) = Dependent::of(self, key, requires) else {
            return DependencyCheck {
                verdict: Verdict::Waiting {
                    reason: Reason::DependencyNotReady,
                    message: format!("waits for the news of Component {key}"),
                },
                dependencies: Vec::new(),
                create: Vec::new(),
                retarget: Vec::new(),
                hand_down: Vec::new(),
            };
        };
        let findings = (dependent.edges.iter()).map(|edge| dependent.judge(edge, available));
        summary::of(dependent.cycle.as_ref(), findings.collect())
    }

    /// What must be looked up for [`Planner::check`].
    pub fn lookups(&self, key: &NodeKey, requires: &[Requirement]) -> BTreeSet<Lookup> {
        let Some(dependent) = Dependent::of(self, key, requires) else {
            return BTreeSet::new();
        };
        let mut lookups = BTreeSet::new();
        for edge in &dependent.edges {
            match edge.found {
                Found::One(target) => lookups.extend(dependent.lookup_of_present(target, edge)),
                Found::Nobody => lookups.extend(dependent.lookups_of_missing(edge)),
                Found::Several(_) | Found::OtherChart(_) => {}
            }
        }
        lookups
    }
}

impl Dependent<'_> {
    fn judge(&self, edge: &Edge, available: &Available) -> Finding {
        match &edge.found {
            Found::One(target) => self.judge_present(edge, *target, available),
            Found::Nobody => self.judge_missing(edge, available),
            Found::Several(_) | Found::OtherChart(_) => {
                let status = edge.status(&edge.wanted, None, DependencyState::Ambiguous);
                match self.planner.directory.obstacle(edge) {
                    Some(obstacle) => self.in_the_way(edge, status, &obstacle),
                    None => Finding::clear(status),
                }
            }
        }
    }

    /// The finding that an obstacle is between this Component and the one of `status`.
    fn in_the_way(
        &self,
        edge: &Edge,
        status: DependencyStatus,
        obstacle: &Obstacle<'_>,
    ) -> Finding {
        let dependency = NodeKey::new(&status.namespace, &status.name);
        let message = obstacle.in_status(&self.me().key, &dependency, edge.requirement.chart());
        Finding::obstacle(status, obstacle.reason(), message)
    }
}
