//! A Component as the planner sees it: what it requires, and its state.

use std::fmt;

use k8s_openapi::jiff::Timestamp;

use crate::component::conditions::{ConditionType, Reason};
use crate::component::implicit::{Given, Values, given, is_as_made};
use crate::component::names::{annotation, label};
use crate::component::status::{DependencyState, DependencyStatus};
use crate::component::{Component, ComponentStatus, DeletionPolicy, Dependency, Phase};
use crate::node_key::NodeKey;
use crate::planner::range::VersionRange;
use crate::planner::requirement::Requirement;

/// One Component, as the API or a manifest has it.
#[derive(Clone, Debug)]
pub struct Node {
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
    /// Suspended, or annotated skip-reconcile or pre-installed: never acted on, but it can be a dependency.
    pub left_alone: bool,
    /// True if the controller created it because others require it (label `ext.theriseunion.io/implicit`).
    pub implicit: bool,
    /// What it was given by those that require it; only of an implicit one whose spec is as it was made.
    pub inherited: Option<Inherited>,
    /// True if `status.observedGeneration` is `metadata.generation`.
    pub is_settled: bool,
    /// True if its condition Ready is True for another reason than Disabled.
    pub ready: bool,
    /// True if its condition Released is True, or it is pre-installed.
    pub released: bool,
    /// Its own phase and Ready condition, for the messages of Components that wait for it.
    pub progress: Progress,
    /// The installed chart version (`status.resolvedVersion`; if pre-installed, the release's).
    pub version: Option<String>,
    /// `spec.dependsOn`.
    pub depends_on: Vec<Requirement>,
    /// `status.dependencies` as written before: the only record of what its chart requires.
    pub recorded: Vec<Requirement>,
    /// `spec.autoInstallDependencies`.
    pub auto_install: bool,
    /// True if the annotation `ext.theriseunion.io/allow-break-dependents` is `"true"`.
    pub allow_break: bool,
    /// True if `spec.deletionPolicy` is Orphan.
    pub orphan: bool,
    /// `metadata.creationTimestamp`; `None` counts as the youngest.
    pub created: Option<Timestamp>,
}

/// The values of an implicit Component.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inherited {
    /// `spec.values`.
    pub values: Values,
    /// What each of its requirers wants of them.
    pub given: Given,
}

/// The phase of a Component, and the reason and message of its condition Ready.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// `status.phase`.
    pub phase: Option<Phase>,
    /// The reason of its condition Ready, if there is one.
    pub reason: Option<ReadyReason>,
    /// The message of its condition Ready; empty if there is none.
    pub message: String,
}

/// The reason of a condition Ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadyReason {
    /// One of this program's.
    Known(Reason),
    /// Set by another controller.
    Other(String),
}

impl ReadyReason {
    fn read(word: &str) -> Self {
        let known = Reason::ALL.iter().find(|reason| reason.as_str() == word);
        known.map_or_else(
            || Self::Other(word.to_owned()),
            |reason| Self::Known(*reason),
        )
    }
}

/// As it is written in the condition.
impl fmt::Display for ReadyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Known(reason) => reason.as_str(),
            Self::Other(word) => word,
        })
    }
}

impl Progress {
    /// The reason, if it is one of this program's.
    pub(super) fn known_reason(&self) -> Option<Reason> {
        match &self.reason {
            Some(ReadyReason::Known(reason)) => Some(*reason),
            Some(ReadyReason::Other(_)) | None => None,
        }
    }
}

