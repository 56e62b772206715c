//! Closing a connection so that the last response still reaches the client.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::clock::Clock;
use super::outgoing::Outgoing;

/// First byte of every TLS connection: a record of type `handshake`.
pub(super) const TLS_HANDSHAKE: u8 = 0x16;

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
    /// Where a client that begins a TLS session is told of, until the first byte has come.
    plain: Option<Arc<PlainPort>>,
}

/// A port without TLS. That somebody speaks TLS to it is said once: who does will do so again, and sees no more than a
/// broken handshake.
#[derive(Debug, Default)]
pub(super) struct PlainPort {
    was_told: AtomicBool,
}

impl PlainPort {
    fn first_byte(&self, byte: Option<u8>) {
        if byte == Some(TLS_HANDSHAKE) && !self.was_told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                advice = "write http:// in the client, or set --tls-cert and --tls-key here",
                "A client speaks HTTPS to this port, which serves HTTP"
            );
        }
    }
}

impl Lingering {
    pub(super) fn new(stream: TcpStream, clock: Arc<Clock>) -> Self {
        Self {
            stream,
            clock,
            outgoing: Outgoing::default(),
            closed: false,
            plain: None,
        }
    }

    /// The same on a port without TLS.
    pub(super) fn on(self, port: &Arc<PlainPort>) -> Self {
        Self {
            plain: Some(Arc::clone(port)),
            ..self
        }
    }

    /// Tells the clock what became of a write.
    fn tell(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(Ok(bytes)) => self.clock.sent(*bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.clock.is_blocked(),
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
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if let Some(port) = self.plain.take() {
            port.first_byte(buf.filled().get(before).copied());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.tell(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = this.outgoing.poll_write(&mut this.stream, cx, bufs);
        this.tell(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // whoever flushes has written all it had
        self.outgoing.clear();
        self.clock.flushed();
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
