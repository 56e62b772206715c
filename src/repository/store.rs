//! The store: the uploads, in an object store.
//!
//! Every write is durable and atomic when its call returns: temporary file, fsync, link or rename, fsync of the
//! directory.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::{
    ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMode, PutOptions, PutPayload, PutResult,
};

use crate::repository::entry::Stamp;
use crate::repository::key::{OWN_PREFIX, ObjectKey, REGISTRY_DIRECTORY, STAGED_PREFIX, Tenant};
use crate::repository::root::{RootTrouble, StorageRoot};

/// Objects up to this size are read in one piece: nine packages of ten.
pub const WHOLE_UP_TO: u64 = 64 * 1024;

/// The uploads layer.
#[derive(Clone, Debug)]
pub struct ChartStore {
    pub(super) objects: Arc<dyn ObjectStore>,
    /// The local directory, if there is one: it can be listed and read faster, watched and swept, and it can disappear.
    root: Option<Arc<StorageRoot>>,
}

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its name inside the tenant.
    pub file_name: String,
    /// Its size and time.
    pub stamp: Stamp,
}

/// An object being read.
pub struct StoredBody {
    /// Size and time of what is being read.
    pub stamp: Stamp,
    /// The bytes.
    pub content: Content,
}

/// The bytes of an object.
pub enum Content {
    /// All of them, which are in memory anyway.
    Shared(Bytes),
    /// All of them, read for this.
    Whole(Bytes),
    /// In an open file of this machine, whose first bytes they are.
    File(std::fs::File),
    /// Piece by piece.
    Stream(BoxStream<'static, io::Result<Bytes>>),
}

/// Whether a write may replace an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// Only create a new object.
    Create,
    /// Create or replace it.
    Overwrite,
}

/// Why an operation of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is an object of that name already.
    #[error("{0} exists already")]
    AlreadyExists(ObjectKey),
    /// The volume has no room left.
    #[error("no space is left for {0}")]
    StorageFull(ObjectKey),
    /// The name, or the path to it, is longer than the storage allows.
    #[error("{0} is too long for this storage")]
    NameTooLong(ObjectKey),
    /// The storage directory is gone or replaced: what is written there now would be lost.
    #[error("cannot use {root}: {trouble}")]
    RootGone {
        /// The directory's path.
        root: String,
        /// What is wrong with it.
        trouble: RootTrouble,
    },
    /// Anything else: permissions, a broken disk, a network file system that is unavailable.
    #[error("cannot {verb} {what}")]
    Failed {
        /// What was tried.
        verb: &'static str,
        /// On what.
        what: String,
        /// Why it failed.
        source: object_store::Error,
    },
    /// The same for an operation on the local file system.
    #[error("cannot {verb} {what}")]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On what.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
}

impl ChartStore {
    /// A store in a local directory, which is created if missing.
    pub fn local(root: &Path) -> Result<Self, StoreError> {
        let failed = |verb, source| StoreError::Io {
            verb,
            what: root.display().to_string(),
            source,
        };
        if std::fs::metadata(root).is_ok_and(|found| !found.is_dir()) {
            let file = io::Error::new(
                io::ErrorKind::NotADirectory,
                "it is a file; name a directory with --storage-local-rootdir",
            );
            return Err(failed("use the storage directory", file));
        }
        std::fs::create_dir_all(root)
            .map_err(|source| failed("create the storage directory", source))?;
        let root = root
            .canonicalize()
            .map_err(|source| failed("open the storage directory", source))?;
        let objects = LocalFileSystem::new_with_prefix(&root)
            .map_err(|source| StoreError::Failed {
                verb: "open",
                what: root.display().to_string(),
                source,
            })?
            .with_fsync(true);
        let root = StorageRoot::open(root.clone())
            .map_err(|source| failed("open the storage directory", source))?;
        Ok(Self {
            objects: Arc::new(objects),
            root: Some(Arc::new(root)),
        })
    }

    /// A store over any object store.
    pub fn over(objects: Arc<dyn ObjectStore>) -> Self {
        Self {
            objects,
            root: None,
        }
    }

    /// The directory, if there is one.
    pub fn local_root(&self) -> Option<&Path> {
        self.root.as_deref().map(StorageRoot::path)
    }

