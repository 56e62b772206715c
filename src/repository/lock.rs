//! The lock on a storage directory: one server at a time, or several that know of each other.
//!
//! It is the kernel's, on an open file: it ends with the process, whatever ends that, and a file that is left over locks
//! nothing.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tracing::warn;

use crate::repository::key::LOCK_FILE_NAME;

/// Who else may serve a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Nobody.
    Alone,
    /// Whoever shares it too.
    Shared,
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "it is held, not used")] File);

impl Lock {
    /// Locks the directory. `None` where nothing can be locked: in a directory that takes no files, and on a file system
    /// without locks. Fails if another server has it: the text is what that one wrote into the file.
    pub fn take(directory: &Path, sharing: Sharing) -> Result<Option<Self>, String> {
        let locked = open(directory).and_then(|file| Ok((lock(&file, sharing)?, file)));
        match locked {
            Ok((true, file)) => {
                introduce_ourselves(&file).ok();
                Ok(Some(Self(file)))
            }
            Ok((false, file)) => Err(who(file)),
            Err(error) => {
                warn!(
                    directory = %directory.display(),
                    error = %error,
                    "Storage directory cannot be locked: see to it that no other server writes to it"
                );
                Ok(None)
            }
        }
    }
}

fn open(directory: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(directory.join(LOCK_FILE_NAME))
}

/// False if another process has it.
fn lock(file: &File, sharing: Sharing) -> io::Result<bool> {
    let operation = match sharing {
        Sharing::Alone => FlockOperation::NonBlockingLockExclusive,
        Sharing::Shared => FlockOperation::NonBlockingLockShared,
    };
    match flock(file, operation) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Tells who is refused where to look.
fn introduce_ourselves(mut file: &File) -> io::Result<()> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")?;
    file.set_len(0)?;
    writeln!(file, "process {} on {}", std::process::id(), host.trim())
}

fn who(mut file: File) -> String {
    let mut text = String::new();
    let read = file
        .rewind()
        .and_then(|()| file.take(256).read_to_string(&mut text));
    match text.trim() {
        text if read.is_ok() && !text.is_empty() && !text.contains(char::is_control) => {
            text.to_owned()
        }
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alone_or_several_that_share() {
        let directory = tempfile::tempdir().unwrap();
        let take = |sharing| Lock::take(directory.path(), sharing);
        let alone = take(Sharing::Alone).unwrap();
        let refusal = take(Sharing::Alone).unwrap_err();
        assert!(
            refusal.starts_with(&format!("process {} on ", std::process::id())),
            "{refusal}"
        );
        take(Sharing::Shared).unwrap_err();
        drop(alone);
        let shared = (
            take(Sharing::Shared).unwrap(),
            take(Sharing::Shared).unwrap(),
        );
        take(Sharing::Alone).unwrap_err();
        drop(shared);
        assert!(take(Sharing::Alone).unwrap().is_some());
    }

    #[test]
    fn a_directory_that_takes_no_files_is_served_without_a_lock() {
        assert!(
            Lock::take(Path::new("/proc/self"), Sharing::Alone)
                .unwrap()
                .is_none()
        );
    }
}
