//! The index cache spares a start the opening of packages. Whatever became of it, the index is that of a fresh scan.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::contents::{fresh_index, index, ready};
use crate::support::chart_builder::ChartBuilder;
use crate::support::server::TestServer;

const CACHE: &str = ".chartroom-index";

/// A stopped server with five packages and the cache that it wrote when it was asked to stop.
async fn stopped() -> TestServer {
    let mut server = TestServer::start(&[]);
    for version in ["1.0.0", "1.1.0", "2.0.0-rc.1"] {
        server
            .http()
            .post("/api/charts", ChartBuilder::new("app", version).package())
            .await
            .expect(201);
    }
    for name in ["db", "ünïcode chart"] {
        server
            .http()
            .post(
                "/api/charts",
                ChartBuilder::new(name, "0.1.0+build.5").package(),
            )
            .await
            .expect(201);
    }
    assert!(server.sigterm_and_wait().success());
    server
}

/// `known` and `opened` of the last start.
fn last_scan(server: &TestServer) -> (u64, u64) {
    let log = server.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let scan = lines
        .rev()
        .find(|line| line["M"] == "Index is complete")
        .expect("a line about the scan");
    (
        scan["known"].as_u64().expect("a number"),
        scan["opened"].as_u64().expect("a number"),
    )
}

async fn assert_index_is_right(server: &TestServer, why: &str) {
    ready(server).await;
    let (_, bytes) = index(&server.http()).await;
    assert_eq!(
        String::from_utf8_lossy(&bytes),
        fresh_index(server.storage()),
        "{why}"
    );
}

#[tokio::test]
async fn a_polite_stop_writes_the_cache_and_the_next_start_opens_nothing() {
    let mut server = stopped().await;
    server.start_again();
    assert_index_is_right(&server, "warm").await;
    assert_eq!(last_scan(&server), (5, 0));
    // the same again: a start without changes keeps the cache good
    server.restart();
    assert_index_is_right(&server, "warm again").await;
    assert_eq!(last_scan(&server), (5, 0));
}

#[tokio::test]
async fn a_spoilt_cache_is_not_believed() {
    let mut server = stopped().await;
    let path = server.storage().join(CACHE);
    let good = fs::read(&path).expect("a cache");
    let text = String::from_utf8(good.clone()).expect("text");
    let line = text
        .lines()
        .find(|line| line.contains("app-1.0.0.tgz"))
        .expect("a line for the package");
    let digest = line
        .split('\t')
        .find(|field| field.len() == 64)
        .expect("a digest");
    let other_digest: String = digest.chars().rev().collect();
    let half_zeroed = {
        let mut bytes = good.clone();
        let half = bytes.len() / 2;
        bytes[half..].fill(0);
        bytes
    };
    let spoilt: Vec<(&str, Vec<u8>)> = vec![
        ("empty", Vec::new()),
        ("cut in the middle", good[..good.len() / 2].to_vec()),
        (
            "cut at the end of a line",
            text[..text.find(line).expect("it is there") + line.len() + 1].into(),
        ),
        ("all zeros", vec![0; good.len()]),
        ("half zeros", half_zeroed),
        ("twice in a row", [&good[..], &good].concat()),
        (
            "a line is missing",
            text.replace(&format!("{line}\n"), "").into(),
        ),
        (
            "a digest is another",
            text.replace(digest, &other_digest).into(),
        ),
        (
            "metadata is another",
            text.replace("A chart of the tests", "A chart of the tesst")
                .into(),
        ),
        (
            "a version is another",
            text.replace("1.1.0", "1.9.0").into(),
        ),
        (
            "of another program",
            b"apiVersion: v1\nentries:\n  evil: []\n".to_vec(),
        ),
        (
            "of a later version",
            text.replacen("chartroom-index ", "chartroom-index 9", 1)
                .into(),
        ),
        ("not text", vec![0xff; 4096]),
    ];
    for (what, bytes) in spoilt {
        assert_ne!(bytes, good, "{what}");
        fs::write(&path, &bytes).expect("a writable storage");
        server.start_again();
        assert_index_is_right(&server, what).await;
        assert_eq!(last_scan(&server), (0, 5), "{what}");
    }
    fs::write(&path, &good).expect("a writable storage");
    server.start_again();
    assert_index_is_right(&server, "good again").await;
    assert_eq!(last_scan(&server), (5, 0), "good again");
}