    /// The directory with what is known of it, if there is one.
    pub fn root(&self) -> Option<&Arc<StorageRoot>> {
        self.root.as_ref()
    }

    /// Fails if the local directory is gone or replaced by another.
    pub async fn check_root(&self) -> Result<(), StoreError> {
        let Some(root) = self.root.clone() else {
            return Ok(());
        };
        let checked = tokio::task::spawn_blocking(move || check(&root)).await;
        checked.expect("looking at a directory does not panic")
    }

    /// Everything directly at the tenant's level (docs/chartmuseum.md 13.1), in no order.
    pub async fn list(&self, tenant: &Tenant) -> Result<Vec<StoredObject>, StoreError> {
        let what = || {
            if tenant.is_root() {
                "the storage".to_owned()
            } else {
                format!("tenant {tenant}")
            }
        };
        if let Some(root) = &self.root {
            let directory = root.path().join(tenant.as_str());
            let listed = tokio::task::spawn_blocking(move || list_directory(&directory)).await;
            // a missing directory is an empty tenant, but only below an existing root
            self.check_root().await?;
            return match listed.expect("listing does not panic") {
                Err(error) if !tenant.is_root() && is_impossible_name(error.kind()) => {
                    Ok(Vec::new())
                }
                listed => listed.map_err(|source| StoreError::Io {
                    verb: "list",
                    what: what(),
                    source,
                }),
            };
        }
        let prefix = object_store::path::Path::parse(tenant.as_str()).expect("a tenant is a path");
        let listing =
            (self.objects.list_with_delimiter(Some(&prefix)).await).map_err(|source| {
                StoreError::Failed {
                    verb: "list",
                    what: what(),
                    source,
                }
            })?;
        let objects = listing.objects.into_iter().filter_map(|meta| {
            let file_name = meta.location.filename()?.to_owned();
            let stamp = stamp_of(&meta);
            Some(StoredObject { file_name, stamp })
        });
        Ok(objects.collect())
    }

    /// All tenants with a directory in `below`, at any depth up to `max_depth`, `below` itself included.
    pub async fn list_tenants(
        &self,
        below: &Tenant,
        max_depth: usize,
    ) -> Result<Vec<Tenant>, StoreError> {
        let mut tenants = vec![below.clone()];
        let mut next = 0;
        while next < tenants.len() {
            let tenant = tenants[next].clone();
            next += 1;
            if tenant.depth() >= max_depth {
                continue;
            }
            let prefix =
                object_store::path::Path::parse(tenant.as_str()).expect("a tenant is a path");
            let children: Vec<String> = if let Some(root) = &self.root {
                let directory = root.path().join(tenant.as_str());
                tokio::task::spawn_blocking(move || list_directories(&directory))
                    .await
                    .expect("listing does not panic")
                    .map_err(|source| StoreError::Io {
                        verb: "list",
                        what: prefix.to_string(),
                        source,
                    })?
            } else {
                (self.objects.list_with_delimiter(Some(&prefix)).await)
                    .map_err(|source| StoreError::Failed {
                        verb: "list",
                        what: prefix.to_string(),
                        source,
                    })?
                    .common_prefixes
                    .iter()
                    .filter_map(|path| path.filename().map(str::to_owned))
                    .collect()
            };
            tenants.extend(children.iter().filter_map(|child| {
                Tenant::from_segments(
                    tenant
                        .as_str()
                        .split('/')
                        .filter(|s| !s.is_empty())
                        .chain([child.as_str()]),
                )
            }));
        }
        Ok(tenants)
    }

