//! The objects that a release consists of. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::release::manifest::{ObjectKey, Unreadable, read};
use crate::release::record::Record;

/// What a release consists of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// Each object once, hooks after the others.
    pub items: Vec<InventoryItem>,
    /// What could not be read: as long as there is something, the items are not all.
    pub unreadable: Vec<Unreadable>,
}

/// One object of a release.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct InventoryItem {
    /// Which object.
    #[serde(flatten)]
    pub key: ObjectKey,
    /// Its chart asks for it to be left when the release is uninstalled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
    /// It is a hook, which Helm leaves when the release is uninstalled unless its delete policy says otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hook: bool,
}

/// What a release consists of, as far as it can be read: to be saved before it is uninstalled, as Helm may report success
/// or failure with some of it left (docs/components.md 5.8, fact 4, and 12.2).
///
/// Definitions from a chart's `crds/` are in no manifest and so not in here.
pub fn known_inventory(record: &Record) -> Inventory {
    let hooks = record
        .hooks
        .iter()
        .map(|hook| (hook.manifest.as_str(), true));
    let mut inventory = Inventory::default();
    let mut seen = BTreeSet::new();
    for (manifest, hook) in std::iter::once((record.manifest.as_str(), false)).chain(hooks) {
        let mut read = read(manifest);
        inventory.unreadable.append(&mut read.unreadable);
        for object in read.objects {
            let key = object.identity();
            if seen.insert(key.clone()) {
                inventory.items.push(InventoryItem {
                    key,
                    keep: object.keeps(),
                    hook,
                });
            }
        }
    }
    inventory
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn release(manifest: &str, hooks: &[&str]) -> Record {
        let json = json!({"name": "web", "version": 1, "manifest": manifest,
        "hooks": hooks.iter().map(|manifest| json!({"manifest": manifest})).collect::<Vec<_>>()});
        let payload = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, json.to_string());
        Record::decode(payload.as_bytes()).unwrap()
    }

    #[test]
    fn the_inventory_has_objects_and_hooks_once() {
        let record = release(
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: edge}}\n---\n\
         {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: web, annotations: {helm.sh/resource-policy: keep}}}\n---\n\
         {apiVersion: v1, kind: ServiceAccount, metadata: {name: web}}\n",
            &[
                "{apiVersion: batch/v1, kind: Job, metadata: {name: migrate}}",
                "{apiVersion: v1, kind: ServiceAccount, metadata: {name: web}}",
            ],
        );
        let inventory = known_inventory(&record).items;
        let expected = json!([
            {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "edge", "name": "web"},
            {"version": "v1", "kind": "PersistentVolumeClaim", "name": "web", "keep": true},
            {"version": "v1", "kind": "ServiceAccount", "name": "web"},
            {"group": "batch", "version": "v1", "kind": "Job", "name": "migrate", "hook": true},
        ]);
        assert_eq!(serde_json::to_value(&inventory).unwrap(), expected);
        let read: Vec<InventoryItem> = serde_json::from_value(expected).unwrap();
        assert_eq!(read, inventory);
        assert_eq!(inventory[0].key.to_string(), "Deployment edge/web");
    }

    #[test]
    fn what_cannot_be_read_is_told_beside_the_inventory() {
        let hook = "{apiVersion: v1, kind: ConfigMap}";
        assert_eq!(known_inventory(&release(hook, &[])).unreadable.len(), 1);
        assert_eq!(known_inventory(&release("", &[hook])).unreadable.len(), 1);
        assert_eq!(known_inventory(&release("", &[])), Inventory::default());
    }

    #[test]
    fn the_inventory_of_what_helm_4_and_3_wrote() {
        for (payload, namespace) in [
            (
                &include_bytes!("record/testdata/helm-4.1.4.release")[..],
                "h4",
            ),
            (
                &include_bytes!("record/testdata/helm-3.18.0.release")[..],
                "h3",
            ),
        ] {
            let record = Record::decode(payload).unwrap();
            let items = known_inventory(&record).items;
            let told: Vec<_> = items
                .iter()
                .map(|item| (item.key.to_string(), item.keep, item.hook))
                .collect();
            assert_eq!(
                told,
                [
                    ("ConfigMap web".to_owned(), false, false),
                    ("Secret web-key".to_owned(), true, false),
                    (format!("ClusterRole web-{namespace}"), false, false),
                    ("ConfigMap web-hook".to_owned(), false, true),
                ]
            );
        }
    }
}
