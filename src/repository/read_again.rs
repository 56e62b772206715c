//! Asks the storage again for what it did not give.

use std::time::Duration;

use crate::repository::ChartRepository;
use crate::repository::store::StoreError;
use crate::repository::tenant::TenantState;
use crate::repository::unread::Wanted;

/// The pause before the storage is asked again, the first time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// As it gives nothing, the pause doubles up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

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
