//! Charts that go in only in another way than the usual one: with a schema that nobody can fetch, and with objects that
//! only client-side apply takes.

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;
use crate::support::control_plane::ControlPlane;
use crate::support::kubelet::Kubelet;

/// https://github.com/apache/airflow/issues/20539 and many more: `$ref` to the internet, where there is none.
#[test]
fn a_schema_that_nobody_can_fetch_is_left_out_where_the_component_says_so() {
    let scene = Scene::new();
    let schema =
        json!({"properties": {"tolerations": {"$ref": "http://127.0.0.1:1/definitions.json"}}});
    let chart = ChartBuilder::new("app", "1.0.0");
    scene.controller.upload(&chart.schema(&schema));
    scene.components.apply(&ComponentBuilder::new("app"));
    let failed = scene
        .components
        .await_condition("app", "Released", "False", "InstallFailed");
    assert!(
        failed
            .message
            .contains("spec.disableSchemaValidation: true"),
        "{failed:?}"
    );
    let settled = scene.components.settled("app");
    assert!(
        !component::is_true(&settled, "Stalled"),
        "it is tried again: {settled:#}"
    );

    let leave_out = json!({"disableSchemaValidation": true, "values": {"tolerations": [7]}});
    scene.components.change("app", &leave_out);
    scene.components.ready("app");
    assert_eq!(scene.releases.statuses("app"), ["deployed"]);
}

/// A Deployment that asks for no pod, whose container has a variable twice: https://github.com/helm/helm/issues/31529.
fn with_a_variable_twice(version: &str) -> ChartBuilder {
    ChartBuilder::new("app", version).template(
        "deployment",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: {{ .Release.Name }}}\nspec:\n  replicas: 0\n  \
         selector: {matchLabels: {app: a}}\n  template:\n    metadata: {labels: {app: a}}\n    spec:\n      containers:\n      \
         - {name: a, image: 'registry.invalid/a:{{ .Chart.Version }}', env: [{name: A, value: '1'}, {name: A, value: '2'}]}\n",
    )
}

#[test]
fn what_server_side_apply_refuses_goes_in_without_it() {
    let scene = Scene::new();
    let _ready = Kubelet::of(ControlPlane::shared(), scene.components.namespace()).keep_ready();
    scene.controller.upload(&with_a_variable_twice("1.0.0"));
    scene.controller.upload(&with_a_variable_twice("2.0.0"));
    scene
        .controller
        .upload(&with_a_variable_twice("3.0.0").rejected_object());
    scene
        .components
        .apply(&ComponentBuilder::new("app").version("1.0.0"));
    let failed = scene
        .components
        .await_condition("app", "Released", "False", "InstallFailed");
    assert!(
        failed.message.contains("duplicate entries for key"),
        "{failed:?}"
    );
    assert!(
        failed
            .message
            .contains("set spec.serverSideApply: disabled"),
        "{failed:?}"
    );

    let client_side = json!({"serverSideApply": "disabled"});
    scene.components.change("app", &client_side);
    scene.components.ready("app");
    scene.components.change("app", &json!({"version": "2.0.0"}));
    scene.components.wait_for("app", "upgraded", |one| {
        component::is_ready(one) && one["status"]["resolvedVersion"] == "2.0.0"
    });
    assert_eq!(image(&scene), "registry.invalid/a:2.0.0");

    // an upgrade that fails, and the way back
    scene.components.change("app", &json!({"version": "3.0.0"}));
    scene.components.wait_for("app", "rolled back", |one| {
        component::is(one, "Remediated", "True", "RollbackSucceeded")
    });
    assert_eq!(image(&scene), "registry.invalid/a:2.0.0");
    scene.components.change("app", &json!({"version": "2.0.0"}));
    scene.components.ready("app");
    is_removed(&scene);
}

/// From one way of writing to the other and back, over what both have written: no field is lost, none stays behind.
#[test]
fn a_release_changes_the_way_in_which_it_is_written() {
    let scene = Scene::new();
    let chart = |version: &str, keys: &str| {
        let map = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {{{{ .Release.Name }}}}-keys}}\ndata: {{{keys}}}\n"
        );
        ChartBuilder::new("app", version).template("keys", &map)
    };
    for (version, keys) in [
        ("1.0.0", "a: '1', b: '1', c: '1', d: '1'"),
        ("2.0.0", "a: '2', b: '2', c: '2'"),
        ("3.0.0", "a: '3', b: '3'"),
        ("4.0.0", "a: '4'"),
    ] {
        scene.controller.upload(&chart(version, keys));
    }
    let broken = chart("5.0.0", "a: '5', e: '5'").rejected_object();
    scene.controller.upload(&broken);
    let keys = || scene.config_map("app-keys").expect("an object")["data"].clone();
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));
    for (revision, way, version, expected) in [
        (
            2,
            "disabled",
            "2.0.0",
            json!({"a": "2", "b": "2", "c": "2"}),
        ),
        (3, "disabled", "3.0.0", json!({"a": "3", "b": "3"})),
        (4, "enabled", "4.0.0", json!({"a": "4"})),
        (5, "enabled", "2.0.0", json!({"a": "2", "b": "2", "c": "2"})),
        (6, "disabled", "4.0.0", json!({"a": "4"})),
        // the way alone is a change, too
        (7, "enabled", "4.0.0", json!({"a": "4"})),
    ] {
        let spec = json!({"serverSideApply": way, "version": version});
        scene.components.change("app", &spec);
        scene.await_revision("app", revision);
        assert_eq!(keys(), expected, "{way} {version}");
    }
    for (way, marker) in [("enabled", 1), ("disabled", 2)] {
        let spec = json!({"serverSideApply": way, "version": "5.0.0", "upgrade": {"retries": 0}});
        scene.components.change("app", &spec);
        scene
            .components
            .wait_for("app", &format!("rolled back {marker}"), |one| {
                component::is(one, "Remediated", "True", "RollbackSucceeded")
            });
        assert_eq!(keys(), json!({"a": "4"}), "back, {way}");
        scene.components.change("app", &json!({"version": "4.0.0"}));
        scene
            .components
            .wait_for("app", "as it was", component::is_ready);
    }
    // what a hand does is put right, whoever wrote last
    let namespace = scene.components.namespace();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/app-keys");
    let by_hand = json!({"data": {"a": "by hand"}});
    scene.components.api().merge(&path, &by_hand);
    scene.components.annotate("app", "requestedAt", "1");
    let right = poll(DEADLINE, || (keys()["a"] == "4").then_some(()));
    assert!(right.is_some(), "{:#}", keys());
    is_removed(&scene);
}

fn image(scene: &Scene) -> Value {
    let namespace = scene.components.namespace();
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/app");
    let object = scene.components.api().get(&path).expect("a Deployment");
    object["spec"]["template"]["spec"]["containers"][0]["image"].clone()
}

#[track_caller]
fn is_removed(scene: &Scene) {
    scene.components.delete("app");
    scene.components.await_gone("app");
    scene.await_release_gone("app");
    assert!(scene.config_map("app-app").is_none());
}
