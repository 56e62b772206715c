//! Manifests: YAML in, the Components in it out, as far as a plan needs to know them.
//!
//! [`Component`] stands in for the custom resource's own type; its `read` is the one place that fills it.

use crate::topology::{NodeKey, Requirement};
use crate::yaml::{self, Limits, Yaml};

/// The API group of Components and of their annotations.
const GROUP: &str = "ext.theriseunion.io";

/// What a plan needs to know of a Component.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Namespace and name.
    pub key: NodeKey,
    /// Where it was read, for messages.
    pub source: String,
    /// `spec.enabled`.
    pub enabled: bool,
    /// `spec.version`.
    pub version: String,
    /// `spec.chart.name`, or the Component's name.
    pub chart: String,
    /// `spec.chart.repository`, if it names one.
    pub repository: Option<String>,
    /// Namespace and name of the release.
    pub release: (String, String),
    /// `spec.dependsOn`.
    pub depends_on: Vec<Requirement>,
    /// `spec.autoInstallDependencies`.
    pub auto_install: bool,
    /// The annotation that keeps the controller's hands off it, if it has one.
    pub untouched: Option<&'static str>,
    /// `spec.suspend`.
    pub suspended: bool,
}

/// What a text holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifests {
    /// The Components, in their order.
    pub components: Vec<Component>,
    /// What else is in it.
    pub notes: Vec<String>,
}

/// Why a text cannot be planned with.
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
        let component = Component::read(object, source, namespace)
            .map_err(|message| format!("{place}: {message}"))?;
        self.components.push(component);
        Ok(())
    }
}

impl Component {
    fn read(object: &Yaml, source: &str, namespace: &str) -> Result<Self, String> {
        let nothing = Yaml::Null;
        let metadata = object.get("metadata").unwrap_or(&nothing);
        let spec = mapping(object, "spec", "spec")?.unwrap_or(&nothing);
        let chart = mapping(spec, "chart", "spec.chart")?.unwrap_or(&nothing);
        let name =
            text(metadata, "name", "metadata.name")?.ok_or("a Component needs metadata.name")?;
        if !is_object_name(&name) {
            return Err(format!(
                "metadata.name {name:?} is not a name: use lower-case letters, digits, '-' and '.'"
            ));
        }
        let namespace = text(metadata, "namespace", "metadata.namespace")?
            .unwrap_or_else(|| namespace.to_owned());
        let target = text(chart, "namespace", "spec.chart.namespace")?
            .unwrap_or_else(|| "edge-system".to_owned());
        let release =
            text(chart, "releaseName", "spec.chart.releaseName")?.unwrap_or_else(|| name.clone());
        let depends_on = spec.get("dependsOn").unwrap_or(&nothing);
        Ok(Self {
            key: NodeKey::new(&namespace, &name),
            source: source.to_owned(),
            enabled: boolean(spec, "enabled", "spec.enabled")?.unwrap_or(true),
            version: text(spec, "version", "spec.version")?.unwrap_or_default(),
            repository: text(chart, "repository", "spec.chart.repository")?,
            chart: text(chart, "name", "spec.chart.name")?.unwrap_or(name),
            release: (target, release),
            depends_on: Requirement::parse_depends_on(depends_on)
                .map_err(|error| error.to_string())?,
            auto_install: boolean(
                spec,
                "autoInstallDependencies",
                "spec.autoInstallDependencies",
            )?
            .unwrap_or(true),
            untouched: untouched(metadata),
            suspended: boolean(spec, "suspend", "spec.suspend")?.unwrap_or(false),
        })
    }
}

/// The annotation by which the controller leaves a Component alone.
fn untouched(metadata: &Yaml) -> Option<&'static str> {
    let annotations = metadata.get("annotations")?;
    ["skip-reconcile", "pre-installed"]
        .into_iter()
        .find(|name| {
            let value = annotations.get(&format!("{GROUP}/{name}"));
            value.and_then(Yaml::as_str) == Some("true")
        })
}

fn mapping<'a>(object: &'a Yaml, field: &str, path: &str) -> Result<Option<&'a Yaml>, String> {
    match object.get(field) {
        None | Some(Yaml::Null) => Ok(None),
        Some(value @ Yaml::Mapping(_)) => Ok(Some(value)),
        Some(_) => Err(format!("{path} must be a mapping")),
    }
}

/// A text field; empty is as good as none.
fn text(object: &Yaml, field: &str, path: &str) -> Result<Option<String>, String> {
    match object.get(field) {
        None | Some(Yaml::Null) => Ok(None),
        Some(Yaml::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(Yaml::Sequence(_) | Yaml::Mapping(_)) => Err(format!("{path} must be a text")),
        Some(_) => Err(format!("{path} must be a text: put it in quotes")),
    }
}

fn boolean(object: &Yaml, field: &str, path: &str) -> Result<Option<bool>, String> {
    match object.get(field) {
        None | Some(Yaml::Null) => Ok(None),
        Some(Yaml::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(format!("{path} must be true or false")),
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

    const HEAD: &str = "apiVersion: ext.theriseunion.io/v1alpha1\nkind: Component\n";

    fn read(text: &str) -> Result<Manifests, String> {
        Manifests::read(text.as_bytes(), "m.yaml", "default").map_err(|error| error.to_string())
    }

    #[test]
    fn a_component_has_the_defaults_of_its_definition() {
        let read = read(&format!("{HEAD}metadata: {{name: grafana}}\n")).unwrap();
        let expected = Component {
            key: NodeKey::new("default", "grafana"),
            source: "m.yaml".to_owned(),
            enabled: true,
            version: String::new(),
            chart: "grafana".to_owned(),
            repository: None,
            release: ("edge-system".to_owned(), "grafana".to_owned()),
            depends_on: vec![],
            auto_install: true,
            untouched: None,
            suspended: false,
        };
        assert_eq!(read.components, [expected]);
    }

    #[test]
    fn all_fields_are_read() {
        let text = format!(
            "{HEAD}metadata:\n  name: g\n  namespace: apps\n  annotations: {{ext.theriseunion.io/pre-installed: 'true'}}\n\
             spec:\n  enabled: false\n  version: ^7\n  suspend: true\n  autoInstallDependencies: false\n  chart: {{name: \
             grafana, namespace: mon, releaseName: gr, repository: 'http://r'}}\n  dependsOn: [{{name: p, version: ^2}}]\n"
        );
        let read = read(&text).unwrap().components.remove(0);
        assert_eq!(read.key.to_string(), "apps/g");
        assert_eq!(
            (read.enabled, read.suspended, read.auto_install),
            (false, true, false)
        );
        assert_eq!((&*read.version, &*read.chart), ("^7", "grafana"));
        assert_eq!(read.release, ("mon".to_owned(), "gr".to_owned()));
        assert_eq!(read.repository.as_deref(), Some("http://r"));
        assert_eq!(read.untouched, Some("pre-installed"));
        assert_eq!(read.depends_on[0].name, "p");
    }

    #[test]
    fn documents_and_lists_are_taken_apart_and_other_kinds_noted() {
        let text = format!(
            "# a comment\n---\n{HEAD}metadata: {{name: a}}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: \
             mon}}\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: ext.theriseunion.io/v1alpha1\n  kind: \
             Component\n  metadata: {{name: b}}\n- apiVersion: example.org/v1\n  kind: Component\n---\n"
        );
        let read = read(&text).unwrap();
        let names: Vec<&str> = (read.components.iter()).map(|c| &*c.key.name).collect();
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
                spec("{chart: grafana}"),
                "m.yaml: document 1: spec.chart must be a mapping",
            ),
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
