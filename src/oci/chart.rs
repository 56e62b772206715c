//! Charts as OCI artifacts: how one is told from other artifacts, and the artifact that a package in the index is shown
//! as.
//!
//! The artifact is made of nothing but what the package says, so the same package has the same digest at every site and
//! after every restart; it is what `helm push` makes of the package, but for the time of the push.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::oci::digest::{Algorithm, Digest};
use crate::oci::manifest::{Descriptor, IMAGE, Kind, Manifest};

/// Media type of a chart's metadata.
pub const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// Media type of a package.
pub const PACKAGE: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// The same before Helm 3.7's release.
const OLD_PACKAGE: &str = "application/tar+gzip";
/// Media type of a provenance file.
pub const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";

/// The parts of a manifest that is a chart's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChartParts<'a> {
    /// The package.
    pub package: &'a Descriptor,
    /// The provenance file, if it comes with one.
    pub provenance: Option<&'a Descriptor>,
}

/// The parts of a chart; `None` if the manifest is another artifact's.
pub fn parts(manifest: &Manifest) -> Option<ChartParts<'_>> {
    let Kind::Image {
        config: Some(config),
        layers,
    } = &manifest.kind
    else {
        return None;
    };
    if config.media_type != CONFIG {
        return None;
    }
    let of = |types: &[&str]| -> Vec<&Descriptor> {
        let layers = layers.iter();
        layers
            .filter(|layer| types.contains(&&*layer.media_type))
            .collect()
    };
    let [package] = of(&[PACKAGE, OLD_PACKAGE])[..] else {
        return None;
    };
    Some(ChartParts {
        package,
        provenance: of(&[PROVENANCE]).first().copied(),
    })
}

/// What is known of a content: its digest and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Of the content.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
}

/// A package of the index as an artifact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChartArtifact {
    /// The configuration: Helm's metadata in JSON.
    pub config: Vec<u8>,
    /// Its digest.
    pub config_digest: Digest,
    /// The manifest.
    pub manifest: Vec<u8>,
    /// Its digest.
    pub digest: Digest,
}

impl ChartArtifact {
    /// Makes the artifact. `metadata` is the chart's metadata as one line of JSON in Helm's order of keys.
    pub fn new(metadata: &str, package: &Known, provenance: Option<&Known>) -> Self {
        let config = as_go_writes(metadata).into_bytes();
        let config_digest = Digest::of(Algorithm::Sha256, &config);
        let descriptor = |media_type: &str, known: &Known| {
            let digest = known.digest.to_string();
            json!({ "mediaType": media_type, "digest": digest, "size": known.size })
        };
        let mut layers = vec![(&package.digest, descriptor(PACKAGE, package))];
        layers.extend(provenance.map(|known| (&known.digest, descriptor(PROVENANCE, known))));
        layers.sort_by(|a, b| a.0.cmp(b.0));
        let layers: Vec<Value> = layers.into_iter().map(|(_, layer)| layer).collect();
        let known = Known {
            digest: config_digest.clone(),
            size: config.len() as u64,
        };
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": descriptor(CONFIG, &known),
            "layers": layers,
            "annotations": annotations(metadata),
        })
        .to_string()
        .into_bytes();
        Self {
            digest: Digest::of(Algorithm::Sha256, &manifest),
            config,
            config_digest,
            manifest,
        }
    }
}

/// The annotations that Helm gives a chart, but for the time of the push.
fn annotations(metadata: &str) -> BTreeMap<String, String> {
    let metadata: Value = serde_json::from_str(metadata).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let maintainers = metadata["maintainers"].as_array();
    let authors = maintainers.into_iter().flatten().map(|one| {
        let (name, email) = (text(&one["name"]), text(&one["email"]));
        if email.is_empty() {
            name
        } else {
            format!("{name} ({email})")
        }
    });
    let mut found: BTreeMap<String, String> = [
        ("title", text(&metadata["name"])),
        ("version", text(&metadata["version"])),
        ("description", text(&metadata["description"])),
        ("url", text(&metadata["home"])),
        ("source", text(&metadata["sources"][0])),
        ("authors", authors.collect::<Vec<_>>().join(", ")),
    ]
    .map(|(name, value)| (format!("org.opencontainers.image.{name}"), value))
    .into();
    let own = metadata["annotations"].as_object().into_iter().flatten();
    for (name, value) in own {
        let is_given =
            name == "org.opencontainers.image.title" || name == "org.opencontainers.image.version";
        if !is_given {
            found.insert(name.clone(), text(value));
        }
    }
    found.retain(|_, value| !value.trim().is_empty());
    found
}

