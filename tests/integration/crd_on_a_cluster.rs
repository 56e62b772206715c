//! `chartroom crd` on a real API server: what it accepts, fills in, refuses and shows.

mod apply;
mod columns;
mod planned;
mod ranges;
mod refusals;
mod rules;
mod status;
mod upgrade;

use std::sync::OnceLock;

use chartroom::component::ComponentSpec;
use chartroom::yaml;
use serde_json::{Value, json};

use crate::support::control_plane::ControlPlane;
use crate::support::kubectl::Kubectl;
use crate::support::process::run_ok;

const NAME: &str = "customresourcedefinition/components.ext.theriseunion.io";
/// Every field of the spec and the status, each with a value that is not its default.
const EVERY_FIELD: &str = include_str!("../../src/component/tests/every-field.yaml");

/// A Component without a spec.
const BARE: &str =
    "apiVersion: ext.theriseunion.io/v1alpha1\nkind: Component\nmetadata: {name: bare}\n";

#[test]
fn it_is_established_and_applying_it_again_changes_nothing() {
    let kubectl = components();
    let before = kubectl.json(&["get", NAME]);
    let condition = |wanted: &str| {
        let conditions = before["status"]["conditions"].as_array();
        let found = conditions
            .into_iter()
            .flatten()
            .find(|condition| condition["type"] == wanted);
        found.map(|condition| condition["status"].clone())
    };
    assert_eq!(condition("Established"), Some("True".into()));
    assert_eq!(condition("NamesAccepted"), Some("True".into()));
    assert_eq!(condition("NonStructuralSchema"), None, "{before:#}");

    kubectl.apply_server_side(&definition()).succeeded();
    let after = kubectl.json(&["get", NAME]);
    assert_eq!(after["metadata"]["generation"], 1);
    assert_eq!(
        after["metadata"]["resourceVersion"],
        before["metadata"]["resourceVersion"]
    );
}

#[test]
fn the_shortest_component_is_stored_with_every_default() {
    let kubectl = components();
    let expected = serde_json::to_value(ComponentSpec::default()).expect("JSON");
    kubectl
        .apply_server_side(&component("shortest", "{enabled: true}"))
        .succeeded();
    let stored = kubectl.json(&["get", "component", "shortest"]);
    assert_eq!(stored["spec"], expected);

    // `enabled` is required, and has a default, which the server fills in before it looks
    let rows = [
        ("empty", "{}"),
        ("nulls", "{timeout: null, chart: null, enabled: null}"),
    ];
    for (name, spec) in rows {
        let manifest = component(name, spec);
        let create = ["create", "--validate=false", "--filename=-"];
        kubectl.run(&create, &manifest).succeeded();
        let stored = kubectl.json(&["get", "component", name]);
        assert_eq!(stored["spec"], expected, "{spec}");
    }

    kubectl.apply(BARE).succeeded();
    let bare = kubectl.json(&["get", "component", "bare"]);
    assert_eq!(bare["spec"]["enabled"], false, "as published: {bare:#}");
}

#[test]
fn every_field_is_stored_as_it_was_written() {
    let kubectl = components();
    let written = every_field(&kubectl);
    kubectl.apply_server_side(&written.to_string()).succeeded();
    let stored = kubectl.json(&["get", "component", "grafana"]);
    assert_eq!(stored["spec"], written["spec"]);
}

#[test]
fn values_are_kept_to_the_last_null_and_digit() {
    let kubectl = components();
    let values = json!({
        "removed": null,
        "list": [null, {"inner": null}, [], {}, "", 0, false],
        "big": 9_007_199_254_740_993_i64,
        "biggest": i64::MAX,
        "smallest": i64::MIN,
        "half": 0.5,
        "octal": "0755",
        "yes": "yes",
        "apiVersion": "v1",
        "kind": "of no meaning here",
        "metadata": {"name": 5},
        "a.b/c": {"": "no name"},
    });
    let spec = json!({"enabled": true, "values": values}).to_string();
    let applied = component("applied", &spec);
    kubectl.apply_server_side(&applied).succeeded();
    let created = component("created", &spec);
    kubectl
        .run(&["create", "--filename=-"], &created)
        .succeeded();
    let replaced = component("replaced", r#"{"values": {"removed": 1}}"#);
    kubectl.apply_server_side(&replaced).succeeded();
    let again = component("replaced", &spec);
    kubectl
        .run(&["replace", "--filename=-"], &again)
        .succeeded();
    for name in ["applied", "created", "replaced"] {
        let stored = kubectl.json(&["get", "component", name]);
        assert_eq!(stored["spec"]["values"], values, "{name}");
    }
    // the ordinary apply drops nulls before the server sees them; some kubectls only when there is something to change
    let changed = component("replaced", &spec.replace("0.5", "1.5"));
    kubectl.apply(&changed).succeeded();
    let stored = kubectl.json(&["get", "component", "replaced"]);
    assert_eq!(stored["spec"]["values"].get("removed"), None, "{stored:#}");
}

/// A namespace on the shared API server that knows the definition.
#[track_caller]
fn components() -> Kubectl {
    static DEFINED: OnceLock<()> = OnceLock::new();
    let plane = ControlPlane::shared();
    DEFINED.get_or_init(|| define(&plane.kubectl("default"), &definition()));
    plane.namespace()
}

/// Applies a definition and waits until it is served.
#[track_caller]
fn define(kubectl: &Kubectl, definition: &str) {
    kubectl.apply_server_side(definition).succeeded();
    kubectl.eventually(&["get", "components"], |_| true);
}

/// What `chartroom crd` prints.
fn definition() -> String {
    run_ok(env!("CARGO_BIN_EXE_chartroom"), &["crd"]).stdout()
}

/// The manifest of a Component.
fn component(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: ext.theriseunion.io/v1alpha1\nkind: Component\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

/// The example with every field that this version takes, in this namespace.
fn every_field(kubectl: &Kubectl) -> Value {
    let read = yaml::parse(EVERY_FIELD.as_bytes(), yaml::Limits::default());
    let mut example = read.expect("the example is YAML").to_json();
    example["metadata"]["namespace"] = kubectl.namespace().into();
    let spec = example["spec"].as_object_mut().expect("a spec");
    spec.remove("valuesFrom");
    spec["test"]["enable"] = false.into();
    example
}
