//! Scanning: a storage listing in, index entries out. A package that does not open is reported, never fatal.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::chart::archive::{self, ArchiveError, Limits};
use crate::repository::entry::{Entry, Layer, Listing, Stamp};
use crate::repository::key::{ObjectKey, Tenant};
use crate::repository::store::{ChartStore, StoreError, StoredObject};

/// A package that is stored but cannot be listed.
#[derive(Debug)]
pub struct Unreadable {
    /// Its name inside the tenant.
    pub file_name: String,
    /// Its size and time when it was listed.
    pub stamp: Stamp,
    /// Why it cannot be listed.
    pub reason: UnreadableReason,
}

/// Why a stored package is not listed.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableReason {
    /// It is not a valid chart package.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// It could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is larger than the limit.
    #[error("it has {0} bytes, more than a chart may have when decompressed")]
    TooLarge(u64),
}

/// The result of a scan.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Those that can be listed.
    pub entries: Vec<Arc<Entry>>,
    /// Those that cannot.
    pub unreadable: Vec<Unreadable>,
}

/// Opens `objects` of a tenant, up to `parallel` at a time. One that was deleted meanwhile is in neither list.
pub async fn open_packages(
    store: &ChartStore,
    tenant: &Tenant,
    url_prefix: &str,
    objects: Vec<StoredObject>,
    limits: Limits,
    parallel: usize,
) -> Scanned {
    let objects: Arc<[StoredObject]> = objects.into();
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..parallel.clamp(1, objects.len().max(1)))
        .map(|_| {
            let (store, tenant, url_prefix) =
                (store.clone(), tenant.clone(), url_prefix.to_owned());
            let (objects, next) = (Arc::clone(&objects), Arc::clone(&next));
            tokio::task::spawn_blocking(move || {
                let mut scanned = Scanned::default();
                while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match open_stored(&store, &tenant, object, &limits) {
                        Ok(listing) => scanned.entries.extend(listing.map(|listing| {
                            Arc::new(Entry::new(listing, Layer::Upload, &url_prefix))
                        })),
                        Err(reason) => scanned.unreadable.push(Unreadable {
                            file_name: object.file_name.clone(),
                            stamp: object.stamp,
                            reason,
                        }),
                    }
                }
                scanned
            })
        })
        .collect();
    let mut all = Scanned::default();
    for worker in workers {
        let scanned = worker.await.expect("opening a package does not panic");
        all.entries.extend(scanned.entries);
        all.unreadable.extend(scanned.unreadable);
    }
    all
}

fn open_stored(
    store: &ChartStore,
    tenant: &Tenant,
    object: &StoredObject,
    limits: &Limits,
) -> Result<Option<Listing>, UnreadableReason> {
    if object.stamp.size > limits.total {
        return Err(UnreadableReason::TooLarge(object.stamp.size));
    }
    let Some(key) = ObjectKey::new(tenant, &object.file_name) else {
        return Ok(None);
    };
    let Some((stamp, bytes)) = store.get_blocking(&key)? else {
        return Ok(None);
    };
    let package = archive::open(&bytes, limits)?;
    Ok(Some(Listing::new(&package, &object.file_name, stamp)))
}
