//! Values reach Helm through its standard input as JSON, which it reads as YAML: every character survives that.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chartroom::release::helm::{Helm, HelmSettings, Rendering};
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::support::chart_builder::ChartBuilder;
use crate::support::helm::HELM;
use crate::support::server;
use crate::support::tools;

/// How many characters stand in one text.
const AT_ONCE: usize = 4096;

#[tokio::test]
async fn every_character_reaches_a_chart_as_it_is() {
    let place = TempDir::new().expect("a temporary directory");
    let letters: Vec<char> = ('\0'..=char::MAX).collect();
    let mut texts = Map::new();
    for (number, some) in letters.chunks(AT_ONCE).enumerate() {
        // between blanks, which a folded line end would take with it
        let text: String = some.iter().map(|letter| format!(" {letter}")).collect();
        texts.insert(format!("n{number}"), text.into());
    }
    // in keys as well
    for letter in ['\u{7f}', '\u{85}', '\u{2028}', '\u{feff}', '\u{ffff}'] {
        texts.insert(format!("k {letter} k"), "key".into());
    }
    for like_yaml in [
        "<<", "null", "true", "1", "~", "---", "? a", "&a", "*a", "!b",
    ] {
        texts.insert(like_yaml.to_owned(), like_yaml.into());
    }
    let chart = ChartBuilder::new("app", "1.0.0")
        .without("templates/configmap.yaml")
        .template("texts", "base64: {{ .Values.texts | toJson | b64enc }}\n");
    let package = place.path().join("app-1.0.0.tgz");
    std::fs::write(&package, chart.package()).expect("a writable file");
    let out = place.path().join("out");
    std::fs::create_dir(&out).expect("a writable directory");
    let values = serde_json::json!({"texts": texts});
    let helm = Helm::new(HelmSettings {
        binary: tools::helm(HELM),
        home: place.path().join("home"),
        environment: Vec::new(),
        grace: Duration::from_secs(30),
        memory_limit: None,
        gogc: None,
        launcher: Some(server::binary()),
    });
    helm.render(&Rendering {
        skip_schema_validation: false,
        package: &package,
        values: serde_json::to_vec(&values).expect("JSON"),
        release: "app",
        namespace: "edge",
        out: &out,
    })
    .await
    .expect("a rendered chart");
    let rendered = std::fs::read_to_string(out.join("app/templates/texts.yaml"));
    let rendered = rendered.expect("a rendered template");
    let line = rendered
        .lines()
        .find_map(|line| line.strip_prefix("base64: "));
    let json = BASE64_STANDARD.decode(line.expect("the echo"));
    let reached: Map<String, Value> =
        serde_json::from_slice(&json.expect("base64")).expect("a map");
    for (key, text) in &texts {
        let found = reached.get(key).and_then(Value::as_str);
        if found != text.as_str() {
            let mut pairs = text
                .as_str()
                .expect("a text")
                .chars()
                .zip(found.unwrap_or("").chars());
            let first = pairs.find(|(wanted, found)| wanted != found);
            panic!("{key:?} differs from {first:?} on");
        }
    }
    assert_eq!(reached.len(), texts.len());
}
