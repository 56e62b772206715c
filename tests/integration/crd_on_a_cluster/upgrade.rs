//! A cluster that has the published definition gets ours, and its objects stay what they were.

use serde_json::{Value, json};

use super::columns::set_status;
use super::{BARE, NAME, component, define, definition};
use crate::support::control_plane::ControlPlane;

/// The published fields and no other.
fn published() -> Value {
    let text = json!({"type": "string"});
    let time = json!({"type": "string", "format": "date-time"});
    let whole = json!({"type": "integer"});
    let condition = json!({
        "type": "object",
        "required": ["lastTransitionTime", "message", "reason", "status", "type"],
        "properties": {"type": text, "status": text, "reason": text, "message": text, "lastTransitionTime": time}
    });
    let spec = json!({
        "type": "object",
        "required": ["enabled"],
        "properties": {
            "enabled": {"type": "boolean", "default": true},
            "version": text,
            "chart": {"type": "object", "properties": {
                "name": text,
                "namespace": {"type": "string", "default": "edge-system"},
                "releaseName": text,
                "repository": text
            }},
            "values": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}
        }
    });
    let status = json!({"type": "object", "properties": {
        "phase": text, "observedHash": text, "releaseName": text, "releaseVersion": whole, "retryCount": whole,
        "message": text, "lastFailureTime": time, "lastTransitionTime": time,
        "conditions": {"type": "array", "items": condition}
    }});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "components.ext.theriseunion.io"},
        "spec": {
            "group": "ext.theriseunion.io",
            "scope": "Namespaced",
            "names": {
                "kind": "Component", "listKind": "ComponentList", "plural": "components", "singular": "component",
                "shortNames": ["comp"]
            },
            "versions": [{
                "name": "v1alpha1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "apiVersion": text, "kind": text, "metadata": {"type": "object"}, "spec": spec, "status": status
                }}}
            }]
        }
    })
}

#[test]
fn objects_of_the_published_definition_stay_valid() {
    let plane = ControlPlane::start();
    let kubectl = plane.namespace();
    define(&kubectl, &published().to_string());

    let spec = json!({
        "enabled": true,
        "version": "v1.0.0",
        "chart": {
            "name": "edge-metrics",
            "namespace": "observability-system",
            "releaseName": "metrics",
            "repository": "http://charts.edge-system.svc:8080"
        },
        "values": {"replicas": 2, "image": {"tag": "1.10"}, "removed": null}
    });
    let status = json!({
        "phase": "Installed",
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "InstallSucceeded", "message": "as wanted",
            "lastTransitionTime": "2024-01-15T10:30:00Z"
        }],
        "observedHash": "sha256:abc123",
        "releaseName": "metrics",
        "releaseVersion": 3,
        "retryCount": 1,
        "message": "done",
        "lastFailureTime": "2024-01-15T10:29:00Z",
        "lastTransitionTime": "2024-01-15T10:30:00Z"
    });
    let manifest = component("metrics", &spec.to_string());
    kubectl.apply_server_side(&manifest).succeeded();
    set_status(&kubectl, "metrics", &json!({"status": status}).to_string());
    kubectl.apply(BARE).succeeded();

    kubectl.apply_server_side(&definition()).succeeded();
    assert_eq!(kubectl.json(&["get", NAME])["metadata"]["generation"], 2);
    // the server takes up the new schema a moment later; then old objects are read with its defaults
    let timeout = [
        "get",
        "component",
        "metrics",
        "--output=jsonpath={.spec.timeout}",
    ];
    kubectl.eventually(&timeout, |text| text == "5m");

    let upgraded = kubectl.json(&["get", "component", "metrics"]);
    for (field, value) in spec.as_object().expect("an object") {
        assert_eq!(&upgraded["spec"][field], value, "{field}");
    }
    assert_eq!(upgraded["status"], status);
    let bare = kubectl.json(&["get", "component", "bare"]);
    assert_eq!(
        bare["spec"]["enabled"], false,
        "not asked for then, nor now"
    );

    // the user's own file still applies, and each object can be written
    kubectl.apply_server_side(&manifest).succeeded();
    kubectl.ok(&["label", "components", "--all", "touched=yes"]);
    set_status(
        &kubectl,
        "metrics",
        r#"{"status": {"message": "upgraded"}}"#,
    );
    let touched = kubectl.json(&["get", "component", "metrics"]);
    assert_eq!(
        touched["metadata"]["generation"],
        upgraded["metadata"]["generation"]
    );
    assert_eq!(touched["status"]["message"], "upgraded");
}
