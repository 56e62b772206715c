//! What a real API server says of objects, which it checks and does not keep.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::control_plane::ControlPlane;

/// Kubernetes 1.20 cannot apply these and breaks off the connection; it is asked to create them.
const NOT_APPLIED: &[&str] = &["APIService"];

/// What the API server has against these objects; `namespace` is that of the objects that have none.
pub fn refusals(plane: &ControlPlane, namespace: &str, objects: &[Value]) -> Vec<String> {
    let mut groups: BTreeMap<(&str, bool), Vec<&Value>> = BTreeMap::new();
    for object in objects {
        let place = object["metadata"]["namespace"].as_str();
        let kind = object["kind"].as_str().expect("a kind");
        let group = (place.unwrap_or(namespace), NOT_APPLIED.contains(&kind));
        groups.entry(group).or_default().push(object);
    }
    let mut refusals = Vec::new();
    for ((place, is_created), items) in groups {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        let verb: &[&str] = match is_created {
            true => &["create"],
            false => &["apply", "--server-side"],
        };
        let arguments = [verb, &["--dry-run=server", "--filename=-"]].concat();
        let answer = plane.kubectl(place).run(&arguments, &list.to_string());
        if !answer.status.success() || answer.stdout().lines().count() != items.len() {
            refusals.push(answer.to_string());
        }
    }
    refusals
}
