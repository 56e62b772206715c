//! Small packages that were requested recently, kept in memory. A package is kept for one index entry and found by
//! nothing else: an overwritten or deleted package has no entry any more, or another, and so is never served from here.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::repository::entry::Entry;
use crate::repository::store::WHOLE_UP_TO;

/// The most bytes kept. A site installs the same few charts on many machines at once.
const CAPACITY: usize = 8 * 1024 * 1024;
/// Larger packages are read from storage each time: there the transfer dominates.
const LARGEST: usize = WHOLE_UP_TO as usize;

/// A cache of packages with second-chance eviction.
#[derive(Debug, Default)]
pub struct PackageCache {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// By the address of the entry, which is not given to another as long as the entry is kept here.
    packages: HashMap<usize, Package>,
    /// The order of eviction.
    turns: VecDeque<usize>,
    bytes: usize,
}

#[derive(Debug)]
struct Package {
    _entry: Arc<Entry>,
    bytes: Bytes,
    asked_again: bool,
}

fn address(entry: &Arc<Entry>) -> usize {
    Arc::as_ptr(entry).addr()
}

impl PackageCache {
    /// The package, if it is kept for just this entry.
    pub fn get(&self, entry: &Arc<Entry>) -> Option<Bytes> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let package = kept.packages.get_mut(&address(entry))?;
        package.asked_again = true;
        Some(package.bytes.clone())
    }

    /// Keeps a package that was read for this entry, and evicts others for it.
    pub fn insert(&self, entry: Arc<Entry>, bytes: Bytes) {
        if bytes.len() > LARGEST {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += bytes.len();
        let key = address(&entry);
        let package = Package {
            _entry: entry,
            bytes,
            asked_again: false,
        };
        match kept.packages.insert(key, package) {
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

    #[test]
    fn a_package_counts_only_for_the_entry_it_was_read_for() {
        let cache = PackageCache::default();
        let old = Arc::new(entry("a", "1.0.0"));
        // the same to the letter, as of a package that was deleted and uploaded again
        let new = Arc::new(entry("a", "1.0.0"));
        cache.insert(Arc::clone(&old), Bytes::from_static(b"one"));
        assert_eq!(cache.get(&old).as_deref(), Some(&b"one"[..]));
        assert_eq!(cache.get(&new), None);
    }

    #[test]
    fn what_is_asked_for_again_stays_longest_and_memory_stays_bounded() {
        let cache = PackageCache::default();
        let wanted = Arc::new(entry("a", "0.0.0"));
        let package = Bytes::from(vec![0; LARGEST]);
        cache.insert(Arc::clone(&wanted), package.clone());
        let others: Vec<_> = (1..400).map(|_| Arc::new(entry("a", "1.0.0"))).collect();
        for other in &others {
            assert!(cache.get(&wanted).is_some());
            cache.insert(Arc::clone(other), package.clone());
        }
        assert!(cache.get(&others[0]).is_none());
        let kept = cache.kept.lock().unwrap();
        assert!(kept.bytes <= CAPACITY && kept.packages.len() == kept.turns.len());
    }

    #[test]
    fn large_packages_are_not_kept() {
        let cache = PackageCache::default();
        let entry = Arc::new(entry("a", "1.0.0"));
        cache.insert(Arc::clone(&entry), vec![0; LARGEST + 1].into());
        assert_eq!(cache.get(&entry), None);
    }
}
