//! Manifests: what they say of themselves and of others. The bytes are never written anew; this only reads them.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::oci::digest::Digest;
use crate::oci::error::OciError;

/// The most bytes of a manifest: the specification asks for this many at least, and clients read no more.
pub const LARGEST: usize = 4 << 20;

/// An image, or an artifact in the form of one.
pub const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Manifests for several platforms, or any list of them.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Retired before the specification's 1.1; some tools made them.
const ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";

/// A manifest, as far as the registry looks into it.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Its media type.
    pub media_type: String,
    /// What kind it is.
    pub kind: Kind,
    /// The manifest that this one is about.
    pub subject: Option<Descriptor>,
    /// What it says it is.
    artifact_type: Option<String>,
    /// Its annotations.
    annotations: Map<String, Value>,
}

/// What a manifest consists of.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Blobs.
    Image {
        /// The configuration; absent in a retired artifact manifest.
        config: Option<Descriptor>,
        /// The rest.
        layers: Vec<Descriptor>,
    },
    /// Other manifests.
    Index(Vec<Descriptor>),
}

/// What a manifest says of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Its media type.
    pub media_type: String,
    /// What it is called.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
    /// It is to be had elsewhere, and need not be here.
    pub is_foreign: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: Option<i64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
    /// Of a retired artifact manifest.
    blobs: Option<Vec<RawDescriptor>>,
    manifests: Option<Vec<RawDescriptor>>,
    subject: Option<RawDescriptor>,
    annotations: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    media_type: Option<String>,
    digest: String,
    size: i64,
    urls: Option<Vec<String>>,
}

impl Manifest {
    /// Reads a manifest that came, or was stored, with this content type (parameters are ignored).
    ///
    /// # Errors
    /// It is no manifest of a kind that is served, or contradicts itself.
    pub fn parse(bytes: &[u8], content_type: &str) -> Result<Self, OciError> {
        let invalid = |text: String| OciError::ManifestInvalid(text);
        let document: Document = serde_json::from_slice(bytes).map_err(|error| {
            invalid(format!(
                "the manifest is no valid JSON document of one: {error}"
            ))
        })?;
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let media_type = match (&document.media_type, media_type) {
            (Some(said), sent) if !sent.is_empty() && said != sent => {
                let text = format!("the manifest says it is {said}, but was sent as {sent}");
                return Err(invalid(text));
            }
            (Some(said), _) => said.clone(),
            (None, "") => {
                return Err(invalid(
                    "the Content-Type of the manifest is missing".to_owned(),
                ));
            }
            (None, sent) => sent.to_owned(),
        };
        let is_retired_artifact = media_type == ARTIFACT;
        if document.schema_version.is_some_and(|version| version != 2)
            || (document.schema_version.is_none() && !is_retired_artifact)
        {
            return Err(invalid(
                "only manifests of schemaVersion 2 are served".to_owned(),
            ));
        }
        if document.layers.is_some() && document.manifests.is_some() {
            return Err(invalid(
                "a manifest has layers or manifests, not both".to_owned(),
            ));
        }
        let kind = match &*media_type {
            IMAGE | DOCKER_IMAGE => Kind::Image {
                config: Some(match document.config {
                    Some(config) => config.read()?,
                    None => return Err(invalid("the image manifest has no config".to_owned())),
                }),
                layers: read_all(document.layers)?,
            },
            INDEX | DOCKER_INDEX => Kind::Index(read_all(document.manifests)?),
            ARTIFACT => Kind::Image {
                config: None,
                layers: read_all(document.blobs)?,
            },
            other => return Err(invalid(format!("manifests of type {other} are not served"))),
        };
        Ok(Self {
            media_type,
            kind,
            subject: document.subject.map(RawDescriptor::read).transpose()?,
            artifact_type: document.artifact_type.filter(|text| !text.is_empty()),
            annotations: document.annotations.unwrap_or_default(),
        })
    }

    /// The blobs that have to be in the repository, or in an index the manifests; foreign ones need not be.
    pub fn needs(&self) -> Vec<&Descriptor> {
        let all: Vec<&Descriptor> = match &self.kind {
            Kind::Image { config, layers } => config.iter().chain(layers).collect(),
            Kind::Index(manifests) => manifests.iter().collect(),
        };
        all.into_iter()
            .filter(|needed| !needed.is_foreign)
            .collect()
    }

    /// What it counts as: its own artifact type, or in an image the media type of the configuration.
    pub fn artifact_type(&self) -> Option<&str> {
        let config = match &self.kind {
            Kind::Image { config, .. } => config.as_ref().map(|config| &*config.media_type),
            Kind::Index(_) => None,
        };
        self.artifact_type.as_deref().or(config)
    }

