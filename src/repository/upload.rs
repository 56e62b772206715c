//! Uploads: checked, stored, indexed and published before they are acknowledged.

use bytes::Bytes;
use tracing::{info, warn};

use crate::causes::chain;
use crate::chart::archive::{self, ArchiveError, ChartPackage};
use crate::chart::provenance::{InvalidProvenance, Provenance};
use crate::repository::commit::Write;
use crate::repository::entry::{Entry, Layer, Listing, Stamp};
use crate::repository::index::Change;
use crate::repository::key::{FileKind, ObjectKey, Tenant};
use crate::repository::store::{StoreError, WriteMode};
use crate::repository::tenant::TenantState;
use crate::repository::{ChartRepository, Settings};

/// The files of one upload request: at least one of the two.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    /// A chart package.
    pub chart: Option<Bytes>,
    /// A provenance file.
    pub provenance: Option<Bytes>,
    /// Existing files may be replaced.
    pub may_overwrite: bool,
}

/// Why an upload was refused. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The package is invalid.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The provenance file is invalid.
    #[error(transparent)]
    Provenance(#[from] InvalidProvenance),
    /// The name would leave the tenant's directory.
    #[error("{0} is improperly formatted")]
    ImproperlyFormatted(String),
    /// The name, or the path to it, is longer than the storage allows.
    #[error("{0} is too long for this storage")]
    NameTooLong(String),
    /// The version exists and may not be replaced.
    #[error("{0} exists already")]
    Exists(String),
    /// The version is built in and cannot be replaced.
    #[error(
        "{0} is a built-in chart version and cannot be replaced: upload it under another version"
    )]
    BuiltIn(String),
    /// The metadata would make an entry of the index larger than one may be.
    #[error(
        "the metadata of {file_name} makes an index entry of {size} bytes, and this server takes up to {limit} (--max-index-entry-size): shorten annotations, description or dependencies in its Chart.yaml"
    )]
    EntryTooLarge {
        /// The package's name.
        file_name: String,
        /// Bytes that it would bring into the index.
        size: usize,
        /// Bytes that it may bring.
        limit: usize,
    },
    /// The index has no room for another version.
    #[error(
        "the index has reached its limit of {0} bytes (--max-index-size): delete chart versions, then upload again"
    )]
    IndexFull(u64),
    /// The tenant has reached its limit of objects.
    #[error("repo has reached storage limit")]
    LimitReached,
    /// The volume is full.
    #[error(
        "storage is full: {0} was not stored; delete chart versions or enlarge the volume, then upload again"
    )]
    StorageFull(String),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for UploadError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::AlreadyExists(key) => Self::Exists(key.file_name().to_owned()),
            StoreError::StorageFull(key) => Self::StorageFull(key.file_name().to_owned()),
            StoreError::NameTooLong(key) => Self::NameTooLong(key.file_name().to_owned()),
            other @ (StoreError::RootGone { .. }
            | StoreError::Failed { .. }
            | StoreError::Io { .. }) => Self::Store(other),
        }
    }
}

/// An object about to be written.
struct Pending {
    key: ObjectKey,
    bytes: Bytes,
    exists: Option<Stamp>,
}

impl Pending {
    fn write(&self, mode: WriteMode) -> Write<'_> {
        Write {
            key: &self.key,
            bytes: self.bytes.clone(),
            mode,
        }
    }

    fn tell_uploaded(&self) {
        info!(repo = %self.key.tenant(), package = self.key.file_name(), "Provenance file uploaded");
    }
}

