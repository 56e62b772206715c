//! What belongs to others in what Helm applies (docs/components.md 5.10).

use std::collections::BTreeSet;

use serde_json::Value;

use super::autoscalers::ScaleTargets;
use super::others;
use crate::controller::objects::Objects;
use crate::release::manifest::Object;

/// True if applying objects such as these by force would take fields from others: an autoscaler is at work in one of
/// their namespaces, or one of them has such a field now. What cannot be read has none.
pub async fn have_fields_of_others(
    objects: &Objects,
    installed: &[Object],
    default_namespace: &str,
) -> bool {
    let namespaces = installed
        .iter()
        .filter_map(|object| object.namespace.as_deref());
    let namespaces: BTreeSet<&str> = namespaces.chain([default_namespace]).collect();
    let targets = ScaleTargets::in_namespaces(objects, namespaces).await;
    if !targets.is_empty() {
        return true;
    }
    let candidates = installed
        .iter()
        .filter(|object| others::may_be_in(&object.value));
    for object in candidates {
        let found = objects.get(&object.identity(), default_namespace).await;
        if let Ok(Some(live)) = found
            && has_left(&mut object.value.clone(), &live, false)
        {
            return true;
        }
    }
    false
}

/// Sets what belongs to others in an object to what it is in the cluster; true if that changes anything.
pub async fn leave_to_others(objects: &Objects, wanted: &mut Value, live: &Value) -> bool {
    let namespace = live["metadata"]["namespace"].as_str().unwrap_or_default();
    let is_scaled = !wanted["spec"]["replicas"].is_null() && {
        let targets = ScaleTargets::in_namespaces(objects, BTreeSet::from([namespace])).await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let api_version = text(&live["apiVersion"]);
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let (kind, name) = (text(&live["kind"]), text(&live["metadata"]["name"]));
        targets.has(group, &kind, namespace, &name)
    };
    has_left(wanted, live, is_scaled)
}

fn has_left(wanted: &mut Value, live: &Value, is_scaled: bool) -> bool {
    let before = wanted.clone();
    others::leave(wanted, live, is_scaled);
    *wanted != before
}
