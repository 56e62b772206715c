//! What a failed upgrade created goes, as with Helm's `--cleanup-on-fail`, which knows no difference: it would take
//! definitions and all objects of their kinds along, and what is to be kept.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use tracing::warn;

use crate::causes::chain;
use crate::component::status::OperationKind;
use crate::controller::objects::Objects;
use crate::controller::reconcile::context::{Context, ReconcileError};
use crate::controller::reconcile::decide::release::last_known_good;
use crate::controller::reconcile::observe::Observed;
use crate::release::inventory::{Inventory, known_inventory};
use crate::release::manifest::ObjectKey;
use crate::release::record::Revision;

/// What makes an object the same one in whatever version, and whatever group, it is named.
type Identity = (String, String, String);

/// As [`clean_up`]; what stays is an object of the failed revision still, and goes with the next.
pub async fn clean_up_or_tell(
    context: &Context,
    seen: &Observed,
    kind: OperationKind,
    revisions: &[Revision],
) {
    if let Err(error) = clean_up(context, seen, kind, revisions).await {
        let component = &seen.observation.key;
        warn!(%component, error = chain(&error), "What the upgrade created stays");
    }
}

/// Deletes the objects of the newest revision that the last good one does not have and that its operation created. None are deleted
/// if one of the two cannot be read whole: what is missing there may be anything.
async fn clean_up(
    context: &Context,
    seen: &Observed,
    kind: OperationKind,
    revisions: &[Revision],
) -> Result<(), ReconcileError> {
    let o = &seen.observation;
    if kind != OperationKind::Upgrade || !o.component.spec.upgrade.cleanup_on_fail {
        return Ok(());
    }
    let target = o.target();
    let Some((newest, older)) = revisions.split_first() else {
        return Ok(());
    };
    // a failed revision in between has the same objects
    let good = last_known_good(revisions, &o.status);
    let before = good.or(older.first().map(|older| older.number));
    let Some((began, good)) = newest.created.as_ref().zip(before) else {
        return Ok(());
    };
    let whole = async |number: i64| {
        let record = context.cluster.record(&target, number).await?;
        let known = record
            .and_then(Result::ok)
            .map(|record| known_inventory(&record));
        Ok::<_, ReconcileError>(known.filter(|known| known.unreadable.is_empty()))
    };
    let (Some(old), Some(new)) = (whole(good).await?, whole(newest.number).await?) else {
        return Ok(());
    };
    if !context.work.is_leading() {
        return Err(ReconcileError::NotLeading);
    }
    let objects = context.objects_of(&o.component);
    for key in only_in(&new, &old, &target.0) {
        if was_created_since(&objects, &key, &target.0, began.0).await {
            // one that stays is an object of the failed revision still, and goes with the next
            let _ = objects.delete(&key, &target.0).await;
        }
    }
    Ok(())
}

/// The objects of `new` that `old` does not have, without hooks, CRDs and what is to be kept.
fn only_in(new: &Inventory, old: &Inventory, namespace: &str) -> Vec<ObjectKey> {
    let identity = |key: &ObjectKey| -> Identity {
        let own = key.namespace.as_deref().unwrap_or(namespace);
        (key.kind.clone(), own.to_owned(), key.name.clone())
    };
    let known: BTreeSet<Identity> = old.items.iter().map(|item| identity(&item.key)).collect();
    let own = new.items.iter().filter(|item| !item.hook && !item.keep);
    own.map(|item| &item.key)
        .filter(|key| key.kind != "CustomResourceDefinition" && !known.contains(&identity(key)))
        .cloned()
        .collect()
}

/// True if the object is there, and was not before the operation stored its revision; both times are the API server's.
async fn was_created_since(
    objects: &Objects,
    key: &ObjectKey,
    namespace: &str,
    began: Timestamp,
) -> bool {
    let Ok(Some(live)) = objects.get(key, namespace).await else {
        return false;
    };
    let created = live["metadata"]["creationTimestamp"].as_str();
    let created = created.and_then(|text| text.parse::<Timestamp>().ok());
    created.is_some_and(|created| created >= began)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::inventory::InventoryItem;

    fn inventory(kinds: &[(&str, &str, bool)]) -> Inventory {
        let item = |(kind, version, keep): &(&str, &str, bool)| InventoryItem {
            key: ObjectKey {
                group: String::new(),
                version: (*version).to_owned(),
                kind: (*kind).to_owned(),
                namespace: None,
                name: "web".to_owned(),
            },
            keep: *keep,
            hook: false,
        };
        Inventory {
            items: kinds.iter().map(item).collect(),
            unreadable: Vec::new(),
        }
    }

    #[test]
    fn what_was_there_before_in_another_version_what_is_kept_and_definitions_stay() {
        let old = inventory(&[("Deployment", "v1beta1", false)]);
        let new = inventory(&[
            ("Deployment", "v1", false),
            ("ConfigMap", "v1", false),
            ("Secret", "v1", true),
            ("CustomResourceDefinition", "v1", false),
        ]);
        let gone = only_in(&new, &old, "edge");
        let kinds: Vec<&str> = gone.iter().map(|key| key.kind.as_str()).collect();
        assert_eq!(kinds, ["ConfigMap"]);
    }
}
