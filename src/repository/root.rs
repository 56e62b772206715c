//! The storage directory's identity: whether the directory at its path is still the one that was indexed. A volume
//! may be unmounted or a directory replaced under a running server; what is written then is lost.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, CWD, FileType, StatxAttributes, StatxFlags, statx};
use tracing::error;

use crate::repository::lock::{Lock, Sharing};

/// What is wrong with the storage directory, without its path, so that clients may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RootTrouble {
    /// Nothing is at its path.
    #[error(
        "the storage directory is gone: put it back, and it is used again within seconds, without a restart"
    )]
    Missing,
    /// A file or the like is at its path.
    #[error(
        "the storage directory is gone and something that is no directory is in its place: put a directory back, and it is used within seconds, without a restart"
    )]
    NoDirectory,
    /// The volume was unmounted: the directory below the mount point is visible.
    #[error(
        "the storage volume is not mounted any more: mount it again, and it is used again within seconds, without a restart"
    )]
    Unmounted,
    /// Another directory is at its path.
    #[error(
        "the storage directory was replaced by another one, which is being read: try again in a few seconds"
    )]
    Replaced,
    /// Another server holds it.
    #[error(
        "the storage directory is served by another chartroom: stop that one, and it is used within seconds, without a restart"
    )]
    Held,
    /// It cannot be read.
    #[error("the storage directory cannot be reached ({0}): it is used again as soon as it can")]
    Unreachable(io::ErrorKind),
}

/// The identity of a directory. File systems reuse inode numbers, so the
/// time of birth is a part of it where available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: (u32, u32),
    inode: u64,
    born: Option<(i64, u32)>,
    is_mount: bool,
}

/// A local storage's directory.
#[derive(Debug)]
pub struct StorageRoot {
    path: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    identity: Identity,
    trouble: Option<RootTrouble>,
    /// How the directory is held, once it is, and the lock unless the directory is lost: an open file keeps a volume
    /// from being unmounted.
    held: Option<(Sharing, Option<Lock>)>,
}

impl StorageRoot {
    /// The directory at `path`, which must exist.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let identity = identify(&path)?.ok_or(io::ErrorKind::NotADirectory)?;
        let known = Mutex::new(Known {
            identity,
            trouble: None,
            held: None,
        });
        Ok(Self { path, known })
    }

    /// Keeps other servers from the directory, or only those that would have it alone. Fails if another has it: the
    /// text says which.
    pub fn hold(&self, sharing: Sharing) -> Result<(), String> {
        let lock = Lock::take(&self.path, sharing)?;
        self.lock().held = Some((sharing, lock));
        Ok(())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why files cannot be created in it, if so: missing permissions, or a read-only volume.
    pub fn refuses_writing(&self) -> Option<io::Error> {
        // named like an unfinished write, so that the next start removes it if this process is killed now
        let path = self.path.join(".chartroom-index#0");
        match std::fs::File::create_new(&path) {
            Ok(_) => std::fs::remove_file(&path).err(),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => None,
            Err(error) => Some(error),
        }
    }

    /// Checks that it is still there, by one system call. A problem is logged when it is first noticed.
    pub fn check(&self) -> Result<(), RootTrouble> {
        let found = identify(&self.path);
        let mut known = self.lock();
        let Err(trouble) = known.compare(&found) else {
            // the problem is kept until the index is known to be of this directory
            return Ok(());
        };
        if let Some((_, lock)) = &mut known.held {
            *lock = None;
        }
        if known.trouble.replace(trouble).is_none() {
            error!(
                directory = %self.path.display(),
                error = %trouble,
                "Storage directory is lost: nothing is written until it is back"
            );
        }
        Err(trouble)
    }

    /// The problem at the last check; checks nothing.
    pub fn trouble(&self) -> Option<RootTrouble> {
        self.lock().trouble
    }

    /// Accepts the directory that is at the path now as the storage. Fails if there is none, or only an empty mount
    /// point.
    pub fn adopt(&self) -> Result<(), RootTrouble> {
        let found = identify(&self.path);
        let mut known = self.lock();
        match known.compare(&found) {
            Ok(()) => {}
            Err(RootTrouble::Replaced) => {
                if let Ok(Some(identity)) = found {
                    known.identity = identity;
                }
            }
            Err(trouble) => return Err(trouble),
        }
        if let Some((sharing, lock @ None)) = &mut known.held {
            *lock = Lock::take(&self.path, *sharing).map_err(|_| RootTrouble::Held)?;
        }
        known.trouble = None;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn compare(&self, found: &io::Result<Option<Identity>>) -> Result<(), RootTrouble> {
        match found {
            Ok(Some(found)) if *found == self.identity => Ok(()),
            Ok(Some(found)) if self.identity.is_mount && !found.is_mount => {
                Err(RootTrouble::Unmounted)
            }
            Ok(Some(_)) => Err(RootTrouble::Replaced),
            Ok(None) => Err(RootTrouble::NoDirectory),
            Err(error) => Err(match error.kind() {
                io::ErrorKind::NotFound => RootTrouble::Missing,
                io::ErrorKind::NotADirectory => RootTrouble::NoDirectory,
                kind => RootTrouble::Unreachable(kind),
            }),
        }
    }
}

/// `None` if it is not a directory.
fn identify(path: &Path) -> io::Result<Option<Identity>> {
    let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    let found = statx(CWD, path, AtFlags::empty(), wanted)?;
    if FileType::from_raw_mode(found.stx_mode.into()) != FileType::Directory {
        return Ok(None);
    }
    let has_birth = found.stx_mask & StatxFlags::BTIME.bits() != 0;
    Ok(Some(Identity {
        device: (found.stx_dev_major, found.stx_dev_minor),
        inode: found.stx_ino,
        born: has_birth.then_some((found.stx_btime.tv_sec, found.stx_btime.tv_nsec)),
        is_mount: found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_takes_no_files_is_told_from_one_that_does() {
        let folder = tempfile::tempdir().expect("a directory");
        let root = StorageRoot::open(folder.path().to_owned()).expect("it is there");
        assert!(root.refuses_writing().is_none());
        let left = std::fs::read_dir(folder.path()).expect("it is listed");
        assert_eq!(left.count(), 0);
        // /proc takes no files, not even root's
        let root = StorageRoot::open("/proc/self".into()).expect("it is there");
        assert!(root.refuses_writing().is_some());
    }
}
