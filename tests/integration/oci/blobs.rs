//! Blobs as they are read.

use super::{Repository, code, digest};
use crate::support::server::TestServer;

#[tokio::test]
async fn ranges_are_answered_as_the_specification_wants_them() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    let blob: Vec<u8> = (0..2048u32).map(|n| (n % 251) as u8).collect();
    let digest = repository.push_blob(&blob).await;
    let path = repository.path(&format!("blobs/{digest}"));
    for (range, status, bytes) in [
        ("bytes=500-1499", 206, 500..1500),
        ("bytes=500-", 206, 500..2048),
        ("bytes=-500", 206, 1548..2048),
        ("bytes=2000-5000", 206, 2000..2048),
        ("bytes=0-1,5-6", 200, 0..2048),
    ] {
        for method in ["GET", "HEAD"] {
            let request = server.http().request(method, &path).header("range", range);
            let got = request.send().await.expect(status);
            let length = bytes.len().to_string();
            assert_eq!(got.header("content-length"), Some(&*length), "{range}");
            if status == 206 {
                let expected = format!("bytes {}-{}/2048", bytes.start, bytes.end - 1);
                assert_eq!(got.header("content-range"), Some(&*expected));
            }
            if method == "GET" {
                assert!(got.body == blob[bytes.clone()], "{range}");
            } else {
                assert!(got.body.is_empty());
            }
        }
    }
    for range in ["bytes=500-0", "bytes=5000-10000", "bytes=2048-"] {
        let request = server.http().request("GET", &path).header("range", range);
        let refused = request.send().await.expect(416);
        assert_eq!(refused.header("content-range"), Some("bytes */2048"));
    }
    let request = server
        .http()
        .request("GET", &path)
        .header("range", "bytes=0-1");
    request
        .header("if-range", "\"other\"")
        .send()
        .await
        .expect(200);
}

#[tokio::test]
async fn a_blob_is_only_where_it_was_pushed() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    let digest = repository.push_blob(b"mine").await;
    for method in ["GET", "HEAD"] {
        let path = repository.path(&format!("blobs/{}", digest.replace(':', "%3A")));
        let got = server
            .http()
            .request(method, &path)
            .send()
            .await
            .expect(200);
        assert_eq!(got.header("docker-content-digest"), Some(&*digest));
        assert_eq!(got.header("content-length"), Some("4"));
        assert_eq!(got.header("accept-ranges"), Some("bytes"));
        assert_eq!(
            got.header("docker-distribution-api-version"),
            Some("registry/2.0")
        );
    }
    let other = Repository::new(&server.http(), "org/other");
    let refused = other.get(&format!("blobs/{digest}")).await.expect(404);
    assert_eq!(code(&refused), "BLOB_UNKNOWN");
    assert_eq!(
        code(&repository.get("blobs/sha256:0").await.expect(400)),
        "DIGEST_INVALID"
    );
}

#[tokio::test]
async fn one_content_is_stored_once() {
    let server = TestServer::start(&[]);
    for name in ["a", "b/c", "d"] {
        Repository::new(&server.http(), name)
            .push_blob(b"the same")
            .await;
    }
    let hex = digest(b"the same").replace("sha256:", "");
    let blobs = server.storage().join(".oci/blobs/sha256").join(&hex[..2]);
    assert_eq!(std::fs::read_dir(blobs).expect("blobs").count(), 1);
}

#[tokio::test]
async fn what_a_manifest_needs_is_not_deleted_before_it() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    let manifest = repository.push_image("1", b"layer").await;
    let layer = format!("blobs/{}", digest(b"layer"));
    assert_eq!(code(&repository.delete(&layer).await.expect(405)), "DENIED");
    repository
        .delete(&format!("manifests/{}", digest(&manifest)))
        .await
        .expect(202);
    repository.get("manifests/1").await.expect(404);
    repository.delete(&layer).await.expect(202);
    repository.delete(&layer).await.expect(404);
}
