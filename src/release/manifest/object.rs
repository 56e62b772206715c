//! One object of a manifest, and what identifies it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The annotation by which a chart asks Helm to leave an object when the release is uninstalled.
pub const RESOURCE_POLICY: &str = "helm.sh/resource-policy";

/// An object as a chart renders it.
///
/// It displays as `Deployment edge/web`, or `ClusterRole web` without a namespace. [`Debug`](fmt::Debug) shows no more
/// than that: Secrets are among these.
#[derive(Clone, PartialEq)]
pub struct Object {
    /// The API version, such as `apps/v1` or `v1`.
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The namespace, if the manifest names one. Without one a namespaced object goes to the release's.
    pub namespace: Option<String>,
    /// The name; never empty.
    pub name: String,
    /// All of the object.
    pub value: Value,
}

/// Which object of a cluster it is.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ObjectKey {
    /// The API group; empty for the core group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The version within the group.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The namespace, if the manifest names one; see [`Object::namespace`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl Object {
    /// The API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// The version within the group.
    pub fn version(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or(&self.api_version, |(_, version)| version)
    }

    /// True if Helm leaves the object when the release is uninstalled, or when a revision no longer has it.
    pub fn keeps(&self) -> bool {
        self.value
            .pointer("/metadata/annotations")
            .and_then(|annotations| annotations.get(RESOURCE_POLICY))
            .and_then(Value::as_str)
            .is_some_and(|policy| policy.trim().eq_ignore_ascii_case("keep"))
    }

    /// True if the cluster deletes the object when it has done its part: that it is missing says nothing, and one made
    /// again would do it once more.
    pub fn removes_itself(&self) -> bool {
        match (self.group(), self.kind.as_str()) {
            ("batch", "Job") => self.value["spec"]["ttlSecondsAfterFinished"].is_number(),
            ("certificates.k8s.io", "CertificateSigningRequest")
            | ("" | "events.k8s.io", "Event") => true,
            _ => false,
        }
    }

    /// Which object of a cluster it is.
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
        spell(f, &self.kind, self.namespace.as_deref(), &self.name)
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({} {self})", self.api_version)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        spell(f, &self.kind, self.namespace.as_deref(), &self.name)
    }
}

fn spell(
    f: &mut fmt::Formatter<'_>,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
) -> fmt::Result {
    match namespace {
        Some(namespace) => write!(f, "{kind} {namespace}/{name}"),
        None => write!(f, "{kind} {name}"),
    }
}

/// Adds the object that `value` is, or all that it lists. The error is what it lacks, such as `kind`.
pub(super) fn collect(mut value: Value, objects: &mut Vec<Object>) -> Result<(), &'static str> {
    let text = |pointer: &str| {
        let text = value.pointer(pointer).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let api_version = text("/apiVersion").ok_or("apiVersion")?;
    let kind = text("/kind").ok_or("kind")?;
    let namespace = text("/metadata/namespace");
    let name = text("/metadata/name");
    let has_generated_name = text("/metadata/generateName").is_some();

    let listed = value.get_mut("items").map(Value::take);
    if kind.ends_with("List") && name.is_none() {
        return match listed {
            Some(Value::Array(items)) => items
                .into_iter()
                .map(|item| of_kind(item, &api_version, &kind))
                .try_for_each(|item| collect(item, objects)),
            Some(Value::Null) | None => Ok(()),
            Some(_) => Err("list in its items"),
        };
    }
    if let Some(listed) = listed {
        value["items"] = listed;
    }
    match name {
        Some(name) => objects.push(Object {
            api_version,
            kind,
            namespace,
            name,
            value,
        }),
        None if has_generated_name => {}
        None => return Err("metadata.name"),
    }
    Ok(())
}

/// An item of a `ConfigMapList` need not say that it is a ConfigMap.
fn of_kind(mut item: Value, api_version: &str, list: &str) -> Value {
    let kind = list.strip_suffix("List").unwrap_or_default();
    if let Value::Object(fields) = &mut item
        && !kind.is_empty()
        && !fields.contains_key("kind")
    {
        fields.insert("kind".to_owned(), kind.into());
        fields.insert("apiVersion".to_owned(), api_version.into());
    }
    item
}
