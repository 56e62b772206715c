//! Uploads: begun, appended to, resumed, finished. What an upload holds is the length of its object; nothing else is
//! kept of it, so it goes on after a restart. While the process lives, the hash of what came is kept too.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::sync::Mutex as AsyncMutex;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::metrics::registry::Kind;
use crate::oci::digest::{Algorithm, Digest, Hasher};
use crate::oci::error::OciError;
use crate::oci::keys;
use crate::oci::name::RepositoryName;
use crate::oci::objects::Objects;
use crate::oci::range::Chunk;
use crate::oci::registry::Registry;

/// Bytes that are gathered before they are written; as many are gathered while these are.
const GATHERED: usize = 256 * 1024;
/// Unfinished uploads at a time. Each costs a file, and little memory while it is used.
const UNFINISHED: usize = 2048;

/// A body as it comes.
pub type BodyStream = BoxStream<'static, Result<Bytes, BodyTrouble>>;

/// Why a body ended early. What came before is kept.
#[derive(Debug)]
pub enum BodyTrouble {
    /// It stopped arriving.
    Timeout,
    /// The connection broke.
    Broken(String),
}

impl From<BodyTrouble> for OciError {
    fn from(trouble: BodyTrouble) -> Self {
        match trouble {
            BodyTrouble::Timeout => Self::Timeout,
            BodyTrouble::Broken(cause) => Self::BrokenBody(cause),
        }
    }
}

/// What this process knows of uploads that were used lately. Whoever changes one holds its lock.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Arc<AsyncMutex<Progress>>>>);

/// The hash of the bytes before `at`, if it is known.
#[derive(Debug, Default)]
struct Progress {
    at: u64,
    hasher: Option<Hasher>,
}

impl Sessions {
    fn of(&self, id: &str) -> Arc<AsyncMutex<Progress>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= UNFINISHED {
            // what is forgotten is worked out again
            known.retain(|_, progress| Arc::strong_count(progress) > 1);
        }
        Arc::clone(known.entry(id.to_owned()).or_default())
    }

    fn forget(&self, id: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(id);
    }
}

impl Registry {
    /// Begins an upload; returns its id, which only serves within this repository.
    pub async fn begin_upload(&self, name: &RepositoryName) -> Result<String, OciError> {
        let id = format!("{}-{}", Uuid::new_v4(), seal(name));
        let key = keys::upload(&id);
        let begun = self.blocking(move |objects| {
            let unfinished = objects.list(keys::UPLOADS)?.len();
            if unfinished < UNFINISHED {
                objects.begin(&key)?;
            }
            Ok(unfinished < UNFINISHED)
        });
        if begun.await? {
            Ok(id)
        } else {
            Err(OciError::TooManyUploads(UNFINISHED))
        }
    }

    /// The bytes that an upload holds.
    pub async fn upload_held(&self, name: &RepositoryName, id: &str) -> Result<u64, OciError> {
        let key = upload_key(name, id)?;
        let found = self.blocking(move |objects| objects.stat(&key)).await?;
        Ok(found.ok_or(OciError::UploadUnknown)?.size)
    }

    /// Appends a chunk, or whatever comes; returns what the upload holds then. A chunk that turns out to be longer or
    /// shorter than it said is taken back. If the body breaks off, what came of it is kept.
    pub async fn append(
        &self,
        name: &RepositoryName,
        id: &str,
        chunk: Option<Chunk>,
        body: BodyStream,
    ) -> Result<u64, OciError> {
        let key = upload_key(name, id)?;
        let session = self.sessions.of(id);
        let mut progress = session.lock().await;
        let held = self.upload_held(name, id).await?;
        if chunk.is_some_and(|chunk| chunk.first != held) {
            return Err(OciError::OutOfOrder { held });
        }
        if progress.at != held || (held > 0 && progress.hasher.is_none()) {
            *progress = Progress {
                at: held,
                hasher: None,
            };
        }
        if held == 0 {
            progress.hasher = Some(Hasher::new(Algorithm::Sha256));
        }
        let limit = chunk.map(|chunk| held + chunk.length());
        let appended = self.append_stream(&key, &mut progress, limit, body).await;
        let came = progress.at - held;
        match (appended, chunk) {
            (Ok(()), Some(chunk)) if came != chunk.length() => {
                *progress = Progress::default();
                self.blocking(move |objects| objects.truncate(&key, held))
                    .await?;
                Err(OciError::SizeInvalid {
                    expected: chunk.length(),
                    found: came,
                })
            }
            (Ok(()), _) => Ok(progress.at),
            (Err(OciError::StorageFull), _) => {
                // who has no room gets none back by keeping half a chunk
                *progress = Progress::default();
                self.blocking(move |objects| objects.truncate(&key, held))
                    .await?;
                Err(OciError::StorageFull)
            }
            (Err(error), _) => {
                // what is held is what was written; the hash may be of more
                *progress = Progress::default();
                Err(error)
            }
        }
    }

