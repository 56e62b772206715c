//! The status is written by its own door, and by no other.

use serde_json::json;

use super::columns::set_status;
use super::{components, every_field};

#[test]
fn spec_and_status_are_written_separately() {
    let kubectl = components();
    let full = every_field(&kubectl);
    kubectl.apply_server_side(&full.to_string()).succeeded();
    let created = kubectl.json(&["get", "component", "grafana"]);
    assert_eq!(created["status"], json!(null), "{created:#}");
    assert_eq!(created["metadata"]["generation"], 1);

    let both = json!({"status": full["status"], "spec": {"suspend": false}}).to_string();
    set_status(&kubectl, "grafana", &both);
    let known = kubectl.json(&["get", "component", "grafana"]);
    assert_eq!(known["status"], full["status"]);
    assert_eq!(known["spec"], full["spec"]);
    assert_eq!(known["metadata"]["generation"], 1);

    let both = r#"{"status": {"phase": "Failed"}, "spec": {"suspend": false}}"#;
    let patch = [
        "patch",
        "component",
        "grafana",
        "--type=merge",
        "--patch",
        both,
    ];
    kubectl.ok(&patch);
    let changed = kubectl.json(&["get", "component", "grafana"]);
    assert_eq!(changed["status"], full["status"]);
    assert_eq!(changed["spec"]["suspend"], false);
    assert_eq!(changed["metadata"]["generation"], 2);
}
