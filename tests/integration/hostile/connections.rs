//! Clients that are slow on purpose, or that speak no HTTP. Deadlines here only tell a hang from an answer.

use std::time::Duration;

use super::assert_unharmed;
use crate::support::chart_builder::ChartBuilder;
use crate::support::raw::{RawConnection, exchange};
use crate::support::server::TestServer;

const HANG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let server = TestServer::start(&["--read-timeout=1"]);
    let mut slow = Vec::new();
    for n in 0..60 {
        let mut connection = RawConnection::open(server.address()).await;
        connection
            .send(&b"GET /index.yaml HTTP/1.1\r\nHost: x\r\nX-Slow: "[..n % 44])
            .await;
        slow.push(connection);
    }
    server.http().get("/index.yaml").await.expect(200);
    server
        .http()
        .post("/api/charts", ChartBuilder::new("app", "1.0.0").package())
        .await
        .expect(201);
    for mut connection in slow {
        let answer = connection.read_to_end(HANG).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    assert_unharmed(&server);
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut_off_and_others_get_their_turn() {
    let server = TestServer::start(&["--read-timeout=1"]);
    let mut slow = Vec::new();
    for n in 0..8 {
        let framing = if n % 2 == 0 {
            "Content-Length: 1000000"
        } else {
            "Transfer-Encoding: chunked"
        };
        let form = if n % 4 < 2 {
            "Content-Type: multipart/form-data; boundary=b\r\n"
        } else {
            ""
        };
        let mut connection = RawConnection::open(server.address()).await;
        connection
            .send(format!(
                "POST /api/charts HTTP/1.1\r\nHost: x\r\n{form}{framing}\r\n\r\n3\r\nabc\r\n"
            ))
            .await;
        slow.push(connection);
    }
    server.http().get("/index.yaml").await.expect(200);
    for mut connection in slow {
        let answer = connection.read_to_end(HANG).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains(r#"{"error":"#), "{answer}");
    }
    server
        .http()
        .post("/api/charts", ChartBuilder::new("app", "1.0.0").package())
        .await
        .expect(201);
    assert_unharmed(&server);
}

#[tokio::test]
async fn a_body_that_breaks_off_stores_nothing() {
    let server = TestServer::start(&[]);
    let package = ChartBuilder::new("app", "1.0.0").package();
    for cut in [0, 1, package.len() / 2, package.len() - 1] {
        let mut connection = RawConnection::open(server.address()).await;
        let head = format!(
            "POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
            package.len()
        );
        connection
            .send([head.as_bytes(), &package[..cut]].concat())
            .await;
        connection.finish().await;
        let answer = connection.read_to_end(HANG).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
    }
    assert_eq!(server.stored(), [""; 0]);
    assert_unharmed(&server);
}

#[tokio::test]
async fn requests_that_are_none_are_refused() {
    let server = TestServer::start(&[]);
    let million = "a".repeat(1_000_000);
    let headers: String = (0..50_000).map(|n| format!("x-{n}: {n}\r\n")).collect();
    let smuggled = "POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: x\r\n\r\n";
    let requests = [
        ("a million bytes of header", format!("GET /index.yaml HTTP/1.1\r\nHost: x\r\nX-Long: {million}\r\n\r\n")),
        ("a million bytes of path", format!("GET /{million} HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("a million bytes of method", format!("{million} / HTTP/1.1\r\nHost: x\r\n\r\n")),
        ("fifty thousand headers", format!("GET /index.yaml HTTP/1.1\r\nHost: x\r\n{headers}\r\n")),
        ("no HTTP", "hello\r\n\r\n".to_owned()),
        ("binary", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}".repeat(100)),
        ("a negative length", "POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_owned()),
        ("two lengths", "POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab".to_owned()),
        ("a length beyond all numbers", "POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n".to_owned()),
        ("a length of exabytes", "POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999999999999\r\nConnection: close\r\n\r\n".to_owned()),
        ("a chunk that is none", "POST /api/charts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nxyz\r\n".to_owned()),
        ("a chunk of exabytes", "POST /api/charts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nffffffffffffffff\r\n".to_owned()),
        ("a boundary of a kilobyte", format!("POST /api/charts HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary={}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n--", "b".repeat(1000))),
    ];
    for (what, request) in requests {
        let mut connection = RawConnection::open(server.address()).await;
        connection.send(request).await;
        connection.finish().await;
        let answer = connection.read_to_end(HANG).await;
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused, "{what}: {}", &answer[..answer.len().min(500)]);
    }
    let answer = exchange(
        server.address(),
        format!("{smuggled}GET /index.yaml HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    server.http().get("/index.yaml").await.expect(200);
    assert_unharmed(&server);
}
