//! The chart repository: keeps the store and the index in step.
//!
//! The store is the truth and the index follows it: an upload is stored, then indexed, then published, then answered; a
//! deletion leaves the index first. What a crash leaves between two steps, the next scan repairs. It knows nothing of
//! HTTP and nothing of Kubernetes.

pub mod builtin;
mod cache;
pub mod commit;
pub mod entry;
mod follow;
pub mod index;
pub mod key;
pub mod lock;
mod locks;
pub mod memory_file;
pub mod page;
pub mod published;
mod read_again;
pub mod resolve;
pub mod root;
pub mod scan;
pub mod statefile;
pub mod store;
mod tenant;
mod unread;
mod unverified;
pub mod upload;
mod verify;
pub mod watch;
mod yaml_text;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::{Notify, OnceCell, Semaphore, SemaphorePermit, watch as signal};
use tracing::{debug, error, info, warn};

use crate::causes::chain;
use crate::chart::archive::Limits;
use crate::config::IndexFormat;
use crate::repository::builtin::BuiltinCharts;
use crate::repository::cache::PackageCache;
use crate::repository::entry::{Entry, Layer};
use crate::repository::index::{Change, IndexStyle};
use crate::repository::key::{FileKind, ObjectKey, Tenant};
use crate::repository::locks::KeyLocks;
use crate::repository::memory_file::MemoryFiles;
use crate::repository::published::PublishedIndex;
use crate::repository::scan::{Opening, open_packages};
use crate::repository::store::{ChartStore, Content, StoreError, StoredObject};
use crate::repository::tenant::TenantState;

/// The most empty tenants that are remembered; requests for more unknown tenants cost no more memory.
const EMPTY_TENANTS_KEPT: usize = 64;

/// In a storage that others share, what is this young may be theirs and in the making.
const MAY_BE_UNDER_WAY: Duration = Duration::from_secs(600);
/// How old what a reader gets may be, where others share the storage.
const SHARED_FRESHNESS: Duration = Duration::from_secs(1);
/// More bytes of index cache than the index itself could need are not read: its lines repeat names and digests.
const CACHE_PER_INDEX: u64 = 2;
/// The index cache may have this many bytes in any case, and without a limit for the index at most so many times more.
const CACHE_BYTES: u64 = 64 << 20;

/// How a repository behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// JSON or YAML.
    pub format: IndexFormat,
    /// The prefix of `urls`, without a trailing slash; empty for relative URLs.
    pub chart_url: String,
    /// The context path, such as `/x`; empty if there is none.
    pub context_path: String,
    /// Where the built-in charts are.
    pub builtin_charts: Option<PathBuf>,
    /// Limits for opening a package.
    pub limits: Limits,
    /// Bytes of metadata that one version may bring into the index.
    pub entry_limit: Option<usize>,
    /// Bytes of all indexes together beyond which nothing more is taken.
    pub index_limit: Option<u64>,
    /// If a tenant has more new packages than this, they are listed by their first file, and opened whole later.
    pub peek_from: usize,
    /// Versions kept of one chart; the oldest upload makes room.
    pub per_chart_limit: Option<usize>,
    /// Packages and provenance files kept of one tenant.
    pub max_storage_objects: Option<usize>,
    /// Packages read at the same time by a scan.
    pub scan_parallelism: usize,
    /// The difference in time stamps that a scan ignores.
    pub timestamp_tolerance: Duration,
    /// Compare with the storage at every read.
    pub always_regenerate: bool,
    /// Write `index-cache.yaml` and the index cache.
    pub statefiles: bool,
    /// Finish or remove what a crash interrupted, before anything is read or written.
    pub sweep: bool,
    /// Other servers write to the same storage.
    pub shared: bool,
}

