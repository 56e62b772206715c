//! The charts of the index as the registry shows them.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use crate::chart::digest::Sha256Hex;
use crate::oci::chart::{ChartArtifact, Known};
use crate::oci::coordinates::{self, Coordinates};
use crate::oci::digest::{Algorithm, Digest};
use crate::oci::error::OciError;
use crate::oci::name::{RepositoryName, Tag};
use crate::oci::registry::Registry;
use crate::repository::entry::Entry;
use crate::repository::key::Tenant;
use crate::repository::store::Content;

/// The most packages whose configuration's digest is remembered; each takes about 150 bytes.
const REMEMBERED: usize = 8192;

/// The digests of the configurations of packages, which are asked for more often than they are worth working out.
#[derive(Debug, Default)]
pub(super) struct ConfigDigests(Mutex<HashMap<Sha256Hex, Digest>>);

impl ConfigDigests {
    fn of(&self, entry: &Entry) -> Digest {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(digest) = known.get(&entry.digest) {
            return digest.clone();
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        let digest = artifact(entry, None).config_digest;
        known.insert(entry.digest, digest.clone());
        digest
    }
}

/// A chart of the index: all its versions.
pub(super) struct ListedChart {
    pub at: Coordinates,
    pub versions: Vec<Arc<Entry>>,
}

impl ListedChart {
    /// The version that a tag is of.
    pub fn tagged(&self, tag: &Tag) -> Option<&Arc<Entry>> {
        let version = tag.as_str().replace('_', "+");
        self.versions
            .iter()
            .find(|entry| *entry.version_text == *version)
    }

    /// The version with this package.
    pub fn with_package(&self, digest: &Digest) -> Option<&Arc<Entry>> {
        let digest = digest.as_package()?;
        self.versions.iter().find(|entry| entry.digest == digest)
    }
}

impl Registry {
    /// The chart that a repository is, if the index lists any version of it.
    pub(super) async fn listed(
        &self,
        name: &RepositoryName,
    ) -> Result<Option<ListedChart>, OciError> {
        let Some(at) = coordinates::of(name, self.rules.depth) else {
            return Ok(None);
        };
        let chart = self.charts.chart(&at.tenant, &at.chart).await?;
        Ok(chart.map(|chart| ListedChart {
            at,
            versions: chart.versions().to_vec(),
        }))
    }

    /// A listed version as an artifact.
    pub(super) async fn artifact(
        &self,
        tenant: &Tenant,
        entry: &Entry,
    ) -> Result<ChartArtifact, OciError> {
        let provenance = self.provenance(tenant, entry).await?;
        let known = provenance.map(|bytes| Known {
            digest: Digest::of(Algorithm::Sha256, &bytes),
            size: bytes.len() as u64,
        });
        Ok(artifact(entry, known.as_ref()))
    }

    /// The provenance file of a listed version.
    pub(super) async fn provenance(
        &self,
        tenant: &Tenant,
        entry: &Entry,
    ) -> Result<Option<Vec<u8>>, OciError> {
        let file_name = format!("{}.prov", entry.file_name);
        let Some(found) = self.charts.look_up(tenant, &file_name).await? else {
            return Ok(None);
        };
        // whatever it is, it is no provenance file that anybody could have uploaded
        if found.size > self.rules.max_package {
            return Ok(None);
        }
        match self.charts.download(tenant, &file_name).await? {
            None => Ok(None),
            Some(download) => Ok(Some(whole(download.content).await?.to_vec())),
        }
    }

    /// The listed version whose artifact has a manifest of this digest, with it.
    pub(super) async fn with_manifest(
        &self,
        listed: &ListedChart,
        digest: &Digest,
    ) -> Result<Option<(Arc<Entry>, ChartArtifact)>, OciError> {
        for entry in &listed.versions {
            let artifact = self.artifact(&listed.at.tenant, entry).await?;
            if artifact.digest == *digest {
                return Ok(Some((Arc::clone(entry), artifact)));
            }
        }
        Ok(None)
    }

    /// The configuration or provenance file of a listed version that has this digest.
    pub(super) async fn small_part(
        &self,
        listed: &ListedChart,
        digest: &Digest,
    ) -> Result<Option<Vec<u8>>, OciError> {
        for entry in &listed.versions {
            if self.configs.of(entry) == *digest {
                return Ok(Some(artifact(entry, None).config));
            }
            if let Some(bytes) = self.provenance(&listed.at.tenant, entry).await?
                && Digest::of(digest.algorithm(), &bytes) == *digest
            {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

fn artifact(entry: &Entry, provenance: Option<&Known>) -> ChartArtifact {
    let metadata = format!("{}}}", entry.head());
    let package = Known {
        digest: entry.digest.into(),
        size: entry.stamp.size,
    };
    ChartArtifact::new(&metadata, &package, provenance)
}

/// All bytes of something that is known to be small, or that has to be in memory as a whole.
pub(super) async fn whole(content: Content) -> Result<Bytes, OciError> {
    match content {
        Content::Whole(bytes) | Content::Shared(bytes) => Ok(bytes),
        Content::File(mut file) => {
            let read = move || {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                Ok::<_, std::io::Error>(bytes)
            };
            let read = tokio::task::spawn_blocking(read).await;
            Ok(read.expect("reading a package does not panic")?.into())
        }
        Content::Stream(mut stream) => {
            let mut bytes = BytesMut::new();
            while let Some(piece) = stream.next().await {
                bytes.extend_from_slice(&piece?);
            }
            Ok(bytes.freeze())
        }
    }
}
