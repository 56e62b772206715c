//! Charts over HTTP: the versions in a repository, and their packages, cached by digest.
//!
//! [`Charts`] does the I/O; [`pick`], [`kube_version_allows`] and [`release_size_estimate`] are pure.

mod cache;
mod contents;
mod download;
mod error;
mod fetched;
mod kube_version;
mod listed;
mod pick;
mod release_size;
mod repository;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore, watch};

use crate::bounds::AllowedRepositories;
use crate::chart::digest::Sha256Hex;
use crate::remote::address::{self, Address};
use crate::remote::client::{HttpClient, Patience, Permission};

pub use crate::chart::index::ChartVersion;
use cache::Cache;
pub use error::{ChartsError, ErrorClass};
pub use fetched::FetchedChart;
pub use kube_version::kube_version_allows;
use listed::ListedVersions;
pub use pick::{Picked, pick};
pub use release_size::{RELEASE_LIMIT, release_size_estimate};
use repository::Repository;

/// How long one exchange with a repository may take at most, even if bytes keep coming.
const WHOLE_EXCHANGE: Duration = Duration::from_secs(600);
/// How many packages are opened at the same time; each may take its size in memory.
const OPENING: usize = 2;

/// Where charts come from and where they are cached.
#[derive(Clone)]
pub struct ChartsSettings {
    /// The default repository: a URL, http or https, perhaps with `user:password@`.
    pub repository: String,
    /// Where people reach it, if that is another address: what they are told to push to.
    pub named: Option<String>,
    /// The directory of the cache; created if missing.
    pub cache_dir: PathBuf,
    /// Bytes that the cache should not exceed. Packages named by [`Charts::keep`] stay all the same.
    pub cache_size: u64,
    /// Bytes that an index may have, or what a repository says of one chart.
    pub max_index: u64,
    /// Bytes that one package may have.
    pub max_package: u64,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long a repository may send nothing.
    pub read_timeout: Duration,
    /// Certificate authorities (PEM) to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Repositories that may be used beside the default one.
    pub allowed: AllowedRepositories,
}

impl ChartsSettings {
    /// The bound on packages if nothing else is said: 20 MiB.
    pub const MAX_PACKAGE: u64 = 20 << 20;
}

impl fmt::Debug for ChartsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChartsSettings")
            .field("repository", &address::shown(&self.repository))
            .field("cache_dir", &self.cache_dir)
            .field("cache_size", &self.cache_size)
            .finish_non_exhaustive()
    }
}

/// The charts of repositories, and the cached packages. Shared behind an `Arc`.
pub struct Charts {
    settings: ChartsSettings,
    client: HttpClient,
    cache: Arc<Cache>,
    default: Arc<Repository>,
    /// By URL as Components write it.
    others: Mutex<HashMap<String, Arc<Repository>>>,
    /// Packages that are being fetched or opened, so that concurrent callers share the work.
    underway: Mutex<HashMap<(Sha256Hex, Address), Weak<Underway>>>,
    opening: Semaphore,
    fetched_bytes: AtomicU64,
    listed: Option<ListedVersions>,
}

type Underway = OnceCell<Result<Arc<FetchedChart>, ChartsError>>;

impl Charts {
    /// Follows the changes of the default repository, which runs in this process: while it does not change, its
    /// versions of a chart are not requested again for a while.
    pub fn listening_to(self, changes: Option<watch::Receiver<u64>>) -> Self {
        Self {
            listed: changes.map(ListedVersions::new),
            ..self
        }
    }

    /// Prepares the cache: unfinished files of an earlier process are removed, finished ones are kept, to be verified
    /// on first use. This blocks for a few file operations.
    ///
    /// # Errors
    /// The repository's URL is invalid, the cache's directory cannot be used, or the authorities cannot be read.
    pub fn new(settings: ChartsSettings) -> Result<Self, ChartsError> {
        let address = parse(&settings.repository)?;
        let patience = Patience {
            connect: settings.connect_timeout,
            silence: settings.read_timeout,
            whole: WHOLE_EXCHANGE,
        };
        let client = HttpClient::new(patience, settings.ca_file.as_deref()).map_err(|source| {
            ChartsError::Unavailable {
                repository: address.to_string(),
                source,
            }
        })?;
        let (own, allowed) = (address.clone(), settings.allowed.clone());
        let client = client.guarded(Arc::new(move |address| {
            if address.has_origin_of(&own) {
                Permission::Always
            } else if allowed.allow(address) {
                Permission::Outward
            } else {
                Permission::Never
            }
        }));
        let cache = Cache::open(&settings.cache_dir, settings.cache_size)?;
        Ok(Self {
            client,
            cache: Arc::new(cache),
            default: Arc::new(
                Repository::new(address, settings.max_index).named(settings.named.clone()),
            ),
            others: Mutex::default(),
            underway: Mutex::default(),
            opening: Semaphore::new(OPENING),
            fetched_bytes: AtomicU64::new(0),
            listed: None,
            settings,
        })
    }

    /// The address of the default repository.
    pub fn own(&self) -> &Address {
        self.default.address()
    }

    /// The bytes of packages that were fetched so far.
    pub fn fetched_bytes(&self) -> u64 {
        self.fetched_bytes.load(Ordering::Relaxed)
    }

