//! JSON is handed over where YAML is read: no character of it may become another (docs/components.md 8, item 1).

use std::time::Duration;

use chartroom::component::{CrdsPolicy, DriftDetection};
use chartroom::controller::crds;
use chartroom::yaml::escaped;
use serde_json::{Value, json};

use super::Bed;

/// What go-yaml folds, refuses or drops, and neighbours that it does not.
const SPECIAL: [char; 15] = [
    '\u{1}',
    '\u{1f}',
    '\u{7f}',
    '\u{80}',
    '\u{85}',
    '\u{9f}',
    '\u{a0}',
    '\u{2027}',
    '\u{2028}',
    '\u{2029}',
    '\u{feff}',
    '\u{fffd}',
    '\u{fffe}',
    '\u{ffff}',
    '\u{1f389}',
];

/// The characters between blanks, at both ends, and in a row.
fn texts() -> Value {
    let mut texts = serde_json::Map::new();
    for letter in SPECIAL {
        let key = format!("at-{:x}", u32::from(letter));
        texts.insert(
            key,
            format!("{letter}a {letter} b\n {letter}{letter}").into(),
        );
    }
    Value::Object(texts)
}

#[tokio::test]
async fn texts_are_stored_as_they_are_and_found_unchanged() {
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "texts", "annotations": {"example.com/note": "a \u{2028} b"}},
        "data": texts(),
    });
    let manifest = String::from_utf8(escaped(map.to_string().into_bytes())).expect("UTF-8");
    let bed = Bed::installed(&manifest).await;
    let live = bed.kubectl.json(&["get", "configmap/texts"]);
    assert_eq!(live["data"], texts());
    assert_eq!(
        live["metadata"]["annotations"]["example.com/note"],
        "a \u{2028} b"
    );
    let policy = DriftDetection::default();
    bed.patch("configmap/texts", r#"{"data": {"at-2028": "folded"}}"#);
    let report = bed.detect(&policy).await;
    bed.correct(&policy, &report).await;
    let live = bed.kubectl.json(&["get", "configmap/texts"]);
    assert_eq!(live["data"], texts());
}

#[tokio::test]
async fn so_are_the_descriptions_in_a_definition() {
    let bed = Bed::new("").await;
    let group = format!("{}.example.com", bed.kubectl.namespace());
    let note = "one \u{2028} two \u{85} three \u{feff}";
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("notes.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"plural": "notes", "singular": "note", "kind": "Note"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {
                "openAPIV3Schema": {"type": "object", "description": note},
            }}],
        },
    });
    let text = escaped(definition.to_string().into_bytes());
    let files = [("crds/notes.yaml".to_owned(), text)];
    let how = (CrdsPolicy::CreateReplace, Duration::from_secs(30));
    let report = crds::apply(&bed.client, &files, how.0, how.1).await;
    report.expect("a definition");
    let what = format!("customresourcedefinition/notes.{group}");
    let live = bed.kubectl.json(&["get", &what]);
    let schema = &live["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    assert_eq!(schema["description"], note);
    bed.kubectl.ok(&["delete", &what]);
}