impl Node {
    /// The node of a Component as the API has it. If it is pre-installed, `version` is that of its status; a caller
    /// that knows the release sets it to the release's.
    pub fn of(component: &Component) -> Self {
        let metadata = &component.metadata;
        let nothing = ComponentStatus::default();
        let status = component.status.as_ref().unwrap_or(&nothing);
        let condition = |about: ConditionType| {
            let mut conditions = status.conditions.iter().rev();
            conditions.find(|condition| condition.type_ == about.as_str())
        };
        let ready = condition(ConditionType::Ready);
        let labels = metadata.labels.as_ref();
        let is_pre_installed = component.is_marked(annotation::PRE_INSTALLED);
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let is_implicit = labels
            .and_then(|labels| labels.get(label::IMPLICIT))
            .is_some_and(|value| value == "true");
        Self {
            key: NodeKey::new(namespace, component.name()),
            chart_name: component.chart_name().to_owned(),
            release: (
                component.target_namespace().to_owned(),
                component.release_name().to_owned(),
            ),
            enabled: component.spec.enabled,
            deleting: metadata.deletion_timestamp.is_some(),
            left_alone: component.is_left_alone(),
            implicit: is_implicit,
            inherited: (is_implicit && is_as_made(component)).then(|| Inherited {
                values: component.spec.values.clone(),
                given: given(component),
            }),
            is_settled: metadata.generation.is_some()
                && status.observed_generation == metadata.generation,
            ready: ready.is_some_and(|ready| {
                ready.status == "True" && ready.reason != Reason::Disabled.as_str()
            }),
            released: is_pre_installed
                || condition(ConditionType::Released)
                    .is_some_and(|released| released.status == "True"),
            progress: Progress {
                phase: status.phase.clone(),
                reason: (ready.filter(|ready| !ready.reason.is_empty()))
                    .map(|ready| ReadyReason::read(&ready.reason)),
                message: ready.map_or(String::new(), |ready| ready.message.clone()),
            },
            version: status.resolved_version.clone(),
            depends_on: component.spec.depends_on.iter().map(declared).collect(),
            recorded: status.dependencies.iter().map(recorded).collect(),
            auto_install: component.spec.auto_install_dependencies,
            allow_break: component.is_marked(annotation::ALLOW_BREAK_DEPENDENTS),
            orphan: component.spec.deletion_policy == DeletionPolicy::Orphan,
            created: metadata.creation_timestamp.as_ref().map(|time| time.0),
        }
    }

    /// True if dependents can go ahead: reconciled since its spec changed, installed and ready. One that is left alone
    /// may have a spec that is never reconciled.
    pub(super) fn is_there(&self) -> bool {
        (self.is_settled || self.left_alone) && self.ready && self.released
    }

    /// True if it still needs its dependencies.
    pub(super) fn is_alive(&self) -> bool {
        self.enabled && !self.deleting
    }

    /// True if it is disabled and uninstalled, so that it needs no dependency.
    pub(super) fn is_gone(&self) -> bool {
        if self.enabled {
            return false;
        }
        if self.left_alone {
            return !self.released;
        }
        let says_so = self.progress.phase == Some(Phase::Disabled)
            || self.progress.known_reason() == Some(Reason::Disabled);
        self.is_settled && !self.released && says_so
    }

    /// True if it is being removed already: no user has to remove it.
    pub(super) fn is_going(&self) -> bool {
        self.deleting || (!self.enabled && !self.left_alone)
    }

    /// True if the controller works on it, or is about to.
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
        let reason = self.progress.known_reason();
        self.progress.phase == Some(Phase::Blocked)
            && reason.is_some_and(Reason::is_of_dependencies)
    }

    /// True if an earlier check found that no version of a dependency satisfies both it and others.
    pub(super) fn is_in_conflict(&self) -> bool {
        self.progress.known_reason() == Some(Reason::DependencyVersionConflict)
    }

    /// The order of seniority: by age, then by key.
    pub(super) fn seniority(&self) -> (bool, Option<Timestamp>, &NodeKey) {
        (self.created.is_none(), self.created, &self.key)
    }
}

/// An item of `spec.dependsOn`. An invalid range counts as any version: the spec is refused elsewhere.
fn declared(dependency: &Dependency) -> Requirement {
    Requirement {
        name: dependency.name.clone(),
        namespace: dependency.namespace.clone().filter(|text| !text.is_empty()),
        range: VersionRange::parse(dependency.version.as_deref().unwrap_or_default())
            .unwrap_or_default(),
        chart: None,
        optional: dependency.optional.then_some(true),
        values: None,
        withholds: false,
    }
}

/// The requirement that an element of `status.dependencies` was written for, as far as it can be recovered.
pub(super) fn recorded(line: &DependencyStatus) -> Requirement {
    let wanted = line.wanted.as_deref().unwrap_or_default();
    Requirement {
        name: line.name.clone(),
        namespace: Some(line.namespace.clone()),
        range: VersionRange::parse(wanted).unwrap_or_default(),
        chart: None,
        optional: Some(line.optional || line.state == DependencyState::Skipped),
        values: None,
        withholds: false,
    }
}
