//! Memory for uploads: a body that turns out to be large waits for a slot before more of it is read. Small ones, which
//! nearly all charts are, never wait, so a few slow senders of large bodies cannot hold them up.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

/// What is read of a body without a slot. A thousand connections may do that at once.
const SMALL: u64 = 64 * 1024;

/// Slots for large bodies.
#[derive(Clone, Debug)]
pub struct UploadSlots(Arc<Semaphore>);

/// The slot of one upload, once its body needed one. Lives as long as the body is kept in memory.
#[derive(Clone, Debug, Default)]
pub struct Slot(Arc<OnceLock<OwnedSemaphorePermit>>);

/// A request's body that takes a slot when it needs one.
#[derive(Debug)]
pub struct SlottedBody<B> {
    body: B,
    slots: PollSemaphore,
    slot: Slot,
    received: u64,
}

impl UploadSlots {
    /// This many large bodies may be in memory at once.
    pub fn new(slots: usize) -> Self {
        Self(Arc::new(Semaphore::new(slots)))
    }

    /// Makes `body` wait for a slot when it grows large. The slot is free again when both values are gone.
    pub fn watch<B>(&self, body: B) -> (SlottedBody<B>, Slot) {
        let slot = Slot::default();
        let slots = PollSemaphore::new(Arc::clone(&self.0));
        let body = SlottedBody {
            body,
            slots,
            slot: slot.clone(),
            received: 0,
        };
        (body, slot)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for SlottedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.received > SMALL && self.slot.0.get().is_none() {
            let permit =
                ready!(self.slots.poll_acquire(cx)).expect("the semaphore is never closed");
            self.slot.0.set(permit).expect("only this body sets it");
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            self.received += frame.data_ref().map_or(0, |data| data.len() as u64);
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
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    fn body(len: usize) -> impl Body<Data = Bytes, Error = std::convert::Infallible> + Unpin {
        // two frames, so that the second has to be asked for
        let half = Bytes::from(vec![b'x'; len / 2]);
        http_body_util::StreamBody::new(futures_util::stream::iter([
            Ok(Frame::data(half.clone())),
            Ok(Frame::data(half)),
        ]))
    }

    #[tokio::test]
    async fn a_small_body_never_waits() {
        let slots = UploadSlots::new(0);
        let (body, _slot) = slots.watch(Full::new(Bytes::from(vec![b'x'; 64 * 1024])));
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), 64 * 1024);
    }

    #[tokio::test]
    async fn a_large_body_keeps_its_slot_until_it_is_let_go() {
        let slots = UploadSlots::new(1);
        let (first, slot) = slots.watch(body(1024 * 1024));
        first.collect().await.unwrap();
        let (second, _second_slot) = slots.watch(body(1024 * 1024));
        let mut second =
            tokio::spawn(async move { second.collect().await.unwrap().to_bytes().len() });
        tokio::task::yield_now().await;
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(slot);
        assert_eq!(second.await.unwrap(), 1024 * 1024);
    }
}
