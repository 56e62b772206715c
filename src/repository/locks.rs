//! One writer at a time for each object.

use std::hash::{BuildHasher as _, RandomState};

use tokio::sync::{Mutex, MutexGuard};

use crate::repository::key::ObjectKey;

/// Enough that two uploads of different charts seldom wait for each other.
const STRIPES: usize = 64;

/// Locks by object. A package and its provenance file share one.
#[derive(Debug)]
pub struct KeyLocks {
    stripes: [Mutex<()>; STRIPES],
    hasher: RandomState,
}

impl Default for KeyLocks {
    fn default() -> Self {
        Self {
            stripes: std::array::from_fn(|_| Mutex::new(())),
            hasher: RandomState::new(),
        }
    }
}

impl KeyLocks {
    /// Waits for the object's lock.
    pub async fn lock(&self, key: &ObjectKey) -> MutexGuard<'_, ()> {
        self.stripes[self.stripe(key)].lock().await
    }

    /// Waits for the locks of several objects, in an order that cannot deadlock.
    pub async fn lock_all(
        &self,
        keys: impl IntoIterator<Item = &ObjectKey>,
    ) -> Vec<MutexGuard<'_, ()>> {
        let mut stripes: Vec<usize> = keys.into_iter().map(|key| self.stripe(key)).collect();
        stripes.sort_unstable();
        stripes.dedup();
        let mut guards = Vec::with_capacity(stripes.len());
        for stripe in stripes {
            guards.push(self.stripes[stripe].lock().await);
        }
        guards
    }

    fn stripe(&self, key: &ObjectKey) -> usize {
        let package = key
            .file_name()
            .strip_suffix(".prov")
            .unwrap_or(key.file_name());
        let hash = self.hasher.hash_one((key.tenant(), package));
        usize::try_from(hash % STRIPES as u64).expect("smaller than the number of stripes")
    }
}
