//! Clients that take their time, or all of ours.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{files, upload};
use crate::support::chart_builder::ChartBuilder;
use crate::support::raw::RawConnection;
use crate::support::server::TestServer;

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_408() {
    let server = TestServer::start(&["--read-timeout=1"]);
    for content_type in [
        "application/octet-stream",
        "multipart/form-data; boundary=x",
    ] {
        let mut slow = RawConnection::open(server.address()).await;
        let head = format!(
            "POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: 1000\r\n\r\n"
        );
        slow.send(head).await;
        slow.send("--x").await;
        let answer = slow.read_to_end(DEADLINE).await;
        assert!(
            answer.starts_with("HTTP/1.1 408 "),
            "{content_type}: {answer}"
        );
        assert!(answer.contains("{\"error\":\""), "{content_type}: {answer}");
    }
    assert_eq!(files(server.storage()), [""; 0]);
}

#[tokio::test]
async fn a_head_that_does_not_arrive_in_time_ends_the_connection() {
    let server = TestServer::start(&["--read-timeout=1"]);
    let mut slow = RawConnection::open(server.address()).await;
    slow.send("GET /index.yaml HTTP/1.1\r\nHost:").await;
    let answer = slow.read_to_end(DEADLINE).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408 "),
        "{answer}"
    );
    server.http().get("/health").await.expect(200);
}

#[tokio::test]
async fn a_broken_upload_leaves_nothing_behind() {
    let server = TestServer::start(&[]);
    let package = ChartBuilder::new("app", "1.0.0")
        .file("noise.bin", super::noise(100_000))
        .package();
    for end in [100, 50_000] {
        let mut broken = RawConnection::open(server.address()).await;
        let head = format!(
            "POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
            package.len()
        );
        broken.send(head).await;
        broken.send(&package[..end]).await;
        broken.finish().await;
        let answer = broken.read_to_end(DEADLINE).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
            "{answer}"
        );
    }
    assert_eq!(files(server.storage()), [""; 0]);
    server.http().post("/api/charts", package).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_is_cut_and_others_are_served_meanwhile() {
    let server = TestServer::start(&["--write-timeout=1"]);
    let http = server.http();
    // more than the buffers of both sockets hold
    let mut chart = ChartBuilder::new("large", "1.0.0");
    for part in 0..4 {
        chart = chart.file(&format!("noise-{part}"), super::noise(4 << 20));
    }
    let package = upload(&http, "/api/charts", &chart).await;
    let mut slow = TcpStream::connect(server.address()).expect("a connection");
    slow.write_all(b"GET /charts/large-1.0.0.tgz HTTP/1.1\r\nHost: x\r\n\r\n")
        .expect("an open connection");
    http.get("/index.yaml").await.expect(200);
    assert!(http.get("/charts/large-1.0.0.tgz").await.expect(200).body == package);
    // a server that has closed its end answers what still comes with a reset
    let end = Instant::now() + DEADLINE;
    while slow.write_all(b"x").is_ok() {
        assert!(
            Instant::now() < end,
            "the reader was not cut within {DEADLINE:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut received = Vec::new();
    slow.read_to_end(&mut received).ok();
    assert!(
        received.len() < package.len(),
        "{} bytes came in the end",
        received.len()
    );
    http.get("/health").await.expect(200);
}

#[tokio::test]
async fn many_idle_connections_keep_nobody_out() {
    let server = TestServer::start(&[]);
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(RawConnection::open(server.address()).await);
    }
    server.http().get("/health").await.expect(200);
    drop(idle);
}

#[tokio::test]
async fn connections_are_kept_for_more_than_one_request() {
    let server = TestServer::start(&[]);
    let mut connection = RawConnection::open(server.address()).await;
    for _ in 0..3 {
        connection
            .send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            .await;
        let answer = connection.read_until(b"{\"healthy\":true}", DEADLINE).await;
        assert!(answer.starts_with(b"HTTP/1.1 200 "));
    }
    let old = crate::support::raw::exchange(server.address(), "GET /health HTTP/1.0\r\n\r\n").await;
    assert!(
        old.starts_with("HTTP/1.0 200 ") || old.starts_with("HTTP/1.1 200 "),
        "{old}"
    );
}
