//! Blobs: whether a repository has one, its bytes, its way into another repository, its removal.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use crate::oci::digest::{Algorithm, Digest};
use crate::oci::error::OciError;
use crate::oci::keys;
use crate::oci::manifest::Manifest;
use crate::oci::name::RepositoryName;
use crate::oci::objects::Objects;
use crate::oci::registry::Registry;
use crate::oci::registry::records::read_stored;
use crate::repository::key::Tenant;
use crate::repository::store::Content;

/// What is read of a package at once.
const PIECE: usize = 64 * 1024;
/// A link that somebody has asked for stays young; more often than this it need not be said.
const REFRESH: Duration = Duration::from_secs(600);

/// A blob of a repository.
#[derive(Debug)]
pub struct Blob {
    /// Its bytes.
    pub size: u64,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// Below the registry's prefix.
    Stored(String),
    /// A package of the chart repository.
    Package(Tenant, String),
    /// Made of what the index says.
    Made(Bytes),
}

/// The bytes of a blob, or of a part of it.
pub enum BlobContent {
    /// All of them.
    Whole(Bytes),
    /// Piece by piece.
    Stream(BoxStream<'static, std::io::Result<Bytes>>),
}

impl Registry {
    /// Finds a blob in a repository. Bytes that only others have are not there.
    pub async fn blob(&self, name: &RepositoryName, digest: &Digest) -> Result<Blob, OciError> {
        if let Some(size) = self.stored_blob(name, digest).await? {
            return Ok(Blob {
                size,
                source: Source::Stored(keys::blob(digest)),
            });
        }
        let unknown = || OciError::BlobUnknown(digest.clone());
        let listed = self.listed(name).await?.ok_or_else(unknown)?;
        if let Some(entry) = listed.with_package(digest) {
            return Ok(Blob {
                size: entry.stamp.size,
                source: Source::Package(listed.at.tenant.clone(), entry.file_name.to_string()),
            });
        }
        let made = self.small_part(&listed, digest).await?;
        let made = Bytes::from(made.ok_or_else(unknown)?);
        Ok(Blob {
            size: made.len() as u64,
            source: Source::Made(made),
        })
    }

