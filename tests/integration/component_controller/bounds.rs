//! Bounds: who may create Components gets no more than the operator of the controller, and the account that the Component
//! acts as, allow (docs/components.md 20). Each attempt is refused before anything is applied.

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder};
use crate::support::component::Components;
use crate::support::control_plane::ControlPlane;
use crate::support::controller::{Controller, ControllerOptions};

/// A namespace of a tenant, whose account `installer` may do everything in it and nothing beside it.
struct Tenant {
    controller: Controller,
    components: Components,
}

impl Tenant {
    #[track_caller]
    fn of(options: impl FnOnce(ControllerOptions, &str) -> ControllerOptions) -> Tenant {
        let plane = ControlPlane::shared();
        let components = Components::of(plane);
        let namespace = components.namespace();
        let kubectl = components.kubectl();
        kubectl.ok(&["create", "serviceaccount", "installer"]);
        let account = format!("--serviceaccount={namespace}:installer");
        kubectl.ok(&["create", "role", "all", "--verb=*", "--resource=*.*"]);
        kubectl.ok(&["create", "rolebinding", "all", "--role=all", &account]);
        let options = options(Controller::options(plane, namespace), namespace);
        Tenant {
            controller: options.start(),
            components,
        }
    }

    fn home(&self) -> &str {
        self.components.namespace()
    }

    /// A Component of the tenant's, into its own namespace.
    fn component(&self, name: &str) -> ComponentBuilder {
        ComponentBuilder::new(name).into_namespace(self.home())
    }

    /// The message of a Component that is not allowed; nothing of it is there.
    #[track_caller]
    fn refused(&self, component: &ComponentBuilder) -> String {
        self.components.apply(component);
        let name = component.name();
        let stalled = self
            .components
            .await_condition(name, "Stalled", "True", "NotAllowed");
        let kubectl = self.components.kubectl();
        for kind in ["secrets", "configmaps"] {
            let all = kubectl.ok(&["get", kind, "--all-namespaces", "--output=name"]);
            let ours = |line: &&str| {
                line.ends_with(&format!("/{name}-first")) || line.contains(&format!("v1.{name}."))
            };
            assert_eq!(all.lines().find(ours), None, "{name}");
        }
        stalled.message
    }
}

/// A chart whose first object, by Helm's order, is harmless, and with this one besides.
fn chart(name: &str, object: &Value) -> ChartBuilder {
    let first = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("{name}-first")},
    });
    ChartBuilder::new(name, "1.0.0")
        .file("templates/first.yaml", first.to_string())
        .file("templates/object.yaml", object.to_string())
}

#[test]
fn an_account_installs_what_it_may_and_nothing_of_what_it_may_not() {
    let tenant = Tenant::of(|options, _| options.arg("--default-service-account=installer"));
    let home = tenant.home().to_owned();
    tenant
        .controller
        .upload(&ChartBuilder::new("fine", "1.0.0"));
    tenant.components.apply(&tenant.component("fine"));
    let fine = tenant.components.ready("fine");
    let managed =
        tenant
            .components
            .kubectl()
            .ok(&["get", "configmap", "fine-fine", "--output=name"]);
    assert!(managed.contains("fine"), "{fine:#}");

    let rule = json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]});
    let elsewhere = |kind: &str, api: &str| json!({"apiVersion": api, "kind": kind, "metadata": {"name": "odd", "namespace": "kube-system"}});
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "odd", "namespace": "kube-system"},
        "spec": {"serviceAccountName": "default", "containers": [{"name": "x", "image": "registry.example.invalid/x"}]},
    });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("odds.{home}.example.com")},
        "spec": {
            "group": format!("{home}.example.com"), "scope": "Namespaced",
            "names": {"kind": "Odd", "plural": "odds"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
        },
    });
    let lookup = "{{ (lookup \"v1\" \"Secret\" \"kube-system\" \"x\") | toJson | b64enc }}";
    for (name, chart, says) in [
        (
            "role",
            chart("role", &json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                "metadata": {"name": format!("{home}-odd")}, "rules": [rule],
            })),
            "ClusterRole",
        ),
        ("secret", chart("secret", &elsewhere("Secret", "v1")), "namespace \"kube-system\""),
        ("pod", chart("pod", &pod), "namespace \"kube-system\""),
        ("definition", chart("definition", &definition), "customresourcedefinitions"),
        (
            "crds",
            ChartBuilder::new("crds", "1.0.0").file("crds/odd.yaml", definition.to_string()),
            "customresourcedefinitions",
        ),
        (
            "hook",
            chart("hook", &json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {
                    "name": "odd", "namespace": "kube-system",
                    "annotations": {"helm.sh/hook": "pre-install"},
                },
            })),
            "namespace \"kube-system\"",
        ),
        (
            "lookup",
            ChartBuilder::new("lookup", "1.0.0")
                .file("templates/first.yaml", format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: lookup-first}}\ndata: {{x: {lookup}}}\n")),
            "secrets \"x\" is forbidden",
        ),
    ] {
        tenant.controller.upload(&chart);
        let message = tenant.refused(&tenant.component(name));
        assert!(message.contains(says), "{name}: {message}");
        let account = format!("system:serviceaccount:{home}:installer may not install this");
        assert!(message.contains(&account), "{name}: {message}");
        assert!(message.contains("Give that account the right"), "{name}: {message}");
    }
    // a namespace that has to be made is beyond it too
    tenant
        .controller
        .upload(&ChartBuilder::new("beyond", "1.0.0"));
    let beyond = ComponentBuilder::new("beyond").into_namespace(&format!("{home}-made"));
    let message = tenant.refused(&beyond);
    assert!(
        message.contains("may not be created") || message.contains("forbidden"),
        "{message}"
    );

    // what it was installed with takes it away again
    tenant.components.delete("fine");
    tenant.components.await_gone("fine");
    let left = tenant
        .components
        .kubectl()
        .ok(&["get", "configmaps", "--output=name"]);
    assert!(!left.contains("configmap/fine-fine"), "{}", left);
}

