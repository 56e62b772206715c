//! The planner's answers about one Component: whether it may be installed, and whether it may be removed.

use serde_json::Value;

use crate::component::conditions::Reason;
use crate::component::implicit::{Given, Values};
use crate::component::status::DependencyStatus;
use crate::node_key::NodeKey;

/// Whether a Component may be installed or upgraded, and what has to be done first (docs/components.md 11.3).
#[derive(Clone, Debug, PartialEq)]
pub struct DependencyCheck {
    /// Whether it may.
    pub verdict: Verdict,
    /// For `status.dependencies`. Written whatever the verdict: it is the only record of what this one's
    /// chart requires.
    pub dependencies: Vec<DependencyStatus>,
    /// Components to create, unless they exist by now.
    pub create: Vec<ImplicitComponent>,
    /// Implicit Components whose `spec.version` is to change, unless it has by now.
    pub retarget: Vec<Retarget>,
    /// Implicit Components that are to be told other values, unless they have been by now.
    pub hand_down: Vec<HandDown>,
}

impl DependencyCheck {
    /// True if something is to be created or changed first.
    pub fn asks_for_more(&self) -> bool {
        !(self.create.is_empty() && self.retarget.is_empty() && self.hand_down.is_empty())
    }
}

/// Whether a Component may be installed or upgraded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Ready {
        /// NoDependencies or DependenciesReady.
        reason: Reason,
        /// For the condition DependenciesReady.
        message: String,
    },
    /// Not yet: a dependency is on its way, or a user can help.
    Waiting {
        /// For DependenciesReady and Ready.
        reason: Reason,
        /// What it waits for and why, for operators.
        message: String,
    },
    /// Not before a user changes something.
    Stalled {
        /// For DependenciesReady, Ready and Stalled.
        reason: Reason,
        /// Why, for operators.
        message: String,
    },
}

/// A Component to be created because another requires it.
#[derive(Clone, Debug, PartialEq)]
pub struct ImplicitComponent {
    /// Its namespace and name.
    pub key: NodeKey,
    /// `spec.chart.name`.
    pub chart: String,
    /// `spec.chart.namespace`: the target namespace of the dependent.
    pub target_namespace: String,
    /// `spec.version`: a range or version that selects the newest version which satisfies all requirers.
    pub version: String,
    /// `spec.values`, if the dependent's chart declares some.
    pub values: Option<Value>,
    /// The Component that requires it.
    pub required_by: NodeKey,
}

/// An implicit Component that changes its version so that all requirers are satisfied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retarget {
    /// Which.
    pub key: NodeKey,
    /// Its new `spec.version`.
    pub version: String,
}

/// An implicit Component whose values change because what its requirers want of them has changed.
#[derive(Clone, Debug, PartialEq)]
pub struct HandDown {
    /// Which.
    pub key: NodeKey,
    /// Its new `spec.values`.
    pub values: Values,
    /// What each of its requirers wants.
    pub given: Given,
}

/// Whether a Component may be deleted or disabled now (docs/components.md 12.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It may.
    Free,
    /// Not yet: these depend on it and are being removed themselves.
    WaitFor(Vec<NodeKey>),
    /// No: these need it and stay.
    Refused(Vec<NodeKey>),
}