impl ChartRepository {
    /// Stores what was uploaded and lists it. When this returns, the index that readers get has it.
    pub async fn upload(&self, tenant: &Tenant, upload: Upload) -> Result<(), UploadError> {
        let Upload {
            chart,
            provenance,
            may_overwrite,
        } = upload;
        let opened = match &chart {
            Some(bytes) => Some(self.open_upload(bytes.clone()).await?),
            None => None,
        };
        let provenance = match provenance {
            Some(bytes) => Some((provenance_file_name(&bytes)?, bytes)),
            None => None,
        };
        let state = self.state(tenant).await?;
        if let Some(package) = &opened {
            self.refuse_large_metadata(&state, package)?;
        }

        let chart = (opened.as_ref().map(package_file_name)).zip(chart);
        let pending = |(name, bytes)| pending(tenant, name, bytes);
        let mut chart = chart.map(pending).transpose()?;
        let mut provenance = provenance.map(pending).transpose()?;
        for pending in chart.iter().chain(&provenance) {
            self.refuse_built_in(tenant, pending.key.file_name(), opened.as_ref())
                .await?;
        }

        // taken before the locks of objects: making room locks another object while it holds this
        let _limits = self.limits_guard(&state).await;
        let locks = self
            .locks
            .lock_all(chart.iter().chain(&provenance).map(|pending| &pending.key))
            .await;
        for pending in chart.iter_mut().chain(&mut provenance) {
            pending.exists = self.store.stamp(&pending.key).await?;
        }
        if !may_overwrite {
            self.refuse_existing(&state, chart.as_ref(), provenance.as_ref())
                .await?;
        }
        self.refuse_beyond_limit(&state, chart.as_ref(), provenance.as_ref())
            .await?;

        let mode = if may_overwrite {
            WriteMode::Overwrite
        } else {
            WriteMode::Create
        };
        let (Some(pending), Some(package)) = (&chart, opened) else {
            return match &provenance {
                Some(pending) => self.write_provenance(pending).await,
                None => Ok(()),
            };
        };
        let stamp = match &provenance {
            Some(provenance) => {
                let with = provenance.write(WriteMode::Overwrite);
                let stamp = (self.store).put_together(pending.write(mode), with).await?;
                provenance.tell_uploaded();
                stamp
            }
            None => {
                let content = pending.bytes.clone().into();
                self.store.put(&pending.key, content, mode).await?
            }
        };
        let file_name = pending.key.file_name();
        let replaced = pending.exists.is_some();
        if stamp == Stamp::UNKNOWN {
            // another writer has replaced it already: what is listed is what is there
            self.refresh_locked(&state, &pending.key).await;
        } else {
            self.list(&state, &package, file_name, stamp, replaced);
        }
        drop(locks);
        if !replaced {
            self.make_room(&state, &package.metadata.name, file_name)
                .await;
        }
        Ok(())
    }

    /// Lists a package that has been stored.
    fn list(
        &self,
        state: &TenantState,
        package: &ChartPackage,
        file_name: &str,
        stamp: Stamp,
        replaced: bool,
    ) {
        state.forget_unreadable(file_name);
        let entry = state.upload_entry(Listing::new(package, file_name, stamp));
        self.apply(state, Change::Insert(entry));
        info!(
            repo = %state.tenant,
            chart.name = package.metadata.name,
            chart.version = package.metadata.version,
            size_bytes = stamp.size,
            replaced,
            "Chart uploaded"
        );
    }

    async fn open_upload(&self, bytes: Bytes) -> Result<ChartPackage, ArchiveError> {
        let limits = self.settings.limits;
        let _slot = self.opening_slot().await;
        let opened = tokio::task::spawn_blocking(move || archive::open(&bytes, &limits)).await;
        opened.expect("opening a package does not panic")
    }

    /// The index is sent to every client and lies in memory: nobody's metadata may fill it.
    fn refuse_large_metadata(
        &self,
        state: &TenantState,
        package: &ChartPackage,
    ) -> Result<(), UploadError> {
        let file_name = package_file_name(package);
        let size = Listing::new(package, &file_name, Stamp::UNKNOWN).head.len();
        if let Some(limit) = self.settings.entry_limit
            && size > limit
        {
            return Err(UploadError::EntryTooLarge {
                file_name,
                size,
                limit,
            });
        }
        let replaced = state.file(&file_name).map_or(0, |entry| entry.head().len());
        if let Some(limit) = self.settings.index_limit
            && size > replaced
            && self.index_bytes() + size as u64 > limit + replaced as u64
        {
            return Err(UploadError::IndexFull(limit));
        }
        Ok(())
    }

    async fn refuse_built_in(
        &self,
        tenant: &Tenant,
        file_name: &str,
        package: Option<&ChartPackage>,
    ) -> Result<(), UploadError> {
        let Some(builtin) = self.builtin_of(tenant).await else {
            return Ok(());
        };
        let package_name = file_name.strip_suffix(".prov").unwrap_or(file_name);
        let same_version = package.is_some_and(|package| {
            builtin.has_version(&package.metadata.name, &package.metadata.version)
        });
        if same_version || builtin.has_file(file_name) || builtin.has_file(package_name) {
            let version = package_name.strip_suffix(".tgz").unwrap_or(package_name);
            return Err(UploadError::BuiltIn(version.to_owned()));
        }
        Ok(())
    }

