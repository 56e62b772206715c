//! What a real API server says of the charts' objects, which it checks and does not keep.

use super::{charts, no_findings};
use crate::support::control_plane::ControlPlane;
use crate::support::dry_run::refusals;
use crate::support::helm::{HELM, Helm, objects};

#[test]
fn an_api_server_accepts_every_object() {
    let plane = ControlPlane::shared();
    let kubectl = plane.namespace();
    let namespace = kubectl.namespace();
    let helm = Helm::new(HELM).on_cluster(&plane.kubeconfig());
    let mut findings = Vec::new();
    for chart in charts().into_iter().filter(|chart| !chart.is_umbrella()) {
        for values in chart.choices() {
            let mut arguments = vec!["template", &chart.name, chart.path(), "--dry-run=server"];
            arguments.extend(["--namespace", namespace]);
            arguments.extend(values.iter().map(String::as_str));
            let objects = objects(&helm.ok(&arguments));
            assert!(!objects.is_empty(), "{} {values:?}", chart.name);
            findings.extend(refusals(plane, namespace, &objects));
        }
    }
    no_findings(findings);
}

#[test]
fn service_monitors_are_rendered_where_their_api_is() {
    let helm = Helm::new(HELM);
    let asked = ["--set", "serviceMonitor.enabled=true"];
    for chart in charts() {
        let values = chart.values();
        if !values["serviceMonitor"].is_object() {
            continue;
        }
        let mut arguments = vec!["template", "x", chart.path(), asked[0], asked[1]];
        let monitors = |arguments: &[&str]| {
            let objects = objects(&helm.ok(arguments)).into_iter();
            let kinds = objects.filter(|object| object["kind"] == "ServiceMonitor");
            kinds.count()
        };
        assert_eq!(monitors(&arguments), 0, "{}", chart.name);
        // what measures may be a container that is off by default
        if values["exporter"].is_object() {
            arguments.extend(["--set", "exporter.enabled=true"]);
        }
        arguments.push("--api-versions=monitoring.coreos.com/v1");
        assert_eq!(monitors(&arguments), 1, "{}", chart.name);
    }
}

#[test]
fn the_password_of_nats_is_made_once_and_kept() {
    let plane = ControlPlane::shared();
    let kubectl = plane.namespace();
    let helm = Helm::new(HELM).on_cluster(&plane.kubeconfig());
    let nats = super::chart::folder().join("nats").display().to_string();
    let apply = |setting: &str| {
        helm.ok(&[
            "upgrade",
            "--install",
            "nats",
            &nats,
            "--namespace",
            kubectl.namespace(),
            "--set",
            setting,
        ]);
        kubectl.json(&["get", "secret", "nats-auth"])["data"].clone()
    };
    let first = apply("maxConnections=10");
    assert!(
        first["password"]
            .as_str()
            .is_some_and(|text| text.len() > 40),
        "{first}"
    );
    assert_eq!(apply("maxConnections=20"), first);

    // more servers know one another by another password, which stays too
    apply("replicas=3");
    let cluster = kubectl.json(&["get", "secret", "nats-cluster"])["data"]["password"].clone();
    assert_eq!(apply("replicas=5"), first);
    let later = kubectl.json(&["get", "secret", "nats-cluster"])["data"].clone();
    assert_eq!(later["password"], cluster);
}
