//! Objects in a local directory: each a file, written beside its place, synced and renamed.

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use crate::oci::keys::PREFIX;
use crate::oci::objects::{Listed, ObjectStat, Objects};
use crate::repository::root::StorageRoot;

/// How much of a file is read at a time.
const PIECE: usize = 256 * 1024;
/// Where files are that are being written, or about to be removed.
const TEMPORARY: &str = "tmp";

/// A directory below a chart storage.
#[derive(Debug)]
pub struct Disk {
    storage: Arc<StorageRoot>,
    root: PathBuf,
    /// Nothing is touched while it is decided whether it is old.
    removing: RwLock<()>,
}

impl Disk {
    /// The registry's directory of this storage. It is made when the first object is written.
    pub fn below(storage: Arc<StorageRoot>) -> Self {
        Self {
            root: storage.path().join(PREFIX),
            storage,
            removing: RwLock::default(),
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// A path for a file that is in nobody's way. Its directory is there.
    fn temporary(&self) -> io::Result<PathBuf> {
        (self.storage.check()).map_err(|trouble| io::Error::other(trouble.to_string()))?;
        let directory = self.root.join(TEMPORARY);
        self.make_directory(&directory)?;
        Ok(directory.join(Uuid::new_v4().to_string()))
    }

    /// Makes a directory with those above it, each synced into its parent. The storage's own is never made: where it
    /// has gone, what is written would be lost.
    fn make_directory(&self, directory: &Path) -> io::Result<()> {
        if directory.is_dir() {
            return Ok(());
        }
        (self.storage.check()).map_err(|trouble| io::Error::other(trouble.to_string()))?;
        let parent = directory.parent().expect("it is below the storage");
        if directory != self.root {
            self.make_directory(parent)?;
        }
        match fs::create_dir(directory) {
            Ok(()) => sync_directory(parent),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Moves a synced file to its place.
    fn place(&self, from: &Path, to: &Path) -> io::Result<()> {
        let directory = to.parent().expect("an object is in a directory");
        let mut tries = 0;
        loop {
            self.make_directory(directory)?;
            match fs::rename(from, to) {
                // the directory was empty, and removed as such
                Err(error) if error.kind() == ErrorKind::NotFound && tries < 10 => tries += 1,
                Err(error) => return Err(error),
                Ok(()) => return sync_directory(directory),
            }
        }
    }

    /// Removes the directories that an object has left empty.
    fn prune(&self, path: &Path) {
        let mut directory = path.parent();
        while let Some(empty) = directory.filter(|directory| {
            let depth = directory
                .strip_prefix(&self.root)
                .map_or(0, |below| below.components().count());
            depth > 1
        }) {
            if fs::remove_dir(empty).is_err() {
                return;
            }
            directory = empty.parent();
        }
    }
}

impl Objects for Disk {
    fn read(&self, key: &str) -> io::Result<Option<Vec<u8>>> {
        present(fs::read(self.path(key)))
    }

    fn stat(&self, key: &str) -> io::Result<Option<ObjectStat>> {
        let found = present(fs::metadata(self.path(key)))?;
        found
            .filter(|metadata| metadata.is_file())
            .map(|metadata| {
                Ok(ObjectStat {
                    size: metadata.len(),
                    touched: metadata.modified()?,
                })
            })
            .transpose()
    }

    fn open(
        &self,
        key: &str,
        range: Range<u64>,
    ) -> io::Result<Option<BoxStream<'static, io::Result<Bytes>>>> {
        let Some(mut file) = present(File::open(self.path(key)))? else {
            return Ok(None);
        };
        file.seek(SeekFrom::Start(range.start))?;
        let file = tokio::fs::File::from_std(file).take(range.end - range.start);
        Ok(Some(ReaderStream::with_capacity(file, PIECE).boxed()))
    }

    fn write(&self, key: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.temporary()?;
        let written = File::create_new(&temporary).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            self.place(&temporary, &self.path(key))
        });
        if written.is_err() {
            // if this fails, it is swept later
            fs::remove_file(&temporary).ok();
        }
        written
    }

    fn touch(&self, key: &str) -> io::Result<bool> {
        let _touching = self.removing.read().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = present(File::open(self.path(key)))? else {
            return Ok(false);
        };
        file.set_times(FileTimes::new().set_modified(SystemTime::now()))?;
        // it may have been moved away between the two calls
        Ok(self.stat(key)?.is_some())
    }

    fn remove(&self, key: &str) -> io::Result<bool> {
        let path = self.path(key);
        if present(fs::remove_file(&path))?.is_none() {
            return Ok(false);
        }
        let directory = path.parent().expect("an object is in a directory");
        sync_directory(directory)?;
        self.prune(&path);
        Ok(true)
    }

    /// Moved away first, and looked at again there, because another process may touch it: whoever does so before has
    /// made it young, and whoever comes after sees that it has gone.
    fn remove_untouched(&self, key: &str, before: SystemTime) -> io::Result<bool> {
        let _deciding = self
            .removing
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let is_old = |stat: &ObjectStat| stat.touched < before;
        if !self.stat(key)?.is_some_and(|stat| is_old(&stat)) {
            return Ok(false);
        }
        let (path, aside) = (self.path(key), self.temporary()?);
        if present(fs::rename(&path, &aside))?.is_none() {
            return Ok(false);
        }
        if fs::metadata(&aside)?.modified()? >= before {
            // an object of the same key is the same content
            self.place(&aside, &path)?;
            return Ok(false);
        }
        fs::remove_file(&aside)?;
        self.prune(&path);
        Ok(true)
    }

    fn list(&self, prefix: &str) -> io::Result<Vec<Listed>> {
        let Some(entries) = present(fs::read_dir(self.path(prefix)))? else {
            return Ok(Vec::new());
        };
        let mut listed = Vec::new();
        for entry in entries {
            let entry = entry?;
            let is_object = entry.file_type()?.is_file();
            listed.extend(
                entry
                    .file_name()
                    .into_string()
                    .ok()
                    .map(|name| Listed { name, is_object }),
            );
        }
        listed.sort_unstable();
        Ok(listed)
    }

    fn begin(&self, key: &str) -> io::Result<()> {
        (self.storage.check()).map_err(|trouble| io::Error::other(trouble.to_string()))?;
        let path = self.path(key);
        self.make_directory(path.parent().expect("an upload is in a directory"))?;
        File::create_new(path).map(drop)
    }

    fn append(&self, key: &str, at: u64, bytes: &[Bytes]) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.path(key))?;
        if file.metadata()?.len() > at {
            file.set_len(at)?;
        }
        let mut end = at;
        for piece in bytes {
            if let Err(error) = file.write_all_at(piece, end) {
                // a full volume: what did fit is not what was sent
                file.set_len(at).ok();
                return Err(error);
            }
            end += piece.len() as u64;
        }
        Ok(())
    }

    fn truncate(&self, key: &str, size: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.path(key))?;
        file.set_len(size)
    }

    fn reader(&self, key: &str) -> io::Result<Option<Box<dyn Read + Send>>> {
        let file = present(File::open(self.path(key)))?;
        Ok(file.map(|file| Box::new(io::BufReader::with_capacity(PIECE, file)) as Box<_>))
    }

    fn adopt(&self, upload: &str, key: &str) -> io::Result<()> {
        let upload = self.path(upload);
        if self.touch(key)? {
            return fs::remove_file(upload);
        }
        File::open(&upload)?.sync_all()?;
        self.place(&upload, &self.path(key))
    }

    fn sweep(&self, before: SystemTime) -> io::Result<usize> {
        let mut swept = 0;
        for left in self.list(TEMPORARY)? {
            let path = self.root.join(TEMPORARY).join(left.name);
            let is_old = present(fs::metadata(&path))?
                .map(|metadata| metadata.modified())
                .transpose()?
                .is_some_and(|modified| modified < before);
            if is_old && present(fs::remove_file(&path))?.is_some() {
                swept += 1;
            }
        }
        Ok(swept)
    }

    fn free(&self) -> io::Result<Option<u64>> {
        let volume = rustix::fs::statvfs(self.storage.path())?;
        Ok(Some(volume.f_bavail.saturating_mul(volume.f_frsize)))
    }
}

