//! Charts that are shipped with the program: always there, and nobody's to change.

use serde_json::json;
use tempfile::TempDir;

use super::{chart_form, files, indexed, listed, parsed, provenance_form, put_by_hand, upload};
use crate::support::chart_builder::{ChartBuilder, sha256_hex, unsigned_provenance};
use crate::support::server::{ServerOptions, TestServer};

/// A directory of one package, `base 1.0.0`, and a server over it.
fn with_base() -> (TempDir, ServerOptions, Vec<u8>) {
    let directory = TempDir::new().expect("a temporary directory");
    let package = ChartBuilder::new("base", "1.0.0").package();
    put_by_hand(directory.path(), "base-1.0.0.tgz", &package);
    let options =
        TestServer::options().arg(format!("--builtin-charts={}", directory.path().display()));
    (directory, options, package)
}

#[tokio::test]
async fn they_are_listed_and_served_beside_uploads() {
    let (_directory, options, package) = with_base();
    let server = options.start();
    let http = server.http();
    upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    assert_eq!(
        indexed(&http, "/index.yaml").await,
        ["app 1.0.0", "base 1.0.0"]
    );
    assert!(http.get("/charts/base-1.0.0.tgz").await.expect(200).body == package);
    let entry = http.get("/api/charts/base/1.0.0").await.expect(200).json();
    assert_eq!(entry["digest"], sha256_hex(&package));
    assert_eq!(entry["urls"], json!(["charts/base-1.0.0.tgz"]));
    for path in ["values", "templates", "files/Chart.yaml"] {
        http.get(&format!("/api/charts/base/latest/{path}"))
            .await
            .expect(200);
    }
    assert_eq!(files(server.storage()), ["app-1.0.0.tgz"]);
}

#[tokio::test]
async fn only_the_api_says_that_they_are_built_in() {
    for format in ["--json-index=true", "--json-index=false"] {
        let (_directory, options, _) = with_base();
        let server = options.arg(format).start();
        let http = server.http();
        upload(&http, "/api/charts", &ChartBuilder::new("base", "2.0.0")).await;
        let versions = http.get("/api/charts/base").await.expect(200).json();
        assert_eq!(versions[0].get("builtIn"), None);
        assert_eq!(versions[1]["builtIn"], true);
        assert_eq!(
            http.get("/api/charts/base/1.0.0").await.json()["builtIn"],
            true
        );
        assert_eq!(http.get("/api/charts").await.json()["base"], versions);
        let index = http.get("/index.yaml").await.expect(200);
        assert!(!index.text().contains("builtIn"), "{}", index.text());
        assert_eq!(
            parsed(&index)["entries"]["base"].as_array().map(Vec::len),
            Some(2)
        );
    }
}

#[tokio::test]
async fn they_cannot_be_replaced_even_with_force() {
    let (_directory, options, package) = with_base();
    let server = options.arg("--allow-overwrite").start();
    let http = server.http();
    let changed = ChartBuilder::new("base", "1.0.0")
        .file("changed", "")
        .package();
    for query in ["", "?force"] {
        for body in [&package, &changed] {
            let path = format!("/api/charts{query}");
            for answer in [
                http.post(&path, body.clone()).await,
                http.post_form(&path, &chart_form(body)).await,
            ] {
                let error = answer.expect(409).json()["error"]
                    .as_str()
                    .expect("a text")
                    .to_owned();
                assert!(
                    error.contains("base-1.0.0") && error.contains("built-in"),
                    "{error}"
                );
            }
        }
    }
    assert!(http.get("/charts/base-1.0.0.tgz").await.expect(200).body == package);
    assert_eq!(files(server.storage()), [""; 0]);
}

#[tokio::test]
async fn they_cannot_be_deleted_one_by_one_or_as_a_chart() {
    let (_directory, options, _) = with_base();
    let server = options.start();
    let http = server.http();
    upload(&http, "/api/charts", &ChartBuilder::new("base", "2.0.0")).await;
    for path in ["/api/charts/base/1.0.0", "/api/charts/base"] {
        let refusal = http.delete(path).await.expect(403);
        let error = refusal.json()["error"].as_str().expect("a text").to_owned();
        assert!(
            error.contains("base-1.0.0") && error.contains("built-in"),
            "{error}"
        );
    }
    assert_eq!(
        listed(&http, "/api/charts").await,
        ["base 2.0.0", "base 1.0.0"]
    );
    http.delete("/api/charts/base/2.0.0").await.expect(200);
    assert_eq!(listed(&http, "/api/charts").await, ["base 1.0.0"]);
}