    async fn refuse_existing(
        &self,
        state: &TenantState,
        chart: Option<&Pending>,
        provenance: Option<&Pending>,
    ) -> Result<(), UploadError> {
        if let Some(pending) = chart.filter(|pending| pending.exists.is_some()) {
            // if it is stored but not listed, at least the index is repaired (docs/chartmuseum.md 4.4)
            self.refresh_locked(state, &pending.key).await;
            return Err(UploadError::Exists(pending.key.file_name().to_owned()));
        }
        if let Some(pending) = provenance.filter(|pending| pending.exists.is_some()) {
            // a crash may have left the provenance file of an upload of both: a retry must not be refused
            let stored = self.store.get(&pending.key).await?;
            if chart.is_none() || stored.is_none_or(|(_, stored)| stored != pending.bytes) {
                return Err(UploadError::Exists(pending.key.file_name().to_owned()));
            }
        }
        Ok(())
    }

    /// Where a limit counts stored objects, uploads are serialized from counting to making room: two that make room for
    /// themselves would take the same place.
    async fn limits_guard<'a>(
        &self,
        state: &'a TenantState,
    ) -> Option<tokio::sync::MutexGuard<'a, ()>> {
        let Settings {
            max_storage_objects,
            per_chart_limit,
            ..
        } = self.settings;
        if max_storage_objects.is_none() && per_chart_limit.is_none() {
            return None;
        }
        Some(state.limits.lock().await)
    }

    async fn refuse_beyond_limit(
        &self,
        state: &TenantState,
        chart: Option<&Pending>,
        provenance: Option<&Pending>,
    ) -> Result<(), UploadError> {
        let Some(limit) = self.settings.max_storage_objects else {
            return Ok(());
        };
        let stored = self.store.list(&state.tenant).await?;
        let count = stored
            .iter()
            .filter(|object| FileKind::of(&object.file_name).is_some())
            .count();
        let new = chart
            .into_iter()
            .chain(provenance)
            .filter(|pending| pending.exists.is_none())
            .count();
        if new > 0 && count + new > limit {
            return Err(UploadError::LimitReached);
        }
        Ok(())
    }

    /// Writes a provenance file that came alone.
    async fn write_provenance(&self, pending: &Pending) -> Result<(), UploadError> {
        let mode = match pending.exists {
            Some(_) => WriteMode::Overwrite,
            None => WriteMode::Create,
        };
        let content = pending.bytes.clone().into();
        self.store.put(&pending.key, content, mode).await?;
        pending.tell_uploaded();
        Ok(())
    }

    /// Deletes the oldest upload of a chart if the limit is exceeded, but never the new one
    /// (docs/chartmuseum.md 4.5, without the defects 15.5 to 15.7: the new one is safe before the old
    /// one goes, and overwriting evicts nothing).
    async fn make_room(&self, state: &TenantState, name: &str, just_uploaded: &str) {
        let Some(limit) = self.settings.per_chart_limit else {
            return;
        };
        let mut uploads = state.packages_of_chart(name);
        uploads.retain(|entry| entry.layer == Layer::Upload);
        if uploads.len() <= limit {
            return;
        }
        let by_age = |a: &std::sync::Arc<Entry>, b: &std::sync::Arc<Entry>| {
            a.stamp
                .modified
                .cmp(&b.stamp.modified)
                .then_with(|| a.version.cmp(&b.version))
        };
        let oldest = uploads
            .into_iter()
            .filter(|entry| *entry.file_name != *just_uploaded)
            .min_by(by_age);
        let Some(key) = oldest.and_then(|entry| ObjectKey::new(&state.tenant, &entry.file_name))
        else {
            return;
        };
        match self.delete_package(state, &key).await {
            Ok(_) => {
                info!(repo = %state.tenant, package = key.file_name(), limit, "Oldest version made room")
            }
            Err(cause) => {
                let error = chain(&cause);
                warn!(repo = %state.tenant, package = key.file_name(), error, "Oldest version could not be deleted");
            }
        }
    }
}

fn package_file_name(package: &ChartPackage) -> String {
    format!("{}-{}.tgz", package.metadata.name, package.metadata.version)
}

fn provenance_file_name(bytes: &[u8]) -> Result<String, InvalidProvenance> {
    let provenance = Provenance::parse(bytes)?;
    Ok(format!(
        "{}-{}.tgz.prov",
        provenance.name, provenance.version
    ))
}

fn pending(tenant: &Tenant, file_name: String, bytes: Bytes) -> Result<Pending, UploadError> {
    match ObjectKey::new(tenant, &file_name) {
        Some(key) => Ok(Pending {
            key,
            bytes,
            exists: None,
        }),
        None => Err(UploadError::ImproperlyFormatted(file_name)),
    }
}
