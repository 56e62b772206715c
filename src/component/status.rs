//! What came of a Component (docs/components.md 1.3 and 13).
//!
//! The published fields stay as free as they were: an object whose `phase` another controller wrote can still be read
//! and updated.

mod operation;

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::operation::{Attempt, Failures, Operation, Revision};
pub use crate::operation_kind::OperationKind;

use crate::component::crd::{ConditionSchema, DateTime};
use crate::component::is_false;

/// What was observed and done.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentStatus {
    /// The generation of the spec that the last finished reconcile was about. While it is behind metadata.generation, work
    /// is going on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// One word for people: Pending, Blocked, Queued, Installing, Upgrading, Testing, RollingBack, Uninstalling,
    /// Deployed, Degraded, Failed, Stalled, Disabled or Suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub phase: Option<Phase>,

    /// What holds and what does not. Ready says whether the release is as the spec wants it; Reconciling and Stalled
    /// say whether that is still being worked on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        with = "Vec<ConditionSchema>",
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"])
    )]
    pub conditions: Vec<Condition>,

    /// What is going on or went wrong, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,

    /// The hash of everything that made up the last successful install or upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_hash: Option<String>,

    /// The name of the Helm release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_name: Option<String>,

    /// The namespace of the Helm release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_namespace: Option<String>,

    /// The release's revision, as in helm history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_version: Option<i64>,

    /// The chart version that spec.version stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_version: Option<String>,

    /// The digest of the chart's package, as sha256: and hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart_digest: Option<String>,

    /// The version of what the chart installs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,

    /// How many attempts failed since the last reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_count: Option<i64>,

    /// When an attempt last failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DateTime>")]
    pub last_failure_time: Option<Time>,

    /// When the next attempt is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DateTime>")]
    pub next_retry_time: Option<Time>,

    /// When the phase last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DateTime>")]
    pub last_transition_time: Option<Time>,

    /// The Helm operation that was begun and whose end is not yet recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,

    /// What was last tried, whether it worked or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempted: Option<Attempt>,

    /// How many attempts failed, by kind, since the last reset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<Failures>,

    /// The Components that this one depends on, and how they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<DependencyStatus>,

    /// The Components that depend on this one, as namespace/name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_by: Vec<String>,

    /// The newest revisions that came of this Component, newest first; at most spec.historyLimit of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub history: Vec<Revision>,

    /// The name of the ConfigMap that lists the release's objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory_ref: Option<String>,

    /// The definitions of kinds (CustomResourceDefinitions) that the release no longer has and that were kept, as their
    /// objects would have gone with them, or others need them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_definitions: Vec<KeptDefinition>,

    /// The value of the annotation requestedAt that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,

    /// The value of the annotation forceAt that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_force_at: Option<String>,

    /// The value of the annotation resetAt that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reset_at: Option<String>,
}

/// A definition that a release dropped and that was kept.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct KeptDefinition {
    /// The name of the CustomResourceDefinition, such as widgets.example.com.
    pub name: String,
    /// Why it is there, and how it is really removed.
    pub message: String,
}

/// One word for people. Nothing is decided by it (docs/components.md 13.1).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Phase {
    /// Accepted; nothing was done for this generation.
    Pending,
    /// Waits for a dependency, a chart, a namespace or values.
    Blocked,
    /// Waits for its turn.
    Queued,
    /// Helm installs.
    Installing,
    /// Helm upgrades.
    Upgrading,
    /// The chart's tests run.
    Testing,
    /// Helm goes back to the last good revision.
    RollingBack,
    /// Helm uninstalls, or what is left over is awaited.
    Uninstalling,
    /// The newest revision is the wanted one, and in order.
    Deployed,
    /// Deployed, but unhealthy, drifted, or an older revision than wanted.
    Degraded,
    /// The last action failed; the next attempt is scheduled.
    Failed,
    /// No progress until somebody changes something.
    Stalled,
    /// Not enabled, and nothing is left.
    Disabled,
    /// Suspended or skipped.
    Suspended,
    /// A word of another controller, such as `Installed`.
    #[serde(untagged)]
    Other(String),
}

/// As it is written in `status`.
impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(word) => f.write_str(word),
            // the variants are spelled as the words are
            known => write!(f, "{known:?}"),
        }
    }
}

/// A Component that this one depends on.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DependencyStatus {
    /// Its name.
    pub name: String,

    /// Its namespace.
    pub namespace: String,

    /// The versions that will do; any if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,

    /// True if it is only waited for while it is on its way, and never needed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,

    /// The version that is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,

    /// Ready, External (a release without a Component), Installing, NotReady, Missing, Disabled, VersionMismatch,
    /// VersionConflict, Cycle, Ambiguous, or Skipped (optional and not there).
    pub state: DependencyState,
}

/// How a dependency is (docs/components.md 11.3).
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DependencyState {
    /// Installed, ready, in range.
    Ready,
    /// A release in range that no Component owns.
    External,
    /// On its way.
    Installing,
    /// There, but not ready.
    NotReady,
    /// Not there.
    Missing,
    /// There, but its user disabled it.
    Disabled,
    /// There, in another version.
    VersionMismatch,
    /// No version suits all who need it.
    VersionConflict,
    /// Depends on this Component in turn.
    Cycle,
    /// Several charts could provide it.
    Ambiguous,
    /// Optional and not there.
    Skipped,
}
