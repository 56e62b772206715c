//! A response body that is made while it is sent, piece by piece, within the [budget](ResponseBudget).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::task::AtomicWaker;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use super::budget::{Reservation, ResponseBudget};

/// What a body comes from.
pub trait Source: Send + 'static {
    /// The next bytes, at most about `room` of them; none at the end. It may block the thread it is called on.
    ///
    /// # Errors
    /// The rest cannot be made: the response is cut, so that the client sees that it is not whole.
    fn next(&mut self, room: usize) -> io::Result<Vec<u8>>;
}

/// The body. Whatever becomes of the client, a piece that is being made keeps what is reserved for it.
pub struct Streamed<S> {
    state: State<S>,
    budget: ResponseBudget,
    waiting: Arc<Waiting>,
    /// Bytes that are still to come.
    left: u64,
}

enum State<S> {
    /// Between two pieces.
    Resting(S),
    /// Waiting for room and for a thread.
    Queued(S, BoxFuture<'static, (Reservation, OwnedSemaphorePermit)>),
    /// A thread makes a piece.
    Working(JoinHandle<Made<S>>),
    Ended,
}

struct Made<S> {
    source: S,
    reserved: Reservation,
    bytes: io::Result<Vec<u8>>,
}

/// The pieces of one response that are made and not sent.
#[derive(Default)]
struct Waiting {
    pieces: AtomicUsize,
    body: AtomicWaker,
}

impl<S: Source> Streamed<S> {
    /// A body of exactly `len` bytes.
    pub fn new(source: S, len: u64, budget: ResponseBudget) -> Self {
        Self {
            state: State::Resting(source),
            budget,
            waiting: Arc::default(),
            left: len,
        }
    }

    /// Ready when so few pieces wait that another may be made.
    fn poll_sent(&self, cx: &mut Context<'_>, ahead: usize) -> Poll<()> {
        let few = || self.waiting.pieces.load(Ordering::Acquire) < ahead;
        if few() {
            return Poll::Ready(());
        }
        self.waiting.body.register(cx.waker());
        // the last piece may have been sent meanwhile
        if few() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// One step: a piece if it is there, `None` to go on.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Ended => Poll::Ready(Some(Ok(Bytes::new()))),
            State::Resting(source) => {
                let pace = self.budget.pace();
                if self.poll_sent(cx, pace.ahead).is_pending() {
                    self.state = State::Resting(source);
                    return Poll::Pending;
                }
                let piece = usize::try_from(self.left).unwrap_or(usize::MAX);
                let piece = piece.min(pace.piece);
                let budget = self.budget.clone();
                let room = async move { (budget.reserve(piece).await, budget.reader().await) };
                self.state = State::Queued(source, room.boxed());
                Poll::Ready(None)
            }
            State::Queued(source, mut room) => {
                let Poll::Ready((reserved, reader)) = room.poll_unpin(cx) else {
                    self.state = State::Queued(source, room);
                    return Poll::Pending;
                };
                self.state = State::Working(make(source, reserved, reader));
                Poll::Ready(None)
            }
            State::Working(mut made) => {
                let Poll::Ready(result) = made.poll_unpin(cx) else {
                    self.state = State::Working(made);
                    return Poll::Pending;
                };
                let Made {
                    source,
                    reserved,
                    bytes,
                } = result.map_err(io::Error::other)?;
                let piece = self.finish(reserved, bytes)?;
                self.state = State::Resting(source);
                Poll::Ready(Some(Ok(piece)))
            }
        }
    }

    fn finish(&mut self, reserved: Reservation, bytes: io::Result<Vec<u8>>) -> io::Result<Bytes> {
        let mut bytes = bytes?;
        bytes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= bytes.len() as u64;
        self.waiting.pieces.fetch_add(1, Ordering::Relaxed);
        let counted = Counted {
            bytes: reserved.hold(bytes),
            waiting: Arc::clone(&self.waiting),
        };
        Ok(Bytes::from_owner(counted))
    }
}

fn make<S: Source>(
    mut source: S,
    reserved: Reservation,
    reader: OwnedSemaphorePermit,
) -> JoinHandle<Made<S>> {
    let room = reserved.bytes();
    tokio::task::spawn_blocking(move || {
        let bytes = source.next(room);
        drop(reader);
        Made {
            source,
            reserved,
            bytes,
        }
    })
}

impl<S: Source + Unpin> Body for Streamed<S> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            if let Some(piece) = ready!(self.poll_step(cx)) {
                return Poll::Ready(Some(piece.map(Frame::data)));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A piece that tells its body when it was sent.
struct Counted {
    bytes: Bytes,
    waiting: Arc<Waiting>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.waiting.pieces.fetch_sub(1, Ordering::Release);
        self.waiting.body.wake();
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    /// So many bytes, as large as there is room for.
    struct Xs(usize);

    impl Source for Xs {
        fn next(&mut self, room: usize) -> io::Result<Vec<u8>> {
            let len = room.min(self.0);
            self.0 -= len;
            Ok(vec![b'x'; len])
        }
    }

    #[tokio::test]
    async fn a_body_comes_whole_and_gives_everything_back() {
        let budget = ResponseBudget::new(1 << 20);
        let body = Streamed::new(Xs(3 << 20), 3 << 20, budget.clone());
        let mut body = std::pin::pin!(body);
        let mut received = 0;
        while let Some(piece) = body.frame().await {
            let piece = piece.expect("no failure").into_data().expect("data");
            received += piece.len();
            assert!(budget.in_use() <= 1 << 20);
        }
        assert_eq!(received, 3 << 20);
        assert_eq!(budget.in_use(), 0);
    }

    #[tokio::test]
    async fn a_body_that_is_shorter_than_it_said_fails() {
        let budget = ResponseBudget::new(1 << 20);
        let body = Streamed::new(Xs(10), 11, budget);
        assert!(body.collect().await.is_err());
    }

    #[tokio::test]
    async fn pieces_that_nobody_takes_hold_the_body_up() {
        let budget = ResponseBudget::new(8 << 20);
        let mut body = Streamed::new(Xs(8 << 20), 8 << 20, budget.clone());
        let mut taken = Vec::new();
        for _ in 0..2 {
            taken.push(body.frame().await.expect("a piece").expect("no failure"));
        }
        let mut third = std::pin::pin!(body.frame());
        assert!(futures_util::poll!(&mut third).is_pending());
        assert_eq!(budget.in_use(), 2 * (128 << 10));
        taken.pop();
        third.await.expect("a piece").expect("no failure");
    }
}
