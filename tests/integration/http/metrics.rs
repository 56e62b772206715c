//! `/metrics`.

use std::time::Duration;

use super::{put_by_hand, upload};
use crate::support::chart_builder::ChartBuilder;
use crate::support::http::Http;
use crate::support::raw::RawConnection;
use crate::support::server::TestServer;

/// The value of the series whose line starts so.
fn value(metrics: &str, series: &str) -> Option<f64> {
    let line = metrics
        .lines()
        .find(|line| line.starts_with(&format!("{series} ")))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

async fn metrics(http: &Http) -> String {
    http.get("/metrics").await.expect(200).text()
}

#[tokio::test]
async fn gauges_follow_the_indexes_of_tenants() {
    let server = TestServer::start(&["--enable-metrics", "--depth=1"]);
    let http = server.http();
    for version in ["1.0.0", "2.0.0"] {
        upload(&http, "/api/a/charts", &ChartBuilder::new("app", version)).await;
    }
    http.get("/b/index.yaml").await.expect(200);
    let text = metrics(&http).await;
    for gauge in [
        "chartmuseum_charts_served_total",
        "chartmuseum_chart_versions_served_total",
    ] {
        assert!(text.contains(&format!("# TYPE {gauge} gauge\n")), "{text}");
    }
    for (series, expected) in [
        ("chartmuseum_charts_served_total{repo=\"a\"}", 1.0),
        ("chartmuseum_chart_versions_served_total{repo=\"a\"}", 2.0),
        ("chartmuseum_charts_served_total{repo=\"b\"}", 0.0),
        ("chartmuseum_chart_versions_served_total{repo=\"b\"}", 0.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series} in {text}");
    }
    http.delete("/api/a/charts/app").await.expect(200);
    assert_eq!(
        value(
            &metrics(&http).await,
            "chartmuseum_charts_served_total{repo=\"a\"}"
        ),
        Some(0.0)
    );
}

#[tokio::test]
async fn requests_are_counted_by_templates_of_paths() {
    let server = TestServer::start(&["--enable-metrics", "--depth=1"]);
    let http = server.http();
    upload(
        &http,
        "/api/org/charts",
        &ChartBuilder::new("charts-repo", "1.0.0+b"),
    )
    .await;
    for path in [
        "/org/index.yaml",
        "/org/index.yaml?a=b",
        "/org/charts/charts-repo-1.0.0+b.tgz",
        "/api/org/charts",
        "/api/org/charts/charts-repo",
        "/api/org/charts/charts-repo/1.0.0+b",
        "/api/org/charts/charts-repo/1.0.0+b/values",
        "/health",
    ] {
        http.get(path).await.expect(200);
    }
    let text = metrics(&http).await;
    let handler = "helm.sh/chartmuseum/pkg/chartmuseum/router.(*Router).rootHandler-fm";
    for (code, method, url, count) in [
        ("200", "GET", "/:repo/index.yaml", 2.0),
        ("200", "GET", "/:repo/charts/:filename", 1.0),
        ("200", "GET", "/api/:repo/charts", 1.0),
        ("201", "POST", "/api/:repo/charts", 1.0),
        ("200", "GET", "/api/:repo/charts/:name", 1.0),
        ("200", "GET", "/api/:repo/charts/:name/:version", 1.0),
        ("200", "GET", "/api/:repo/charts/:name/:version/values", 1.0),
        ("200", "GET", "/health", 1.0),
    ] {
        let url_label = format!("url=\"{url}\"");
        let line = text.lines().find(|line| {
            line.starts_with("chartmuseum_requests_total{")
                && line.contains(&url_label)
                && line.contains(&format!("method=\"{method}\""))
        });
        let line = line.unwrap_or_else(|| panic!("{method} {url} in {text}"));
        assert!(
            line.contains(&format!("code=\"{code}\"")) && line.contains(handler),
            "{line}"
        );
        assert!(line.contains("host="), "{line}");
        assert_eq!(
            line.rsplit_once(' ').map(|(_, count)| count),
            Some(count.to_string().as_str()),
            "{line}"
        );
    }
}

#[tokio::test]
async fn the_root_tenant_has_templates_with_their_slashes() {
    let server = TestServer::start(&["--enable-metrics"]);
    let http = server.http();
    upload(&http, "/api/charts", &ChartBuilder::new("foo", "1.2.3")).await;
    for path in [
        "/",
        "/index.yaml",
        "/charts/foo-1.2.3.tgz",
        "/api/charts/foo/1.2.3",
    ] {
        http.get(path).await.expect(200);
    }
    let text = metrics(&http).await;
    for url in [
        "/",
        "/index.yaml",
        "/charts/:filename",
        "/api/charts",
        "/api/charts/:name/:version",
    ] {
        assert!(text.contains(&format!("url=\"{url}\"")), "{url} in {text}");
    }
    assert_eq!(
        value(&text, "chartmuseum_charts_served_total{repo=\"\"}"),
        Some(1.0),
        "{text}"
    );
}

#[tokio::test]
async fn clients_cannot_invent_series() {
    let server = TestServer::start(&["--enable-metrics", "--depth-dynamic"]);
    let http = server.http();
    http.get("/nothing/of/the/kind").await.expect(404);
    http.get("/charts/missing-1.0.0.tgz").await.expect(404);
    http.get("/api/charts/missing").await.expect(404);
    let request = http
        .request("GET", "/index.yaml?invented=1")
        .header("host", "invented.test");
    request
        .header("x-forwarded-for", "6.6.6.6")
        .send()
        .await
        .expect(200);
    http.request("BREW", "/health").send().await.expect(404);
    http.get("/metrics").await.expect(200);
    let text = metrics(&http).await;
    for invented in [
        "nothing", "missing", "invented", "6.6.6.6", "BREW", "404", "/metrics",
    ] {
        let lines = text.lines().filter(|line| line.starts_with("chartmuseum_"));
        // not the value: a sum of seconds may have these digits
        let series = lines.filter_map(|line| line.rsplit_once(' '));
        assert_eq!(
            series.filter(|(name, _)| name.contains(invented)).count(),
            0,
            "{invented} in {text}"
        );
    }
}

#[tokio::test]
async fn families_have_chartmuseums_names_and_types() {
    let server = TestServer::start(&[
        "--enable-metrics",
        "--context-path=/x",
        "--basic-auth-user=u",
        "--basic-auth-pass=p",
    ]);
    let http = server.http();
    http.get("/x/health").await.expect(200);
    let known = http.clone().with_basic_auth("u", "p");
    known.get("/x/index.yaml").await.expect(200);
    http.get("/x/metrics").await.expect(404);
    let answer = http.get("/metrics").await.expect(200);
    let content_type = answer.header("content-type").unwrap_or_default();
    assert!(
        content_type.starts_with("text/plain; version=0.0.4"),
        "{content_type}"
    );
    let text = answer.text();
    for (name, kind) in [
        ("chartmuseum_charts_served_total", "gauge"),
        ("chartmuseum_chart_versions_served_total", "gauge"),
        ("chartmuseum_requests_total", "counter"),
        ("chartmuseum_request_duration_seconds", "histogram"),
        ("chartmuseum_request_size_bytes", "summary"),
        ("chartmuseum_response_size_bytes", "summary"),
        ("process_resident_memory_bytes", "gauge"),
    ] {
        assert!(
            text.contains(&format!("# TYPE {name} {kind}\n")),
            "{name} in {text}"
        );
    }
    for bound in [
        "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf",
    ] {
        assert!(
            text.contains(&format!("le=\"{bound}\"")),
            "{bound} in {text}"
        );
    }
    for series in [
        "chartmuseum_request_size_bytes_count",
        "chartmuseum_response_size_bytes_sum",
    ] {
        assert!(
            value(&text, series).is_some_and(|value| value >= 1.0),
            "{series} in {text}"
        );
    }
}

#[tokio::test]
async fn a_body_that_is_only_announced_spoils_no_sum() {
    let server = TestServer::start(&["--enable-metrics", "--max-upload-size=1000"]);
    for announced in [1 << 63, u64::MAX - 2] {
        let request =
            format!("GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: {announced}\r\n\r\n");
        let mut connection = RawConnection::open(server.address()).await;
        connection.send(&request).await;
        let answer = connection
            .read_until(b"\r\n", Duration::from_secs(10))
            .await;
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{answer:?}");
    }
    let text = metrics(&server.http()).await;
    let sum = value(&text, "chartmuseum_request_size_bytes_sum").expect("a sum");
    assert!((2000.0..3000.0).contains(&sum), "{sum}");
}

#[tokio::test]
async fn charts_put_into_storage_by_hand_count_too() {
    let server = TestServer::start(&["--enable-metrics"]);
    put_by_hand(
        server.storage(),
        "app-1.0.0.tgz",
        &ChartBuilder::new("app", "1.0.0").package(),
    );
    let http = server.http();
    server
        .eventually("the gauge counts the chart", async || {
            value(
                &metrics(&http).await,
                "chartmuseum_charts_served_total{repo=\"\"}",
            ) == Some(1.0)
        })
        .await;
}
