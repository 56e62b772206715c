use std::convert::Infallible;
use std::future::pending;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::{Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tower::service_fn;

use super::*;

type AnyBody = UnsyncBoxBody<Bytes, Infallible>;

fn text(text: impl Into<Bytes>) -> AnyBody {
    Full::new(text.into()).boxed_unsync()
}

/// Far longer than anything here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    address: SocketAddr,
    budget: ResponseBudget,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<usize>,
}

impl Server {
    async fn start(limits: ServeLimits, tls: Option<TlsAcceptor>) -> Self {
        let listener = bind("127.0.0.1", 0).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let budget = ResponseBudget::new(0);
        let listening = Listening {
            listener,
            tls,
            limits,
            share: ClientShare::default(),
            budget: budget.clone(),
            service: service_fn(respond),
        };
        let ended = tokio::spawn(serve(listening, shutdown));
        Self {
            address,
            budget,
            stop,
            ended,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address)
            .await
            .expect("the server listens")
    }

    async fn stop(self) -> usize {
        let _ = self.stop.send(());
        soon(self.ended).await.expect("the server does not panic")
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("this should not take so long")
}

async fn respond(request: Request<RequestBody>) -> Result<Response<AnyBody>, Infallible> {
    let client = request
        .extensions()
        .get::<ClientAddress>()
        .expect("every request has one")
        .0;
    let path = request.uri().path().to_owned();
    let (status, body) = match path.as_str() {
        "/client" => (StatusCode::OK, text(client.to_string())),
        "/version" => (StatusCode::OK, text(format!("{:?}", request.version()))),
        "/files" => {
            let outgoing = request.extensions().get::<Outgoing>();
            (StatusCode::OK, text(outgoing.is_some().to_string()))
        }
        "/length" => match request.into_body().collect().await {
            Ok(body) => (StatusCode::OK, text(body.to_bytes().len().to_string())),
            Err(timeout @ BodyError::Timeout(_)) => {
                (StatusCode::REQUEST_TIMEOUT, text(timeout.to_string()))
            }
            Err(BodyError::TooSlow(_) | BodyError::Broken(_)) => {
                (StatusCode::BAD_REQUEST, text(""))
            }
        },
        "/refuse" => (StatusCode::UNAUTHORIZED, text("refused")),
        "/endless" => {
            let page = Bytes::from(vec![b'x'; 64 * 1024]);
            (
                StatusCode::OK,
                StreamBody::new(stream::repeat_with(move || Ok(Frame::data(page.clone()))))
                    .boxed_unsync(),
            )
        }
        "/never" => pending().await,
        _ => (StatusCode::OK, text("ok")),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    Ok(response)
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), text: &str) {
    soon(stream.write_all(text.as_bytes()))
        .await
        .expect("the server reads");
}

async fn get(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), path: &str) -> String {
    send(stream, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    response(stream).await
}

/// One response that has a `Content-Length`: status line, a space, body.
async fn response(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon(stream.read_u8()).await.expect("a response"));
    }
    let head = String::from_utf8(head).expect("ASCII").to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    soon(stream.read_exact(&mut body)).await.expect("a body");
    format!("{} {}", &head[9..12], String::from_utf8_lossy(&body))
}

async fn is_closed(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    soon(stream.read_u8()).await.is_err()
}

fn short(change: impl FnOnce(&mut ServeLimits)) -> ServeLimits {
    let mut limits = ServeLimits {
        grace: PATIENCE,
        ..ServeLimits::default()
    };
    change(&mut limits);
    limits
}

const A_MOMENT: Duration = Duration::from_millis(80);