/// The repository: all tenants over one store.
#[derive(Debug)]
pub struct ChartRepository {
    store: ChartStore,
    settings: Settings,
    builtin: OnceCell<BuiltinCharts>,
    tenants: Mutex<HashMap<Tenant, Arc<TenantState>>>,
    locks: KeyLocks,
    cache: PackageCache,
    /// Permits for packages in memory that are being opened or read.
    opening: Semaphore,
    swept: OnceCell<()>,
    memory_files: MemoryFiles,
    changes: signal::Sender<u64>,
    /// Told when the storage did not give something.
    unread_noted: Notify,
    /// Told when a tenant was indexed by the first files of its packages.
    peeked: Notify,
}

/// What a tenant's index holds, for metrics.
#[derive(Clone, Debug)]
pub struct TenantCounts {
    /// The tenant.
    pub tenant: Tenant,
    /// Charts in its index.
    pub charts: usize,
    /// Chart versions in its index.
    pub versions: usize,
    /// Bytes of its index.
    pub index_bytes: u64,
    /// Packages, and listings of the storage, that could not be read.
    pub unread: usize,
}

/// A file being downloaded.
pub struct Download {
    /// The bytes.
    pub content: Content,
    /// Their number.
    pub size: u64,
    /// The index entry, if it is of exactly these bytes.
    pub entry: Option<Arc<Entry>>,
    /// Their tenant.
    pub layer: Layer,
}

