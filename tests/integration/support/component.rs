//! Components as a user sees them: applied, waited for, read, deleted.

mod manifest;
mod state;

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use chartroom::yaml::escaped;
use serde_json::{Value, json};

pub use self::manifest::ComponentBuilder;
pub use self::state::{Condition, condition, is, is_ready, is_settled, is_true, phase};
use super::api::Api;
use super::control_plane::ControlPlane;
use super::kubectl::Kubectl;

/// How long a Component may take to become so.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long to wait before looking again.
const POLL: Duration = Duration::from_millis(50);

/// The Components of one namespace.
pub struct Components {
    api: Api,
    kubectl: Kubectl,
}

/// One event about a Component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub reason: String,
    pub action: String,
    pub note: String,
}

impl Components {
    /// In a namespace of the test's own, on a control plane that knows the definition.
    #[track_caller]
    pub fn of(plane: &ControlPlane) -> Components {
        plane.define_components();
        Components {
            api: plane.api().clone(),
            kubectl: plane.namespace(),
        }
    }

    pub fn namespace(&self) -> &str {
        self.kubectl.namespace()
    }

    /// kubectl in this namespace.
    pub fn kubectl(&self) -> &Kubectl {
        &self.kubectl
    }

    /// A quick client.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// `kubectl apply` of one Component.
    #[track_caller]
    pub fn apply(&self, component: &ComponentBuilder) {
        self.apply_all(std::slice::from_ref(component));
    }

