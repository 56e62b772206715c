//! The lists of versions that repositories give: an answer of the chart API, or an index. Pure.

use std::collections::HashMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::chart::digest::Sha256Hex;
use crate::chart::version::Version;
use crate::component::names::annotation::REQUIRES;
use crate::remote::address::Address;
use crate::yaml::{self, Limits, YamlError};

/// A larger index in YAML is not read: its nodes take some 100 bytes each for a moment.
const MOST_NODES: usize = 2_000_000;

/// One version of a chart as a repository lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartVersion {
    /// The chart.
    pub name: String,
    /// The version as written.
    pub text: String,
    /// Its precedence.
    pub version: Version,
    /// SHA-256 of the package, if the repository tells.
    pub digest: Option<Sha256Hex>,
    /// Where the package is: absolute, without credentials.
    pub url: String,
    /// The annotation [`REQUIRES`], if there is one.
    pub requires: Option<String>,
    /// The Kubernetes versions it is for; empty if all.
    pub kube_version: String,
    /// The version of what is inside; may be empty.
    pub app_version: String,
}

impl fmt::Display for ChartVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.text)
    }
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ListingError {
    /// Neither JSON nor YAML.
    #[error("it is neither JSON nor YAML")]
    Yaml(#[from] YamlError),
    /// JSON or YAML of something else.
    #[error("it has no entries as an index of charts has them")]
    Shape(#[from] serde_json::Error),
}

/// A text; anything else counts as none, so that one odd field does not cost the whole list.
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
struct Index {
    /// A page of something else has none.
    #[serde(rename = "apiVersion")]
    _api_version: String,
    entries: Option<HashMap<String, Option<Vec<Item>>>>,
}

/// Reads the API's answer about one chart: a list.
pub(super) fn chart(text: &[u8], base: &Address) -> Result<Vec<ChartVersion>, ListingError> {
    let items: Vec<Item> = serde_json::from_slice(text)?;
    Ok(versions(items, base))
}

/// Reads an index in JSON or YAML: charts by name.
pub(super) fn index(
    text: &[u8],
    base: &Address,
) -> Result<HashMap<String, Vec<ChartVersion>>, ListingError> {
    let index: Index = json_or_yaml(text)?;
    let entries = index.entries.unwrap_or_default().into_iter();
    let charts = entries.filter_map(|(name, items)| {
        let mut versions = versions(items?, base);
        // as for Helm, the key is the chart's name
        versions.retain(|version| version.name == name);
        (!versions.is_empty()).then_some((name, versions))
    });
    Ok(charts.collect())
}

fn json_or_yaml<T: DeserializeOwned>(text: &[u8]) -> Result<T, ListingError> {
    // an index in JSON begins with its brace
    if text.trim_ascii_start().first() == Some(&b'{')
        && let Ok(read) = serde_json::from_slice(text)
    {
        return Ok(read);
    }
    let limits = Limits {
        nodes: MOST_NODES,
        ..Limits::default()
    };
    let tree = yaml::parse(text, limits)?.to_json();
    Ok(serde_json::from_value(tree)?)
}

/// What can be used of a list, newest first; equal ones stay in the repository's order.
fn versions(items: Vec<Item>, base: &Address) -> Vec<ChartVersion> {
    let listed = items.into_iter().filter_map(|item| match item {
        Item::Listed(listed) => version(*listed, base),
        Item::Other(_) => None,
    });
    let mut versions: Vec<ChartVersion> = listed.collect();
    versions.sort_by(|left, right| right.version.cmp(&left.version));
    versions
}

fn version(listed: Listed, base: &Address) -> Option<ChartVersion> {
    let text = listed.version.and_then(Text::into_text)?;
    let url = listed.urls?.into_iter().find_map(Text::into_text)?;
    let digest = listed.digest.and_then(Text::into_text);
    let requires = (listed.annotations).and_then(|mut annotations| annotations.remove(REQUIRES));
    Some(ChartVersion {
        name: listed.name.and_then(Text::into_text)?,
        version: Version::parse(&text)?,
        text,
        digest: digest
            .and_then(|digest| Sha256Hex::parse(digest.strip_prefix("sha256:").unwrap_or(&digest))),
        // one that is no address is told when it is fetched
        url: (base.join(&url)).map_or(url, |address| address.without_credentials()),
        requires: requires.and_then(Text::into_text),
        kube_version: (listed.kube_version.and_then(Text::into_text)).unwrap_or_default(),
        app_version: (listed.app_version.and_then(Text::into_text)).unwrap_or_default(),
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

    fn base() -> Address {
        Address::parse("http://me:secret@room/a").unwrap()
    }

    #[test]
    fn the_api_s_list_is_read_as_far_as_it_makes_sense() {
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let text = format!(
            r#"[{{"name":"demo","version":"1.0.0","urls":["charts/demo-1.0.0.tgz"]}},
                {{"name":"demo","version":"1.10.0","digest":"{digest}","kubeVersion":">=1.20","appVersion":"7",
                  "urls":["http://cdn/demo-1.10.0.tgz"],"annotations":{{"ext.theriseunion.io/requires":"[a]","x":1}}}},
                {{"name":"demo","version":"1.9.0","digest":"sha256:{digest}","urls":["/x.tgz"],"appVersion":9}},
                {{"name":"demo","version":"one","urls":["x"]}},
                {{"name":"demo","version":"2.0.0","urls":[]}},
                {{"version":"2.0.0","urls":["x"]}}, null, 7, "x"]"#
        );
        let versions = chart(text.as_bytes(), &base()).unwrap();
        let read: Vec<(&str, &str, bool)> = (versions.iter())
            .map(|version| (&*version.text, &*version.url, version.digest.is_some()))
            .collect();
        assert_eq!(
            read,
            [
                ("1.10.0", "http://cdn/demo-1.10.0.tgz", true),
                ("1.9.0", "http://room/x.tgz", true),
                ("1.0.0", "http://room/a/charts/demo-1.0.0.tgz", false),
            ]
        );
        assert_eq!(versions[0].requires.as_deref(), Some("[a]"));
        assert_eq!(
            (&*versions[0].kube_version, &*versions[0].app_version),
            (">=1.20", "7")
        );
        for other in ["{}", "<html>", "", "[1"] {
            assert!(chart(other.as_bytes(), &base()).is_err(), "{other}");
        }
    }

    #[test]
    fn an_index_is_read_in_json_and_in_yaml() {
        let json = r#"{"apiVersion":"v1","entries":{"demo":[{"name":"demo","version":"1.0.0","urls":["d.tgz"]}],
            "empty":[],"null":null,"other":[{"name":"demo","version":"1.0.0","urls":["d.tgz"]}]}}"#;
        let yaml = "apiVersion: v1\nentries:\n  demo:\n  - name: demo\n    version: 1.0.0\n    urls:\n    - d.tgz\n    \
                    created: 2020-01-01T00:00:00Z\n";
        for text in [json, yaml] {
            let index = index(text.as_bytes(), &base()).unwrap();
            assert_eq!(index.len(), 1, "{text}");
            assert_eq!(index["demo"][0].url, "http://room/a/d.tgz");
        }
        assert!(index(b"apiVersion: v1\n", &base()).unwrap().is_empty());
        for other in ["<html>", "[]", "a: 1", "entries: {}", "entries: [1", ""] {
            assert!(index(other.as_bytes(), &base()).is_err(), "{other}");
        }
    }
}
