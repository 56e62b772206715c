//! `Chart.yaml`: the metadata of a chart, as Helm's loader types, sanitises and validates it.

mod decode;
mod quote;
mod shorten;
mod validate;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::yaml::Yaml;

/// The fields of `Chart.yaml` that the index and the API carry, in the API's key order (docs/chartmuseum.md 3.5).
/// Empty strings, empty lists and `false` are left out when serialised.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "the fields are Helm's own, documented with the chart format"
)]
pub struct Metadata {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub home: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub maintainers: Vec<Maintainer>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub icon: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tags: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub app_version: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deprecated: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kube_version: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub chart_type: String,
    /// `maintainers` has a null entry (left out of the list): validation will say so.
    #[serde(skip)]
    pub has_null_maintainer: bool,
    /// `dependencies` has a null entry (left out of the list): validation will say so.
    #[serde(skip)]
    pub has_null_dependency: bool,
}

/// One of a chart's maintainers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are Helm's own, documented with the chart format"
)]
pub struct Maintainer {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub email: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
}

/// A chart that this chart needs as a subchart. `name` and `repository` are serialised even when empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are Helm's own, documented with the chart format"
)]
pub struct Dependency {
    pub name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    pub repository: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub enabled: bool,
    #[serde(rename = "import-values", skip_serializing_if = "Vec::is_empty")]
    pub import_values: Vec<serde_json::Value>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alias: String,
}

/// Why `Chart.yaml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// A field holds what its type cannot take. The text says which.
    #[error("error unmarshaling JSON: while decoding JSON: json: {0}")]
    Type(String),
    /// A rule of docs/chartmuseum.md 6.2 is broken. The text is Helm's own, starting `validation: `.
    #[error("validation: {0}")]
    Invalid(String),
}

impl Metadata {
    /// Overlays what `Chart.yaml` (or `requirements.yaml`, which has only `dependencies`) says; fields it does not
    /// name keep their value. Strings take numbers and booleans as Helm's YAML library coerces them. Field names match
    /// in any case, as in Go's JSON decoder; unknown ones are ignored.
    ///
    /// Null leaves a string or boolean as it was and empties a list or the annotations. Annotations add up; lists
    /// are replaced. A document without content changes nothing.
    ///
    /// # Errors
    /// [`MetadataError::Type`] if the document is not a mapping or a field holds what its type cannot take.
    pub fn merge(&mut self, yaml: &Yaml) -> Result<(), MetadataError> {
        decode::overlay(self, yaml)
    }

    /// Applies the defaults (`apiVersion: v1`), sanitises strings, then checks the rules of docs/chartmuseum.md 6.2 in
    /// their order.
    ///
    /// # Errors
    /// [`MetadataError::Invalid`] with the text of the first broken rule.
    pub fn sanitize_and_validate(&mut self) -> Result<(), MetadataError> {
        if self.api_version.is_empty() {
            self.api_version.push_str("v1");
        }
        validate::sanitize(self);
        validate::validate(self)
    }
}

#[cfg(test)]
mod tests;
