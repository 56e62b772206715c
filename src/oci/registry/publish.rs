//! Charts that are pushed: a tag that is a chart's version is the chart's upload, with everything that this means in
//! the other view.

use std::sync::Arc;

use crate::chart::archive::{self, ChartPackage, Limits};
use crate::chart::provenance::Provenance;
use crate::config::Overwrite;
use crate::oci::chart::{self, ChartParts};
use crate::oci::coordinates::{self, Coordinates};
use crate::oci::digest::Digest;
use crate::oci::error::OciError;
use crate::oci::keys;
use crate::oci::manifest::Manifest;
use crate::oci::name::{RepositoryName, Tag};
use crate::oci::registry::Registry;
use crate::oci::registry::charts::{ListedChart, whole};
use crate::repository::DeleteError;
use crate::repository::entry::{Entry, Layer};
use crate::repository::key::Tenant;
use crate::repository::upload::{Upload, UploadError};
use bytes::Bytes;

/// Why a tag publishes no chart.
#[derive(Debug)]
pub(super) enum Opaque {
    /// It is that of another artifact.
    OtherArtifact,
    /// It is a chart's, but none that an index can list: the reason.
    Unlisted(String),
}

impl Opaque {
    /// What whoever pushed it is told.
    pub fn warning(self) -> Option<String> {
        match self {
            Self::OtherArtifact => None,
            Self::Unlisted(reason) => Some(format!(
                "stored, but not listed in any index.yaml as a chart: {reason}"
            )),
        }
    }
}

impl Registry {
    /// Refuses a tag whose chart may not be replaced, before anything is written.
    pub(super) async fn refuse_tag(
        &self,
        name: &RepositoryName,
        tag: &Tag,
        manifest: &Manifest,
        listed: Option<&ListedChart>,
    ) -> Result<(), OciError> {
        let Some(entry) = listed.and_then(|listed| listed.tagged(tag)) else {
            return Ok(());
        };
        let Some(parts) = chart::parts(manifest) else {
            return Err(OciError::Conflict(format!(
                "{name}:{tag} is a chart in this repository: push other artifacts under another name"
            )));
        };
        let is_same = Digest::from(entry.digest) == parts.package.digest;
        match (entry.layer, self.rules.overwrite) {
            _ if is_same => Ok(()),
            (Layer::BuiltIn, _) => Err(OciError::Conflict(format!(
                "{name}:{tag} is a built-in chart and cannot be replaced: push it under another version"
            ))),
            (Layer::Upload, Overwrite::Always) => Ok(()),
            (Layer::Upload, Overwrite::WithForce | Overwrite::Never) => {
                Err(OciError::Conflict(format!(
                    "{name}:{tag} exists already with another content: push it under another version"
                )))
            }
        }
    }

    /// Publishes the chart that a tag is of; `None` if that is done, otherwise why there is none.
    pub(super) async fn publish(
        &self,
        name: &RepositoryName,
        tag: &Tag,
        manifest: &Manifest,
    ) -> Result<Option<Opaque>, OciError> {
        let Some(parts) = chart::parts(manifest) else {
            return Ok(Some(Opaque::OtherArtifact));
        };
        let Some(at) = coordinates::of(name, self.rules.depth) else {
            let reason =
                "its name has more or fewer components than charts of this server have (--depth)";
            return Ok(Some(Opaque::Unlisted(reason.to_owned())));
        };
        // they are in memory until they are stored
        let _slot = self
            .publishing
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let listed = self.listed(name).await?;
        let entry = listed.as_ref().and_then(|listed| listed.tagged(tag));
        if let Some(entry) =
            entry.filter(|entry| Digest::from(entry.digest) == parts.package.digest)
        {
            self.add_provenance(name, &at, entry, &parts).await?;
            return Ok(None);
        }
        let package = self.small_blob(name, &parts.package.digest).await?;
        let opened = open(package.clone()).await?;
        let metadata = &opened.metadata;
        if metadata.name != at.chart || Tag::of_version(&metadata.version).as_ref() != Some(tag) {
            return Ok(Some(Opaque::Unlisted(format!(
                "the package is {} {}, which is not what {name}:{tag} says",
                metadata.name, metadata.version
            ))));
        }
        let provenance = match parts.provenance {
            None => None,
            Some(layer) => Some(self.provenance_of(name, &layer.digest, &opened).await?),
        };
        let upload = Upload {
            chart: Some(package),
            provenance,
            may_overwrite: self.rules.overwrite == Overwrite::Always,
        };
        match self.charts.upload(&at.tenant, upload).await {
            Ok(()) => Ok(None),
            Err(error) => Err(refusal(name, tag, error)),
        }
    }

