//! One connection from its first byte to its last.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::{Service, ServiceExt as _};

use super::body::{ReadDeadline, RequestBody, ResponseBody};
use super::clock::{Clock, InFlight};
use super::linger::{Lingering, PlainPort, TLS_HANDSHAKE};
use super::outgoing::Outgoing;
use super::streams::Streams;
use super::{ClientAddress, ServeLimits, Signal};

/// Bytes of a request's line and headers, and of what is read of a body ahead of whoever takes it. A thousand clients may
/// make the server keep that much each.
const MAX_HEAD: usize = 32 * 1024;

/// The same over HTTP/2, where many heads may wait on one connection.
const MAX_HEAD_OF_STREAM: u32 = 16 * 1024;

/// Requests at a time on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;

/// Bytes of one HTTP/2 response that are handed over before the peer has room for them.
const MAX_AHEAD: usize = 16 * 1024;

/// Bytes of request bodies that an HTTP/2 peer may send ahead of whoever reads them: the protocol's own default.
const WINDOW: u32 = 64 * 1024 - 1;

/// What a browser or `curl` sees that speaks plain HTTP to the TLS port (docs/chartmuseum.md 1.3).
const NOT_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 48\r\n\
Connection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// What all connections have in common.
pub(super) struct Connections<S> {
    tls: Option<TlsAcceptor>,
    plain: Arc<PlainPort>,
    limits: ServeLimits,
    http1: http1::Builder,
    service: S,
}

/// What the listener needs of a service; every [`Service`] with these bounds is one.
pub trait Answer: Clone + Send + Sync + 'static {
    /// The body of its responses.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static;

    /// Answers one request.
    fn answer(
        self,
        request: Request<RequestBody>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

impl<S, B> Answer for S
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Body = B;

    async fn answer(self, request: Request<RequestBody>) -> Response<B> {
        match self.oneshot(request).await {
            Ok(response) => response,
        }
    }
}

impl<S: Answer> Connections<S> {
    pub(super) fn new(tls: Option<TlsAcceptor>, limits: ServeLimits, service: S) -> Self {
        let mut http1 = http1::Builder::new();
        // the connection's clock watches the head too, without a timer per request
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .max_header_size(MAX_HEAD)
            .max_buf_size(MAX_HEAD);
        Self {
            tls,
            plain: Arc::default(),
            limits,
            http1,
            service,
        }
    }

    /// Serves one connection until either side ends it, its clock expires, or the signal says so.
    pub(super) async fn run(
        self: Arc<Self>,
        stream: TcpStream,
        client: SocketAddr,
        is_crowded: bool,
        mut signal: watch::Receiver<Signal>,
    ) {
        if stream.set_nodelay(true).is_err() {
            return; // the client is gone
        }
        let clock = Clock::start(self.limits);
        if is_crowded {
            clock.head_is_due();
        }
        let Some(tls) = &self.tls else {
            let stream = Lingering::new(stream, Arc::clone(&clock)).on(&self.plain);
            let outgoing = Some(stream.outgoing());
            return self
                .run_http1(stream, client, &clock, outgoing, signal)
                .await;
        };
        let handshake = tokio::time::timeout(
            self.limits.handshake_timeout,
            handshake(tls, stream, &clock),
        );
        let stream = tokio::select! {
            biased;
            () = ending(&mut signal) => return,
            stream = handshake => stream,
        };
        let Ok(Some(stream)) = stream else { return };
        clock.expire_in(self.limits.read_timeout);
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.run_http2(stream, client, &clock, signal).await;
        } else {
            self.run_http1(stream, client, &clock, None, signal).await;
        }
    }

    async fn run_http1<I>(
        &self,
        stream: I,
        client: SocketAddr,
        clock: &Arc<Clock>,
        outgoing: Option<Outgoing>,
        signal: watch::Receiver<Signal>,
    ) where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let service = service_fn(|request| {
            let in_flight = clock.request_began();
            self.answer(request, client, in_flight, outgoing.clone())
        });
        let connection = self.http1.serve_connection(TokioIo::new(stream), service);
        watch(
            connection,
            http1::Connection::graceful_shutdown,
            clock,
            signal,
        )
        .await;
    }

    async fn run_http2<I>(
        &self,
        stream: I,
        client: SocketAddr,
        clock: &Arc<Clock>,
        signal: watch::Receiver<Signal>,
    ) where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        clock.multiplex();
        let streams = Streams::new(self.limits.write_timeout);
        let service = service_fn(|request| {
            let in_flight = clock.request_began();
            streams.next_ends_with(in_flight.end_of_stream());
            self.answer(request, client, in_flight, None)
        });
        let mut http2 = http2::Builder::new(streams.clone());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD_OF_STREAM)
            .max_send_buf_size(MAX_AHEAD)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW);
        let connection = http2.serve_connection(TokioIo::new(stream), service);
        watch(
            connection,
            http2::Connection::graceful_shutdown,
            clock,
            signal,
        )
        .await;
    }

    /// Asks the service, and tells the clock of the request's stages.
    fn answer(
        &self,
        request: Request<Incoming>,
        client: SocketAddr,
        in_flight: InFlight,
        outgoing: Option<Outgoing>,
    ) -> impl Future<Output = Result<Response<ResponseBody<S::Body>>, Infallible>> + Send + use<S>
    {
        let deadline = ReadDeadline::default();
        let limit = self.limits.read_timeout;
        let clock = in_flight.clock();
        let is_transfer = (self.limits.is_transfer)(request.uri());
        let mut request =
            request.map(|body| RequestBody::new(body, clock, limit, &deadline, is_transfer));
        request.extensions_mut().insert(ClientAddress(client));
        request.extensions_mut().insert(deadline);
        if let Some(outgoing) = outgoing {
            request.extensions_mut().insert(outgoing);
        }
        let answer = self.service.clone().answer(request);
        async move {
            let mut response = answer.await;
            if in_flight.is_last() {
                response
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response.map(|body| ResponseBody::new(body, in_flight, is_transfer)))
        }
    }
}