    /// Size and time of an object, `None` if there is none.
    pub async fn stamp(&self, key: &ObjectKey) -> Result<Option<Stamp>, StoreError> {
        if let Some(path) = self.local_path(key) {
            let looked = tokio::task::spawn_blocking(move || look_at_file(&path)).await;
            return local_outcome(
                looked.expect("looking at a file does not panic"),
                "look at",
                key,
            );
        }
        match self.objects.head(&key.path()).await {
            Ok(meta) => Ok(Some(stamp_of(&meta))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(source) => Err(StoreError::Failed {
                verb: "look at",
                what: key.to_string(),
                source,
            }),
        }
    }

    /// Opens an object for reading, `None` if there is none.
    pub async fn open(&self, key: &ObjectKey) -> Result<Option<StoredBody>, StoreError> {
        if let Some(path) = self.local_path(key) {
            let opened = tokio::task::spawn_blocking(move || open_body(&path)).await;
            return local_outcome(opened.expect("opening a file does not panic"), "read", key);
        }
        let failed = |source| StoreError::Failed {
            verb: "read",
            what: key.to_string(),
            source,
        };
        let result = match self.objects.get(&key.path()).await {
            Ok(result) => result,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(source) => return Err(failed(source)),
        };
        let stamp = stamp_of(&result.meta);
        let content = if stamp.size <= WHOLE_UP_TO {
            Content::Whole(result.bytes().await.map_err(failed)?)
        } else {
            Content::Stream(
                result
                    .into_stream()
                    .map(|part| part.map_err(io::Error::other))
                    .boxed(),
            )
        };
        Ok(Some(StoredBody { stamp, content }))
    }

    /// Reads a whole object, `None` if there is none.
    pub async fn get(&self, key: &ObjectKey) -> Result<Option<(Stamp, Bytes)>, StoreError> {
        if let Some(path) = self.local_path(key) {
            let read = tokio::task::spawn_blocking(move || read_file(&path)).await;
            return local_outcome(read.expect("reading a file does not panic"), "read", key);
        }
        let failed = |source| StoreError::Failed {
            verb: "read",
            what: key.to_string(),
            source,
        };
        match self.objects.get(&key.path()).await {
            Ok(result) => {
                let stamp = stamp_of(&result.meta);
                Ok(Some((stamp, result.bytes().await.map_err(failed)?)))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(source) => Err(failed(source)),
        }
    }

    /// [`get`](Self::get) for a thread of the runtime that may block. A local file is read directly.
    pub fn get_blocking(&self, key: &ObjectKey) -> Result<Option<(Stamp, Bytes)>, StoreError> {
        match self.local_path(key) {
            Some(path) => local_outcome(read_file(&path), "read", key),
            None => tokio::runtime::Handle::current().block_on(self.get(key)),
        }
    }

    /// Fails if an object cannot have this name, which a write under another name would not show.
    pub(super) async fn refuse_long_name(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let Some(path) = self.local_path(key) else {
            return Ok(());
        };
        // what is written under it has a number at its end first
        let mut temporary = path.into_os_string();
        temporary.push("#1");
        let looked = tokio::task::spawn_blocking(move || std::fs::metadata(temporary)).await;
        match looked.expect("looking at a file does not panic") {
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
                Err(StoreError::NameTooLong(key.clone()))
            }
            _ => Ok(()),
        }
    }

    /// The path of an object's file in a local directory.
    fn local_path(&self, key: &ObjectKey) -> Option<PathBuf> {
        let root = self.root.as_ref()?;
        Some(root.path().join(key.path().as_ref()))
    }

    /// Writes an object; returns its stamp, or [`Stamp::UNKNOWN`] if another writer has replaced it already. When this
    /// returns, the object survives a power cut.
    pub async fn put(
        &self,
        key: &ObjectKey,
        content: PutPayload,
        mode: WriteMode,
    ) -> Result<Stamp, StoreError> {
        self.check_root().await?;
        let written = self.write(key, content, mode).await?;
        // object_store makes missing directories, the root among them
        self.check_root().await?;
        match written {
            Ok(written) => self.stamp_of_written(key, &written).await,
            Err(source) => Err(self.refusal(key, source).await?),
        }
    }

    /// Why an object was not written.
    pub(super) async fn refusal(
        &self,
        key: &ObjectKey,
        source: object_store::Error,
    ) -> Result<StoreError, StoreError> {
        if let object_store::Error::AlreadyExists { source, .. } = source {
            return Ok(match self.stamp(key).await? {
                Some(_) => StoreError::AlreadyExists(key.clone()),
                None => failed(
                    key,
                    "write",
                    io::ErrorKind::AlreadyExists,
                    format!("something that is no file is in its place: {source}"),
                ),
            });
        }
        Ok(match io_kind(&source) {
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) => {
                StoreError::StorageFull(key.clone())
            }
            Some(io::ErrorKind::InvalidFilename) => StoreError::NameTooLong(key.clone()),
            _ => StoreError::Failed {
                verb: "write",
                what: key.to_string(),
                source,
            },
        })
    }