    /// The same package again, perhaps with a provenance file that it did not have.
    async fn add_provenance(
        &self,
        name: &RepositoryName,
        at: &Coordinates,
        entry: &Arc<Entry>,
        parts: &ChartParts<'_>,
    ) -> Result<(), OciError> {
        let Some(layer) = parts.provenance else {
            return Ok(());
        };
        let stored = self.provenance(&at.tenant, entry).await?;
        let pushed = self.small_blob(name, &layer.digest).await?;
        if stored.as_deref() == Some(&*pushed) {
            return Ok(());
        }
        let package = self.charts.package(&at.tenant, entry).await?;
        let package = package.ok_or_else(|| OciError::BlobUnknown(parts.package.digest.clone()))?;
        let opened = open(whole(package).await?).await?;
        let upload = Upload {
            provenance: Some(self.provenance_of(name, &layer.digest, &opened).await?),
            may_overwrite: self.rules.overwrite == Overwrite::Always,
            ..Upload::default()
        };
        let tag = Tag::of_version(&entry.version_text).expect("it was found by its tag");
        (self.charts.upload(&at.tenant, upload).await).map_err(|error| refusal(name, &tag, error))
    }

    /// A provenance file, if it is of this package: the repository stores it under the name that it says.
    async fn provenance_of(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        package: &ChartPackage,
    ) -> Result<Bytes, OciError> {
        let bytes = self.small_blob(name, digest).await?;
        let says = Provenance::parse(&bytes).ok();
        let is_its = says.is_some_and(|says| {
            says.name == package.metadata.name && says.version == package.metadata.version
        });
        if is_its {
            Ok(bytes)
        } else {
            Err(OciError::ManifestInvalid(format!(
                "layer {digest} is no provenance file of {} {}",
                package.metadata.name, package.metadata.version
            )))
        }
    }

    /// All bytes of a blob that may be as large as an upload of a chart.
    async fn small_blob(&self, name: &RepositoryName, digest: &Digest) -> Result<Bytes, OciError> {
        let blob = self.blob(name, digest).await?;
        let limit = self.rules.max_package;
        if blob.size > limit {
            return Err(OciError::TooLarge {
                what: "the chart",
                limit,
                option: " (--max-upload-size)",
            });
        }
        let key = keys::blob(digest);
        let size = blob.size;
        let bytes = self.blocking(move |objects| objects.read(&key)).await?;
        match bytes {
            Some(bytes) if bytes.len() as u64 == size => Ok(bytes.into()),
            _ => match self.open_blob(digest, blob, 0..size).await? {
                super::BlobContent::Whole(bytes) => Ok(bytes),
                super::BlobContent::Stream(stream) => {
                    use futures_util::TryStreamExt as _;
                    let pieces: Vec<Bytes> = stream.try_collect().await?;
                    Ok(pieces.concat().into())
                }
            },
        }
    }

    /// Takes a chart's version out of the index and out of the storage.
    pub(super) async fn unpublish(&self, at: &Coordinates, entry: &Entry) -> Result<(), OciError> {
        let deleted = self
            .charts
            .delete_version(&at.tenant, &entry.name, &entry.version_text);
        match deleted.await {
            Ok(()) | Err(DeleteError::NotFound) => Ok(()),
            Err(built_in @ DeleteError::BuiltIn(_)) => Err(OciError::Denied(built_in.to_string())),
            Err(DeleteError::Store(error)) => Err(error.into()),
        }
    }

    /// Keeps the package of a version that is about to be deleted, for those who ask for it by its digest.
    pub(super) async fn keep_package(
        &self,
        name: &RepositoryName,
        tenant: &Tenant,
        entry: &Arc<Entry>,
    ) -> Result<(), OciError> {
        if entry.layer == Layer::BuiltIn {
            return Ok(());
        }
        let Some(package) = self.charts.package(tenant, entry).await? else {
            return Ok(());
        };
        let package = whole(package).await?;
        let digest = Digest::from(entry.digest);
        let (link, blob) = (keys::link(&digest, name), keys::blob(&digest));
        self.blocking(move |objects| {
            objects.write(&link, b"")?;
            if objects.touch(&blob)? {
                return Ok(());
            }
            objects.write(&blob, &package)
        })
        .await
    }
}

async fn open(package: Bytes) -> Result<ChartPackage, OciError> {
    let opened = tokio::task::spawn_blocking(move || archive::open(&package, &Limits::default()));
    let opened = opened.await.expect("opening a package does not panic");
    opened.map_err(|error| {
        OciError::ManifestInvalid(format!("its chart package cannot be used: {error}"))
    })
}

fn refusal(name: &RepositoryName, tag: &Tag, error: UploadError) -> OciError {
    match error {
        UploadError::Archive(_)
        | UploadError::Provenance(_)
        | UploadError::ImproperlyFormatted(_)
        | UploadError::NameTooLong(_)
        | UploadError::EntryTooLarge { .. } => OciError::ManifestInvalid(error.to_string()),
        UploadError::Exists(_) => OciError::Conflict(format!(
            "{name}:{tag} exists already with another content: push it under another version"
        )),
        UploadError::BuiltIn(_) => OciError::Conflict(error.to_string()),
        UploadError::LimitReached => OciError::Denied(error.to_string()),
        UploadError::StorageFull(_) | UploadError::IndexFull(_) => OciError::StorageFull,
        UploadError::Store(error) => error.into(),
    }
}
