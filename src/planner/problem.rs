//! Problems of a plan.

use crate::component::conditions::Reason;
use crate::node_key::NodeKey;

/// Something that keeps Components from being installed.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The reason that the Component's conditions would have.
    pub reason: Reason,
    /// The Components that have it; their dependents wait.
    pub on: Vec<NodeKey>,
    /// What is wrong, with names and versions.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Problem {
    /// The sort key of problems: the Components that have them, then the reasons closest to the manifests.
    pub(super) fn place(&self) -> (&[NodeKey], usize) {
        const NEAREST_FIRST: [Reason; 11] = [
            Reason::InvalidSpec,
            Reason::ChartNotFound,
            Reason::VersionNotFound,
            Reason::ChartInvalid,
            Reason::DependencyCycle,
            Reason::DependencyDisabled,
            Reason::DependencyMissing,
            Reason::DependencyAmbiguous,
            Reason::DependencyVersionMismatch,
            Reason::DependencyVersionConflict,
            Reason::ReleaseConflict,
        ];
        let place = NEAREST_FIRST.iter().position(|known| *known == self.reason);
        (&self.on, place.expect("plans have these problems only"))
    }
}
