//! From YAML to metadata: `sigs.k8s.io/yaml` coercing, then Go's `encoding/json` decoding.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::chart::metadata::{Dependency, Maintainer, Metadata, MetadataError};
use crate::yaml::{Yaml, go_float_text};

/// [`Metadata::merge`].
pub(super) fn overlay(metadata: &mut Metadata, yaml: &Yaml) -> Result<(), MetadataError> {
    let fields = match yaml {
        Yaml::Null => return Ok(()),
        Yaml::Mapping(fields) => fields,
        other => {
            let kind = kind(other);
            return Err(MetadataError::Type(format!(
                "cannot unmarshal {kind} into Go value of type chart.Metadata"
            )));
        }
    };
    for (key, value) in fields {
        let Some(field) = Field::find("Metadata", "", &METADATA_FIELDS, key) else {
            continue;
        };
        match field.name {
            "name" => field.string(value, &mut metadata.name)?,
            "home" => field.string(value, &mut metadata.home)?,
            "sources" => field.strings(value, &mut metadata.sources)?,
            "version" => field.string(value, &mut metadata.version)?,
            "description" => field.string(value, &mut metadata.description)?,
            "keywords" => field.strings(value, &mut metadata.keywords)?,
            "maintainers" => {
                let entries =
                    field.entries(value, "[]*chart.Maintainer", "chart.Maintainer", maintainer)?;
                metadata.has_null_maintainer = entries.has_null;
                metadata.maintainers = entries.list;
            }
            "icon" => field.string(value, &mut metadata.icon)?,
            "apiVersion" => field.string(value, &mut metadata.api_version)?,
            "condition" => field.string(value, &mut metadata.condition)?,
            "tags" => field.string(value, &mut metadata.tags)?,
            "appVersion" => field.string(value, &mut metadata.app_version)?,
            "deprecated" => field.boolean(value, &mut metadata.deprecated)?,
            "annotations" => field.map(value, &mut metadata.annotations)?,
            "kubeVersion" => field.string(value, &mut metadata.kube_version)?,
            "dependencies" => {
                let entries =
                    field.entries(value, "[]*chart.Dependency", "chart.Dependency", dependency)?;
                metadata.has_null_dependency = entries.has_null;
                metadata.dependencies = entries.list;
            }
            "type" => field.string(value, &mut metadata.chart_type)?,
            unlisted => unreachable!("{unlisted} is a field of METADATA_FIELDS"),
        }
    }
    Ok(())
}

const METADATA_FIELDS: [&str; 17] = [
    "name",
    "home",
    "sources",
    "version",
    "description",
    "keywords",
    "maintainers",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "deprecated",
    "annotations",
    "kubeVersion",
    "dependencies",
    "type",
];

const MAINTAINER_FIELDS: [&str; 3] = ["name", "email", "url"];

const DEPENDENCY_FIELDS: [&str; 8] = [
    "name",
    "version",
    "repository",
    "condition",
    "tags",
    "enabled",
    "import-values",
    "alias",
];

fn maintainer(fields: &BTreeMap<String, Yaml>) -> Result<Maintainer, MetadataError> {
    let mut maintainer = Maintainer::default();
    for (key, value) in fields {
        let Some(field) = Field::find("Maintainer", "maintainers.", &MAINTAINER_FIELDS, key) else {
            continue;
        };
        match field.name {
            "name" => field.string(value, &mut maintainer.name)?,
            "email" => field.string(value, &mut maintainer.email)?,
            "url" => field.string(value, &mut maintainer.url)?,
            unlisted => unreachable!("{unlisted} is a field of MAINTAINER_FIELDS"),
        }
    }
    Ok(maintainer)
}

fn dependency(fields: &BTreeMap<String, Yaml>) -> Result<Dependency, MetadataError> {
    let mut dependency = Dependency::default();
    for (key, value) in fields {
        let Some(field) = Field::find("Dependency", "dependencies.", &DEPENDENCY_FIELDS, key)
        else {
            continue;
        };
        match field.name {
            "name" => field.string(value, &mut dependency.name)?,
            "version" => field.string(value, &mut dependency.version)?,
            "repository" => field.string(value, &mut dependency.repository)?,
            "condition" => field.string(value, &mut dependency.condition)?,
            "tags" => field.strings(value, &mut dependency.tags)?,
            "enabled" => field.boolean(value, &mut dependency.enabled)?,
            "import-values" => field.values(value, &mut dependency.import_values)?,
            "alias" => field.string(value, &mut dependency.alias)?,
            unlisted => unreachable!("{unlisted} is a field of DEPENDENCY_FIELDS"),
        }
    }
    Ok(dependency)
}

