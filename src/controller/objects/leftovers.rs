//! Objects that remain after a release is uninstalled: Helm's own result is not proof (docs/components.md 12.2).

use futures_util::{StreamExt, stream};
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

use super::{Objects, ObjectsError};
use crate::component::names::annotation::KEPT_FOR;
use crate::release::manifest::ObjectKey;

/// How many objects are read at the same time.
const AT_ONCE: usize = 4;

/// An object that should be gone and is not, or could not be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Leftover {
    /// Which object.
    pub key: ObjectKey,
    /// Its finalizers.
    pub finalizers: Vec<String>,
    /// Its deletion timestamp.
    pub deleting_since: Option<Timestamp>,
    /// Namespace and name of the release in Helm's annotations on it: not always the uninstalled one.
    pub release: Option<(String, String)>,
    /// Why it could not be read; then it may or may not exist.
    pub unknown: Option<String>,
}

/// The objects of the inventory that still exist, in its order. Those with the keep policy (`true`) are left out, and
/// so are those of kinds that the cluster no longer serves.
pub async fn leftovers(
    objects: &Objects,
    inventory: &[(ObjectKey, bool)],
    namespace: &str,
) -> Vec<Leftover> {
    let expected_gone = inventory.iter().filter(|(_, keep)| !keep);
    let looks: Vec<_> = expected_gone
        .map(|(key, _)| async move { leftover(key, objects.get(key, namespace).await) })
        .collect();
    let found: Vec<Option<Leftover>> = stream::iter(looks).buffered(AT_ONCE).collect().await;
    found.into_iter().flatten().collect()
}

fn leftover(key: &ObjectKey, found: Result<Option<Value>, ObjectsError>) -> Option<Leftover> {
    match found {
        Ok(Some(live)) if was_kept(&live) => None,
        Ok(Some(live)) => Some(of_live(key, &live)),
        Ok(None) => None,
        Err(error) if error.is_unknown_kind() => None,
        Err(error) => Some(Leftover {
            unknown: Some(error.to_string()),
            ..of_live(key, &Value::Null)
        }),
    }
}

/// True for a definition that was kept when its release dropped it (docs/components.md 10.2): it is no part of it.
fn was_kept(live: &Value) -> bool {
    !live["metadata"]["annotations"][KEPT_FOR].is_null()
}

fn of_live(key: &ObjectKey, live: &Value) -> Leftover {
    let metadata = &live["metadata"];
    let annotation = |name: &str| metadata["annotations"][name].as_str().map(str::to_owned);
    let finalizers = metadata["finalizers"].as_array().into_iter().flatten();
    Leftover {
        key: key.clone(),
        finalizers: finalizers
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect(),
        deleting_since: metadata["deletionTimestamp"]
            .as_str()
            .and_then(|time| time.parse().ok()),
        release: annotation("meta.helm.sh/release-namespace")
            .zip(annotation("meta.helm.sh/release-name")),
        unknown: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::release::manifest::served::ApiKind;

    fn key() -> ObjectKey {
        ObjectKey {
            group: String::new(),
            version: "v1".to_owned(),
            kind: "ConfigMap".to_owned(),
            namespace: Some("edge".to_owned()),
            name: "settings".to_owned(),
        }
    }

    #[test]
    fn what_is_not_there_is_no_leftover() {
        assert_eq!(leftover(&key(), Ok(None)), None);
        let unknown = ObjectsError::unknown(&ApiKind::new("example.com/v1", "Widget"));
        assert_eq!(leftover(&key(), Err(unknown)), None);
    }

    #[test]
    fn what_is_there_is_told_with_who_holds_it_and_since_when() {
        let live = json!({"metadata": {
            "finalizers": ["example.com/hold"],
            "deletionTimestamp": "2026-01-02T03:04:05Z",
            "annotations": {
                "meta.helm.sh/release-name": "web",
                "meta.helm.sh/release-namespace": "edge",
            },
        }});
        let found = leftover(&key(), Ok(Some(live))).expect("it is there");
        assert_eq!(found.finalizers, ["example.com/hold"]);
        let since = found.deleting_since.expect("it is being deleted");
        assert_eq!(since.to_string(), "2026-01-02T03:04:05Z");
        assert_eq!(found.release, Some(("edge".into(), "web".into())));
        assert_eq!(found.unknown, None);
    }

    #[test]
    fn what_cannot_be_looked_at_is_not_taken_for_gone() {
        let slow = ObjectsError::TooSlow {
            doing: "reading",
            what: key().to_string(),
            seconds: 30,
        };
        let found = leftover(&key(), Err(slow)).expect("it may be there");
        assert_eq!(
            found.unknown.as_deref(),
            Some("reading ConfigMap edge/settings: the API server did not answer within 30 s")
        );
    }
}