    /// Writes what comes, hashing it, while more is gathered. Stops behind `limit`, by at least a byte if there is
    /// more.
    async fn append_stream(
        &self,
        key: &str,
        progress: &mut Progress,
        limit: Option<u64>,
        mut body: BodyStream,
    ) -> Result<(), OciError> {
        let largest = self.rules.max_blob.unwrap_or(u64::MAX);
        let mut writing: Option<JoinHandle<io::Result<Option<Hasher>>>> = None;
        let mut outcome = Ok(());
        loop {
            let (pieces, gathered, end) = gather(&mut body).await;
            if let Some(writing) = writing.take() {
                progress.hasher = writing.await.expect("writing does not panic")?;
            }
            if gathered > 0 {
                if progress.at + gathered > largest {
                    outcome = Err(OciError::TooLarge {
                        what: "the blob",
                        limit: largest,
                        option: " (--oci-max-blob-size)",
                    });
                    break;
                }
                let (objects, key, at) = (Arc::clone(&self.objects), key.to_owned(), progress.at);
                let mut hasher = progress.hasher.take();
                writing = Some(tokio::task::spawn_blocking(move || {
                    objects.append(&key, at, &pieces)?;
                    if let Some(hasher) = &mut hasher {
                        pieces.iter().for_each(|piece| hasher.update(piece));
                    }
                    Ok(hasher)
                }));
                progress.at += gathered;
            }
            match end {
                Some(Err(trouble)) => outcome = Err(trouble.into()),
                Some(Ok(())) => {}
                None if limit.is_some_and(|limit| progress.at > limit) => {}
                None => continue,
            }
            break;
        }
        if let Some(writing) = writing {
            progress.hasher = writing.await.expect("writing does not panic")?;
        }
        outcome
    }

    /// Makes an upload the blob of this digest. If it is not, the upload is dropped.
    pub async fn finish_upload(
        &self,
        name: &RepositoryName,
        id: &str,
        digest: &Digest,
    ) -> Result<(), OciError> {
        let key = upload_key(name, id)?;
        let session = self.sessions.of(id);
        let mut progress = session.lock().await;
        let held = self.upload_held(name, id).await?;
        let hasher = progress.hasher.take().filter(|hasher| {
            progress.at == held
                && matches!(
                    (hasher, digest.algorithm()),
                    (Hasher::Sha256(_), Algorithm::Sha256) | (Hasher::Sha512(_), Algorithm::Sha512)
                )
        });
        let (upload, algorithm) = (key.clone(), digest.algorithm());
        let found = self
            .blocking(move |objects| match hasher {
                Some(hasher) => Ok(Some(hasher.finish())),
                // an upload that was never appended to is the empty blob
                None => hash(objects, &upload, algorithm),
            })
            .await?
            .ok_or(OciError::UploadUnknown)?;
        if found != *digest {
            self.blocking(move |objects| objects.remove(&key)).await?;
            self.sessions.forget(id);
            return Err(OciError::DigestMismatch {
                expected: digest.clone(),
                found,
            });
        }
        let (link, blob) = (keys::link(digest, name), keys::blob(digest));
        self.blocking(move |objects| {
            objects.write(&link, b"")?;
            objects.adopt(&key, &blob)
        })
        .await?;
        self.sessions.forget(id);
        self.counters.pushed(Kind::Blob, held);
        Ok(())
    }

    /// Drops an upload.
    pub async fn cancel_upload(&self, name: &RepositoryName, id: &str) -> Result<(), OciError> {
        let key = upload_key(name, id)?;
        let session = self.sessions.of(id);
        let _progress = session.lock().await;
        let removed = self.blocking(move |objects| objects.remove(&key)).await?;
        self.sessions.forget(id);
        removed.then_some(()).ok_or(OciError::UploadUnknown)
    }
}

/// Drops the uploads that nobody has appended to since `before`; returns how many.
pub(super) fn expire(objects: &dyn Objects, before: SystemTime) -> io::Result<usize> {
    let mut expired = 0;
    for upload in objects.list(keys::UPLOADS)? {
        if objects.remove_untouched(&keys::upload(&upload.name), before)? {
            expired += 1;
        }
    }
    Ok(expired)
}

/// What binds an upload to its repository, so that no other's owner can use it.
fn seal(name: &RepositoryName) -> String {
    Digest::of(Algorithm::Sha256, name.as_str().as_bytes()).hex()[..16].to_owned()
}

fn upload_key(name: &RepositoryName, id: &str) -> Result<String, OciError> {
    let is_id = id.len() == 36 + 1 + 16
        && id.is_char_boundary(36)
        && Uuid::try_parse(&id[..36]).is_ok_and(|uuid| uuid.to_string() == id[..36])
        && id[36..] == format!("-{}", seal(name));
    if is_id {
        Ok(keys::upload(id))
    } else {
        Err(OciError::UploadUnknown)
    }
}

/// The next pieces of a body, their bytes, and its end if that has come.
async fn gather(body: &mut BodyStream) -> (Vec<Bytes>, u64, Option<Result<(), BodyTrouble>>) {
    let (mut pieces, mut gathered) = (Vec::new(), 0);
    while gathered < GATHERED {
        match body.next().await {
            None => return (pieces, gathered as u64, Some(Ok(()))),
            Some(Err(trouble)) => return (pieces, gathered as u64, Some(Err(trouble))),
            Some(Ok(piece)) => {
                gathered += piece.len();
                pieces.push(piece);
            }
        }
    }
    (pieces, gathered as u64, None)
}

/// The digest of an object, read anew.
fn hash(objects: &dyn Objects, key: &str, algorithm: Algorithm) -> io::Result<Option<Digest>> {
    let Some(mut reader) = objects.reader(key)? else {
        return Ok(None);
    };
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; GATHERED];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(Some(hasher.finish())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_serves_in_its_repository_alone() {
        let name = |text| RepositoryName::parse(text).unwrap();
        let id = format!("{}-{}", Uuid::new_v4(), seal(&name("org/app")));
        assert!(upload_key(&name("org/app"), &id).is_ok());
        assert!(upload_key(&name("org/other"), &id).is_err());
        for id in [
            "",
            "..",
            "a/b",
            &id[1..],
            &id.to_uppercase(),
            &"é".repeat(26),
        ] {
            assert!(upload_key(&name("org/app"), id).is_err(), "{id}");
        }
    }
}