/// A field of one of Helm's structures, with what error texts say of it.
#[derive(Clone, Copy, Debug)]
struct Field {
    structure: &'static str,
    path: &'static str,
    name: &'static str,
}

/// A list of structures.
struct Entries<T> {
    list: Vec<T>,
    has_null: bool,
}

impl Field {
    /// The field that `key` means: Go's JSON decoder does not mind its case.
    fn find(
        structure: &'static str,
        path: &'static str,
        names: &[&'static str],
        key: &str,
    ) -> Option<Self> {
        let name = names.iter().find(|name| name.eq_ignore_ascii_case(key))?;
        Some(Self {
            structure,
            path,
            name,
        })
    }

    fn mismatch(self, value: &Yaml, wanted: &str) -> MetadataError {
        let Self {
            structure,
            path,
            name,
        } = self;
        let kind = kind(value);
        MetadataError::Type(format!(
            "cannot unmarshal {kind} into Go struct field {structure}.{path}{name} of type {wanted}"
        ))
    }

    fn string(self, value: &Yaml, into: &mut String) -> Result<(), MetadataError> {
        *into = match value {
            Yaml::Null => return Ok(()),
            Yaml::String(text) => text.clone(),
            Yaml::Bool(value) => value.to_string(),
            Yaml::Int(value) => value.to_string(),
            Yaml::Uint(value) => value.to_string(),
            Yaml::Float(value) => go_float_text(*value),
            Yaml::Sequence(_) | Yaml::Mapping(_) => return Err(self.mismatch(value, "string")),
        };
        Ok(())
    }

    fn boolean(self, value: &Yaml, into: &mut bool) -> Result<(), MetadataError> {
        match value {
            Yaml::Null => Ok(()),
            Yaml::Bool(value) => {
                *into = *value;
                Ok(())
            }
            other => Err(self.mismatch(other, "bool")),
        }
    }

    fn strings(self, value: &Yaml, into: &mut Vec<String>) -> Result<(), MetadataError> {
        let items = self.items(value, "[]string")?;
        *into = vec![String::new(); items.len()];
        into.iter_mut()
            .zip(items)
            .try_for_each(|(into, item)| self.string(item, into))
    }

    fn map(self, value: &Yaml, into: &mut BTreeMap<String, String>) -> Result<(), MetadataError> {
        match value {
            Yaml::Null => into.clear(),
            Yaml::Mapping(fields) => {
                for (key, value) in fields {
                    let mut text = String::new();
                    self.string(value, &mut text)?;
                    into.insert(key.clone(), text);
                }
            }
            other => return Err(self.mismatch(other, "map[string]string")),
        }
        Ok(())
    }

    fn values(self, value: &Yaml, into: &mut Vec<Value>) -> Result<(), MetadataError> {
        *into = self
            .items(value, "[]interface {}")?
            .iter()
            .map(Yaml::to_json)
            .collect();
        Ok(())
    }

    fn entries<T>(
        self,
        value: &Yaml,
        list_type: &str,
        entry_type: &str,
        entry: impl Fn(&BTreeMap<String, Yaml>) -> Result<T, MetadataError>,
    ) -> Result<Entries<T>, MetadataError> {
        let mut entries = Entries {
            list: Vec::new(),
            has_null: false,
        };
        for item in self.items(value, list_type)? {
            match item {
                Yaml::Null => entries.has_null = true,
                Yaml::Mapping(fields) => entries.list.push(entry(fields)?),
                other => return Err(self.mismatch(other, entry_type)),
            }
        }
        entries.list.shrink_to_fit();
        Ok(entries)
    }

    /// The items of a sequence; null has none.
    fn items<'a>(self, value: &'a Yaml, wanted: &str) -> Result<&'a [Yaml], MetadataError> {
        match value {
            Yaml::Null => Ok(&[]),
            Yaml::Sequence(items) => Ok(items),
            other => Err(self.mismatch(other, wanted)),
        }
    }
}

/// What Go's JSON decoder calls it.
fn kind(value: &Yaml) -> &'static str {
    match value {
        Yaml::Null => "null",
        Yaml::Bool(_) => "bool",
        Yaml::Int(_) | Yaml::Uint(_) | Yaml::Float(_) => "number",
        Yaml::String(_) => "string",
        Yaml::Sequence(_) => "array",
        Yaml::Mapping(_) => "object",
    }
}
