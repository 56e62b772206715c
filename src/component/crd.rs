//! The CustomResourceDefinition: derived from the types, then brought into the form that Kubernetes stores and that
//! people read.

use std::borrow::Cow;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::component::{Component, rules};
use crate::yaml::block;

const HEADER: &str =
    "# The output of `chartroom crd`. In the source tree, `make crd` writes this file.\n";

/// The definition's annotation with the version of this program: an older program leaves a newer definition alone.
pub const VERSION: &str = "ext.theriseunion.io/definition-version";

/// The JSON pointer to the schema in the definition.
const SCHEMA: &str = "/spec/versions/0/schema/openAPIV3Schema";

/// The definition, for an API server.
pub fn crd() -> CustomResourceDefinition {
    serde_json::from_value(value()).expect("tidying keeps a definition's form")
}

/// The definition as text, for `kubectl apply -f`, which every API server takes; the same text each time.
pub fn yaml() -> String {
    yaml_for(0)
}

/// The minor version of Kubernetes from which on a definition may name fields to select objects by, as in
/// `kubectl get components --field-selector status.phase=Failed`. Older API servers refuse a definition that does.
const SELECTABLE_SINCE: u32 = 31;

/// The definition for an API server of Kubernetes 1.`minor`: with all that it can do.
pub fn yaml_for(minor: u32) -> String {
    let mut crd = value();
    if minor >= SELECTABLE_SINCE {
        crd["spec"]["versions"][0]["selectableFields"] = json!([{"jsonPath": ".status.phase"}]);
    }
    format!("{HEADER}{}", block::document(&crd))
}

/// The definition as JSON.
pub fn value() -> Value {
    let mut crd = serde_json::to_value(Component::crd()).expect("a definition is JSON");
    crd["metadata"]["annotations"] = json!({VERSION: env!("CARGO_PKG_VERSION")});
    let schema = crd.pointer_mut(SCHEMA).expect("the derive makes a schema");
    tidy(schema);
    let root = schema.as_object_mut().expect("the schema is an object");
    // the published definition takes an object without spec, and its controller took that for "not enabled"
    root.remove("required");
    root.insert("x-kubernetes-validations".to_owned(), rules::validations());
    let spec = &mut root["properties"]["spec"];
    spec["default"] = json!({"enabled": false});
    // a field with a default never is missing when this is checked: it tells readers what to write
    spec["required"] = json!(["enabled"]);
    crd
}

/// Removes keywords without use for readers and API servers, in a schema and those below it.
fn tidy(schema: &mut Value) {
    let Value::Object(keywords) = schema else {
        return;
    };
    // without `nullable`, an API server drops nulls before it looks at defaults, which is what a user means by them
    keywords.remove("nullable");
    keywords.remove("title");
    if keywords
        .get("format")
        .and_then(Value::as_str)
        .is_some_and(|format| format.starts_with("uint"))
    {
        // a Rust detail
        keywords.remove("format");
    }
    if let Some(Value::String(text)) = keywords.get_mut("description") {
        *text = unwrap(text);
    }
    for bound in ["minimum", "maximum"] {
        if let Some(number) = keywords.get_mut(bound) {
            *number = whole(number);
        }
    }
    for below in ["items", "additionalProperties"] {
        if let Some(schema) = keywords.get_mut(below) {
            tidy(schema);
        }
    }
    if let Some(Value::Object(properties)) = keywords.get_mut("properties") {
        properties.values_mut().for_each(tidy);
    }
}

/// A bound without `.0`, which the types' double adds.
fn whole(number: &Value) -> Value {
    let text = number.to_string();
    let digits = text.strip_suffix(".0").unwrap_or(&text);
    digits
        .parse::<i64>()
        .map_or_else(|_| number.clone(), Value::from)
}

/// A doc comment's paragraphs as one line each.
fn unwrap(text: &str) -> String {
    let paragraphs = text.trim().split("\n\n");
    let lines: Vec<String> = paragraphs
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    lines.join("\n")
}

/// Any object, whose fields the API server leaves alone.
pub(super) fn free_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true
    })
}

/// The schema of a Kubernetes time.
pub(super) enum DateTime {}

impl JsonSchema for DateTime {
    fn schema_name() -> Cow<'static, str> {
        "DateTime".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

/// The schema of a Kubernetes condition, with the limits that the published definition has.
pub(super) enum ConditionSchema {}

impl JsonSchema for ConditionSchema {
    fn schema_name() -> Cow<'static, str> {
        "Condition".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "One thing that holds, does not hold, or cannot be told.",
            "required": ["lastTransitionTime", "message", "reason", "status", "type"],
            "properties": {
                "type": {
                    "type": "string",
                    "description": "What this is about, such as Ready.",
                    "maxLength": 316,
                    "pattern": r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
                },
                "status": {
                    "type": "string",
                    "description": "Whether it holds: True, False or Unknown.",
                    "enum": ["True", "False", "Unknown"]
                },
                "reason": {
                    "type": "string",
                    "description": "Why, in one word for programs.",
                    "minLength": 1,
                    "maxLength": 1024,
                    "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"
                },
                "message": {
                    "type": "string",
                    "description": "Why, in a sentence for people.",
                    "maxLength": 32768
                },
                "lastTransitionTime": {
                    "type": "string",
                    "format": "date-time",
                    "description": "When the status last changed."
                },
                "observedGeneration": {
                    "type": "integer",
                    "format": "int64",
                    "minimum": 0,
                    "description": "The generation of the spec that this is about."
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
