//! Packages on disk by their digest, and in memory the opened ones that were used last.
//!
//! A file is trusted only after it was hashed in this process: the machine may have lost power since it was written.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::SystemTime;

use uuid::Uuid;

use crate::chart::digest::Sha256Hex;
use crate::controller::charts::{ChartsError, FetchedChart, contents};

/// The most bytes of opened packages in memory.
const MEMORY: usize = 8 << 20;
/// The end of the names of files that are being written.
const UNFINISHED: &str = ".part";

/// The cache. Methods that are not `async` block for file operations.
pub(super) struct Cache {
    directory: PathBuf,
    capacity: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    packages: HashMap<Sha256Hex, Package>,
    /// `None` until it is set: then nothing is evicted.
    kept: Option<HashSet<Sha256Hex>>,
    /// Counts uses.
    clock: u64,
}

struct Package {
    size: u64,
    /// The clock at the last use.
    used: u64,
    /// The opened package, as long as it is in use.
    chart: Weak<FetchedChart>,
    /// The same, held by the cache.
    remembered: Option<Arc<FetchedChart>>,
    /// The file that was read.
    stamp: Option<Stamp>,
}

/// What changes when a file is written.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self {
            size: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

impl Cache {
    /// Opens `directory` with the packages that an earlier process has left there.
    pub(super) fn open(directory: &Path, capacity: u64) -> Result<Self, ChartsError> {
        let cache = Self {
            directory: directory.to_owned(),
            capacity,
            state: Mutex::default(),
        };
        cache.sweep().map_err(|error| cache.failed(error))?;
        Ok(cache)
    }

    fn sweep(&self) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.ends_with(UNFINISHED) {
                remove(&entry.path())?;
            } else if let Some(digest) = name.strip_suffix(".tgz").and_then(Sha256Hex::parse) {
                // one that has gone since is ignored
                if let Ok(stamp) = Stamp::of(&entry.path()) {
                    found.push((stamp.modified, digest, stamp.size));
                }
            }
        }
        // the time of the last use, as far as earlier processes noted it
        found.sort();
        let mut state = self.state();
        for (_, digest, size) in found {
            state.insert(digest, size);
        }
        Ok(())
    }

    /// Where a package is, or would be.
    pub(super) fn path(&self, digest: Sha256Hex) -> PathBuf {
        self.directory.join(format!("{digest}.tgz"))
    }

    /// A new file for a package that is being fetched. It is removed when the value is dropped without
    /// [`finish`](Self::finish).
    pub(super) fn begin(&self) -> Result<Unfinished, ChartsError> {
        let path = self
            .directory
            .join(format!("{}{UNFINISHED}", Uuid::new_v4().simple()));
        let open = || {
            // the directory may have been removed
            fs::create_dir_all(&self.directory)?;
            File::options()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path)
        };
        let file = open().map_err(|error| self.failed(error))?;
        Ok(Unfinished { path, file })
    }

    /// Makes a complete file the package of its digest, durably.
    pub(super) fn finish(
        &self,
        unfinished: &Unfinished,
        chart: FetchedChart,
    ) -> Result<Arc<FetchedChart>, ChartsError> {
        let chart = Arc::new(chart);
        let put = || {
            unfinished.file.sync_all()?;
            // under the lock, so that a package that is being added again is not evicted
            let mut state = self.state();
            fs::rename(&unfinished.path, &chart.path)?;
            state.insert(chart.digest, chart.size);
            state.remember(&chart, Stamp::of(&chart.path)?);
            for digest in state.evict(self.capacity) {
                if let Err(error) = remove(&self.path(digest)) {
                    tracing::warn!(%digest, %error, "Cannot remove a package from the cache");
                }
            }
            drop(state);
            File::open(&self.directory)?.sync_all()
        };
        put().map_err(|error| self.failed(error))?;
        Ok(chart)
    }

    /// Reads and opens the package. `None` if it is not there, or damaged: then it is removed.
    pub(super) fn load(
        &self,
        digest: Sha256Hex,
        listed: &str,
    ) -> Result<Option<Arc<FetchedChart>>, ChartsError> {
        let path = self.path(digest);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.state().packages.remove(&digest);
                return Ok(None);
            }
            Err(error) => {
                tracing::warn!(%digest, %error, "Cannot read a package in the cache; it is fetched again");
                return Ok(None);
            }
        };
        if Sha256Hex::of(&bytes) != digest {
            tracing::warn!(%digest, "A package in the cache is damaged and is fetched again");
            self.state().packages.remove(&digest);
            remove(&path).map_err(|error| self.failed(error))?;
            return Ok(None);
        }
        let chart = Arc::new(contents::read(&bytes, digest, path.clone(), listed)?);
        // records the use for the next process; a failure does no harm
        let noted = File::options().append(true).open(&path);
        let noted = noted.and_then(|file| file.set_modified(SystemTime::now()));
        if let Err(error) = noted {
            tracing::debug!(%digest, %error, "Cannot note the use of a package in the cache");
        }
        let mut state = self.state();
        // it may have been evicted since it was read
        let Ok(stamp) = Stamp::of(&path) else {
            return Ok(None);
        };
        state.insert(digest, chart.size);
        state.remember(&chart, stamp);
        Ok(Some(chart))
    }

    /// The opened package, if it is in memory and its file is unchanged.
    pub(super) async fn parsed(self: &Arc<Self>, digest: Sha256Hex) -> Option<Arc<FetchedChart>> {
        let (chart, stamp) = self.state().parsed(digest)?;
        let path = self.path(digest);
        let now = tokio::task::spawn_blocking(move || Stamp::of(&path)).await;
        if now.expect("reading a file's size does not panic").ok() == Some(stamp) {
            return Some(chart);
        }
        if let Some(package) = self.state().packages.get_mut(&digest) {
            (package.chart, package.remembered, package.stamp) = (Weak::new(), None, None);
        }
        None
    }

    /// Sets the packages that are not evicted.
    pub(super) fn keep(&self, digests: HashSet<Sha256Hex>) {
        self.state().kept = Some(digests);
    }

    /// A failure of the cache's directory.
    pub(super) fn failed(&self, error: io::Error) -> ChartsError {
        ChartsError::Cache {
            directory: self.directory.clone(),
            source: Arc::new(error),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with this lock")
    }
}

