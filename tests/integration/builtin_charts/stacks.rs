//! The umbrellas: what they bring along and in which order, as planned and on a real API server.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{chart, charts};
use crate::support::component::{ComponentBuilder, Components};
use crate::support::control_plane::ControlPlane;
use crate::support::controller::Controller;
use crate::support::helm::HELM;
use crate::support::helm_release::Releases;
use crate::support::kubelet::Kubelet;
use crate::support::server;
use crate::support::tools;

#[test]
fn all_charts_can_be_planned_together_and_need_no_other() {
    let names: Vec<String> = charts().into_iter().map(|chart| chart.name).collect();
    let mut planned = order(&names.iter().map(String::as_str).collect::<Vec<_>>());
    planned.sort();
    assert_eq!(planned, names);
}

#[test]
fn the_logging_stack_is_loki_then_fluent_bit() {
    assert_eq!(
        order(&["logging-stack"]),
        ["loki", "fluent-bit", "logging-stack"]
    );
}

#[test]
fn the_monitoring_stack_measures_before_it_shows() {
    let expected = [
        "kube-state-metrics",
        "node-exporter",
        "prometheus",
        "alertmanager",
        "grafana",
        "monitoring-stack",
    ];
    assert_eq!(order(&["monitoring-stack"]), expected);
}

#[test]
fn one_component_brings_up_the_logging_stack() {
    let plane = ControlPlane::shared();
    let components = Components::of(plane);
    let namespace = components.namespace();
    let builtin = format!("--builtin-charts={}", chart::folder().display());
    let _controller = Controller::options(plane, namespace).arg(builtin).start();
    let _ready = Kubelet::of(plane, namespace).keep_ready();
    let releases = Releases::of(plane, namespace);

    components.apply(&ComponentBuilder::new("logging-stack"));
    let stack = components.ready("logging-stack");
    assert_eq!(stack["status"]["resolvedVersion"], "0.1.0", "{stack:#}");
    let mut installed = releases.list();
    installed.sort();
    assert_eq!(installed, ["fluent-bit", "logging-stack", "loki"]);

    // fluent-bit finds loki where that was installed as a dependency
    let config_map = format!("/api/v1/namespaces/{namespace}/configmaps/fluent-bit");
    let config = plane.api().get(&config_map).expect("its configuration");
    let config = config["data"]["fluent-bit.yaml"].as_str().expect("a text");
    assert!(
        config.contains(&format!("host: \"loki.{namespace}.svc\"")),
        "{config}"
    );
    let service = format!("/api/v1/namespaces/{namespace}/services/loki");
    let service = plane.api().get(&service).expect("loki's Service");
    assert_eq!(service["spec"]["ports"][0]["port"], 3100);
}

#[test]
fn one_mirror_is_enough_for_a_stack_and_a_part_may_have_values_of_its_own() {
    let directory = TempDir::new().expect("a temporary directory");
    let values = json!({
        "global": {"imageRegistry": "mirror.site:5000"}, "grafana": {"image": {"tag": "of-the-user"}},
    });
    let stack = ComponentBuilder::new("monitoring-stack").values(values);
    let file = directory.path().join("site.yaml");
    fs::write(file, stack.manifest("edge-system").to_string()).expect("a writable directory");
    let builtin = format!("--builtin-charts={}", chart::folder().display());
    let helm = format!("--helm-binary={}", tools::helm(HELM).display());
    let arguments = ["images", "site.yaml", &builtin, &helm];
    let images = server::chartroom(&arguments, directory.path())
        .succeeded()
        .stdout();
    let images: Vec<&str> = images.lines().collect();
    assert!(images.len() >= 5, "{images:?}");
    let of_mirror = |image: &&str| image.starts_with("mirror.site:5000/");
    assert!(images.iter().all(of_mirror), "{images:?}");
    assert!(
        images.contains(&"mirror.site:5000/grafana/grafana:of-the-user"),
        "{images:?}"
    );
}

/// The Components of these names and what they bring along, in the order of their installation.
#[track_caller]
fn order(names: &[&str]) -> Vec<String> {
    let directory = TempDir::new().expect("a temporary directory");
    let components = names.iter().map(|name| {
        let component = ComponentBuilder::new(name);
        format!("---\n{}\n", component.manifest("edge-system"))
    });
    let file = directory.path().join("components.yaml");
    fs::write(file, components.collect::<String>()).expect("a writable directory");
    let builtin = format!("--builtin-charts={}", chart::folder().display());
    let arguments = ["plan", "components.yaml", &builtin, "--output=json"];
    let plan = server::chartroom(&arguments, directory.path()).succeeded();
    let plan: Value = serde_json::from_str(&plan.stdout()).expect("JSON");
    let mut steps = plan["components"].as_array().expect("a list").clone();
    steps.sort_by_key(|step| step["number"].as_u64());
    (steps.iter())
        .map(|step| step["name"].as_str().expect("a name").to_owned())
        .collect()
}
