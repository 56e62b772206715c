//! The bodies of requests and responses, as the listener watches them.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::clock::{Clock, InFlight};

/// Why a request's body ends early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It did not arrive within the read timeout: worth a 408.
    #[error("request body did not arrive within {} s", .0.as_secs_f64())]
    Timeout(Duration),
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
            BodyError::Timeout(_) => io::ErrorKind::TimedOut,
            BodyError::Broken(_) => io::ErrorKind::UnexpectedEof,
        };
        Self::new(kind, error)
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
    limit: Option<(Duration, Instant)>,
    /// Made when the body first has to be waited for.
    timer: Option<Pin<Box<Sleep>>>,
}

impl RequestBody {
    pub(super) fn new(
        inner: Incoming,
        clock: &Arc<Clock>,
        limit: Option<Duration>,
        is_transfer: bool,
    ) -> Self {
        let watch = (!inner.is_end_stream()).then(|| Watch {
            clock: Arc::clone(clock),
            limit: limit.map(|limit| (limit, Instant::now() + limit)),
            timer: None,
        });
        Self {
            inner,
            watch,
            is_transfer,
        }
    }
}

impl Watch {
    fn begin_anew(&mut self) {
        if let Some((limit, deadline)) = &mut self.limit {
            *deadline = Instant::now() + *limit;
            if let Some(timer) = &mut self.timer {
                timer.as_mut().reset(*deadline);
            }
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
            if frame.is_none() {
                this.watch = None;
            }
            if this.is_transfer
                && let Some(watch) = &mut this.watch
            {
                watch.begin_anew();
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)));
        }
        if let Some(Watch {
            limit: Some((limit, deadline)),
            timer,
            ..
        }) = &mut this.watch
        {
            let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(*deadline)));
            if timer.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Some(Err(BodyError::Timeout(*limit))));
            }
        }
        Poll::Pending
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
