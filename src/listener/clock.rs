//! The deadlines of one connection, moved by atomic stores and watched by one timer that is rarely touched.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};

use super::ServeLimits;

/// No deadline: what is awaited is the service, which answers for itself.
const NEVER: u64 = u64::MAX;

/// How long a far timer is set for; it only delays looking at the deadline, which is looked at on every wake-up too.
const FAR: Duration = Duration::from_secs(3600);

/// While others wait for this connection's place or memory, its peer must take or send something in this time.
pub(super) const STALL: Duration = Duration::from_secs(3);

/// Bytes that count as something. A peer that takes a few bytes now and then holds as much as one that takes none.
const SOMETHING: usize = 16 * 1024;

/// While others wait for a place, the first head must be complete so soon after the connection was made.
const HEAD_WHEN_FULL: Duration = Duration::from_secs(1);

/// The same while most places are taken.
const HEAD_WHEN_CROWDED: Duration = Duration::from_secs(5);

/// How long somebody is known to wait for a place: whoever waits longer says so again.
const CROWD: Duration = Duration::from_secs(5);

/// What a connection is waiting for, and until when.
///
/// The deadline is read by the connection's own task, which is also the one that moves it (HTTP/1) or is woken by those
/// that do (HTTP/2); so relaxed stores are enough.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
    limits: ServeLimits,
    /// Milliseconds after `start`, as all times here.
    deadline: AtomicU64,
    /// Until when the current response may be sent.
    until: AtomicU64,
    /// When the peer last took something.
    moved: AtomicU64,
    /// What it has taken since.
    taken: AtomicUsize,
    /// Until when others wait for a place.
    crowded: AtomicU64,
    in_flight: AtomicU32,
    responding: AtomicU32,
    asked: AtomicBool,
    /// The first response should be the last.
    last: AtomicBool,
    /// Others wait for memory or a place: see [`STALL`].
    hurried: AtomicBool,
    /// Something may be left to be written.
    unsent: AtomicBool,
    /// The peer has no room for it.
    blocked: AtomicBool,
    /// Many requests at a time: each response has a deadline of its own, an [`EndOfStream`].
    multiplexed: AtomicBool,
    /// The last request's body was not read to its end, so bytes may still arrive after the response.
    unread: AtomicBool,
}

impl Clock {
    pub(super) fn start(limits: ServeLimits) -> Arc<Self> {
        let clock = Self {
            start: Instant::now(),
            limits,
            deadline: AtomicU64::new(NEVER),
            until: AtomicU64::new(NEVER),
            moved: AtomicU64::new(0),
            taken: AtomicUsize::new(0),
            crowded: AtomicU64::new(0),
            in_flight: AtomicU32::new(0),
            responding: AtomicU32::new(0),
            asked: AtomicBool::new(false),
            last: AtomicBool::new(false),
            hurried: AtomicBool::new(false),
            unsent: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            multiplexed: AtomicBool::new(false),
            unread: AtomicBool::new(false),
        };
        clock.expire_in(limits.read_timeout);
        Arc::new(clock)
    }

    /// The connection speaks HTTP/2.
    pub(super) fn multiplex(&self) {
        self.multiplexed.store(true, Ordering::Relaxed);
    }

    /// Gives the peer this long for what it has to do next.
    pub(super) fn expire_in(&self, time: Option<Duration>) {
        self.deadline.store(self.after(time), Ordering::Relaxed);
    }

    fn after(&self, time: Option<Duration>) -> u64 {
        time.map_or(NEVER, |time| {
            let at = self.start.elapsed().saturating_add(time).as_millis();
            u64::try_from(at).unwrap_or(NEVER)
        })
    }

    fn now(&self) -> u64 {
        self.after(Some(Duration::ZERO))
    }

    /// A request's head has arrived.
    pub(super) fn request_began(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.asked.store(true, Ordering::Relaxed);
        self.unread.store(false, Ordering::Relaxed);
        let multiplexed = self.multiplexed.load(Ordering::Relaxed);
        if !(multiplexed && self.hurried.load(Ordering::Relaxed)) {
            self.deadline.store(NEVER, Ordering::Relaxed);
        }
        InFlight {
            clock: Arc::clone(self),
            responds: AtomicBool::new(false),
            stream: multiplexed.then(Arc::default),
        }
    }

    /// True once a request has begun.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Most places are taken: the head of the first request should be here soon.
    pub(super) fn head_is_due(&self) {
        self.expire_at(millis(HEAD_WHEN_CROWDED));
    }

    /// Others wait for this connection's slot: its first response should be its last, and the head of its first request
    /// should be here soon.
    pub(super) fn others_wait(&self) {
        self.crowded
            .store(self.after(Some(CROWD)), Ordering::Relaxed);
        if !self.was_asked() {
            self.last.store(true, Ordering::Relaxed);
            self.expire_at(millis(HEAD_WHEN_FULL));
        }
        self.hurry();
    }

