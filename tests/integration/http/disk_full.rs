//! A volume without room: 507, and everything as it was.

use std::path::Path;

use super::{chart_form, files, indexed, upload};
use crate::support::chart_builder::{ChartBuilder, sha256_hex, unsigned_provenance};
use crate::support::http::{Http, Response};
use crate::support::server::TestServer;
use crate::support::small_volume::SmallVolume;

#[track_caller]
fn assert_full(answer: Response) {
    let error = answer.expect(507).json()["error"]
        .as_str()
        .expect("a text")
        .to_owned();
    assert!(error.contains("storage is full"), "{error}");
}

/// A package that does not fit.
fn too_large(version: &str) -> Vec<u8> {
    ChartBuilder::new("app", version)
        .file("noise.bin", super::noise(400_000))
        .package()
}

async fn assert_as_before(http: &Http, storage: &Path, package: &[u8]) {
    assert_eq!(indexed(http, "/index.yaml").await, ["app 1.0.0"]);
    assert_eq!(
        http.get("/api/charts/app/1.0.0").await.json()["digest"],
        sha256_hex(package)
    );
    assert!(http.get("/charts/app-1.0.0.tgz").await.expect(200).body == package);
    assert_eq!(files(storage), ["app-1.0.0.tgz"], "nothing is left behind");
}

#[tokio::test]
async fn an_upload_that_does_not_fit_changes_nothing() {
    let volume = SmallVolume::mount("256k");
    let mut server = TestServer::options().storage(volume.path()).start();
    let http = server.http();
    let package = upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    assert_full(http.post("/api/charts", too_large("2.0.0")).await);
    assert_as_before(&http, &volume.path(), &package).await;
    assert_full(
        http.post_form("/api/charts", &chart_form(&too_large("2.0.0")))
            .await,
    );
    assert_as_before(&http, &volume.path(), &package).await;
    // the provenance file would fit, the chart does not
    let provenance = unsigned_provenance("app", "2.0.0", b"");
    let both = chart_form(&too_large("2.0.0")).file("prov", "x", provenance.as_bytes());
    assert_full(http.post_form("/api/charts", &both).await);
    assert_as_before(&http, &volume.path(), &package).await;
    // neither new nor old may be lost when replacing
    assert_full(http.post("/api/charts?force", too_large("1.0.0")).await);
    assert_as_before(&http, &volume.path(), &package).await;
    upload(&http, "/api/charts", &ChartBuilder::new("small", "1.0.0")).await;
    http.delete("/api/charts/small").await.expect(200);
    assert!(server.sigterm_and_wait().success());
    server.start_again();
    assert_as_before(&server.http(), &volume.path(), &package).await;
}

#[tokio::test]
async fn a_failed_form_harms_no_other_tenant() {
    let volume = SmallVolume::mount("256k");
    let options = TestServer::options().storage(volume.path());
    let server = options.arg("--depth-dynamic").start();
    let http = server.http();
    let package = upload(&http, "/api/charts", &ChartBuilder::new("app", "2.0.0")).await;
    let provenance = unsigned_provenance("app", "2.0.0", &package);
    http.post("/api/prov", provenance.clone()).await.expect(201);
    // the same names in another tenant, of which the second does not fit
    let both = chart_form(&too_large("2.0.0")).file("prov", "x", provenance.as_bytes());
    assert_full(http.post_form("/api/org/charts", &both).await);
    assert_eq!(files(&volume.path().join("org")), [""; 0]);
    assert_eq!(indexed(&http, "/index.yaml").await, ["app 2.0.0"]);
    assert!(http.get("/charts/app-2.0.0.tgz").await.expect(200).body == package);
    let kept = http.get("/charts/app-2.0.0.tgz.prov").await.expect(200);
    assert_eq!(kept.text(), provenance);
}

#[tokio::test]
async fn a_volume_full_to_the_last_byte_still_serves_and_deletes() {
    let volume = SmallVolume::mount("256k");
    let server = TestServer::options()
        .storage(volume.path())
        .arg("--disable-statefiles")
        .start();
    let http = server.http();
    let package = upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    fill(&volume.path().join("somebody-elses-file"));
    assert_full(
        http.post("/api/charts", ChartBuilder::new("app", "2.0.0").package())
            .await,
    );
    let provenance = unsigned_provenance("app", "1.0.0", &package);
    assert_full(http.post("/api/prov", provenance).await);
    assert_eq!(indexed(&http, "/index.yaml").await, ["app 1.0.0"]);
    assert!(http.get("/charts/app-1.0.0.tgz").await.expect(200).body == package);
    http.delete("/api/charts/app/1.0.0").await.expect(200);
    http.post("/api/charts", ChartBuilder::new("app", "2.0.0").package())
        .await
        .expect(201);
    assert_eq!(indexed(&http, "/index.yaml").await, ["app 2.0.0"]);
}

/// Writes until there is no room for another byte.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).expect("a writable directory");
    for size in [4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}
