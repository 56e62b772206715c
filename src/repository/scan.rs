//! Scanning: a storage listing in, index entries out. A package that does not open is reported, never fatal.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::chart::archive::{self, ArchiveError, ChartPackage, Limits};
use crate::chart::digest::Sha256Hex;
use crate::repository::entry::{Entry, Layer, Listing, Stamp};
use crate::repository::key::{ObjectKey, Tenant};
use crate::repository::store::{ChartStore, StoreError, StoredObject};

/// A package that is stored but cannot be listed, by what its bytes say.
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
    /// It is larger than the limit.
    #[error("it has {0} bytes, more than a chart may have when decompressed")]
    TooLarge(u64),
    /// Name and version alone are larger than an entry of the index may be.
    #[error("name and version alone make {0} bytes in the index, more than --max-index-entry-size")]
    NameTooLarge(usize),
}

/// The result of a scan.
#[derive(Debug, Default)]
pub struct Scanned {
    /// Those that can be listed.
    pub entries: Vec<Arc<Entry>>,
    /// Those that cannot.
    pub unreadable: Vec<Unreadable>,
    /// Those of which the storage did not give the bytes.
    pub unread: Vec<(String, StoreError)>,
    /// Those listed without some fields: file name, and the fields.
    pub shortened: Vec<(String, Vec<&'static str>)>,
    /// Those listed by their first file alone.
    pub peeked: Vec<Box<str>>,
}

/// How packages are opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The prefix of the file name in `urls`.
    pub url_prefix: String,
    /// What opening one may cost.
    pub limits: Limits,
    /// Bytes of metadata that one version may bring into the index.
    pub entry_limit: usize,
    /// Packages opened at a time.
    pub parallel: usize,
    /// Look at the first file alone where that is enough.
    pub peek: bool,
    /// Entries from before, by file name: a package that still has the digest of its entry need not be opened.
    pub known: Arc<HashMap<Box<str>, Arc<Entry>>>,
}

/// One package that can be listed.
struct Opened {
    entry: Entry,
    shortened: Vec<&'static str>,
    peeked: bool,
}

enum Failure {
    Bytes(UnreadableReason),
    Storage(StoreError),
}

/// Opens `objects` of a tenant. One that was deleted meanwhile is in no list.
pub async fn open_packages(
    store: &ChartStore,
    tenant: &Tenant,
    objects: Vec<StoredObject>,
    opening: Opening,
) -> Scanned {
    let workers = opening.parallel.clamp(1, objects.len().max(1));
    let shared = Arc::new((objects, AtomicUsize::new(0), opening));
    let workers: Vec<_> = (0..workers)
        .map(|_| {
            let (store, tenant, shared) = (store.clone(), tenant.clone(), Arc::clone(&shared));
            tokio::task::spawn_blocking(move || {
                let (objects, next, opening) = &*shared;
                let mut scanned = Scanned::default();
                while let Some(object) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
                    scanned.add(object, open_stored(&store, &tenant, object, opening));
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
        all.unread.extend(scanned.unread);
        all.shortened.extend(scanned.shortened);
        all.peeked.extend(scanned.peeked);
    }
    all
}

/// The same for one package, on a thread that may block.
pub fn open_one(
    store: &ChartStore,
    tenant: &Tenant,
    object: &StoredObject,
    opening: &Opening,
) -> Scanned {
    let mut scanned = Scanned::default();
    scanned.add(object, open_stored(store, tenant, object, opening));
    scanned
}

impl Scanned {
    fn add(&mut self, object: &StoredObject, outcome: Result<Option<Opened>, Failure>) {
        match outcome {
            Ok(None) => {}
            Ok(Some(opened)) => {
                if !opened.shortened.is_empty() {
                    (self.shortened).push((object.file_name.clone(), opened.shortened));
                }
                if opened.peeked {
                    self.peeked.push(opened.entry.file_name.clone());
                }
                self.entries.push(Arc::new(opened.entry));
            }
            Err(Failure::Bytes(reason)) => self.unreadable.push(Unreadable {
                file_name: object.file_name.clone(),
                stamp: object.stamp,
                reason,
            }),
            Err(Failure::Storage(cause)) => self.unread.push((object.file_name.clone(), cause)),
        }
    }
}

fn open_stored(
    store: &ChartStore,
    tenant: &Tenant,
    object: &StoredObject,
    opening: &Opening,
) -> Result<Option<Opened>, Failure> {
    let bytes_say = |reason: UnreadableReason| Failure::Bytes(reason);
    if object.stamp.size > opening.limits.total {
        return Err(bytes_say(UnreadableReason::TooLarge(object.stamp.size)));
    }
    let Some(key) = ObjectKey::new(tenant, &object.file_name) else {
        return Ok(None);
    };
    let Some((stamp, bytes)) = store.get_blocking(&key).map_err(Failure::Storage)? else {
        return Ok(None);
    };
    let known = opening.known.get(&*object.file_name);
    if let Some(known) = known
        .filter(|known| known.stamp.size == stamp.size && known.digest == Sha256Hex::of(&bytes))
    {
        return Ok(Some(Opened {
            entry: Entry::new(known.listing(stamp), Layer::Upload, &opening.url_prefix),
            shortened: Vec::new(),
            peeked: false,
        }));
    }
    let peeked = opening
        .peek
        .then(|| archive::peek(&bytes, &opening.limits))
        .flatten();
    let (package, peeked): (ChartPackage, bool) = match peeked {
        Some(package) => (package, true),
        None => {
            let opened = archive::open(&bytes, &opening.limits);
            (opened.map_err(|reason| bytes_say(reason.into()))?, false)
        }
    };
    let shortened = Listing::within(package, &object.file_name, stamp, opening.entry_limit);
    let (listing, shortened) =
        shortened.map_err(|size| bytes_say(UnreadableReason::NameTooLarge(size)))?;
    Ok(Some(Opened {
        entry: Entry::new(listing, Layer::Upload, &opening.url_prefix),
        shortened,
        peeked,
    }))
}
