//! Scenarios 140, 142 and 145: what runs is looked at, whatever is in the way of the next version, and what a message
//! asks for leads somewhere.

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;

/// A chart with the ConfigMap `<release>-app`. With the value `bad` the API server refuses an object of it, with `needs`
/// the chart refuses the values, and with `seal` it has the immutable ConfigMap `<release>-sealed`.
fn chart() -> ChartBuilder {
    ChartBuilder::new("app", "1.0.0")
        .template(
            "bad",
            "{{ if .Values.bad }}\napiVersion: v1\nkind: Service\nmetadata: {name: {{ .Release.Name }}-bad}\n\
             spec: {ports: [{port: 99999}]}\n{{ end }}\n",
        )
        .template("needs", "{{ if .Values.needs }}{{ required \"x is needed\" .Values.x }}{{ end }}\n")
        .template(
            "sealed",
            "{{ if .Values.seal }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-sealed}\n\
             immutable: true\ndata: {v: {{ .Values.seal | quote }}}\n{{ end }}\n",
        )
}

fn component(name: &str) -> ComponentBuilder {
    ComponentBuilder::new(name)
        .chart("app")
        .version("1.0.0")
        .spec(json!({"interval": "10s", "upgrade": {"retries": 0}}))
}

impl Scene {
    #[track_caller]
    fn delete_config_map(&self, name: &str) {
        let kubectl = self.components.kubectl();
        kubectl.ok(&["delete", "configmap", name]);
    }

    #[track_caller]
    fn await_config_map(&self, name: &str) -> Value {
        let found = poll(DEADLINE, || self.config_map(name));
        found.unwrap_or_else(|| panic!("{name} does not come back"))
    }
}

#[test]
fn scenario_140_what_is_deleted_is_put_right_whatever_is_in_the_way() {
    let scene = Scene::new();
    scene.controller.upload(&chart());
    let ways: [(&str, Value, &str, &str); 3] = [
        (
            "refused",
            json!({"values": {"bad": true}}),
            "Stalled",
            "RetriesExceeded",
        ),
        (
            "values",
            json!({"values": {"needs": true}}),
            "Stalled",
            "InvalidSpec",
        ),
        (
            "version",
            json!({"version": "9.9.9"}),
            "ChartResolved",
            "VersionNotFound",
        ),
    ];
    for (name, ..) in &ways {
        scene.install(&component(name));
    }
    for (name, change, about, reason) in &ways {
        scene.components.change(name, change);
        let status = if *about == "Stalled" { "True" } else { "False" };
        scene
            .components
            .await_condition(name, about, status, reason);
        let app = format!("{name}-app");
        let before = scene.await_config_map(&app);
        scene.delete_config_map(&app);
        let after = scene.await_config_map(&app);
        assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"]);
        let told = scene
            .components
            .await_condition(name, "Drifted", "False", "DriftCorrected");
        assert!(
            told.message.contains(&format!("{app} is missing")),
            "{}",
            told.message
        );
        let now = scene.components.get(name);
        assert!(component::is(&now, about, status, reason), "{now:#}");
        assert!(!component::is_ready(&now), "{now:#}");
    }
}

#[test]
fn scenario_142_what_is_suspended_is_left_and_told() {
    let scene = Scene::new();
    scene.controller.upload(&chart());
    scene.install(&component("app"));
    scene.components.change("app", &json!({"suspend": true}));
    scene.components.await_phase("app", "Suspended");
    scene.delete_config_map("app-app");
    let told = scene
        .components
        .await_condition("app", "Healthy", "False", "Unhealthy");
    assert!(told.message.contains("app-app"), "{}", told.message);
    scene
        .components
        .await_condition("app", "Drifted", "True", "DriftDetected");
    assert!(scene.config_map("app-app").is_none());
    scene.components.change("app", &json!({"suspend": false}));
    scene.await_config_map("app-app");
    scene
        .components
        .await_condition("app", "Healthy", "True", "Healthy");
}

#[test]
fn scenario_145_an_immutable_object_that_is_deleted_is_made_anew_within_seconds() {
    let scene = Scene::new();
    scene.controller.upload(&chart());
    let sealed = component("app").spec(json!({"interval": "1h", "values": {"seal": "1"}}));
    scene.install(&sealed);
    scene
        .components
        .change("app", &json!({"values": {"seal": "2"}}));
    let told = scene
        .components
        .await_condition("app", "Stalled", "True", "ImmutableField");
    assert!(
        told.message.contains("Delete that object"),
        "{}",
        told.message
    );
    scene.components.await_phase("app", "Degraded");
    scene.delete_config_map("app-sealed");
    let anew = scene.await_config_map("app-sealed");
    assert_eq!(anew["data"]["v"], "2");
    scene.components.ready("app");
}

#[test]
fn scenario_145_an_object_of_somebody_else_that_is_deleted_is_in_nobodys_way() {
    let scene = Scene::new();
    scene.controller.upload(&chart());
    let kubectl = scene.components.kubectl();
    kubectl.ok(&["create", "configmap", "app-app"]);
    let app = component("app").spec(json!({"interval": "1h"}));
    scene.components.apply(&app);
    let told = scene
        .components
        .await_condition("app", "Stalled", "True", "OwnershipConflict");
    assert!(
        told.message.contains("Delete that object"),
        "{}",
        told.message
    );
    scene.delete_config_map("app-app");
    scene.components.ready("app");
}
