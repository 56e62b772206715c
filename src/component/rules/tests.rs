use serde_json::{Value, json};

use super::*;

fn component(name: &str, spec: Value) -> Component {
    serde_json::from_value(json!({
        "apiVersion": "ext.theriseunion.io/v1alpha1", "kind": "Component",
        "metadata": {"name": name}, "spec": spec,
    }))
    .unwrap()
}

#[test]
fn a_limit_is_told_even_where_the_text_cannot_be() {
    let messages = validations().to_string();
    for told in [
        "the release name \\\"…\\\" is longer than the 53 characters that Helm takes",
        "spec.chart.namespace \\\"…\\\" is no name for a namespace: use at most 63 lower-case letters",
    ] {
        assert!(messages.contains(told), "{told} is not in {messages}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_with_advice() {
    let fine = "a".repeat(53);
    let long = "a".repeat(54);
    for (name, spec, wanted) in [
        ("web", json!({"enabled": true}), None),
        (fine.as_str(), json!({"enabled": true}), None),
        (
            long.as_str(),
            json!({"enabled": true}),
            Some("longer than the 53 characters that Helm takes"),
        ),
        (
            "web",
            json!({"enabled": true, "chart": {"releaseName": "Web"}}),
            Some("release name \"Web\""),
        ),
        (
            "web",
            json!({"enabled": true, "chart": {"releaseName": "a.b-c"}}),
            None,
        ),
        (
            "web",
            json!({"enabled": true, "chart": {"namespace": "a.b"}}),
            Some("no name for a namespace"),
        ),
        (
            "web",
            json!({"enabled": true, "version": "one"}),
            Some("spec.version \"one\""),
        ),
        ("web", json!({"enabled": true, "version": ">=1 <2"}), None),
        (
            "web",
            json!({"enabled": true, "dependsOn": [{"name": "x", "version": "~~"}]}),
            Some("\">=1 <3\" (~~ of x)"),
        ),
        (
            "web",
            json!({"enabled": true, "valuesFrom": [{"kind": "Secret", "name": "s"}]}),
            Some("valuesFrom (Secret s)"),
        ),
        (
            "web",
            json!({"enabled": true, "serviceAccountName": "Helm me"}),
            Some("serviceAccountName"),
        ),
        (
            "web",
            json!({"enabled": true, "test": {"enable": true}}),
            Some("spec.test.enable"),
        ),
    ] {
        let found = problem(&component(name, spec.clone()));
        match wanted {
            None => assert_eq!(found, None, "{spec}"),
            Some(wanted) => {
                let found = found.unwrap_or_else(|| panic!("{spec} is refused"));
                assert!(found.contains(wanted), "{found}");
            }
        }
    }
}

#[test]
fn a_sentence_shows_what_it_names_without_line_breaks() {
    let rows: [(&str, &[&str], &str); 4] = [
        ("it is {}", &["a"], "it is a"),
        ("\"{}\" of {}", &["a\nb", "\"c\""], r#""a\nb" of \"c\""#),
        ("nothing", &[], "nothing"),
        ("it is wrong", &["a of b"], "it is wrong (a of b)"),
    ];
    for (sentence, named, expected) in rows {
        assert_eq!(Sentence(sentence).about(named), expected);
    }
    assert_eq!(Sentence("it is {}").to_string(), "it is …");
}
