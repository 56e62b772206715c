//! Validators and compression: nothing that a Helm client could stumble over, everything that a cache needs.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::{put_by_hand, upload};
use crate::support::chart_builder::{ChartBuilder, sha256_hex};
use crate::support::http::{Http, Response};
use crate::support::server::TestServer;

#[tokio::test]
async fn an_index_that_a_client_knows_is_not_sent_again() {
    for format in ["--json-index=true", "--json-index=false"] {
        let server = TestServer::start(&[format]);
        let http = server.http();
        upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
        let index = http.get("/index.yaml").await.expect(200);
        let etag = index.header("etag").expect("an ETag").to_owned();
        assert_eq!(index.header("cache-control"), Some("no-cache"));
        for known in [
            etag.clone(),
            format!("W/{etag}"),
            format!("\"x\", {etag}"),
            "*".to_owned(),
        ] {
            let answer = if_none_match(&http, "/index.yaml", &known)
                .await
                .expect(304);
            assert!(answer.body.is_empty(), "{known}");
            assert_eq!(answer.header("etag"), Some(etag.as_str()));
        }
        if_none_match(&http, "/index.yaml", "\"other\"")
            .await
            .expect(200);
        upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.1")).await;
        let changed = if_none_match(&http, "/index.yaml", &etag).await.expect(200);
        assert_ne!(changed.header("etag"), Some(etag.as_str()));
        http.delete("/api/charts/app/1.0.1").await.expect(200);
        // the same bytes may have the same tag, other bytes may not
        let back = http.get("/index.yaml").await.expect(200);
        assert_ne!(back.header("etag"), changed.header("etag"));
        assert_eq!(
            back.header("etag") == Some(&etag),
            back.body == index.body,
            "{format}"
        );
    }
}

#[tokio::test]
async fn the_index_is_compressed_only_for_who_asks() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for charts in [0, 1, 40] {
        for number in 0..charts {
            let name = format!("chart-{number}-of-{charts}");
            upload(&http, "/api/charts", &ChartBuilder::new(&name, "1.0.0")).await;
        }
        let plain = http.get("/index.yaml").await.expect(200);
        assert_eq!(plain.header("content-encoding"), None);
        assert_eq!(plain.header("vary"), Some("Accept-Encoding"));
        for accepted in ["gzip", "deflate, gzip;q=0.5", "GZIP"] {
            let answer = accepting(&http, "/index.yaml", accepted).await;
            assert_eq!(
                answer.header("content-encoding"),
                Some("gzip"),
                "{accepted}"
            );
            assert!(
                gunzip(&answer.body) == plain.body,
                "{charts} charts, {accepted}"
            );
            // one and the same content, but not one and the same bytes
            assert_ne!(answer.header("etag"), plain.header("etag"));
            let known = http
                .request("GET", "/index.yaml")
                .header("accept-encoding", accepted);
            let etag = answer.header("etag").expect("an ETag");
            known.header("if-none-match", etag).send().await.expect(304);
        }
        for accepted in ["identity", "gzip;q=0", "br", ""] {
            let answer = accepting(&http, "/index.yaml", accepted).await;
            assert_eq!(answer.header("content-encoding"), None, "{accepted:?}");
            assert!(answer.body == plain.body, "{accepted:?}");
        }
    }
}

#[tokio::test]
async fn packages_and_api_answers_are_never_compressed() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let package = upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    for path in [
        "/charts/app-1.0.0.tgz",
        "/api/charts",
        "/api/charts/app/1.0.0/values",
        "/",
    ] {
        let answer = accepting(&http, path, "gzip").await.expect(200);
        assert_eq!(answer.header("content-encoding"), None, "{path}");
    }
    let answer = accepting(&http, "/charts/app-1.0.0.tgz", "gzip").await;
    assert!(answer.body == package);
}

#[tokio::test]
async fn a_package_is_known_by_its_digest() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let chart = ChartBuilder::new("app", "1.0.0");
    let package = upload(&http, "/api/charts", &chart).await;
    let etag = format!("\"{}\"", sha256_hex(&package));
    let answer = http.get("/charts/app-1.0.0.tgz").await.expect(200);
    assert_eq!(answer.header("etag"), Some(etag.as_str()));
    let known = if_none_match(&http, "/charts/app-1.0.0.tgz", &etag)
        .await
        .expect(304);
    assert!(known.body.is_empty());
    let changed = chart.file("README.md", "changed").package();
    http.post("/api/charts?force", changed.clone())
        .await
        .expect(201);
    let answer = if_none_match(&http, "/charts/app-1.0.0.tgz", &etag)
        .await
        .expect(200);
    assert!(answer.body == changed);
    assert_eq!(
        answer.header("etag"),
        Some(format!("\"{}\"", sha256_hex(&changed)).as_str())
    );
}

#[tokio::test]
async fn packages_are_kept_as_long_as_nothing_can_replace_them() {
    let for_ever = "max-age=31536000, immutable";
    for (arguments, expected) in [
        (&[][..], "public, max-age=86400".to_owned()),
        (&["--allow-overwrite"], "public, max-age=86400".to_owned()),
        (
            &["--disable-force-overwrite"],
            format!("public, {for_ever}"),
        ),
        (
            &[
                "--disable-force-overwrite",
                "--basic-auth-user=u",
                "--basic-auth-pass=p",
            ],
            format!("private, {for_ever}"),
        ),
        (
            &[
                "--disable-force-overwrite",
                "--basic-auth-user=u",
                "--basic-auth-pass=p",
                "--auth-anonymous-get",
            ],
            format!("public, {for_ever}"),
        ),
    ] {
        let server = TestServer::start(arguments);
        let http = server.http().with_basic_auth("u", "p");
        upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
        let answer = http.get("/charts/app-1.0.0.tgz").await.expect(200);
        assert_eq!(
            answer.header("cache-control"),
            Some(expected.as_str()),
            "{arguments:?}"
        );
    }
    let server = TestServer::start(&[]);
    let missing = server
        .http()
        .get("/charts/missing-1.0.0.tgz")
        .await
        .expect(404);
    assert_eq!(
        missing.header("cache-control"),
        None,
        "an absence is not to be remembered"
    );
}

#[tokio::test]
async fn a_package_replaced_by_hand_is_not_served_under_its_old_tag() {
    let server = TestServer::start(&["--cache-interval=0"]);
    let http = server.http();
    let chart = ChartBuilder::new("app", "1.0.0");
    let old = upload(&http, "/api/charts", &chart).await;
    let new = chart.file("README.md", "another length").package();
    put_by_hand(server.storage(), "app-1.0.0.tgz", &new);
    // whatever the index knows by now: old tag with new bytes must not happen
    let answer = http.get("/charts/app-1.0.0.tgz").await.expect(200);
    assert!(answer.body == new);
    assert_ne!(
        answer.header("etag"),
        Some(format!("\"{}\"", sha256_hex(&old)).as_str())
    );
}

async fn if_none_match(http: &Http, path: &str, etags: &str) -> Response {
    let request = http.request("GET", path).header("if-none-match", etags);
    request.send().await
}

async fn accepting(http: &Http, path: &str, codings: &str) -> Response {
    let request = http.request("GET", path).header("accept-encoding", codings);
    request.send().await.expect(200)
}

fn gunzip(bytes: &[u8]) -> Bytes {
    let mut plain = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes);
    decoder.read_to_end(&mut plain).expect("a gzip stream");
    plain.into()
}