/// Why a deletion did not happen.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// There is no such chart or version.
    #[error("no such chart version")]
    NotFound,
    /// It is built in.
    #[error(
        "{0} is a built-in chart version: it is part of the program's image and cannot be deleted"
    )]
    BuiltIn(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ChartRepository {
    /// A repository over `store`. Nothing is read before the first request for it, or [`load_all`](Self::load_all).
    pub fn new(store: ChartStore, settings: Settings) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
        Self {
            store,
            settings,
            builtin: OnceCell::new(),
            tenants: Mutex::default(),
            locks: KeyLocks::default(),
            cache: PackageCache::default(),
            opening: Semaphore::new(cores),
            swept: OnceCell::new(),
            memory_files: MemoryFiles::default(),
            changes: signal::Sender::new(0),
            unread_noted: Notify::new(),
            peeked: Notify::new(),
        }
    }

    /// The store below.
    pub fn store(&self) -> &ChartStore {
        &self.store
    }

    /// What makes memory files of index pages.
    pub fn memory_files(&self) -> &MemoryFiles {
        &self.memory_files
    }

    /// A signal that counts up whenever any tenant's index has changed.
    pub fn changes(&self) -> signal::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Sweeps the storage, then indexes every tenant up to `max_depth` levels deep (from `min_depth` on).
    pub async fn load_all(&self, min_depth: usize, max_depth: usize) -> Result<(), StoreError> {
        self.load_below(&Tenant::root(), min_depth, max_depth).await
    }

    /// The same for the tenants in one directory.
    pub async fn load_below(
        &self,
        directory: &Tenant,
        min_depth: usize,
        max_depth: usize,
    ) -> Result<(), StoreError> {
        self.sweep_once().await;
        let tenants = self.store.list_tenants(directory, max_depth).await?;
        let wanted = min_depth..=max_depth;
        for tenant in tenants
            .iter()
            .filter(|tenant| wanted.contains(&tenant.depth()))
        {
            self.state(tenant).await?;
        }
        Ok(())
    }

    /// Removes temporary files of writes that a crash interrupted. They look like writes in progress, so this happens
    /// once, and every write of this process comes after it: writes wait for the tenant's index, which waits for this.
    async fn sweep_once(&self) {
        if self.settings.sweep {
            self.swept.get_or_init(|| self.sweep()).await;
        }
    }

    async fn sweep(&self) {
        let until = (self.settings.shared).then(|| Utc::now() - MAY_BE_UNDER_WAY);
        match self.store.finish_commits(until).await {
            Ok(0) => {}
            Ok(commits) => info!(commits, "Finished what an earlier run had left half done"),
            Err(cause) => {
                // what is staged for it must stay
                error!(
                    error = chain(&cause),
                    advice = "restart when the storage can be read and written again",
                    "What an earlier run left half done cannot be finished"
                );
                return;
            }
        }
        match self.store.sweep(until).await {
            Ok(0) => {}
            Ok(swept) => info!(
                files = swept,
                "Removed unfinished uploads that an earlier run left behind"
            ),
            Err(cause) => error!(
                error = chain(&cause),
                "Unfinished uploads cannot be removed"
            ),
        }
        if let Some(cause) = self.store.refuses_writing().await {
            error!(
                directory = self.store.local_root().map(|root| root.display().to_string()),
                error = %cause,
                advice = "make it writable for the user this runs as, which is 1000 in the image: chown 1000:1000",
                "Storage cannot be written to: uploads will fail"
            );
        }
    }

    /// The built-in charts; the first call packages and opens them.
    async fn builtin(&self) -> &BuiltinCharts {
        self.builtin.get_or_init(|| self.load_builtin()).await
    }

    async fn load_builtin(&self) -> BuiltinCharts {
        let Some(directory) = self.settings.builtin_charts.clone() else {
            return BuiltinCharts::default();
        };
        let (limits, path) = (self.settings.limits, directory.clone());
        let loaded = tokio::task::spawn_blocking(move || BuiltinCharts::load(&path, &limits)).await;
        match loaded.expect("opening built-in charts does not panic") {
            Ok((charts, problems)) => {
                for problem in &problems {
                    error!(error = chain(problem), "Built-in chart is not served");
                }
                match charts.listings().len() {
                    0 => warn!(
                        directory = %directory.display(),
                        advice = "name a directory that holds chart directories or packages",
                        "Built-in charts are missing: there is no chart in the directory"
                    ),
                    versions => {
                        info!(versions, directory = %directory.display(), "Built-in charts are ready");
                    }
                }
                charts
            }
            Err(cause) => {
                error!(directory = %directory.display(), error = %cause, "Built-in charts cannot be read");
                BuiltinCharts::default()
            }
        }
    }

    /// The built-in charts of this tenant: only the root tenant has any.
    async fn builtin_of(&self, tenant: &Tenant) -> Option<&BuiltinCharts> {
        if tenant.is_root() {
            Some(self.builtin().await)
        } else {
            None
        }
    }

    /// The tenant's state, indexed. The first call for a tenant scans it; concurrent calls wait for that.
    async fn state(&self, tenant: &Tenant) -> Result<Arc<TenantState>, StoreError> {
        let state = {
            let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
            if tenants.len() > EMPTY_TENANTS_KEPT && !tenants.contains_key(tenant) {
                tenants.retain(|_, state| Arc::strong_count(state) > 1 || !state.is_empty());
            }
            Arc::clone(tenants.entry(tenant.clone()).or_insert_with(|| {
                let url_prefix = self.url_prefix(tenant);
                Arc::new(TenantState::new(tenant.clone(), url_prefix, self.style()))
            }))
        };
        state.loaded.get_or_try_init(|| self.load(&state)).await?;
        Ok(state)
    }

    /// The states of all tenants that are indexed.
    fn states(&self) -> Vec<Arc<TenantState>> {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants
            .values()
            .filter(|state| state.loaded.initialized())
            .cloned()
            .collect()
    }

    fn style(&self) -> IndexStyle {
        let context_path = self.settings.context_path.clone();
        IndexStyle {
            format: self.settings.format,
            context_path,
        }
    }

    /// What stands before the file name in `urls` (docs/chartmuseum.md 7.3).
    fn url_prefix(&self, tenant: &Tenant) -> String {
        let Settings {
            chart_url,
            context_path,
            ..
        } = &self.settings;
        match (chart_url.is_empty(), tenant.is_root()) {
            (true, _) => "charts/".to_owned(),
            (false, true) => format!("{chart_url}{context_path}/charts/"),
            (false, false) => format!("{chart_url}{context_path}/{tenant}/charts/"),
        }
    }

    /// Indexes a tenant from its storage, opening only the packages that the cache does not know.
    async fn load(&self, state: &TenantState) -> Result<(), StoreError> {
        self.sweep_once().await;
        let started = Instant::now();
        let tenant = &state.tenant;
        let builtin = self.builtin_of(tenant).await;
        let (objects, cached) = tokio::join!(self.store.list(tenant), self.read_cache(state));
        let objects = objects?;
        let has_statefiles = objects
            .iter()
            .any(|object| object.file_name == key::STATEFILE_NAME);
        let mut packages: HashMap<String, entry::Stamp> = (objects.into_iter())
            .filter(|object| FileKind::of(&object.file_name) == Some(FileKind::Package))
            .map(|object| (object.file_name, object.stamp))
            .collect();

        let mut changes: Vec<Change> = Vec::with_capacity(packages.len());
        if let Some(builtin) = builtin {
            packages.retain(|package, _| {
                let hidden = builtin.has_file(package);
                if hidden {
                    warn!(repo = %tenant, package, "Package in storage is hidden by a built-in chart");
                }
                !hidden
            });
            changes.extend(builtin.listings().iter().map(|listing| {
                let entry = Entry::new(listing.clone(), Layer::BuiltIn, &state.url_prefix);
                Change::Insert(Arc::new(entry))
            }));
        }
        let mut earlier = HashMap::new();
        for entry in cached {
            match packages.get(&*entry.file_name) {
                Some(stamp) if self.is_same(entry.stamp, *stamp) => {
                    packages.remove(&*entry.file_name);
                    changes.push(Change::Insert(entry));
                }
                Some(_) => drop(earlier.insert(entry.file_name.clone(), entry)),
                None => {}
            }
        }
        let known = changes.len();
        let opened = packages.len();
        let unknown = packages
            .into_iter()
            .map(|(file_name, stamp)| StoredObject { file_name, stamp });
        let opening = Opening {
            known: Arc::new(earlier),
            ..self.opening(state, opened > self.settings.peek_from)
        };
        let scanned = open_packages(&self.store, tenant, unknown.collect(), opening).await;
        for unreadable in &scanned.unreadable {
            state.note_unreadable(unreadable, "added");
        }
        for (package, cause) in &scanned.unread {
            self.note_unread(state, package, cause);
        }
        state.note_shortened(&scanned);
        let peeked = scanned.peeked.len();
        state.unverified.extend(scanned.peeked);
        changes.extend(scanned.entries.into_iter().map(Change::Insert));
        state.start(changes, has_statefiles, Utc::now());
        self.changes.send_modify(|count| *count += 1);
        if peeked > 0 {
            self.peeked.notify_one();
        }
        let (charts, versions) = state.counts();
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if tenant.is_root() || versions > 0 {
            info!(repo = %tenant, charts, versions, known, opened, peeked, duration_ms, "Index is complete");
            self.warn_of_size(state);
        } else {
            debug!(repo = %tenant, "Tenant is empty");
        }
        Ok(())
    }

    async fn read_cache(&self, state: &TenantState) -> Vec<Arc<Entry>> {
        let tenant = &state.tenant;
        let key = ObjectKey::new(tenant, key::CACHE_FILE_NAME);
        let Some(key) = key.filter(|_| self.settings.statefiles) else {
            return Vec::new();
        };
        let most = match self.settings.index_limit {
            Some(limit) => CACHE_BYTES + CACHE_PER_INDEX * limit,
            None => 16 * CACHE_BYTES,
        };
        if let Ok(Some(stamp)) = self.store.stamp(&key).await
            && stamp.size > most
        {
            warn!(
                repo = %tenant,
                size_bytes = stamp.size,
                "Index cache is larger than the index can be: it is not read, and every package is opened again"
            );
            return Vec::new();
        }
        match self.store.get(&key).await {
            Ok(Some((_, bytes))) => {
                let url_prefix = state.url_prefix.clone();
                tokio::task::spawn_blocking(move || statefile::parse(&bytes, &url_prefix))
                    .await
                    .expect("reading the index cache does not panic")
            }
            Ok(None) => Vec::new(),
            Err(error) => {
                warn!(repo = %tenant, error = chain(&error), "Index cache cannot be read: every package is opened again");
                Vec::new()
            }
        }
    }

    /// How packages of a tenant are opened.
    fn opening(&self, state: &TenantState, peek: bool) -> Opening {
        Opening {
            url_prefix: state.url_prefix.clone(),
            limits: self.settings.limits,
            entry_limit: self.settings.entry_limit.unwrap_or(usize::MAX),
            parallel: self.settings.scan_parallelism,
            peek,
            known: Arc::default(),
        }
    }

    /// The tenant's index as readers get it.
    pub async fn index(&self, tenant: &Tenant) -> Result<Arc<PublishedIndex>, StoreError> {
        Ok(self.read_state(tenant).await?.published())
    }

    /// The state for a read, compared with the storage first if `always_regenerate` is set.
    async fn read_state(&self, tenant: &Tenant) -> Result<Arc<TenantState>, StoreError> {
        let state = self.state(tenant).await?;
        if self.settings.always_regenerate {
            self.rescan_state(&state).await?;
        } else if self.settings.shared {
            let mut compared = state.compared.lock().await;
            if compared.is_none_or(|at| at.elapsed() >= SHARED_FRESHNESS) {
                let now = Instant::now();
                self.rescan_state(&state).await?;
                *compared = Some(now);
            }
        }
        Ok(state)
    }

    /// What the index of every indexed tenant holds.
    pub fn tenant_counts(&self) -> Vec<TenantCounts> {
        let counts = self.states().into_iter().map(|state| {
            let (charts, versions) = state.counts();
            TenantCounts {
                tenant: state.tenant.clone(),
                charts,
                versions,
                index_bytes: state.index_bytes(),
                unread: state.unread.count(),
            }
        });
        counts.collect()
    }

    /// Bytes that all indexes together may have.
    pub fn index_limit(&self) -> Option<u64> {
        self.settings.index_limit
    }

    /// Bytes of all indexes together.
    fn index_bytes(&self) -> u64 {
        self.states().iter().map(|state| state.index_bytes()).sum()
    }

    /// For a tenant that is just being indexed, and counts for the next one only.
    fn warn_of_size(&self, of: &TenantState) {
        let size_bytes = self.index_bytes() + of.index_bytes();
        if let Some(limit) = self.settings.index_limit
            && size_bytes > limit
        {
            warn!(
                size_bytes,
                limit,
                advice =
                    "delete chart versions, or raise --max-index-size and the memory limit with it",
                "Index is larger than --max-index-size: new versions are refused"
            );
        }
    }

    /// A file for download, if it is in memory: a built-in chart, or a package that was kept when it was read before. It
    /// neither waits nor blocks, which makes nine downloads of ten cheap.
    pub fn download_from_memory(&self, tenant: &Tenant, file_name: &str) -> Option<Download> {
        let entry = self.loaded_file(tenant, file_name)?;
        let (content, size) = match entry.layer {
            Layer::BuiltIn => {
                let bytes = self.builtin.get()?.packaged(file_name)?;
                let size = bytes.len() as u64;
                (Content::Shared(bytes), size)
            }
            // where others write too, only the storage knows whether that is still what it has
            Layer::Upload if self.settings.shared => return None,
            Layer::Upload => {
                let bytes = self.cache.get(&entry)?;
                let size = bytes.len() as u64;
                (Content::Whole(bytes), size)
            }
        };
        Some(Download {
            content,
            size,
            layer: entry.layer,
            entry: Some(entry),
        })
    }

    /// Opens a file for download: a built-in chart, or whatever the tenant has under this name. It does not wait for
    /// the index.
    pub async fn download(
        &self,
        tenant: &Tenant,
        file_name: &str,
    ) -> Result<Option<Download>, StoreError> {
        let listed = self.loaded_file(tenant, file_name);
        if let Some(builtin) = self.builtin_of(tenant).await
            && let Some(read) = builtin.open(file_name)
        {
            let content = read.map_err(|source| StoreError::Io {
                verb: "read",
                what: file_name.to_owned(),
                source,
            })?;
            return Ok(Some(Download {
                content,
                size: builtin.stamp(file_name).map_or(0, |stamp| stamp.size),
                entry: listed,
                layer: Layer::BuiltIn,
            }));
        }
        let Some(key) = ObjectKey::new(tenant, file_name) else {
            return Ok(None);
        };
        let Some(body) = self.store.open(&key).await? else {
            self.store.check_root().await?;
            return Ok(None);
        };
        let entry = listed.filter(|entry| entry.stamp == body.stamp);
        if let (Some(entry), Content::Whole(bytes)) = (&entry, &body.content) {
            self.cache.insert(Arc::clone(entry), bytes.clone());
        }
        Ok(Some(Download {
            content: body.content,
            size: body.stamp.size,
            entry,
            layer: Layer::Upload,
        }))
    }

    /// Size, and what the index says, of a file, without opening it.
    pub async fn look_up(
        &self,
        tenant: &Tenant,
        file_name: &str,
    ) -> Result<Option<Download>, StoreError> {
        let content = Content::Whole(Bytes::new());
        let listed = self.loaded_file(tenant, file_name);
        if let Some(builtin) = self.builtin_of(tenant).await
            && let Some(stamp) = builtin.stamp(file_name)
        {
            return Ok(Some(Download {
                content,
                size: stamp.size,
                entry: listed,
                layer: Layer::BuiltIn,
            }));
        }
        let Some(key) = ObjectKey::new(tenant, file_name) else {
            return Ok(None);
        };
        let Some(stamp) = self.store.stamp(&key).await? else {
            self.store.check_root().await?;
            return Ok(None);
        };
        let entry = listed.filter(|entry| entry.stamp == stamp);
        Ok(Some(Download {
            content,
            size: stamp.size,
            entry,
            layer: Layer::Upload,
        }))
    }

    /// What the index says of a file, if the tenant is indexed: a download does not wait for that.
    fn loaded_file(&self, tenant: &Tenant, file_name: &str) -> Option<Arc<Entry>> {
        let tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        tenants.get(tenant)?.file(file_name)
    }

    /// Waits for a permit to open a package that was uploaded, which takes memory and a core. Those who read have permits
    /// of their own.
    pub async fn opening_slot(&self) -> SemaphorePermit<'_> {
        let slot = self.opening.acquire().await;
        slot.expect("the semaphore is never closed")
    }

    /// The package behind an index entry, `None` if it has gone.
    pub async fn package(
        &self,
        tenant: &Tenant,
        entry: &Arc<Entry>,
    ) -> Result<Option<Content>, StoreError> {
        if entry.layer == Layer::BuiltIn {
            let read = self.builtin().await.open(&entry.file_name).transpose();
            return read.map_err(|source| StoreError::Io {
                verb: "read",
                what: entry.file_name.to_string(),
                source,
            });
        }
        let Some(key) = ObjectKey::new(tenant, &entry.file_name) else {
            return Ok(None);
        };
        if let Some(bytes) = self.cache.get(entry) {
            return Ok(Some(Content::Whole(bytes)));
        }
        Ok(self.store.open(&key).await?.map(|body| body.content))
    }

    /// Deletes one version of a chart with its provenance file, whatever file it is stored in.
    pub async fn delete_version(
        &self,
        tenant: &Tenant,
        name: &str,
        version: &str,
    ) -> Result<(), DeleteError> {
        let state = self.state(tenant).await?;
        let packages = state.packages_of(name, version);
        if packages.iter().any(|entry| entry.layer == Layer::BuiltIn) {
            return Err(DeleteError::BuiltIn(format!("{name}-{version}")));
        }
        if packages.is_empty() {
            // a package that does not open is in no index, but its owner may want it gone
            let key = ObjectKey::new(tenant, &format!("{name}-{version}.tgz"))
                .ok_or(DeleteError::NotFound)?;
            let hidden = self
                .builtin_of(tenant)
                .await
                .is_some_and(|builtin| builtin.has_file(key.file_name()));
            if hidden
                || state.file(key.file_name()).is_some()
                || !self.delete_package(&state, &key).await?
            {
                return Err(DeleteError::NotFound);
            }
            return Ok(());
        }
        for entry in packages {
            if let Some(key) = ObjectKey::new(tenant, &entry.file_name) {
                self.delete_package(&state, &key).await?;
            }
        }
        Ok(())
    }

    /// Deletes all versions of a chart and returns how many those were. With a built-in version among them, none.
    pub async fn delete_chart(&self, tenant: &Tenant, name: &str) -> Result<usize, DeleteError> {
        let state = self.state(tenant).await?;
        let packages = state.packages_of_chart(name);
        if let Some(entry) = packages.iter().find(|entry| entry.layer == Layer::BuiltIn) {
            return Err(DeleteError::BuiltIn(format!(
                "{name}-{}",
                entry.version_text
            )));
        }
        if packages.is_empty() {
            return Err(DeleteError::NotFound);
        }
        for entry in &packages {
            if let Some(key) = ObjectKey::new(tenant, &entry.file_name) {
                self.delete_package(&state, &key).await?;
            }
        }
        Ok(packages.len())
    }

    /// Index first, then store: the index never lists what the store lacks. False if the store had no such package.
    async fn delete_package(
        &self,
        state: &TenantState,
        key: &ObjectKey,
    ) -> Result<bool, StoreError> {
        let _lock = self.locks.lock(key).await;
        self.store.check_root().await?;
        self.apply(state, Change::Remove(key.file_name().into()));
        let deleted = self.store.delete_together(key).await;
        if deleted.is_err() {
            // if it is still there: list it again
            self.refresh_locked(state, key).await;
        }
        let deleted = deleted?;
        if deleted {
            info!(repo = %state.tenant, package = key.file_name(), "Package deleted");
        }
        Ok(deleted)
    }

    /// Applies a change to a tenant's index and publishes it.
    fn apply(&self, state: &TenantState, change: Change) {
        state.apply(change, Utc::now());
        self.changes.send_modify(|count| *count += 1);
    }

    /// Writes the index cache and `index-cache.yaml` of every tenant that has changed since the last call. The cache is
    /// of what was last modified at `settled_by` or before: some time ago while uploads are possible, any time when
    /// none is.
    pub async fn write_statefiles(&self, settled_by: DateTime<Utc>) {
        if !self.settings.statefiles {
            return;
        }
        for state in self.states() {
            if !self.store.has_place(&state.tenant).await {
                self.forget_empty(state);
                continue;
            }
            let Some((cache, index)) = state.take_unsaved(settled_by) else {
                continue;
            };
            for (name, bytes) in [(key::CACHE_FILE_NAME, cache), (key::STATEFILE_NAME, index)] {
                let Some(key) = ObjectKey::new(&state.tenant, name) else {
                    continue;
                };
                if let Err(cause) = self.store.put_beside(&key, bytes).await {
                    state.keep_unsaved();
                    warn!(repo = %state.tenant, file = name, error = chain(&cause), "State file cannot be written");
                }
            }
        }
    }

    /// Forgets a tenant that has neither a directory nor packages, unless it is in use.
    fn forget_empty(&self, state: Arc<TenantState>) {
        let tenant = state.tenant.clone();
        drop(state);
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let unused = |state: &Arc<TenantState>| Arc::strong_count(state) == 1 && state.is_empty();
        if !tenant.is_root() && tenants.get(&tenant).is_some_and(unused) {
            tenants.remove(&tenant);
        }
    }
}
