//! What the storage did not give. That says nothing of the bytes: the index stays as it was, and it is asked again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{info, warn};

use crate::causes::chain;
use crate::repository::ChartRepository;
use crate::repository::key::Tenant;
use crate::repository::store::StoreError;
use crate::repository::tenant::TenantState;

/// The pause before the storage is asked again, the first time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// As it gives nothing, the pause doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What of one tenant could not be read.
#[derive(Debug, Default)]
pub struct Unread(Mutex<BTreeMap<Wanted, String>>);

/// What was to be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Listing,
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

    fn wanted(&self) -> Vec<Wanted> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Wanted, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChartRepository {
    /// Asks the storage again for what it did not give, until the future is dropped.
    pub async fn keep_reading(&self) {
        let mut pause = FIRST_PAUSE;
        loop {
            let before = self.unread();
            if before == 0 {
                self.unread_noted.notified().await;
                pause = FIRST_PAUSE;
            }
            tokio::time::sleep(pause).await;
            for state in self.states() {
                self.read_again(&state).await;
            }
            pause = if self.unread() < before {
                FIRST_PAUSE
            } else {
                LONGEST_PAUSE.min(2 * pause)
            };
        }
    }

    fn unread(&self) -> usize {
        self.states().iter().map(|state| state.unread.count()).sum()
    }

    async fn read_again(&self, state: &TenantState) {
        for wanted in state.unread.wanted() {
            match wanted {
                Wanted::Listing => self.rescan_or_note(state).await,
                // a failure is noted again
                Wanted::Package(package) => {
                    self.refresh(&state.tenant, &package).await.ok();
                }
            }
        }
    }

    /// Compares one tenant with the storage; if that cannot be listed, it is tried again soon.
    pub(super) async fn rescan_or_note(&self, state: &TenantState) {
        match self.rescan_state(state).await {
            Ok(()) => state.unread.forget_listing(),
            Err(cause) => {
                state.unread.note_listing(&state.tenant, &cause);
                self.unread_noted.notify_one();
            }
        }
    }

    /// Notes a package that the storage did not give.
    pub(super) fn note_unread(&self, state: &TenantState, package: &str, cause: &StoreError) {
        state.unread.note_package(&state.tenant, package, cause);
        self.unread_noted.notify_one();
    }
}
