//! A response body in pieces that lie ready, in memory or in files too.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::outgoing::{Outgoing, SharedFile};

/// The pieces that are left to be sent.
pub struct Pieces {
    pieces: VecDeque<(Bytes, Option<SharedFile>)>,
    left: u64,
    outgoing: Option<Outgoing>,
}

impl Pieces {
    /// Each piece comes with the file that begins with the same bytes, if there is one. `outgoing` is of the connection
    /// that this is the response on; without it everything is sent from memory.
    pub fn new(
        pieces: impl IntoIterator<Item = (Bytes, Option<SharedFile>)>,
        outgoing: Option<Outgoing>,
    ) -> Self {
        let pieces: VecDeque<_> = pieces.into_iter().collect();
        Self {
            left: pieces.iter().map(|(piece, _)| piece.len() as u64).sum(),
            pieces,
            outgoing,
        }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some((piece, file)) = self.pieces.pop_front() else {
            return Poll::Ready(None);
        };
        self.left -= piece.len() as u64;
        if let (Some(outgoing), Some(file)) = (&self.outgoing, file) {
            outgoing.lie_in_file(&piece, &file);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