    /// The versions of a chart, newest first, at least one; in the repository at the URL `repository`, else in the
    /// default one.
    ///
    /// # Errors
    /// [`ChartsError::ChartNotFound`] if the repository answers that it has no such chart; all other errors mean that
    /// it is unknown.
    pub async fn versions(
        &self,
        repository: Option<&str>,
        name: &str,
    ) -> Result<Vec<ChartVersion>, ChartsError> {
        let repository = self.repository(repository)?;
        let listed = (self.listed.as_ref()).filter(|_| Arc::ptr_eq(&repository, &self.default));
        let Some(listed) = listed else {
            return repository.versions(&self.client, name).await;
        };
        if let Some(versions) = listed.get(name) {
            return Ok(versions);
        }
        // a change during the request makes its answer out of date
        let changes = listed.changes();
        let versions = repository.versions(&self.client, name).await?;
        listed.put(name, changes, &versions);
        Ok(versions)
    }

    /// The package of `version`: from the cache if its digest is known and there, else from the repository. With
    /// `pinned`, the package must have that digest.
    ///
    /// # Errors
    /// It cannot be fetched, does not have the digest of the repository's list or `pinned`, or is not a chart.
    pub async fn fetch(
        &self,
        repository: Option<&str>,
        version: &ChartVersion,
        pinned: Option<Sha256Hex>,
    ) -> Result<Arc<FetchedChart>, ChartsError> {
        let repository = self.repository(repository)?;
        let mismatch = |found: Sha256Hex, wanted: Sha256Hex| ChartsError::Digest {
            chart: version.to_string(),
            repository: repository.shown(),
            found,
            wanted,
            pinned: pinned.is_some(),
        };
        if let (Some(pinned), Some(listed)) = (pinned, version.digest)
            && pinned != listed
        {
            return Err(mismatch(listed, pinned));
        }
        let chart = match pinned.or(version.digest) {
            Some(wanted) => {
                let work = self.cached_or_download(&repository, version, wanted, pinned.is_some());
                self.shared(wanted, repository.address().clone(), work)
                    .await?
            }
            None => self.download(&repository, version, None, false).await?,
        };
        if (&*chart.name, &*chart.version) == (&*version.name, &*version.text) {
            return Ok(chart);
        }
        Err(ChartsError::WrongChart {
            listed: version.to_string(),
            found: format!("{} {}", chart.name, chart.version),
            repository: repository.shown(),
        })
    }

    /// The package with this digest if it is in the cache and intact: used to go back to the last good version when the
    /// repository no longer has it or does not answer.
    pub async fn cached(&self, digest: Sha256Hex) -> Option<Arc<FetchedChart>> {
        if let Some(chart) = self.cache.parsed(digest).await {
            return Some(chart);
        }
        match self.load_cached(digest).await {
            Ok(chart) => chart,
            Err(error) => {
                tracing::warn!(%digest, error = error.message(), "Cannot use a package in the cache");
                None
            }
        }
    }

    /// Sets the packages that must not be evicted, replacing those set before: the ones that a status refers
    /// to. Others are evicted when a package is added and the cache is too large. Before the first call nothing is
    /// evicted, because it is unknown what is needed.
    pub fn keep(&self, digests: HashSet<Sha256Hex>) {
        self.cache.keep(digests);
    }

    /// Returns when a repository that was asked for [`versions`](Self::versions) has changed since the last call, or
    /// answers again after a failure; asks for the index's entity tag each `poll`. For repositories in
    /// other processes: the one in this process reports uploads itself.
    pub async fn changes(&self, poll: Duration) {
        loop {
            tokio::time::sleep(poll).await;
            let mut repositories = vec![Arc::clone(&self.default)];
            repositories.extend(self.others().values().cloned());
            let mut changed = false;
            for repository in repositories {
                changed |= repository.has_changed(&self.client).await;
            }
            if changed {
                return;
            }
        }
    }

    fn repository(&self, url: Option<&str>) -> Result<Arc<Repository>, ChartsError> {
        let Some(url) = url.filter(|url| !url.is_empty()) else {
            return Ok(Arc::clone(&self.default));
        };
        if let Some(known) = self.others().get(url) {
            return Ok(Arc::clone(known));
        }
        let address = parse(url)?;
        if self.default.is_at(&address) {
            return Ok(Arc::clone(&self.default));
        }
        let mut others = self.others();
        // Components come and go, and with them their repositories
        if others.len() >= MOST_REPOSITORIES {
            others.clear();
        }
        let repository = Arc::new(Repository::new(address, self.settings.max_index));
        others.insert(url.to_owned(), Arc::clone(&repository));
        Ok(repository)
    }

    fn others(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Repository>>> {
        self.others.lock().expect("nobody panics with this lock")
    }

    /// Does `work` once for all concurrent callers that want the package `digest` of a repository. If the caller that
    /// does it is dropped, another takes over.
    async fn shared(
        &self,
        digest: Sha256Hex,
        repository: Address,
        work: impl Future<Output = Result<Arc<FetchedChart>, ChartsError>>,
    ) -> Result<Arc<FetchedChart>, ChartsError> {
        if let Some(chart) = self.cache.parsed(digest).await {
            return Ok(chart);
        }
        let cell = {
            let mut underway = self.underway.lock().expect("nobody panics with this lock");
            underway.retain(|_, cell| cell.strong_count() > 0);
            let key = (digest, repository);
            let known = underway.get(&key).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let cell = Arc::new(Underway::new());
                underway.insert(key, Arc::downgrade(&cell));
                cell
            })
        };
        cell.get_or_init(|| work).await.clone()
    }
}

/// The most repositories that are remembered; beyond it all are forgotten.
const MOST_REPOSITORIES: usize = 64;

fn parse(url: &str) -> Result<Address, ChartsError> {
    match Address::parse(url) {
        Ok(address) => Ok(address.repository()),
        Err(source) => Err(ChartsError::Address {
            url: address::shown(url),
            source,
        }),
    }
}
