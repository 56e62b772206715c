use std::time::Duration;

use kube::core::DeserializeGuard;
use serde_json::json;

use super::*;
use crate::yaml;

fn read(text: &str) -> Component {
    try_read(text).unwrap()
}

fn try_read(text: &str) -> Result<Component, serde_json::Error> {
    let yaml = yaml::parse(text.as_bytes(), yaml::Limits::default()).unwrap();
    serde_json::from_value(yaml.to_json())
}

fn with_spec(spec: &str) -> String {
    format!(
        "{{apiVersion: ext.theriseunion.io/v1alpha1, kind: Component, metadata: {{name: demo}}, spec: {spec}}}"
    )
}

#[test]
fn the_shortest_component_has_every_default() {
    let component = read(&with_spec("{enabled: true}"));
    assert_eq!(component.spec, ComponentSpec::default());
    assert_eq!(component.spec, read(&with_spec("{}")).spec);
    assert_eq!(component.chart_name(), "demo");
    assert_eq!(component.release_name(), "demo");
    assert_eq!(component.target_namespace(), "edge-system");
    assert_eq!(component.spec.timeout.get(), Duration::from_secs(300));
    assert_eq!(component.spec.interval.get(), Duration::from_secs(600));
    assert_eq!(component.spec.upgrade.retries, 3);
    assert!(component.spec.upgrade.cleanup_on_fail);
    assert!(component.spec.auto_install_dependencies);
    assert_eq!(component.spec.history_limit, 5);
    assert!(component.status.is_none());
}

#[test]
fn defaults_in_the_schema_are_those_of_the_types() {
    let crd = crd::value();
    let fields = crd.pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties");
    let written = serde_json::to_value(ComponentSpec::default()).unwrap();
    let mut compared = 0;
    for (name, schema) in fields.unwrap().as_object().unwrap() {
        if let Some(default) = schema.get("default") {
            assert_eq!(Some(default), written.get(name), "{name}");
            compared += 1;
        }
    }
    assert_eq!(compared, written.as_object().unwrap().len(), "{written}");
}

#[test]
fn an_object_in_the_published_form_means_what_it_meant() {
    let component = read(
        "
apiVersion: ext.theriseunion.io/v1alpha1
kind: Component
metadata:
  name: metrics
  namespace: edge-system
  labels:
    app.kubernetes.io/part-of: platform
  annotations:
    ext.theriseunion.io/pre-installed: \"true\"
    ext.theriseunion.io/skip-reconcile: \"true\"
    ext.theriseunion.io/installation-method: helm-direct
spec:
  # a field of the first published version, which later ones drop
  type: monitoring
  enabled: true
  version: v1.0.0
  chart:
    name: edge-metrics
    namespace: observability-system
    releaseName: \"\"
    repository: http://charts.edge-system.svc:8080
  values:
    replicas: 2
    image: {tag: \"1.10\"}
    removed: null
status:
  phase: Installed
  conditions:
  - type: Ready
    status: \"True\"
    reason: InstallSucceeded
    message: \"\"
    lastTransitionTime: \"2024-01-15T10:30:00Z\"
  observedHash: \"sha256:abc123\"
  releaseName: metrics
  releaseVersion: 3
  retryCount: 1
  message: done
  lastFailureTime: \"2024-01-15T10:29:00Z\"
  lastTransitionTime: \"2024-01-15T10:30:00Z\"
",
    );
    assert_eq!(component.chart_name(), "edge-metrics");
    assert_eq!(component.release_name(), "metrics");
    assert_eq!(component.target_namespace(), "observability-system");
    assert!(component.is_marked(names::annotation::SKIP_RECONCILE));
    assert!(component.is_marked(names::annotation::PRE_INSTALLED));
    assert!(!component.is_marked(names::annotation::INSTALLATION_METHOD));
    assert_eq!(
        Value::from(component.spec.values.clone()),
        json!({"replicas": 2, "image": {"tag": "1.10"}, "removed": null})
    );
    let status = component.status.unwrap();
    assert_eq!(status.phase, Some(Phase::Other("Installed".into())));
    assert_eq!(status.release_version, Some(3));
    assert_eq!(status.retry_count, Some(1));
    assert_eq!(status.conditions[0].reason, "InstallSucceeded");
    assert!(status.last_failure_time.is_some());
}

/// Every field of the spec and the status, each with a value that is not its default.
const FULL: &str = include_str!("tests/every-field.yaml");

#[test]
fn every_field_is_written_back_as_it_was_read() {
    let yaml = yaml::parse(FULL.as_bytes(), yaml::Limits::default()).unwrap();
    let given = yaml.to_json();
    let component: Component = serde_json::from_value(given.clone()).unwrap();
    assert_eq!(serde_json::to_value(&component).unwrap(), given);
}

#[test]
fn the_full_example_has_every_field_of_the_schema() {
    let crd = crd::value();
    let schema = crd
        .pointer("/spec/versions/0/schema/openAPIV3Schema")
        .unwrap();
    let example = yaml::parse(FULL.as_bytes(), yaml::Limits::default())
        .unwrap()
        .to_json();
    let mut missing = Vec::new();
    unused("", schema, &[&example], &mut missing);
    assert!(missing.is_empty(), "FULL has no {}", missing.join(", "));
}

/// Appends the fields of `schema` that none of `values` has.
fn unused(path: &str, schema: &Value, values: &[&Value], missing: &mut Vec<String>) {
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        let found: Vec<&Value> = values.iter().filter_map(|value| value.get(name)).collect();
        if found.is_empty() {
            missing.push(path);
        } else if below["type"] == "array" {
            let items: Vec<&Value> = found
                .iter()
                .filter_map(|v| v.as_array())
                .flatten()
                .collect();
            unused(&format!("{path}[]"), &below["items"], &items, missing);
        } else {
            unused(&path, below, &found, missing);
        }
    }
}

#[test]
fn what_cannot_be_meant_is_refused_by_name() {
    let rows = [
        ("{timeout: 5}", "invalid type"),
        ("{timeout: 0s}", "\"0s\" is not a duration above zero"),
        ("{interval: soon}", "\"soon\" is not a duration above zero"),
        ("{crds: Replace}", "unknown variant `Replace`"),
        ("{install: {wait: Watcher}}", "unknown variant `Watcher`"),
        ("{dependsOn: [{version: ^1}]}", "missing field `name`"),
        ("{values: [1]}", "expected a map"),
        ("{historyLimit: -1}", "invalid value"),
    ];
    for (spec, expected) in rows {
        let error = try_read(&with_spec(spec)).unwrap_err().to_string();
        assert!(error.contains(expected), "{spec}: {error}");
    }
}

#[test]
fn one_odd_component_does_not_hide_the_others() {
    let list = json!([
        {"metadata": {"name": "odd"}, "spec": {"enabled": true, "timeout": "0s"}},
        {"metadata": {"name": "no-spec"}},
        {"metadata": {"name": "good"}, "spec": {"enabled": true}},
    ]);
    let read: Vec<DeserializeGuard<Component>> = serde_json::from_value(list).unwrap();
    let read: Vec<String> = read
        .into_iter()
        .map(|DeserializeGuard(item)| match item {
            Ok(component) => component.name().to_owned(),
            Err(error) => format!("{}: {}", error.metadata.name.unwrap(), error.error),
        })
        .collect();
    let expected = [
        "odd: \"0s\" is not a duration above zero such as 90s, 5m or 1h30m",
        "no-spec: Missing field spec",
        "good",
    ];
    assert_eq!(read, expected);
}
