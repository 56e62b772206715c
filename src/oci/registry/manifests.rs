//! Manifests and tags.

use std::io;

use bytes::Bytes;

use crate::config::Sparse;
use crate::metrics::registry::Kind as CounterKind;
use crate::oci::chart;
use crate::oci::digest::{Algorithm, Digest};
use crate::oci::error::OciError;
use crate::oci::keys;
use crate::oci::manifest::{IMAGE, Kind, Manifest};
use crate::oci::name::{Reference, RepositoryName, Tag};
use crate::oci::objects::Objects;
use crate::oci::registry::Registry;
use crate::oci::registry::blobs::remove_unlinked;
use crate::oci::registry::charts::ListedChart;
use crate::oci::registry::records::{read_digest, read_stored};

/// A manifest as it is served: the bytes and the type that were pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredManifest {
    /// Of the bytes, in the algorithm that it was pushed with.
    pub digest: Digest,
    /// Its `Content-Type`.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// What a client pushes.
#[derive(Debug)]
pub struct NewManifest {
    /// The bytes.
    pub bytes: Bytes,
    /// The `Content-Type` header.
    pub content_type: String,
    /// The digest that it is pushed by, if it is.
    pub digest: Option<Digest>,
    /// Tags that shall point to it.
    pub tags: Vec<Tag>,
}

/// What has come of it.
#[derive(Debug, PartialEq, Eq)]
pub struct PutManifest {
    /// Its digest.
    pub digest: Digest,
    /// The manifest that it is about.
    pub subject: Option<Digest>,
    /// What the client should be told.
    pub warnings: Vec<String>,
}

