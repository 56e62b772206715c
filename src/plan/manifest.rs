//! Manifests: YAML in, its Components out. Pure.

use serde_json::{Value, json};

use crate::component::{Component, rules, schema};
use crate::planner::{Manifest, Requirement};
use crate::yaml::{self, Limits, Yaml};

/// The API group of Components.
const GROUP: &str = "ext.theriseunion.io";

/// The fields of an object, and of the metadata of any. An API server refuses others when kubectl applies them.
const TOP: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
const METADATA: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];
/// How many of the things that are wrong with one Component are told at once.
const SHOWN: usize = 4;

/// What a field must be.
#[derive(Clone, Copy)]
enum Shape {
    Mapping,
    Text,
    Boolean,
}

/// The fields that a plan reads, parents first. They are checked here so that the messages speak of the
/// manifest rather than of the type's deserialization.
const FIELDS: [(&str, Shape); 11] = [
    ("metadata.name", Shape::Text),
    ("metadata.namespace", Shape::Text),
    ("spec", Shape::Mapping),
    ("spec.chart", Shape::Mapping),
    ("spec.chart.name", Shape::Text),
    ("spec.chart.namespace", Shape::Text),
    ("spec.chart.releaseName", Shape::Text),
    ("spec.chart.repository", Shape::Text),
    ("spec.version", Shape::Text),
    ("spec.enabled", Shape::Boolean),
    ("spec.autoInstallDependencies", Shape::Boolean),
];

/// The content of a manifest file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifests {
    /// The Components, in their order.
    pub components: Vec<Manifest>,
    /// Remarks on other objects in it.
    pub notes: Vec<String>,
}

/// Why a manifest file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {message}")]
pub struct ManifestError {
    file: String,
    message: String,
}

impl Manifests {
    /// Reads all documents of `text`; `source` names it in messages, `namespace` is that of Components without one.
    /// Lists are taken apart; other kinds are noted and left out.
    ///
    /// # Errors
    /// The text is not YAML, or a Component in it would be refused by the cluster.
    pub fn read(text: &[u8], source: &str, namespace: &str) -> Result<Self, ManifestError> {
        let error = |message: String| ManifestError {
            file: source.to_owned(),
            message,
        };
        let limits = Limits {
            nodes: 2_000_000,
            ..Limits::default()
        };
        let documents = yaml::parse_all(text, limits).map_err(|e| error(e.to_string()))?;
        let mut manifests = Self::default();
        for (index, document) in documents.iter().enumerate() {
            let place = format!("document {}", index + 1);
            manifests
                .add(document, source, namespace, &place)
                .map_err(error)?;
        }
        Ok(manifests)
    }

