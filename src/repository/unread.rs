//! What the storage did not give. That says nothing of the bytes: the index stays as it was, and it is asked again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracing::{info, warn};

use crate::causes::chain;
use crate::repository::key::Tenant;
use crate::repository::store::StoreError;

/// What of one tenant could not be read.
#[derive(Debug, Default)]
pub struct Unread(Mutex<BTreeMap<Wanted, String>>);

/// What was to be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// What there is.
    Listing,
    /// The package of this file name.
    Package(String),
}

impl Unread {
    /// Notes a package that could not be read; logged when the cause is a new one.
    pub fn note_package(&self, tenant: &Tenant, package: &str, cause: &StoreError) {
        let error = chain(cause);
        let known = self
            .lock()
            .insert(Wanted::Package(package.to_owned()), error.clone());
        if known.as_ref() != Some(&error) {
            warn!(
                repo = %tenant,
                package,
                error,
                "Package cannot be read now: its entry stays as it was, and it is read again soon"
            );
        }
    }

    /// Notes that the tenant could not be listed.
    pub fn note_listing(&self, tenant: &Tenant, cause: &StoreError) {
        let error = chain(cause);
        if self.lock().insert(Wanted::Listing, error.clone()).as_ref() != Some(&error) {
            warn!(repo = %tenant, error, "Storage cannot be compared with the index: it is tried again soon");
        }
    }

    /// The package was read, or has gone.
    pub fn forget_package(&self, tenant: &Tenant, package: &str) {
        let was_unread = self.lock().remove(&Wanted::Package(package.to_owned()));
        if was_unread.is_some() {
            info!(repo = %tenant, package, "Package can be read again");
        }
    }

    /// The tenant was listed.
    pub fn forget_listing(&self) {
        self.lock().remove(&Wanted::Listing);
    }

    /// How much there is.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// All of it.
    pub fn wanted(&self) -> Vec<Wanted> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Wanted, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
