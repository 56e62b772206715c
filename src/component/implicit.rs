//! Marks of Components that were created for others (docs/components.md 11.6): what they were made of, and what each of
//! those that require them wants of their values.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::chart::digest::Sha256Hex;
use crate::component::{Component, ComponentSpec, canonical_json};
use crate::node_key::NodeKey;

/// What the specification of an implicit Component was when it was made: an edit makes it the user's.
pub const MADE_FROM: &str = "ext.theriseunion.io/made-from";

/// Who wants which values of an implicit Component, as JSON: a mapping from namespace/name to values.
pub const VALUES_FROM: &str = "ext.theriseunion.io/values-from";

/// Values, as a spec has them.
pub type Values = Map<String, Value>;

/// The values that each requirer wants.
pub type Given = BTreeMap<NodeKey, Values>;

/// The digest of a specification.
pub fn made_from(spec: &ComponentSpec) -> String {
    let value = serde_json::to_value(spec).unwrap_or_default();
    Sha256Hex::of(canonical_json::text(&value).as_bytes()).to_string()
}

/// True if nobody has changed the specification since it was made.
pub fn is_as_made(component: &Component) -> bool {
    annotation(component, MADE_FROM).is_some_and(|made| *made == made_from(&component.spec))
}

/// Who wants which of its values, as was noted; nothing where that cannot be read.
pub fn given(component: &Component) -> Given {
    let noted = annotation(component, VALUES_FROM);
    let noted = noted.and_then(|text| serde_json::from_str::<BTreeMap<String, Values>>(text).ok());
    let by_key = noted.into_iter().flatten().filter_map(|(key, values)| {
        let (namespace, name) = key.split_once('/')?;
        Some((NodeKey::new(namespace, name), values))
    });
    by_key.collect()
}

/// Notes what a Component is made of: its specification as it is, and who wants which of its values.
pub fn note(component: &mut Component, given: &Given) {
    let noted: BTreeMap<String, &Values> = (given.iter())
        .map(|(key, values)| (key.to_string(), values))
        .collect();
    let made = made_from(&component.spec);
    let annotations = component.metadata.annotations.get_or_insert_default();
    annotations.insert(MADE_FROM.to_owned(), made);
    if noted.is_empty() {
        annotations.remove(VALUES_FROM);
    } else {
        let text = serde_json::to_string(&noted).unwrap_or_default();
        annotations.insert(VALUES_FROM.to_owned(), text);
    }
}

fn annotation<'a>(component: &'a Component, name: &str) -> Option<&'a String> {
    component.metadata.annotations.as_ref()?.get(name)
}
