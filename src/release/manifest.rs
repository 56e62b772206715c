//! The objects of a release's manifest.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An object of a release's manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// `apps/v1`, or `v1` in the core group.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// As the manifest says.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
    /// The whole object.
    pub value: Value,
}

impl Object {
    /// The API group, empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version
            .rsplit_once('/')
            .map_or("", |(group, _)| group)
    }

    /// The API version without its group.
    pub fn version(&self) -> &str {
        self.api_version
            .rsplit_once('/')
            .map_or(self.api_version.as_str(), |(_, version)| version)
    }

    /// True if Helm leaves it when the release is uninstalled.
    pub fn keeps(&self) -> bool {
        self.value["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    }

    /// What names it.
    pub fn identity(&self) -> ObjectKey {
        ObjectKey {
            group: self.group().to_owned(),
            version: self.version().to_owned(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity().fmt(f)
    }
}

/// What names an object.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct ObjectKey {
    /// The API group, empty for the core group.
    pub group: String,
    /// The API version without its group.
    pub version: String,
    /// `Deployment`.
    pub kind: String,
    /// As the manifest says.
    pub namespace: Option<String>,
    /// `metadata.name`.
    pub name: String,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}