/// The same JSON with its strings written as Go's encoder writes them: `<`, `>`, `&` and the two separators of lines
/// that JavaScript has are escaped, other characters are not.
fn as_go_writes(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 16);
    let mut rest = json;
    while let Some(start) = rest.find('"') {
        out.push_str(&rest[..start]);
        let end = string_end(&rest[start..]);
        let literal = &rest[start..start + end];
        let text: String = serde_json::from_str(literal).unwrap_or_default();
        let written = serde_json::to_string(&text).unwrap_or_default();
        for c in written.chars() {
            match c {
                '<' => out.push_str("\\u003c"),
                '>' => out.push_str("\\u003e"),
                '&' => out.push_str("\\u0026"),
                '\u{2028}' => out.push_str("\\u2028"),
                '\u{2029}' => out.push_str("\\u2029"),
                c => out.push(c),
            }
        }
        rest = &rest[start + end..];
    }
    out.push_str(rest);
    out
}

/// The length of the string literal that `text` begins with.
fn string_end(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(content: &[u8]) -> Known {
        Known {
            digest: Digest::of(Algorithm::Sha256, content),
            size: content.len() as u64,
        }
    }

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        for (json, expected) in [
            (r#"{"a":"<b> & c"}"#, r#"{"a":"\u003cb\u003e \u0026 c"}"#),
            (r#"{"a":"\u007f\u0085"}"#, "{\"a\":\"\u{7f}\u{85}\"}"),
            (r#"{"a":"\u2028"}"#, r#"{"a":"\u2028"}"#),
            (r#"{"a\"b":["\\",1.5,true]}"#, r#"{"a\"b":["\\",1.5,true]}"#),
            (r#"{"a":"ü😀"}"#, r#"{"a":"ü😀"}"#),
        ] {
            assert_eq!(as_go_writes(json), expected);
        }
    }

    #[test]
    fn the_artifact_is_one_that_is_recognised_and_depends_on_the_package_alone() {
        let metadata = r#"{"name":"app","version":"1.0.0+b"}"#;
        let (package, provenance) = (known(b"tgz"), known(b"prov"));
        let artifact = ChartArtifact::new(metadata, &package, Some(&provenance));
        assert_eq!(
            artifact,
            ChartArtifact::new(metadata, &package, Some(&provenance))
        );
        let manifest = Manifest::parse(&artifact.manifest, IMAGE).unwrap();
        let parts = parts(&manifest).unwrap();
        assert_eq!(parts.package.digest, package.digest);
        assert_eq!(parts.provenance.unwrap().digest, provenance.digest);
        let document: Value = serde_json::from_slice(&artifact.manifest).unwrap();
        let layers = document["layers"].as_array().unwrap();
        assert!(layers[0]["digest"].as_str() < layers[1]["digest"].as_str());
        assert_eq!(
            document["annotations"],
            json!({
                "org.opencontainers.image.title": "app",
                "org.opencontainers.image.version": "1.0.0+b",
            })
        );
    }

    #[test]
    fn annotations_are_helms() {
        let metadata = json!({
            "name": "app", "version": "1.0.0", "description": "d", "home": "h", "sources": ["s", "t"],
            "maintainers": [{ "name": "A", "email": "a@b" }, { "name": "B" }],
            "annotations": { "k": "v", "blank": " ", "org.opencontainers.image.title": "other",
                             "org.opencontainers.image.url": "own" },
        });
        let found = annotations(&metadata.to_string());
        let image = |name: &str| {
            found
                .get(&format!("org.opencontainers.image.{name}"))
                .cloned()
        };
        assert_eq!(image("title").as_deref(), Some("app"));
        assert_eq!(image("description").as_deref(), Some("d"));
        assert_eq!(image("source").as_deref(), Some("s"));
        assert_eq!(image("authors").as_deref(), Some("A (a@b), B"));
        assert_eq!(image("url").as_deref(), Some("own"));
        assert_eq!(found.get("k").map(String::as_str), Some("v"));
        assert!(!found.contains_key("blank"));
    }

    #[test]
    fn what_has_two_packages_or_another_config_is_no_chart() {
        let descriptor = |media_type: &str, content: &[u8]| {
            let known = known(content);
            json!({ "mediaType": media_type, "digest": known.digest.to_string(), "size": known.size })
        };
        let document = |config: &str, layers: &[&str]| {
            let layers: Vec<Value> = layers.iter().map(|layer| descriptor(layer, b"x")).collect();
            let document = json!({ "schemaVersion": 2, "config": descriptor(config, b"{}"), "layers": layers });
            Manifest::parse(document.to_string().as_bytes(), IMAGE).unwrap()
        };
        assert!(parts(&document(CONFIG, &[PACKAGE])).is_some());
        assert!(parts(&document(CONFIG, &[PROVENANCE, OLD_PACKAGE])).is_some());
        for (config, layers) in [
            (CONFIG, &[][..]),
            (CONFIG, &[PACKAGE, PACKAGE]),
            (CONFIG, &[PROVENANCE]),
            ("application/vnd.oci.image.config.v1+json", &[PACKAGE]),
        ] {
            assert!(
                parts(&document(config, layers)).is_none(),
                "{config} {layers:?}"
            );
        }
    }
}
