//! Memory for uploads: a body that turns out to be large takes memory step by step as it grows, and waits where there is
//! none. Small ones, which nearly all charts are, never wait, so a few slow senders of large bodies cannot hold them up.
//!
//! All large bodies grow from one pool. When it is empty, one of them after the other has its turn: room of its own for
//! as large a body as there may be. So one can always be finished, whatever the others hold.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use crate::listener::{BodyError, ReadDeadline};

/// What is read of a body without a slot: nine charts of ten are smaller. A thousand connections may do that at once.
const SMALL: u64 = 48 * 1024;
/// By how much a body's slot grows.
const STEP: u64 = 256 * 1024;
/// How often a sender's rate is looked at. A connection that pauses for less is not slow.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// The memory for large bodies, and how slowly they may come.
#[derive(Clone, Debug)]
pub struct UploadSlots {
    /// Permits for [`STEP`] bytes each.
    pool: Arc<Semaphore>,
    turn: Arc<Semaphore>,
    /// Bytes a second that a sender with a slot has to send; 0 is any.
    least_rate: u64,
    rate_window: Duration,
}

/// The slot of one upload, once its body needed one. Lives as long as the body is kept in memory.
#[derive(Clone, Debug, Default)]
pub struct Slot(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    steps: Option<OwnedSemaphorePermit>,
    turn: Option<OwnedSemaphorePermit>,
}

/// A request's body that takes a slot when it needs one.
pub struct SlottedBody {
    body: Body,
    slots: UploadSlots,
    slot: Slot,
    received: u64,
    /// What it may grow to.
    room: u64,
    waiting: Option<(Instant, BoxFuture<'static, Grown>)>,
    deadline: ReadDeadline,
    rate: Option<Rate>,
}

/// How a slot grew.
enum Grown {
    Step(OwnedSemaphorePermit),
    Turn(OwnedSemaphorePermit),
}

/// A sender with a slot.
struct Rate {
    /// What had come when the window began.
    received: u64,
    window: Pin<Box<Sleep>>,
}

impl UploadSlots {
    /// Of `memory` bytes, `largest` are for whose turn it is, and the pool has the rest.
    pub fn new(memory: u64, largest: u64, least_rate: u64) -> Self {
        let steps = memory.saturating_sub(largest) / STEP;
        let steps = usize::try_from(steps).unwrap_or(usize::MAX);
        Self {
            pool: Arc::new(Semaphore::new(steps.min(Semaphore::MAX_PERMITS))),
            turn: Arc::new(Semaphore::new(1)),
            least_rate,
            rate_window: RATE_WINDOW,
        }
    }

    /// Makes `body` wait for a slot when it grows large; meanwhile its deadline stands still. The slot is free again when
    /// both values are gone.
    pub fn watch(&self, body: Body, deadline: ReadDeadline) -> (SlottedBody, Slot) {
        let slot = Slot::default();
        let body = SlottedBody {
            body,
            slots: self.clone(),
            slot: slot.clone(),
            received: 0,
            room: SMALL,
            waiting: None,
            deadline,
            rate: None,
        };
        (body, slot)
    }

    /// Another step from the pool, or the turn: whichever comes first.
    async fn grow(self) -> Grown {
        let step = self.pool.acquire_owned();
        let turn = self.turn.acquire_owned();
        tokio::select! {
            biased;
            step = step => Grown::Step(step.expect("the semaphore is never closed")),
            turn = turn => Grown::Turn(turn.expect("the semaphore is never closed")),
        }
    }
}

impl Slot {
    fn add(&self, grown: Grown) -> u64 {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match grown {
            Grown::Step(step) => {
                match &mut held.steps {
                    Some(steps) => steps.merge(step),
                    None => held.steps = Some(step),
                }
                STEP
            }
            Grown::Turn(turn) => {
                held.turn = Some(turn);
                u64::MAX
            }
        }
    }
}

impl SlottedBody {
    /// Ready when there is room for more of the body.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.received > self.room {
            let slots = &self.slots;
            let (since, growing) = self
                .waiting
                .get_or_insert_with(|| (Instant::now(), slots.clone().grow().boxed()));
            let grown = ready!(growing.poll_unpin(cx));
            self.deadline.extend(since.elapsed());
            self.waiting = None;
            self.room = self.room.saturating_add(self.slot.add(grown));
            self.rate = None;
        }
        Poll::Ready(())
    }

    /// Ready when a sender with a slot is too slow.
    fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let least = self.slots.least_rate;
        if least == 0 || self.room == SMALL {
            return Poll::Pending;
        }
        let least_in_window = u128::from(least) * self.slots.rate_window.as_millis();
        loop {
            let rate = self.rate.get_or_insert_with(|| Rate {
                received: self.received,
                window: Box::pin(tokio::time::sleep(self.slots.rate_window)),
            });
            ready!(rate.window.as_mut().poll(cx));
            if u128::from(self.received - rate.received) * 1000 < least_in_window {
                return Poll::Ready(());
            }
            self.rate = None;
        }
    }
}

