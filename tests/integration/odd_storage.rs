//! What storage can do to a server that is not in any manual: limits under concurrency, times beyond the calendar, state
//! files that outlive their charts.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::support::chart_builder::ChartBuilder;
use crate::support::server::TestServer;

fn versions(server: &TestServer) -> usize {
    let names = fs::read_dir(server.storage()).expect("the storage directory");
    let names = names.map(|entry| entry.expect("an entry").file_name());
    names
        .filter(|name| name.to_string_lossy().ends_with(".tgz"))
        .count()
}

#[tokio::test]
async fn simultaneous_uploads_under_a_limit_do_not_evict_each_other() {
    for limit in [1, 2] {
        let server = TestServer::start(&[&format!("--per-chart-limit={limit}")]);
        for round in 0..12 {
            let uploads = (0..4).map(|n| {
                let package = ChartBuilder::new("demo", &format!("{round}.{n}.0")).package();
                let http = server.http();
                tokio::spawn(async move { http.post("/api/charts", package).await.expect(201) })
            });
            for upload in uploads.collect::<Vec<_>>() {
                upload.await.expect("an upload");
            }
            assert_eq!(versions(&server), limit, "round {round}");
        }
    }
}

#[tokio::test]
async fn a_time_that_no_calendar_holds_does_no_harm() {
    // beyond any calendar, and the first second of a year that Helm cannot read
    for seconds in [99_999_999_999_999, 253_402_300_800] {
        a_time_does_no_harm(Duration::from_secs(seconds)).await;
    }
}

async fn a_time_does_no_harm(since_epoch: Duration) {
    // ext4 cannot store such a time, a tmpfs can
    let directory = tempfile::tempdir_in("/dev/shm").expect("a tmpfs at /dev/shm");
    let chart = ChartBuilder::new("demo", "1.0.0");
    let path = directory.path().join(chart.file_name());
    fs::write(&path, chart.package()).expect("a new file");
    let far = SystemTime::UNIX_EPOCH + since_epoch;
    let file = fs::File::options()
        .append(true)
        .open(&path)
        .expect("the file");
    file.set_times(fs::FileTimes::new().set_modified(far))
        .expect("a time");
    let server = TestServer::options().storage(directory.path()).start();
    let http = server.http();
    let index = http.get("/index.yaml").await.expect(200).text();
    assert!(index.contains("charts/demo-1.0.0.tgz"), "{index}");
    let dates = index.matches("\"1970-01-01T00:00:00Z\"").count();
    assert_eq!(dates, 2, "created and generated: {index}");
    http.get("/charts/demo-1.0.0.tgz").await.expect(200);
}

#[tokio::test]
async fn a_state_file_does_not_outlive_its_charts() {
    let mut server = TestServer::start(&[]);
    let chart = ChartBuilder::new("demo", "1.0.0");
    server
        .http()
        .post("/api/charts", chart.package())
        .await
        .expect(201);
    server.sigterm_and_wait();
    let statefile = server.storage().join("index-cache.yaml");
    assert!(
        fs::read_to_string(&statefile)
            .expect("a state file")
            .contains("demo")
    );
    server.start_again();
    server
        .http()
        .delete("/api/charts/demo/1.0.0")
        .await
        .expect(200);
    server.kill9();
    server.start_again();
    server.http().get("/index.yaml").await.expect(200);
    server.sigterm_and_wait();
    assert!(
        !fs::read_to_string(&statefile)
            .expect("a state file")
            .contains("demo")
    );
}