#[tokio::test]
async fn requests_follow_each_other_on_one_connection() {
    let server = Server::start(ServeLimits::default(), None).await;
    let mut stream = server.connect().await;
    let own = stream.local_addr().expect("an address");
    assert_eq!(get(&mut stream, "/client").await, format!("200 {own}"));
    assert_eq!(get(&mut stream, "/version").await, "200 HTTP/1.1");
    assert_eq!(get(&mut stream, "/files").await, "200 true");
    send(
        &mut stream,
        "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    )
    .await;
    assert_eq!(response(&mut stream).await, "200 5");
    let chunked = "POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    send(&mut stream, chunked).await;
    assert_eq!(response(&mut stream).await, "200 7");
    assert_eq!(server.stop().await, 0);
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let server = Server::start(short(|limits| limits.read_timeout = Some(A_MOMENT)), None).await;
    let mut silent = server.connect().await;
    let mut half = server.connect().await;
    send(&mut half, "GET / HTTP/1.1\r\nHo").await;
    assert!(is_closed(&mut silent).await);
    assert!(is_closed(&mut half).await);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = Server::start(short(|limits| limits.idle_timeout = A_MOMENT), None).await;
    let mut stream = server.connect().await;
    assert_eq!(get(&mut stream, "/").await, "200 ok");
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_an_error_the_handler_can_tell() {
    let server = Server::start(short(|limits| limits.read_timeout = Some(A_MOMENT)), None).await;
    let mut stream = server.connect().await;
    send(
        &mut stream,
        "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhell",
    )
    .await;
    assert_eq!(
        response(&mut stream).await,
        "408 request body did not arrive within 0.08 s"
    );
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut() {
    let limits = short(|limits| limits.write_timeout = Some(A_MOMENT));
    let server = Server::start(
        ServeLimits {
            connections: 1,
            ..limits
        },
        None,
    )
    .await;
    let mut stuck = server.connect().await;
    send(&mut stuck, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await;
    // there is room for one connection only, so this answer means that the other one is gone
    let mut next = server.connect().await;
    assert_eq!(get(&mut next, "/").await, "200 ok");
}

#[tokio::test]
async fn a_response_that_takes_too_long_is_cut() {
    let server = Server::start(short(|limits| limits.write_timeout = Some(A_MOMENT)), None).await;
    let mut reader = server.connect().await;
    send(&mut reader, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut buffer = vec![0; 64 * 1024];
    let read_on = async { while matches!(reader.read(&mut buffer).await, Ok(1..)) {} };
    soon(read_on).await;
}

#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let server = Server::start(ServeLimits::default(), None).await;
    let mut stream = server.connect().await;
    let body = vec![0; 8 << 20];
    send(
        &mut stream,
        &format!(
            "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ),
    )
    .await;
    let _ = soon(stream.write_all(&body)).await;
    assert_eq!(response(&mut stream).await, "401 refused");
}

#[tokio::test]
async fn idle_connections_make_room_when_there_are_too_many() {
    let server = Server::start(short(|limits| limits.connections = 1), None).await;
    let mut first = server.connect().await;
    assert_eq!(get(&mut first, "/").await, "200 ok");
    let mut second = server.connect().await;
    let mut third = server.connect().await;
    assert_eq!(get(&mut second, "/").await, "200 ok");
    assert!(is_closed(&mut first).await);
    assert_eq!(get(&mut third, "/").await, "200 ok");
}

#[tokio::test]
async fn shutdown_finishes_what_is_in_flight_and_closes_what_is_idle() {
    let server = Server::start(ServeLimits::default(), None).await;
    let mut fresh = server.connect().await;
    let mut idle = server.connect().await;
    assert_eq!(get(&mut idle, "/").await, "200 ok");
    let mut busy = server.connect().await;
    send(
        &mut busy,
        "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n",
    )
    .await;
    let mut go_on = [0; 25];
    soon(busy.read_exact(&mut go_on))
        .await
        .expect("the handler waits for the body");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");

    let address = server.address;
    let stopped = tokio::spawn(server.stop());
    assert!(is_closed(&mut idle).await);
    assert!(is_closed(&mut fresh).await);
    assert!(
        TcpStream::connect(address).await.is_err(),
        "nobody listens any more"
    );
    send(&mut busy, "body").await;
    assert_eq!(response(&mut busy).await, "200 4");
    assert!(is_closed(&mut busy).await);
    assert_eq!(soon(stopped).await.expect("no panic"), 0);
}

#[tokio::test]
async fn what_does_not_finish_within_the_grace_is_cut() {
    let server = Server::start(short(|limits| limits.grace = A_MOMENT), None).await;
    let mut stream = server.connect().await;
    assert_eq!(get(&mut stream, "/").await, "200 ok");
    send(&mut stream, "GET /never HTTP/1.1\r\nHost: x\r\n\r\nGET").await;
    let mut probe = server.connect().await;
    assert_eq!(get(&mut probe, "/").await, "200 ok");
    assert_eq!(server.stop().await, 1);
    assert!(is_closed(&mut stream).await);
}

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/listener/testdata")
        .join(name)
}

fn acceptor() -> TlsAcceptor {
    tls_acceptor(&testdata("localhost.crt"), &testdata("localhost.key")).expect("they fit")
}

async fn connect_tls(server: &Server, protocol: &[u8]) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let certificate =
        CertificateDer::from_pem_file(testdata("localhost.crt")).expect("a certificate");
    roots.add(certificate).expect("a certificate");
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = TlsConnector::from(Arc::new(config));
    soon(connector.connect(name, server.connect().await))
        .await
        .expect("a handshake")
}

#[tokio::test]
async fn tls_speaks_http_1_and_2() {
    let server = Server::start(ServeLimits::default(), Some(acceptor())).await;
    let mut stream = connect_tls(&server, b"http/1.1").await;
    assert_eq!(get(&mut stream, "/version").await, "200 HTTP/1.1");
    assert_eq!(get(&mut stream, "/files").await, "200 false");

    let stream = connect_tls(&server, b"h2").await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let exec = hyper_util::rt::TokioExecutor::new();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut client, connection) = soon(hyper::client::conn::http2::handshake(exec, io))
        .await
        .expect("a preface");
    let connection = tokio::spawn(connection);
    for _ in 0..2 {
        let request = Request::get("https://localhost/version")
            .body(text(""))
            .expect("a request");
        let response = soon(client.send_request(request))
            .await
            .expect("a response");
        let body = soon(response.into_body().collect())
            .await
            .expect("a body")
            .to_bytes();
        assert_eq!(body, "HTTP/2.0");
    }
    assert_eq!(server.stop().await, 0);
    let _ = soon(connection).await;
}

#[tokio::test]
async fn a_stream_that_is_not_taken_is_reset_and_the_others_go_on() {
    let limits = short(|limits| limits.write_timeout = Some(A_MOMENT));
    let server = Server::start(limits, Some(acceptor())).await;
    let stream = connect_tls(&server, b"h2").await;
    let exec = hyper_util::rt::TokioExecutor::new();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut client, connection) = soon(hyper::client::conn::http2::handshake(exec, io))
        .await
        .expect("a preface");
    tokio::spawn(connection);
    let get = |path: &str| {
        Request::get(format!("https://localhost{path}"))
            .body(text(""))
            .expect("a request")
    };
    let stuck = soon(client.send_request(get("/endless"))).await;
    let mut stuck = stuck.expect("a response").into_body();
    // more requests on the connection give the first one no more time
    let end = tokio::time::Instant::now() + 4 * A_MOMENT;
    while tokio::time::Instant::now() < end {
        let answer = soon(client.send_request(get("/"))).await;
        answer.expect("a response");
    }
    while let Some(Ok(_)) = soon(stuck.frame()).await {}
    let answer = soon(client.send_request(get("/"))).await;
    assert_eq!(answer.expect("a response").status(), StatusCode::OK);
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut_when_others_wait_for_its_memory() {
    let server = Server::start(ServeLimits::default(), None).await;
    let mut stuck = server.connect().await;
    send(&mut stuck, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let _all = soon(server.budget.reserve(usize::MAX)).await;
    let waiting = server.budget.clone();
    let waiting = tokio::spawn(async move { waiting.reserve(1).await });
    let mut buffer = vec![0; 64 * 1024];
    // what lies in the sockets is read slowly enough to be no progress: it ends all the same
    let read_on = async {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            if !matches!(stuck.read(&mut buffer[..100]).await, Ok(1..)) {
                break;
            }
            if stuck.write_all(b"x").await.is_err() {
                break;
            }
        }
    };
    soon(read_on).await;
    waiting.abort();
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_told_so() {
    let server = Server::start(ServeLimits::default(), Some(acceptor())).await;
    let mut stream = server.connect().await;
    let answer = get(&mut stream, "/").await;
    assert_eq!(
        answer,
        "400 Client sent an HTTP request to an HTTPS server.\n"
    );
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_handshake_that_does_not_come_ends_the_connection() {
    let limits = short(|limits| limits.handshake_timeout = A_MOMENT);
    let server = Server::start(limits, Some(acceptor())).await;
    let mut silent = server.connect().await;
    let mut half = server.connect().await;
    soon(half.write_all(&[0x16, 3, 1]))
        .await
        .expect("the server reads");
    assert!(is_closed(&mut silent).await);
    assert!(is_closed(&mut half).await);
}

#[test]
fn tls_files_that_cannot_be_used_are_named() {
    let (certificate, key) = (testdata("localhost.crt"), testdata("localhost.key"));
    let missing = testdata("missing.pem");
    for (certificate, key, expected) in [
        (&missing, &key, "cannot read "),
        (&certificate, &missing, "cannot read "),
        (&key, &key, "holds no certificate"),
        (&certificate, &certificate, "holds no private key"),
    ] {
        let error = tls_acceptor(certificate, key)
            .err()
            .expect(expected)
            .to_string();
        assert!(error.contains(expected), "{error}");
        assert!(
            error.contains(".pem") || error.contains("localhost."),
            "{error}"
        );
    }
}