#[tokio::test]
async fn a_newer_upload_is_the_latest_until_it_goes() {
    let (_directory, options, _) = with_base();
    let server = options.arg("--per-chart-limit=1").start();
    let http = server.http();
    let latest =
        async || http.get("/api/charts/base/latest").await.expect(200).json()["version"].clone();
    assert_eq!(latest().await, "1.0.0");
    upload(&http, "/api/charts", &ChartBuilder::new("base", "0.9.0")).await;
    assert_eq!(latest().await, "1.0.0");
    // the limit is of uploads: a built-in version neither counts nor goes
    upload(&http, "/api/charts", &ChartBuilder::new("base", "1.1.0")).await;
    assert_eq!(latest().await, "1.1.0");
    assert_eq!(
        listed(&http, "/api/charts").await,
        ["base 1.1.0", "base 1.0.0"]
    );
    http.delete("/api/charts/base/1.1.0").await.expect(200);
    assert_eq!(latest().await, "1.0.0");
}

#[tokio::test]
async fn a_provenance_file_for_one_is_refused() {
    let (_directory, options, package) = with_base();
    let server = options.start();
    let http = server.http();
    let provenance = unsigned_provenance("base", "1.0.0", &package);
    for query in ["", "?force"] {
        http.post(&format!("/api/prov{query}"), provenance.clone())
            .await
            .expect(409);
        let path = format!("/api/charts{query}");
        http.post_form(&path, &provenance_form(&provenance))
            .await
            .expect(409);
    }
    http.get("/charts/base-1.0.0.tgz.prov").await.expect(404);
}

#[tokio::test]
async fn one_that_is_shipped_is_served() {
    let (directory, options, package) = with_base();
    let provenance = unsigned_provenance("base", "1.0.0", &package);
    put_by_hand(
        directory.path(),
        "base-1.0.0.tgz.prov",
        provenance.as_bytes(),
    );
    let server = options.start();
    let answer = server
        .http()
        .get("/charts/base-1.0.0.tgz.prov")
        .await
        .expect(200);
    assert_eq!(answer.text(), provenance);
}

#[tokio::test]
async fn they_are_in_the_root_tenant_only() {
    let (_directory, options, _) = with_base();
    let server = options.arg("--depth-dynamic").start();
    let http = server.http();
    assert_eq!(indexed(&http, "/index.yaml").await, ["base 1.0.0"]);
    assert_eq!(indexed(&http, "/org/index.yaml").await, [""; 0]);
    http.get("/org/charts/base-1.0.0.tgz").await.expect(404);
    upload(
        &http,
        "/api/org/charts",
        &ChartBuilder::new("base", "1.0.0"),
    )
    .await;
    http.delete("/api/org/charts/base/1.0.0").await.expect(200);
}

#[tokio::test]
async fn a_package_by_hand_does_not_hide_one() {
    let (_directory, options, package) = with_base();
    let server = options.arg("--always-regenerate-chart-index").start();
    let other = ChartBuilder::new("base", "1.0.0")
        .file("other", "")
        .package();
    put_by_hand(server.storage(), "base-1.0.0.tgz", &other);
    put_by_hand(server.storage(), "renamed.tgz", &other);
    let http = server.http();
    let entry = http.get("/api/charts/base/1.0.0").await.expect(200).json();
    assert_eq!(entry["digest"], sha256_hex(&package));
    assert_eq!(entry["builtIn"], true);
    assert!(http.get("/charts/base-1.0.0.tgz").await.expect(200).body == package);
    assert_eq!(listed(&http, "/api/charts").await, ["base 1.0.0"]);
}

#[tokio::test]
async fn directories_are_packaged_to_the_same_bytes_at_every_start() {
    let directory = TempDir::new().expect("a temporary directory");
    ChartBuilder::new("base", "1.0.0")
        .file(".helmignore", "*.bak\n")
        .file("x.bak", "")
        .write_directory(directory.path());
    let mut digests = Vec::new();
    for _ in 0..2 {
        let server = TestServer::options()
            .arg(format!("--builtin-charts={}", directory.path().display()))
            .start();
        let http = server.http();
        let package = http.get("/charts/base-1.0.0.tgz").await.expect(200).body;
        let entry = http.get("/api/charts/base/1.0.0").await.expect(200).json();
        assert_eq!(entry["digest"], sha256_hex(&package));
        http.get("/api/charts/base/1.0.0/files/x.bak")
            .await
            .expect(404);
        digests.push(entry["digest"].clone());
    }
    assert_eq!(digests[0], digests[1]);
}

#[tokio::test]
async fn a_broken_one_is_logged_and_the_rest_is_served() {
    let (directory, options, _) = with_base();
    put_by_hand(directory.path(), "broken-1.0.0.tgz", b"no package");
    put_by_hand(directory.path(), "README.md", b"no chart");
    let server = options.start();
    assert_eq!(indexed(&server.http(), "/index.yaml").await, ["base 1.0.0"]);
    assert!(
        server.log().contains("broken-1.0.0.tgz"),
        "{}",
        server.log()
    );
    server
        .http()
        .get("/charts/broken-1.0.0.tgz")
        .await
        .expect(404);
}