/// `None` for what is not there, and for what cannot be: a name too long, or a file in the place of a directory.
fn present<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound
                    | ErrorKind::NotADirectory
                    | ErrorKind::IsADirectory
                    | ErrorKind::InvalidFilename
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory) {
        Ok(opened) => opened.sync_all(),
        // it was empty, and removed as such
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> (tempfile::TempDir, Disk) {
        let directory = tempfile::tempdir().unwrap();
        let storage = StorageRoot::open(directory.path().to_owned()).unwrap();
        let disk = Disk::below(Arc::new(storage));
        (directory, disk)
    }

    #[test]
    fn an_object_that_was_touched_is_not_removed_as_old() {
        let (_directory, disk) = disk();
        disk.write("links/a/b", b"").unwrap();
        let written = disk.stat("links/a/b").unwrap().unwrap().touched;
        let later = written + std::time::Duration::from_secs(1);
        assert!(!disk.remove_untouched("links/a/b", written).unwrap());
        assert!(disk.stat("links/a/b").unwrap().is_some());
        assert!(disk.remove_untouched("links/a/b", later).unwrap());
        assert!(disk.stat("links/a/b").unwrap().is_none());
        assert!(!disk.touch("links/a/b").unwrap());
        assert!(
            !disk.path("links/a").exists(),
            "the empty directory has gone"
        );
        assert!(disk.path("links").exists());
    }

    #[test]
    fn an_upload_grows_is_cut_off_and_becomes_a_blob_once() {
        let (_directory, disk) = disk();
        let part = |text: &'static str| [Bytes::from_static(text.as_bytes())];
        for key in ["uploads/1", "uploads/2"] {
            disk.begin(key).unwrap();
            assert!(disk.begin(key).is_err(), "one upload has one id");
            disk.append(key, 0, &part("abcd")).unwrap();
            disk.append(key, 2, &part("xyz")).unwrap();
            disk.truncate(key, 4).unwrap();
            disk.adopt(key, "blobs/x").unwrap();
            assert_eq!(disk.read("blobs/x").unwrap().unwrap(), b"abxy");
            assert!(disk.stat(key).unwrap().is_none());
        }
        assert!(disk.append("uploads/1", 0, &part("a")).is_err());
    }

    #[test]
    fn names_that_no_file_can_have_are_those_of_nothing() {
        let (_directory, disk) = disk();
        disk.write("tags/a", b"x").unwrap();
        let long = "x".repeat(300);
        for key in ["tags", "tags/a/b", "tags/b", &*long] {
            assert!(disk.read(key).unwrap().is_none(), "{key}");
            assert!(!disk.remove(key).unwrap(), "{key}");
        }
        assert!(disk.list("tags/a").unwrap().is_empty());
    }

    #[test]
    fn a_storage_that_has_gone_is_not_made_again() {
        let (directory, disk) = disk();
        directory.close().unwrap();
        assert!(disk.write("tags/a", b"x").is_err());
        assert!(!disk.storage.path().exists());
    }
}
