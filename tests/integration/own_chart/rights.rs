//! The rights that the chart gives: with exactly these, on a real API server, the program does its work.

use serde_json::{Value, json};

use super::{HELMS, find, render};
use crate::support::chart_builder::ChartBuilder;
use crate::support::component::{ComponentBuilder, Components};
use crate::support::control_plane::ControlPlane;
use crate::support::controller::Controller;
use crate::support::helm::Helm;
use crate::support::server::chartroom_on;

#[test]
fn the_hook_for_the_definition_has_the_rights_it_needs() {
    let plane = ControlPlane::start();
    let objects = render(&Helm::new(HELMS[0]), "edge-system", &[]);
    let role = find(&objects, "ClusterRole", "edge-system-chartroom-crd");
    let account = plane.limited_user();
    account.may(&role["rules"]);
    for outcome in ["is created", "was up to date"] {
        let done = chartroom_on(account.kubeconfig(), &["crd", "--apply"]);
        let said = done.succeeded().stdout();
        assert!(said.contains(outcome), "{said}");
    }
}

#[test]
fn few_rights_suffice_for_a_controller_that_installs_little() {
    let plane = ControlPlane::shared();
    let components = Components::of(plane);
    let namespace = components.namespace();
    let values = ["--set=rbac.clusterAdmin=false"];
    let objects = render(&Helm::new(HELMS[0]), namespace, &values);
    let role = find(
        &objects,
        "ClusterRole",
        &format!("{namespace}-chartroom-controller"),
    );
    let mut rules = role["rules"].as_array().expect("rules").clone();
    // what the chart below holds, and helm waits for
    rules.push(json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"]}));
    let account = plane.limited_user();
    account.may(&Value::from(rules));
    let lease = find(&objects, "Role", "chartroom-controller");
    account.may_in(namespace, &lease["rules"]);

    let options = Controller::options(plane, namespace);
    let mut controller = options
        .leader_elect()
        .kubeconfig(account.kubeconfig())
        .start();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "ropes.rights.example.com"},
        "spec": {
            "group": "rights.example.com", "scope": "Namespaced",
            "names": {"kind": "Rope", "plural": "ropes", "singular": "rope", "listKind": "RopeList"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }],
        },
    });
    let base = ChartBuilder::new("base", "1.0.0").file("crds/ropes.yaml", definition.to_string());
    let requires = "annotations: {ext.theriseunion.io/requires: '[{\"name\": \"base\"}]'}";
    controller.upload(&base);
    controller.upload(&ChartBuilder::new("top", "1.0.0").more_yaml(requires));
    // into a namespace that has to be made
    let target = format!("{namespace}-made");
    components.apply(&ComponentBuilder::new("top").into_namespace(&target));
    components.ready("top");
    components.ready("base");
    let marked = components.find("base").expect("it was created")["metadata"]["labels"].clone();
    assert_eq!(marked["ext.theriseunion.io/implicit"], "true");

    let teardown = ["teardown", "--namespace", namespace];
    let done = chartroom_on(account.kubeconfig(), &teardown);
    assert_eq!(done.succeeded().stdout(), "2 Components are gone\n");
    controller.terminate();
    let log = controller.log();
    let refused = log
        .iter()
        .find(|line| line.to_string().contains("forbidden"));
    // the namespaces of the system are other tests' too, and labelling them is allowed here
    assert!(refused.is_none(), "{refused:?}");
}
