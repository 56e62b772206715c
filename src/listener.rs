//! The listener: accepts connections, bounds what each may cost in time and number, and drains them at shutdown.
//!
//! It serves any tower service and knows nothing of what that service answers.
//!
//! Plain connections speak HTTP/1; TLS connections speak HTTP/2 or HTTP/1 as negotiated. Bodies are written from the
//! buffers they come in, without a copy in between, or over plain connections from files that have the same bytes.

mod bind;
mod body;
mod clock;
mod connection;
mod linger;
mod outgoing;
mod pieces;
#[cfg(test)]
mod tests;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

pub use self::bind::{BindError, bind};
pub use self::body::{BodyError, RequestBody};
pub use self::connection::Answer;
pub use self::outgoing::{Outgoing, SharedFile};
pub use self::pieces::Pieces;
pub use self::tls::{TlsError, tls_acceptor};

use self::connection::Connections;

/// What connections may cost.
#[derive(Clone, Copy, Debug)]
pub struct ServeLimits {
    /// Connections at a time. More wait, and make idle ones end.
    pub connections: usize,
    /// How long a request may take to arrive, body included (`--read-timeout`). `None` is for ever.
    pub read_timeout: Option<Duration>,
    /// How long a response may take to be sent, counted from when the service returned it (`--write-timeout`). `None`
    /// is for ever.
    pub write_timeout: Option<Duration>,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long requests in flight may take to finish once the server is asked to stop.
    pub grace: Duration,
    /// Which requests are large transfers: for these, both timeouts begin anew with each part that moves.
    pub is_transfer: fn(&Uri) -> bool,
}

impl Default for ServeLimits {
    fn default() -> Self {
        let half_a_minute = Duration::from_secs(30);
        Self {
            connections: 1024,
            read_timeout: Some(half_a_minute),
            write_timeout: Some(half_a_minute),
            idle_timeout: half_a_minute,
            handshake_timeout: Duration::from_secs(10),
            grace: half_a_minute,
            is_transfer: |_| false,
        }
    }
}

/// The address that the other end of the connection has: an extension of every request. What headers claim about it is
/// not trusted (docs/chartmuseum.md 15.21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub SocketAddr);

/// What the connections are told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    /// Go on.
    Open,
    /// Someone waits for a slot: connections that are idle should end, the others after their response.
    Full,
    /// Finish what is in flight, then end.
    Drain,
    /// End now.
    Cut,
}

/// Serves connections until `shutdown` completes, then lets what is in flight finish for at most
/// [`ServeLimits::grace`]. Returns how many connections had to be cut after that.
///
/// A function becomes a `service` by [`tower::service_fn`]. Requests carry a [`ClientAddress`] extension and a
/// [`RequestBody`]; those over plain HTTP/1 also an [`Outgoing`].
pub async fn serve<S: Answer>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    limits: ServeLimits,
    service: S,
    shutdown: impl Future<Output = ()>,
) -> usize {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let signal = watch::Sender::new(Signal::Open);
    let connections = Arc::new(Connections::new(tls, limits, service));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let next = async {
            let (stream, client) = accept(&listener).await;
            if slots.available_permits() == 0 {
                signal.send_replace(Signal::Full);
            }
            let slot = Arc::clone(&slots)
                .acquire_owned()
                .await
                .expect("the semaphore is never closed");
            (slot, stream, client)
        };
        let (slot, stream, client) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            next = next => next,
        };
        let connection = Arc::clone(&connections).run(stream, client, signal.subscribe());
        tokio::spawn(async move {
            connection.await;
            drop(slot);
        });
    }
    drop(listener);
    drain(&slots, &signal, limits).await
}

/// Waits for the connections to end: first on their own, then by force. Every connection's task holds a slot.
async fn drain(slots: &Semaphore, signal: &watch::Sender<Signal>, limits: ServeLimits) -> usize {
    signal.send_replace(Signal::Drain);
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(limits.grace, slots.acquire_many(all))
        .await
        .is_ok()
    {
        return 0;
    }
    let cut = limits.connections - slots.available_permits();
    tracing::warn!(connections = cut, "Connections were cut at shutdown");
    signal.send_replace(Signal::Cut);
    // a task ends at its next poll, which the signal caused: this only waits for the scheduler
    let _ = tokio::time::timeout(Duration::from_secs(1), slots.acquire_many(all)).await;
    cut
}

/// The next connection, however long it takes. Running out of file descriptors or memory is waited out: the connections
/// that end give some back.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let mut pause = Duration::from_millis(5);
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(error = %error, "Cannot accept a connection");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
        }
    }
}

/// True if the client went away before it was accepted, which says nothing about the next one.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}
