//! A package that is read for an answer: from its beginning, as often as it takes, and only while somebody waits.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use futures_util::TryStreamExt as _;

use crate::chart::archive::{self, ArchiveError, Limits};
use crate::listener::{Reservation, Source, Streamed};
use crate::repository::key::Tenant;
use crate::repository::store::{Content, StoreError};
use crate::server::ServerState;
use crate::server::error::HttpError;

/// An answer up to this size is made at once. A larger one is made while it is sent.
const AT_ONCE: u64 = 64 * 1024;
/// What a package that rests between two pieces takes: the decompressor's window and state, its buffers, and what the
/// allocator loses between them.
const AT_REST: usize = 192 * 1024;

/// The bytes of a package.
#[derive(Clone)]
pub(super) enum Package {
    Whole(Bytes),
    File(Arc<File>),
}

/// A reader of a package from its beginning.
pub(super) struct PackageReader {
    package: Package,
    at: u64,
    /// Gone when nobody waits any more: then reading fails.
    awaited: Option<Weak<()>>,
}

/// The files of a package, which can rest.
pub(super) type PackageFiles = archive::PackageFiles<BufReader<PackageReader>>;

/// What is read from a package for one answer.
pub(super) trait Extract: Send + 'static {
    /// What a first reading finds out; it makes the answer.
    type Answer: Source + Unpin;

    /// Reads the whole package and says how long the answer will be; `None` if the package has no answer.
    fn look(
        &self,
        files: PackageFiles,
        limits: &Limits,
    ) -> Result<Option<Outline<Self::Answer>>, ArchiveError>;
}

/// Begins to make an answer from a package that is read again.
type Begin<A> = Box<dyn FnOnce(PackageFiles) -> A + Send>;

/// An answer before it is made.
pub(super) struct Outline<A> {
    /// Makes it, from a second reading of the package, which starts when this is called.
    pub(super) answer: Begin<A>,
    /// Its bytes.
    pub(super) len: u64,
    /// Bytes that it keeps in memory until it is sent, besides what each package takes.
    pub(super) kept: usize,
    /// All of it is UTF-8.
    pub(super) is_text: bool,
}

/// An answer that has been made, or will be while it is sent.
pub(super) struct Extracted {
    pub(super) body: axum::body::Body,
    pub(super) is_text: bool,
}

impl PackageReader {
    pub(super) fn files(self, limits: &Limits) -> Result<PackageFiles, ArchiveError> {
        archive::PackageFiles::open(BufReader::new(self), limits)
    }
}

impl Package {
    /// `None` if the storage has it no more.
    async fn open(
        state: &ServerState,
        tenant: &Tenant,
        name: &str,
        version: &str,
    ) -> Result<Self, HttpError> {
        let entry = state.repository.resolve(tenant, name, version).await?;
        let content = state.repository.package(tenant, &entry).await?;
        match content.ok_or(HttpError::ObjectNotFound)? {
            Content::Shared(bytes) | Content::Whole(bytes) => Ok(Self::Whole(bytes)),
            Content::File(file) => Ok(Self::File(Arc::new(file))),
            Content::Stream(pieces) => {
                let mut room = state.room(entry_size(entry.stamp.size)).await?;
                let whole = pieces.try_fold(Vec::new(), |mut all, piece| async move {
                    all.extend_from_slice(&piece);
                    Ok(all)
                });
                let whole = whole.await.map_err(|source| StoreError::Io {
                    verb: "read",
                    what: entry.file_name.to_string(),
                    source,
                })?;
                room.shrink_to(whole.len());
                Ok(Self::Whole(room.hold(whole)))
            }
        }
    }

    pub(super) fn reader(&self, awaited: Option<Weak<()>>) -> PackageReader {
        PackageReader {
            package: self.clone(),
            at: 0,
            awaited,
        }
    }
}

fn entry_size(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

impl Read for PackageReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if (self.awaited.as_ref()).is_some_and(|awaited| awaited.strong_count() == 0) {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "nobody waits for the answer any more",
            ));
        }
        let read = match &self.package {
            Package::File(file) => file.read_at(into, self.at)?,
            Package::Whole(bytes) => {
                let rest = bytes.get(entry_size(self.at)..).unwrap_or_default();
                let read = rest.len().min(into.len());
                into[..read].copy_from_slice(&rest[..read]);
                read
            }
        };
        self.at += read as u64;
        Ok(read)
    }
}

/// Reads an answer from the package of a version; `None` if the package has none.
///
/// The first reading happens on a thread that may take its time. The permit for it goes along: it is free again when the
/// work is done, whoever hangs up meanwhile; and the work ends early when nobody waits for it.
pub(super) async fn extract<E: Extract>(
    state: &ServerState,
    tenant: &Tenant,
    (name, version): (&str, &str),
    wanted: E,
) -> Result<Option<Extracted>, HttpError> {
    let permit = state.readers.permit().await;
    let package = Package::open(state, tenant, name, version).await?;
    let (waiting, read) = (Arc::new(()), package.clone());
    let awaited = Arc::downgrade(&waiting);
    let looking = (state.readers).run(permit, move || look(&wanted, &read, &awaited));
    let (looked, permit) = looking.await;
    drop(waiting);
    let Some(looked) = looked.map_err(HttpError::StoredPackage)? else {
        return Ok(None);
    };
    // what the answer keeps is there already: nobody else begins before it is accounted for
    let reserved = state.room(looked.takes()).await?;
    drop(permit);
    Ok(Some(looked.into_answer(state, package, reserved)))
}