impl HttpBody for SlottedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        ready!(this.poll_room(cx));
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            ready!(this.poll_too_slow(cx));
            let too_slow = BodyError::TooSlow(this.slots.least_rate);
            return Poll::Ready(Some(Err(axum::Error::new(too_slow))));
        };
        if let Some(Ok(frame)) = &frame {
            this.received += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt as _, stream};
    use http_body_util::BodyExt as _;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// A body in frames of 48 KiB.
    fn body(len: u64) -> Body {
        let frames = (0..len / SMALL).map(|_| Ok::<_, Infallible>(vec![b'x'; SMALL as usize]));
        Body::from_stream(stream::iter(frames))
    }

    async fn read(body: SlottedBody) -> u64 {
        body.collect().await.unwrap().to_bytes().len() as u64
    }

    /// One that has taken all there is for it, and waits.
    async fn stuck(body: &mut SlottedBody) {
        while let Poll::Ready(frame) = futures_util::poll!(std::pin::pin!(body.frame())) {
            assert!(frame.is_some(), "it ended");
        }
    }

    #[tokio::test]
    async fn a_small_body_never_waits() {
        let slots = UploadSlots::new(0, 0, 0);
        let _turn = slots.turn.clone().acquire_owned().await.unwrap();
        let (body, _slot) = slots.watch(body(SMALL), ReadDeadline::default());
        assert_eq!(read(body).await, SMALL);
    }

    #[tokio::test]
    async fn a_large_body_keeps_what_it_took_until_it_is_let_go() {
        let slots = UploadSlots::new(2 * MIB, MIB, 0);
        let (first, slot) = slots.watch(body(MIB), ReadDeadline::default());
        read(first).await;
        assert_eq!(slots.pool.available_permits(), 0);
        drop(slot);
        assert_eq!(slots.pool.available_permits(), 4);
    }

    #[tokio::test]
    async fn a_slow_sender_takes_no_more_than_it_has_sent() {
        let slots = UploadSlots::new(2 * MIB, MIB, 0);
        let (mut slow, _slow_slot) = slots.watch(body(2 * SMALL), ReadDeadline::default());
        slow.frame().await.unwrap().unwrap();
        slow.frame().await.unwrap().unwrap();
        let (honest, _slot) = slots.watch(body(12 * SMALL), ReadDeadline::default());
        assert_eq!(read(honest).await, 12 * SMALL);
    }

    #[tokio::test]
    async fn one_after_the_other_is_finished_when_the_pool_is_empty() {
        let slots = UploadSlots::new(MIB + STEP, MIB, 0);
        let (mut first, first_slot) = slots.watch(body(16 * SMALL), ReadDeadline::default());
        // it has the pool's only step and the turn
        assert_eq!(
            (&mut first).collect().await.unwrap().to_bytes().len(),
            (16 * SMALL) as usize
        );
        let (mut second, _second_slot) = slots.watch(body(16 * SMALL), ReadDeadline::default());
        stuck(&mut second).await;
        drop(first_slot);
        drop(first);
        read(second).await;
    }

    #[tokio::test]
    async fn the_wait_for_a_slot_is_the_senders_to_keep() {
        let slots = UploadSlots::new(0, 0, 0);
        let turn = slots.turn.clone().acquire_owned().await.unwrap();
        let deadline = ReadDeadline::default();
        let (mut body, _slot) = slots.watch(body(MIB), deadline.clone());
        stuck(&mut body).await;
        assert_eq!(deadline.extended(), Duration::ZERO);
        let waited = Instant::now();
        tokio::time::sleep(Duration::from_millis(5)).await;
        let waited = waited.elapsed();
        drop(turn);
        body.collect().await.unwrap();
        assert!(deadline.extended() >= waited);
    }

    #[tokio::test]
    async fn a_sender_with_a_slot_must_send() {
        let mut slots = UploadSlots::new(2 * MIB, MIB, 1000);
        slots.rate_window = Duration::from_millis(20);
        let large = (0..2).map(|_| Ok::<_, Infallible>(vec![b'x'; SMALL as usize]));
        let stalls = stream::iter(large).chain(stream::pending());
        let (body, _slot) = slots.watch(Body::from_stream(stalls), ReadDeadline::default());
        let error = body.collect().await.expect_err("it is too slow");
        let error = error.into_inner().downcast().map(|error| *error);
        assert!(matches!(error, Ok(BodyError::TooSlow(1000))));
    }
}
