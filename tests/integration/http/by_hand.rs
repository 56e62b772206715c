//! What others do to the storage directory while the server runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{indexed, listed, put_by_hand, upload};
use crate::support::chart_builder::{ChartBuilder, sha256_hex};
use crate::support::server::TestServer;

/// Only file-system events can tell this server of changes.
fn watching() -> TestServer {
    TestServer::start(&["--cache-interval=0"])
}

#[tokio::test]
async fn a_file_that_is_added_replaced_or_removed_is_noticed() {
    let server = watching();
    let http = server.http();
    let chart = ChartBuilder::new("app", "1.0.0");
    put_by_hand(server.storage(), "app-1.0.0.tgz", &chart.package());
    let digest = async || {
        let index = http.get("/index.yaml").await.expect(200).json();
        index["entries"]["app"][0]["digest"]
            .as_str()
            .map(str::to_owned)
    };
    server
        .eventually("the new file is listed", async || {
            digest().await == Some(sha256_hex(&chart.package()))
        })
        .await;
    let changed = chart.file("changed", "").package();
    put_by_hand(server.storage(), "app-1.0.0.tgz", &changed);
    server
        .eventually("the new digest is listed", async || {
            digest().await == Some(sha256_hex(&changed))
        })
        .await;
    fs::remove_file(server.storage().join("app-1.0.0.tgz")).expect("the file");
    server
        .eventually("the file is not listed", async || digest().await.is_none())
        .await;
}

#[tokio::test]
async fn a_change_is_listed_within_a_second() {
    let server = watching();
    let http = server.http();
    super::ready(&server).await;
    let mut latencies = Vec::new();
    // the fastest of a few, so that a busy machine does not fail the test
    for number in 0..4 {
        let chart = ChartBuilder::new("app", &format!("1.0.{number}"));
        put_by_hand(server.storage(), &chart.file_name(), &chart.package());
        let start = Instant::now();
        server
            .eventually("the file is listed", async || {
                indexed(&http, "/index.yaml").await.len() == number + 1
            })
            .await;
        latencies.push(start.elapsed());
    }
    let fastest = latencies.iter().min().expect("four of them");
    assert!(*fastest < Duration::from_secs(1), "{latencies:?}");
}

#[tokio::test]
async fn a_file_that_is_only_touched_stays_listed() {
    let server = TestServer::start(&["--always-regenerate-chart-index"]);
    let http = server.http();
    let package = upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    for _ in 0..3 {
        let file = fs::File::options()
            .write(true)
            .open(server.storage().join("app-1.0.0.tgz"));
        file.expect("the file")
            .set_modified(SystemTime::now())
            .expect("a time");
        let entry = http.get("/api/charts/app/1.0.0").await.expect(200).json();
        assert_eq!(entry["digest"], sha256_hex(&package));
        assert_eq!(indexed(&http, "/index.yaml").await, ["app 1.0.0"]);
    }
}

#[tokio::test]
async fn files_that_are_moved_in_and_out_are_noticed() {
    let server = watching();
    let http = server.http();
    let beside = server.world().join("app-1.0.0.tgz");
    fs::write(&beside, ChartBuilder::new("app", "1.0.0").package()).expect("a writable directory");
    let inside = server.storage().join("app-1.0.0.tgz");
    fs::rename(&beside, &inside).expect("a move");
    server
        .eventually("the file is listed", async || {
            indexed(&http, "/index.yaml").await == ["app 1.0.0"]
        })
        .await;
    fs::rename(&inside, &beside).expect("a move");
    server
        .eventually("it is gone", async || {
            indexed(&http, "/index.yaml").await.is_empty()
        })
        .await;
}

#[tokio::test]
async fn tenants_that_come_and_go_as_directories_are_noticed() {
    let server = TestServer::start(&["--cache-interval=0", "--depth=1"]);
    let http = server.http();
    // asked for before it exists: an empty tenant that must not stay empty
    assert_eq!(indexed(&http, "/org/index.yaml").await, [""; 0]);
    put_by_hand(
        &server.storage().join("org"),
        "app-1.0.0.tgz",
        &ChartBuilder::new("app", "1.0.0").package(),
    );
    server
        .eventually("the tenant's chart is listed", async || {
            indexed(&http, "/org/index.yaml").await.len() == 1
        })
        .await;
    put_by_hand(
        &server.storage().join("org"),
        "app-2.0.0.tgz",
        &ChartBuilder::new("app", "2.0.0").package(),
    );
    server
        .eventually("a second one too", async || {
            indexed(&http, "/org/index.yaml").await.len() == 2
        })
        .await;
    fs::remove_dir_all(server.storage().join("org")).expect("the directory");
    server
        .eventually("all are gone", async || {
            indexed(&http, "/org/index.yaml").await.is_empty()
        })
        .await;
}

#[tokio::test]
async fn a_package_is_listed_under_its_content_and_goes_by_it() {
    let server = watching();
    let http = server.http();
    let package = ChartBuilder::new("oob", "9.0.0").package();
    put_by_hand(server.storage(), "renamed-foo.tgz", &package);
    server
        .eventually("the package is listed", async || {
            indexed(&http, "/index.yaml").await == ["oob 9.0.0"]
        })
        .await;
    let entry = http.get("/api/charts/oob/9.0.0").await.expect(200).json();
    assert_eq!(entry["urls"][0], "charts/renamed-foo.tgz");
    assert!(http.get("/charts/renamed-foo.tgz").await.expect(200).body == package);
    http.get("/charts/oob-9.0.0.tgz").await.expect(404);
    for below in ["templates", "values", "files/Chart.yaml"] {
        http.get(&format!("/api/charts/oob/latest/{below}"))
            .await
            .expect(200);
    }
    http.delete("/api/charts/oob/9.0.0").await.expect(200);
    http.get("/charts/renamed-foo.tgz").await.expect(404);
    assert_eq!(indexed(&http, "/index.yaml").await, [""; 0]);
}