    /// `kubectl apply` of several Components at once. It is server-side: the ordinary one would drop nulls.
    #[track_caller]
    pub fn apply_all(&self, components: &[ComponentBuilder]) {
        let manifests = components.iter();
        let manifests: Vec<Value> = manifests
            .map(|one| one.manifest(self.namespace()))
            .collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": manifests});
        let apply = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--filename=-",
        ];
        // kubectl reads it as YAML
        let list = escaped(list.to_string().into_bytes());
        let list = String::from_utf8(list).expect("UTF-8");
        self.kubectl.run(&apply, &list).succeeded();
    }

    /// Changes fields of the spec; null removes.
    #[track_caller]
    pub fn change(&self, name: &str, spec: &Value) {
        self.api.merge(&self.path(name), &json!({"spec": spec}));
    }

    /// Sets an annotation by its name after `ext.theriseunion.io/`; null removes it.
    #[track_caller]
    pub fn annotate(&self, name: &str, annotation: &str, value: impl Into<Value>) {
        let key = format!("ext.theriseunion.io/{annotation}");
        let patch = json!({"metadata": {"annotations": {key: value.into()}}});
        self.api.merge(&self.path(name), &patch);
    }

    /// Asks for the deletion and returns at once.
    #[track_caller]
    pub fn delete(&self, name: &str) {
        self.api.delete(&self.path(name));
    }

    /// `kubectl delete components --all`, without waiting for the end of it.
    #[track_caller]
    pub fn delete_all(&self) {
        let delete = ["delete", "components", "--all", "--wait=false"];
        self.kubectl.ok(&delete);
    }

    /// The Component now; `None` when there is none.
    #[track_caller]
    pub fn find(&self, name: &str) -> Option<Value> {
        self.api.get(&self.path(name))
    }

    /// The Component now.
    #[track_caller]
    pub fn get(&self, name: &str) -> Value {
        self.find(name)
            .unwrap_or_else(|| panic!("there is no Component {name}"))
    }

    /// All of them now.
    #[track_caller]
    pub fn list(&self) -> Vec<Value> {
        self.api.list(&self.collection())
    }

    /// Waits, a minute at most, until `holds` is true of the Component.
    #[track_caller]
    pub fn wait_for(&self, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        self.wait_longer(name, what, DEADLINE, holds)
    }

    /// The same with another deadline.
    #[track_caller]
    pub fn wait_longer(
        &self,
        name: &str,
        what: &str,
        deadline: Duration,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        let end = Instant::now() + deadline;
        loop {
            let found = self.find(name);
            if let Some(component) = found.filter(&holds) {
                return component;
            }
            if Instant::now() > end {
                panic!(
                    "within {deadline:?} {name} did not come to be {what}:\n{}",
                    self.shown(name)
                );
            }
            thread::sleep(POLL);
        }
    }

    /// Waits until the Component is ready for what its spec says now.
    #[track_caller]
    pub fn ready(&self, name: &str) -> Value {
        self.wait_for(name, "ready", is_ready)
    }

    /// Waits until each of them is ready.
    #[track_caller]
    pub fn all_ready(&self, names: &[&str]) {
        for name in names {
            self.ready(name);
        }
    }

    /// Waits until the controller has come to an end, good or bad, with what the spec says now.
    #[track_caller]
    pub fn settled(&self, name: &str) -> Value {
        self.wait_for(name, "settled", is_settled)
    }

    /// Waits until a condition has this status and reason.
    #[track_caller]
    pub fn await_condition(&self, name: &str, kind: &str, status: &str, reason: &str) -> Condition {
        let what = format!("{kind}={status}/{reason}");
        let component = self.wait_for(name, &what, |one| is(one, kind, status, reason));
        condition(&component, kind).expect("it was just there")
    }

    /// Waits until the phase is this one.
    #[track_caller]
    pub fn await_phase(&self, name: &str, wanted: &str) -> Value {
        let what = format!("in the phase {wanted}");
        self.wait_for(name, &what, |component| phase(component) == wanted)
    }

    /// Waits until there is no such Component any more.
    #[track_caller]
    pub fn await_gone(&self, name: &str) {
        let gone = super::api::poll(DEADLINE, || self.find(name).is_none().then_some(()));
        assert!(
            gone.is_some(),
            "within {DEADLINE:?} {name} did not go:\n{}",
            self.shown(name)
        );
    }

    /// A condition now; `None` when there is none of this type.
    #[track_caller]
    pub fn condition(&self, name: &str, kind: &str) -> Option<Condition> {
        condition(&self.get(name), kind)
    }

    /// The phase now; empty before there is one.
    #[track_caller]
    pub fn phase(&self, name: &str) -> String {
        phase(&self.get(name))
    }

    /// The events about the Component, oldest first.
    #[track_caller]
    pub fn events(&self, name: &str) -> Vec<Event> {
        let path = format!(
            "/apis/events.k8s.io/v1/namespaces/{}/events",
            self.namespace()
        );
        let mut events = self.api.list(&path);
        events.retain(|event| {
            event["regarding"]["kind"] == "Component" && event["regarding"]["name"] == name
        });
        let time = |event: &Value| event["eventTime"].as_str().unwrap_or_default().to_owned();
        events.sort_by_key(time);
        let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let events = events.iter().map(|event| Event {
            reason: text(event, "reason"),
            action: text(event, "action"),
            note: text(event, "note"),
        });
        events.collect()
    }

    /// Waits for an event with this reason.
    #[track_caller]
    pub fn await_event(&self, name: &str, reason: &str) -> Event {
        let found = super::api::poll(DEADLINE, || {
            let events = self.events(name);
            events.into_iter().find(|event| event.reason == reason)
        });
        found.unwrap_or_else(|| panic!("no event {reason}:\n{}", self.shown(name)))
    }

    /// The resourceVersion of every Component: the same twice means that nothing was written in between.
    #[track_caller]
    pub fn resource_versions(&self) -> BTreeMap<String, String> {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let components = self.list().into_iter();
        let versions = components.map(|component| {
            let metadata = &component["metadata"];
            (text(&metadata["name"]), text(&metadata["resourceVersion"]))
        });
        versions.collect()
    }

    /// Everything there is to say about a Component, for a test that fails.
    fn shown(&self, name: &str) -> String {
        let mut component = self.find(name).unwrap_or_default();
        if let Some(metadata) = component["metadata"].as_object_mut() {
            metadata.remove("managedFields");
        }
        let events = self.events(name);
        format!("{component:#}\nevents: {events:#?}")
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", self.collection())
    }

    fn collection(&self) -> String {
        let namespace = self.namespace();
        format!("/apis/ext.theriseunion.io/v1alpha1/namespaces/{namespace}/components")
    }
}
