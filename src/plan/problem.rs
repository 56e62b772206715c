//! What is in the way of a plan, by the reasons that a Component's conditions use.

use std::fmt;

use crate::topology::NodeKey;

/// Why a Component cannot be installed as planned (controller contract section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The manifest cannot be meant like this.
    InvalidSpec,
    /// No source has a chart of this name.
    ChartNotFound,
    /// The chart is there, the version is not.
    VersionNotFound,
    /// The chart says something that cannot be read.
    ChartInvalid,
    /// Components wait for each other in a circle.
    DependencyCycle,
    /// A dependency is there, but switched off.
    DependencyDisabled,
    /// A dependency is not there and may not be added.
    DependencyMissing,
    /// Several Components could be meant.
    DependencyAmbiguous,
    /// The dependency's own manifest asks for a version that the requirer does not accept.
    DependencyVersionMismatch,
    /// No version satisfies all requirers.
    DependencyVersionConflict,
    /// Two Components would own one release.
    ReleaseConflict,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the names are the wire's own
        fmt::Debug::fmt(self, f)
    }
}

/// Something that keeps Components from being installed.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// What kind of problem.
    pub reason: Reason,
    /// The Components that have it; who depends on them waits.
    pub on: Vec<NodeKey>,
    /// What is wrong, with names and versions.
    pub message: String,
    /// What to do about it.
    pub help: String,
}
