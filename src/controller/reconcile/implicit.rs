//! Components that were created for others (docs/components.md 11.6): what they are made of, and whether they are still
//! as they were made. Pure.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value};

use crate::component::implicit::{Given, note as note_made};
use crate::component::names::{FIELD_MANAGER, label};
use crate::component::{ChartSource, Component, ComponentSpec};
use crate::planner::{HandDown, ImplicitComponent};

pub use crate::component::implicit::{MADE_FROM, VALUES_FROM, is_as_made, made_from};

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
    let given: Given = (Some((wanted.required_by.clone(), spec.values.clone())).into_iter())
        .filter(|(_, values)| !values.is_empty())
        .collect();
    let mut component = Component::new(&wanted.key.name, spec);
    component.metadata.namespace = Some(wanted.key.namespace.clone());
    component.metadata.labels = Some(BTreeMap::from([(
        label::IMPLICIT.to_owned(),
        "true".to_owned(),
    )]));
    note_made(&mut component, &given);
    component
}

/// The Component with other values, if it is still as it was made and has not got them yet.
pub fn with_values(component: &Component, wanted: &HandDown) -> Option<Component> {
    if !is_as_made(component) {
        return None;
    }
    let mut changed = component.clone();
    changed.spec.values.clone_from(&wanted.values);
    note_made(&mut changed, &wanted.given);
    (changed != *component).then_some(changed)
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

/// True if somebody else has said something about the specification, be it the same.
pub fn is_claimed(metadata: &ObjectMeta) -> bool {
    let mut entries = metadata.managed_fields.iter().flatten();
    entries.any(|entry| {
        let fields = entry.fields_v1.as_ref();
        entry.manager.as_deref() != Some(FIELD_MANAGER)
            && fields.is_some_and(|fields| fields.0.get("f:spec").is_some())
    })
}
