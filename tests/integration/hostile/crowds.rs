//! More connections than there are places for.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::assert_unharmed;
use crate::support::chart_builder::ChartBuilder;
use crate::support::http::Http;
use crate::support::raw::exchange;
use crate::support::server::TestServer;

/// The server's places, and some more who want one.
const CROWD: usize = 1024 + 40;

/// A test runner's own limit may be the usual 1024.
fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = maximum;
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).expect("the hard limit may be taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_on_every_place_keep_nobody_out_and_probes_have_their_own() {
    raise_descriptors();
    let probes = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        free.local_addr().expect("an address")
    };
    let server = TestServer::start(&[
        &format!("--probe-bind-address={probes}"),
        "--enable-metrics",
        "--read-timeout=600",
    ]);
    let mut slow = Vec::new();
    for _ in 0..CROWD {
        let mut stream = TcpStream::connect(server.address()).await.expect("a port");
        stream
            .write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            .await
            .ok();
        slow.push(stream);
    }
    let probes = Http::new(probes);
    probes.get("/health").await.expect(200);
    probes.get("/readyz").await.expect(200);
    let metrics = probes.get("/metrics").await.expect(200);
    assert!(metrics.text().contains("process_open_fds"));
    probes.get("/index.yaml").await.expect(404);
    // within the patience of any client, and not when the heads have had their ten minutes
    let http = server.http();
    http.get("/health").await.expect(200);
    let package = ChartBuilder::new("app", "1.0.0").package();
    http.post("/api/charts", package).await.expect(201);
    drop(slow);
    assert_unharmed(&server);
}

#[tokio::test]
async fn a_request_names_its_host_exactly_once() {
    let server = TestServer::start(&[]);
    for (what, head, status) in [
        ("no host", "GET /health HTTP/1.1\r\n", "400"),
        (
            "two hosts",
            "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
            "400",
        ),
        ("one host", "GET /health HTTP/1.1\r\nHost: a\r\n", "200"),
        ("an old request without", "GET /health HTTP/1.0\r\n", "200"),
        (
            "an old request with two",
            "GET /health HTTP/1.0\r\nHost: a\r\nHost: b\r\n",
            "400",
        ),
    ] {
        let answer = exchange(server.address(), format!("{head}Connection: close\r\n\r\n")).await;
        assert_eq!(answer.get(9..12), Some(status), "{what}: {answer}");
    }
    assert_unharmed(&server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_with_an_endless_head_in_single_bytes_is_refused_soon() {
    let server = TestServer::start(&["--max-upload-size=20971520"]);
    let chunk = |bytes: &[u8]| {
        let head = format!("{:x}\r\n", bytes.len()).into_bytes();
        [&head, bytes, b"\r\n"].concat()
    };
    let mut stream = TcpStream::connect(server.address()).await.expect("a port");
    let head = "POST /api/charts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\
                Content-Type: multipart/form-data; boundary=B\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("it reads");
    let begin = [b"--B\r\nX: ".to_vec(), vec![b'y'; 18_000_000]].concat();
    stream.write_all(&chunk(&begin)).await.expect("it reads");
    let single = chunk(b"z").repeat(200_000);
    stream.write_all(&single).await.expect("it reads");
    stream.write_all(b"0\r\n\r\n").await.expect("it reads");
    let mut answer = Vec::new();
    let reading = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer);
    // with the square of it this takes minutes
    tokio::time::timeout(Duration::from_secs(60), reading)
        .await
        .expect("an answer")
        .expect("a whole answer");
    assert!(
        answer.starts_with(b"HTTP/1.1 400 "),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert_unharmed(&server);
}
