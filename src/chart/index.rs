//! What a chart repository lists, as any repository may write it: an `index.yaml`, or the chart API's answer about one
//! chart. Bytes in, [`ChartVersion`]s out. Pure.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::chart::digest::Sha256Hex;
use crate::chart::version::Version;
use crate::yaml::{self, Limits, YamlError};

/// The annotation in `Chart.yaml` that lists the Components which the chart requires.
pub const REQUIRES: &str = "ext.theriseunion.io/requires";

/// One version of a chart as a repository lists it: an element of `entries[name]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartVersion {
    /// The chart's name.
    pub name: String,
    /// The version as written.
    pub text: String,
    /// The version, parsed.
    pub version: Version,
    /// SHA-256 of the package; `None` if the repository does not give it.
    pub digest: Option<Sha256Hex>,
    /// Where the package is, perhaps relative to the repository; empty if the repository does not say.
    pub url: String,
    /// The value of the annotation [`REQUIRES`].
    pub requires: Option<String>,
    /// The Kubernetes versions that the chart supports; empty for all.
    pub kube_version: String,
    /// `appVersion`; may be empty.
    pub app_version: String,
}

#[cfg(test)]
impl ChartVersion {
    /// A version of which nothing else is known.
    pub(crate) fn bare(name: &str, text: &str) -> Self {
        let json = serde_json::json!({"name": name, "version": text}).to_string();
        read_version(json.as_bytes()).expect("a version")
    }
}

impl fmt::Display for ChartVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.text)
    }
}

