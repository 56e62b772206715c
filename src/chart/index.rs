//! What a chart repository lists, as any repository may write it: an `index.yaml`, or the chart API's answer about one
//! chart. Bytes in, [`ChartVersion`]s out. Pure.

use std::collections::HashMap;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

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

/// An index in JSON: each chart is judged as it comes.
#[derive(Deserialize)]
struct JsonIndex {
    /// Required by Helm; what is not an index has none.
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(default)]
    entries: Index,
}

/// What is left of an index in YAML when its charts were taken.
#[derive(Deserialize)]
struct YamlRest {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "entries")]
    _entries: Option<HashMap<String, IgnoredAny>>,
}

/// What the versions of one chart may cost while they are read: ten times the largest in the field. A node takes some
/// 100 bytes then.
const LIMITS: Limits = Limits {
    nodes: 1_000_000,
    depth: 200,
};

impl Index {
    /// Reads an index in JSON or YAML. It costs the memory of what is kept and of the largest chart in it.
    ///
    /// # Errors
    /// It is not an index.
    pub fn read(text: &[u8]) -> Result<Self, IndexError> {
        // an index in JSON begins with its brace
        if text.trim_ascii_start().first() == Some(&b'{')
            && let Ok(JsonIndex { entries, .. }) = serde_json::from_slice(text)
        {
            return Ok(entries);
        }
        let mut index = Self::default();
        let mut problem = None;
        let rest = yaml::parse_each(text, LIMITS, "entries", &mut |name, items| {
            match serde_json::from_value(items.to_json()) {
                Ok(items) => index.add(name, items),
                Err(error) => problem = Some(error),
            }
        })?;
        if let Some(error) = problem {
            return Err(error.into());
        }
        serde_json::from_value::<YamlRest>(rest.to_json())?;
        Ok(index)
    }

    fn add(&mut self, name: String, items: Option<Vec<Item>>) {
        let items = items.unwrap_or_default();
        let listed = items.len();
        let mut versions = usable(items);
        // Helm looks a chart up by its key
        versions.retain(|version| version.name == name);
        self.left_out += listed - versions.len();
        if !versions.is_empty() {
            versions.shrink_to_fit();
            self.charts.insert(name, versions);
        }
    }
}

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Index;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("charts and their versions")
            }

            fn visit_unit<E>(self) -> Result<Index, E> {
                Ok(Index::default())
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Index, M::Error> {
                let mut index = Index::default();
                while let Some((name, items)) = map.next_entry()? {
                    index.add(name, items);
                }
                Ok(index)
            }
        }

        deserializer.deserialize_any(Entries)
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
            let index = Index::read(text.as_bytes()).unwrap();
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
            assert!(Index::read(empty.as_bytes()).unwrap().charts.is_empty());
        }
        for other in ["<html>", "[]", "a: 1", "entries: {}", "entries: [1", ""] {
            assert!(Index::read(other.as_bytes()).is_err(), "{other}");
        }
        let aliases = "apiVersion: v1\nx: &x [1, 2, 3, 4, 5, 6, 7, 8]\nentries:\n  a: &a [*x, *x, *x, *x, *x]\n  b: [*a, *a]\n";
        assert!(Index::read(aliases.as_bytes()).is_ok());
        let merged =
            "apiVersion: v1\nx: &x\n  demo: &v [{name: demo, version: 1.0.0}]\nentries: *x\n";
        assert_eq!(Index::read(merged.as_bytes()).unwrap().charts.len(), 1);
    }
}
