//! Components as the tests apply, change and read them, with the test in the controller's part.

use serde_json::{Value, json};

use crate::support::chart_builder::ChartBuilder;
use crate::support::component::{self, ComponentBuilder, Components};
use crate::support::control_plane::ControlPlane;

#[test]
fn what_is_applied_is_stored_and_can_be_changed() {
    let components = Components::of(ControlPlane::shared());
    let values = json!({"image": null, "big": 9_007_199_254_740_993_i64, "on": "yes"});
    let grafana = ComponentBuilder::new("grafana")
        .chart("grafana-oss")
        .version("^1")
        .values(values.clone())
        .depends_on(&["prometheus"])
        .dependency(json!({"name": "loki", "version": ">=2", "optional": true}))
        .spec(json!({"upgrade": {"retries": 1}, "interval": "1m"}))
        .annotation("forceAt", "now");
    let far = ComponentBuilder::new("far").into_namespace("elsewhere");
    assert_eq!((grafana.name(), far.name()), ("grafana", "far"));
    components.apply_all(&[grafana, far]);
    let shown = components
        .kubectl()
        .ok(&["get", "components", "--output=name"]);
    assert_eq!(shown.lines().count(), 2, "{shown}");

    let stored = components.get("grafana");
    let spec = &stored["spec"];
    assert_eq!(spec["values"], values);
    assert_eq!(spec["chart"]["name"], "grafana-oss");
    assert_eq!(spec["chart"]["namespace"], components.namespace());
    assert_eq!(spec["dependsOn"][0], json!({"name": "prometheus"}));
    assert_eq!(spec["dependsOn"][1]["version"], ">=2");
    assert_eq!(
        (&spec["upgrade"]["retries"], &spec["interval"]),
        (&json!(1), &json!("1m"))
    );
    assert_eq!(
        stored["metadata"]["annotations"]["ext.theriseunion.io/forceAt"],
        "now"
    );
    assert_eq!(
        components.get("far")["spec"]["chart"]["namespace"],
        "elsewhere"
    );
    assert_eq!(components.list().len(), 2);

    let before = components.resource_versions();
    assert_eq!(
        components.resource_versions(),
        before,
        "reading writes nothing"
    );
    components.change("grafana", &json!({"version": "^2", "interval": null}));
    components.annotate("grafana", "forceAt", Value::Null);
    let changed = components.get("grafana");
    assert_eq!(changed["spec"]["version"], "^2");
    assert_eq!(changed["spec"]["interval"], "10m", "the default");
    assert!(changed["metadata"]["annotations"]["ext.theriseunion.io/forceAt"].is_null());
    let after = components.resource_versions();
    assert_ne!(after["grafana"], before["grafana"]);
    assert_eq!(after["far"], before["far"]);

    components.delete("grafana");
    components.await_gone("grafana");
    components.delete_all();
    components.await_gone("far");
}

#[test]
fn a_status_and_its_conditions_are_read() {
    let components = Components::of(ControlPlane::shared());
    components.apply(&ComponentBuilder::new("app"));
    let fresh = components.get("app");
    assert!(!component::is_settled(&fresh) && !component::is_ready(&fresh));
    assert_eq!(components.condition("app", "Ready"), None);
    assert_eq!(components.phase("app"), "");

    report(&components, "Deployed", "True", "InstallSucceeded");
    let condition = components.await_condition("app", "Ready", "True", "InstallSucceeded");
    assert_eq!(condition.message, "as the test says");
    components.all_ready(&["app"]);
    components.await_phase("app", "Deployed");

    components.change("app", &json!({"version": "2.0.0"}));
    let stale = components.get("app");
    assert!(component::is_true(&stale, "Ready"));
    assert!(!component::is_ready(&stale), "for another generation");
    report(&components, "Failed", "False", "UpgradeFailed");
    let settled = components.settled("app");
    assert!(component::is(&settled, "Ready", "False", "UpgradeFailed"));
    assert!(!component::is_ready(&settled));
}

#[test]
fn events_are_read() {
    let components = Components::of(ControlPlane::shared());
    let namespace = components.namespace();
    let events = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
    for (number, name) in [(1, "app"), (2, "app"), (3, "other")] {
        let event = json!({
            "metadata": {"name": format!("event-{number}")},
            "eventTime": format!("2024-01-01T00:00:0{number}.000000Z"),
            "reportingController": "chartroom", "reportingInstance": "one", "type": "Normal",
            "regarding": {
                "apiVersion": "ext.theriseunion.io/v1alpha1", "kind": "Component",
                "name": name, "namespace": namespace,
            },
            "reason": "Unlocked", "action": format!("Unlock/{number}"), "note": "as the test says",
        });
        components.api().create(&events, &event);
    }
    let found = components.events("app");
    let actions: Vec<&str> = found.iter().map(|event| &event.action[..]).collect();
    assert_eq!(actions, ["Unlock/1", "Unlock/2"]);
    let event = components.await_event("other", "Unlocked");
    assert_eq!(event.note, "as the test says");
}

#[test]
fn a_limited_user_may_do_what_was_granted() {
    let plane = ControlPlane::shared();
    let components = Components::of(plane);
    components.apply(&ComponentBuilder::new("app"));
    let user = plane.limited_user();
    let api = user.api();
    let namespace = components.namespace();
    let collection =
        format!("/apis/ext.theriseunion.io/v1alpha1/namespaces/{namespace}/components");
    let refusal = api
        .send("GET", &collection, None)
        .expect_err("nothing was granted");
    assert_eq!(refusal.code, 403);
    assert!(
        refusal.message.contains("is forbidden: User"),
        "{refusal:?}"
    );

    let rule = |verbs: &[&str]| json!([{"apiGroups": ["ext.theriseunion.io"], "resources": ["components"], "verbs": verbs}]);
    user.may_in(namespace, &rule(&["list"]));
    let may = |method: &str, path: &str| api.send(method, path, None).is_ok();
    eventually("a list", || may("GET", &collection));
    assert!(!may("DELETE", &format!("{collection}/app")));
    let elsewhere = "/apis/ext.theriseunion.io/v1alpha1/components";
    assert!(!may("GET", elsewhere));
    user.may(&rule(&["list"]));
    eventually("a list of all", || may("GET", elsewhere));

    // helm is given the same way in
    let releases = crate::support::helm_release::Releases::of(plane, namespace);
    let kubeconfig = user.kubeconfig().display().to_string();
    let flag = format!("--kubeconfig={kubeconfig}");
    let chart = ChartBuilder::new("app", "1.0.0");
    let said = releases.install("one", &chart, &[&flag]).failed().stderr();
    assert!(said.contains("is forbidden: User"), "{said}");
}

/// Writes a status as the controller would.
#[track_caller]
fn report(components: &Components, phase: &str, status: &str, reason: &str) {
    let generation = components.get("app")["metadata"]["generation"].clone();
    let status = json!({"status": {
        "phase": phase, "observedGeneration": generation,
        "conditions": [{
            "type": "Ready", "status": status, "reason": reason, "message": "as the test says",
            "lastTransitionTime": "2024-01-01T00:00:00Z",
        }],
    }});
    let namespace = components.namespace();
    let path =
        format!("/apis/ext.theriseunion.io/v1alpha1/namespaces/{namespace}/components/app/status");
    components.api().merge(&path, &status);
}

#[track_caller]
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = std::time::Duration::from_secs(10);
    let held = crate::support::api::poll(deadline, || holds().then_some(()));
    assert!(held.is_some(), "it was never granted: {what}");
}
