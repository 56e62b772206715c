//! `values.schema.json` as helm applies it: what is no value of the chart is refused by name. Values, schema and templates
//! know the same names.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{charts, no_findings};
use crate::support::helm::{HELM, Helm};

#[test]
fn unknown_values_and_the_latest_image_are_refused() {
    let helm = Helm::new(HELM);
    let mut findings = Vec::new();
    for chart in charts() {
        let mut wrong = vec![("replicaz=2", "replicaz")];
        if !chart.is_umbrella() {
            wrong.push(("image.tag=latest", "tag"));
            wrong.push(("image.tga=1", "tga"));
            wrong.push(("resources=none", "resources"));
        }
        for (setting, named) in wrong {
            let answer = helm.run(&["template", "x", chart.path(), "--set", setting]);
            if answer.status.success() || !answer.stderr().contains(named) {
                findings.push(format!("{} --set {setting}: {answer}", chart.name));
            }
        }
    }
    no_findings(findings);
}

/// Known to the schema, and not in `values.yaml`: an umbrella's condition, and a field of a map that is passed on whole.
const IN_SCHEMA_ONLY: &[&str] = &["enabled", "claims"];

/// Passed on whole, although the schema knows the fields.
const PASSED_ON: &[&str] = &["resources"];

#[test]
fn values_schema_and_templates_know_the_same_names() {
    let mut findings = Vec::new();
    for chart in charts().into_iter().filter(|chart| !chart.is_umbrella()) {
        let schema: Value = serde_json::from_str(&chart.text("values.schema.json")).expect("JSON");
        let templates = chart.templates();
        let words: BTreeSet<&str> = templates
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .collect();
        compare("", &schema, &chart.values(), &mut |path, is_value| {
            let name = path.rsplit('.').next().unwrap_or(path);
            if !is_value && !IN_SCHEMA_ONLY.contains(&name) {
                findings.push(format!("{}: no value {path}", chart.name));
            } else if is_value && !words.contains(name) {
                findings.push(format!("{}: no template reads {path}", chart.name));
            }
        });
    }
    no_findings(findings);
}

/// Calls `found` with each name of the schema, and whether it is a value too. That each value is in the schema is what
/// helm checks.
fn compare(path: &str, schema: &Value, values: &Value, found: &mut impl FnMut(&str, bool)) {
    let properties = schema["properties"].as_object().into_iter().flatten();
    for (name, schema) in properties {
        let below = format!("{path}.{name}");
        let value = values.get(name);
        found(below.trim_start_matches('.'), value.is_some());
        if let Some(value) = value.filter(|_| !PASSED_ON.contains(&name.as_str())) {
            compare(&below, schema, value, found);
        }
    }
}
