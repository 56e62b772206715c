//! Nulls that `kubectl apply` leaves out of an object, although they stand in what was applied. Pure.
//!
//! The ordinary apply sends the difference as a merge patch, in which null means "not there"; kubectl 1.37 drops nulls of
//! new objects, too. Its annotation has them still.

use serde_json::{Map, Value};

/// kubectl's annotation with what was applied.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The places in `spec.values` that are null in what was applied (`last_applied` is JSON) and missing in `values`, such as
/// `limits.cpu`.
pub fn dropped(last_applied: &str, values: &Map<String, Value>) -> Vec<String> {
    // most have none
    if !last_applied.contains(":null") {
        return Vec::new();
    }
    let applied: Value = serde_json::from_str(last_applied).unwrap_or_default();
    let mut places = Vec::new();
    if let Some(Value::Object(applied)) = applied.pointer("/spec/values") {
        compare(applied, values, "", &mut places);
    }
    places
}

fn compare(
    applied: &Map<String, Value>,
    values: &Map<String, Value>,
    path: &str,
    places: &mut Vec<String>,
) {
    for (key, value) in applied {
        match (value, values.get(key)) {
            (Value::Null, None) => places.push(format!("{path}{key}")),
            (Value::Object(applied), Some(Value::Object(values))) => {
                compare(applied, values, &format!("{path}{key}."), places);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_null_and_is_missing_was_dropped() {
        for (applied, stored, places) in [
            (
                json!({"limits": {"cpu": null, "memory": 1}, "a": null}),
                json!({"limits": {"memory": 1}}),
                vec!["a", "limits.cpu"],
            ),
            (
                json!({"a": null, "b": {"c": null}}),
                json!({"a": null, "b": {"c": null}}),
                vec![],
            ),
            (json!({"a": null}), json!({"a": 1}), vec![]),
            (json!({"a": {"b": null}}), json!({}), vec![]),
            (json!({"a": ":null"}), json!({}), vec![]),
            // Helm does not merge lists: a null in one means nothing
            (json!({"a": [{"b": null}]}), json!({"a": [{}]}), vec![]),
        ] {
            let applied = json!({"spec": {"values": applied}}).to_string();
            let stored = stored.as_object().expect("an object");
            assert_eq!(dropped(&applied, stored), places, "{applied}");
        }
        for odd in ["", "{:null", "[1:null]", r#"{"spec":null}"#] {
            assert!(dropped(odd, &Map::new()).is_empty(), "{odd}");
        }
    }
}
