//! Uploads as the `helm cm-push` plugin sends them (docs/chartmuseum.md 12.1): a form in chunks, without a length.

use super::{add, assert_pulls};
use crate::support::chart_builder::{ChartBuilder, sha256_hex, unsigned_provenance};
use crate::support::form::Form;
use crate::support::helm::{HELMS, Helm};
use crate::support::raw;
use crate::support::server::TestServer;

#[tokio::test]
async fn a_pushed_chart_can_be_pulled_with_every_helm() {
    let server = TestServer::start(&[]);
    // larger than one chunk and one read buffer
    let chart = ChartBuilder::new("app", "1.0.0").file("noise.bin", noise(300_000));
    let package = chart.package();
    let form = Form::new().file("chart", "app-1.0.0.tgz", &package);
    let saved = server
        .http()
        .post_form_chunked("/api/charts", &form)
        .await
        .expect(201);
    assert_eq!(saved.json(), serde_json::json!({ "saved": true }));
    let entry = server
        .http()
        .get("/api/charts/app/1.0.0")
        .await
        .expect(200)
        .json();
    assert_eq!(entry["digest"], serde_json::json!(sha256_hex(&package)));
    for version in HELMS {
        let helm = Helm::new(version);
        add(&helm, &server.url());
        assert_pulls(&helm, &["room/app"], "app-1.0.0.tgz", &package);
    }
}

#[tokio::test]
async fn a_second_push_is_a_conflict_unless_forced() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let chart = ChartBuilder::new("app", "1.0.0");
    let form =
        |chart: &ChartBuilder| Form::new().file("chart", &chart.file_name(), &chart.package());
    http.post_form_chunked("/api/charts", &form(&chart))
        .await
        .expect(201);
    http.post_form_chunked("/api/charts", &form(&chart))
        .await
        .expect_error(409, "chart already exists");
    let changed = chart.file("values.yaml", "greeting: changed\n");
    for force in ["?force", "?force=false"] {
        http.post_form_chunked(&format!("/api/charts{force}"), &form(&changed))
            .await
            .expect(201);
    }
    assert!(http.get("/charts/app-1.0.0.tgz").await.expect(200).body == changed.package());
}

#[tokio::test]
async fn a_push_follows_the_context_path_that_the_index_tells() {
    let server = TestServer::start(&["--context-path=/helm/v1", "--depth=1"]);
    let http = server.http();
    let index = http
        .get("/helm/v1/fleet/index.yaml")
        .await
        .expect(200)
        .json();
    assert_eq!(
        index["serverInfo"]["contextPath"],
        serde_json::json!("/helm/v1")
    );
    let chart = ChartBuilder::new("app", "1.0.0");
    let form = Form::new().file("chart", "app-1.0.0.tgz", &chart.package());
    http.post_form_chunked("/helm/v1/api/fleet/charts", &form)
        .await
        .expect(201);
    http.post_form_chunked("/api/helm/v1/fleet/charts", &form)
        .await
        .expect(404);
    http.get("/helm/v1/fleet/charts/app-1.0.0.tgz")
        .await
        .expect(200);
}

#[tokio::test]
async fn a_refused_push_says_why_in_json() {
    let server = TestServer::start(&["--max-upload-size=20000"]);
    let http = server.http();
    let huge = Form::new().file("chart", "app-1.0.0.tgz", &noise(100_000));
    let refusal = http
        .post_form_chunked("/api/charts", &huge)
        .await
        .expect(413);
    assert!(refusal.json()["error"].is_string(), "{}", refusal.text());
    let broken = Form::new().file("chart", "app-1.0.0.tgz", b"no package");
    let refusal = http
        .post_form_chunked("/api/charts", &broken)
        .await
        .expect(400);
    assert!(refusal.json()["error"].is_string(), "{}", refusal.text());
    let value = Form::new().value("chart", &ChartBuilder::new("app", "1.0.0").package());
    let nothing = "no package or provenance file found in form fields chart and prov";
    http.post_form_chunked("/api/charts", &value)
        .await
        .expect_error(400, nothing);
    assert_eq!(
        http.get("/api/charts").await.expect(200).json(),
        serde_json::json!({})
    );
}

#[tokio::test]
async fn chart_and_provenance_travel_together() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let package = ChartBuilder::new("app", "1.0.0").package();
    let provenance = unsigned_provenance("app", "1.0.0", &package);
    let form = Form::new()
        .file("prov", "x.prov", provenance.as_bytes())
        .file("chart", "x.tgz", &package);
    http.post_form_chunked("/api/charts", &form)
        .await
        .expect(201);
    let served = http.get("/charts/app-1.0.0.tgz.prov").await.expect(200);
    assert_eq!(served.text(), provenance);
    assert_eq!(
        served.header("content-type"),
        Some("application/pgp-signature")
    );
    let bad = Form::new().file(
        "chart",
        "x.tgz",
        &ChartBuilder::new("app", "2.0.0").package(),
    );
    let bad = bad.file("prov", "x.prov", b"not signed");
    http.post_form_chunked("/api/charts", &bad)
        .await
        .expect_error(400, "invalid provenance file");
    http.get("/api/charts/app/2.0.0").await.expect(404);
}

#[tokio::test]
async fn the_exact_bytes_of_a_go_client_are_understood() {
    let server = TestServer::start(&[]);
    let form = Form::new().file(
        "chart",
        "app-1.0.0.tgz",
        &ChartBuilder::new("app", "1.0.0").package(),
    );
    let mut request = format!(
        "POST /api/charts HTTP/1.1\r\nHost: {}\r\nUser-Agent: Go-http-client/1.1\r\nTransfer-Encoding: chunked\r\n\
         Content-Type: {}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n",
        server.address(),
        form.content_type()
    )
    .into_bytes();
    // Go writes the part's header and its content in pieces of their own
    for piece in form.body().chunks(117) {
        request.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        request.extend_from_slice(piece);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    let answer = raw::exchange(server.address(), request).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(answer.contains(r#"{"saved":true}"#), "{answer}");
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}
