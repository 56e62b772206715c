//! A start over many packages lists them by their first files, opens them whole behind the index, and puts right what
//! turns out different.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::recovery::contents::{fresh_index, index, ready};
use crate::support::chart_builder::ChartBuilder;
use crate::support::random::Random;
use crate::support::server::TestServer;
use crate::support::tar::Tar;

/// More than are opened whole at once.
const PACKAGES: usize = 520;

/// How long what is done at low priority may take on a busy machine.
const LOW_PRIORITY: Duration = Duration::from_secs(120);

/// A storage of many sound packages and these.
fn fill(storage: &Path, odd: &[(&str, Vec<u8>)]) {
    for n in 0..PACKAGES {
        let chart = ChartBuilder::new(&format!("app{}", n % 20), &format!("1.{n}.0"));
        fs::write(storage.join(chart.file_name()), chart.package()).expect("a writable storage");
    }
    for (file_name, bytes) in odd {
        fs::write(storage.join(file_name), bytes).expect("a writable storage");
    }
}

/// What the first file says is not all of it.
fn odd() -> Vec<(&'static str, Vec<u8>)> {
    let chart_yaml = |name: &str, rest: &str| format!("name: {name}\nversion: 1.0.0\n{rest}");
    let twice = Tar::new()
        .file("twice/Chart.yaml", chart_yaml("twice", "").as_bytes())
        .file("twice/Chart.yaml", b"version: 2.0.0\nicon: later\n")
        .gzip();
    let old_dependencies = Tar::new()
        .file("old/Chart.yaml", chart_yaml("old", "").as_bytes())
        .file(
            "old/requirements.yaml",
            b"dependencies:\n- name: db\n  version: 1.x\n  repository: https://x.test\n",
        )
        .gzip();
    let broken_values = Tar::new()
        .file("values/Chart.yaml", chart_yaml("values", "").as_bytes())
        .file("values/values.yaml", b"a: [")
        .gzip();
    let mut random = Random::from_environment("CHARTROOM_COLD_SEED");
    let noise: Vec<u8> = (0..12_000)
        .flat_map(|_| random.next().to_le_bytes())
        .collect();
    let cut = ChartBuilder::new("cut", "1.0.0")
        .file("noise", noise)
        .package();
    vec![
        ("twice-2.0.0.tgz", twice),
        ("old-1.0.0.tgz", old_dependencies),
        ("values-1.0.0.tgz", broken_values),
        ("cut-1.0.0.tgz", cut[..cut.len() - 20_000].to_vec()),
        ("no-1.0.0.tgz", b"no package".to_vec()),
    ]
}

/// The last line of the log with this message.
fn last(server: &TestServer, message: &str) -> Option<Value> {
    let log = server.log();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.rev().find(|line| line["M"] == message)
}

/// What is listed; when it was last corrected does not matter.
async fn entries(server: &TestServer) -> String {
    let (_, bytes) = index(&server.http()).await;
    entries_of(str::from_utf8(&bytes).expect("an index"))
}

fn fresh_entries(server: &TestServer) -> String {
    entries_of(&fresh_index(server.storage()))
}

fn entries_of(index: &str) -> String {
    let (_, entries) = index.split_once("\"entries\"").expect("entries");
    entries.to_owned()
}

async fn verified(server: &TestServer) {
    server
        .within(LOW_PRIORITY, "the packages are verified", async || {
            last(server, "Packages are verified").is_some()
        })
        .await;
}

#[tokio::test]
async fn what_the_first_file_did_not_say_is_corrected_behind_the_index() {
    let mut server = TestServer::start(&[]);
    server.kill9();
    fill(server.storage(), &odd());
    server.start_again();
    ready(&server).await;
    verified(&server).await;
    assert_eq!(entries(&server).await, fresh_entries(&server));
    let complete = last(&server, "Index is complete").expect("a line about the start");
    // only what has no sound first file was opened whole at once
    assert_eq!(
        (&complete["opened"], &complete["peeked"]),
        (&525.into(), &524.into())
    );
    let line = last(&server, "Packages are verified").expect("a line about the end");
    assert_eq!(
        (&line["packages"], &line["corrected"]),
        (&524.into(), &4.into())
    );
    let log = server.log();
    for package in ["values-1.0.0.tgz", "cut-1.0.0.tgz", "no-1.0.0.tgz"] {
        let named = |line: &&str| line.contains("Invalid package") && line.contains(package);
        assert_eq!(log.lines().filter(named).count(), 1, "{package}: {log}");
    }

    // what was verified is in the index cache, and the next start opens nothing but what it cannot list
    server.restart();
    ready(&server).await;
    let complete = last(&server, "Index is complete").expect("a line about the start");
    assert_eq!(
        (&complete["known"], &complete["peeked"]),
        (&522.into(), &0.into())
    );
    assert_eq!(entries(&server).await, fresh_entries(&server));
}

#[tokio::test]
async fn a_kill_before_the_end_leaves_nothing_unverified_in_the_cache() {
    let mut server = TestServer::start(&[]);
    server.kill9();
    fill(server.storage(), &odd());
    for _ in 0..6 {
        server.start_again();
        ready(&server).await;
        // a polite stop writes the cache, wherever the verification is
        server.sigterm_and_wait();
    }
    server.start_again();
    ready(&server).await;
    server
        .within(
            LOW_PRIORITY,
            "the index is that of a fresh scan",
            async || entries(&server).await == fresh_entries(&server),
        )
        .await;
}

#[tokio::test]
async fn packages_that_only_moved_to_another_disk_are_not_opened_again() {
    let mut server = TestServer::start(&[]);
    for n in 0..5 {
        let chart = ChartBuilder::new("app", &format!("1.{n}.0"));
        server
            .http()
            .post("/api/charts", chart.package())
            .await
            .expect(201);
    }
    server.sigterm_and_wait();
    let before = fresh_index(server.storage());
    for n in 0..5 {
        // the same bytes and times, another inode
        let path = server.storage().join(format!("app-1.{n}.0.tgz"));
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::File::options()
            .append(true)
            .open(&path)
            .unwrap()
            .set_modified(modified)
            .unwrap();
    }
    server.start_again();
    ready(&server).await;
    assert_eq!(index(&server.http()).await.1, before);
    let complete = last(&server, "Index is complete").expect("a line about the start");
    assert_eq!(
        (&complete["known"], &complete["opened"]),
        (&0.into(), &5.into())
    );
}
