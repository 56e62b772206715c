//! What the planner says of one Component: whether it may go ahead, and whether it may go.

use serde_json::Value;

use crate::component::conditions::Reason;
use crate::component::status::DependencyStatus;
use crate::node_key::NodeKey;

/// Whether a Component may go ahead, and what has to be done first (docs/components.md 11.3).
#[derive(Clone, Debug, PartialEq)]
pub struct DependencyCheck {
    /// May it?
    pub verdict: Verdict,
    /// For `status.dependencies`. To be written whatever the verdict: others know only from there what this one's
    /// chart requires.
    pub dependencies: Vec<DependencyStatus>,
    /// Components to create. One that is there by now needs nothing.
    pub create: Vec<ImplicitComponent>,
    /// Implicit Components whose `spec.version` is to be another. One that has it already needs nothing.
    pub retarget: Vec<Retarget>,
}

impl DependencyCheck {
    /// True if something is to be created or moved before it may go ahead.
    pub fn asks_for_more(&self) -> bool {
        !(self.create.is_empty() && self.retarget.is_empty())
    }
}

/// May a Component be installed or upgraded?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Ready {
        /// NoDependencies or DependenciesReady.
        reason: Reason,
        /// For the condition DependenciesReady.
        message: String,
    },
    /// Not yet; something is on its way, or somebody can help.
    Waiting {
        /// For DependenciesReady and Ready.
        reason: Reason,
        /// For whom it waits and why, as operators read it.
        message: String,
    },
    /// Not until somebody changes something.
    Stalled {
        /// For DependenciesReady, Ready and Stalled.
        reason: Reason,
        /// Why, as operators read it.
        message: String,
    },
}

/// A Component to be created since another requires it.
#[derive(Clone, Debug, PartialEq)]
pub struct ImplicitComponent {
    /// Its namespace and name.
    pub key: NodeKey,
    /// `spec.chart.name`.
    pub chart: String,
    /// `spec.chart.namespace`: where the release of the dependent goes.
    pub target_namespace: String,
    /// `spec.version`: a text that stands for the newest version that satisfies all requirers.
    pub version: String,
    /// `spec.values`, if the dependent's chart gives some.
    pub values: Option<Value>,
    /// Who requires it.
    pub required_by: NodeKey,
}

/// An implicit Component that moves so that all requirers are satisfied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retarget {
    /// Which.
    pub key: NodeKey,
    /// Its new `spec.version`.
    pub version: String,
}

/// Whether a Component may be deleted or disabled now (docs/components.md 12.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Nobody is in the way.
    Free,
    /// These depend on it and are about to go themselves.
    WaitFor(Vec<NodeKey>),
    /// These need it and stay.
    Refused(Vec<NodeKey>),
}
