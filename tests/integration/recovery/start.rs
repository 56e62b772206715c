//! What a start finds that an earlier run, or somebody else, left half done.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::time::Duration;

use super::contents::{Contents, fresh_index, index, ready};
use crate::support::chart_builder::{ChartBuilder, sha256_hex};
use crate::support::random::Random;
use crate::support::server::TestServer;

#[tokio::test]
async fn a_kill_during_the_start_up_scan_harms_nothing() {
    let mut random = Random::from_environment("CHARTROOM_SCAN_SEED");
    let mut server = TestServer::start(&[]);
    server.kill9();
    let storage = server.storage().to_owned();
    for n in 0..600 {
        let chart = ChartBuilder::new(&format!("app{}", n % 40), &format!("1.{n}.0"));
        fs::write(storage.join(chart.file_name()), chart.package()).expect("a writable storage");
    }
    let before = Contents::read(&storage).packages;
    for _ in 0..25 {
        server.start_again();
        tokio::time::sleep(Duration::from_micros(random.below(60_000))).await;
        if random.below(3) == 0 {
            server.sigterm();
            tokio::time::sleep(Duration::from_micros(random.below(10_000))).await;
        }
        server.kill9();
    }
    server.start_again();
    ready(&server).await;
    let (listed, bytes) = index(&server.http()).await;
    assert_eq!(listed, before);
    assert_eq!(String::from_utf8_lossy(&bytes), fresh_index(&storage));
    Contents::read(&storage).assert_nothing_temporary();
}

#[tokio::test]
async fn a_polite_stop_during_the_start_up_scan_writes_no_half_index() {
    let mut server = TestServer::start(&[]);
    server.kill9();
    let storage = server.storage().to_owned();
    for n in 0..300 {
        let chart = ChartBuilder::new("app", &format!("1.{n}.0"));
        fs::write(storage.join(chart.file_name()), chart.package()).expect("a writable storage");
    }
    for _ in 0..5 {
        server.start_again();
        assert!(server.sigterm_and_wait().success());
        if let Ok(statefile) = fs::read_to_string(storage.join("index-cache.yaml")) {
            assert_eq!(statefile, fresh_index(&storage));
            fs::remove_file(storage.join("index-cache.yaml")).unwrap();
            fs::remove_file(storage.join(".chartroom-index")).unwrap();
        }
    }
}

#[tokio::test]
async fn unfinished_uploads_are_swept_and_nothing_else() {
    let mut server = TestServer::start(&["--depth-dynamic"]);
    server.kill9();
    let storage = server.storage().to_owned();
    fs::create_dir_all(storage.join("org/team")).unwrap();
    let ours = [
        "a-1.0.0.tgz#1",
        "org/a-1.0.0.tgz.prov#12",
        "org/team/a-1.0.0.tgz#3",
        "index-cache.yaml#1",
        ".chartroom-index#2",
    ];
    let foreign = [
        "notes#1",
        "a-1.0.0.tgz#",
        "a-1.0.0.tgz#x",
        "#1",
        "org/b.tgz.bak",
    ];
    for name in ours.iter().chain(&foreign) {
        fs::write(storage.join(name), "half").unwrap();
    }
    server.start_again();
    ready(&server).await;
    for name in ours {
        assert!(!storage.join(name).exists(), "{name} is ours and temporary");
    }
    for name in foreign {
        assert!(storage.join(name).exists(), "{name} is somebody's");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_during_the_sweep_are_not_swept() {
    let mut server = TestServer::start(&[]);
    for _ in 0..5 {
        server.kill9();
        let storage = server.storage().to_owned();
        for n in 0..3000 {
            fs::write(storage.join(format!("left-0.0.{n}.tgz#1")), "half").unwrap();
        }
        server.start_again();
        let uploads: Vec<_> = (0..6)
            .map(|client| {
                let http = server.http();
                tokio::spawn(async move {
                    let mut acknowledged = Vec::new();
                    for n in 0..10 {
                        let chart = ChartBuilder::new(&format!("c{client}"), &format!("1.0.{n}"));
                        let package = chart.package();
                        http.post("/api/charts?force", package.clone())
                            .await
                            .expect(201);
                        acknowledged.push((chart.file_name(), sha256_hex(&package)));
                    }
                    acknowledged
                })
            })
            .collect();
        let mut acknowledged = Vec::new();
        for upload in uploads {
            acknowledged.extend(upload.await.unwrap());
        }
        ready(&server).await;
        let stored = Contents::read(&storage);
        stored.assert_nothing_temporary();
        let (listed, _) = index(&server.http()).await;
        assert_eq!(listed, acknowledged.into_iter().collect());
        stored.assert_listed_by(&listed);
    }
}

#[tokio::test]
async fn a_half_copied_package_is_passed_over_until_it_is_whole() {
    let chart = ChartBuilder::new("app", "1.0.0")
        .file("noise.txt", "some text to cut through ".repeat(400));
    let package = chart.package();
    let (first, second) = package.split_at(package.len() / 2);
    for found_at_start in [true, false] {
        let mut server = TestServer::start(&[]);
        server
            .http()
            .post("/api/charts", ChartBuilder::new("good", "1.0.0").package())
            .await
            .expect(201);
        let path = server.storage().join(chart.file_name());
        if found_at_start {
            assert!(server.sigterm_and_wait().success());
            fs::write(&path, first).unwrap();
            server.start_again();
        } else {
            fs::write(&path, first).unwrap();
        }
        server
            .eventually("the half is reported", || async {
                server.log().contains("Invalid package in storage")
            })
            .await;
        let (listed, _) = index(&server.http()).await;
        assert_eq!(listed.keys().collect::<Vec<_>>(), ["good-1.0.0.tgz"]);
        OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap()
            .write_all(second)
            .unwrap();
        let http = server.http();
        server
            .eventually("the whole is listed", || async {
                index(&http).await.0.len() == 2
            })
            .await;
        let (listed, _) = index(&http).await;
        assert_eq!(listed["app-1.0.0.tgz"], sha256_hex(&package));
        // and once it is cut again, it is no longer listed
        fs::write(&path, first).unwrap();
        server
            .eventually("the half is not listed", || async {
                index(&http).await.0.len() == 1
            })
            .await;
    }
}
