//! One budget for the memory of all responses in flight.
//!
//! What a response keeps for itself alone (a piece of a file, a rendered list, the state of a decompressor) is reserved
//! here before it is allocated, and given back when the memory is: a reservation travels with the bytes, or into the
//! thread that works for them, so that a client that hangs up frees nothing that is still there. Bytes that all
//! responses share, such as the pages of the index, cost nothing.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Bytes that one permit stands for: a semaphore counts to 2^29 at least on every platform, which is 512 GiB.
const UNIT: usize = 1024;

/// No budget is smaller: a response is read from its file in pieces, and two pieces must fit.
const LEAST: u64 = 1 << 20;

/// Threads that read for responses at the same time, for each core. The others of the pool stay free for uploads.
const READERS_PER_CORE: usize = 8;

/// The budget. Clones share it.
#[derive(Clone)]
pub struct ResponseBudget {
    shared: Arc<Shared>,
}

struct Shared {
    free: Arc<Semaphore>,
    units: u32,
    readers: Arc<Semaphore>,
    waiting: AtomicUsize,
    /// Told when somebody begins to wait.
    wanted: Notify,
}

/// Bytes that are reserved until this is dropped.
#[derive(Debug)]
pub struct Reservation(OwnedSemaphorePermit);

/// How free the budget is, which decides how far a response may get ahead of its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// Bytes of one piece.
    pub(super) piece: usize,
    /// Pieces that may wait to be sent.
    pub(super) ahead: usize,
}

impl ResponseBudget {
    /// A budget of so many bytes, at least 1 MiB.
    pub fn new(bytes: u64) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let units = u32::try_from(bytes.max(LEAST) / UNIT as u64).unwrap_or(u32::MAX >> 3);
        let units = units.min(u32::MAX >> 3);
        Self {
            shared: Arc::new(Shared {
                free: Arc::new(Semaphore::new(units as usize)),
                units,
                readers: Arc::new(Semaphore::new(READERS_PER_CORE * cores)),
                waiting: AtomicUsize::new(0),
                wanted: Notify::new(),
            }),
        }
    }

    /// Reserves `bytes`, or all there is if that is less, as soon as they are free. First come, first served.
    pub async fn reserve(&self, bytes: usize) -> Reservation {
        if let Some(reserved) = self.try_reserve(bytes) {
            return reserved;
        }
        let _waiting = Waiting::of(&self.shared);
        let units = Arc::clone(&self.shared.free)
            .acquire_many_owned(self.units(bytes))
            .await;
        Reservation(units.expect("the semaphore is never closed"))
    }

    /// The same if it need not wait.
    pub fn try_reserve(&self, bytes: usize) -> Option<Reservation> {
        let free = Arc::clone(&self.shared.free);
        let reserved = free.try_acquire_many_owned(self.units(bytes)).ok();
        reserved.map(Reservation)
    }

    /// A permit to block a thread for a response.
    pub(super) async fn reader(&self) -> OwnedSemaphorePermit {
        let reader = Arc::clone(&self.shared.readers).acquire_owned().await;
        reader.expect("the semaphore is never closed")
    }

    /// Bytes that are reserved now.
    pub fn in_use(&self) -> u64 {
        let free = self.shared.free.available_permits() as u64;
        (u64::from(self.shared.units) - free) * UNIT as u64
    }

    /// Bytes there are in all.
    pub fn total(&self) -> u64 {
        u64::from(self.shared.units) * UNIT as u64
    }

    /// Large steps while there is plenty; small ones, one at a time, when many readers share what is left.
    pub(super) fn pace(&self) -> Pace {
        let (piece, ahead) = match self.in_use() * 4 / self.total() {
            0 => (128 << 10, 2),
            1 => (32 << 10, 2),
            _ => (16 << 10, 1),
        };
        Pace { piece, ahead }
    }

    /// Completes when somebody waits for bytes.
    pub(super) async fn is_short(&self) {
        while self.shared.waiting.load(Ordering::Relaxed) == 0 {
            self.shared.wanted.notified().await;
        }
    }

    fn units(&self, bytes: usize) -> u32 {
        let units = bytes.div_ceil(UNIT);
        u32::try_from(units).map_or(self.shared.units, |units| units.min(self.shared.units))
    }
}

impl fmt::Debug for ResponseBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBudget")
            .field("in_use", &self.in_use())
            .field("total", &self.total())
            .finish()
    }
}

/// Somebody who waits, also if it gives up.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn of(shared: &'a Shared) -> Self {
        shared.waiting.fetch_add(1, Ordering::Relaxed);
        shared.wanted.notify_one();
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Reservation {
    /// Keeps what `bytes` takes and gives the rest back.
    pub fn shrink_to(&mut self, bytes: usize) {
        let spare = self
            .0
            .num_permits()
            .saturating_sub(bytes.div_ceil(UNIT).max(1));
        drop(self.0.split(spare));
    }

    /// How many bytes it stands for.
    pub(super) fn bytes(&self) -> usize {
        self.0.num_permits() * UNIT
    }

    /// The bytes, which stay reserved until the last clone of them is dropped.
    pub fn hold(mut self, bytes: impl AsRef<[u8]> + Send + 'static) -> Bytes {
        self.shrink_to(bytes.as_ref().len());
        Bytes::from_owner(Held {
            bytes,
            _reserved: self,
        })
    }
}

struct Held<B> {
    bytes: B,
    _reserved: Reservation,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Held<B> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[tokio::test]
    async fn bytes_stay_reserved_as_long_as_somebody_holds_them() {
        let budget = ResponseBudget::new(2 * MIB as u64);
        let held = budget.reserve(MIB).await.hold(vec![7; 1000]);
        assert_eq!(
            budget.in_use(),
            UNIT as u64,
            "what was not used is given back"
        );
        let clone = held.slice(10..20);
        drop(held);
        assert_eq!(budget.in_use(), UNIT as u64);
        drop(clone);
        assert_eq!(budget.in_use(), 0);
    }

    #[tokio::test]
    async fn more_than_there_is_waits_for_all_there_is() {
        let budget = ResponseBudget::new(MIB as u64);
        let first = budget.reserve(1).await;
        let mut all = std::pin::pin!(budget.reserve(100 * MIB));
        assert!(futures_util::poll!(&mut all).is_pending());
        budget.is_short().await;
        drop(first);
        all.await;
        assert_eq!(budget.in_use(), 0);
    }

    #[tokio::test]
    async fn the_more_is_in_use_the_smaller_are_the_steps() {
        let budget = ResponseBudget::new(MIB as u64);
        let mut held = Vec::new();
        let mut pieces = Vec::new();
        for _ in 0..4 {
            pieces.push(budget.pace().piece >> 10);
            held.push(budget.reserve(MIB / 4).await);
        }
        assert_eq!(pieces, [128, 32, 16, 16]);
    }
}