#[test]
fn an_account_is_named_and_what_others_need_acts_as_it_too() {
    let tenant = Tenant::of(|options, _| options);
    let requires = "annotations: {ext.theriseunion.io/requires: '[{\"name\": \"base\"}]'}";
    tenant
        .controller
        .upload(&ChartBuilder::new("base", "1.0.0"));
    tenant
        .controller
        .upload(&ChartBuilder::new("top", "1.0.0").more_yaml(requires));
    let bounded = json!({"serviceAccountName": "installer"});
    tenant
        .components
        .apply(&tenant.component("top").spec(bounded));
    tenant.components.ready("top");
    let base = tenant.components.ready("base");
    assert_eq!(base["spec"]["serviceAccountName"], "installer");
    // without any right it gets nowhere
    tenant
        .controller
        .upload(&ChartBuilder::new("weak", "1.0.0"));
    let weak = tenant
        .component("weak")
        .spec(json!({"serviceAccountName": "default"}));
    let message = tenant.refused(&weak);
    assert!(message.contains("forbidden"), "{message}");
}

#[test]
fn the_operator_bounds_repositories_and_namespaces_before_anything_is_asked() {
    let tenant = Tenant::of(|options, home| {
        options
            .env("ALLOWED_REPOSITORIES", "cluster,charts.example.com")
            .arg(format!("--allowed-namespaces={home}=.,{home}={home}-*"))
    });
    let home = tenant.home().to_owned();
    tenant
        .controller
        .upload(&ChartBuilder::new("fine", "1.0.0"));
    tenant.components.apply(&tenant.component("fine"));
    tenant.components.ready("fine");
    let from = |name: &str, url: &str| {
        let source = json!({"repository": url, "namespace": home});
        ComponentBuilder::new(name).spec(json!({"chart": source}))
    };
    let needs = json!({"name": "x", "namespace": "kube-system"});
    for (component, option) in [
        (
            from("metadata", "http://169.254.169.254/latest"),
            "--allowed-repositories",
        ),
        (
            from("loopback", "http://127.0.0.1:1/x"),
            "--allowed-repositories",
        ),
        (
            from("foreign", "https://elsewhere.example.com"),
            "--allowed-repositories",
        ),
        (
            ComponentBuilder::new("system").into_namespace("kube-system"),
            "--allowed-namespaces",
        ),
        (
            tenant.component("needy").dependency(needs),
            "--allowed-namespaces",
        ),
    ] {
        let message = tenant.refused(&component);
        assert!(message.contains(option), "{message}");
    }
    let requires = "annotations: {ext.theriseunion.io/requires: '[{\"name\": \"x\", \"namespace\": \"kube-system\"}]'}";
    tenant
        .controller
        .upload(&ChartBuilder::new("greedy", "1.0.0").more_yaml(requires));
    tenant.components.apply(&tenant.component("greedy"));
    let refused = tenant
        .components
        .await_condition("greedy", "Stalled", "True", "NotAllowed");
    assert!(
        refused.message.contains("--allowed-namespaces"),
        "{refused:?}"
    );
    // once it asks for what is allowed, it gets it
    tenant
        .controller
        .upload(&ChartBuilder::new("system", "1.0.0"));
    let target = format!("{home}-two");
    tenant
        .components
        .change("system", &json!({"chart": {"namespace": target}}));
    tenant.components.ready("system");
}