impl Registry {
    /// A manifest by tag or digest.
    pub async fn manifest(
        &self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<StoredManifest, OciError> {
        let found = match reference {
            Reference::Tag(tag) => self.tagged(name, tag).await?,
            Reference::Digest(digest) => self.by_digest(name, digest).await?,
        };
        found.ok_or_else(|| OciError::ManifestUnknown(reference.to_string()))
    }

    async fn tagged(
        &self,
        name: &RepositoryName,
        tag: &Tag,
    ) -> Result<Option<StoredManifest>, OciError> {
        let key = keys::tag(name, tag);
        if let Some(digest) = self.pointed_to(key).await? {
            return self.by_digest(name, &digest).await;
        }
        let Some(listed) = self.listed(name).await? else {
            return Ok(None);
        };
        let Some(entry) = listed.tagged(tag) else {
            return Ok(None);
        };
        // as it was pushed, if it was, and its package has not been replaced since
        if let Some(digest) = self.pointed_to(keys::chart_tag(name, tag)).await?
            && let Some(stored) = self.stored(name, &digest).await?
            && package_of(&stored) == Some(entry.digest.into())
        {
            return Ok(Some(stored));
        }
        let artifact = self.artifact(&listed.at.tenant, entry).await?;
        Ok(Some(StoredManifest {
            digest: artifact.digest,
            media_type: IMAGE.to_owned(),
            bytes: artifact.manifest.into(),
        }))
    }

    /// The digest that is written down under a key.
    pub(super) async fn pointed_to(&self, key: String) -> Result<Option<Digest>, OciError> {
        let read = self
            .blocking(move |objects| read_digest(objects, &key))
            .await?;
        Ok(read)
    }

    async fn by_digest(
        &self,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<StoredManifest>, OciError> {
        if let Some(stored) = self.stored(name, digest).await? {
            // a chart whose package has been deleted or replaced has gone with it
            if let Some(package) = package_of(&stored)
                && let Err(OciError::BlobUnknown(_)) = self.blob(name, &package).await
                && self.rules.sparse != Sparse::All
            {
                return Ok(None);
            }
            return Ok(Some(stored));
        }
        let Some(listed) = self.listed(name).await? else {
            return Ok(None);
        };
        let made = self.with_manifest(&listed, digest).await?;
        Ok(made.map(|(_, artifact)| StoredManifest {
            digest: artifact.digest,
            media_type: IMAGE.to_owned(),
            bytes: artifact.manifest.into(),
        }))
    }

    /// A manifest that was pushed.
    pub(super) async fn stored(
        &self,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<StoredManifest>, OciError> {
        let (key, digest) = (keys::manifest(name, digest), digest.clone());
        let read = self
            .blocking(move |objects| read_stored(objects, &key))
            .await?;
        Ok(read.map(|stored| StoredManifest {
            digest,
            media_type: stored.media_type,
            bytes: stored.bytes,
        }))
    }

    /// Stores a manifest, then sets its tags. A tag that is a chart's version publishes the chart.
    pub async fn put_manifest(
        &self,
        name: &RepositoryName,
        new: NewManifest,
    ) -> Result<PutManifest, OciError> {
        let manifest = Manifest::parse(&new.bytes, &new.content_type)?;
        let digest = match new.digest {
            None => Digest::of(Algorithm::Sha256, &new.bytes),
            Some(expected) => {
                let found = Digest::of(expected.algorithm(), &new.bytes);
                if found != expected {
                    return Err(OciError::DigestMismatch { expected, found });
                }
                expected
            }
        };
        let _lock = self.lock(name).await;
        let listed = self.listed(name).await?;
        self.refuse_missing(name, &manifest, listed.as_ref())
            .await?;
        for tag in &new.tags {
            self.refuse_tag(name, tag, &manifest, listed.as_ref())
                .await?;
        }
        let key = keys::manifest(name, &digest);
        let referrer = manifest.subject.as_ref().map(|subject| {
            let listed = manifest.as_referrer(&digest, new.bytes.len() as u64);
            let key = keys::referrer(name, &subject.digest, &digest);
            (key, listed.to_string())
        });
        let mut record = format!("{}\n", manifest.media_type).into_bytes();
        record.extend_from_slice(&new.bytes);
        self.blocking(move |objects| {
            if let Some((key, listed)) = referrer {
                objects.write(&key, listed.as_bytes())?;
            }
            if objects.touch(&key)? {
                return Ok(());
            }
            objects.write(&key, &record)
        })
        .await?;
        self.counters.pushed(CounterKind::Manifest, 0);
        let mut warnings = Vec::new();
        for tag in &new.tags {
            warnings.extend(self.set_tag(name, tag, &manifest, &digest).await?);
        }
        Ok(PutManifest {
            digest,
            subject: manifest.subject.map(|subject| subject.digest),
            warnings,
        })
    }

    /// Refuses a manifest of blobs or manifests that the repository lacks. Those that it has stay young, so that no
    /// collection takes them between this and the manifest.
    async fn refuse_missing(
        &self,
        name: &RepositoryName,
        manifest: &Manifest,
        listed: Option<&ListedChart>,
    ) -> Result<(), OciError> {
        let needed: Vec<Digest> = manifest
            .needs()
            .iter()
            .map(|needed| needed.digest.clone())
            .collect();
        let (of, is_index) = (name.clone(), matches!(manifest.kind, Kind::Index(_)));
        let lacking = self
            .blocking(move |objects| {
                let mut lacking = Vec::new();
                for digest in needed {
                    let is_there = if is_index {
                        objects.touch(&keys::manifest(&of, &digest))?
                    } else {
                        objects.touch(&keys::link(&digest, &of))?
                            && objects.stat(&keys::blob(&digest))?.is_some()
                    };
                    if !is_there {
                        lacking.push(digest);
                    }
                }
                Ok(lacking)
            })
            .await?;
        let may_lack = match self.rules.sparse {
            Sparse::None => false,
            Sparse::Index => is_index,
            Sparse::All => true,
        };
        if may_lack || lacking.is_empty() {
            return Ok(());
        }
        let mut missing = Vec::new();
        for digest in lacking {
            let is_listed = match listed {
                None => false,
                Some(listed) if is_index => self.with_manifest(listed, &digest).await?.is_some(),
                Some(listed) => {
                    listed.with_package(&digest).is_some()
                        || self.small_part(listed, &digest).await?.is_some()
                }
            };
            if !is_listed {
                missing.push(digest);
            }
        }
        if missing.is_empty() {
            Ok(())
        } else {
            Err(OciError::ManifestBlobUnknown(missing))
        }
    }

    /// Points a tag to a manifest that is stored.
    async fn set_tag(
        &self,
        name: &RepositoryName,
        tag: &Tag,
        manifest: &Manifest,
        digest: &Digest,
    ) -> Result<Option<String>, OciError> {
        let published = self.publish(name, tag, manifest).await?;
        let (plain, of_chart) = (keys::tag(name, tag), keys::chart_tag(name, tag));
        let text = digest.to_string();
        match published {
            None => {
                self.blocking(move |objects| {
                    objects.write(&of_chart, text.as_bytes())?;
                    objects.remove(&plain)
                })
                .await?;
                if let Some(parts) = chart::parts(manifest) {
                    self.keep_once(name, &parts.package.digest).await?;
                }
                Ok(None)
            }
            Some(opaque) => {
                self.blocking(move |objects| objects.write(&plain, text.as_bytes()))
                    .await?;
                Ok(opaque.warning())
            }
        }
    }

    /// The package lies at its place in the chart repository: unless other repositories need it, it is not kept twice.
    async fn keep_once(&self, name: &RepositoryName, package: &Digest) -> Result<(), OciError> {
        let (link, package) = (keys::link(package, name), package.clone());
        self.blocking(move |objects| {
            objects.remove(&link)?;
            remove_unlinked(objects, &package)
        })
        .await?;
        Ok(())
    }

    /// Deletes a tag, or a manifest with all its tags. A chart goes from both views.
    pub async fn delete_manifest(
        &self,
        name: &RepositoryName,
        reference: &Reference,
    ) -> Result<(), OciError> {
        let _lock = self.lock(name).await;
        match reference {
            Reference::Tag(tag) => self.delete_tag(name, tag).await,
            Reference::Digest(digest) => self.delete_digest(name, digest).await,
        }
    }

    async fn delete_tag(&self, name: &RepositoryName, tag: &Tag) -> Result<(), OciError> {
        let plain = keys::tag(name, tag);
        if self.blocking(move |objects| objects.remove(&plain)).await? {
            return Ok(());
        }
        let unknown = || OciError::ManifestUnknown(tag.to_string());
        let listed = self.listed(name).await?.ok_or_else(unknown)?;
        let entry = listed.tagged(tag).ok_or_else(unknown)?;
        // only the tag goes: what was pushed can still be had by its digest, until it is collected
        if self.pointed_to(keys::chart_tag(name, tag)).await?.is_some() {
            self.keep_package(name, &listed.at.tenant, entry).await?;
        }
        self.unpublish(&listed.at, entry).await?;
        let of_chart = keys::chart_tag(name, tag);
        self.blocking(move |objects| objects.remove(&of_chart))
            .await?;
        Ok(())
    }

    async fn delete_digest(&self, name: &RepositoryName, digest: &Digest) -> Result<(), OciError> {
        let listed = self.listed(name).await?;
        let stored = self.stored(name, digest).await?;
        let Some(stored) = stored else {
            let unknown = || OciError::ManifestUnknown(digest.to_string());
            let listed = listed.ok_or_else(unknown)?;
            let made = self.with_manifest(&listed, digest).await?;
            let (entry, _) = made.ok_or_else(unknown)?;
            return self.unpublish(&listed.at, &entry).await;
        };
        let (of, digest) = (name.clone(), digest.clone());
        let tags = self
            .blocking(move |objects| tags_of(objects, &of, &digest))
            .await?;
        if let Some(listed) = &listed
            && let Some(package) = package_of(&stored)
            && let Some(entry) = listed.with_package(&package)
            && tags.charts.contains(&entry.version_text.replace('+', "_"))
        {
            self.unpublish(&listed.at, entry).await?;
        }
        let of = name.clone();
        self.blocking(move |objects| {
            for tag in tags.plain {
                objects.remove(&format!("{}/{tag}", keys::tags(&of)))?;
            }
            for tag in tags.charts {
                objects.remove(&format!("{}/{tag}", keys::chart_tags(&of)))?;
            }
            remove_manifest(objects, &of, &stored)
        })
        .await
    }
}

/// The package of a chart's manifest; `None` for another artifact's.
fn package_of(stored: &StoredManifest) -> Option<Digest> {
    let text = std::str::from_utf8(&stored.bytes).ok()?;
    // most manifests are no charts', and this is asked of each that is read
    if !text.contains(chart::CONFIG) {
        return None;
    }
    let manifest = Manifest::parse(&stored.bytes, &stored.media_type).ok()?;
    chart::parts(&manifest).map(|parts| parts.package.digest.clone())
}

/// Removes a manifest, then that it refers to another.
pub(super) fn remove_manifest(
    objects: &dyn Objects,
    name: &RepositoryName,
    stored: &StoredManifest,
) -> io::Result<()> {
    objects.remove(&keys::manifest(name, &stored.digest))?;
    let manifest = Manifest::parse(&stored.bytes, &stored.media_type).ok();
    if let Some(subject) = manifest.and_then(|manifest| manifest.subject) {
        objects.remove(&keys::referrer(name, &subject.digest, &stored.digest))?;
    }
    Ok(())
}

/// The tags that point to one manifest.
#[derive(Debug, Default)]
struct Tags {
    plain: Vec<String>,
    charts: Vec<String>,
}

fn tags_of(objects: &dyn Objects, name: &RepositoryName, digest: &Digest) -> io::Result<Tags> {
    let of = |prefix: String| -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        for tag in objects.list(&prefix)? {
            let pointed_to = read_digest(objects, &format!("{prefix}/{}", tag.name))?;
            if pointed_to.as_ref() == Some(digest) {
                found.push(tag.name);
            }
        }
        Ok(found)
    };
    Ok(Tags {
        plain: of(keys::tags(name))?,
        charts: of(keys::chart_tags(name))?,
    })
}
