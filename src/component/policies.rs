//! What may be taken over, replaced, put right and left behind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens to the definitions in a chart's `crds` folder.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum CrdsPolicy {
    /// They are left out.
    Skip,
    /// Those that the cluster lacks are created.
    Create,
    /// They are created or updated.
    #[default]
    CreateReplace,
}

/// How objects are written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ServerSideApply {
    /// By the API server, from what is wanted.
    #[default]
    Enabled,
    /// By Helm, from the differences that it finds.
    Disabled,
}

/// What may be taken over.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum TakeOwnership {
    /// Nothing, not even a release of the same name.
    Never,
    /// What carries the release's name in Helm's annotations.
    #[default]
    SameRelease,
    /// Everything.
    Always,
}

/// What becomes of the release of a deleted Component.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum DeletionPolicy {
    /// It is uninstalled.
    #[default]
    Uninstall,
    /// It stays.
    Orphan,
}

/// What happens when installed objects are changed or deleted by somebody else.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftDetection {
    /// enabled puts changed and deleted objects right, warn only reports them, disabled does not look.
    #[serde(default)]
    pub mode: DriftMode,

    /// Differences that do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<DriftIgnore>,
}

/// What is done about drift.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DriftMode {
    /// It is put right.
    #[default]
    Enabled,
    /// It is reported.
    Warn,
    /// Nobody looks.
    Disabled,
}

/// Fields of objects whose differences do not count.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftIgnore {
    /// JSON pointers such as /spec/replicas; the empty pointer is the whole object.
    #[schemars(length(min = 1))]
    pub paths: Vec<String>,

    /// Which objects; all of the release if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<DriftTarget>,
}

/// Which objects: those that match every field given.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftTarget {
    /// The API group, such as apps; the core group is the empty text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,

    /// The API version, such as v1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,

    /// The kind, such as Deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,

    /// The object's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,

    /// The object's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,

    /// A label selector, such as app=web,tier!=cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<String>,
}
