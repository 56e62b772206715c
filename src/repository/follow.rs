//! Follows the storage: what others have changed in it is compared with the index and listed as it is.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info, warn};

use crate::causes::chain;
use crate::repository::ChartRepository;
use crate::repository::entry::{Layer, Stamp};
use crate::repository::index::Change;
use crate::repository::key::{FileKind, ObjectKey, Tenant};
use crate::repository::scan::{Opening, open_packages};
use crate::repository::store::{StoreError, StoredObject};
use crate::repository::tenant::TenantState;

impl ChartRepository {
    /// Brings the index entry of one object in step with the store. A package that could not be read is read again even
    /// if unchanged: its permissions may have changed.
    pub async fn refresh(&self, tenant: &Tenant, file_name: &str) -> Result<(), StoreError> {
        let Some(key) = ObjectKey::new(tenant, file_name) else {
            return Ok(());
        };
        let state = self.state(tenant).await?;
        state.forget_unreadable(file_name);
        let _lock = self.locks.lock(&key).await;
        self.refresh_locked(&state, &key).await;
        Ok(())
    }

    /// [`refresh`](Self::refresh) for a caller that holds the key's lock. What the storage does not give is noted, to be
    /// read again; until then the index stays as it is.
    pub(super) async fn refresh_locked(&self, state: &TenantState, key: &ObjectKey) {
        let (tenant, file_name) = (&state.tenant, key.file_name());
        if self
            .builtin_of(tenant)
            .await
            .is_some_and(|builtin| builtin.has_file(file_name))
        {
            return;
        }
        let listed = state.file(file_name);
        let stamp = match self.store.stamp(key).await {
            Ok(stamp) => stamp,
            Err(cause) => return self.note_unread(state, file_name, &cause),
        };
        let Some(stamp) = stamp else {
            state.forget_unreadable(file_name);
            state.unread.forget_package(tenant, file_name);
            if listed.is_some() {
                info!(repo = %tenant, package = file_name, action = "removed", "Package left the storage");
                self.apply(state, Change::Remove(file_name.into()));
            }
            return;
        };
        let is_unverified = state.unverified.contains(file_name);
        let is_same = (listed.as_ref()).is_some_and(|entry| self.is_same(entry.stamp, stamp));
        if is_same && !is_unverified || state.is_known_unreadable(file_name, stamp) {
            state.unread.forget_package(tenant, file_name);
            return;
        }
        let action = if listed.is_some() { "updated" } else { "added" };
        let object = StoredObject {
            file_name: file_name.to_owned(),
            stamp,
        };
        let known = listed.clone().filter(|_| !is_unverified);
        let opening = Opening {
            known: Arc::new(
                known
                    .map(|entry| (entry.file_name.clone(), entry))
                    .into_iter()
                    .collect(),
            ),
            ..self.opening(state, false)
        };
        let scanned = open_packages(&self.store, tenant, vec![object], opening).await;
        if let Some((_, cause)) = scanned.unread.first() {
            return self.note_unread(state, file_name, cause);
        }
        state.unread.forget_package(tenant, file_name);
        state.note_shortened(&scanned);
        if let Some(unreadable) = scanned.unreadable.first() {
            state.note_unreadable(unreadable, action);
            self.apply(state, Change::Remove(file_name.into()));
        }
        if let Some(entry) = scanned.entries.into_iter().next() {
            // other owners or another inode are no news
            if listed.is_none_or(|listed| listed.line() != entry.line()) {
                info!(repo = %tenant, package = file_name, action, "Package changed in the storage");
            }
            state.forget_unreadable(file_name);
            self.apply(state, Change::Insert(entry));
        }
    }

    /// Whether a stamp in the storage is that of an entry. With a tolerance, size and time decide alone: it is for
    /// storage that tells the same file's state differently from time to time.
    pub(super) fn is_same(&self, listed: Stamp, stored: Stamp) -> bool {
        let tolerance = self.settings.timestamp_tolerance;
        if tolerance.is_zero() {
            return listed == stored;
        }
        let difference = (listed.modified - stored.modified)
            .abs()
            .to_std()
            .unwrap_or(Duration::MAX);
        listed.size == stored.size && difference <= tolerance
    }

    /// Compares every indexed tenant with the storage, and finds new ones. Failures are logged: the next comparison may
    /// succeed.
    pub async fn rescan_all(&self, min_depth: usize, max_depth: usize) {
        info!("Rebuilding index for all tenants in cache");
        self.compare_all(min_depth, max_depth, |tenant| {
            info!(repo = %tenant, "Rebuilding index for tenant");
        })
        .await;
    }

    /// The same when changes begin to be followed: for those since the storage was read.
    pub async fn catch_up(&self, min_depth: usize, max_depth: usize) {
        info!("Storage is watched: what has changed since it was read is looked for");
        self.compare_all(min_depth, max_depth, |tenant| {
            debug!(repo = %tenant, "Rebuilding index for tenant");
        })
        .await;
    }

    async fn compare_all(&self, min_depth: usize, max_depth: usize, tell: impl Fn(&Tenant)) {
        for state in self.states() {
            tell(&state.tenant);
            self.rescan_or_note(&state).await;
        }
        if let Err(cause) = self.load_all(min_depth, max_depth).await {
            warn!(error = chain(&cause), "Tenants cannot be listed");
        }
    }

    /// Compares with the storage those indexed tenants that are in one directory.
    pub async fn rescan_below(&self, directory: &Tenant) -> Result<(), StoreError> {
        for state in self.states() {
            if state.tenant.is_within(directory) {
                debug!(repo = %state.tenant, "Rebuilding index for tenant");
                self.rescan_or_note(&state).await;
            }
        }
        Ok(())
    }

    /// Compares one tenant with the storage.
    pub async fn rescan(&self, tenant: &Tenant) -> Result<(), StoreError> {
        let state = self.state(tenant).await?;
        self.rescan_state(&state).await
    }

    /// The listing only shows what to check: each difference is checked again under the object's lock, since an upload
    /// may have come between.
    pub(super) async fn rescan_state(&self, state: &TenantState) -> Result<(), StoreError> {
        let stored: HashMap<String, Stamp> = (self.store.list(&state.tenant).await?.into_iter())
            .filter(|object| FileKind::of(&object.file_name) == Some(FileKind::Package))
            .map(|object| (object.file_name, object.stamp))
            .collect();
        let mut differing: Vec<String> = state.uploads_missing_from(&stored);
        differing.extend(stored.iter().filter_map(|(file_name, &stamp)| {
            let same = match state.file(file_name) {
                Some(entry) => entry.layer == Layer::BuiltIn || self.is_same(entry.stamp, stamp),
                None => state.is_known_unreadable(file_name, stamp),
            };
            (!same).then(|| file_name.clone())
        }));
        for file_name in differing {
            if let Some(key) = ObjectKey::new(&state.tenant, &file_name) {
                let _lock = self.locks.lock(&key).await;
                self.refresh_locked(state, &key).await;
            }
        }
        Ok(())
    }
}
