//! Which Component a requirement means, and the edges that are known of each.

use std::collections::BTreeMap;

use crate::component::status::{DependencyState, DependencyStatus};
use crate::controller::network::member::Member;
use crate::topology::{NodeKey, Requirement, Strength, VersionRange};

/// Stands behind the range of an optional dependency in `status.dependencies[].wanted`, for want of a field that says
/// so: without it, nobody else could tell whether this dependency must be kept.
const OPTIONAL: &str = " (optional)";

/// What a requirement leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This member.
    One(usize),
    /// None has the name, and these all have the chart.
    Several(Vec<usize>),
    /// This one has the name, but was created for somebody who wanted another chart.
    OtherChart(usize),
    /// No member.
    Nobody,
}

/// A requirement and what it leads to.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    /// Namespace and name that are required.
    pub(super) wanted: NodeKey,
    pub(super) requirement: Requirement,
    pub(super) found: Found,
}

impl Edge {
    pub(super) fn strength(&self) -> Strength {
        if self.requirement.is_optional() {
            Strength::Optional
        } else {
            Strength::Required
        }
    }

    /// The chart that is required, as if a Component had its name.
    pub(super) fn wanted_chart(&self) -> NodeKey {
        NodeKey::new(&self.wanted.namespace, self.requirement.chart())
    }

    /// What is written of it to the status of the dependent.
    pub(super) fn status(
        &self,
        name: &NodeKey,
        found: Option<String>,
        state: DependencyState,
    ) -> DependencyStatus {
        let range = &self.requirement.range;
        let wanted = match self.strength() {
            Strength::Required => (!range.is_any()).then(|| range.to_string()),
            Strength::Optional => Some(format!("{range}{OPTIONAL}")),
        };
        DependencyStatus {
            name: name.name.clone(),
            namespace: name.namespace.clone(),
            wanted,
            found,
            state,
        }
    }
}

/// The requirement that a line of `status.dependencies` was written for, as far as can be told from it.
fn recorded(status: &DependencyStatus) -> Requirement {
    let wanted = status.wanted.as_deref().unwrap_or_default();
    let range = wanted.strip_suffix(OPTIONAL);
    let is_optional = range.is_some() || status.state == DependencyState::Skipped;
    Requirement {
        name: status.name.clone(),
        namespace: Some(status.namespace.clone()),
        range: VersionRange::parse(range.unwrap_or(wanted)).unwrap_or_default(),
        chart: None,
        optional: Some(is_optional),
        values: None,
    }
}

/// The members, to be found by name and by chart.
#[derive(Debug)]
pub(super) struct Directory {
    /// In the order of keys.
    members: Vec<Member>,
    /// By namespace of the Component and name of the chart.
    by_chart: BTreeMap<NodeKey, Vec<usize>>,
}

impl Directory {
    pub(super) fn of(mut members: Vec<Member>) -> Self {
        members.sort_by(|a, b| a.key.cmp(&b.key));
        members.dedup_by(|a, b| a.key == b.key);
        let mut by_chart: BTreeMap<NodeKey, Vec<usize>> = BTreeMap::new();
        for (index, member) in members.iter().enumerate() {
            let chart = NodeKey::new(&member.key.namespace, &member.chart_name);
            by_chart.entry(chart).or_default().push(index);
        }
        Self { members, by_chart }
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    pub(super) fn place(&self, key: &NodeKey) -> Option<usize> {
        let found = self.members.binary_search_by(|member| member.key.cmp(key));
        found.ok()
    }

    /// Finds what `requirer` means by `requirement`: the Component of that name, else the one with that chart.
    pub(super) fn edge(&self, requirer: &NodeKey, requirement: Requirement) -> Edge {
        let namespace = requirement.namespace.as_deref();
        let namespace = namespace.unwrap_or(&requirer.namespace);
        let wanted = NodeKey::new(namespace, &requirement.name);
        let found = self.find(requirer, &wanted, &requirement);
        Edge {
            wanted,
            requirement,
            found,
        }
    }

    fn find(&self, requirer: &NodeKey, wanted: &NodeKey, requirement: &Requirement) -> Found {
        let named = self.place(wanted);
        if let Some(named) = named {
            // a user's Component of that name is what is meant, whatever its chart
            let member = &self.members[named];
            if !member.implicit || requirement.chart.is_none() {
                return Found::One(named);
            }
            if member.chart_name == requirement.chart() {
                return Found::One(named);
            }
        }
        let chart = NodeKey::new(&wanted.namespace, requirement.chart());
        let of_chart = self.by_chart.get(&chart).into_iter().flatten().copied();
        let others: Vec<usize> = of_chart
            .filter(|index| self.members[*index].key != *requirer)
            .collect();
        let alive: Vec<usize> = (others.iter().copied())
            .filter(|index| self.members[*index].is_alive())
            .collect();
        let candidates = if alive.is_empty() { others } else { alive };
        match (candidates.as_slice(), named) {
            ([one], _) => Found::One(*one),
            ([], Some(named)) => Found::OtherChart(named),
            ([], None) => Found::Nobody,
            _ => Found::Several(candidates),
        }
    }

    /// The edges of a member that its spec and its status tell. What the spec names is as the spec says; what it leaves
    /// open, and other dependencies, are as an earlier pass recorded them.
    pub(super) fn known_edges(&self, index: usize) -> Vec<Edge> {
        let member = &self.members[index];
        let edge = |requirement| self.edge(&member.key, requirement);
        let mut edges: Vec<Edge> = member.depends_on.iter().cloned().map(edge).collect();
        let lines: Vec<Edge> = member.recorded.iter().map(recorded).map(edge).collect();
        let mut is_known = vec![false; lines.len()];
        for own in &mut edges {
            let is_same = |line: &Edge| match (&own.found, &line.found) {
                (Found::One(own), Found::One(line)) => own == line,
                _ => own.wanted == line.wanted,
            };
            let same: Vec<usize> = (0..lines.len()).filter(|at| is_same(&lines[*at])).collect();
            let theirs = || same.iter().map(|at| &lines[*at].requirement);
            if own.requirement.range.is_any()
                && let Some(line) = theirs().find(|line| !line.range.is_any())
            {
                own.requirement.range = line.range.clone();
            }
            // an older spec may have said so; that it cannot do without it is the safe side
            if own.requirement.optional.is_none() && member.is_settled && !same.is_empty() {
                own.requirement.optional = Some(theirs().all(Requirement::is_optional));
            }
            same.iter().for_each(|at| is_known[*at] = true);
        }
        let more = lines.into_iter().zip(is_known).filter(|(_, known)| !known);
        edges.extend(more.map(|(line, _)| line));
        edges
    }
}
