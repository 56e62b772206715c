//! Components that were created for others (docs/components.md 11.6): what they are made of, and whether they are still
//! as they were made. Pure.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value};

use crate::chart::digest::Sha256Hex;
use crate::component::names::{FIELD_MANAGER, label};
use crate::component::{ChartSource, Component, ComponentSpec, canonical_json};
use crate::planner::ImplicitComponent;

/// What the specification of an implicit Component was when it was made: an edit makes it the user's.
pub const MADE_FROM: &str = "ext.theriseunion.io/made-from";

/// The Component that the planner asks for.
/// It acts as the account of whoever needs it: nobody gets more by needing something.
pub fn component(wanted: &ImplicitComponent, account: Option<&str>) -> Component {
    let spec = ComponentSpec {
        version: wanted.version.clone(),
        chart: ChartSource {
            name: Some(wanted.chart.clone()).filter(|chart| *chart != wanted.key.name),
            namespace: wanted.target_namespace.clone(),
            ..ChartSource::default()
        },
        values: match &wanted.values {
            Some(Value::Object(values)) => values.clone(),
            _ => Map::new(),
        },
        service_account_name: account.map(str::to_owned),
        ..ComponentSpec::default()
    };
    let made = made_from(&spec);
    let mut component = Component::new(&wanted.key.name, spec);
    component.metadata.namespace = Some(wanted.key.namespace.clone());
    component.metadata.labels = Some(BTreeMap::from([(
        label::IMPLICIT.to_owned(),
        "true".to_owned(),
    )]));
    component.metadata.annotations = Some(BTreeMap::from([(MADE_FROM.to_owned(), made)]));
    component
}

/// Why a Component was created, for people.
pub fn note(wanted: &ImplicitComponent) -> String {
    let version = match wanted.version.as_str() {
        "" => "in its newest version",
        version => version,
    };
    format!(
        "created Component {} (chart {} {version}) because {} requires it",
        wanted.key, wanted.chart, wanted.required_by
    )
}

/// The digest of a specification.
pub fn made_from(spec: &ComponentSpec) -> String {
    let value = serde_json::to_value(spec).unwrap_or_default();
    Sha256Hex::of(canonical_json::text(&value).as_bytes()).to_string()
}

/// True if somebody else has said something about the specification, be it the same.
pub fn is_claimed(metadata: &ObjectMeta) -> bool {
    let mut entries = metadata.managed_fields.iter().flatten();
    entries.any(|entry| {
        let fields = entry.fields_v1.as_ref();
        entry.manager.as_deref() != Some(FIELD_MANAGER)
            && fields.is_some_and(|fields| fields.0.get("f:spec").is_some())
    })
}

/// True if nobody has changed the specification since it was made.
pub fn is_as_made(component: &Component) -> bool {
    let annotations = component.metadata.annotations.as_ref();
    let made = annotations.and_then(|all| all.get(MADE_FROM));
    made.is_some_and(|made| *made == made_from(&component.spec))
}
