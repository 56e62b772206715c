//! `index-cache.yaml`: written for who publishes it, never believed.

use std::fs;

use super::{indexed, parsed_yaml, put_by_hand, upload};
use crate::support::chart_builder::{ChartBuilder, sha256_hex};
use crate::support::server::TestServer;

/// What other servers have left behind, as far as they list anything, of charts that are not there.
const LEFT_BEHIND: [(&str, &str); 7] = [
    (
        "a full one",
        "apiVersion: v1\nentries:\n  ghost:\n  - apiVersion: v2\n    created: \"2020-01-01T00:00:00Z\"\n    digest: aa\n    \
         name: ghost\n    urls:\n    - http://old.test/charts/ghost-1.0.0.tgz\n    version: 1.0.0\n\
         generated: \"2020-01-01T00:00:00Z\"\nserverInfo: {contextPath: /old}\n",
    ),
    (
        "one without serverInfo, digest, created and apiVersion in entries",
        "apiVersion: v1\nentries:\n  app:\n  - name: app\n    version: 1.0.0\n    urls: [charts/app-1.0.0.tgz]\n",
    ),
    (
        "one in JSON",
        r#"{"apiVersion":"v1","entries":{"ghost":[{"name":"ghost","version":"1.0.0","urls":["charts/g.tgz"]}]}}"#,
    ),
    ("one without entries", "apiVersion: v1\n"),
    ("an invalid one", "this: is: no: yaml"),
    ("an empty one", ""),
    ("one that is a list", "- a\n- b\n"),
];

#[tokio::test]
async fn one_that_was_left_behind_changes_nothing() {
    let package = ChartBuilder::new("app", "1.0.0").package();
    for (what, text) in LEFT_BEHIND {
        let storage = tempfile::TempDir::new().expect("a temporary directory");
        put_by_hand(storage.path(), "app-1.0.0.tgz", &package);
        put_by_hand(storage.path(), "index-cache.yaml", text.as_bytes());
        let server = TestServer::options().storage(storage.path()).start();
        let index = server.http().get("/index.yaml").await.expect(200).json();
        let entries = index["entries"].as_object().expect("a mapping");
        assert!(entries.keys().eq(["app"]), "{what}: {index}");
        assert_eq!(
            index["entries"]["app"][0]["digest"],
            sha256_hex(&package),
            "{what}"
        );
        assert_eq!(index["serverInfo"], serde_json::json!({}), "{what}");
    }
}

#[tokio::test]
async fn what_is_written_is_the_index_that_is_served() {
    for format in ["--json-index=true", "--json-index=false"] {
        let mut server = TestServer::start(&[format, "--depth=1"]);
        upload(
            &server.http(),
            "/api/org/charts",
            &ChartBuilder::new("app", "1.0.0"),
        )
        .await;
        let served = server.http().get("/org/index.yaml").await.expect(200);
        assert!(server.sigterm_and_wait().success());
        let written =
            fs::read(server.storage().join("org/index-cache.yaml")).expect("the state file");
        assert!(written == served.body, "{format}");
        assert_eq!(parsed_yaml(&written)["apiVersion"], "v1");
    }
}

#[tokio::test]
async fn it_is_written_while_the_server_runs() {
    let server = TestServer::start(&[]);
    upload(
        &server.http(),
        "/api/charts",
        &ChartBuilder::new("app", "1.0.0"),
    )
    .await;
    server
        .eventually("the state file lists the chart", async || {
            fs::read_to_string(server.storage().join("index-cache.yaml"))
                .is_ok_and(|text| text.contains("\"app\""))
        })
        .await;
}

#[tokio::test]
async fn none_is_written_when_they_are_switched_off() {
    let mut server = TestServer::start(&["--disable-statefiles"]);
    upload(
        &server.http(),
        "/api/charts",
        &ChartBuilder::new("app", "1.0.0"),
    )
    .await;
    assert!(server.sigterm_and_wait().success());
    assert_eq!(server.stored(), ["app-1.0.0.tgz"]);
}

#[tokio::test]
async fn other_urls_take_effect_for_charts_that_are_there() {
    let mut server = TestServer::start(&["--chart-url=http://old.test"]);
    upload(
        &server.http(),
        "/api/charts",
        &ChartBuilder::new("app", "1.0.0"),
    )
    .await;
    assert!(server.sigterm_and_wait().success());
    server.start_again_with(|_| {
        TestServer::options().args(["--chart-url=http://new.test", "--context-path=/new"])
    });
    let index = server
        .http()
        .get("/new/index.yaml")
        .await
        .expect(200)
        .json();
    assert_eq!(
        index["entries"]["app"][0]["urls"][0],
        "http://new.test/new/charts/app-1.0.0.tgz"
    );
    assert_eq!(index["serverInfo"]["contextPath"], "/new");
}

#[tokio::test]
async fn what_changed_while_nobody_ran_is_seen_at_the_start() {
    let mut server = TestServer::start(&[]);
    for version in ["1.0.0", "2.0.0"] {
        upload(
            &server.http(),
            "/api/charts",
            &ChartBuilder::new("app", version),
        )
        .await;
    }
    assert!(server.sigterm_and_wait().success());
    let replaced = ChartBuilder::new("app", "1.0.0")
        .file("replaced", "")
        .package();
    put_by_hand(server.storage(), "app-1.0.0.tgz", &replaced);
    fs::remove_file(server.storage().join("app-2.0.0.tgz")).expect("the file");
    put_by_hand(
        server.storage(),
        "app-3.0.0.tgz",
        &ChartBuilder::new("app", "3.0.0").package(),
    );
    server.start_again();
    let http = server.http();
    assert_eq!(
        indexed(&http, "/index.yaml").await,
        ["app 3.0.0", "app 1.0.0"]
    );
    assert_eq!(
        http.get("/api/charts/app/1.0.0").await.json()["digest"],
        sha256_hex(&replaced)
    );
}

#[tokio::test]
async fn a_restart_gives_the_same_bytes() {
    let mut server = TestServer::start(&[]);
    for version in ["1.0.0", "2.0.0"] {
        upload(
            &server.http(),
            "/api/charts",
            &ChartBuilder::new("app", version),
        )
        .await;
    }
    server.restart();
    let first = server.http().get("/index.yaml").await.expect(200);
    server.restart();
    let second = server.http().get("/index.yaml").await.expect(200);
    assert!(first.body == second.body);
    assert_eq!(first.header("etag"), second.header("etag"));
}