    /// The stamp of what was written under `key`; [`Stamp::UNKNOWN`] if another writer has replaced or removed it since:
    /// the stamp of another's object beside our digest would be believed for ever.
    pub(super) async fn stamp_of_written(
        &self,
        key: &ObjectKey,
        written: &PutResult,
    ) -> Result<Stamp, StoreError> {
        let looked_at = match &self.root {
            Some(_) => self.stamp(key).await?,
            None => None,
        };
        // the entity tag is that of the temporary file, by its inode; asked for last: while it is ours, the stamp was
        match self.objects.head(&key.path()).await {
            Ok(meta) if meta.e_tag == written.e_tag => {
                Ok(looked_at.unwrap_or_else(|| stamp_of(&meta)))
            }
            Ok(_) => Ok(Stamp::UNKNOWN),
            Err(error) if is_absent(&error) => Ok(Stamp::UNKNOWN),
            Err(source) => Err(StoreError::Failed {
                verb: "find again",
                what: key.to_string(),
                source,
            }),
        }
    }

    /// Writes an object in a way that the file system supports. The inner result is object_store's own.
    pub(super) async fn write(
        &self,
        key: &ObjectKey,
        content: PutPayload,
        mode: WriteMode,
    ) -> Result<object_store::Result<PutResult>, StoreError> {
        let path = key.path();
        let options = PutOptions::from(match mode {
            WriteMode::Create => PutMode::Create,
            WriteMode::Overwrite => PutMode::Overwrite,
        });
        let first = (self.objects)
            .put_opts(&path, content.clone(), options.clone())
            .await;
        match first.as_ref().err().and_then(io_kind) {
            // another process that started on the same volume swept our temporary file
            Some(io::ErrorKind::NotFound) => {
                Ok(self.objects.put_opts(&path, content, options).await)
            }
            // FAT and some network mounts have no hard links, which is how the store creates atomically; the caller
            // holds the key's lock, so a check before the write is as good within this process
            Some(io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied)
                if mode == WriteMode::Create =>
            {
                if self.stamp(key).await?.is_some() {
                    return Err(StoreError::AlreadyExists(key.clone()));
                }
                Ok(self.objects.put(&path, content).await)
            }
            _ => Ok(first),
        }
    }

    /// Replaces an object of a tenant that has a directory; false if it has none. Unlike [`put`](Self::put)
    /// this never creates a directory: the tenant may just have been moved away.
    pub async fn put_beside(
        &self,
        key: &ObjectKey,
        content: PutPayload,
    ) -> Result<bool, StoreError> {
        let Some(path) = self.local_path(key) else {
            self.put(key, content, WriteMode::Overwrite).await?;
            return Ok(true);
        };
        self.check_root().await?;
        let written = tokio::task::spawn_blocking(move || replace_file(&path, &content)).await;
        match written.expect("writing a file does not panic") {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(StoreError::Io {
                verb: "write",
                what: key.to_string(),
                source,
            }),
        }
    }

    /// False if the tenant's directory has gone; elsewhere than in a local directory a tenant needs none.
    pub async fn has_place(&self, tenant: &Tenant) -> bool {
        let Some(root) = &self.root else {
            return true;
        };
        let directory = root.path().join(tenant.as_str());
        tokio::task::spawn_blocking(move || directory.is_dir())
            .await
            .expect("looking at a directory does not panic")
    }

    /// Deletes an object; false if there was none. When this returns, a power cut does not bring it back.
    pub async fn delete(&self, key: &ObjectKey) -> Result<bool, StoreError> {
        self.check_root().await?;
        match self.objects.delete(&key.path()).await {
            Ok(()) => {
                self.sync_directory(key.tenant()).await?;
                Ok(true)
            }
            Err(error) if is_absent(&error) => Ok(false),
            Err(source) => Err(StoreError::Failed {
                verb: "delete",
                what: key.to_string(),
                source,
            }),
        }
    }

    /// `object_store` makes what it writes durable, but not what it deletes.
    pub(super) async fn sync_directory(&self, tenant: &Tenant) -> Result<(), StoreError> {
        let Some(root) = &self.root else {
            return Ok(());
        };
        let directory = root.path().join(tenant.as_str());
        let what = directory.display().to_string();
        let synced =
            tokio::task::spawn_blocking(move || std::fs::File::open(directory)?.sync_all()).await;
        match synced.expect("syncing does not panic") {
            Ok(()) => Ok(()),
            // the tenant's directory was removed
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(StoreError::Io {
                verb: "sync",
                what,
                source,
            }),
        }
    }

