//! The object as an apply should make it: the manifest's fields, what Helm adds, and what is left to others.

use serde_json::{Map, Value};

use super::pointer;
use crate::release::manifest::Object;

/// The manifest's object with the label and annotations by which Helm recognises its own, as Helm applies it.
pub fn wanted(object: &Object, release: &str, namespace: &str) -> Value {
    let mut wanted = object.value.clone();
    let texts = [
        ("labels", "app.kubernetes.io/managed-by", "Helm"),
        ("annotations", "meta.helm.sh/release-name", release),
        ("annotations", "meta.helm.sh/release-namespace", namespace),
    ];
    if let Some(fields) = wanted.as_object_mut() {
        let metadata = object_in(fields, "metadata");
        for (place, name, text) in texts {
            object_in(metadata, place).insert(name.to_owned(), text.into());
        }
    }
    wanted
}

/// The object in this field, created if absent.
fn object_in<'a>(fields: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = fields.entry(name).or_insert(Value::Null);
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("it was made an object")
}

/// Sets the fields at these pointers to their values in the cluster, or removes them where the cluster has none, so
/// that an apply leaves them unchanged. Fields that the manifest does not set stay unset: to drop what Helm once
/// applied would remove it from the cluster.
pub fn keep_live(wanted: &mut Value, live: &Value, pointers: &[String]) {
    for pointer in pointers {
        let names = pointer::names(pointer);
        if let [data, key] = names.as_slice()
            && data == "data"
            && let Some(texts) = wanted.get_mut("stringData").and_then(Value::as_object_mut)
            && texts.remove(key).is_some()
            && let Some(fields) = wanted.as_object_mut()
        {
            object_in(fields, "data").insert(key.clone(), Value::Null);
        }
        keep(wanted, live, &names);
    }
}

fn keep(wanted: &mut Value, live: &Value, names: &[String]) {
    let Some((name, rest)) = names.split_first() else {
        return;
    };
    match wanted {
        Value::Object(fields) => {
            let value = live.get(name).filter(|value| !value.is_null());
            match (fields.get_mut(name), value) {
                (None, _) => {}
                (Some(field), Some(value)) if rest.is_empty() => *field = value.clone(),
                (Some(_), None) => {
                    if rest.is_empty() {
                        fields.remove(name);
                    } else if let Some(field) = fields.get_mut(name) {
                        keep(field, &Value::Null, rest);
                    }
                }
                (Some(field), Some(value)) => keep(field, value, rest),
            }
        }
        Value::Array(items) => {
            // the index in the pointer is the cluster's; the manifest may have the items in another order
            let Ok(place) = name.parse::<usize>() else {
                return;
            };
            let value = live.get(place);
            let item = same_item(items, value.unwrap_or(&Value::Null), place);
            match (item.map(|item| &mut items[item]), value) {
                (Some(item), Some(value)) if rest.is_empty() => *item = value.clone(),
                (Some(item), value) => keep(item, value.unwrap_or(&Value::Null), rest),
                (None, _) => {}
            }
        }
        _ => {}
    }
}

/// Which of these items is the one that is at `place` in the cluster: the one of its name, if it has a name.
pub fn same_item(items: &[Value], live: &Value, place: usize) -> Option<usize> {
    match live.get("name") {
        Some(name) => items.iter().position(|item| item.get("name") == Some(name)),
        None => Some(place).filter(|place| *place < items.len()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_helm_adds_is_added() {
        let value = json!({"apiVersion": "v1", "kind": "Service", "metadata": {
            "name": "web", "labels": {"app": "web"}, "annotations": null,
        }});
        let object = Object {
            api_version: "v1".to_owned(),
            kind: "Service".to_owned(),
            namespace: None,
            name: "web".to_owned(),
            value,
        };
        let made = wanted(&object, "shop", "edge");
        assert_eq!(
            made["metadata"],
            json!({
                "name": "web",
                "labels": {"app": "web", "app.kubernetes.io/managed-by": "Helm"},
                "annotations": {
                    "meta.helm.sh/release-name": "shop",
                    "meta.helm.sh/release-namespace": "edge",
                },
            })
        );
    }

    #[test]
    fn ignored_fields_take_the_clusters_values() {
        let rows = [
            (
                "another value",
                json!({"spec": {"replicas": 1, "x": 1}}),
                json!({"spec": {"replicas": 5, "x": 2}}),
                "/spec/replicas",
                json!({"spec": {"replicas": 5, "x": 1}}),
            ),
            (
                "no value in the cluster",
                json!({"spec": {"replicas": 1}}),
                json!({}),
                "/spec/replicas",
                json!({"spec": {}}),
            ),
            (
                "no word in the manifest",
                json!({"spec": {}}),
                json!({"spec": {"replicas": 5}}),
                "/spec/replicas",
                json!({"spec": {}}),
            ),
            (
                "an item under another number",
                json!({"webhooks": [{"name": "a", "ca": ""}, {"name": "b", "ca": ""}]}),
                json!({"webhooks": [{"name": "b", "ca": "live"}, {"name": "a", "ca": "other"}]}),
                "/webhooks/0/ca",
                json!({"webhooks": [{"name": "a", "ca": ""}, {"name": "b", "ca": "live"}]}),
            ),
            (
                "an item without a name",
                json!({"args": ["a", "b"]}),
                json!({"args": ["x", "y"]}),
                "/args/1",
                json!({"args": ["a", "y"]}),
            ),
            (
                "a Secret's text",
                json!({"stringData": {"password": "first", "user": "me"}}),
                json!({"data": {"password": "cm90YXRlZA==", "user": "bWU="}}),
                "/data/password",
                json!({"stringData": {"user": "me"}, "data": {"password": "cm90YXRlZA=="}}),
            ),
        ];
        for (case, mut wanted, live, pointer, expected) in rows {
            keep_live(&mut wanted, &live, &[pointer.to_owned()]);
            assert_eq!(wanted, expected, "{case}");
        }
    }
}
