//! The probes over real sockets.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

fn loopback(port: u16) -> BindAddress {
    BindAddress {
        host: Some("127.0.0.1".to_owned()),
        port,
    }
}

fn families() -> Arc<ControllerMetrics> {
    Arc::new(ControllerMetrics::new())
}

/// Status line and body of the answer.
async fn ask(address: SocketAddr, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{request} HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.lines().next().unwrap();
    let status = status.strip_prefix("HTTP/1.1 ").unwrap();
    (status.to_owned(), body.to_owned())
}

#[tokio::test]
async fn probes_tell_what_is_missing_and_metrics_stand_apart() {
    let missing = ReadyState::NotYet("Components are being listed".to_owned());
    let (set, readiness) = watch::channel(missing);
    let families = families();
    families.leader(true);
    let (health, scraped) = (loopback(0), loopback(0));
    let probes = bind(Some(&health), Some(&scraped), readiness, families)
        .await
        .unwrap();
    let address = |listener: &Option<TcpListener>| listener.as_ref().unwrap().local_addr().unwrap();
    let (health, scraped) = (address(&probes.health), address(&probes.metrics));
    let serving = tokio::spawn(probes.serve());

    let waiting = "not ready: Components are being listed\n";
    let read_only = "GET is what is answered here\n";
    for (address, request, status, body) in [
        (health, "GET /healthz", "200 OK", "ok\n"),
        (health, "GET /healthz?verbose", "200 OK", "ok\n"),
        (health, "HEAD /healthz", "200 OK", ""),
        (health, "GET /readyz", "503 Service Unavailable", waiting),
        (health, "POST /healthz", "405 Method Not Allowed", read_only),
        (
            health,
            "GET /metrics",
            "404 Not Found",
            "there are /healthz and /readyz\n",
        ),
        (
            scraped,
            "GET /healthz",
            "404 Not Found",
            "there is /metrics\n",
        ),
    ] {
        let answer = ask(address, request).await;
        assert_eq!(answer, (status.to_owned(), body.to_owned()), "{request}");
    }
    let (status, body) = ask(scraped, "GET /metrics").await;
    assert_eq!(status, "200 OK");
    assert!(body.contains("\ncontroller_leader 1\n"), "{body}");

    set.send(ReadyState::Ready).unwrap();
    assert_eq!(ask(health, "GET /readyz").await.0, "200 OK");
    // nobody is left who could say otherwise
    drop(set);
    assert_eq!(ask(health, "GET /readyz").await.0, "200 OK");
    serving.abort();
}

#[tokio::test]
async fn who_says_nothing_is_shown_the_door_and_keeps_nobody_out() {
    let (_set, readiness) = watch::channel(ReadyState::Ready);
    let probes = bind(Some(&loopback(0)), None, readiness, families())
        .await
        .unwrap();
    assert!(probes.metrics.is_none());
    let address = probes.health.as_ref().unwrap().local_addr().unwrap();
    let serving = tokio::spawn(probes.serve());
    let mut silent = TcpStream::connect(address).await.unwrap();
    silent.write_all(b"GET /healthz HT").await.unwrap();
    assert_eq!(ask(address, "GET /healthz").await.0, "200 OK");
    let mut rest = Vec::new();
    let closed = tokio::time::timeout(HEAD * 6, silent.read_to_end(&mut rest)).await;
    closed.expect("it is closed").unwrap();
    serving.abort();
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_with_its_option() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let refusal = async |health: Option<&BindAddress>, metrics: Option<&BindAddress>| {
        let (_set, readiness) = watch::channel(ReadyState::Ready);
        let bound = bind(health, metrics, readiness, families()).await;
        bound.err().expect("the address is taken").to_string()
    };
    assert_eq!(
        refusal(Some(&loopback(port)), None).await,
        format!(
            "cannot listen on 127.0.0.1:{port} (--health-probe-bind-address); set it to another port, or to 0 for none"
        )
    );
    let everywhere = BindAddress { host: None, port };
    assert_eq!(
        refusal(None, Some(&everywhere)).await,
        format!(
            "cannot listen on :{port} (--metrics-bind-address); set it to another port, or to 0 for none"
        )
    );
}
