//! One tenant: its index, the published form of it, and the packages that cannot be listed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use chrono::{DateTime, Utc};
use object_store::PutPayload;
use tokio::sync::OnceCell;
use tracing::warn;

use crate::causes::chain;
use crate::repository::entry::{Entry, Layer, Listing, Stamp};
use crate::repository::index::{Change, Chart, IndexStyle, RepositoryIndex};
use crate::repository::key::Tenant;
use crate::repository::published::PublishedIndex;
use crate::repository::scan::{Scanned, Unreadable};
use crate::repository::statefile;
use crate::repository::unread::Unread;
use crate::repository::unverified::Unverified;

/// A tenant's state. The index's lock is never held across a wait, and readers of `index.yaml` do not take it at all.
#[derive(Debug)]
pub struct TenantState {
    pub(super) tenant: Tenant,
    /// The prefix of the file name in `urls`, such as `charts/`.
    pub(super) url_prefix: String,
    /// Set when the index is complete.
    pub(super) loaded: OnceCell<()>,
    /// Serializes uploads where a limit counts objects.
    pub(super) limits: tokio::sync::Mutex<()>,
    index: Mutex<Indexed>,
    published: RwLock<Arc<PublishedIndex>>,
    /// What the bytes of a package say is remembered for as long as they are the same.
    unreadable: Mutex<HashMap<String, Stamp>>,
    /// What the storage did not give.
    pub(super) unread: Unread,
    /// What is listed by its first file alone.
    pub(super) unverified: Unverified,
    /// When the storage was last compared for a reader, where it is shared with other servers.
    pub(super) compared: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Debug)]
struct Indexed {
    index: RepositoryIndex,
    unsaved: bool,
}

impl TenantState {
    pub(super) fn new(tenant: Tenant, url_prefix: String, style: IndexStyle) -> Self {
        let index = RepositoryIndex::new(style);
        let published = RwLock::new(Arc::new(index.publish(DateTime::UNIX_EPOCH)));
        Self {
            tenant,
            url_prefix,
            loaded: OnceCell::new(),
            limits: tokio::sync::Mutex::new(()),
            index: Mutex::new(Indexed {
                index,
                unsaved: false,
            }),
            published,
            unreadable: Mutex::default(),
            unread: Unread::default(),
            unverified: Unverified::default(),
            compared: tokio::sync::Mutex::default(),
        }
    }

    /// The index entry of an upload.
    pub(super) fn upload_entry(&self, listing: Listing) -> Arc<Entry> {
        Arc::new(Entry::new(listing, Layer::Upload, &self.url_prefix))
    }

    fn lock(&self) -> MutexGuard<'_, Indexed> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fills the index for the first time. Its `generated` is the time of its newest package, so that the same
    /// packages give the same bytes after a restart.
    ///
    /// `has_statefiles`: an earlier run left state files, which may list packages that are gone.
    pub(super) fn start(&self, changes: Vec<Change>, has_statefiles: bool, now: DateTime<Utc>) {
        let mut indexed = self.lock();
        indexed.index.apply(changes);
        let has_uploads = indexed
            .index
            .files()
            .any(|entry| entry.layer == Layer::Upload);
        indexed.unsaved = has_uploads || has_statefiles;
        for (entry, listed) in indexed.index.unlisted() {
            let (package, listed) = (&*entry.file_name, &*listed.file_name);
            warn!(repo = %self.tenant, package, listed, "Package in storage has the same name and version as another");
        }
        let generated = indexed.index.newest().unwrap_or(now);
        self.publish(&indexed.index, generated);
    }

    /// Changes the index and publishes it.
    pub(super) fn apply(&self, change: Change, now: DateTime<Utc>) {
        let mut indexed = self.lock();
        self.unverified.remove(match &change {
            Change::Insert(entry) => &entry.file_name,
            Change::Remove(file_name) => file_name,
        });
        indexed.index.apply([change]);
        indexed.unsaved = true;
        self.publish(&indexed.index, now);
    }

    /// Under the index's lock, so that readers never see an older index after a newer one.
    fn publish(&self, index: &RepositoryIndex, generated: DateTime<Utc>) {
        let published = Arc::new(index.publish(generated));
        *self
            .published
            .write()
            .unwrap_or_else(PoisonError::into_inner) = published;
    }

