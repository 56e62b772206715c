//! A plan: which Components there are, what happens to each, and in which order.

use std::collections::{BTreeMap, BTreeSet};

use crate::component::implicit::Values;
use crate::node_key::NodeKey;
use crate::planner::graph::Strength;
use crate::planner::problem::Problem;
use crate::planner::range::VersionRange;
use crate::planner::requirement::DeclaredBy;

/// What will happen, and what is in the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The namespace of most Components; others are shown with theirs.
    pub home: String,
    /// Every Component, those of the manifests and those that are added.
    pub components: BTreeMap<NodeKey, PlannedComponent>,
    /// Those that are installed, in steps: members of one step can run at once, after the steps before.
    pub steps: Vec<Vec<NodeKey>>,
    /// What keeps others from being installed.
    pub problems: Vec<Problem>,
    /// Remarks that keep nothing from being installed.
    pub notes: Vec<String>,
}

/// A Component in a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedComponent {
    /// The chart's name.
    pub chart: String,
    /// `spec.version`; empty for one that is added.
    pub wanted: String,
    /// The version that will be installed, if it is known.
    pub version: Option<String>,
    /// It is in no manifest, but others require it.
    pub added: bool,
    /// The values of one that is added: what its requirers want of them.
    pub values: Values,
    /// What happens to it.
    pub state: State,
    /// What it requires.
    pub dependencies: Vec<Dependency>,
}

/// What happens to a Component.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// It is installed.
    Install,
    /// It counts as installed and is never changed, because of this annotation.
    Untouched(&'static str),
    /// `spec.enabled` is false.
    Disabled,
    /// It has a problem of its own.
    Failed,
    /// It waits for these, which have one.
    Blocked(BTreeSet<NodeKey>),
}

/// What a Component requires.
#[derive(Clone, Debug, PartialEq)]
pub struct Dependency {
    /// What was asked for: namespace and name as declared.
    pub wanted: NodeKey,
    /// The Component that it resolves to, if there is one.
    pub target: Option<NodeKey>,
    /// The versions that satisfy it.
    pub range: VersionRange,
    /// Only ordered after it.
    pub optional: bool,
    /// Where it is declared.
    pub by: DeclaredBy,
}

impl Dependency {
    /// Whether the dependent needs it.
    pub fn strength(&self) -> Strength {
        Strength::of(self.optional)
    }
}

impl Plan {
    /// True if every Component can be installed.
    pub fn works(&self) -> bool {
        self.problems.is_empty()
    }

    /// A Component's name, with its namespace if that is not [`Plan::home`].
    pub fn name(&self, key: &NodeKey) -> String {
        key.seen_from(&self.home)
    }

    /// Who requires `key`, in the order of keys, with the dependency.
    pub fn requirers<'a>(
        &'a self,
        key: &'a NodeKey,
    ) -> impl Iterator<Item = (&'a NodeKey, &'a Dependency)> {
        self.components
            .iter()
            .flat_map(move |(requirer, component)| {
                let to_key = move |edge: &&Dependency| edge.target.as_ref() == Some(key);
                let edges = component.dependencies.iter().filter(to_key);
                edges.map(move |edge| (requirer, edge))
            })
    }
}
