//! Closing a connection so that the last response still reaches the client.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::clock::Clock;
use super::outgoing::Outgoing;

/// How long the client may go on sending after it was told to stop.
const LINGER: Duration = Duration::from_secs(2);

/// A TCP stream that, after it was closed for writing, swallows what the client is still sending of a body that nobody
/// wants. Closing at once would answer those bytes with a reset, and the reset throws away the response (a 401 or 413)
/// that waits in the client's receive buffer.
#[derive(Debug)]
pub(super) struct Lingering {
    stream: TcpStream,
    clock: Arc<Clock>,
    outgoing: Outgoing,
    closed: bool,
}

impl Lingering {
    pub(super) fn new(stream: TcpStream, clock: Arc<Clock>) -> Self {
        Self {
            stream,
            clock,
            outgoing: Outgoing::default(),
            closed: false,
        }
    }

    /// Where to say what can be sent from files.
    pub(super) fn outgoing(&self) -> Outgoing {
        self.outgoing.clone()
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        this.outgoing.poll_write(&mut this.stream, cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // whoever flushes has written all it had
        self.outgoing.clear();
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.closed {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            this.closed = true;
            this.clock.expire_in(Some(LINGER));
        }
        if !this.clock.may_receive_more() {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0; 16 * 1024];
        loop {
            let mut unwanted = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut unwanted))?;
            if unwanted.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
