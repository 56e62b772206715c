//! What the definition's rules refuse, and what is said of objects that came past them: the same sentences.

use chartroom::component::rules::rules;
use serde_json::{Value, json};

use super::{component, components, define, definition};
use crate::support::api::poll;
use crate::support::component::{condition, is};
use crate::support::control_plane::{ControlPlane, without_rules};
use crate::support::controller::Controller;
use crate::support::kubectl::Kubectl;

const PATH: &str = "/apis/ext.theriseunion.io/v1alpha1";

/// Each rule: a Component's name, a spec that breaks it, and the sentence.
fn rows() -> Vec<(String, Value, String)> {
    let long = "l".repeat(54);
    let rows = [
        (
            "long",
            json!({"chart": {"releaseName": long}}),
            "the release name \"LONG\" is longer than the 53 characters that Helm takes; set spec.chart.releaseName to a \
             shorter one",
        ),
        (
            "LONG",
            json!({}),
            "the release name \"LONG\" is longer than the 53 characters that Helm takes; set spec.chart.releaseName to a \
             shorter one",
        ),
        (
            "letters",
            json!({"chart": {"releaseName": "My_App"}}),
            "the release name \"My_App\" is none that Helm takes: use lower-case letters, digits, - and ., beginning and \
             ending with a letter or digit",
        ),
        (
            "selector",
            json!({"chart": {"releaseName": "my release,name"}}),
            "the release name \"my release,name\" is none that Helm takes: use lower-case letters, digits, - and ., \
             beginning and ending with a letter or digit",
        ),
        (
            "namespace",
            json!({"chart": {"namespace": "a.b"}}),
            "spec.chart.namespace \"a.b\" is no name for a namespace: use at most 63 lower-case letters, digits and -",
        ),
        (
            "version",
            json!({"version": "newest"}),
            "spec.version \"newest\" is neither a version nor a range; write one such as 1.2.3, ^1.2, \">=1 <3\" or latest",
        ),
        (
            "range",
            json!({"dependsOn": [{"name": "a", "version": "^1"}, {"name": "b", "version": "~~1"}]}),
            "spec.dependsOn has a version that is no version range; write one such as ^1.2 or \">=1 <3\"",
        ),
        (
            "digest",
            json!({"chart": {"digest": "sha256:abc"}}),
            "spec.chart.digest \"sha256:abc\" is not sha256: and 64 hex digits",
        ),
        (
            "values",
            json!({"valuesFrom": [{"kind": "Secret", "name": "passwords"}]}),
            "spec.valuesFrom (Secret passwords) is not supported by this version; put the values into spec.values",
        ),
        (
            "account",
            json!({"serviceAccountName": "Installer"}),
            "spec.serviceAccountName \"Installer\" is no name for a ServiceAccount: use lower-case letters, digits, - \
             and ., beginning and ending with a letter or digit",
        ),
        (
            "tests",
            json!({"test": {"enable": true}}),
            "spec.test.enable is not supported by this version; remove it and run `helm test` by hand",
        ),
        (
            "duration",
            json!({"interval": "0s"}),
            "\"0s\" is not a duration above zero such as 90s, 5m or 1h30m",
        ),
        (
            "action-duration",
            json!({"timeout": "5m", "rollback": {"timeout": "0m0.0s"}}),
            "\"0m0.0s\" is not a duration above zero such as 90s, 5m or 1h30m",
        ),
    ];
    let row = |(name, mut spec, sentence): (&str, Value, &str)| {
        spec["enabled"] = true.into();
        let fill = |text: &str| text.replace("LONG", &long);
        (fill(name), spec, fill(sentence))
    };
    rows.map(row).into()
}

#[test]
fn every_rule_has_a_row() {
    for rule in rules() {
        let is_of = |said: &str| rule.sentence.0.split("{}").all(|part| said.contains(part));
        let has_row = rows().iter().any(|(_, _, said)| is_of(said));
        assert!(has_row, "{}", rule.sentence);
    }
}

/// What the API server says to a new object.
fn refusal(kubectl: &Kubectl, name: &str, spec: &Value) -> String {
    let manifest = component(name, &spec.to_string());
    let create = ["create", "--dry-run=server", "--filename=-"];
    kubectl.run(&create, &manifest).failed().stderr()
}

