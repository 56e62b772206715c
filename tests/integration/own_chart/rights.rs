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

#[test]
fn with_impersonation_the_controllers_rights_suffice_and_a_tenant_has_its_accounts() {
    let plane = ControlPlane::shared();
    let components = Components::of(plane);
    let namespace = components.namespace();
    let values = ["--set=tenancy=impersonate"];
    let objects = render(&Helm::new(HELMS[0]), "operators", &values);
    let role = find(&objects, "ClusterRole", "operators-chartroom-controller");
    let account = plane.limited_user();
    account.may(&role["rules"]);
    let lease = find(&objects, "Role", "chartroom-controller");
    account.may_in(namespace, &lease["rules"]);
    // as the chart's README for a tenant; who fills in the rules of `admin` does not run here
    let tenant = "chartroom-components";
    let subject = format!("--serviceaccount={namespace}:{tenant}");
    let kubectl = components.kubectl();
    kubectl.ok(&["create", "serviceaccount", tenant]);
    kubectl.ok(&["create", "role", tenant, "--verb=*", "--resource=*.*"]);
    let role = format!("--role={tenant}");
    kubectl.ok(&["create", "rolebinding", tenant, &role, &subject]);

    let deployment = find(&objects, "Deployment", "chartroom");
    let env = deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array();
    let mut options = Controller::options(plane, namespace)
        .leader_elect()
        .kubeconfig(account.kubeconfig());
    for one in env.expect("variables") {
        let name = one["name"].as_str().unwrap_or_default();
        if name.starts_with("ALLOWED_") || name.starts_with("DEFAULT_") {
            options = options.env(name, one["value"].as_str().unwrap_or_default());
        }
    }
    let controller = options.start();
    let own = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": "quiet"}, "spec": {"podSelector": {}},
    });
    let grant = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": format!("{namespace}-grab")},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": tenant, "namespace": namespace}],
    });
    controller
        .upload(&ChartBuilder::new("own", "1.0.0").file("templates/own.yaml", own.to_string()));
    controller
        .upload(&ChartBuilder::new("grab", "1.0.0").file("templates/grab.yaml", grant.to_string()));
    components.apply(&ComponentBuilder::new("own").into_namespace(namespace));
    components.ready("own");
    components.apply(&ComponentBuilder::new("grab").into_namespace(namespace));
    components.await_condition("grab", "Stalled", "True", "NotAllowed");
    components.apply(
        &ComponentBuilder::new("away")
            .chart("own")
            .into_namespace("kube-system"),
    );
    components.await_condition("away", "Stalled", "True", "NotAllowed");
    // drift is put right, and all is taken away, with the same rights
    kubectl.ok(&["delete", "networkpolicy", "quiet"]);
    components.annotate("own", "requestedAt", "now");
    components.await_condition("own", "Drifted", "False", "DriftCorrected");
    components.delete_all();
    for name in ["own", "grab", "away"] {
        components.await_gone(name);
    }
    let left = kubectl.ok(&["get", "networkpolicies", "--output=name"]);
    assert_eq!(left, "");
}
