//! Clients that ask and do not take the answer, or are gone before it: what they cost has a bound, and others are served.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use super::assert_unharmed;
use super::memory::noise;
use crate::support::chart_builder::ChartBuilder;
use crate::support::http::{Http, Response};
use crate::support::server::TestServer;

const MIB: u64 = 1 << 20;
/// What all answers together may take in these tests.
const BUDGET: &str = "--response-memory=8388608";
/// Beside the budget: what a thousand requests take, and two packages that are being read at the time.
const BESIDE: u64 = 48 * MIB;

/// 20 MB of templates in a package of some 40 KB, and a large file that does not compress.
fn chart() -> ChartBuilder {
    let line = "# lorem ipsum\n".repeat(4900 * 1024 / 14);
    let chart = ChartBuilder::new("big", "1.0.0")
        .without("templates/configmap.yaml")
        .file("noise", noise(3 << 20));
    (0..4).fold(chart, |chart, n| {
        chart.file(&format!("templates/{n}.yaml"), line.as_str())
    })
}

/// Asks and takes nothing: the least that a socket can hold arrives.
async fn ask(address: SocketAddr, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(2048).expect("a TCP socket");
    let mut stream = socket.connect(address).await.expect("the server listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok();
    stream
}

/// The answer, once it comes whole: where all is slow, whoever reads may be taken for one who takes nothing, and asks again.
async fn served(http: &Http, path: &str) -> Response {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = http.request("GET", path).try_send().await;
        match answer {
            Ok(answer) if answer.status != 503 => return answer.expect(200),
            Ok(busy) => assert!(Instant::now() < end, "{path}: {}", busy.status),
            Err(cut) => assert!(Instant::now() < end, "{path}: {cut}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_takes_have_a_bound_and_keep_nobody_out() {
    let server = TestServer::start(&[BUDGET]);
    let http = server.http();
    let package = chart().package();
    http.post("/api/charts", package.clone()).await.expect(201);
    let before = server.memory().peak;
    let mut stuck = Vec::new();
    for n in 0..120 {
        let path = [
            "/api/charts/big/1.0.0/templates",
            "/charts/big-1.0.0.tgz",
            "/api/charts/big/1.0.0/files/templates/3.yaml",
            "/api/charts/big/1.0.0/files/noise",
        ][n % 4];
        stuck.push(ask(server.address(), path).await);
    }
    let other = ChartBuilder::new("other", "1.0.0").package();
    http.post("/api/charts", other.clone()).await.expect(201);
    assert!(served(&http, "/charts/other-1.0.0.tgz").await.body == other);
    assert!(served(&http, "/charts/big-1.0.0.tgz").await.body == package);
    let templates = served(&http, "/api/charts/big/1.0.0/templates").await;
    let templates = templates.json()["templates"].as_array().map(Vec::len);
    assert_eq!(templates, Some(4));
    let peak = server.memory().peak - before;
    println!("120 readers: {} MiB more than before", peak / MIB);
    assert!(peak < 8 * MIB + BESIDE, "{} MiB more", peak / MIB);
    drop(stuck);
    assert_unharmed(&server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_hangs_up_leaves_no_work_and_no_memory_behind() {
    let server = TestServer::start(&[BUDGET]);
    let http = server.http();
    http.post("/api/charts", chart().package())
        .await
        .expect(201);
    let before = server.memory().peak;
    for _ in 0..200 {
        drop(ask(server.address(), "/api/charts/big/1.0.0/templates").await);
    }
    let small = ChartBuilder::new("small", "1.0.0").package();
    http.post("/api/charts", small).await.expect(201);
    let templates = served(&http, "/api/charts/big/1.0.0/templates").await;
    assert!(matches!(templates.json()["templates"], Value::Array(_)));
    let peak = server.memory().peak - before;
    println!("200 that hung up: {} MiB more than before", peak / MIB);
    assert!(peak < 8 * MIB + BESIDE, "{} MiB more", peak / MIB);
    assert_unharmed(&server);
}

#[tokio::test]
async fn an_answer_that_is_made_while_it_is_sent_says_how_long_it_is() {
    let server = TestServer::start(&[]);
    let http = server.http();
    http.post("/api/charts", chart().package())
        .await
        .expect(201);
    for path in ["templates", "files/templates/0.yaml", "files/noise"] {
        let answer = http.get(&format!("/api/charts/big/1.0.0/{path}")).await;
        let answer = answer.expect(200);
        let length = answer.header("content-length").map(str::to_owned);
        assert_eq!(length, Some(answer.body.len().to_string()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_senders_of_large_bodies_hold_up_no_upload() {
    let server = TestServer::start(&["--read-timeout=60"]);
    let mut slow = Vec::new();
    for _ in 0..16 {
        let mut stream = TcpStream::connect(server.address()).await.expect("a port");
        let head = "POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n";
        stream.write_all(head.as_bytes()).await.expect("it reads");
        stream.write_all(&[b'x'; 140_000]).await.expect("it reads");
        slow.push(stream);
    }
    let large = ChartBuilder::new("large", "1.0.0").file("noise", noise(300 << 10));
    let http = server.http();
    http.post("/api/charts", large.package()).await.expect(201);
    for stream in &slow {
        let mut byte = [0];
        let answered = stream.try_read(&mut byte);
        assert!(
            answered.is_err(),
            "a slow sender was answered first: {answered:?}"
        );
    }
    assert_unharmed(&server);
}

#[tokio::test]
async fn a_sender_with_a_slot_that_stalls_is_told_so() {
    let server = TestServer::start(&["--read-timeout=60", "--min-upload-rate=1000"]);
    let mut slow = crate::support::raw::RawConnection::open(server.address()).await;
    slow.send("POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        .await;
    slow.send(vec![b'x'; 140_000]).await;
    let answer = slow.read_to_end(Duration::from_secs(30)).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("--min-upload-rate"), "{answer}");
}