#[tokio::test]
async fn the_content_counts_and_not_the_file_name() {
    let server = watching();
    put_by_hand(
        server.storage(),
        "mychart-2.3.4.tgz",
        &ChartBuilder::new("mychart", "0.1.0").package(),
    );
    let http = server.http();
    server
        .eventually("the package is listed", async || {
            indexed(&http, "/index.yaml").await == ["mychart 0.1.0"]
        })
        .await;
}

#[tokio::test]
async fn one_version_in_two_files_is_listed_once() {
    let server = watching();
    let http = server.http();
    let package = upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    put_by_hand(server.storage(), "copy.tgz", &package);
    put_by_hand(
        server.storage(),
        "last-1.0.0.tgz",
        &ChartBuilder::new("last", "1.0.0").package(),
    );
    server
        .eventually("what came after the copy is listed", async || {
            listed(&http, "/api/charts").await == ["app 1.0.0", "last 1.0.0"]
        })
        .await;
    let entry = http.get("/api/charts/app/1.0.0").await.expect(200).json();
    assert_eq!(entry["urls"][0], "charts/app-1.0.0.tgz");
    // deleting the version deletes it wherever it is, or it would come back
    http.delete("/api/charts/app/1.0.0").await.expect(200);
    assert_eq!(listed(&http, "/api/charts").await, ["last 1.0.0"]);
    assert_eq!(super::files(server.storage()), ["last-1.0.0.tgz"]);
}

#[tokio::test]
async fn always_regenerate_sees_a_change_at_the_next_read() {
    let server = TestServer::start(&["--always-regenerate-chart-index", "--cache-interval=0"]);
    let http = server.http();
    for number in 0..20 {
        let version = format!("1.0.{number}");
        put_by_hand(
            server.storage(),
            &format!("app-{version}.tgz"),
            &ChartBuilder::new("app", &version).package(),
        );
        let path = if number % 2 == 0 {
            "/index.yaml"
        } else {
            "/api/charts"
        };
        let list = if number % 2 == 0 {
            indexed(&http, path).await
        } else {
            listed(&http, path).await
        };
        assert_eq!(list.len(), number + 1);
        http.get(&format!("/api/charts/app/{version}"))
            .await
            .expect(200);
    }
    fs::remove_file(server.storage().join("app-1.0.7.tgz")).expect("the file");
    http.get("/api/charts/app/1.0.7").await.expect(404);
    assert_eq!(indexed(&http, "/index.yaml").await.len(), 19);
}

#[tokio::test]
async fn the_interval_finds_what_no_event_tells() {
    for (interval, noticed) in [("50ms", true), ("0", false)] {
        let server = TestServer::start(&[&format!("--cache-interval={interval}")]);
        let http = server.http();
        // neither the scan at the start nor the one that the watch begins with can come later than three changes
        for number in 0..3 {
            let chart = ChartBuilder::new("early", &format!("1.0.{number}"));
            put_by_hand(server.storage(), &chart.file_name(), &chart.package());
            server
                .eventually("the file is listed", async || {
                    indexed(&http, "/index.yaml").await.len() == number + 1
                })
                .await;
        }
        // the file behind a link changes where nobody watches
        let version = async || http.get("/api/charts/app/latest").await.json()["version"].clone();
        let elsewhere = server.world().join("elsewhere");
        fs::write(&elsewhere, ChartBuilder::new("app", "1.0.0").package())
            .expect("a writable directory");
        symlink(&elsewhere, server.storage().join("app.tgz")).expect("a link");
        server
            .eventually("the link is listed", async || version().await == "1.0.0")
            .await;
        let changed = ChartBuilder::new("app", "2.0.0").file("more", "more");
        fs::write(&elsewhere, changed.package()).expect("a writable directory");
        if noticed {
            server
                .eventually("the change is listed", async || version().await == "2.0.0")
                .await;
            continue;
        }
        // an event that came later than that change has been handled, and still nobody looked at the link
        let later = ChartBuilder::new("later", "1.0.0");
        put_by_hand(server.storage(), &later.file_name(), &later.package());
        server
            .eventually("the later file is listed", async || {
                http.get("/api/charts/later").await.status == 200
            })
            .await;
        assert_eq!(version().await, "1.0.0");
    }
}

#[tokio::test]
async fn an_older_file_in_place_of_a_newer_one_is_noticed() {
    let server = TestServer::start(&["--always-regenerate-chart-index"]);
    let http = server.http();
    let chart = ChartBuilder::new("app", "1.0.0");
    upload(&http, "/api/charts", &chart).await;
    let older = chart.file("older", "older").package();
    put_by_hand(server.storage(), "app-1.0.0.tgz", &older);
    let file = fs::File::options()
        .write(true)
        .open(server.storage().join("app-1.0.0.tgz"))
        .expect("the file");
    file.set_modified(UNIX_EPOCH + Duration::from_secs(1_000_000_000))
        .expect("a time");
    let entry = http.get("/api/charts/app/1.0.0").await.expect(200).json();
    assert_eq!(entry["digest"], sha256_hex(&older));
    assert_eq!(entry["created"], "2001-09-09T01:46:40Z");
}