#[test]
fn what_breaks_a_rule_is_refused_when_it_is_made_and_when_it_is_changed() {
    let kubectl = components();
    for (name, spec, sentence) in rows() {
        let said = refusal(&kubectl, &name, &spec);
        assert!(said.contains(&sentence), "{spec}: {said}");

        if name.len() > 53 {
            // nobody changes a name
            continue;
        }
        for status in [None, Some(r#"{"status": {"phase": "Deployed"}}"#)] {
            let fine = component(&name, "{enabled: true}");
            kubectl.apply_server_side(&fine).succeeded();
            if let Some(status) = status {
                super::columns::set_status(&kubectl, &name, status);
            }
            let patch = json!({"spec": spec}).to_string();
            let patch = [
                "patch",
                "component",
                &name,
                "--type=merge",
                "--patch",
                &patch,
            ];
            let said = kubectl.run(&patch, "").failed().stderr();
            assert!(said.contains(&sentence), "{spec} {status:?}: {said}");
        }
    }
}

/// Objects of an older definition, which break rules that the newer one has: the controller says what is wrong with each
/// in the rule's own words, and lets go of it.
#[test]
fn what_came_past_the_rules_is_told_the_same_and_can_be_changed_and_deleted() {
    let plane = ControlPlane::start();
    let kubectl = plane.namespace();
    define(&kubectl, &without_rules(&definition()));
    let collection = format!("{PATH}/namespaces/{}/components", kubectl.namespace());
    let path = |name: &str| format!("{collection}/{name}");
    let make = |name: &str, spec: &Value| {
        let manifest = component(name, &spec.to_string());
        kubectl.apply_server_side(&manifest).succeeded();
    };
    let is_told = |name: &str, sentence: &str| {
        let told = poll(std::time::Duration::from_secs(60), || {
            let object = plane.api().get(&path(name)).expect("it is there");
            is(&object, "Stalled", "True", "InvalidSpec").then_some(object)
        });
        let told = told.unwrap_or_else(|| panic!("{name} is not told"));
        let stalled = condition(&told, "Stalled").expect("it was just there");
        assert!(stalled.message.contains(sentence), "{stalled:?}");
    };

    for (name, spec, _) in rows() {
        make(&name, &spec);
    }
    let mut controller = Controller::start(&plane, kubectl.namespace());
    for (name, _, sentence) in rows() {
        is_told(&name, &sentence);
    }
    // from now on it is the controller that lets this one go, by a name that breaks a label selector
    let held = poll(std::time::Duration::from_secs(60), || {
        let object = plane.api().get(&path("selector")).expect("it is there");
        object["metadata"]["finalizers"].is_array().then_some(())
    });
    assert!(held.is_some(), "it has no finalizer");
    controller.kill();
    // of these nobody has said anything yet
    let fresh = |name: &str| match name.len() {
        54 => "m".repeat(54),
        _ => format!("fresh-{name}"),
    };
    for (name, spec, _) in rows() {
        make(&fresh(&name), &spec);
    }

    kubectl.apply_server_side(&definition()).succeeded();
    let probe = component("probe", "{enabled: true, version: newest}");
    let create = ["create", "--dry-run=server", "--filename=-"];
    let refused = poll(std::time::Duration::from_secs(30), || {
        let answer = kubectl.run(&create, &probe);
        (!answer.status.success()).then_some(())
    });
    assert!(refused.is_some(), "the rules are not taken up");

    controller.restart();
    for (name, _, sentence) in rows() {
        let sentence = match name.len() {
            54 => sentence.replace(&name, &fresh(&name)),
            _ => sentence,
        };
        is_told(&fresh(&name), &sentence);
        // what is not about the broken field may be changed
        let mut change = json!({"metadata": {"labels": {"touched": "yes"}}});
        if name != "selector" {
            // the release of a Component that is suspended is not looked for when it goes
            change["spec"] = json!({"suspend": true});
        }
        plane.api().merge(&path(&name), &change);
    }
    kubectl.ok(&["delete", "components", "--all", "--timeout=60s"]);
    assert_eq!(kubectl.ok(&["get", "components", "--output=name"]), "");
}
