//! The registry: what clients push and pull, over a storage and over the chart repository.
//!
//! What is written is written in an order in which every prefix of it is sound: a link before its blob, what a manifest
//! needs before the manifest, the manifest before its tag; and removed in the opposite one. What a crash leaves between
//! is nobody's, and collected.

mod blobs;
mod charts;
mod collect;
mod listings;
mod manifests;
mod publish;
mod records;
mod uploads;

use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard, Semaphore};

pub use self::blobs::{Blob, BlobContent};
pub use self::collect::{Collected, Collection};
pub use self::manifests::{NewManifest, PutManifest, StoredManifest};
pub use self::uploads::{BodyStream, BodyTrouble};

use self::charts::ConfigDigests;
use self::uploads::Sessions;
use crate::config::{Depth, Overwrite, Sparse};
use crate::metrics::registry::RegistryCounters;
use crate::oci::error::OciError;
use crate::oci::name::RepositoryName;
use crate::oci::objects::Objects;
use crate::repository::ChartRepository;
use crate::repository::store::StoreError;

/// Enough that two pushes to different repositories seldom wait for each other.
const STRIPES: usize = 64;
/// Packages that are in memory at the same time because they are being published.
const PUBLISHED_AT_ONCE: usize = 2;

/// How a registry behaves.
#[derive(Clone, Debug)]
pub struct RegistryRules {
    /// Where a tenant's name ends.
    pub depth: Depth,
    /// What a manifest may name that is not there.
    pub sparse: Sparse,
    /// When a chart's version is replaced.
    pub overwrite: Overwrite,
    /// Bytes of a chart's package, and of its provenance file.
    pub max_package: u64,
    /// Bytes of any blob.
    pub max_blob: Option<u64>,
}

/// All repositories.
#[derive(Debug)]
pub struct Registry {
    objects: Arc<dyn Objects>,
    charts: Arc<ChartRepository>,
    rules: RegistryRules,
    sessions: Sessions,
    stripes: [Mutex<()>; STRIPES],
    hasher: RandomState,
    publishing: Semaphore,
    configs: ConfigDigests,
    counters: RegistryCounters,
}

impl Registry {
    /// A registry of what lies in `objects`, and of `charts`.
    pub fn new(
        objects: Arc<dyn Objects>,
        charts: Arc<ChartRepository>,
        rules: RegistryRules,
    ) -> Self {
        Self {
            objects,
            charts,
            rules,
            sessions: Sessions::default(),
            stripes: std::array::from_fn(|_| Mutex::new(())),
            hasher: RandomState::new(),
            publishing: Semaphore::new(PUBLISHED_AT_ONCE),
            configs: ConfigDigests::default(),
            counters: RegistryCounters::default(),
        }
    }

    /// What was pushed, pulled and collected.
    pub fn counters(&self) -> &RegistryCounters {
        &self.counters
    }

    /// Bytes that can still be stored, if the storage knows.
    pub async fn free(&self) -> Result<Option<u64>, OciError> {
        self.blocking(|objects| objects.free()).await
    }

    /// Waits until nobody else changes this repository.
    async fn lock(&self, name: &RepositoryName) -> MutexGuard<'_, ()> {
        let stripe = self.hasher.hash_one(name) % STRIPES as u64;
        let stripe = usize::try_from(stripe).expect("smaller than the number of stripes");
        self.stripes[stripe].lock().await
    }

    /// Does what blocks on a thread that may.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Objects) -> io::Result<T> + Send + 'static,
    ) -> Result<T, OciError> {
        let objects = Arc::clone(&self.objects);
        let done = tokio::task::spawn_blocking(move || work(&*objects)).await;
        Ok(done.expect("work on the storage does not panic")?)
    }
}

impl From<io::Error> for OciError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::StorageFull,
            _ => Self::Storage(error.into()),
        }
    }
}

impl From<StoreError> for OciError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::StorageFull(_) => Self::StorageFull,
            other => Self::Storage(other.into()),
        }
    }
}