#[tokio::test]
async fn a_cache_that_is_larger_than_the_index_can_be_is_not_read() {
    let mut server = stopped().await;
    let cache = fs::File::options()
        .write(true)
        .open(server.storage().join(CACHE))
        .unwrap();
    // four gigabytes of zeros that take no room on the disk
    cache.set_len(4 << 30).unwrap();
    server.start_again();
    assert_index_is_right(&server, "too large").await;
    assert_eq!(last_scan(&server), (0, 5));
    assert!(
        server
            .log()
            .contains("Index cache is larger than the index can be")
    );
    let peak = server.memory().peak;
    assert!(peak < 256 << 20, "{peak} bytes");
}

#[tokio::test]
async fn a_cache_that_cannot_be_read_or_written_is_done_without() {
    let mut server = stopped().await;
    let path = server.storage().join(CACHE);
    fs::remove_file(&path).expect("a cache");
    fs::create_dir(&path).expect("a directory in its place");
    server.start_again();
    assert_index_is_right(&server, "a directory").await;
    server
        .http()
        .post("/api/charts", ChartBuilder::new("new", "1.0.0").package())
        .await
        .expect(201);
    server.restart();
    assert_index_is_right(&server, "a directory that stays").await;
    assert!(path.is_dir());
}

#[tokio::test]
async fn what_changed_while_nobody_looked_is_opened_again() {
    let mut server = stopped().await;
    let storage = server.storage().to_owned();
    fs::write(
        storage.join("app-1.0.0.tgz"),
        ChartBuilder::new("app", "1.0.0")
            .more_yaml("icon: new")
            .package(),
    )
    .unwrap();
    fs::remove_file(storage.join("db-0.1.0+build.5.tgz")).unwrap();
    fs::rename(storage.join("app-1.1.0.tgz"), storage.join("renamed.tgz")).unwrap();
    fs::write(
        storage.join("more-1.0.0.tgz"),
        ChartBuilder::new("more", "1.0.0").package(),
    )
    .unwrap();
    server.start_again();
    assert_index_is_right(&server, "changed").await;
    let (listed, _) = index(&server.http()).await;
    let names: Vec<&str> = listed.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "app-1.0.0.tgz",
            "app-2.0.0-rc.1.tgz",
            "more-1.0.0.tgz",
            "renamed.tgz",
            "ünïcode chart-0.1.0+build.5.tgz"
        ]
    );
    assert_eq!(last_scan(&server), (2, 3));
}

#[tokio::test]
async fn chartmuseums_own_index_cache_does_no_harm() {
    let mut server = stopped().await;
    let storage = server.storage().to_owned();
    let statefile = storage.join("index-cache.yaml");
    let theirs: [(&str, &str); 4] = [
        (
            "lists what is not there",
            "apiVersion: v1\nentries:\n  gone:\n  - apiVersion: v2\n    created: \"2024-01-01T00:00:00Z\"\n    digest: 00\n    name: gone\n    urls:\n    - charts/gone-1.0.0.tgz\n    version: 1.0.0\ngenerated: \"2024-01-01T00:00:00Z\"\nserverInfo: {}\n",
        ),
        ("has no entries", "apiVersion: v1\n"),
        ("is no YAML", "\t{{{"),
        ("is empty", ""),
    ];
    for (what, text) in theirs {
        for cache in [true, false] {
            if !cache {
                fs::remove_file(storage.join(CACHE)).ok();
            }
            fs::write(&statefile, text).expect("a writable storage");
            server.start_again();
            assert_index_is_right(&server, what).await;
            assert_eq!(
                last_scan(&server),
                if cache { (5, 0) } else { (0, 5) },
                "{what}"
            );
            assert!(server.sigterm_and_wait().success(), "{what}");
            assert_is_the_index(&statefile, &storage);
        }
    }
}

/// Who publishes `index-cache.yaml` finds the index in it.
#[track_caller]
fn assert_is_the_index(statefile: &Path, storage: &Path) {
    let written = fs::read_to_string(statefile).expect("a state file");
    assert_eq!(written, fresh_index(storage));
}
