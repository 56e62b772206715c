//! The indexes of chart repositories, as far as a plan needs to know them. Pure.

use serde_json::Value;

use crate::chart::version::Version;
use crate::component::names::annotation::REQUIRES;
use crate::planner::{Catalog, ChartVersion};
use crate::yaml::{self, Limits};

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

/// Adds a chart version as its metadata in JSON says (an element of an index, or of the API). `false` if it has no name
/// or no version.
pub fn add_version(catalog: &mut Catalog, metadata: &Value) -> bool {
    let (Some(name), Some(text)) = (metadata["name"].as_str(), metadata["version"].as_str()) else {
        return false;
    };
    let Some(version) = Version::parse(text) else {
        return false;
    };
    let requires = metadata["annotations"][REQUIRES].as_str();
    let new = ChartVersion {
        text: text.to_owned(),
        version,
        requires: requires.map(str::to_owned),
    };
    catalog.add(name, new);
    true
}

/// An `index.yaml`, in JSON or YAML.
///
/// # Errors
/// It is neither.
pub fn parse(index: &[u8]) -> Result<Value, IndexError> {
    match serde_json::from_slice(index) {
        Ok(index) => Ok(index),
        Err(_) => {
            let limits = Limits {
                nodes: 20_000_000,
                ..Limits::default()
            };
            Ok(yaml::parse(index, limits)?.to_json())
        }
    }
}

/// Where an index says that a package is, and its digest, if it says one.
pub fn package_of<'a>(
    index: &'a Value,
    chart: &str,
    version: &str,
) -> Option<(&'a str, Option<&'a str>)> {
    let versions = index["entries"][chart].as_array()?;
    let entry = versions.iter().find(|entry| entry["version"] == version)?;
    Some((entry["urls"][0].as_str()?, entry["digest"].as_str()))
}

/// Adds all of an `index.yaml` (in JSON or YAML) and returns how many of its entries were unusable.
///
/// # Errors
/// It is not an index.
pub fn add_index(catalog: &mut Catalog, index: &[u8]) -> Result<usize, IndexError> {
    let index = parse(index)?;
    let entries = match &index["entries"] {
        Value::Object(entries) => entries,
        // an empty repository
        Value::Null if index.get("apiVersion").is_some() => return Ok(0),
        _ => return Err(IndexError::NoEntries),
    };
    let versions = entries.values().filter_map(Value::as_array).flatten();
    Ok(versions
        .filter(|metadata| !add_version(catalog, metadata))
        .count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_read_in_json_and_in_yaml() {
        let yaml = "apiVersion: v1\nentries:\n  demo:\n  - name: demo\n    version: 1.0.0\n    annotations:\n      \
                    ext.theriseunion.io/requires: |\n        - name: base\n  - name: demo\n    version: x\n";
        let json = r#"{"apiVersion":"v1","entries":{"demo":[{"name":"demo","version":"1.0.0",
            "annotations":{"ext.theriseunion.io/requires":"[base]"}},{"name":"demo"}]}}"#;
        for index in [yaml, json] {
            let mut catalog = Catalog::default();
            assert_eq!(
                add_index(&mut catalog, index.as_bytes()).unwrap(),
                1,
                "{index}"
            );
            let version = &catalog.versions("demo").unwrap()[0];
            assert_eq!(version.requires().unwrap()[0].name, "base", "{index}");
        }
        let mut catalog = Catalog::default();
        for empty in ["apiVersion: v1\nentries: {}", "{\"apiVersion\":\"v1\"}"] {
            assert_eq!(add_index(&mut catalog, empty.as_bytes()).unwrap(), 0);
        }
        for text in ["<html>", "[]", "a: 1", "entries: [1"] {
            assert!(add_index(&mut catalog, text.as_bytes()).is_err(), "{text}");
        }
    }
}
