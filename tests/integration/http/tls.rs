//! HTTPS.

use super::upload;
use crate::support::chart_builder::ChartBuilder;
use crate::support::process;
use crate::support::raw;
use crate::support::server::TestServer;
use crate::support::tls::TestCa;

#[tokio::test]
async fn everything_works_over_tls() {
    let server = TestServer::options().tls(TestCa::new()).start();
    let http = server.http();
    let chart = ChartBuilder::new("app", "1.0.0").file("noise.bin", super::noise(400_000));
    let package = upload(&http, "/api/charts", &chart).await;
    assert!(http.get("/charts/app-1.0.0.tgz").await.expect(200).body == package);
    assert_eq!(super::indexed(&http, "/index.yaml").await, ["app 1.0.0"]);
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_told_so() {
    let server = TestServer::options().tls(TestCa::new()).start();
    let request = "GET /index.yaml HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = raw::exchange(server.address(), request).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        answer
            .trim_end()
            .ends_with("Client sent an HTTP request to an HTTPS server."),
        "{answer}"
    );
    server.http().get("/health").await.expect(200);
}

#[tokio::test]
async fn protocols_older_than_tls_1_2_are_refused() {
    let server = TestServer::options().tls(TestCa::new()).start();
    for (option, works) in [("-tls1_1", false), ("-tls1_2", true), ("-tls1_3", true)] {
        let mut openssl = std::process::Command::new("openssl");
        openssl.args([
            "s_client",
            "-connect",
            &server.address().to_string(),
            "-brief",
            option,
        ]);
        // old protocols are only offered below security level 1
        openssl.args(["-cipher", "DEFAULT@SECLEVEL=0"]);
        let finished = process::run(openssl, b"", std::time::Duration::from_secs(20));
        assert_eq!(finished.status.success(), works, "{option}: {finished}");
    }
}

#[tokio::test]
async fn http_2_is_spoken_with_who_asks_for_it() {
    let server = TestServer::options().tls(TestCa::new()).start();
    let address = server.address().to_string();
    for (offered, chosen) in [("h2,http/1.1", "h2"), ("http/1.1", "http/1.1")] {
        let arguments = ["s_client", "-connect", &address, "-alpn", offered];
        let mut openssl = std::process::Command::new("openssl");
        openssl.args(arguments);
        let finished = process::run(openssl, b"", std::time::Duration::from_secs(20));
        let said = finished.stdout();
        assert!(
            said.contains(&format!("ALPN protocol: {chosen}\n")),
            "{offered}: {said}"
        );
    }
}

#[tokio::test]
async fn certificates_that_cannot_be_used_stop_the_start() {
    let ca = TestCa::new();
    let (cert, key) = (
        ca.server_cert().display().to_string(),
        ca.server_key().display().to_string(),
    );
    for (cert, key, text) in [
        (
            "missing.pem".to_owned(),
            key.clone(),
            "cannot read missing.pem",
        ),
        (key.clone(), key.clone(), "holds no certificate"),
        (cert.clone(), cert.clone(), "holds no private key"),
    ] {
        let options =
            TestServer::options().args([format!("--tls-cert={cert}"), format!("--tls-key={key}")]);
        let finished = options.run_to_exit();
        assert_eq!(finished.code(), Some(1), "{finished}");
        assert!(finished.stderr().contains(text), "{finished}");
    }
    let alone = TestServer::options()
        .arg(format!("--tls-cert={cert}"))
        .run_to_exit();
    assert_eq!(alone.code(), Some(1), "{alone}");
    assert!(alone.stderr().contains("--tls-key is not"), "{alone}");
}
