//! Which Component a requirement means, and the edges that are known of each.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::component::status::{DependencyState, DependencyStatus};
use crate::node_key::NodeKey;
use crate::planner::graph::{Graph, Strength};
use crate::planner::node::Node;
use crate::planner::requirement::Requirement;

/// What a requirement resolves to; Components are named by their places in the [`Directory`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This Component.
    One(usize),
    /// None has the name, and these all have the chart.
    Several(Vec<usize>),
    /// This one has the name, but was created for a requirement of another chart.
    OtherChart(usize),
    /// No Component.
    Nobody,
}

/// A requirement and what it resolves to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Edge {
    /// Namespace and name that are required.
    pub(super) wanted: NodeKey,
    pub(super) requirement: Requirement,
    pub(super) found: Found,
}

impl Edge {
    pub(super) fn strength(&self) -> Strength {
        self.requirement.strength()
    }

    /// True if the edge leads to this Component.
    pub(super) fn leads_to(&self, place: usize) -> bool {
        self.found == Found::One(place)
    }

    /// The chart that is required, as if a Component had its name.
    pub(super) fn wanted_chart(&self) -> NodeKey {
        NodeKey::new(&self.wanted.namespace, self.requirement.chart())
    }

    /// The element of the dependent's `status.dependencies` for it.
    pub(super) fn status(
        &self,
        name: &NodeKey,
        found: Option<String>,
        state: DependencyState,
    ) -> DependencyStatus {
        let range = &self.requirement.range;
        DependencyStatus {
            name: name.name.clone(),
            namespace: name.namespace.clone(),
            wanted: (!range.is_any()).then(|| range.to_string()),
            optional: self.requirement.is_optional(),
            found,
            state,
        }
    }
}

/// The Components, to be found by name and by chart.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    /// In the order of keys.
    nodes: Vec<Arc<Node>>,
    /// By namespace of the Component and name of the chart.
    by_chart: Arc<BTreeMap<NodeKey, Vec<usize>>>,
}

impl Directory {
    /// Of two with one key only the first counts.
    pub(super) fn of(nodes: impl IntoIterator<Item = Node>) -> Self {
        let mut nodes: Vec<Arc<Node>> = nodes.into_iter().map(Arc::new).collect();
        nodes.sort_by(|a, b| a.key.cmp(&b.key));
        nodes.dedup_by(|a, b| a.key == b.key);
        let mut by_chart: BTreeMap<NodeKey, Vec<usize>> = BTreeMap::new();
        for (place, node) in nodes.iter().enumerate() {
            let chart = NodeKey::new(&node.key.namespace, &node.chart_name);
            by_chart.entry(chart).or_default().push(place);
        }
        Self {
            nodes,
            by_chart: Arc::new(by_chart),
        }
    }

    /// A copy with another node at a place; its key and its chart must be the same.
    pub(super) fn with(&self, place: usize, node: Node) -> Self {
        let mut changed = self.clone();
        changed.nodes[place] = Arc::new(node);
        changed
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().map(Arc::as_ref)
    }

    pub(super) fn node(&self, place: usize) -> &Node {
        &self.nodes[place]
    }

    pub(super) fn place(&self, key: &NodeKey) -> Option<usize> {
        self.nodes.binary_search_by(|node| node.key.cmp(key)).ok()
    }

    /// The edge of `requirer` for `requirement`.
    pub(super) fn edge(&self, requirer: &NodeKey, requirement: Requirement) -> Edge {
        Edge {
            wanted: requirement.key(&requirer.namespace),
            found: self.find(requirer, &requirement),
            requirement,
        }
    }

    /// The Component of the name that `requirer` requires, else the one with the chart.
    pub(super) fn find(&self, requirer: &NodeKey, requirement: &Requirement) -> Found {
        let wanted = requirement.key(&requirer.namespace);
        let named = self.place(&wanted);
        if let Some(named) = named {
            // a user's Component of that name is meant, whatever its chart
            let node = &self.nodes[named];
            if !node.implicit || requirement.chart.is_none() {
                return Found::One(named);
            }
            if node.chart_name == requirement.chart() {
                return Found::One(named);
            }
        }
        let chart = NodeKey::new(&wanted.namespace, requirement.chart());
        let of_chart = self.by_chart.get(&chart).into_iter().flatten().copied();
        let others: Vec<usize> = of_chart
            .filter(|place| self.nodes[*place].key != *requirer)
            .collect();
        let alive: Vec<usize> = (others.iter().copied())
            .filter(|place| self.nodes[*place].is_alive())
            .collect();
        let candidates = if alive.is_empty() { others } else { alive };
        match (candidates.as_slice(), named) {
            ([one], _) => Found::One(*one),
            ([], Some(named)) => Found::OtherChart(named),
            ([], None) => Found::Nobody,
            _ => Found::Several(candidates),
        }
    }

    /// The edges of a Component by its spec and its status. The spec takes precedence; what it
    /// leaves open, and all other dependencies, are as recorded in the status.
    pub(super) fn known_edges(&self, place: usize) -> Vec<Edge> {
        let node = &self.nodes[place];
        let edge = |requirement: &Requirement| self.edge(&node.key, requirement.clone());
        let mut edges: Vec<Edge> = node.depends_on.iter().map(edge).collect();
        let lines: Vec<Edge> = node.recorded.iter().map(edge).collect();
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
            // an older spec may have said so; to take it as required is the safe side
            let is_open = own.requirement.optional.is_none() && node.is_settled && !same.is_empty();
            if is_open && theirs().all(Requirement::is_optional) {
                own.requirement.optional = Some(true);
            }
            same.iter().for_each(|at| is_known[*at] = true);
        }
        let more = lines.into_iter().zip(is_known).filter(|(_, known)| !known);
        edges.extend(more.map(|(line, _)| line));
        edges
    }

    /// The graph of these edges, those of each Component at its place.
    pub(super) fn graph(&self, edges: &[Vec<Edge>]) -> Graph {
        let mut graph = Graph::of(self.nodes().map(|node| node.key.clone()));
        for (dependent, edges) in edges.iter().enumerate() {
            for edge in edges {
                if let Found::One(dependency) = edge.found {
                    graph.require(dependent, dependency, edge.strength());
                }
            }
        }
        graph
    }
}
