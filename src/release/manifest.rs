//! The objects in a manifest that Helm rendered, and which of them a release consists of.

mod object;
pub mod rewrite;
pub mod served;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use object::{Object, ObjectKey};

use crate::release::record::Record;
use crate::yaml::{self, Limits, Yaml, YamlError};

/// More than any manifest has that fits a Secret: a megabyte of packed definitions is some 600,000 nodes.
const LIMITS: Limits = Limits {
    nodes: 1_000_000,
    depth: 500,
};

/// Why a manifest's objects cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not YAML, or too much of it.
    #[error("the release's manifest cannot be read: {0}")]
    Yaml(#[from] YamlError),
    /// A document that is not an object, or one without an API version, a kind or a name.
    #[error("document {document} of the release's manifest has no {missing}")]
    Incomplete {
        /// Which document, from 1.
        document: usize,
        /// What it lacks, such as `kind`.
        missing: &'static str,
    },
    /// A document that cannot be told in another API version.
    #[error("document {document} of the release's manifest cannot be told in another API version")]
    NotRewritten {
        /// Which document, from 1.
        document: usize,
    },
}

/// An object that a release consists of.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct InventoryItem {
    /// Which object.
    #[serde(flatten)]
    pub key: ObjectKey,
    /// Its chart asks for it to be left when the release is uninstalled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
    /// It is a hook, which Helm leaves when the release is uninstalled unless its delete policy says otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hook: bool,
}

/// The objects in a stream of YAML documents, in their order.
///
/// Empty documents are passed over, lists are taken apart, and an object with only a `generateName` is left out: it has
/// no name to be found by. Integers are exact, as they are for Kubernetes.
///
/// # Errors
/// No YAML, too much of it, or a document that is not an object with an API version, a kind and a name.
pub fn objects(manifest: &str) -> Result<Vec<Object>, ManifestError> {
    let documents = yaml::parse_all(manifest.as_bytes(), LIMITS)?;
    let mut objects = Vec::new();
    for (at, document) in documents.into_iter().enumerate() {
        let value = json(document);
        if !value.is_null() {
            object::collect(value, at + 1, &mut objects)?;
        }
    }
    Ok(objects)
}

/// What a release consists of, each object once and hooks after the others: to be saved before it is uninstalled, as
/// Helm may report success or failure with some of it left (docs/components.md 5.8, fact 4, and 12.2).
///
/// Definitions from a chart's `crds/` are in no manifest and so not in here.
///
/// # Errors
/// As [`objects`], for the manifest or a hook.
pub fn inventory(record: &Record) -> Result<Vec<InventoryItem>, ManifestError> {
    let hooks = record
        .hooks
        .iter()
        .map(|hook| (hook.manifest.as_str(), true));
    let mut items = Vec::new();
    let mut seen = BTreeSet::new();
    for (manifest, hook) in std::iter::once((record.manifest.as_str(), false)).chain(hooks) {
        for object in objects(manifest)? {
            let key = object.identity();
            if seen.insert(key.clone()) {
                items.push(InventoryItem {
                    key,
                    keep: object.keeps(),
                    hook,
                });
            }
        }
    }
    Ok(items)
}

/// A document as Kubernetes reads it: like [`Yaml::to_json`], but integers stay what they are.
fn json(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Int(value) => value.into(),
        Yaml::Uint(value) => value.into(),
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(json).collect()),
        Yaml::Mapping(fields) => Value::Object(fields_of(fields)),
        Yaml::Null | Yaml::Bool(_) | Yaml::Float(_) => yaml.to_json(),
    }
}

fn fields_of(fields: BTreeMap<String, Yaml>) -> Map<String, Value> {
    let fields = fields.into_iter();
    fields.map(|(key, value)| (key, json(value))).collect()
}

#[cfg(test)]
mod tests;
