//! The charts that a plan can choose from: names, versions, and what each version requires.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::chart::selector::VersionSelector;
use crate::chart::version::Version;
use crate::topology::{REQUIRES, Requirement, RequirementError};
use crate::yaml::{self, Limits};

/// Charts by name, from one or more sources.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    charts: BTreeMap<String, Vec<ChartVersion>>,
}

/// One version of a chart.
#[derive(Clone, Debug)]
pub struct ChartVersion {
    /// As written.
    pub text: String,
    /// Its precedence.
    pub version: Version,
    /// The annotation [`REQUIRES`], if it has one.
    requires: Option<String>,
}

/// Why an index cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Neither JSON nor YAML.
    #[error("it is neither JSON nor YAML")]
    Syntax(#[from] yaml::YamlError),
    /// No index of a chart repository.
    #[error("it is not the index of a chart repository: it has no entries")]
    NoEntries,
}

impl ChartVersion {
    /// What this version requires.
    ///
    /// # Errors
    /// The annotation cannot be read.
    pub fn requires(&self) -> Result<Vec<Requirement>, RequirementError> {
        (self.requires.as_deref()).map_or(Ok(Vec::new()), Requirement::parse_annotation)
    }
}

impl Catalog {
    /// True if there is no chart at all.
    pub fn is_empty(&self) -> bool {
        self.charts.is_empty()
    }

    /// Adds a version as its metadata in JSON says (an element of an index, or of the API). One that is there already
    /// stays: the source that was added first counts. `false` if it has no name or no version.
    pub fn add(&mut self, metadata: &Value) -> bool {
        let (Some(name), Some(text)) = (metadata["name"].as_str(), metadata["version"].as_str())
        else {
            return false;
        };
        let Some(version) = Version::parse(text) else {
            return false;
        };
        let requires = metadata["annotations"][REQUIRES]
            .as_str()
            .map(str::to_owned);
        let versions = self.charts.entry(name.to_owned()).or_default();
        let place = |known: &ChartVersion| {
            // newest first, and by text where precedence is equal, as the index has them
            version
                .cmp(&known.version)
                .then_with(|| known.text.as_str().cmp(text))
        };
        if let Err(index) = versions.binary_search_by(place) {
            let new = ChartVersion {
                text: text.to_owned(),
                version,
                requires,
            };
            versions.insert(index, new);
        }
        true
    }

    /// Adds all of an `index.yaml` (in JSON or YAML) and returns how many of its entries were unusable.
    ///
    /// # Errors
    /// It is not an index.
    pub fn add_index(&mut self, index: &[u8]) -> Result<usize, IndexError> {
        let index: Value = match serde_json::from_slice(index) {
            Ok(index) => index,
            Err(_) => {
                let limits = Limits {
                    nodes: 20_000_000,
                    ..Limits::default()
                };
                yaml::parse(index, limits)?.to_json()
            }
        };
        let entries = match &index["entries"] {
            Value::Object(entries) => entries,
            // an empty repository
            Value::Null if index.get("apiVersion").is_some() => return Ok(0),
            _ => return Err(IndexError::NoEntries),
        };
        let versions = entries.values().filter_map(Value::as_array).flatten();
        Ok(versions.filter(|metadata| !self.add(metadata)).count())
    }

    /// The versions of a chart, newest first; `None` if there is no such chart.
    pub fn versions(&self, chart: &str) -> Option<&[ChartVersion]> {
        self.charts.get(chart).map(Vec::as_slice)
    }

    /// The version of `chart` that a selector means.
    pub fn select(&self, chart: &str, selector: &VersionSelector) -> Option<&ChartVersion> {
        let versions = self.versions(chart)?;
        let index = selector.select(versions.iter().map(|v| (&*v.text, &v.version)))?;
        versions.get(index)
    }

    /// The names of all charts.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.charts.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_kept_newest_first_and_the_first_source_counts() {
        let mut catalog = Catalog::default();
        for (version, requires) in [
            ("1.0.0", "[a]"),
            ("2.0.0-rc.1", "[]"),
            ("1.10.0", "[]"),
            ("1.9.0", "[]"),
            ("1.0.0", "[b]"),
            ("1.0.0+b", "[]"),
        ] {
            let metadata =
                json!({"name": "demo", "version": version, "annotations": {REQUIRES: requires}});
            assert!(catalog.add(&metadata));
        }
        let versions = catalog.versions("demo").unwrap();
        let texts: Vec<&str> = versions.iter().map(|v| &*v.text).collect();
        assert_eq!(texts, ["2.0.0-rc.1", "1.10.0", "1.9.0", "1.0.0", "1.0.0+b"]);
        assert_eq!(versions[3].requires().unwrap()[0].name, "a");
    }

    #[test]
    fn an_index_is_read_in_json_and_in_yaml() {
        let yaml = "apiVersion: v1\nentries:\n  demo:\n  - name: demo\n    version: 1.0.0\n    annotations:\n      \
                    ext.theriseunion.io/requires: |\n        - name: base\n  - name: demo\n    version: x\n";
        let json = r#"{"apiVersion":"v1","entries":{"demo":[{"name":"demo","version":"1.0.0",
            "annotations":{"ext.theriseunion.io/requires":"[base]"}},{"name":"demo"}]}}"#;
        for index in [yaml, json] {
            let mut catalog = Catalog::default();
            assert_eq!(catalog.add_index(index.as_bytes()).unwrap(), 1, "{index}");
            let version = &catalog.versions("demo").unwrap()[0];
            assert_eq!(version.requires().unwrap()[0].name, "base", "{index}");
        }
        let mut catalog = Catalog::default();
        assert_eq!(
            catalog.add_index(b"apiVersion: v1\nentries: {}").unwrap(),
            0
        );
        assert_eq!(catalog.add_index(b"{\"apiVersion\":\"v1\"}").unwrap(), 0);
        for text in ["<html>", "[]", "a: 1", "entries: [1"] {
            assert!(catalog.add_index(text.as_bytes()).is_err(), "{text}");
        }
    }
}
