//! The objects in a manifest that Helm rendered.

mod object;
pub mod rewrite;
pub mod served;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub use object::{Object, ObjectKey};

use crate::yaml::{self, Limits, Yaml, YamlError};

/// More than any manifest has that fits a Secret: a megabyte of packed definitions is some 600,000 nodes.
const LIMITS: Limits = Limits {
    nodes: 1_000_000,
    depth: 500,
};

/// Why the objects of a manifest cannot be read.
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
    /// A document that cannot be converted to another API version.
    #[error("document {document} of the release's manifest cannot be told in another API version")]
    NotRewritten {
        /// Which document, from 1.
        document: usize,
    },
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
