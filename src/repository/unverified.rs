//! Packages that were not opened whole yet.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Packages of one tenant that are listed by their first file alone.
#[derive(Debug, Default)]
pub struct Unverified(Mutex<HashSet<Box<str>>>);

impl Unverified {
    /// Adds packages.
    pub fn extend(&self, file_names: impl IntoIterator<Item = Box<str>>) {
        self.lock().extend(file_names);
    }

    /// True if the package is one of them.
    pub fn contains(&self, file_name: &str) -> bool {
        self.lock().contains(file_name)
    }

    /// The package was opened whole, or has gone.
    pub fn remove(&self, file_name: &str) {
        self.lock().remove(file_name);
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Their names.
    pub fn all(&self) -> Vec<Box<str>> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Box<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
