//! A Component as the network sees it, and how it is in one look.

use k8s_openapi::jiff::Timestamp;

use crate::component::Phase;
use crate::component::status::DependencyStatus;
use crate::topology::{NodeKey, Requirement};

/// One Component as the API has it.
#[derive(Clone, Debug)]
pub struct Member {
    /// Namespace and name of the Component itself.
    pub key: NodeKey,
    /// The chart's name: `spec.chart.name`, else the Component's own.
    pub chart_name: String,
    /// Target namespace and name of its Helm release.
    pub release: (String, String),
    /// `spec.enabled`.
    pub enabled: bool,
    /// True if it has a deletion timestamp.
    pub deleting: bool,
    /// Suspended, marked skip-reconcile or pre-installed: never acted on, but good as a dependency.
    pub left_alone: bool,
    /// True if the controller made it since others require it (label `ext.theriseunion.io/implicit`).
    pub implicit: bool,
    /// True if `status.observedGeneration` is `metadata.generation`.
    pub is_settled: bool,
    /// True if its condition Ready is True for another reason than Disabled.
    pub ready: bool,
    /// True if its condition Released is True, or it is pre-installed.
    pub released: bool,
    /// What it says of itself, for messages on those that wait for it.
    pub progress: Progress,
    /// The chart version that is there (`status.resolvedVersion`; of a pre-installed one, the release's).
    pub version: Option<String>,
    /// `spec.dependsOn`.
    pub depends_on: Vec<Requirement>,
    /// `status.dependencies` of an earlier pass: what its chart requires is known from these only.
    pub recorded: Vec<DependencyStatus>,
    /// `spec.autoInstallDependencies`.
    pub auto_install: bool,
    /// True if the annotation `ext.theriseunion.io/allow-break-dependents` is `"true"`.
    pub allow_break: bool,
    /// True if `spec.deletionPolicy` is Orphan.
    pub orphan: bool,
    /// `metadata.creationTimestamp`; `None` is taken for the youngest.
    pub created: Option<Timestamp>,
}

/// What a Component says of itself: its phase, and reason and message of its condition Ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// `status.phase`.
    pub phase: Option<Phase>,
    /// The reason of its condition Ready; empty if there is none.
    pub reason: String,
    /// The message of its condition Ready; empty if there is none.
    pub message: String,
}

impl Member {
    /// True if others can build on it: looked at since its spec changed, installed and ready. One that is left alone
    /// may have a spec that nobody works off.
    pub(super) fn is_there(&self) -> bool {
        (self.is_settled || self.left_alone) && self.ready && self.released
    }

    /// True if it needs its dependencies for as long as it stays.
    pub(super) fn is_alive(&self) -> bool {
        self.enabled && !self.deleting
    }

    /// True if it is disabled and nothing of it is left, so that it needs nothing any more.
    pub(super) fn is_gone(&self) -> bool {
        if self.enabled {
            return false;
        }
        if self.left_alone {
            return !self.released;
        }
        let says_so =
            self.progress.phase == Some(Phase::Disabled) || self.progress.reason == "Disabled";
        self.is_settled && !self.released && says_so
    }

    /// True if it is on its way out by itself: nobody has to be told to remove it.
    pub(super) fn is_going(&self) -> bool {
        self.deleting || (!self.enabled && !self.left_alone)
    }

    /// True if the controller is at work on it, or about to be.
    pub(super) fn is_moving(&self) -> bool {
        let moves = matches!(
            self.progress.phase,
            Some(
                Phase::Pending
                    | Phase::Queued
                    | Phase::Installing
                    | Phase::Upgrading
                    | Phase::Testing
                    | Phase::RollingBack
            )
        );
        moves && self.is_alive() && !self.left_alone
    }

    /// True if it waits for dependencies of its own.
    pub(super) fn is_held_up(&self) -> bool {
        self.progress.phase == Some(Phase::Blocked)
            && self.progress.reason.starts_with("Dependency")
    }

    /// Who of two came first: the older, then the smaller key.
    pub(super) fn seniority(&self) -> (bool, Option<Timestamp>, &NodeKey) {
        (self.created.is_none(), self.created, &self.key)
    }
}
