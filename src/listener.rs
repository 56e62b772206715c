//! The listener: accepts connections, bounds what each may cost in time and number, and drains them at shutdown.
//!
//! It serves any tower service and knows nothing of what that service answers.
//!
//! Plain connections speak HTTP/1; TLS connections speak HTTP/2 or HTTP/1 as negotiated. Bodies are written from the
//! buffers they come in, without a copy in between, or over plain connections from files that have the same bytes.

mod admission;
mod bind;
mod body;
mod budget;
mod clock;
mod connection;
mod linger;
mod outgoing;
mod pieces;
mod streamed;
mod streams;
#[cfg(test)]
mod tests;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

pub use self::admission::{AddressRange, ClientShare};
pub use self::bind::{BindError, bind};
pub use self::body::{BodyError, ReadDeadline, RequestBody};
pub use self::budget::{Reservation, ResponseBudget};
pub use self::connection::Answer;
pub use self::outgoing::{Outgoing, SharedFile};
pub use self::pieces::Pieces;
pub use self::streamed::{Source, Streamed};
pub use self::tls::{TlsError, tls_acceptor};

use self::admission::Admission;
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

impl ServeLimits {
    /// For a port that is asked for a few bytes now and then, and closed with the program.
    pub fn for_probes() -> Self {
        Self {
            connections: 64,
            read_timeout: Some(Duration::from_secs(5)),
            write_timeout: Some(Duration::from_secs(5)),
            grace: Duration::ZERO,
            ..Self::default()
        }
    }
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

/// How often those who take a place or memory that others wait for are told so.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The address that the other end of the connection has: an extension of every request. What headers claim about it is
/// not trusted (docs/chartmuseum.md 15.21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub SocketAddr);

/// What the connections are told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    /// Go on.
    Open,
    /// Someone waits for a place: connections that are idle should end, the others after their response, and soon.
    Full,
    /// Someone waits for memory: responses that are not taken should end.
    Short,
    /// Finish what is in flight, then end.
    Drain,
    /// End now.
    Cut,
}

/// What is served, and to whom.
pub struct Listening<S> {
    /// Where connections come in.
    pub listener: TcpListener,
    /// HTTPS instead of HTTP.
    pub tls: Option<TlsAcceptor>,
    /// What connections may cost.
    pub limits: ServeLimits,
    /// What one client may have of them.
    pub share: ClientShare,
    /// The memory of all responses, which those who do not take theirs have to give back when others wait for it.
    pub budget: ResponseBudget,
    /// What answers. A function becomes one by [`tower::service_fn`].
    pub service: S,
}

/// Serves connections until `shutdown` completes, then lets what is in flight finish for at most
/// [`ServeLimits::grace`]. Returns how many connections had to be cut after that.
///
/// Requests carry a [`ClientAddress`], a [`ReadDeadline`] and a [`RequestBody`]; those over plain HTTP/1 also an
/// [`Outgoing`].
pub async fn serve<S: Answer>(
    listening: Listening<S>,
    shutdown: impl Future<Output = ()>,
) -> usize {
    let Listening {
        listener,
        tls,
        limits,
        share,
        budget,
        service,
    } = listening;
    let admission = Arc::new(Admission::new(limits.connections, share));
    let signal = watch::Sender::new(Signal::Open);
    let connections = Arc::new(Connections::new(tls, limits, service));
    let memory = async {
        loop {
            budget.is_short().await;
            signal.send_replace(Signal::Short);
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    };
    tokio::select! {
        biased;
        () = shutdown => {}
        () = memory => {}
        () = let_in(&listener, &admission, &signal, &connections) => {}
    }
    drop(listener);
    drain(&admission, &signal, limits).await
}

/// Lets connections in, for ever.
async fn let_in<S: Answer>(
    listener: &TcpListener,
    admission: &Arc<Admission>,
    signal: &watch::Sender<Signal>,
    connections: &Arc<Connections<S>>,
) {
    loop {
        let (stream, client) = accept(listener).await;
        if !admission.admits(client.ip()) {
            continue;
        }
        let place = admission.place(client.ip());
        let mut place = std::pin::pin!(place);
        let place = loop {
            if admission.is_full() {
                signal.send_replace(Signal::Full);
            }
            // who holds a place may have to be told again: it may have become slow meanwhile
            if let Ok(place) = tokio::time::timeout(LOOK_AGAIN, &mut place).await {
                break place;
            }
        };
        let connections = Arc::clone(connections);
        let is_crowded = admission.is_crowded();
        let connection = connections.run(stream, client, is_crowded, signal.subscribe());
        tokio::spawn(async move {
            connection.await;
            drop(place);
        });
    }
}

/// Waits for the connections to end: first on their own, then by force. Every connection's task holds a place.
async fn drain(
    admission: &Admission,
    signal: &watch::Sender<Signal>,
    limits: ServeLimits,
) -> usize {
    signal.send_replace(Signal::Drain);
    if tokio::time::timeout(limits.grace, admission.all_left())
        .await
        .is_ok()
    {
        return 0;
    }
    let cut = admission.taken();
    tracing::warn!(connections = cut, "Connections were cut at shutdown");
    signal.send_replace(Signal::Cut);
    // a task ends at its next poll, which the signal caused: this only waits for the scheduler
    let _ = tokio::time::timeout(Duration::from_secs(1), admission.all_left()).await;
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
