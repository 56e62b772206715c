//! Files in memory (memfd), which the kernel can send without copying them.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use tracing::debug;

/// Fewer bytes than this are copied about as fast as they are sent from a file.
const WORTH_A_FILE: usize = 64 * 1024;

/// Memory files open at a time. With pages of 256 KiB this is 64 MiB of index, and it leaves most of the 1024
/// descriptors that a process has by default to connections and packages.
const MOST_FILES: usize = 256;

/// Makes memory files, and limits how many there are. Clones share the limit.
#[derive(Clone, Debug)]
pub struct MemoryFiles {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    free: AtomicUsize,
    refused: Once,
}

/// An open memory file that is not written any more. Its memory is the kernel's: it counts for the control group of
/// the process as shared memory, not for the resident size, and it is given back when the last clone of the `Arc`
/// around it is dropped and the last socket has sent what it took from it.
#[derive(Debug)]
pub struct MemoryFile {
    file: File,
    shared: Arc<Shared>,
}

/// The result of a request for a memory file.
#[derive(Debug)]
pub(super) enum Made {
    /// It is created.
    File(Arc<MemoryFile>),
    /// Not now: there are too many.
    Later,
    /// Never: it would be too small, or the system refuses it.
    Never,
}

impl Default for MemoryFiles {
    fn default() -> Self {
        Self::with_limit(MOST_FILES)
    }
}

impl MemoryFiles {
    /// At most `limit` files at a time.
    pub(super) fn with_limit(limit: usize) -> Self {
        let (free, refused) = (AtomicUsize::new(limit), Once::new());
        Self {
            shared: Arc::new(Shared { free, refused }),
        }
    }

    /// Copies `bytes` into a new file. This blocks for as long as copying takes.
    pub(super) fn make(&self, bytes: &[u8]) -> Made {
        if bytes.len() < WORTH_A_FILE {
            return Made::Never;
        }
        let take_one = |free: usize| free.checked_sub(1);
        if self
            .shared
            .free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one)
            .is_err()
        {
            return Made::Later;
        }
        match filled(bytes) {
            Ok(file) => Made::File(Arc::new(MemoryFile {
                file,
                shared: Arc::clone(&self.shared),
            })),
            Err(error) => {
                self.shared.free.fetch_add(1, Ordering::Relaxed);
                self.shared
                    .refused
                    .call_once(|| debug!(error = %error, "Memory files cannot be made"));
                Made::Never
            }
        }
    }

    /// How many more there can be.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.shared.free.load(Ordering::Relaxed)
    }
}

impl AsFd for MemoryFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        self.shared.free.fetch_add(1, Ordering::Relaxed);
    }
}

fn filled(bytes: &[u8]) -> io::Result<File> {
    const NAME: &str = "chartroom-index";
    let made = match memfd_create(NAME, MemfdFlags::CLOEXEC | MemfdFlags::NOEXEC_SEAL) {
        // MFD_NOEXEC_SEAL exists since Linux 6.3
        Err(Errno::INVAL) => memfd_create(NAME, MemfdFlags::CLOEXEC),
        made => made,
    };
    let mut file = File::from(made?);
    file.write_all(bytes)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    #[test]
    fn a_file_holds_the_bytes_and_gives_its_place_back() {
        let files = MemoryFiles::with_limit(1);
        let bytes: Vec<u8> = (0..WORTH_A_FILE + 1).map(|i| (i % 251) as u8).collect();
        let Made::File(made) = files.make(&bytes) else {
            panic!("there is room for one")
        };
        let mut read = vec![0; bytes.len()];
        made.file.read_exact_at(&mut read, 0).unwrap();
        assert_eq!(read, bytes);
        assert_eq!(made.file.metadata().unwrap().len(), bytes.len() as u64);

        assert!(matches!(files.make(&bytes), Made::Later));
        drop(made);
        assert!(matches!(files.make(&bytes), Made::File(_)));
        assert_eq!(files.free(), 1);
    }

    #[test]
    fn small_pages_are_not_worth_a_file() {
        let files = MemoryFiles::with_limit(1);
        assert!(matches!(files.make(&[0; WORTH_A_FILE - 1]), Made::Never));
        assert_eq!(files.free(), 1);
    }
}
