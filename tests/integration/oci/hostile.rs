//! What a client may do to a registry, and what it costs.

use serde_json::json;

use super::{IMAGE, INDEX, Repository, code, descriptor, digest};
use crate::support::server::TestServer;

#[tokio::test]
async fn large_manifests_and_long_chains_are_taken_within_bounds() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    let mut entries = Vec::new();
    for n in 0..10_000u32 {
        entries.push(descriptor(IMAGE, &n.to_be_bytes()));
    }
    let index = json!({ "schemaVersion": 2, "manifests": entries }).to_string();
    repository
        .put("index", INDEX, index.as_bytes())
        .await
        .expect(201);
    assert!(repository.get("manifests/index").await.expect(200).text() == index);
    // each refers to the one before
    repository.push_blob(b"{}").await;
    let mut subject = descriptor(IMAGE, b"never pushed");
    let first = subject["digest"].as_str().expect("a digest").to_owned();
    for _ in 0..200 {
        let manifest = json!({
            "schemaVersion": 2,
            "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [],
            "subject": subject,
        })
        .to_string();
        repository
            .put(&digest(manifest.as_bytes()), IMAGE, manifest.as_bytes())
            .await
            .expect(201);
        subject = descriptor(IMAGE, manifest.as_bytes());
    }
    let listed = repository
        .get(&format!("referrers/{first}"))
        .await
        .expect(200)
        .json();
    assert_eq!(listed["manifests"].as_array().map(Vec::len), Some(1));
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let refused = repository
        .put("nested", IMAGE, nested.as_bytes())
        .await
        .expect(400);
    assert_eq!(code(&refused), "MANIFEST_INVALID");
}

#[tokio::test]
async fn uploads_that_are_never_finished_are_bounded() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    let before = server.memory();
    let mut begun = 0;
    let refused = loop {
        let request = server
            .http()
            .request("POST", &repository.path("blobs/uploads/"));
        let answer = request.send().await;
        if answer.status != 202 {
            break answer.expect(429);
        }
        begun += 1;
        assert!(begun <= 2048, "there is no end");
    };
    assert_eq!(begun, 2048);
    assert_eq!(code(&refused), "TOOMANYREQUESTS");
    assert!(refused.header("retry-after").is_some());
    // reading goes on, and so does what was begun
    repository.get("tags/list").await.expect(404);
    let grown = server.memory().resident.saturating_sub(before.resident);
    assert!(grown < 16 << 20, "{grown} bytes more");
}
