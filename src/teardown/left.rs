//! A Component that is to be deleted, read leniently from whatever the object holds. Pure.

use kube::ResourceExt as _;
use kube::api::DynamicObject;
use serde_json::Value;

use crate::component::names::{DEFAULT_NAMESPACE, FINALIZER, annotation};
use crate::node_key::NodeKey;
use crate::planner::{Graph, Order, Strength};

/// A Component that still exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Its namespace and name.
    pub key: NodeKey,
    /// Its UID.
    pub uid: String,
    /// Its resourceVersion.
    pub version: String,
    /// It has a deletion timestamp.
    pub is_deleting: bool,
    /// It has the controller's finalizer.
    pub has_finalizer: bool,
    /// Its other finalizers.
    pub other_finalizers: Vec<String>,
    /// Namespace and name of its release.
    pub release: (String, String),
    /// The controller has not updated its status since the deletion.
    is_unheard: bool,
    /// Why its release is not uninstalled with it; `None` if it is.
    stays: Option<&'static str>,
    /// The phase and message of its status, such as `Uninstalling`.
    phase: String,
    message: String,
    dependencies: Vec<NodeKey>,
}

impl Left {
    /// Reads an object of the API server.
    pub fn of(object: &DynamicObject) -> Self {
        let key = NodeKey::new(
            object.metadata.namespace.as_deref().unwrap_or_default(),
            object.metadata.name.as_deref().unwrap_or_default(),
        );
        let (spec, status) = (&object.data["spec"], &object.data["status"]);
        let given = |value: &Value| {
            value
                .as_str()
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        // the installed release, which may still have to move to where the spec has it
        let release = (
            given(&status["releaseNamespace"])
                .or_else(|| given(&spec["chart"]["namespace"]))
                .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned()),
            given(&status["releaseName"])
                .or_else(|| given(&spec["chart"]["releaseName"]))
                .unwrap_or_else(|| key.name.clone()),
        );
        let marked = |name: &str| {
            object
                .annotations()
                .get(name)
                .is_some_and(|value| value == "true")
        };
        let stays = if spec["suspend"] == true {
            Some("its Component was suspended")
        } else if marked(annotation::SKIP_RECONCILE) {
            Some("its Component was to be left alone (skip-reconcile)")
        } else if marked(annotation::PRE_INSTALLED) {
            Some("it was installed by other means (pre-installed)")
        } else if spec["deletionPolicy"] == "Orphan" {
            Some("its Component has deletionPolicy Orphan")
        } else {
            None
        };
        let named = |found: &Value| {
            let name = given(&found["name"])?;
            let namespace = given(&found["namespace"]);
            Some(NodeKey::new(
                namespace.as_deref().unwrap_or(&key.namespace),
                &name,
            ))
        };
        let declared = [&spec["dependsOn"], &status["dependencies"]];
        let declared = declared.into_iter().filter_map(Value::as_array).flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        // the deletion raises the generation; an older status says nothing about it
        let is_behind = (object.metadata.generation)
            .is_some_and(|now| status["observedGeneration"].as_i64() < Some(now));
        Self {
            is_unheard: is_behind && status["phase"] != "Uninstalling",
            uid: object.metadata.uid.clone().unwrap_or_default(),
            version: object.resource_version().unwrap_or_default(),
            is_deleting: object.metadata.deletion_timestamp.is_some(),
            has_finalizer: object.finalizers().iter().any(|known| known == FINALIZER),
            other_finalizers: (object.finalizers().iter())
                .filter(|known| *known != FINALIZER)
                .cloned()
                .collect(),
            release,
            stays,
            phase: text(&status["phase"]),
            message: text(&status["message"]),
            dependencies: declared.filter_map(named).collect(),
            key,
        }
    }

    /// Why its release stays although the Component is deleted; `None` if it does not.
    pub fn stays(&self) -> Option<&'static str> {
        self.stays
    }

    /// The progress, or the obstacle.
    pub fn state(&self) -> (String, String) {
        if !self.is_deleting {
            return (
                "Waiting".to_owned(),
                "its deletion is being asked for".to_owned(),
            );
        }
        if !self.has_finalizer && !self.other_finalizers.is_empty() {
            let holders = self.other_finalizers.join(", ");
            let message =
                format!("the controller has let it go; it is held by finalizer {holders}");
            return ("Held".to_owned(), message);
        }
        if self.is_unheard {
            let message = "no controller has taken its deletion up yet".to_owned();
            return ("Waiting".to_owned(), message);
        }
        let phase = match self.phase.as_str() {
            "" => "Unknown",
            phase => phase,
        };
        let message = match self.message.as_str() {
            "" => "the controller has not said anything about it",
            message => message,
        };
        (phase.to_owned(), message.to_owned())
    }
}