/// What a first reading found.
enum Looked<A> {
    Whole(Vec<u8>, bool),
    Outline(Outline<A>),
}

fn look<E: Extract>(
    wanted: &E,
    package: &Package,
    awaited: &Weak<()>,
) -> Result<Option<Looked<E::Answer>>, ArchiveError> {
    let limits = Limits::default();
    let files = || package.reader(Some(awaited.clone())).files(&limits);
    let Some(outline) = wanted.look(files()?, &limits)? else {
        return Ok(None);
    };
    if outline.len > AT_ONCE {
        return Ok(Some(Looked::Outline(outline)));
    }
    let mut answer = (outline.answer)(files()?);
    let mut whole = Vec::with_capacity(entry_size(outline.len));
    loop {
        let piece = answer
            .next(entry_size(outline.len))
            .map_err(|error| ArchiveError::Corrupt(error.to_string()))?;
        if piece.is_empty() {
            return Ok(Some(Looked::Whole(whole, outline.is_text)));
        }
        whole.extend_from_slice(&piece);
    }
}

impl<A: Source + Unpin> Looked<A> {
    /// Bytes of memory.
    fn takes(&self) -> usize {
        match self {
            Self::Whole(bytes, _) => bytes.capacity(),
            // what it was made from takes as much again, and the allocator gives that back late
            Self::Outline(outline) => AT_REST + 2 * outline.kept,
        }
    }

    fn into_answer(
        self,
        state: &ServerState,
        package: Package,
        reserved: Reservation,
    ) -> Extracted {
        match self {
            Self::Whole(bytes, is_text) => Extracted {
                body: reserved.hold(bytes).into(),
                is_text,
            },
            Self::Outline(Outline {
                answer,
                len,
                kept: _,
                is_text,
            }) => {
                let source = Rereading {
                    package: Some((package, answer)),
                    answer: None,
                    _reserved: reserved,
                };
                Extracted {
                    body: axum::body::Body::new(Streamed::new(source, len, state.budget.clone())),
                    is_text,
                }
            }
        }
    }
}

/// The second reading of a package, which begins with the first piece.
struct Rereading<A> {
    package: Option<(Package, Begin<A>)>,
    answer: Option<A>,
    _reserved: Reservation,
}

impl<A: Source + Unpin> Source for Rereading<A> {
    fn next(&mut self, room: usize) -> io::Result<Vec<u8>> {
        if let Some((package, answer)) = self.package.take() {
            let files = package.reader(None).files(&Limits::default());
            self.answer = Some(answer(files.map_err(io::Error::other)?));
        }
        let answer = self.answer.as_mut();
        answer.ok_or(io::ErrorKind::UnexpectedEof)?.next(room)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A package of these files.
    pub(in crate::server::charts) fn package<B: AsRef<[u8]>>(files: &[(&str, B)]) -> Package {
        let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        let mut tar = tar::Builder::new(gzip);
        for (path, bytes) in files {
            let bytes = bytes.as_ref();
            let mut header = tar::Header::new_gnu();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, path, bytes).unwrap();
        }
        let gzip = tar.into_inner().unwrap();
        Package::Whole(gzip.finish().unwrap().into())
    }

    fn look<E: Extract>(wanted: &E, package: &Package) -> Option<Outline<E::Answer>> {
        let limits = Limits::default();
        let files = package.reader(None).files(&limits).unwrap();
        wanted.look(files, &limits).unwrap()
    }

    /// How long the answer will be, and whether it is text.
    pub(in crate::server::charts) fn outline<E: Extract>(
        wanted: E,
        package: &Package,
    ) -> Option<(u64, bool)> {
        look(&wanted, package).map(|outline| (outline.len, outline.is_text))
    }

    /// The answer, made in pieces of about `room` bytes.
    pub(in crate::server::charts) fn answer<E: Extract>(
        wanted: E,
        package: &Package,
        room: usize,
    ) -> Option<Vec<u8>> {
        let outline = look(&wanted, package)?;
        let files = package.reader(None).files(&Limits::default()).unwrap();
        let mut answer = (outline.answer)(files);
        let mut all = Vec::new();
        loop {
            let piece = answer.next(room).unwrap();
            if piece.is_empty() {
                return Some(all);
            }
            all.extend_from_slice(&piece);
        }
    }

    #[test]
    fn nobody_reads_on_when_nobody_waits() {
        let package = package(&[("x/a", vec![b'x'; 100_000])]);
        let waiting = Arc::new(());
        let files = |awaited| package.reader(Some(awaited)).files(&Limits::default());
        assert!(files(Arc::downgrade(&waiting)).is_ok());
        let awaited = Arc::downgrade(&waiting);
        drop(waiting);
        assert!(files(awaited).is_err());
    }
}
