//! Response bodies: what is ready is handed over as it is, what is long is made while it is sent.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream::BoxStream;
use http_body::{Frame, SizeHint};

use crate::http::serve::{Outgoing, SharedFile};

/// A response body.
pub enum Body {
    /// All of it, or nothing once it is sent.
    Whole(Option<Bytes>),
    /// Pieces that lie ready, and how many bytes of them are left.
    Parts(VecDeque<Bytes>, u64),
    /// Pieces that lie ready, some of them in files too.
    Files(FileParts),
    /// Pieces that are made when they are sent.
    Made(Box<dyn Iterator<Item = Bytes> + Send>),
    /// Pieces that come from storage.
    Read(BoxStream<'static, io::Result<Bytes>>),
}

/// Pieces that lie ready, some of which the connection can send from files.
pub struct FileParts {
    parts: VecDeque<(Bytes, Option<SharedFile>)>,
    left: u64,
    outgoing: Outgoing,
}

impl Body {
    /// No bytes.
    pub fn empty() -> Self {
        Self::Whole(None)
    }

    /// Pieces that lie ready.
    pub fn parts(parts: VecDeque<Bytes>) -> Self {
        let len = parts.iter().map(|part| part.len() as u64).sum();
        Self::Parts(parts, len)
    }

    /// Pieces that lie ready, each with the file that begins with the same bytes if there is one. `outgoing` is of the
    /// connection that this is the response on.
    pub fn files(parts: VecDeque<(Bytes, Option<SharedFile>)>, outgoing: Outgoing) -> Self {
        let left = parts.iter().map(|(part, _)| part.len() as u64).sum();
        Self::Files(FileParts {
            parts,
            left,
            outgoing,
        })
    }
}

impl FileParts {
    fn next(&mut self) -> Option<Bytes> {
        let (part, file) = self.parts.pop_front()?;
        self.left -= part.len() as u64;
        if let Some(file) = file {
            self.outgoing.lie_in_file(&part, &file);
        }
        Some(part)
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::Whole(Some(bytes.into()))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = match self.get_mut() {
            Self::Whole(bytes) => bytes.take().filter(|bytes| !bytes.is_empty()).map(Ok),
            Self::Parts(parts, left) => {
                let part = parts.pop_front();
                *left -= part.as_ref().map_or(0, |part| part.len() as u64);
                part.map(Ok)
            }
            Self::Files(files) => files.next().map(Ok),
            Self::Made(parts) => parts.next().map(Ok),
            Self::Read(stream) => match stream.as_mut().poll_next(cx) {
                Poll::Ready(part) => part,
                Poll::Pending => return Poll::Pending,
            },
        };
        Poll::Ready(next.map(|part| part.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Self::Parts(parts, _) => parts.is_empty(),
            Self::Files(files) => files.parts.is_empty(),
            Self::Made(_) | Self::Read(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Parts(_, left) | Self::Files(FileParts { left, .. }) => {
                SizeHint::with_exact(*left)
            }
            Self::Made(_) | Self::Read(_) => SizeHint::default(),
        }
    }
}
