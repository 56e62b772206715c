//! One deadline per connection, moved by atomic stores and watched by one timer that is rarely touched.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::ServeLimits;

/// No deadline: what is awaited is the service, which answers for itself.
const NEVER: u64 = u64::MAX;

/// How long a far timer is set for; it only delays looking at the deadline, which is looked at on every wake-up too.
const FAR: Duration = Duration::from_secs(3600);

/// What a connection is waiting for, and until when.
///
/// The deadline is read by the connection's own task, which is also the one that moves it (HTTP/1) or is woken by those
/// that do (HTTP/2); so relaxed stores are enough.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    limits: ServeLimits,
    /// Milliseconds after `start`.
    deadline: AtomicU64,
    in_flight: AtomicU32,
    asked: AtomicBool,
    crowded: AtomicBool,
    /// The last request's body was not read to its end, so bytes may still arrive after the response.
    unread: AtomicBool,
}

impl Clock {
    pub(super) fn start(limits: ServeLimits) -> Arc<Self> {
        let clock = Self {
            start: Instant::now(),
            limits,
            deadline: AtomicU64::new(NEVER),
            in_flight: AtomicU32::new(0),
            asked: AtomicBool::new(false),
            crowded: AtomicBool::new(false),
            unread: AtomicBool::new(false),
        };
        clock.expire_in(limits.read_timeout);
        Arc::new(clock)
    }

    /// Gives the peer this long for what it has to do next.
    pub(super) fn expire_in(&self, time: Option<Duration>) {
        let deadline = time.map_or(NEVER, |time| {
            let at = self.start.elapsed().saturating_add(time).as_millis();
            u64::try_from(at).unwrap_or(NEVER)
        });
        self.deadline.store(deadline, Ordering::Relaxed);
    }

    /// A request's head has arrived.
    pub(super) fn request_began(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.asked.store(true, Ordering::Relaxed);
        self.unread.store(false, Ordering::Relaxed);
        self.deadline.store(NEVER, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// True once a request has begun.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Others wait for this connection's slot: its first response should be its last.
    pub(super) fn others_wait(&self) {
        self.crowded.store(true, Ordering::Relaxed);
    }

    pub(super) fn body_left_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    pub(super) fn may_receive_more(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// Completes when the deadline has passed.
    pub(super) async fn expired(&self) {
        let mut armed = self.deadline.load(Ordering::Relaxed);
        let mut timer = std::pin::pin!(tokio::time::sleep_until(self.instant(armed)));
        poll_fn(|cx| self.poll_expired(timer.as_mut(), &mut armed, cx)).await;
    }

    fn poll_expired(
        &self,
        mut timer: Pin<&mut Sleep>,
        armed: &mut u64,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mut deadline = self.deadline.load(Ordering::Relaxed);
        if deadline < *armed {
            *armed = deadline;
            timer.as_mut().reset(self.instant(deadline));
        }
        while timer.as_mut().poll(cx).is_ready() {
            deadline = self.deadline.load(Ordering::Relaxed);
            if deadline != NEVER && Instant::now() >= self.instant(deadline) {
                return Poll::Ready(());
            }
            *armed = deadline;
            timer.as_mut().reset(self.instant(deadline));
        }
        Poll::Pending
    }

    fn instant(&self, deadline: u64) -> Instant {
        match deadline {
            NEVER => Instant::now() + FAR,
            at => self.start + Duration::from_millis(at),
        }
    }
}

/// A request between its head's arrival and the end of its response's body.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Clock>);

impl InFlight {
    /// True if the connection should end with this response. HTTP/2 ignores it: one such connection carries many users.
    pub(super) fn is_last(&self) -> bool {
        self.0.crowded.load(Ordering::Relaxed)
    }

    /// The service has returned the response: from now on the peer has to take it.
    pub(super) fn response_began(&self) {
        self.0.expire_in(self.0.limits.write_timeout);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.expire_in(Some(self.0.limits.idle_timeout));
        }
    }
}
