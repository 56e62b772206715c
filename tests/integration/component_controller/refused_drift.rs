//! Drift whose apply the API server refuses: put right another way, or told.

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, Scene};
use crate::support::component;

#[test]
fn a_named_port_changed_by_hand_is_put_right_with_the_rest() {
    let scene = Scene::new();
    let service = "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}, {name: metrics, port: 9090}]
";
    let chart = ChartBuilder::new("app", "1.0.0").template("service", service);
    scene.controller.upload(&chart);
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));
    let kubectl = scene.components.kubectl();
    let patch = json!([
        {"op": "replace", "path": "/spec/ports/0/port", "value": 81},
        {"op": "replace", "path": "/spec/selector/app", "value": "by-hand"},
    ]);
    let patch = patch.to_string();
    kubectl.ok(&["patch", "service/web", "--type=json", "--patch", &patch]);
    scene.request_pass("app", "a look");
    let ready = scene.components.ready("app");
    assert!(
        component::is(&ready, "Drifted", "False", "DriftCorrected"),
        "{ready:#}"
    );
    let live = kubectl.json(&["get", "service/web"]);
    assert_eq!(live["spec"]["ports"][0]["port"], 80);
    assert_eq!(live["spec"]["ports"].as_array().map(Vec::len), Some(2));
    assert_eq!(live["spec"]["selector"]["app"], "web");
    let event = scene.components.await_event("app", "DriftCorrected");
    assert!(event.note.contains("/spec/ports/0/port"), "{event:?}");
    scene.request_pass("app", "another look");
    let ready = scene.components.ready("app");
    assert!(
        component::is(&ready, "Drifted", "False", "NoDriftDetected")
            || component::is(&ready, "Drifted", "False", "DriftCorrected"),
        "{ready:#}"
    );
}

#[test]
fn what_cannot_be_put_right_is_told_and_the_rest_is_put_right() {
    let scene = Scene::new();
    let sealed = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: sealed, labels: {tier: chart}}
immutable: true
data: {a: chart}
";
    let chart = ChartBuilder::new("app", "1.0.0").template("sealed", sealed);
    scene.controller.upload(&chart);
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));
    let namespace = scene.components.namespace();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/sealed");
    let api = scene.components.api();
    let mut other = api.get(&path).expect("the chart's");
    other["data"]["a"] = "by hand".into();
    other["metadata"] = json!({
        "name": "sealed", "labels": {"tier": "by-hand"}, "annotations": other["metadata"]["annotations"],
    });
    api.delete(&path);
    api.create(
        &format!("/api/v1/namespaces/{namespace}/configmaps"),
        &other,
    );

    scene.request_pass("app", "a look");
    let told = scene
        .components
        .await_condition("app", "Drifted", "Unknown", "ComparisonFailed");
    for words in [
        "ConfigMap sealed",
        "/data/a",
        "immutable",
        "delete the object",
    ] {
        assert!(told.message.contains(words), "{words}: {told:?}");
    }
    let event = scene.components.await_event("app", "ComparisonFailed");
    assert!(event.note.contains("/data/a"), "{event:?}");
    let live = scene.config_map("sealed").expect("a ConfigMap");
    assert_eq!(live["metadata"]["labels"]["tier"], "chart");
    assert_eq!(live["data"]["a"], "by hand");
    assert!(component::is_ready(&scene.components.settled("app")));

    // the way out that was named
    api.delete(&path);
    scene.request_pass("app", "after the way out");
    let ready = scene.components.ready("app");
    assert!(
        component::is(&ready, "Drifted", "False", "DriftCorrected"),
        "{ready:#}"
    );
    let live = scene.config_map("sealed").expect("a ConfigMap");
    assert_eq!(live["data"]["a"], "chart");
}
