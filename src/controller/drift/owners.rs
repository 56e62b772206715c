//! The field managers of a field, by the object's `managedFields`.

use serde_json::{Map, Value};

use super::pointer;
use crate::controller::objects::HELM_FIELD_MANAGER;

/// Somebody who owns a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner<'a> {
    /// The field manager.
    pub manager: &'a str,
    /// True if it wrote the field through the subresource `scale`.
    pub is_scale: bool,
}

/// Those who own the field or something below it, Helm left out, in the object's order. A field that is gone has no
/// owner.
pub fn owners<'a>(live: &'a Value, path: &str) -> Vec<Owner<'a>> {
    let names = pointer::names(path);
    let entries = live["metadata"]["managedFields"].as_array();
    let entries = entries.into_iter().flatten();
    let others = entries.filter(|entry| entry["manager"] != HELM_FIELD_MANAGER);
    let owning = others.filter(|entry| owns(&entry["fieldsV1"], live, &names));
    let owners = owning.filter_map(|entry| {
        Some(Owner {
            manager: entry["manager"].as_str()?,
            is_scale: entry["subresource"] == "scale",
        })
    });
    owners.collect()
}

/// The field managers among them, each once.
pub fn managers(live: &Value, path: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for owner in owners(live, path) {
        if !found.iter().any(|known| known == owner.manager) {
            found.push(owner.manager.to_owned());
        }
    }
    found
}

/// True if this set of fields contains the path `names`, or ends on it (what is atomic is owned as a whole).
fn owns(fields: &Value, live: &Value, names: &[String]) -> bool {
    let Some(fields) = fields.as_object() else {
        return false;
    };
    let Some((name, rest)) = names.split_first() else {
        return true;
    };
    let is_leaf = !fields.keys().any(|key| key != ".");
    match live {
        Value::Object(object) => {
            let Some(below) = fields.get(&format!("f:{name}")) else {
                return false;
            };
            let live = object.get(name).unwrap_or(&Value::Null);
            below.as_object().is_some_and(Map::is_empty) || owns(below, live, rest)
        }
        Value::Array(items) => {
            let item = name.parse().ok().and_then(|place: usize| items.get(place));
            let Some(item) = item else {
                return false;
            };
            is_leaf
                || fields
                    .iter()
                    .any(|(key, below)| is_item(key, item, name) && owns(below, item, rest))
        }
        _ => false,
    }
}

/// True if this key of a set of fields names that item of a list: `k:{"name":"web"}`, `v:"text"` or `i:0`.
fn is_item(key: &str, item: &Value, place: &str) -> bool {
    let Some((form, text)) = key.split_once(':') else {
        return false;
    };
    match (form, serde_json::from_str::<Value>(text)) {
        ("k", Ok(Value::Object(keys))) => keys
            .iter()
            .all(|(name, value)| item.get(name) == Some(value)),
        ("v", Ok(value)) => value == *item,
        ("i", _) => text == place,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_owns_a_field_is_named() {
        let live = json!({
            "metadata": {"managedFields": [
                {"manager": "helm", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {
                    "f:replicas": {},
                    "f:template": {"f:containers": {
                        "k:{\"name\":\"web\"}": {".": {}, "f:image": {}},
                    }},
                }}},
                {"manager": "kubectl-edit", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                {"manager": "autoscaler", "operation": "Update", "fieldsV1": {
                    "f:spec": {"f:args": {}, "f:finalizers": {"v:\"a\"": {}}},
                }},
            ]},
            "spec": {
                "replicas": 3,
                "args": ["x", "y"],
                "finalizers": ["b", "a"],
                "template": {"containers": [
                    {"name": "side", "image": "s"},
                    {"name": "web", "image": "w"},
                ]},
            },
        });
        let rows: [(&str, &[&str]); 9] = [
            ("/spec/replicas", &["kubectl-edit"]),
            ("/spec/template/containers/1/image", &["kubectl-edit"]),
            ("/spec/template/containers/0/image", &[]),
            ("/spec/template/containers", &["kubectl-edit"]),
            ("/spec/args/1", &["autoscaler"]),
            ("/spec/finalizers/1", &["autoscaler"]),
            ("/spec/finalizers/0", &[]),
            ("/spec/gone", &[]),
            ("/data/x", &[]),
        ];
        for (path, expected) in rows {
            assert_eq!(managers(&live, path), expected, "{path}");
        }
        assert_eq!(managers(&json!({}), "/spec"), Vec::<String>::new());
    }
}
