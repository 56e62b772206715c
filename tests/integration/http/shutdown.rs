//! SIGTERM: nothing new, what is in flight to its end, exit code 0.

use std::time::Duration;

use tokio::net::TcpStream;

use super::upload;
use crate::support::chart_builder::{ChartBuilder, sha256_hex};
use crate::support::raw::RawConnection;
use crate::support::server::TestServer;

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_upload_in_flight_is_finished() {
    let mut server = TestServer::start(&["--debug"]);
    let package = ChartBuilder::new("app", "1.0.0")
        .file("noise.bin", super::noise(200_000))
        .package();
    let mut upload = RawConnection::open(server.address()).await;
    let head = format!(
        "POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        package.len()
    );
    upload.send(head).await;
    upload.send(&package[..100_000]).await;
    server
        .eventually("the upload is under way", async || {
            server.log().contains("Incoming request: /api/charts")
        })
        .await;
    server.sigterm();
    server
        .eventually("no new connection is accepted", async || {
            server.log().contains("Stopping") && TcpStream::connect(server.address()).await.is_err()
        })
        .await;
    upload.send(&package[100_000..]).await;
    let answer = upload.read_to_end(DEADLINE).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let status = server.wait();
    assert!(status.success(), "{status}");
    assert_eq!(
        std::fs::read(server.storage().join("app-1.0.0.tgz")).ok(),
        Some(package.clone())
    );
    server.start_again();
    let entry = server
        .http()
        .get("/api/charts/app/1.0.0")
        .await
        .expect(200)
        .json();
    assert_eq!(entry["digest"], sha256_hex(&package));
}

#[tokio::test]
async fn an_idle_connection_does_not_keep_the_server_from_ending() {
    let mut server = TestServer::start(&[]);
    let mut idle = RawConnection::open(server.address()).await;
    idle.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
    idle.read_until(b"{\"healthy\":true}", DEADLINE).await;
    let _never_used = RawConnection::open(server.address()).await;
    let status = server.sigterm_and_wait();
    assert!(status.success(), "{status}");
    assert!(server.log().contains("Stopped"), "{}", server.log());
}

#[tokio::test]
async fn everything_acknowledged_is_there_after_a_restart() {
    let mut server = TestServer::start(&[]);
    for number in 0..10 {
        upload(
            &server.http(),
            "/api/charts",
            &ChartBuilder::new("app", &format!("1.0.{number}")),
        )
        .await;
        if number % 5 == 4 {
            server.restart();
        }
        assert_eq!(
            super::indexed(&server.http(), "/index.yaml").await.len(),
            number + 1
        );
    }
}

#[tokio::test]
async fn interrupt_ends_it_too() {
    let mut server = TestServer::start(&["--debug"]);
    server.http().get("/health").await.expect(200);
    server.interrupt();
    let status = server.wait();
    assert!(status.success(), "{status}");
}
