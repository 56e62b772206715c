//! The bodies of requests and responses, as the listener watches them.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::clock::{Clock, InFlight, STALL};

/// Why a request's body ends early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It did not arrive within the read timeout: worth a 408.
    #[error("request body did not arrive within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// It came more slowly than whoever reads it allows.
    #[error("request body came more slowly than {0} bytes a second")]
    TooSlow(u64),
    /// The connection broke or the chunks make no sense.
    #[error("request body ended early: {}", innermost(.0))]
    Broken(#[source] hyper::Error),
}

fn innermost(error: &hyper::Error) -> String {
    let mut last: &dyn Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

impl From<BodyError> for io::Error {
    fn from(error: BodyError) -> Self {
        let kind = match error {
            BodyError::Timeout(_) | BodyError::TooSlow(_) => io::ErrorKind::TimedOut,
            BodyError::Broken(_) => io::ErrorKind::UnexpectedEof,
        };
        Self::new(kind, error)
    }
}

/// Moves the deadline of one request's body: an extension of every request. Whoever makes the sender wait gives it that
/// much longer.
#[derive(Clone, Debug, Default)]
pub struct ReadDeadline(Arc<AtomicU64>);

impl ReadDeadline {
    /// The body may take this much longer.
    pub fn extend(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    /// By how much it was moved.
    pub fn extended(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// The body of a request, which has to arrive within the read timeout.
#[derive(Debug)]
pub struct RequestBody {
    inner: Incoming,
    /// Until the body's end was seen.
    watch: Option<Watch>,
    /// The time it has begins anew with each part.
    is_transfer: bool,
}

#[derive(Debug)]
struct Watch {
    clock: Arc<Clock>,
    limit: Option<Duration>,
    began: Instant,
    deadline: ReadDeadline,
    /// When something last came, and by how much the deadline had been moved then.
    moved: (Instant, Duration),
    /// Made when the body first has to be waited for.
    timer: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    pub(super) fn new(
        inner: Incoming,
        clock: &Arc<Clock>,
        limit: Option<Duration>,
        deadline: &ReadDeadline,
        is_transfer: bool,
    ) -> Self {
        let watch = (!inner.is_end_stream()).then(|| {
            let began = Instant::now();
            Watch {
                clock: Arc::clone(clock),
                limit,
                began,
                deadline: deadline.clone(),
                moved: (began, Duration::ZERO),
                timer: None,
            }
        });
        Self {
            inner,
            watch,
            is_transfer,
        }
    }
}

impl Watch {
    /// Ready when the sender has taken too long, with the time it had.
    fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        loop {
            let extended = self.deadline.extended();
            if extended > self.moved.1 {
                self.moved = (Instant::now(), extended);
            }
            let all = self
                .limit
                .map(|limit| (self.began + limit + extended, limit));
            let crowded = self.clock.is_crowded();
            let stall = crowded.then(|| (self.moved.0 + STALL, STALL));
            let Some((at, limit)) = all.into_iter().chain(stall).min() else {
                return Poll::Pending;
            };
            if Instant::now() >= at {
                return Poll::Ready(limit);
            }
            let timer = self
                .timer
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
            if timer.deadline() != at {
                timer.as_mut().reset(at);
            }
            std::task::ready!(timer.as_mut().poll(cx));
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            match (&frame, &mut this.watch) {
                (Some(_), Some(watch)) => watch.moved.0 = Instant::now(),
                _ => this.watch = None,
            }
            if this.is_transfer
                && let Some(watch) = &mut this.watch
            {
                watch.began = Instant::now();
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)));
        }
        let Some(watch) = &mut this.watch else {
            return Poll::Pending;
        };
        let limit = std::task::ready!(watch.poll_expired(cx));
        Poll::Ready(Some(Err(BodyError::Timeout(limit))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Some(watch) = self.watch.as_ref().filter(|_| !self.inner.is_end_stream()) {
            watch.clock.body_left_unread();
        }
    }
}

/// The body of a response, whose end is noticed.
#[derive(Debug)]
pub(super) struct ResponseBody<B> {
    inner: B,
    in_flight: InFlight,
    /// The time that the peer has to take it begins anew with each part.
    is_transfer: bool,
}

impl<B> ResponseBody<B> {
    pub(super) fn new(inner: B, in_flight: InFlight, is_transfer: bool) -> Self {
        in_flight.response_began();
        Self {
            inner,
            in_flight,
            is_transfer,
        }
    }
}

impl<B: Body + Unpin> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        if self.is_transfer {
            // asked for when what came before has left
            self.in_flight.response_began();
        }
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
