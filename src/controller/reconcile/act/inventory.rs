//! What a release consists of, written down beside the Component: whoever ends its namespace takes Helm's record along,
//! and not what lies elsewhere (docs/components.md 12.2).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Api;
use kube::api::{DeleteParams, PostParams};

use crate::api_error::{is_conflict, is_forbidden, is_not_found};
use crate::controller::reconcile::context::{Context, ReconcileError};
use crate::controller::reconcile::memory::Kept;
use crate::controller::reconcile::observation::{Observation, Release};
use crate::controller::reconcile::observe::{INVENTORY_KEY, Observed, inventory};
use crate::release::inventory::known_inventory;
use crate::release::manifest::ObjectKey;
use crate::release::record::Record;

/// Writes down what this revision consists of.
pub async fn note(
    context: &Context,
    seen: &mut Observed,
    revision: i64,
) -> Result<(), ReconcileError> {
    let o = &seen.observation;
    let known = (context.memory).of(&o.key, |memory| memory.release.inventory_of);
    if known == Some(revision) && o.status.inventory_ref.is_some() {
        // the operation that made it has written it down
        return Ok(());
    }
    match context.cluster.record(&o.target(), revision).await? {
        Some(Ok(record)) => note_record(context, seen, &record).await,
        // what is known already is better than nothing
        _ => Ok(()),
    }
}

/// As [`note`], of a record that was read.
pub async fn note_record(
    context: &Context,
    seen: &mut Observed,
    record: &Record,
) -> Result<(), ReconcileError> {
    write(context, seen, &consists_of(record), Some(record.revision)).await
}

/// Adds what the two newest revisions consist of, before Helm forgets them (docs/components.md 5.8, fact 4).
pub async fn save(
    context: &Context,
    seen: &mut Observed,
    release: &Release,
) -> Result<(), ReconcileError> {
    let mut items = inventory(context, &seen.observation).await?;
    for revision in release.revisions.iter().take(2) {
        let record = context
            .cluster
            .record(&release.key, revision.number)
            .await?;
        if let Some(Ok(record)) = record {
            items.extend(consists_of(&record));
        }
    }
    // an object is one in whatever version it is named, and what was said of it last holds
    let items: BTreeMap<(String, String, Option<String>, String), Kept> = (items.into_iter())
        .map(|(key, keep)| {
            let of = key.clone();
            ((of.group, of.kind, of.namespace, of.name), (key, keep))
        })
        .collect();
    let items: Vec<Kept> = items.into_values().collect();
    write(context, seen, &items, None).await
}

/// Writes the inventory, if it is another.
async fn write(
    context: &Context,
    seen: &mut Observed,
    items: &[Kept],
    of: Option<i64>,
) -> Result<(), ReconcileError> {
    let o = &mut seen.observation;
    let is_written = o.status.inventory_ref.is_some();
    let is_known = (context.memory).of(&o.key, |memory| {
        let is_known = is_written && memory.release.inventory.as_deref() == Some(items);
        memory.release.inventory_of = of.filter(|_| is_known);
        is_known
    });
    if is_known {
        return Ok(());
    }
    let config_map = config_map(o, items);
    let name = config_map.metadata.name.clone().unwrap_or_default();
    let api = config_maps(context, o);
    let written = match api.create(&PostParams::default(), &config_map).await {
        Err(cause) if is_conflict(&cause) => {
            api.replace(&name, &PostParams::default(), &config_map)
                .await
        }
        written => written,
    };
    match written {
        Ok(_) => o.status.inventory_ref = Some(name),
        // nothing can be made in a namespace that ends: it is remembered as long as this process lives
        Err(cause) if is_forbidden(&cause) || is_not_found(&cause) => {}
        Err(cause) => return Err(cause.into()),
    }
    context.memory.of(&o.key, |memory| {
        memory.release.inventory = Some(items.to_vec());
        memory.release.inventory_of = of;
    });
    Ok(())
}

fn config_map(o: &Observation, items: &[Kept]) -> ConfigMap {
    let uid = o.component.metadata.uid.clone();
    let name = name(&o.key.name, uid.as_deref().unwrap_or_default());
    let mut config_map = ConfigMap::default();
    config_map.metadata.name = Some(name);
    config_map.metadata.namespace = Some(o.key.namespace.clone());
    config_map.metadata.owner_references = uid.map(|uid| {
        vec![OwnerReference {
            api_version: "ext.theriseunion.io/v1alpha1".to_owned(),
            kind: "Component".to_owned(),
            name: o.key.name.clone(),
            uid,
            ..OwnerReference::default()
        }]
    });
    let text = serde_json::to_string(items).unwrap_or_default();
    config_map.data = Some(BTreeMap::from([(INVENTORY_KEY.to_owned(), text)]));
    config_map
}

fn config_maps(context: &Context, o: &Observation) -> Api<ConfigMap> {
    Api::namespaced(context.cluster.client.clone(), &o.key.namespace)
}

/// Nothing of the release is left, or nothing of it is this Component's.
pub async fn drop(context: &Context, seen: &mut Observed) -> Result<(), ReconcileError> {
    let o = &mut seen.observation;
    context.memory.of(&o.key, |memory| {
        memory.release.inventory = None;
        memory.release.inventory_of = None;
        memory.waiting.patience = 0;
    });
    let Some(name) = o.status.inventory_ref.clone() else {
        return Ok(());
    };
    let api = config_maps(context, o);
    match api.delete(&name, &DeleteParams::default()).await {
        Ok(_) => {}
        Err(cause) if is_not_found(&cause) => {}
        Err(cause) => return Err(cause.into()),
    }
    o.status.inventory_ref = None;
    Ok(())
}

/// The objects of a revision, without hooks, which go by their own rules.
fn consists_of(record: &Record) -> Vec<Kept> {
    // what cannot be read is left to Helm, and told with the health of the release
    let objects = known_inventory(record).items;
    let own = objects.into_iter().filter(|item| !item.hook);
    let items: BTreeMap<ObjectKey, bool> = own.map(|item| (item.key, item.keep)).collect();
    items.into_iter().collect()
}

/// A name that nobody else takes, of the name and uid of a Component as far as they fit: charts and users have ConfigMaps
/// in its namespace too.
fn name(name: &str, uid: &str) -> String {
    const LONGEST: usize = 200;
    let name = name.get(..LONGEST).unwrap_or(name);
    let uid = uid.get(..8).unwrap_or(uid);
    format!("{}.{uid}.inventory", name.trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inventory_has_a_name_of_its_own() {
        let uid = "1b2f0c5e-0d6c-4a4e-9d0e-0f6f6f2c7a11";
        assert_eq!(name("web", uid), "web.1b2f0c5e.inventory");
        // Kubernetes takes 253 characters, and a letter or digit before each dot
        let long = format!("{}.-{}", "a".repeat(199), "b".repeat(52));
        let shortened = name(&long, uid);
        assert_eq!(shortened, format!("{}.1b2f0c5e.inventory", "a".repeat(199)));
    }
}