    /// True while others wait for a place.
    pub(super) fn is_crowded(&self) -> bool {
        self.now() < self.crowded.load(Ordering::Relaxed)
    }

    /// Others wait for the memory that this connection's responses take, or for its place.
    ///
    /// A peer that has taken all there was is not what is waited for.
    pub(super) fn hurry(&self) {
        let sends = self.unsent.load(Ordering::Relaxed) && self.blocked.load(Ordering::Relaxed);
        if sends && !self.hurried.swap(true, Ordering::Relaxed) {
            self.expire_at(self.moved.load(Ordering::Relaxed) + millis(STALL));
        }
    }

    /// Moves the deadline forward, if this is sooner.
    fn expire_at(&self, deadline: u64) {
        self.deadline.fetch_min(deadline, Ordering::Relaxed);
    }

    /// The peer has made room for so many bytes; whether it goes on to is seen when others are still waiting.
    pub(super) fn sent(&self, bytes: usize) {
        self.blocked.store(false, Ordering::Relaxed);
        if self.taken.fetch_add(bytes, Ordering::Relaxed) + bytes >= SOMETHING {
            self.taken.store(0, Ordering::Relaxed);
            self.moved.store(self.now(), Ordering::Relaxed);
        }
        if self.hurried.swap(false, Ordering::Relaxed) {
            let until = self.until.load(Ordering::Relaxed);
            self.deadline.store(until, Ordering::Relaxed);
        }
    }

    /// The peer makes no room.
    pub(super) fn is_blocked(&self) {
        self.blocked.store(true, Ordering::Relaxed);
    }

    /// All that was written has left.
    pub(super) fn flushed(&self) {
        if self.responding.load(Ordering::Relaxed) == 0 && self.unsent.load(Ordering::Relaxed) {
            self.unsent.store(false, Ordering::Relaxed);
            self.hurried.store(false, Ordering::Relaxed);
            if self.in_flight.load(Ordering::Relaxed) == 0 {
                self.expire_in(Some(self.limits.idle_timeout));
            } else {
                self.deadline.store(NEVER, Ordering::Relaxed);
            }
        }
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

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(NEVER)
}

/// A request between its head's arrival and the end of its response's body.
#[derive(Debug)]
pub(super) struct InFlight {
    clock: Arc<Clock>,
    responds: AtomicBool,
    stream: Option<Arc<EndOfStream>>,
}

impl InFlight {
    /// True if the connection should end with this response. HTTP/2 ignores it: one such connection carries many users.
    pub(super) fn is_last(&self) -> bool {
        self.clock.last.load(Ordering::Relaxed)
    }

    /// The service has returned the response: from now on the peer has to take it.
    pub(super) fn response_began(&self) {
        let clock = &self.clock;
        self.responds.store(true, Ordering::Relaxed);
        if clock.responding.fetch_add(1, Ordering::Relaxed) == 0 {
            clock.moved.store(clock.now(), Ordering::Relaxed);
            clock.taken.store(0, Ordering::Relaxed);
            clock.hurried.store(false, Ordering::Relaxed);
        }
        clock.unsent.store(true, Ordering::Relaxed);
        match &self.stream {
            Some(stream) => stream.began.notify_one(),
            None => {
                let until = clock.after(clock.limits.write_timeout);
                clock.until.store(until, Ordering::Relaxed);
                clock.deadline.store(until, Ordering::Relaxed);
            }
        }
    }

    /// The clock of the connection.
    pub(super) fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    /// What ends the stream of HTTP/2 that this is on.
    pub(super) fn end_of_stream(&self) -> Option<Arc<EndOfStream>> {
        self.stream.clone()
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let clock = &self.clock;
        if self.responds.load(Ordering::Relaxed) {
            clock.responding.fetch_sub(1, Ordering::Relaxed);
        }
        // the deadline of a response in HTTP/1 holds until all of it has left
        let is_sent = self.stream.is_some() || !clock.unsent.load(Ordering::Relaxed);
        let is_hurried = clock.hurried.load(Ordering::Relaxed);
        if clock.in_flight.fetch_sub(1, Ordering::Relaxed) == 1 && is_sent && !is_hurried {
            clock.expire_in(Some(clock.limits.idle_timeout));
        }
    }
}

/// The deadline of one response among several on a connection.
#[derive(Debug, Default)]
pub(super) struct EndOfStream {
    began: Notify,
}

impl EndOfStream {
    /// Completes when the response has begun and has not been sent in this time.
    pub(super) async fn passed(&self, write_timeout: Option<Duration>) {
        self.began.notified().await;
        match write_timeout {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    }
}
