//! What nobody needs is removed, and nothing else.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::{IMAGE, INDEX, Repository, descriptor, digest, files};
use crate::support::chart_builder::ChartBuilder;
use crate::support::server::{TestServer, chartroom};

/// Makes everything in the registry two days old.
fn age(storage: &Path) {
    let then = SystemTime::now() - Duration::from_secs(2 * 86400);
    for path in files(&storage.join(".oci")) {
        let file = fs::File::open(path).expect("a file");
        file.set_modified(then).expect("a time");
    }
}

fn gc(storage: &Path, arguments: &[&str]) -> String {
    let root = format!("--storage-local-rootdir={}", storage.display());
    let arguments = [&["gc", "--storage=local", &root], arguments].concat();
    chartroom(&arguments, storage).succeeded().stdout()
}

#[tokio::test]
async fn only_what_is_old_and_needed_by_nobody_goes() {
    let server = TestServer::start(&["--oci-gc-interval=0"]);
    let http = server.http();
    let repository = Repository::new(&http, "org/app");
    // kept: a tagged image with its signature, an index with its child, a chart
    let image = repository.push_image("kept", b"kept layer").await;
    let signature = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [],
        "subject": descriptor(IMAGE, &image),
    })
    .to_string();
    let signature_digest = digest(signature.as_bytes());
    repository
        .put(&signature_digest, IMAGE, signature.as_bytes())
        .await
        .expect(201);
    let child = repository.image(b"child layer").await;
    repository
        .put(&digest(&child), IMAGE, &child)
        .await
        .expect(201);
    let index = json!({ "schemaVersion": 2, "manifests": [descriptor(IMAGE, &child)] }).to_string();
    repository
        .put("index", INDEX, index.as_bytes())
        .await
        .expect(201);
    let package = ChartBuilder::new("chart", "1.0.0").package();
    let charts = Repository::new(&http, "chart");
    charts.push_chart("1.0.0", &package, None).await.expect(201);
    let chart = charts.get("manifests/1.0.0").await.expect(200).body;
    // to go: an image whose tag has gone, a blob of nothing, an upload, a chart's manifest whose chart was deleted
    let gone = repository.push_image("gone", b"gone layer").await;
    repository.delete("manifests/gone").await.expect(202);
    let lost = repository.push_blob(b"of nothing").await;
    let upload = repository.begin().await;
    repository
        .patch(&upload, 0, b"unfinished")
        .await
        .expect(202);
    let deleted = ChartBuilder::new("chart", "2.0.0").package();
    charts.push_chart("2.0.0", &deleted, None).await.expect(201);
    http.request("DELETE", "/api/charts/chart/2.0.0")
        .send()
        .await
        .expect(200);

    let young = gc(server.storage(), &[]);
    assert_eq!(
        young,
        "removed 0 manifests and 0 blobs (0 bytes), 0 unfinished uploads\n"
    );
    age(server.storage());
    // young: what has just been pushed, and what a pusher has just asked for
    repository.push_blob(b"young").await;
    repository.head(&format!("blobs/{lost}")).await.expect(200);
    let before = files(&server.storage().join(".oci"));
    let dry = gc(server.storage(), &["--dry-run"]);
    assert!(
        dry.starts_with("would remove 2 manifests and 1 blobs ("),
        "{dry}"
    );
    assert!(dry.ends_with("), 1 unfinished uploads\n"), "{dry}");
    assert_eq!(files(&server.storage().join(".oci")), before);
    let done = gc(server.storage(), &[]);
    assert_eq!(done.replace("removed", "would remove"), dry);

    for reference in ["kept", "index", &signature_digest, &digest(&child)] {
        repository
            .get(&format!("manifests/{reference}"))
            .await
            .expect(200);
    }
    for blob in [
        &b"kept layer"[..],
        b"child layer",
        b"{}",
        b"young",
        b"of nothing",
    ] {
        let path = format!("blobs/{}", digest(blob));
        assert!(repository.get(&path).await.expect(200).body == blob);
    }
    let referrers = repository
        .get(&format!("referrers/{}", digest(&image)))
        .await
        .expect(200);
    assert_eq!(
        referrers.json()["manifests"].as_array().map(Vec::len),
        Some(1)
    );
    assert!(charts.get("manifests/1.0.0").await.expect(200).body == chart);
    repository
        .get(&format!("manifests/{}", digest(&gone)))
        .await
        .expect(404);
    repository
        .get(&format!("blobs/{}", digest(b"gone layer")))
        .await
        .expect(404);
    http.get(&upload).await.expect(404);
    let again = gc(server.storage(), &[]);
    assert_eq!(
        again,
        "removed 0 manifests and 0 blobs (0 bytes), 0 unfinished uploads\n"
    );
}

#[tokio::test]
async fn the_server_collects_by_itself() {
    let server = TestServer::start(&["--oci-gc-interval=200ms", "--oci-gc-grace=1s"]);
    let repository = Repository::new(&server.http(), "org/app");
    let image = repository.push_image("kept", b"kept layer").await;
    let lost = repository.push_blob(b"of nothing").await;
    let upload = repository.begin().await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        // asked of the disk: a request would keep the blob young
        let left = files(&server.storage().join(".oci/blobs")).len();
        let is_expired = server.http().get(&upload).await.status == 404;
        if left == 2 && is_expired {
            break;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{left} blobs are left"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    repository.get(&format!("blobs/{lost}")).await.expect(404);
    assert!(repository.get("manifests/kept").await.expect(200).body == image);
}

/// Pushes race a collection that spares nothing: whatever was acknowledged with a tag is whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pushes_go_on_beside_a_collection_without_a_grace() {
    let server = TestServer::start(&["--oci-gc-interval=10ms", "--oci-gc-grace=2s"]);
    let pushing = (0..4).map(|n| {
        let repository = Repository::new(&server.http(), &format!("org/app{n}"));
        tokio::spawn(async move {
            for round in 0..30 {
                // the same layers again and again: collected, and pushed again
                let layer = format!("layer {}", round % 3);
                repository.push_image("tag", layer.as_bytes()).await;
                let got = repository.get("manifests/tag").await.expect(200).json();
                let wanted = got["layers"][0]["digest"]
                    .as_str()
                    .expect("a digest")
                    .to_owned();
                let blob = repository.get(&format!("blobs/{wanted}")).await.expect(200);
                assert_eq!(digest(&blob.body), wanted);
            }
        })
    });
    for pushed in pushing.collect::<Vec<_>>() {
        pushed.await.expect("pushes succeed");
    }
}
