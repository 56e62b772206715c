//! The index sent from memory files: the right bytes while it changes and clients come and go, and no file left open.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::timeout;

use crate::support::chart_builder::ChartBuilder;
use crate::support::raw::RawConnection;
use crate::support::server::TestServer;

const CHARTS: usize = 160;
const READERS: usize = 4;
const REQUEST: &str = "GET /index.yaml HTTP/1.1\r\nHost: x\r\n\r\n";

/// A chart whose index entry takes some 8 KiB, so that a few make a page that is worth a file.
fn bulky(number: usize, version: &str) -> Vec<u8> {
    let description: String = (0..1000)
        .map(|word| format!(" {:06x}", word * (number + 7919)))
        .collect();
    let annotations = format!("annotations:\n  about: \"{}\"", &description[1..]);
    let chart = ChartBuilder::new(&format!("bulky-{number:03}"), version);
    chart.more_yaml(&annotations).package()
}

async fn filled() -> TestServer {
    let server = TestServer::start(&[]);
    for number in 0..CHARTS {
        server
            .http()
            .post("/api/charts", bulky(number, "1.0.0"))
            .await
            .expect(201);
    }
    server
}

/// Reads until there are memory files, as there will be when the index is read more than once.
async fn read_until_there_are_files(server: &TestServer) {
    let read = || async {
        server.http().get("/index.yaml").await.expect(200);
        server.memory_files() > 0
    };
    server
        .eventually("the index is in memory files", read)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_get_whole_indexes_while_it_changes() {
    let server = filled().await;
    read_until_there_are_files(&server).await;
    let seen = Arc::new(Mutex::new(HashMap::<String, Vec<u8>>::new()));
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let (http, seen, done) = (server.http(), Arc::clone(&seen), Arc::clone(&done));
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    let plain = http.get("/index.yaml").await.expect(200);
                    let request = http.request("GET", "/index.yaml");
                    let gzip = request
                        .header("accept-encoding", "gzip")
                        .send()
                        .await
                        .expect(200);
                    let mut inflated = Vec::new();
                    let mut decoder = flate2::read::GzDecoder::new(&gzip.body[..]);
                    decoder.read_to_end(&mut inflated).expect("a gzip member");
                    for (answer, body) in [(&plain, plain.body.to_vec()), (&gzip, inflated)] {
                        // the tag names the content; the gzip form never comes from a file
                        let tag = answer.header("etag").expect("a tag").replace("-gzip", "");
                        let mut seen = seen.lock().expect("no reader panics");
                        let first = seen.entry(tag).or_insert_with(|| body.clone());
                        assert!(*first == body, "two contents of one tag");
                    }
                }
            })
        })
        .collect();
    let leaver = {
        let (address, done) = (server.address(), Arc::clone(&done));
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let mut leaves = RawConnection::open(address).await;
                leaves.send(REQUEST).await;
                leaves.read_until(b"entries", Duration::from_secs(20)).await;
            }
        })
    };
    for number in 0..CHARTS / 2 {
        server
            .http()
            .post("/api/charts", bulky(number * 2, "1.1.0"))
            .await
            .expect(201);
        if number % 8 == 0 {
            // so that new pages get files, too
            let before = server.http().get("/index.yaml").await.expect(200);
            read_until_there_are_files(&server).await;
            let after = server.http().get("/index.yaml").await.expect(200);
            assert!(before.body == after.body);
        }
    }
    done.store(true, Ordering::Relaxed);
    for task in readers.into_iter().chain([leaver]) {
        timeout(Duration::from_secs(60), task)
            .await
            .expect("it was told to end")
            .expect("no panic");
    }
    assert!(seen.lock().expect("no reader panics").len() > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_pages_that_are_gone_are_closed() {
    let server = filled().await;
    read_until_there_are_files(&server).await;
    let mut stuck = RawConnection::open(server.address()).await;
    stuck.send(REQUEST).await;
    stuck.read_until(b"entries", Duration::from_secs(20)).await;
    for number in 0..CHARTS {
        let path = format!("/api/charts/bulky-{number:03}/1.0.0");
        server.http().delete(&path).await.expect(200);
    }
    drop(stuck);
    let none = || async { server.memory_files() == 0 };
    server.eventually("no memory file is open", none).await;
}
