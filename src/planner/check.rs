//! What is in the way of a Component: one look at every dependency, and what comes of them together.

mod dependent;
mod finding;
mod missing;
mod present;
mod summary;
mod waiting;

use std::collections::BTreeSet;

use crate::component::conditions::Reason;
use crate::component::status::DependencyState;
use crate::node_key::NodeKey;
use crate::planner::Planner;
use crate::planner::available::{Available, Lookup};
use crate::planner::directory::{Edge, Found};
use crate::planner::graph::Strength;
use crate::planner::requirement::Requirement;
use crate::planner::verdict::{DependencyCheck, Verdict};
use crate::planner::words::and;

use self::dependent::Dependent;
use self::finding::Finding;

impl Planner {
    /// Checks what a Component depends on: `spec.dependsOn` and what its chart, just resolved, `requires`. Its own
    /// recorded dependencies do not count. Called on every pass for the status; the verdict matters only before an
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
            };
        };
        let findings = (dependent.edges.iter()).map(|edge| dependent.judge(edge, available));
        summary::of(dependent.cycle.as_ref(), findings.collect())
    }

    /// What [`Planner::check`] will want to know.
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
            Found::Several(several) => {
                let names: Vec<String> = several
                    .iter()
                    .map(|place| self.name(&self.planner.node(*place).key))
                    .collect();
                let chart = edge.requirement.chart();
                let message = format!(
                    "no Component is named {}, and {} all have the chart {chart}; name one of them in spec.dependsOn",
                    self.name(&edge.wanted),
                    and(&names)
                );
                self.ambiguous(edge, message)
            }
            Found::OtherChart(other) => {
                let other = self.planner.node(*other);
                let message = format!(
                    "{} is needed of the chart {}, but was created with the chart {} for others; write a \
                     Component with another name and the chart {1}",
                    self.name(&edge.wanted),
                    edge.requirement.chart(),
                    other.chart_name
                );
                self.ambiguous(edge, message)
            }
        }
    }

    fn ambiguous(&self, edge: &Edge, message: String) -> Finding {
        let status = edge.status(&edge.wanted, None, DependencyState::Ambiguous);
        match edge.strength() {
            Strength::Optional => Finding::clear(status),
            Strength::Required => Finding::obstacle(status, Reason::DependencyAmbiguous, message),
        }
    }
}
