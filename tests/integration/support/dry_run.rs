//! What a real API server says of objects, which it checks and does not keep.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::control_plane::ControlPlane;

/// What the API server has against these objects; `namespace` is that of the objects that have none.
pub fn refusals(plane: &ControlPlane, namespace: &str, objects: &[Value]) -> Vec<String> {
    let mut groups: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for object in objects {
        let place = object["metadata"]["namespace"].as_str();
        groups
            .entry(place.unwrap_or(namespace))
            .or_default()
            .push(object);
    }
    let mut refusals = Vec::new();
    for (place, items) in groups {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        let apply = ["apply", "--server-side", "--dry-run=server", "--filename=-"];
        let answer = plane.kubectl(place).run(&apply, &list.to_string());
        if !answer.status.success() || answer.stdout().lines().count() != items.len() {
            refusals.push(answer.to_string());
        }
    }
    refusals
}
