//! What the API server refuses by itself, in words that name the field and what it takes.

use super::{component, components};

#[test]
fn a_refusal_names_the_field_and_what_it_takes() {
    let kubectl = components();
    let rows = [
        (
            "{enabled: true, timeout: 5 minutes}",
            "spec.timeout in body should match '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$'",
        ),
        (
            "{enabled: true, interval: ''}",
            "spec.interval in body should match",
        ),
        (
            "{enabled: true, install: {timeout: '-5m'}}",
            "spec.install.timeout in body should match",
        ),
        (
            "{enabled: true, crds: Replace}",
            "spec.crds: Unsupported value: \"Replace\": supported values: \"Skip\", \"Create\", \"CreateReplace\"",
        ),
        (
            "{enabled: true, deletionPolicy: Delete}",
            "supported values: \"Uninstall\", \"Orphan\"",
        ),
        (
            "{enabled: true, takeOwnership: always}",
            "supported values: \"Never\", \"SameRelease\", \"Always\"",
        ),
        (
            "{enabled: true, driftDetection: {mode: 'off'}}",
            "spec.driftDetection.mode: Unsupported value: \"off\"",
        ),
        (
            "{enabled: true, upgrade: {wait: true}}",
            "spec.upgrade.wait",
        ),
        (
            "{enabled: true, historyLimit: 0}",
            "spec.historyLimit in body should be greater than or equal to 1",
        ),
        (
            "{enabled: true, dependsOn: [{version: ^1}]}",
            "name: Required value",
        ),
        (
            "{enabled: true, dependsOn: [{name: ''}]}",
            "name in body should be at least 1 chars long",
        ),
        ("{enabled: true, values: [1]}", "spec.values"),
        ("{enabled: maybe}", "spec.enabled"),
    ];
    for (spec, expected) in rows {
        let manifest = component("demo", spec);
        // as the server says it, whatever kubectl would have noticed before
        let arguments = ["create", "--validate=false", "--filename=-"];
        let said = kubectl.run(&arguments, &manifest).failed().stderr();
        // which item of a list it is, newer servers say and older ones do not
        let said = said.replace("[0]", "");
        assert!(said.contains(expected), "{spec}: {said}");
        kubectl.apply_server_side(&manifest).failed();
    }
    assert_eq!(kubectl.ok(&["get", "components", "--output=name"]), "");
}
