//! Names that are no DNS names: those of RBAC objects may hold blanks, `?` and `#`.

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;

const NAMES: [&str; 4] = ["who? #1", "a b", "[x]+&='\"", "system:all@é"];

/// A role and a binding of each name, in the cluster and in the namespace.
fn chart() -> ChartBuilder {
    let mut manifest = String::new();
    for name in NAMES {
        let role =
            json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"});
        let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]);
        let name = format!("{{{{ .Release.Namespace }}}} {name}");
        for (kind, field, value) in [
            ("ClusterRole", "rules", &rules),
            ("Role", "rules", &rules),
            ("ClusterRoleBinding", "roleRef", &role),
            ("RoleBinding", "roleRef", &role),
        ] {
            let object = json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}, field: value,
            });
            manifest.push_str(&format!("---\n{object}\n"));
        }
    }
    ChartBuilder::new("app", "1.0.0").template("roles", &manifest)
}

#[test]
fn roles_with_odd_names_are_looked_after_and_removed_as_any_other() {
    let scene = Scene::new();
    let namespace = scene.components.namespace().to_owned();
    scene.controller.upload(&chart());
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));
    scene.request_pass("app", "a look");
    let ready = scene.components.ready("app");
    assert!(!component::is_true(&ready, "Drifted"), "{ready:#}");
    assert!(
        !component::is(&ready, "Drifted", "Unknown", "NoDriftDetected"),
        "{ready:#}"
    );

    let there = |kind: &str| {
        let listed = scene
            .components
            .kubectl()
            .ok(&["get", kind, "--output=name"]);
        listed
            .lines()
            .filter(|line| line.contains(&format!("/{namespace} ")))
            .count()
    };
    let kinds = [
        "clusterroles",
        "roles",
        "clusterrolebindings",
        "rolebindings",
    ];
    let all = |count: usize| kinds.iter().all(|kind| there(kind) == count);
    assert!(all(NAMES.len()));
    for name in NAMES {
        let name = format!("{namespace} {name}");
        scene
            .components
            .kubectl()
            .ok(&["delete", "clusterrole", &name]);
        scene
            .components
            .kubectl()
            .ok(&["delete", "rolebinding", &name]);
    }
    scene.request_pass("app", "after the deletion");
    let found = scene
        .components
        .await_condition("app", "Drifted", "False", "DriftCorrected");
    assert!(all(NAMES.len()), "{found:?}");

    scene.components.delete("app");
    scene.components.await_gone("app");
    let gone = poll(DEADLINE, || all(0).then_some(()));
    assert!(gone.is_some(), "some of it is left");
}