impl State {
    /// Notes a package as used now.
    fn insert(&mut self, digest: Sha256Hex, size: u64) {
        self.clock += 1;
        let package = self.packages.entry(digest).or_insert_with(|| Package {
            size,
            used: 0,
            chart: Weak::new(),
            remembered: None,
            stamp: None,
        });
        package.size = size;
        package.used = self.clock;
    }

    fn remember(&mut self, chart: &Arc<FetchedChart>, stamp: Stamp) {
        if let Some(package) = self.packages.get_mut(&chart.digest) {
            package.chart = Arc::downgrade(chart);
            package.remembered = Some(Arc::clone(chart));
            package.stamp = Some(stamp);
        }
        let mut remembered: Vec<(u64, Sha256Hex, usize)> = (self.packages.iter())
            .filter_map(|(digest, package)| {
                let chart = package.remembered.as_ref()?;
                Some((package.used, *digest, chart.weight()))
            })
            .collect();
        let mut weight: usize = remembered.iter().map(|(_, _, weight)| weight).sum();
        if weight <= MEMORY {
            return;
        }
        remembered.sort_unstable();
        // the latest stays, whatever its weight
        remembered.pop();
        for (_, digest, of_chart) in remembered {
            if weight <= MEMORY {
                break;
            }
            if let Some(package) = self.packages.get_mut(&digest) {
                package.remembered = None;
                weight -= of_chart;
            }
        }
    }

    /// The opened package and the stamp of its file; counts as a use.
    fn parsed(&mut self, digest: Sha256Hex) -> Option<(Arc<FetchedChart>, Stamp)> {
        self.clock += 1;
        let package = self.packages.get_mut(&digest)?;
        package.used = self.clock;
        Some((package.chart.upgrade()?, package.stamp?))
    }

    /// Forgets and returns the packages to evict: the least recently used, until the others fit; but none that is kept
    /// or in use.
    fn evict(&mut self, capacity: u64) -> Vec<Sha256Hex> {
        let mut size: u64 = self.packages.values().map(|package| package.size).sum();
        let Some(kept) = self.kept.as_ref().filter(|_| size > capacity) else {
            return Vec::new();
        };
        let mut candidates: Vec<(u64, Sha256Hex, u64)> = (self.packages.iter())
            .filter(|(digest, package)| {
                let own = usize::from(package.remembered.is_some());
                !kept.contains(digest) && package.chart.strong_count() <= own
            })
            .map(|(digest, package)| (package.used, *digest, package.size))
            .collect();
        candidates.sort_unstable();
        let mut evicted = Vec::new();
        for (_, digest, of_package) in candidates {
            if size <= capacity {
                break;
            }
            self.packages.remove(&digest);
            size -= of_package;
            evicted.push(digest);
        }
        evicted
    }
}

/// A file that is being written.
pub(super) struct Unfinished {
    pub(super) path: PathBuf,
    pub(super) file: File,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // after `finish` there is nothing at this path
        let _ = fs::remove_file(&self.path);
    }
}

/// Removes a file; a missing one is no error.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