/// The TLS session; `None` if the client does not want one.
async fn handshake(
    tls: &TlsAcceptor,
    stream: TcpStream,
    clock: &Arc<Clock>,
) -> Option<TlsStream<Lingering>> {
    let mut first = [0];
    if stream.peek(&mut first).await.ok()? == 0 {
        return None;
    }
    let mut stream = Lingering::new(stream, Arc::clone(clock));
    if first[0] != TLS_HANDSHAKE {
        stream.write_all(NOT_TLS).await.ok()?;
        // its request was never read
        clock.body_left_unread();
        stream.shutdown().await.ok()?;
        return None;
    }
    match tls.accept(stream).await {
        Ok(stream) => Some(stream),
        Err(error) => {
            tracing::debug!(error = %error, "TLS handshake failed");
            None
        }
    }
}

/// Drives a connection to its end. It is dropped, and so cut, when its clock expires.
async fn watch<C>(
    connection: C,
    end: fn(Pin<&mut C>),
    clock: &Clock,
    mut signal: watch::Receiver<Signal>,
) where
    C: Future<Output = hyper::Result<()>>,
{
    let mut connection = std::pin::pin!(connection);
    let mut expired = std::pin::pin!(clock.expired());
    loop {
        let signal = tokio::select! {
            biased;
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(error = %error, "Connection ended early");
                }
                return;
            }
            signal = next(&mut signal) => signal,
            () = &mut expired => {
                tracing::debug!("Connection cut: its peer took too long");
                return;
            }
        };
        match signal {
            Signal::Cut => return,
            Signal::Drain => end(connection.as_mut()),
            Signal::Full => {
                clock.others_wait();
                // to end a connection now that has not asked yet would lose the request that is on its way
                if clock.was_asked() {
                    end(connection.as_mut());
                }
            }
            Signal::Short => clock.hurry(),
            Signal::Open => {}
        }
    }
}

/// The next change of the signal.
async fn next(signal: &mut watch::Receiver<Signal>) -> Signal {
    match signal.changed().await {
        Ok(()) => *signal.borrow_and_update(),
        // the server's own future was dropped: nobody is left to say more
        Err(_) => Signal::Cut,
    }
}

/// Completes when the server wants to stop.
async fn ending(signal: &mut watch::Receiver<Signal>) {
    while !matches!(next(signal).await, Signal::Drain | Signal::Cut) {}
}