    fn add(
        &mut self,
        object: &Yaml,
        source: &str,
        namespace: &str,
        place: &str,
    ) -> Result<(), String> {
        if object.is_null() {
            return Ok(());
        }
        if object.as_mapping().is_none() {
            return Err(format!("{place} is not a Kubernetes object"));
        }
        let text = |field| object.get(field).and_then(Yaml::as_str);
        let (Some(api_version), Some(kind)) = (text("apiVersion"), text("kind")) else {
            return Err(format!(
                "{place} is not a Kubernetes object: it needs apiVersion and kind"
            ));
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let is_ours = group == GROUP;
        if kind == "List" || is_ours && kind == "ComponentList" {
            let items = object.get("items").and_then(Yaml::as_sequence);
            for (index, item) in items.unwrap_or_default().iter().enumerate() {
                let place = format!("{place}, items[{index}]");
                self.add(item, source, namespace, &place)?;
            }
            return Ok(());
        }
        if !is_ours || kind != "Component" {
            let name = object
                .get("metadata")
                .and_then(|metadata| metadata.get("name"));
            let name = name.and_then(Yaml::as_str).unwrap_or("without a name");
            self.notes.push(format!(
                "{source}: {kind} {name} is not a Component and is left out"
            ));
            return Ok(());
        }
        if version != "v1alpha1" {
            return Err(format!(
                "{place} is a Component of {version}; this program knows v1alpha1"
            ));
        }
        let component =
            component(object, namespace).map_err(|message| format!("{place}: {message}"))?;
        self.components.push(Manifest {
            component,
            source: source.to_owned(),
        });
        Ok(())
    }
}

/// The Component that a manifest describes, with the defaults of the definition. Fields that a cluster sets (such as
/// status) are left out: a plan is for a cluster in which nothing is installed.
fn component(object: &Yaml, namespace: &str) -> Result<Component, String> {
    for (path, shape) in FIELDS {
        shape.check(object, path)?;
    }
    let name = text_at(object, "metadata.name").ok_or("a Component needs metadata.name")?;
    if !is_object_name(name) {
        return Err(format!(
            "metadata.name {name:?} is not a name: use lower-case letters, digits, '-' and '.'"
        ));
    }
    let depends_on = at(object, "spec.dependsOn").unwrap_or(&Yaml::Null);
    Requirement::parse_depends_on(depends_on).map_err(|error| error.to_string())?;
    let json = |path: &str| at(object, path).map_or(Value::Null, Yaml::to_json);
    let mut spec = json("spec");
    let values = spec.as_object_mut().and_then(|spec| spec.remove("values"));
    drop_nulls(&mut spec);
    if let (Some(spec), Some(values)) = (spec.as_object_mut(), values.filter(|v| !v.is_null())) {
        // a null in the values removes a default of the chart
        spec.insert("values".to_owned(), values);
    }
    for (place, known) in [("", &TOP[..]), ("metadata.", &METADATA)] {
        let fields = match place {
            "" => object.as_mapping(),
            _ => object.get("metadata").and_then(Yaml::as_mapping),
        };
        let unknown = fields
            .into_iter()
            .flatten()
            .find(|(name, _)| !known.contains(&name.as_str()));
        if let Some((name, _)) = unknown {
            return Err(format!("{place}{name} is no field of a Component"));
        }
    }
    let mut problems = schema::problems(&spec_or_default(&spec));
    if !problems.is_empty() {
        problems.truncate(SHOWN);
        return Err(problems.join("; "));
    }
    let mut whole = json!({
        "apiVersion": json("apiVersion"),
        "kind": json("kind"),
        "metadata": {
            "name": name,
            "namespace": text_at(object, "metadata.namespace").unwrap_or(namespace),
            "labels": json("metadata.labels"),
            "annotations": json("metadata.annotations"),
        },
    });
    whole["spec"] = spec_or_default(&spec);
    let component: Component = serde_json::from_value(whole).map_err(|error| error.to_string())?;
    match rules::problem(&component) {
        Some(problem) => Err(problem),
        None => Ok(component),
    }
}

/// The definition's default for an object without a spec, as the published one has it: nothing is installed.
fn spec_or_default(spec: &Value) -> Value {
    if spec.is_null() {
        json!({"enabled": false})
    } else {
        spec.clone()
    }
}

/// The API server drops nulls where the definition has a default.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The field at a path such as `spec.chart.name`.
fn at<'a>(object: &'a Yaml, path: &str) -> Option<&'a Yaml> {
    path.split('.')
        .try_fold(object, |object, field| object.get(field))
}

/// A text field; an empty one counts as absent.
fn text_at<'a>(object: &'a Yaml, path: &str) -> Option<&'a str> {
    at(object, path)
        .and_then(Yaml::as_str)
        .filter(|text| !text.is_empty())
}

impl Shape {
    fn check(self, object: &Yaml, path: &str) -> Result<(), String> {
        let must_be = match (self, at(object, path)) {
            (_, None | Some(Yaml::Null))
            | (Self::Mapping, Some(Yaml::Mapping(_)))
            | (Self::Text, Some(Yaml::String(_)))
            | (Self::Boolean, Some(Yaml::Bool(_))) => return Ok(()),
            (Self::Mapping, Some(_)) => "a mapping",
            (Self::Boolean, Some(_)) => "true or false",
            (Self::Text, Some(Yaml::Sequence(_) | Yaml::Mapping(_))) => "a text",
            (Self::Text, Some(_)) => "a text: put it in quotes",
        };
        Err(format!("{path} must be {must_be}"))
    }
}

