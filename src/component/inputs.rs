//! What a Component is made of: its chart, its values, the Components it needs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::component::names::DEFAULT_NAMESPACE;

/// Which chart, and where its release goes.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChartSource {
    /// The chart's name; that of the Component if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,

    /// The namespace that the release is installed into. It is created if it does not exist.
    #[serde(default = "default_namespace")]
    #[schemars(length(max = 65536))]
    pub namespace: String,

    /// The release's name, at most 53 characters; that of the Component if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub release_name: Option<String>,

    /// The URL of the chart repository; the one that runs beside the controller if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,

    /// The digest that the chart's package must have, as sha256: and 64 hex digits. Another package is never installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub digest: Option<String>,
}

impl Default for ChartSource {
    fn default() -> Self {
        Self {
            name: None,
            namespace: default_namespace(),
            release_name: None,
            repository: None,
            digest: None,
        }
    }
}

fn default_namespace() -> String {
    DEFAULT_NAMESPACE.to_owned()
}

/// Values in a ConfigMap or Secret in the namespace of the Component.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ValuesReference {
    /// ConfigMap or Secret.
    pub kind: ValuesKind,

    /// The object's name, in the namespace of this Component.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// The key in the object's data whose text is a YAML document of values.
    #[serde(default = "values_yaml")]
    #[schemars(length(min = 1, max = 253))]
    pub key: String,

    /// A path such as image.tag. If given, the text becomes the value at that path instead of a document of values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 250))]
    pub target_path: Option<String>,

    /// True goes on without the object or key when it does not exist.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub optional: bool,
}

fn values_yaml() -> String {
    "values.yaml".to_owned()
}

/// Where values lie.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ValuesKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

/// A Component that must be ready first.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// The name of the Component, or of the chart that it installs.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// The namespace of that Component; that of this one if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,

    /// The versions that will do, as a range such as >=1.2 <2 or ^1; any if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub version: Option<String>,

    /// True waits for that Component only if it exists, and never creates it.
    #[serde(default, skip_serializing_if = "super::is_false")]
    pub optional: bool,
}
