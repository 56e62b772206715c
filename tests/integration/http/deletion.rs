//! Deleting versions and whole charts.

use serde_json::json;

use super::{files, indexed, put_by_hand, upload};
use crate::support::chart_builder::{ChartBuilder, unsigned_provenance};
use crate::support::server::TestServer;

#[tokio::test]
async fn a_version_can_be_deleted_once() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for version in ["1.0.0", "2.0.0"] {
        upload(&http, "/api/charts", &ChartBuilder::new("app", version)).await;
    }
    let answer = http.delete("/api/charts/app/2.0.0").await.expect(200);
    assert_eq!(answer.json(), json!({ "deleted": true }));
    assert_eq!(indexed(&http, "/index.yaml").await, ["app 1.0.0"]);
    http.get("/charts/app-2.0.0.tgz")
        .await
        .expect_error(404, "object not found");
    let again = http.delete("/api/charts/app/2.0.0").await.expect(404);
    let error = again.json()["error"].as_str().expect("a text").to_owned();
    assert!(!error.contains('/'), "no path of the server: {error}");
    http.delete("/api/charts/app/1.0.0").await.expect(200);
    http.get("/api/charts/app")
        .await
        .expect_error(404, "chart not found");
    assert_eq!(indexed(&http, "/index.yaml").await, [""; 0]);
    assert_eq!(files(server.storage()), [""; 0]);
}

#[tokio::test]
async fn only_the_exact_version_is_deleted() {
    let server = TestServer::start(&[]);
    let http = server.http();
    upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    for version in ["latest", "*", "1", "v1.0.0", "%5E1.0.0", "1.0.0.tgz"] {
        http.delete(&format!("/api/charts/app/{version}"))
            .await
            .expect(404);
    }
    assert_eq!(indexed(&http, "/index.yaml").await, ["app 1.0.0"]);
}

#[tokio::test]
async fn a_whole_chart_goes_with_its_provenance_files() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for version in ["1.0.0", "1.1.0", "2.0.0-rc.1"] {
        let package = upload(&http, "/api/charts", &ChartBuilder::new("app", version)).await;
        let provenance = unsigned_provenance("app", version, &package);
        put_by_hand(
            server.storage(),
            &format!("app-{version}.tgz.prov"),
            provenance.as_bytes(),
        );
    }
    upload(&http, "/api/charts", &ChartBuilder::new("app-two", "1.0.0")).await;
    let answer = http.delete("/api/charts/app").await.expect(200);
    assert_eq!(answer.json(), json!({ "deleted": true }));
    assert_eq!(indexed(&http, "/index.yaml").await, ["app-two 1.0.0"]);
    assert_eq!(files(server.storage()), ["app-two-1.0.0.tgz"]);
    http.delete("/api/charts/app").await.expect(404);
}

#[tokio::test]
async fn deleted_is_deleted_after_a_restart_too() {
    let mut server = TestServer::start(&[]);
    for version in ["1.0.0", "2.0.0"] {
        upload(
            &server.http(),
            "/api/charts",
            &ChartBuilder::new("app", version),
        )
        .await;
    }
    server
        .http()
        .delete("/api/charts/app/1.0.0")
        .await
        .expect(200);
    server.restart();
    assert_eq!(indexed(&server.http(), "/index.yaml").await, ["app 2.0.0"]);
}

#[tokio::test]
async fn a_failure_of_the_storage_names_no_path_to_the_client() {
    let server = TestServer::start(&["--depth=1"]);
    // a link to itself where a tenant's directory should be: listing and writing fail, even for root
    std::os::unix::fs::symlink("org", server.storage().join("org")).expect("a link");
    let http = server.http();
    let package = ChartBuilder::new("app", "1.0.0").package();
    for answer in [
        http.get("/org/index.yaml").await,
        http.get("/api/org/charts").await,
        http.post("/api/org/charts", package).await,
        http.delete("/api/org/charts/app/1.0.0").await,
    ] {
        let answer = answer.expect(500);
        let error = answer.json()["error"].as_str().expect("a text").to_owned();
        assert!(!error.contains('/') && !error.contains("org"), "{error}");
    }
    server
        .eventually("the log has every cause", async || {
            let log = server.log();
            let causes = log.lines().filter(|line| {
                line.contains("\"L\":\"ERROR\"")
                    && line.contains("Too many levels of symbolic links")
            });
            causes.count() == 4 && !log.contains("the server's log has the cause")
        })
        .await;
}