    /// How an index of referrers lists it.
    pub fn as_referrer(&self, digest: &Digest, size: u64) -> Value {
        let mut descriptor = json!({
            "mediaType": self.media_type,
            "digest": digest.to_string(),
            "size": size,
        });
        if let Some(artifact_type) = self.artifact_type() {
            descriptor["artifactType"] = artifact_type.into();
        }
        if !self.annotations.is_empty() {
            descriptor["annotations"] = Value::Object(self.annotations.clone());
        }
        descriptor
    }
}

fn read_all(raw: Option<Vec<RawDescriptor>>) -> Result<Vec<Descriptor>, OciError> {
    raw.unwrap_or_default()
        .into_iter()
        .map(RawDescriptor::read)
        .collect()
}

impl RawDescriptor {
    fn read(self) -> Result<Descriptor, OciError> {
        let media_type = self.media_type.unwrap_or_default();
        let size = u64::try_from(self.size).map_err(|_| {
            OciError::ManifestInvalid(format!("{} has a negative size", self.digest))
        })?;
        let has_urls = self.urls.is_some_and(|urls| !urls.is_empty());
        Ok(Descriptor {
            digest: Digest::parse(&self.digest)?,
            size,
            is_foreign: has_urls
                || media_type.contains(".nondistributable.")
                || media_type.contains(".foreign."),
            media_type,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::digest::Algorithm;

    fn descriptor(media_type: &str, content: &[u8]) -> Value {
        json!({
            "mediaType": media_type,
            "digest": Digest::of(Algorithm::Sha256, content).to_string(),
            "size": content.len(),
        })
    }

    fn image() -> Value {
        json!({
            "schemaVersion": 2,
            "config": descriptor("application/vnd.example", b"{}"),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", b"x")],
        })
    }

    fn parse(document: &Value, content_type: &str) -> Result<Manifest, OciError> {
        Manifest::parse(document.to_string().as_bytes(), content_type)
    }

    #[test]
    fn a_manifest_without_a_media_type_is_what_its_content_type_says() {
        let manifest = parse(&image(), &format!("{IMAGE}; charset=utf-8")).unwrap();
        assert_eq!(manifest.media_type, IMAGE);
        assert_eq!(manifest.needs().len(), 2);
        assert_eq!(manifest.artifact_type(), Some("application/vnd.example"));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let mut other = image();
        other["mediaType"] = INDEX.into();
        let mut both = image();
        both["manifests"] = json!([]);
        let mut first = image();
        first["schemaVersion"] = 1.into();
        let mut no_config = image();
        no_config["config"] = Value::Null;
        let mut negative = image();
        negative["layers"][0]["size"] = (-1).into();
        let mut bad_digest = image();
        bad_digest["layers"][0]["digest"] = "sha256:0".into();
        for (document, content_type) in [
            (&other, IMAGE),
            (&both, IMAGE),
            (&first, IMAGE),
            (&no_config, IMAGE),
            (&negative, IMAGE),
            (&bad_digest, IMAGE),
            (&image(), ""),
            (
                &image(),
                "application/vnd.docker.distribution.manifest.v1+prettyjws",
            ),
            (&json!([]), IMAGE),
            (&json!("x"), IMAGE),
        ] {
            assert!(
                parse(document, content_type).is_err(),
                "{document} as {content_type}"
            );
        }
    }

    #[test]
    fn foreign_layers_need_not_be_here() {
        let mut document = image();
        let mut elsewhere = descriptor("application/x", b"y");
        elsewhere["urls"] = json!(["https://example/y"]);
        let nondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar";
        document["layers"] = json!([elsewhere, descriptor(nondistributable, b"z")]);
        assert_eq!(parse(&document, IMAGE).unwrap().needs().len(), 1);
    }

    #[test]
    fn an_index_without_a_type_of_its_own_has_none() {
        let mut document = json!({ "schemaVersion": 2, "manifests": [] });
        assert_eq!(parse(&document, INDEX).unwrap().artifact_type(), None);
        document["artifactType"] = "a/b".into();
        document["annotations"] = json!({ "k": "v" });
        let index = parse(&document, INDEX).unwrap();
        let digest = Digest::of(Algorithm::Sha512, b"");
        let listed = index.as_referrer(&digest, 7);
        assert_eq!(listed["artifactType"], "a/b");
        assert_eq!(listed["annotations"], json!({ "k": "v" }));
        assert_eq!(listed["size"], 7);
    }
}
