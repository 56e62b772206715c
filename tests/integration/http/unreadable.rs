//! Packages in storage that are none: logged, skipped, never fatal.

use std::fs;

use super::{indexed, put_by_hand};
use crate::support::chart_builder::ChartBuilder;
use crate::support::server::TestServer;
use crate::support::tar::Tar;

#[tokio::test]
async fn they_are_skipped_at_the_start_and_told_once() {
    let storage = tempfile::TempDir::new().expect("a temporary directory");
    let good = ChartBuilder::new("good", "1.0.0").package();
    for (name, content) in [
        ("good-1.0.0.tgz", &good[..]),
        ("empty-1.0.0.tgz", b""),
        ("text-1.0.0.tgz", b"no package"),
        ("cut-1.0.0.tgz", &good[..good.len() / 2]),
        ("chartless-1.0.0.tgz", &Tar::new().file("a/b", b"").gzip()),
        ("brokenchart.tgz", b"x"),
        ("notes.txt", b"not a package either"),
        ("lonely-1.0.0.tgz.prov", b"no chart beside it"),
    ] {
        put_by_hand(storage.path(), name, content);
    }
    fs::create_dir(storage.path().join("directory-1.0.0.tgz")).expect("a writable directory");
    let server = TestServer::options()
        .storage(storage.path())
        .args(["--cache-interval=50ms"])
        .start();
    let http = server.http();
    assert_eq!(indexed(&http, "/index.yaml").await, ["good 1.0.0"]);
    // one more thing happens, so the broken ones have been passed by again
    put_by_hand(
        storage.path(),
        "later-1.0.0.tgz",
        &ChartBuilder::new("later", "1.0.0").package(),
    );
    server
        .eventually("the later package is listed", async || {
            indexed(&http, "/index.yaml").await.len() == 2
        })
        .await;
    for name in [
        "empty-1.0.0.tgz",
        "text-1.0.0.tgz",
        "cut-1.0.0.tgz",
        "chartless-1.0.0.tgz",
        "brokenchart.tgz",
    ] {
        let log = server.log();
        let told: Vec<&str> = (log.lines())
            .filter(|line| {
                line.contains("Invalid package in storage") && line.contains(&format!("\"{name}\""))
            })
            .collect();
        assert_eq!(told.len(), 1, "{name} in {log}");
        let line: serde_json::Value = serde_json::from_str(told[0]).expect("JSON");
        assert_eq!(
            (&line["L"], &line["action"], &line["repo"]),
            (&"WARN".into(), &"added".into(), &"".into())
        );
        assert!(
            line["error"]
                .as_str()
                .is_some_and(|error| !error.is_empty()),
            "{line}"
        );
    }
    for name in ["notes.txt", "lonely-1.0.0.tgz.prov", "directory-1.0.0.tgz"] {
        assert!(!server.log().contains(name), "{name} is none of ours");
    }
}

#[tokio::test]
async fn an_empty_file_may_come_be_touched_and_go() {
    let server = TestServer::start(&["--always-regenerate-chart-index"]);
    let http = server.http();
    put_by_hand(
        server.storage(),
        "good-1.0.0.tgz",
        &ChartBuilder::new("good", "1.0.0").package(),
    );
    let path = server.storage().join("brokenchart.tgz");
    for content in [&b""[..], b"touched", b""] {
        fs::write(&path, content).expect("a writable directory");
        assert_eq!(indexed(&http, "/index.yaml").await, ["good 1.0.0"]);
    }
    fs::remove_file(&path).expect("the file");
    assert_eq!(indexed(&http, "/index.yaml").await, ["good 1.0.0"]);
}

#[tokio::test]
async fn one_that_is_mended_is_listed_and_one_that_breaks_is_not() {
    let server = TestServer::start(&["--always-regenerate-chart-index"]);
    let http = server.http();
    let package = ChartBuilder::new("app", "1.0.0").package();
    put_by_hand(server.storage(), "app-1.0.0.tgz", b"broken");
    assert_eq!(indexed(&http, "/index.yaml").await, [""; 0]);
    put_by_hand(server.storage(), "app-1.0.0.tgz", &package);
    assert_eq!(indexed(&http, "/index.yaml").await, ["app 1.0.0"]);
    put_by_hand(server.storage(), "app-1.0.0.tgz", b"broken again");
    assert_eq!(indexed(&http, "/index.yaml").await, [""; 0]);
}

#[tokio::test]
async fn one_can_be_deleted_by_the_name_that_its_file_has() {
    let server = TestServer::start(&["--always-regenerate-chart-index"]);
    let http = server.http();
    put_by_hand(server.storage(), "app-1.0.0.tgz", b"broken");
    http.delete("/api/charts/app/1.0.0").await.expect(200);
    assert_eq!(super::files(server.storage()), [""; 0]);
    http.delete("/api/charts/app/1.0.0").await.expect(404);
}

#[tokio::test]
async fn one_may_be_overwritten_by_force_only() {
    let server = TestServer::start(&["--always-regenerate-chart-index"]);
    let http = server.http();
    put_by_hand(server.storage(), "app-1.0.0.tgz", b"broken");
    let package = ChartBuilder::new("app", "1.0.0").package();
    http.post("/api/charts", package.clone())
        .await
        .expect_error(409, "file already exists");
    http.post("/api/charts?force", package).await.expect(201);
    assert_eq!(indexed(&http, "/index.yaml").await, ["app 1.0.0"]);
}