    pub(super) fn published(&self) -> Arc<PublishedIndex> {
        Arc::clone(
            &self
                .published
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().index.files().next().is_none()
    }

    /// Bytes of the index.
    pub(super) fn index_bytes(&self) -> u64 {
        self.published().len()
    }

    /// Charts and versions.
    pub(super) fn counts(&self) -> (usize, usize) {
        let indexed = self.lock();
        (indexed.index.chart_count(), indexed.index.version_count())
    }

    pub(super) fn file(&self, file_name: &str) -> Option<Arc<Entry>> {
        self.lock().index.file(file_name).cloned()
    }

    pub(super) fn chart(&self, name: &str) -> Option<Arc<Chart>> {
        self.lock().index.chart(name).cloned()
    }

    /// Charts by name, `limit` of them from `offset` on.
    pub(super) fn charts(&self, offset: usize, limit: usize) -> Vec<(String, Arc<Chart>)> {
        let indexed = self.lock();
        let charts = indexed.index.charts().skip(offset).take(limit);
        charts
            .map(|(name, chart)| (name.to_owned(), Arc::clone(chart)))
            .collect()
    }

    pub(super) fn packages_of(&self, name: &str, version: &str) -> Vec<Arc<Entry>> {
        self.lock().index.packages_of(name, version)
    }

    pub(super) fn packages_of_chart(&self, name: &str) -> Vec<Arc<Entry>> {
        let indexed = self.lock();
        indexed
            .index
            .files()
            .filter(|entry| *entry.name == *name)
            .cloned()
            .collect()
    }

    /// Indexed uploads whose objects are not in `stored`.
    pub(super) fn uploads_missing_from(&self, stored: &HashMap<String, Stamp>) -> Vec<String> {
        let indexed = self.lock();
        (indexed.index.files())
            .filter(|entry| entry.layer == Layer::Upload && !stored.contains_key(&*entry.file_name))
            .map(|entry| entry.file_name.to_string())
            .collect()
    }

    /// The index cache and the rendered index, if they changed since the last call.
    ///
    /// Packages that are listed by their first file alone are left out of the cache, and so are those modified after
    /// `settled_by`; the tenant then counts as unsaved still: as
    /// long as the file system's clock shows the same time, a package of the same size may take the place of one
    /// without a trace in its [`Stamp`], and the cache would have the wrong digest for good.
    pub(super) fn take_unsaved(
        &self,
        settled_by: DateTime<Utc>,
    ) -> Option<(PutPayload, PutPayload)> {
        let (entries, published) = {
            let mut indexed = self.lock();
            if !indexed.unsaved {
                return None;
            }
            let is_settled = |entry: &Arc<Entry>| {
                entry.stamp.modified <= settled_by && !self.unverified.contains(&entry.file_name)
            };
            let all_settled = indexed.index.files().all(is_settled);
            indexed.unsaved = !all_settled;
            let settled = indexed.index.files().filter(|entry| is_settled(entry));
            (settled.cloned().collect::<Vec<_>>(), self.published())
        };
        let cache = statefile::render(entries.iter().map(|entry| &**entry));
        Some((
            cache.into_iter().collect(),
            published.parts().cloned().collect(),
        ))
    }

    /// The last result could not be written: the next call returns it again.
    pub(super) fn keep_unsaved(&self) {
        self.lock().unsaved = true;
    }

    /// Remembers and logs a package that cannot be listed (docs/chartmuseum.md 11); once for each state of the object.
    pub(super) fn note_unreadable(&self, unreadable: &Unreadable, action: &str) {
        let Unreadable {
            file_name,
            stamp,
            reason,
        } = unreadable;
        let mut known = self
            .unreadable
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if known.insert(file_name.clone(), *stamp) != Some(*stamp) {
            let error = chain(reason);
            warn!(repo = %self.tenant, action, package = file_name, error, "Invalid package in storage");
        }
    }

    /// Logs which packages are listed without some fields.
    pub(super) fn note_shortened(&self, scanned: &Scanned) {
        for (package, left_out) in &scanned.shortened {
            let left_out = left_out.join(", ");
            warn!(
                repo = %self.tenant,
                package,
                left_out,
                advice = "its metadata is larger than --max-index-entry-size: shorten it, or set that higher",
                "Package is listed without its largest metadata"
            );
        }
    }

    pub(super) fn is_known_unreadable(&self, file_name: &str, stamp: Stamp) -> bool {
        let known = self
            .unreadable
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.get(file_name) == Some(&stamp)
    }

    pub(super) fn forget_unreadable(&self, file_name: &str) {
        self.unreadable
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(file_name);
    }
}
