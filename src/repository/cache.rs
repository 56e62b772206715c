//! Small packages that were requested recently, kept in memory. A cached package is always that of the index entry:
//! it is valid only together with the entry that it was read for.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::repository::entry::Entry;
use crate::repository::key::ObjectKey;

/// The most bytes kept. A site installs the same few charts on many machines at once.
const CAPACITY: usize = 8 * 1024 * 1024;
/// Larger packages are read from storage each time: there the transfer dominates.
const LARGEST: usize = 256 * 1024;

/// A cache of packages with second-chance eviction.
#[derive(Debug, Default)]
pub struct PackageCache {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    packages: HashMap<ObjectKey, Package>,
    /// The order of eviction.
    turns: VecDeque<ObjectKey>,
    bytes: usize,
}

#[derive(Debug)]
struct Package {
    entry: Arc<Entry>,
    bytes: Bytes,
    asked_again: bool,
}

impl PackageCache {
    /// The package, if it is kept for just this entry.
    pub fn get(&self, key: &ObjectKey, entry: &Entry) -> Option<Bytes> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let package = kept.packages.get_mut(key)?;
        let current = package.entry.digest == entry.digest && package.entry.stamp == entry.stamp;
        package.asked_again = true;
        current.then(|| package.bytes.clone())
    }

    /// Keeps a package that was read for this entry, and evicts others for it.
    pub fn insert(&self, key: ObjectKey, entry: Arc<Entry>, bytes: Bytes) {
        if bytes.len() > LARGEST {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += bytes.len();
        match kept.packages.insert(
            key.clone(),
            Package {
                entry,
                bytes,
                asked_again: false,
            },
        ) {
            Some(before) => kept.bytes -= before.bytes.len(),
            None => kept.turns.push_back(key),
        }
        while kept.bytes > CAPACITY {
            kept.let_one_go();
        }
    }
}

impl Kept {
    fn let_one_go(&mut self) {
        while let Some(key) = self.turns.pop_front() {
            let Some(package) = self.packages.get_mut(&key) else {
                continue;
            };
            if std::mem::take(&mut package.asked_again) {
                self.turns.push_back(key);
                continue;
            }
            self.bytes -= package.bytes.len();
            self.packages.remove(&key);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::entry::tests::entry;
    use crate::repository::key::Tenant;

    fn key(version: usize) -> ObjectKey {
        ObjectKey::new(&Tenant::root(), &format!("a-{version}.0.0.tgz")).unwrap()
    }

    #[test]
    fn a_package_counts_only_for_the_entry_it_was_read_for() {
        let cache = PackageCache::default();
        let (old, new) = (entry("a", "1.0.0"), entry("a", "2.0.0"));
        cache.insert(
            key(1),
            Arc::new(entry("a", "1.0.0")),
            Bytes::from_static(b"one"),
        );
        assert_eq!(cache.get(&key(1), &old).as_deref(), Some(&b"one"[..]));
        assert_eq!(cache.get(&key(1), &new), None);
        assert_eq!(cache.get(&key(2), &new), None);
    }

    #[test]
    fn what_is_asked_for_again_stays_longest_and_memory_stays_bounded() {
        let cache = PackageCache::default();
        let wanted = Arc::new(entry("a", "0.0.0"));
        let package = Bytes::from(vec![0; LARGEST]);
        cache.insert(key(0), Arc::clone(&wanted), package.clone());
        for version in 1..200 {
            assert!(
                cache.get(&key(0), &wanted).is_some(),
                "gone after {version}"
            );
            cache.insert(key(version), Arc::clone(&wanted), package.clone());
        }
        assert!(cache.get(&key(1), &wanted).is_none());
        let kept = cache.kept.lock().unwrap();
        assert!(kept.bytes <= CAPACITY && kept.packages.len() == kept.turns.len());
    }

    #[test]
    fn large_packages_are_not_kept() {
        let cache = PackageCache::default();
        let entry = Arc::new(entry("a", "1.0.0"));
        cache.insert(key(1), Arc::clone(&entry), vec![0; LARGEST + 1].into());
        assert_eq!(cache.get(&key(1), &entry), None);
    }
}