    /// The size of a blob that is stored and linked. A link that is asked for stays young: whoever does so may be about
    /// to push a manifest that needs it.
    async fn stored_blob(
        &self,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, OciError> {
        let (link, blob) = (keys::link(digest, name), keys::blob(digest));
        self.blocking(move |objects| {
            let Some(linked) = objects.stat(&link)? else {
                return Ok(None);
            };
            let age = SystemTime::now().duration_since(linked.touched);
            if age.is_ok_and(|age| age > REFRESH) && !objects.touch(&link)? {
                return Ok(None);
            }
            Ok(objects.stat(&blob)?.map(|stat| stat.size))
        })
        .await
    }

    /// The bytes of a range of a blob.
    pub async fn open_blob(
        &self,
        digest: &Digest,
        blob: Blob,
        range: Range<u64>,
    ) -> Result<BlobContent, OciError> {
        let unknown = || OciError::BlobUnknown(digest.clone());
        match blob.source {
            Source::Stored(key) => {
                let opened = self
                    .blocking(move |objects| objects.open(&key, range))
                    .await?;
                Ok(BlobContent::Stream(opened.ok_or_else(unknown)?))
            }
            Source::Package(tenant, file_name) => {
                let download = self.charts.download(&tenant, &file_name).await?;
                // replaced since it was found: other bytes must not go by this name
                let download = download.filter(|download| {
                    let listed = download.entry.as_ref();
                    listed.is_some_and(|entry| Digest::from(entry.digest) == *digest)
                });
                Ok(match download.ok_or_else(unknown)?.content {
                    Content::Whole(bytes) | Content::Shared(bytes) => {
                        BlobContent::Whole(slice(&bytes, &range))
                    }
                    Content::File(file) => {
                        let mut file = tokio::fs::File::from_std(file);
                        file.seek(std::io::SeekFrom::Start(range.start)).await?;
                        let file = file.take(range.end - range.start);
                        BlobContent::Stream(ReaderStream::with_capacity(file, PIECE).boxed())
                    }
                    Content::Stream(stream) => BlobContent::Stream(part(stream, range)),
                })
            }
            Source::Made(bytes) => Ok(BlobContent::Whole(slice(&bytes, &range))),
        }
    }

    /// Makes a blob of `from` one of `name` too, without its bytes being sent. Without `from`, any repository's will
    /// do. False if there is none such.
    pub async fn mount(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        from: Option<&RepositoryName>,
    ) -> Result<bool, OciError> {
        if self.blob(name, digest).await.is_ok() {
            return Ok(true);
        }
        let source = match from {
            None => {
                let links = keys::links(digest);
                let listed = self.blocking(move |objects| objects.list(&links)).await?;
                match listed.iter().find_map(|link| keys::linked(&link.name)) {
                    None => return Ok(false),
                    Some(source) => source,
                }
            }
            Some(source) => source.clone(),
        };
        match self.blob(&source, digest).await {
            Err(OciError::BlobUnknown(_)) => Ok(false),
            Err(error) => Err(error),
            Ok(Blob {
                source: Source::Stored(blob),
                ..
            }) => {
                let link = keys::link(digest, name);
                self.blocking(move |objects| {
                    objects.write(&link, b"")?;
                    let is_there = objects.touch(&blob)?;
                    if !is_there {
                        objects.remove(&link)?;
                    }
                    Ok(is_there)
                })
                .await
            }
            // what the chart repository keeps is copied when a client sends it
            Ok(Blob {
                source: Source::Package(..) | Source::Made(_),
                ..
            }) => Ok(false),
        }
    }

    /// Takes a blob out of a repository.
    pub async fn delete_blob(
        &self,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<(), OciError> {
        let _lock = self.lock(name).await;
        if self.stored_blob(name, digest).await?.is_none() {
            self.blob(name, digest).await?;
            return Err(OciError::InUse(
                "this blob is part of a chart: delete the chart's manifest instead".to_owned(),
            ));
        }
        let (of, digest) = (name.clone(), digest.clone());
        let is_needed = self
            .blocking(move |objects| {
                if is_needed(objects, &of, &digest)? {
                    return Ok(true);
                }
                objects.remove(&keys::link(&digest, &of))?;
                remove_unlinked(objects, &digest)?;
                Ok(false)
            })
            .await?;
        if is_needed {
            return Err(OciError::InUse(
                "a manifest of this repository needs the blob: delete that first".to_owned(),
            ));
        }
        Ok(())
    }
}

/// Removes a blob that no repository has any more. Links are made before their blobs are touched, so one that is being
/// made now is seen either way.
pub(super) fn remove_unlinked(objects: &dyn Objects, digest: &Digest) -> std::io::Result<bool> {
    let now = SystemTime::now();
    if objects.list(&keys::links(digest))?.is_empty() {
        objects.remove_untouched(&keys::blob(digest), now)
    } else {
        Ok(false)
    }
}

/// True if any manifest of the repository names the blob.
fn is_needed(
    objects: &dyn Objects,
    name: &RepositoryName,
    digest: &Digest,
) -> std::io::Result<bool> {
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        for listed in objects.list(&keys::manifests(name, algorithm))? {
            let key = format!("{}/{}", keys::manifests(name, algorithm), listed.name);
            let Some(stored) = read_stored(objects, &key)? else {
                continue;
            };
            let manifest = Manifest::parse(&stored.bytes, &stored.media_type);
            let needs = manifest.iter().flat_map(Manifest::needs);
            if needs.into_iter().any(|needed| needed.digest == *digest) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn slice(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let at =
        |position: u64| usize::try_from(position).map_or(bytes.len(), |at| at.min(bytes.len()));
    bytes.slice(at(range.start)..at(range.end))
}

/// The bytes of a range of a stream.
fn part(
    stream: BoxStream<'static, std::io::Result<Bytes>>,
    range: Range<u64>,
) -> BoxStream<'static, std::io::Result<Bytes>> {
    let cut = stream.scan(0u64, move |at, piece| {
        let piece = piece.map(|bytes| {
            let begins = *at;
            *at += bytes.len() as u64;
            let within = |position: u64| position.saturating_sub(begins);
            slice(&bytes, &(within(range.start)..within(range.end)))
        });
        let is_over = *at >= range.end && piece.as_ref().is_ok_and(Bytes::is_empty);
        std::future::ready((!is_over).then_some(piece))
    });
    cut.filter(|piece| std::future::ready(!piece.as_ref().is_ok_and(Bytes::is_empty)))
        .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_range_of_a_stream_is_what_it_is_of_the_whole() {
        let whole = b"0123456789";
        for start in 0..10 {
            for end in start + 1..=10 {
                let pieces = whole
                    .chunks(3)
                    .map(|piece| Ok(Bytes::copy_from_slice(piece)));
                let stream = futures_util::stream::iter(pieces.collect::<Vec<_>>()).boxed();
                let mut out = Vec::new();
                let mut part = part(stream, start as u64..end as u64);
                while let Some(piece) = part.next().await {
                    out.extend_from_slice(&piece.unwrap());
                }
                assert_eq!(out, &whole[start..end], "{start}..{end}");
            }
        }
    }
}
