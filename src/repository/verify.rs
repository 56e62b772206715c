//! Packages that are listed by their first file alone are opened whole behind the published index, one at a time and at
//! low priority; what turns out different is corrected.

use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tracing::info;

use crate::repository::ChartRepository;
use crate::repository::entry::Entry;
use crate::repository::index::Change;
use crate::repository::key::{ObjectKey, Tenant};
use crate::repository::scan::{self, Opening, Scanned};
use crate::repository::store::{ChartStore, StoredObject};
use crate::repository::tenant::TenantState;

/// Opened packages that wait to be compared with the index.
const QUEUE: usize = 16;
/// As `nice` counts: a tenth of what anything else that wants the core gets.
const PRIORITY: i32 = 10;

impl ChartRepository {
    /// Opens whole what is listed by its first file, whenever a tenant was indexed so, until the future is dropped.
    pub async fn keep_verifying(&self) {
        loop {
            self.peeked.notified().await;
            self.verify_all().await;
        }
    }

    /// Opens whole what is listed by its first file alone.
    pub async fn verify_all(&self) {
        for state in self.states() {
            if !state.unverified.is_empty() {
                self.verify(&state).await;
            }
        }
    }

    async fn verify(&self, state: &TenantState) {
        let started = Instant::now();
        let file_names = state.unverified.all();
        let entries: Vec<Arc<Entry>> = (file_names.iter())
            .filter_map(|file_name| state.file(file_name))
            .collect();
        let packages = entries.len();
        let (opened, mut incoming) = mpsc::channel(QUEUE);
        let (store, opening) = (self.store.clone(), self.opening(state, false));
        let tenant = state.tenant.clone();
        let runtime = Handle::current();
        std::thread::spawn(move || {
            let _runtime = runtime.enter();
            // of this thread alone, on Linux; without it, it is only less polite
            rustix::process::setpriority_process(None, PRIORITY).ok();
            open_each(&store, &tenant, entries, &opening, &opened);
        });
        let mut corrected = 0;
        while let Some((entry, scanned)) = incoming.recv().await {
            corrected += usize::from(self.settle(state, &entry, scanned).await);
        }
        for file_name in file_names {
            if state.file(&file_name).is_none() {
                state.unverified.remove(&file_name);
            }
        }
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        info!(repo = %state.tenant, packages, corrected, duration_ms, "Packages are verified");
        // the index cache has only what is verified
        state.keep_unsaved();
        self.changes.send_modify(|count| *count += 1);
    }

    /// Puts right what opening the package whole has shown to be different. True if something was.
    async fn settle(&self, state: &TenantState, entry: &Arc<Entry>, scanned: Scanned) -> bool {
        let Some(key) = ObjectKey::new(&state.tenant, &entry.file_name) else {
            return false;
        };
        let _lock = self.locks.lock(&key).await;
        let listed = state.file(&entry.file_name);
        if !listed.is_some_and(|listed| Arc::ptr_eq(&listed, entry)) {
            // an upload or a change in the storage came between, which was opened whole
            return false;
        }
        if let Some((package, cause)) = scanned.unread.first() {
            self.note_unread(state, package, cause);
            return false;
        }
        state.unverified.remove(&entry.file_name);
        state.note_shortened(&scanned);
        let opened = scanned.entries.into_iter().next();
        if let Some(unreadable) = scanned.unreadable.first() {
            state.note_unreadable(unreadable, "verified");
            self.apply(state, Change::Remove(entry.file_name.clone()));
            return true;
        }
        let Some(opened) = opened.filter(|opened| opened.line() != entry.line()) else {
            return false;
        };
        info!(
            repo = %state.tenant,
            package = &*entry.file_name,
            "Package says something else than its first file: its entry is corrected"
        );
        self.apply(state, Change::Insert(opened));
        true
    }
}

fn open_each(
    store: &ChartStore,
    tenant: &Tenant,
    entries: Vec<Arc<Entry>>,
    opening: &Opening,
    opened: &mpsc::Sender<(Arc<Entry>, Scanned)>,
) {
    for entry in entries {
        let object = StoredObject {
            file_name: entry.file_name.to_string(),
            stamp: entry.stamp,
        };
        let scanned = scan::open_one(store, tenant, &object, opening);
        if opened.blocking_send((entry, scanned)).is_err() {
            return;
        }
    }
}
