//! Components of the API as nodes (docs/components.md 11.3; scenarios 31 and 67).

use serde_json::{Value, json};

use super::*;
use crate::component::Component;

fn of(component: Value) -> Node {
    let component: Component = serde_json::from_value(component).unwrap();
    Node::of(&component)
}

fn with(metadata: Value, spec: Value, status: Value) -> Node {
    let mut all = json!({"name": "grafana", "namespace": "team", "generation": 3});
    let more = metadata.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(more);
    of(json!({
        "apiVersion": "ext.theriseunion.io/v1alpha1",
        "kind": "Component",
        "metadata": all,
        "spec": spec,
        "status": status,
    }))
}

fn condition(about: &str, status: &str, reason: &str) -> Value {
    json!({
        "type": about, "status": status, "reason": reason, "message": "a word",
        "lastTransitionTime": "2026-01-01T00:00:00Z"
    })
}

#[test]
fn a_component_is_there_if_all_its_signs_say_so() {
    let ready = || condition("Ready", "True", "InSync");
    let released = || condition("Released", "True", "InstallSucceeded");
    let rows = [
        (
            "all is well",
            json!({}),
            json!({}),
            json!({"observedGeneration": 3, "conditions": [ready(), released()]}),
            true,
        ),
        ("no status at all", json!({}), json!({}), json!({}), false),
        (
            "no conditions",
            json!({}),
            json!({}),
            json!({"observedGeneration": 3}),
            false,
        ),
        (
            "an older generation",
            json!({}),
            json!({}),
            json!({"observedGeneration": 2, "conditions": [ready(), released()]}),
            false,
        ),
        (
            "not ready",
            json!({}),
            json!({}),
            json!({"observedGeneration": 3, "conditions": [condition("Ready", "Unknown", "Progressing"), released()]}),
            false,
        ),
        (
            "ready for being disabled",
            json!({}),
            json!({"enabled": false}),
            json!({"observedGeneration": 3, "conditions": [condition("Ready", "True", "Disabled"), released()]}),
            false,
        ),
        (
            "rolled back",
            json!({}),
            json!({}),
            json!({"observedGeneration": 3, "conditions": [condition("Ready", "False", "UpgradeFailed"), released()]}),
            false,
        ),
        (
            "not released",
            json!({}),
            json!({}),
            json!({"observedGeneration": 3, "conditions": [ready()]}),
            false,
        ),
        (
            "pre-installed: nothing was released by us, no generation observed",
            json!({"annotations": {"ext.theriseunion.io/pre-installed": "true"}}),
            json!({}),
            json!({"conditions": [condition("Ready", "True", "Preinstalled")]}),
            true,
        ),
        (
            "skipped since it was installed",
            json!({"annotations": {"ext.theriseunion.io/skip-reconcile": "true"}}),
            json!({}),
            json!({"observedGeneration": 2, "conditions": [ready(), released()]}),
            true,
        ),
        (
            "suspended since it was installed",
            json!({}),
            json!({"suspend": true}),
            json!({"observedGeneration": 2, "conditions": [ready(), released()]}),
            true,
        ),
    ];
    for (case, metadata, spec, status, expected) in rows {
        assert_eq!(with(metadata, spec, status).is_there(), expected, "{case}");
    }
}

#[test]
fn everything_else_is_read_from_where_it_stands() {
    let node = with(
        json!({
            "labels": {"ext.theriseunion.io/implicit": "true"},
            "annotations": {"ext.theriseunion.io/allow-break-dependents": "true"},
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "deletionTimestamp": "2026-01-02T00:00:00Z",
        }),
        json!({
            "chart": {"name": "graf", "releaseName": "g", "namespace": "apps"},
            "dependsOn": [{"name": "prometheus", "version": "^25"}, {"name": "b", "namespace": "c", "optional": true}],
            "autoInstallDependencies": false,
            "deletionPolicy": "Orphan",
        }),
        json!({
            "phase": "Failed",
            "resolvedVersion": "7.0.1",
            "conditions": [condition("Ready", "False", "InstallFailed")],
            "dependencies": [{"name": "prometheus", "namespace": "team", "state": "Ready"}],
        }),
    );
    assert_eq!(node.key, key("team/grafana"));
    assert_eq!(node.chart_name, "graf");
    assert_eq!(node.release, ("apps".to_owned(), "g".to_owned()));
    assert!(node.implicit && node.allow_break && node.orphan && node.deleting);
    assert!(!node.auto_install && !node.left_alone);
    assert_eq!(node.version.as_deref(), Some("7.0.1"));
    let expected = requirements("prometheus ^25, c/b?");
    assert_eq!(node.depends_on, expected);
    assert_eq!(node.recorded.len(), 1);
    assert_eq!(
        node.progress,
        Progress {
            phase: Some(Phase::Failed),
            reason: Some(ReadyReason::Known(Reason::InstallFailed)),
            message: "a word".to_owned()
        }
    );
    assert_eq!(node.created, Some("2026-01-01T00:00:00Z".parse().unwrap()));

    let plain = with(json!({}), json!({}), json!({}));
    assert_eq!(plain.chart_name, "grafana");
    assert_eq!(
        plain.release,
        ("edge-system".to_owned(), "grafana".to_owned())
    );
    assert!(plain.enabled && plain.auto_install && !plain.implicit && !plain.deleting);
    assert_eq!(plain.created, None);
}