/// All Components, dependents first, so that none is deleted while a Component that is not yet deleted needs it.
pub fn order<'a>(all: impl Iterator<Item = &'a Left> + Clone) -> Vec<NodeKey> {
    let mut graph = Graph::of(all.clone().map(|left| left.key.clone()));
    for left in all {
        let own = graph
            .place(&left.key)
            .expect("all of them are in the graph");
        for dependency in &left.dependencies {
            if let Some(place) = graph.place(dependency).filter(|place| *place != own) {
                graph.require(own, place, Strength::Optional);
            }
        }
    }
    let sequence = Order::of(&graph);
    let keys = sequence.delete().map(|place| graph.key(place).clone());
    keys.collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A Component in the namespace `edge` with this spec and status.
    pub fn left(name: &str, spec: Value, status: Value) -> Left {
        let object = json!({
            "apiVersion": "ext.theriseunion.io/v1alpha1", "kind": "Component",
            "metadata": {
                "name": name, "namespace": "edge", "uid": name, "finalizers": [FINALIZER],
                "deletionTimestamp": "2024-01-01T00:00:00Z",
            },
            "spec": spec, "status": status,
        });
        Left::of(&serde_json::from_value(object).expect("an object"))
    }

    fn with_metadata(metadata: Value) -> Left {
        let mut object = json!({
            "apiVersion": "ext.theriseunion.io/v1alpha1", "kind": "Component",
            "metadata": {"name": "a", "namespace": "edge", "uid": "u"},
        });
        let fields = object["metadata"].as_object_mut().expect("an object");
        fields.extend(metadata.as_object().expect("an object").clone());
        Left::of(&serde_json::from_value(object).expect("an object"))
    }

    #[test]
    fn a_release_is_named_as_the_controller_names_it() {
        let release = |spec| left("a", spec, json!({})).release;
        let pair = |namespace: &str, name: &str| (namespace.to_owned(), name.to_owned());
        assert_eq!(release(json!({})), pair("edge-system", "a"));
        let empty = json!({"chart": {"namespace": "", "releaseName": ""}});
        assert_eq!(release(empty), pair("edge-system", "a"));
        let chart = json!({"chart": {"namespace": "apps", "releaseName": "b"}});
        assert_eq!(release(chart), pair("apps", "b"));
        // whatever an older definition let through
        assert_eq!(release(json!("odd")), pair("edge-system", "a"));
    }

    #[test]
    fn releases_of_what_is_left_alone_stay() {
        assert_eq!(
            left("a", json!({"suspend": false}), json!({})).stays(),
            None
        );
        let suspended = left("a", json!({"suspend": true}), json!({}));
        assert_eq!(suspended.stays(), Some("its Component was suspended"));
        let orphan = left("a", json!({"deletionPolicy": "Orphan"}), json!({}));
        assert_eq!(
            orphan.stays(),
            Some("its Component has deletionPolicy Orphan")
        );
        for (name, value, stays) in [
            (annotation::SKIP_RECONCILE, "true", true),
            (annotation::SKIP_RECONCILE, "yes", false),
            (annotation::PRE_INSTALLED, "true", true),
        ] {
            let marked = with_metadata(json!({"annotations": {name: value}}));
            assert_eq!(marked.stays().is_some(), stays, "{name}={value}");
        }
    }

    #[test]
    fn the_state_says_what_is_in_the_way() {
        let state = |left: &Left| {
            let (phase, message) = left.state();
            format!("{phase}: {message}")
        };
        let status = json!({"phase": "Uninstalling", "message": "waits for the deletion of what needs it: b"});
        assert_eq!(
            state(&left("a", json!({}), status)),
            "Uninstalling: waits for the deletion of what needs it: b"
        );
        assert_eq!(
            state(&left("a", json!({}), json!({}))),
            "Unknown: the controller has not said anything about it"
        );
        let deleted = "2024-01-01T00:00:00Z";
        let held = with_metadata(json!({"deletionTimestamp": deleted, "finalizers": ["x/y"]}));
        assert_eq!(
            state(&held),
            "Held: the controller has let it go; it is held by finalizer x/y"
        );
        assert!(!with_metadata(json!({})).is_deleting);
        // a status from before the deletion is no progress
        let metadata = json!({
            "name": "a", "generation": 3, "deletionTimestamp": deleted, "finalizers": [FINALIZER],
        });
        let said = |phase: &str, generation: i64| {
            let status = json!({"phase": phase, "message": "m", "observedGeneration": generation});
            let object = json!({
                "apiVersion": "ext.theriseunion.io/v1alpha1", "kind": "Component",
                "metadata": metadata, "status": status,
            });
            state(&Left::of(
                &serde_json::from_value(object).expect("an object"),
            ))
        };
        assert_eq!(
            said("Deployed", 2),
            "Waiting: no controller has taken its deletion up yet"
        );
        assert_eq!(said("Uninstalling", 2), "Uninstalling: m");
        assert_eq!(said("Failed", 3), "Failed: m");
    }

    #[test]
    fn dependents_are_asked_first() {
        let needs = |names: &[&str]| {
            let list: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"dependsOn": list})
        };
        let found = json!({"dependencies": [{"name": "d", "namespace": "edge"}]});
        let all = [
            left("a", json!({}), json!({})),
            left("b", needs(&["a", "gone"]), json!({})),
            left("c", needs(&["b"]), found),
            left("d", json!({}), json!({})),
        ];
        let order: Vec<String> = order(all.iter())
            .iter()
            .map(|key| key.name.clone())
            .collect();
        let place = |name: &str| {
            order
                .iter()
                .position(|one| one == name)
                .expect("it is there")
        };
        assert_eq!(order.len(), 4);
        assert!(place("c") < place("b") && place("b") < place("a") && place("c") < place("d"));
    }

    #[test]
    fn a_cycle_is_asked_too() {
        let needs = |name: &str| json!({"dependsOn": [{"name": name}]});
        let all = [
            left("a", needs("b"), json!({})),
            left("b", needs("a"), json!({})),
        ];
        assert_eq!(order(all.iter()).len(), 2);
    }
}