    /// Checks that files can be stored, by creating and removing an empty one; returns why not.
    pub async fn refuses_writing(&self) -> Option<io::Error> {
        let root = self.root.clone()?;
        tokio::task::spawn_blocking(move || root.refuses_writing())
            .await
            .expect("making a file does not panic")
    }

    /// Removes temporary files of interrupted writes: all, or those that were last modified before `until`. Returns how
    /// many.
    pub async fn sweep(&self, until: Option<DateTime<Utc>>) -> Result<usize, StoreError> {
        let Some(root) = self.local_root().map(Path::to_owned) else {
            return Ok(0);
        };
        let what = root.display().to_string();
        tokio::task::spawn_blocking(move || sweep_directory(&root, until, 0))
            .await
            .expect("sweeping does not panic")
            .map_err(|source| StoreError::Io {
                verb: "sweep",
                what,
                source,
            })
    }
}

fn failed(key: &ObjectKey, verb: &'static str, kind: io::ErrorKind, why: String) -> StoreError {
    StoreError::Io {
        verb,
        what: key.to_string(),
        source: io::Error::new(kind, why),
    }
}

/// The kind of the I/O error at the bottom of an object store's error.
pub(super) fn io_kind(error: &object_store::Error) -> Option<io::ErrorKind> {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut kind = None;
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            kind = Some(io.kind());
        }
        source = error.source();
    }
    kind
}

/// True if the error says that there is no such object, or that there cannot be one.
pub(super) fn is_absent(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. })
        || io_kind(error).is_some_and(is_impossible_name)
}

/// A name or a path longer than the file system allows, or a directory in the place of a file: these are caused by
/// clients and are no failures of the storage.
fn is_impossible_name(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::InvalidFilename | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
    )
}

/// A name that `object_store` gives to files it is still writing: `<name>#<number>`.
fn is_temporary(file_name: &str) -> bool {
    file_name.rsplit_once('#').is_some_and(|(name, number)| {
        !name.is_empty() && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
    })
}

fn check(root: &StorageRoot) -> Result<(), StoreError> {
    root.check().map_err(|trouble| StoreError::RootGone {
        root: root.path().display().to_string(),
        trouble,
    })
}

/// The result of opening a local file: absent, present, or a failure of the storage.
fn local_outcome<T>(
    outcome: io::Result<Option<T>>,
    verb: &'static str,
    key: &ObjectKey,
) -> Result<Option<T>, StoreError> {
    match outcome {
        Err(error)
            if error.kind() == io::ErrorKind::NotFound || is_impossible_name(error.kind()) =>
        {
            Ok(None)
        }
        outcome => outcome.map_err(|source| StoreError::Io {
            verb,
            what: key.to_string(),
            source,
        }),
    }
}

fn stamp_of(meta: &ObjectMeta) -> Stamp {
    let e_tag = meta.e_tag.as_deref().unwrap_or_default();
    Stamp::new(meta.size, meta.last_modified, e_tag.as_bytes())
}

/// `None` if it is not a regular file: opening a pipe can block for ever, and opening a device may do anything.
fn look_at_file(path: &Path) -> io::Result<Option<Stamp>> {
    let metadata = std::fs::metadata(path)?;
    Ok(metadata.is_file().then(|| Stamp::of(&metadata)))
}

fn open_file(path: &Path) -> io::Result<Option<(std::fs::File, Stamp)>> {
    if look_at_file(path)?.is_none() {
        return Ok(None);
    }
    let file = std::fs::File::open(path)?;
    let stamp = Stamp::of(&file.metadata()?);
    Ok(Some((file, stamp)))
}

fn read_file(path: &Path) -> io::Result<Option<(Stamp, Bytes)>> {
    let Some((file, stamp)) = open_file(path)? else {
        return Ok(None);
    };
    Ok(Some((stamp, read_to_end(file, stamp)?)))
}

fn read_to_end(mut file: std::fs::File, stamp: Stamp) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(usize::try_from(stamp.size).unwrap_or(0));
    file.read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

