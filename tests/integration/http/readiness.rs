//! The start: the port is open at once, and nobody sees half an index.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{indexed, put_by_hand};
use crate::support::chart_builder::ChartBuilder;
use crate::support::server::{ServerOptions, TestServer};
use crate::support::tar::Tar;

/// Copies of a package that takes long to open.
const SLOW: usize = 12;

/// A storage whose first scan takes a while: it unpacks a gigabyte, one package after the other.
fn slow_storage() -> (TempDir, ServerOptions) {
    let storage = TempDir::new().expect("a temporary directory");
    fill_slowly(storage.path());
    let options = TestServer::options().storage(storage.path());
    let options = options.args(["--index-limit=1", "--disable-statefiles"]);
    (storage, options)
}

fn fill_slowly(directory: &Path) {
    let mut slow = Tar::new().file(
        "slow/Chart.yaml",
        b"apiVersion: v2\nname: slow\nversion: 1.0.0\n",
    );
    for number in 0..19 {
        slow = slow.zeros(&format!("slow/zeros-{number}"), 5 << 20);
    }
    let first = directory.join("slow-0.tgz");
    fs::write(&first, slow.gzip()).expect("a writable directory");
    for number in 1..SLOW {
        fs::hard_link(&first, directory.join(format!("slow-{number}.tgz"))).expect("a link");
    }
    put_by_hand(
        directory,
        "app-1.0.0.tgz",
        &ChartBuilder::new("app", "1.0.0").package(),
    );
}

#[tokio::test]
async fn requests_before_the_index_is_complete_wait_for_it() {
    let (_storage, options) = slow_storage();
    let server = options.start();
    let http = server.http();
    let early = http.get("/readyz").await.expect(503);
    assert_eq!(early.json()["ready"], false);
    assert!(early.header("retry-after").is_some());
    http.get("/health").await.expect(200);
    http.get("/info").await.expect(200);
    // a package needs no index
    http.get("/charts/app-1.0.0.tgz").await.expect(200);
    http.get("/readyz").await.expect(503);
    let expected = ["app 1.0.0", "slow 1.0.0"];
    let (index, list, version) = tokio::join!(
        indexed(&http, "/index.yaml"),
        super::listed(&http, "/api/charts"),
        http.get("/api/charts/app/latest")
    );
    assert_eq!(index, expected);
    assert_eq!(list, expected);
    version.expect(200);
    super::ready(&server).await;
    assert_eq!(http.get("/readyz").await.expect(200).json()["ready"], true);
}

#[tokio::test]
async fn an_upload_before_the_index_is_complete_is_in_it() {
    let (_storage, options) = slow_storage();
    let server = options.start();
    let http = server.http();
    http.get("/readyz").await.expect(503);
    http.post("/api/charts", ChartBuilder::new("new", "1.0.0").package())
        .await
        .expect(201);
    assert_eq!(
        indexed(&http, "/index.yaml").await,
        ["app 1.0.0", "new 1.0.0", "slow 1.0.0"]
    );
}

#[tokio::test]
async fn a_tenant_that_is_being_scanned_delays_no_other() {
    let storage = TempDir::new().expect("a temporary directory");
    fs::create_dir(storage.path().join("large")).expect("a writable directory");
    fill_slowly(&storage.path().join("large"));
    let options = TestServer::options().storage(storage.path());
    let server = options
        .args(["--index-limit=1", "--disable-statefiles", "--depth=1"])
        .start();
    let http = server.http();
    let chart = ChartBuilder::new("app", "1.0.0");
    super::upload(&http, "/api/small/charts", &chart).await;
    assert_eq!(indexed(&http, "/small/index.yaml").await, ["app 1.0.0"]);
    http.delete("/api/small/charts/app").await.expect(200);
    http.get("/readyz").await.expect(503);
    assert_eq!(indexed(&http, "/large/index.yaml").await.len(), 2);
}

#[tokio::test]
async fn an_empty_storage_is_ready_soon() {
    let server = TestServer::start(&[]);
    super::ready(&server).await;
}
