//! A dependency that is a Component: whether it is ready, and in a version that satisfies the dependent.

use crate::chart::version::Version;
use crate::component::conditions::Reason;
use crate::component::status::DependencyState as State;
use crate::planner::available::{Available, Lookup};
use crate::planner::check::dependent::Dependent;
use crate::planner::check::finding::Finding;
use crate::planner::demand::{Demand, agree, joined, opponents};
use crate::planner::directory::Edge;
use crate::planner::graph::Strength;
use crate::planner::node::Node;
use crate::planner::obstacle::Obstacle;
use crate::planner::verdict::Retarget;
use crate::planner::words::newest_of;

/// Whether a version satisfies a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Good,
    Bad,
    /// The version is unknown, and not any version satisfies the range.
    Unknown,
}

impl Fit {
    fn of(node: &Node, edge: &Edge) -> Self {
        let range = &edge.requirement.range;
        if range.is_any() {
            return Self::Good;
        }
        match node.version.as_deref().and_then(Version::parse) {
            Some(version) if range.allows(&version) => Self::Good,
            Some(_) => Self::Bad,
            None => Self::Unknown,
        }
    }
}

impl Dependent<'_> {
    /// The chart's versions, if the present version does not satisfy the requirement.
    pub(super) fn lookup_of_present(&self, target: usize, edge: &Edge) -> Option<Lookup> {
        let node = self.planner.node(target);
        let is_open = edge.strength() == Strength::Required && Fit::of(node, edge) != Fit::Good;
        is_open.then(|| Lookup::Chart(node.chart_name.clone()))
    }

    pub(super) fn judge_present(
        &self,
        edge: &Edge,
        target: usize,
        available: &Available,
    ) -> Finding {
        let finding = self.judge_as_it_is(edge, target, available);
        self.with_values(edge, target, finding)
    }

    fn judge_as_it_is(&self, edge: &Edge, target: usize, available: &Available) -> Finding {
        let node = self.planner.node(target);
        let fit = Fit::of(node, edge);
        let status = |state| edge.status(&node.key, node.version.clone(), state);
        if edge.strength() == Strength::Optional {
            return self.judge_optional(edge, target, fit);
        }
        if (self.cycle.as_ref()).is_some_and(|cycle| cycle.path().contains(&node.key)) {
            // the cycle is reported once, for all of them
            return Finding::clear(status(State::Cycle));
        }
        let name = self.name(&node.key);
        let me = self.name(&self.me().key);
        if node.deleting {
            let message = format!("waits for {name}: it is being deleted");
            return Finding::obstacle(status(State::NotReady), Reason::DependencyNotReady, message);
        }
        if let Some(disabled) = self.planner.directory.obstacle(edge) {
            return self.in_the_way(edge, status(State::Disabled), &disabled);
        }
        let is_settled = node.is_settled || node.left_alone;
        let may_move = node.implicit && !node.left_alone;
        if fit != Fit::Good && (may_move || (is_settled && fit == Fit::Bad)) {
            let finding = self.judge_version(edge, target, fit, available);
            if let Some(finding) = finding {
                return finding;
            }
        }
        if is_settled && node.is_there() && fit == Fit::Unknown {
            let message = format!(
                "{name} is installed in an unknown version, but {me} needs {}",
                edge.requirement.range
            );
            let reason = Reason::DependencyVersionMismatch;
            return Finding::obstacle(status(State::VersionMismatch), reason, message);
        }
        if node.is_there() {
            return Finding::clear(status(State::Ready));
        }
        let (state, reason) = if node.is_moving() {
            (State::Installing, Reason::DependencyInstalling)
        } else {
            (State::NotReady, Reason::DependencyNotReady)
        };
        Finding::obstacle(status(state), reason, self.waits_for(target))
    }

    /// An optional dependency holds the dependent up only while it is on its way, and never if it depends on the
    /// dependent.
    fn judge_optional(&self, edge: &Edge, target: usize, fit: Fit) -> Finding {
        let node = self.planner.node(target);
        let state = if !node.enabled {
            State::Disabled
        } else if !node.is_there() {
            if self.planner.makes_progress(target) {
                State::Installing
            } else {
                State::NotReady
            }
        } else if fit == Fit::Good {
            State::Ready
        } else {
            State::VersionMismatch
        };
        let status = edge.status(&node.key, node.version.clone(), state);
        if state == State::Installing && !self.circular.contains(&target) {
            let message = self.waits_for(target);
            return Finding::obstacle(status, Reason::DependencyInstalling, message);
        }
        Finding::clear(status)
    }

    /// A version that does not satisfy the range, or is not installed yet. `None` if there is nothing to do but wait.
    fn judge_version(
        &self,
        edge: &Edge,
        target: usize,
        fit: Fit,
        available: &Available,
    ) -> Option<Finding> {
        let node = self.planner.node(target);
        let may_move = node.implicit && !node.left_alone;
        let status = |state| edge.status(&node.key, node.version.clone(), state);
        let (name, range) = (self.name(&node.key), &edge.requirement.range);
        let Some(versions) = available.versions(&node.chart_name) else {
            return match (fit, may_move) {
                (Fit::Bad, true) => {
                    let help = "the versions that there are are not known yet";
                    Some(self.mismatch(edge, node, fit, help))
                }
                (Fit::Bad, false) => {
                    let help = format!("change spec.version of {name}");
                    Some(self.mismatch(edge, node, fit, &help))
                }
                _ => None,
            };
        };
        if !(versions.iter()).any(|known| range.allows(&known.version)) {
            let chart = &node.chart_name;
            let there = match versions {
                [] => format!("the repository has no chart {chart}"),
                some => format!("the repository has {chart} {} only", newest_of(some)),
            };
            let help = format!("{there}: push one in {range}");
            // otherwise the dependency's own status says so
            return (fit == Fit::Bad).then(|| self.mismatch(edge, node, fit, &help));
        }
        let agreement = agree(versions, self.demands_on(target));
        let is_mine = |demand: &&Demand| demand.requirer == self.me().key && demand.range == *range;
        if let Some(refused) = agreement.refused.iter().find(is_mine) {
            let opponents = opponents(versions, &agreement.admitted, refused);
            let conflict = Obstacle::VersionConflict(opponents, versions);
            return Some(self.in_the_way(edge, status(State::VersionConflict), &conflict));
        }
        let newest = agreement.newest?;
        let found = &versions[newest].text;
        if !may_move {
            let help = format!("set spec.version of {name} to {found}");
            return Some(self.mismatch(edge, node, fit, &help));
        }
        if !node.is_settled {
            return None;
        }
        let (state, reason, message) = if fit == Fit::Bad && node.is_there() {
            let message = format!("{}; it moves to {found}", self.present(edge, node, fit));
            (State::Installing, Reason::DependencyInstalling, message)
        } else {
            let message = self.waits_for(target);
            (State::NotReady, Reason::DependencyNotReady, message)
        };
        Some(Finding {
            retarget: Some(Retarget {
                key: node.key.clone(),
                version: joined(versions, &agreement.admitted, newest),
            }),
            ..Finding::obstacle(status(state), reason, message)
        })
    }

    /// The finding that a dependency has a version out of range; `help` says what to do, or why it stays.
    fn mismatch(&self, edge: &Edge, node: &Node, fit: Fit, help: &str) -> Finding {
        let status = edge.status(&node.key, node.version.clone(), State::VersionMismatch);
        let message = format!("{}; {help}", self.present(edge, node, fit));
        Finding::obstacle(status, Reason::DependencyVersionMismatch, message)
    }

    /// What is installed, and what this Component needs.
    fn present(&self, edge: &Edge, node: &Node, fit: Fit) -> String {
        let (me, name) = (self.name(&self.me().key), self.name(&node.key));
        let range = &edge.requirement.range;
        match (&node.version, fit) {
            (Some(version), Fit::Bad) => {
                format!("{name} {version} is installed, but {me} needs {range}")
            }
            _ => format!("{me} needs {name} {range}"),
        }
    }

    /// All that is demanded of a member, the oldest requirer's first.
    fn demands_on(&self, target: usize) -> Vec<Demand> {
        let leads_there = |edge: &&Edge| edge.leads_to(target);
        let relations = &self.planner.relations;
        let known = relations.graph.dependents(target).flat_map(|(place, _)| {
            let edges = relations.edges[place].iter().filter(leads_there);
            edges.map(move |edge| (place, edge))
        });
        let own: Vec<&Edge> = self.edges.iter().filter(leads_there).collect();
        self.demands(known, &own)
    }
}