fn open_body(path: &Path) -> io::Result<Option<StoredBody>> {
    let Some((file, stamp)) = open_file(path)? else {
        return Ok(None);
    };
    let content = if stamp.size <= WHOLE_UP_TO {
        Content::Whole(read_to_end(file, stamp)?)
    } else {
        Content::File(file)
    };
    Ok(Some(StoredBody { stamp, content }))
}

/// Replaces a file as `object_store` does, but never creates its directory.
fn replace_file(path: &Path, content: &PutPayload) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!("#{}", uuid::Uuid::new_v4().as_u128()));
    let temporary = PathBuf::from(temporary);
    let written = std::fs::File::create_new(&temporary).and_then(|mut file| {
        content.iter().try_for_each(|part| file.write_all(part))?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    });
    if written.is_err() {
        // if this fails, it is swept at the next start
        std::fs::remove_file(&temporary).ok();
        return written;
    }
    let directory = path.parent().expect("an object is in a directory");
    std::fs::File::open(directory)?.sync_all()
}

/// One level of a local directory. Entries that cannot be objects (a name that is not UTF-8, a broken link, a
/// directory) are skipped, so that one odd file does not hide the rest. One that cannot be looked at has a stamp that
/// nothing has: it is there, and somebody may look at it again. A missing directory is empty.
fn list_directory(directory: &Path) -> io::Result<Vec<StoredObject>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut objects = Vec::new();
    for entry in entries {
        let entry = entry?;
        let Ok(file_name) = entry.file_name().into_string() else {
            continue;
        };
        if is_temporary(&file_name) || file_name.contains(char::is_control) {
            continue;
        }
        // links are followed (docs/chartmuseum.md 13.1), which costs a second call only for them
        let metadata = match entry.metadata() {
            Ok(metadata) if metadata.is_symlink() => std::fs::metadata(entry.path()),
            other => other,
        };
        let stamp = match metadata {
            Ok(metadata) if metadata.is_file() => Stamp::of(&metadata),
            Ok(_) => continue,
            Err(error) if leads_nowhere(&error) => continue,
            Err(_) => Stamp::UNKNOWN,
        };
        objects.push(StoredObject { file_name, stamp });
    }
    Ok(objects)
}

/// Removed meanwhile, or a link that is broken or leads to itself.
fn leads_nowhere(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || is_impossible_name(error.kind())
        || error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// The directories in a directory. One that may not be read has none; one that cannot be read now is an error.
fn list_directories(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if leads_nowhere(&error) || error.kind() == io::ErrorKind::PermissionDenied => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.') && name != "lost+found")
        .collect();
    names.sort_unstable();
    Ok(names)
}

/// Recursive, because tenants nest; does not follow links, and is bounded in depth.
fn sweep_directory(
    directory: &Path,
    until: Option<DateTime<Utc>>,
    depth: usize,
) -> io::Result<usize> {
    const DEEPEST: usize = 16;
    let mut swept = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if depth == 0 && entry.file_name() == REGISTRY_DIRECTORY {
            continue;
        }
        if kind.is_dir() && depth < DEEPEST {
            // an unreadable directory, such as lost+found, holds none of our files
            swept += sweep_directory(&entry.path(), until, depth + 1).unwrap_or(0);
        } else if kind.is_file()
            && entry
                .file_name()
                .to_str()
                .is_some_and(is_ours_and_temporary)
            && until.is_none_or(|until| is_older(&entry, until))
        {
            match std::fs::remove_file(entry.path()) {
                Ok(()) => swept += 1,
                // another process on the same volume has finished its write
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(swept)
}

fn is_older(entry: &std::fs::DirEntry, until: DateTime<Utc>) -> bool {
    let metadata = entry.metadata();
    metadata.is_ok_and(|metadata| Stamp::of(&metadata).modified < until)
}

/// Only names of our own temporary files are swept, not others such as `notes#1`.
fn is_ours_and_temporary(file_name: &str) -> bool {
    let ours = [".tgz#", ".tgz.prov#", "index-cache.yaml#"];
    let is_own = |file_name: &str| {
        file_name.starts_with(OWN_PREFIX) || ours.iter().any(|mark| file_name.contains(mark))
    };
    file_name.starts_with(STAGED_PREFIX) || is_temporary(file_name) && is_own(file_name)
}