/// The charts of a repository.
#[derive(Debug, Default)]
pub struct Index {
    /// The usable versions of each chart, newest first; those of one precedence stay in the repository's order.
    pub charts: HashMap<String, Vec<ChartVersion>>,
    /// How many entries are left out: without a name or a version, or listed under another chart's name.
    pub left_out: usize,
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Neither JSON nor YAML.
    #[error("it is neither JSON nor YAML")]
    Syntax(#[from] YamlError),
    /// JSON or YAML of something else.
    #[error("it has no entries as an index of charts has them")]
    Shape(#[from] serde_json::Error),
}

/// A text; anything else counts as absent, so that one odd field does not cost the whole list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Listed(Box<Listed>),
    Other(IgnoredAny),
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Listed {
    name: Option<Text>,
    version: Option<Text>,
    digest: Option<Text>,
    urls: Option<Vec<Text>>,
    annotations: Option<HashMap<String, Text>>,
    kube_version: Option<Text>,
    app_version: Option<Text>,
}

#[derive(Deserialize)]
struct IndexFile {
    /// Required by Helm; what is not an index has none.
    #[serde(rename = "apiVersion")]
    _api_version: String,
    entries: Option<HashMap<String, Option<Vec<Item>>>>,
}

impl Index {
    /// Reads an index in JSON or YAML of at most `nodes` YAML nodes, which take some 100 bytes each while it is read.
    ///
    /// # Errors
    /// It is not an index.
    pub fn read(text: &[u8], nodes: usize) -> Result<Self, IndexError> {
        let file: IndexFile = json_or_yaml(text, nodes)?;
        let mut index = Self::default();
        for (name, items) in file.entries.into_iter().flatten() {
            let items = items.unwrap_or_default();
            let listed = items.len();
            let mut versions = usable(items);
            // Helm looks a chart up by its key
            versions.retain(|version| version.name == name);
            index.left_out += listed - versions.len();
            if !versions.is_empty() {
                index.charts.insert(name, versions);
            }
        }
        Ok(index)
    }
}

/// Reads the chart API's answer about one chart. Newest first.
///
/// # Errors
/// It is not a list in JSON.
pub fn read_list(text: &[u8]) -> Result<Vec<ChartVersion>, IndexError> {
    Ok(usable(serde_json::from_slice(text)?))
}

/// Reads one element of an index in JSON. `None` if it has no name or version.
pub fn read_version(text: &[u8]) -> Option<ChartVersion> {
    version(serde_json::from_slice(text).ok()?)
}

fn json_or_yaml<T: DeserializeOwned>(text: &[u8], nodes: usize) -> Result<T, IndexError> {
    // an index in JSON begins with its brace
    if text.trim_ascii_start().first() == Some(&b'{')
        && let Ok(read) = serde_json::from_slice(text)
    {
        return Ok(read);
    }
    let limits = Limits {
        nodes,
        ..Limits::default()
    };
    let tree = yaml::parse(text, limits)?.to_json();
    Ok(serde_json::from_value(tree)?)
}

fn usable(items: Vec<Item>) -> Vec<ChartVersion> {
    let listed = items.into_iter().filter_map(|item| match item {
        Item::Listed(listed) => version(*listed),
        Item::Other(_) => None,
    });
    let mut versions: Vec<ChartVersion> = listed.collect();
    versions.sort_by(|left, right| right.version.cmp(&left.version));
    versions
}

fn version(listed: Listed) -> Option<ChartVersion> {
    let text = |text: Option<Text>| text.and_then(Text::into_text);
    let written = text(listed.version)?;
    let digest = text(listed.digest);
    let mut urls = listed.urls.unwrap_or_default().into_iter();
    let requires = (listed.annotations).and_then(|mut annotations| annotations.remove(REQUIRES));
    Some(ChartVersion {
        name: text(listed.name)?,
        version: Version::parse(&written)?,
        text: written,
        digest: digest
            .and_then(|digest| Sha256Hex::parse(digest.strip_prefix("sha256:").unwrap_or(&digest))),
        url: urls.find_map(Text::into_text).unwrap_or_default(),
        requires: text(requires),
        kube_version: text(listed.kube_version).unwrap_or_default(),
        app_version: text(listed.app_version).unwrap_or_default(),
    })
}

impl Text {
    fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Other(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_s_list_is_read_as_far_as_it_makes_sense() {
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let text = format!(
            r#"[{{"name":"demo","version":"1.0.0","urls":["charts/demo-1.0.0.tgz"]}},
                {{"name":"demo","version":"1.10.0","digest":"{digest}","kubeVersion":">=1.20","appVersion":"7",
                  "urls":["http://cdn/demo-1.10.0.tgz"],"annotations":{{"ext.theriseunion.io/requires":"[a]","x":1}}}},
                {{"name":"demo","version":"1.9.0","digest":"sha256:{digest}","urls":["/x.tgz"],"appVersion":9}},
                {{"name":"demo","version":"one","urls":["x"]}},
                {{"name":"demo","version":"0.1.0","urls":[]}},
                {{"version":"2.0.0","urls":["x"]}}, null, 7, "x"]"#
        );
        let versions = read_list(text.as_bytes()).unwrap();
        let read: Vec<(&str, &str, bool)> = (versions.iter())
            .map(|version| (&*version.text, &*version.url, version.digest.is_some()))
            .collect();
        assert_eq!(
            read,
            [
                ("1.10.0", "http://cdn/demo-1.10.0.tgz", true),
                ("1.9.0", "/x.tgz", true),
                ("1.0.0", "charts/demo-1.0.0.tgz", false),
                ("0.1.0", "", false),
            ]
        );
        assert_eq!(versions[0].requires.as_deref(), Some("[a]"));
        assert_eq!(
            (&*versions[0].kube_version, &*versions[0].app_version),
            (">=1.20", "7")
        );
        for other in ["{}", "<html>", "", "[1"] {
            assert!(read_list(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn an_index_is_read_in_json_and_in_yaml() {
        let json = r#"{"apiVersion":"v1","entries":{"demo":[{"name":"demo","version":"1.0.0","urls":["d.tgz"],
            "annotations":{"ext.theriseunion.io/requires":"[base]"}},{"name":"demo","version":"x"}],
            "empty":[],"null":null,"other":[{"name":"demo","version":"1.0.0","urls":["d.tgz"]}]}}"#;
        let yaml = "apiVersion: v1\nentries:\n  demo:\n  - name: demo\n    version: 1.0.0\n    urls:\n    - d.tgz\n    \
                    created: 2020-01-01T00:00:00Z\n    annotations:\n      ext.theriseunion.io/requires: '[base]'\n  \
                    - name: demo\n    version: x\n  other:\n  - version: 1.0.0\n";
        for text in [json, yaml] {
            let index = Index::read(text.as_bytes(), 100).unwrap();
            assert_eq!((index.charts.len(), index.left_out), (1, 2), "{text}");
            let version = &index.charts["demo"][0];
            assert_eq!(version.url, "d.tgz");
            assert_eq!(version.requires.as_deref(), Some("[base]"));
        }
        for empty in [
            "apiVersion: v1\n",
            "apiVersion: v1\nentries: {}\n",
            r#"{"apiVersion":"v1"}"#,
        ] {
            assert!(
                Index::read(empty.as_bytes(), 100)
                    .unwrap()
                    .charts
                    .is_empty()
            );
        }
        for other in ["<html>", "[]", "a: 1", "entries: {}", "entries: [1", ""] {
            assert!(Index::read(other.as_bytes(), 100).is_err(), "{other}");
        }
        let too_large = Index::read(yaml.as_bytes(), 10);
        assert!(matches!(too_large, Err(IndexError::Syntax(_))));
    }
}
