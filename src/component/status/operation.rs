//! What Helm was asked to do, what was tried, and which revisions came of it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::component::crd::DateTime;
use crate::operation_kind::OperationKind;

/// A Helm operation that was begun.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// The operation's id, which the revision it makes carries too.
    pub id: String,

    /// Install, Upgrade, Rollback, Uninstall or Test.
    pub kind: OperationKind,

    /// The newest revision before the operation; 0 if there was none.
    pub from_revision: i64,

    /// The hash of what is being installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,

    /// The digest of the chart's package, as sha256: and hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart_digest: Option<String>,

    /// Who runs it: the uid of the controller's pod.
    pub holder: String,

    /// When it was begun.
    #[schemars(with = "DateTime")]
    pub started_at: Time,

    /// When it must have ended.
    #[schemars(with = "DateTime")]
    pub deadline: Time,

    /// When what it applied must be ready: Helm has ended, and readiness is awaited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DateTime>")]
    pub ready_by: Option<Time>,
}

/// What was tried.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// The hash of everything that made it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,

    /// The chart's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart_version: Option<String>,

    /// The digest of the chart's package, as sha256: and hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart_digest: Option<String>,

    /// The digest of the merged values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values_digest: Option<String>,

    /// The generation of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
}

/// How many attempts failed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    /// Installs.
    #[serde(default)]
    pub install: i64,

    /// Upgrades.
    #[serde(default)]
    pub upgrade: i64,

    /// Attempts that came to nothing because something could not be reached.
    #[serde(default)]
    pub transient: i64,
}

/// A revision of the release.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// The revision, as in helm history.
    pub revision: i64,

    /// The chart's version.
    pub chart_version: String,

    /// The version of what the chart installs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,

    /// The digest of the chart's package, as sha256: and hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart_digest: Option<String>,

    /// The digest of the merged values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values_digest: Option<String>,

    /// The hash of everything that made it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,

    /// Helm's word for its state, such as deployed, superseded or failed.
    pub status: String,

    /// When the release was first installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DateTime>")]
    pub first_deployed: Option<Time>,

    /// When this revision was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<DateTime>")]
    pub last_deployed: Option<Time>,
}
