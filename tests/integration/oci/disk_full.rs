//! A volume without room: 507, and everything as it was.

use super::{Repository, code, digest};
use crate::support::chart_builder::{ChartBuilder, sha256_hex};
use crate::support::server::TestServer;
use crate::support::small_volume::SmallVolume;

#[tokio::test]
async fn a_push_that_does_not_fit_changes_nothing() {
    let volume = SmallVolume::mount("512k");
    let server = TestServer::options().storage(volume.path()).start();
    let http = server.http();
    let images = Repository::new(&http, "org/app");
    let image = images.push_image("1", b"layer").await;
    let charts = Repository::new(&http, "chart");
    let package = ChartBuilder::new("chart", "1.0.0").package();
    charts.push_chart("1.0.0", &package, None).await.expect(201);
    let large = vec![b'x'; 2 << 20];
    let wanted = digest(&large);
    for _ in 0..3 {
        let path = images.path(&format!("blobs/uploads/?digest={wanted}"));
        let request = http.request("POST", &path).body(large.clone());
        assert_eq!(code(&request.send().await.expect(507)), "DENIED");
        // what has come of a chunk that does not fit makes room again
        let upload = images.begin().await;
        let request = http.request("PATCH", &upload).body(large.clone());
        assert_eq!(code(&request.send().await.expect(507)), "DENIED");
        let status = http.get(&upload).await.expect(204);
        assert_eq!(status.header("range"), Some("0-0"));
    }
    assert!(images.get("manifests/1").await.expect(200).body == image);
    images
        .get(&format!("blobs/{}", digest(b"layer")))
        .await
        .expect(200);
    images.get(&format!("blobs/{wanted}")).await.expect(404);
    let entry = http.get("/api/charts/chart/1.0.0").await.expect(200).json();
    assert_eq!(entry["digest"], sha256_hex(&package));
    images.push_image("2", b"a layer that fits").await;
    let package = ChartBuilder::new("chart", "1.0.1").package();
    charts.push_chart("1.0.1", &package, None).await.expect(201);
}
