//! The objects in a manifest that Helm rendered, and which of them a release consists of.

mod object;
pub mod rewrite;
pub mod served;
mod unreadable;

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

pub use object::{Object, ObjectKey, RESOURCE_POLICY};
pub use unreadable::Unreadable;

use crate::yaml::{self, Limits, Yaml};

/// More than any manifest has that fits a Secret: a megabyte of packed definitions is some 600,000 nodes.
const LIMITS: Limits = Limits {
    nodes: 1_000_000,
    depth: 500,
};

/// What a manifest holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifest {
    /// Its objects, in their order.
    pub objects: Vec<Object>,
    /// The documents that hold something else, or nobody knows what. As long as there is one, what is not among the
    /// objects may be part of the release all the same.
    pub unreadable: Vec<Unreadable>,
}

/// Why a manifest's objects cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A document that cannot be read, the first of them.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A document that cannot be told in another API version.
    #[error("document {document} of the release's manifest cannot be told in another API version")]
    NotRewritten {
        /// Which document, from 1.
        document: usize,
    },
}

/// Reads a stream of YAML documents, divided and read as Helm does before it talks to the API server.
///
/// Empty documents are passed over, lists are taken apart, and an object with only a `generateName` is left out: it has
/// no name to be found by. Integers are exact, as they are for Kubernetes.
pub fn read(manifest: &str) -> Manifest {
    let text = manifest.strip_prefix('\u{feff}').unwrap_or(manifest);
    let mut limits = LIMITS;
    let mut read = Manifest::default();
    for (at, document) in yaml::divide(text.as_bytes()).iter().enumerate() {
        let mut objects = Vec::new();
        let collected = match document.parse(text.as_bytes(), &mut limits).map(json) {
            Ok(Value::Null) => Ok(()),
            Ok(value) => object::collect(value, &mut objects)
                .map_err(|missing| Unreadable::incomplete(text, document, at + 1, missing)),
            Err(error) => Err(Unreadable::of(text, document, at + 1, &error)),
        };
        read.objects.append(&mut objects);
        read.unreadable.extend(collected.err());
    }
    read
}

/// The objects in a stream of YAML documents, as [`read`] has them.
///
/// # Errors
/// A document that cannot be read, or too much of it, or one that is not an object with an API version, a kind and a
/// name.
pub fn objects(manifest: &str) -> Result<Vec<Object>, ManifestError> {
    let read = read(manifest);
    match read.unreadable.into_iter().next() {
        None => Ok(read.objects),
        Some(unreadable) => Err(unreadable.into()),
    }
}

/// The objects that are there once Helm has applied all of these: of one that is rendered twice, the last
/// (docs/components.md 8, item 9). `namespace` is that of objects that name none.
pub fn lasting(objects: Vec<Object>, namespace: &str) -> Vec<Object> {
    let mut seen = HashSet::new();
    let mut last_first: Vec<Object> = (objects.into_iter().rev())
        .filter(|object| {
            let namespace = object.namespace.as_deref().unwrap_or(namespace).to_owned();
            let (group, kind) = (object.group().to_owned(), object.kind.clone());
            seen.insert((group, kind, namespace, object.name.clone()))
        })
        .collect();
    last_first.reverse();
    last_first
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