/// Kubernetes' DNS subdomain, RFC 1123.
fn is_object_name(name: &str) -> bool {
    let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253
        && name.split('.').all(|label| {
            label.starts_with(is_edge)
                && label.ends_with(is_edge)
                && label.chars().all(|c| is_edge(c) || c == '-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::ComponentSpec;

    const HEAD: &str = "apiVersion: ext.theriseunion.io/v1alpha1\nkind: Component\n";

    fn read(text: &str) -> Result<Manifests, String> {
        Manifests::read(text.as_bytes(), "m.yaml", "default").map_err(|error| error.to_string())
    }

    #[test]
    fn a_component_has_the_defaults_of_its_definition() {
        let read = read(&format!("{HEAD}metadata: {{name: grafana}}\nspec: {{}}\n")).unwrap();
        let mut component = Component::new("grafana", ComponentSpec::default());
        component.metadata.namespace = Some("default".to_owned());
        let expected = Manifest {
            component,
            source: "m.yaml".to_owned(),
        };
        assert_eq!(read.components, [expected]);
    }

    #[test]
    fn without_a_spec_it_is_not_enabled_as_in_a_cluster() {
        for spec in ["", "spec: null\n", "spec: {enabled: false}\n"] {
            let read = read(&format!("{HEAD}metadata: {{name: a}}\n{spec}")).unwrap();
            assert!(!read.components[0].component.spec.enabled, "{spec}");
        }
    }

    #[test]
    fn all_fields_are_read_but_what_a_cluster_has_added() {
        let text = format!(
            "{HEAD}metadata:\n  name: g\n  namespace: apps\n  annotations: {{ext.theriseunion.io/pre-installed: 'true'}}\n  \
             deletionTimestamp: '2026-01-01T00:00:00Z'\nspec:\n  enabled: false\n  version: ^7\n  suspend: true\n  \
             autoInstallDependencies: false\n  interval: null\n  chart: {{name: grafana, namespace: mon, releaseName: gr, \
             repository: 'http://r'}}\n  values: {{size: 3, extra: null}}\n  dependsOn: [{{name: p, version: ^2, \
             namespace: null}}]\nstatus: {{phase: 7}}\n"
        );
        let component = read(&text).unwrap().components.remove(0).component;
        let metadata = &component.metadata;
        assert_eq!(metadata.namespace.as_deref(), Some("apps"));
        assert_eq!(metadata.deletion_timestamp, None);
        assert!(component.is_marked("ext.theriseunion.io/pre-installed"));
        assert_eq!(component.status, None);
        let expected = json!({
            "enabled": false, "version": "^7", "suspend": true, "autoInstallDependencies": false,
            "chart": {"name": "grafana", "namespace": "mon", "releaseName": "gr", "repository": "http://r"},
            "values": {"size": 3, "extra": null},
            "dependsOn": [{"name": "p", "version": "^2"}],
        });
        let expected: ComponentSpec = serde_json::from_value(expected).unwrap();
        assert_eq!(component.spec, expected);
    }

    #[test]
    fn documents_and_lists_are_taken_apart_and_other_kinds_noted() {
        let text = format!(
            "# a comment\n---\n{HEAD}metadata: {{name: a}}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: \
             mon}}\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: ext.theriseunion.io/v1alpha1\n  kind: \
             Component\n  metadata: {{name: b}}\n- apiVersion: example.org/v1\n  kind: Component\n---\n"
        );
        let read = read(&text).unwrap();
        let names: Vec<&str> = (read.components.iter())
            .map(|m| m.component.name())
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(
            read.notes,
            [
                "m.yaml: Namespace mon is not a Component and is left out",
                "m.yaml: Component without a name is not a Component and is left out"
            ]
        );
    }

    #[test]
    fn what_a_cluster_would_refuse_is_refused_with_its_place() {
        let spec = |spec: &str| format!("{HEAD}metadata: {{name: a}}\nspec: {spec}\n");
        for (text, message) in [
            ("a: [".to_owned(), "m.yaml: yaml: "),
            (
                "text".to_owned(),
                "m.yaml: document 1 is not a Kubernetes object",
            ),
            (
                "---\n---\nkind: Component".to_owned(),
                "m.yaml: document 2 is not a Kubernetes object: it needs apiVersion and kind",
            ),
            (
                HEAD.replace("v1alpha1", "v2"),
                "m.yaml: document 1 is a Component of v2; this program knows v1alpha1",
            ),
            (
                HEAD.to_owned(),
                "m.yaml: document 1: a Component needs metadata.name",
            ),
            (
                format!("{HEAD}metadata: {{name: A_b}}"),
                "m.yaml: document 1: metadata.name \"A_b\" is not a name: ",
            ),
            (
                spec("{version: 1.10}"),
                "m.yaml: document 1: spec.version must be a text: put it in quotes",
            ),
            (
                spec("{enabled: 'yes'}"),
                "m.yaml: document 1: spec.enabled must be true or false",
            ),
            (
                spec("{enabeld: true, chart: {nmae: b}}"),
                "m.yaml: document 1: spec.chart.nmae is no field of a Component; kubectl explain component.spec lists \
                 them; spec.enabeld is no field of a Component; ",
            ),
            (
                format!("{HEAD}metadata: {{name: a, label: {{}}}}"),
                "m.yaml: document 1: metadata.label is no field of a Component",
            ),
            (
                format!("{HEAD}metadata: {{name: a}}\nsepc: {{}}"),
                "m.yaml: document 1: sepc is no field of a Component",
            ),
            (
                spec("{version: one}"),
                "m.yaml: document 1: spec.version \"one\" is neither a version nor a range; ",
            ),
            (
                spec("{chart: grafana}"),
                "m.yaml: document 1: spec.chart must be a mapping",
            ),
            (spec("{interval: soon}"), "m.yaml: document 1: "),
            (
                spec("{dependsOn: [{version: ^1}]}"),
                "m.yaml: document 1: spec.dependsOn[0] needs a name",
            ),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.starts_with(message), "{text}: {error}");
        }
    }
}
