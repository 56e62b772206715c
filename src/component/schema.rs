//! A spec held against the definition's own schema, as an API server does before it looks at rules: what it does not
//! know, and what a field cannot be. Only as far as the schema of a Component goes.

use serde_json::Value;

use crate::component::crd;

/// Where the spec is in the definition.
const SPEC: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";

/// What an API server refuses in this spec, a sentence each, in the order of the fields' names. Nulls must be gone: a
/// server drops them where a field has a default.
pub fn problems(spec: &Value) -> Vec<String> {
    let definition = crd::value();
    let schema = definition.pointer(SPEC).expect("the definition has a spec");
    let mut problems = Vec::new();
    check(spec, schema, "spec", &mut problems);
    problems
}

fn check(value: &Value, schema: &Value, path: &str, problems: &mut Vec<String>) {
    let is_type = |name: &str| schema["type"] == name;
    let fits = match value {
        Value::Null => schema["type"].is_null(),
        Value::Bool(_) => is_type("boolean"),
        Value::Number(number) => {
            is_type("number") || is_type("integer") && (number.is_i64() || number.is_u64())
        }
        Value::String(_) => is_type("string"),
        Value::Array(_) => is_type("array"),
        Value::Object(_) => is_type("object"),
    };
    if !fits && !schema["type"].is_null() {
        problems.push(format!("{path} must be {}", kind(schema)));
        return;
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        problems.push(format!(
            "{path} is one of {}, not {value}",
            allowed.join(", ")
        ));
    }
    bounds(value, schema, path, problems);
    match value {
        Value::Object(fields) => {
            let known = schema["properties"].as_object();
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                if let Some(below) = known.and_then(|known| known.get(name)) {
                    check(value, below, &path, problems);
                } else if schema["additionalProperties"].is_object() {
                    check(value, &schema["additionalProperties"], &path, problems);
                } else if schema["x-kubernetes-preserve-unknown-fields"] != true {
                    problems.push(format!(
                        "{path} is no field of a Component; kubectl explain component.spec lists them"
                    ));
                }
            }
            let required = schema["required"].as_array().into_iter().flatten();
            for name in required.filter_map(Value::as_str) {
                let has_default = !schema["properties"][name]["default"].is_null();
                if !has_default && !fields.contains_key(name) {
                    problems.push(format!("{path}.{name} is missing"));
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                check(
                    item,
                    &schema["items"],
                    &format!("{path}[{index}]"),
                    problems,
                );
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// How large, how long, how many.
fn bounds(value: &Value, schema: &Value, path: &str, problems: &mut Vec<String>) {
    let (measure, names, what) = match value {
        Value::Number(number) => (number.as_f64(), ["minimum", "maximum"], ""),
        Value::String(text) => (
            Some(text.chars().count() as f64),
            ["minLength", "maxLength"],
            " characters",
        ),
        Value::Array(items) => (Some(items.len() as f64), ["minItems", "maxItems"], " items"),
        Value::Null | Value::Bool(_) | Value::Object(_) => return,
    };
    let Some(measure) = measure else { return };
    let [least, most] = names.map(|name| schema[name].as_f64());
    if let Some(least) = least.filter(|least| measure < *least) {
        problems.push(format!("{path} must be or have at least {least}{what}"));
    }
    if let Some(most) = most.filter(|most| measure > *most) {
        problems.push(format!("{path} must be or have at most {most}{what}"));
    }
}

/// The type that a schema wants, in words of YAML.
fn kind(schema: &Value) -> &'static str {
    match schema["type"].as_str() {
        Some("boolean") => "true or false",
        Some("integer") => "a whole number",
        Some("number") => "a number",
        Some("string") => "a text: put it in quotes",
        Some("array") => "a list",
        _ => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::component::ComponentSpec;

    #[test]
    fn what_the_schema_takes_has_no_problem() {
        let default = serde_json::to_value(ComponentSpec::default()).unwrap();
        for spec in [
            default,
            json!({}),
            json!({"values": {"anything": [{"goes": null}], "on": true}, "dependsOn": [{"name": "a"}]}),
        ] {
            assert_eq!(problems(&spec), Vec::<String>::new(), "{spec}");
        }
    }

    #[test]
    fn what_it_refuses_is_named_with_its_place() {
        for (spec, expected) in [
            (
                json!({"enable": true}),
                "spec.enable is no field of a Component; kubectl explain component.spec lists them",
            ),
            (
                json!({"chart": {"nmae": "a"}}),
                "spec.chart.nmae is no field of a Component; kubectl explain component.spec lists them",
            ),
            (
                json!({"dependsOn": [{"name": "a"}, {"name": "b", "range": "^1"}]}),
                "spec.dependsOn[1].range is no field of a Component; kubectl explain component.spec lists them",
            ),
            (
                json!({"dependsOn": [{}]}),
                "spec.dependsOn[0].name is missing",
            ),
            (
                json!({"crds": "Replace"}),
                "spec.crds is one of Skip, Create, CreateReplace, not \"Replace\"",
            ),
            (
                json!({"historyLimit": 0}),
                "spec.historyLimit must be or have at least 1",
            ),
            (
                json!({"historyLimit": 1.5}),
                "spec.historyLimit must be a whole number",
            ),
            (
                json!({"timeout": 5}),
                "spec.timeout must be a text: put it in quotes",
            ),
            (json!({"values": []}), "spec.values must be a mapping"),
        ] {
            assert_eq!(problems(&spec), [expected], "{spec}");
        }
    }
}
