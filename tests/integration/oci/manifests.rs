//! Manifests, tags and referrers.

use serde_json::json;

use super::{IMAGE, INDEX, Repository, code, descriptor, digest};
use crate::support::server::TestServer;

#[tokio::test]
async fn what_was_pushed_is_what_is_served() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    // odd white space, an unknown field, no final newline: bytes are never written anew
    let manifest = repository.image(b"layer").await;
    let text = String::from_utf8(manifest.to_vec()).expect("JSON");
    let manifest = text
        .replacen('{', "{ \n\t\"custom\" : 1.50 , ", 1)
        .into_bytes();
    let put = repository
        .put("1.0", &format!("{IMAGE}; charset=utf-8"), &manifest)
        .await
        .expect(201);
    let digest = digest(&manifest);
    assert_eq!(put.header("docker-content-digest"), Some(&*digest));
    let location = format!("/v2/org/app/manifests/{digest}");
    assert_eq!(put.header("location"), Some(&*location));
    for reference in ["1.0", &digest] {
        for method in ["GET", "HEAD"] {
            let path = repository.path(&format!("manifests/{reference}"));
            let got = server
                .http()
                .request(method, &path)
                .send()
                .await
                .expect(200);
            assert_eq!(got.header("content-type"), Some(IMAGE));
            assert_eq!(got.header("docker-content-digest"), Some(&*digest));
            let length = manifest.len().to_string();
            assert_eq!(got.header("content-length"), Some(&*length));
            assert!(got.body == manifest || method == "HEAD");
        }
    }
    let known = server
        .http()
        .request("GET", &repository.path("manifests/1.0"));
    let known = known.header("if-none-match", &format!("\"{digest}\""));
    known.send().await.expect(304);
}

#[tokio::test]
async fn a_manifest_of_absent_blobs_is_refused_unless_sparse_ones_are_taken() {
    for (sparse, image, index) in [("none", 400, 400), ("index", 400, 201), ("all", 201, 201)] {
        let server = TestServer::start(&[&format!("--oci-sparse={sparse}")]);
        let repository = Repository::new(&server.http(), "org/app");
        let manifest = json!({
            "schemaVersion": 2,
            "config": descriptor("application/x", b"absent"),
            "layers": [descriptor("application/y", b"absent too")],
        });
        let put = repository
            .put("1", IMAGE, manifest.to_string().as_bytes())
            .await
            .expect(image);
        if image == 400 {
            assert_eq!(code(&put), "MANIFEST_BLOB_UNKNOWN");
            assert_eq!(put.json()["errors"].as_array().map(Vec::len), Some(2));
            repository.get("tags/list").await.expect(404);
        }
        let manifest = json!({ "schemaVersion": 2, "manifests": [descriptor(IMAGE, b"absent")] });
        repository
            .put("2", INDEX, manifest.to_string().as_bytes())
            .await
            .expect(index);
    }
}

#[tokio::test]
async fn what_is_no_manifest_is_refused() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    let manifest = repository.image(b"layer").await;
    for (reference, media_type, body, expected) in [
        ("1", IMAGE, &b"not JSON"[..], "MANIFEST_INVALID"),
        ("1", INDEX, &manifest, "MANIFEST_INVALID"),
        (
            "1",
            "application/vnd.docker.distribution.manifest.v1+json",
            &manifest,
            "MANIFEST_INVALID",
        ),
        (".bad", IMAGE, &manifest, "MANIFEST_INVALID"),
        ("sha256:baddigeststring", IMAGE, &manifest, "DIGEST_INVALID"),
        (&digest(b"other"), IMAGE, &manifest, "DIGEST_INVALID"),
        ("1?tag=.bad", IMAGE, &manifest, "MANIFEST_INVALID"),
    ] {
        let refused = repository
            .put(reference, media_type, body)
            .await
            .expect(400);
        assert_eq!(code(&refused), expected, "{reference} {media_type}");
    }
    let large = vec![b' '; (4 << 20) + 1];
    repository.put("1", IMAGE, &large).await.expect(413);
    let tags = "&tag=x".repeat(101);
    repository
        .put(&format!("1?{}", &tags[1..]), IMAGE, &manifest)
        .await
        .expect(414);
    assert_eq!(
        code(&repository.get("manifests/.bad").await.expect(404)),
        "MANIFEST_UNKNOWN"
    );
    assert_eq!(
        code(&repository.get("manifests/sha256:bad").await.expect(400)),
        "DIGEST_INVALID"
    );
}

#[tokio::test]
async fn a_digest_goes_with_its_tags_and_a_tag_goes_alone() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    let manifest = repository.push_image("a", b"layer").await;
    let digest = digest(&manifest);
    let put = repository
        .put(&format!("{digest}?tag=b&tag=c"), IMAGE, &manifest)
        .await
        .expect(201);
    let tags: Vec<_> = put.headers.get_all("oci-tag").iter().collect();
    assert_eq!(tags, ["b", "c"]);
    repository.delete("manifests/a").await.expect(202);
    repository.get("manifests/a").await.expect(404);
    repository.get("manifests/b").await.expect(200);
    repository
        .delete(&format!("manifests/{digest}"))
        .await
        .expect(202);
    for reference in ["b", "c", &digest] {
        repository
            .get(&format!("manifests/{reference}"))
            .await
            .expect(404);
        repository
            .delete(&format!("manifests/{reference}"))
            .await
            .expect(404);
    }
}

#[tokio::test]
async fn referrers_are_found_whenever_they_came() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    let image = repository.image(b"layer").await;
    let subject = digest(&image);
    let none = repository
        .get(&format!("referrers/{subject}"))
        .await
        .expect(200);
    assert_eq!(none.header("content-type"), Some(INDEX));
    assert_eq!(none.json()["manifests"], json!([]));
    repository.get("referrers/sha256:0").await.expect(400);
    let referrer = |kind: &str, note: &str| {
        json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "artifactType": kind,
            "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [],
            "subject": descriptor(IMAGE, &image),
            "annotations": { "note": note },
        })
        .to_string()
    };
    let (sbom, signature) = (referrer("a/sbom", "1"), referrer("a/signature+x", "2"));
    for document in [&sbom, &signature] {
        let put = repository
            .put(&digest(document.as_bytes()), IMAGE, document.as_bytes())
            .await;
        assert_eq!(put.expect(201).header("oci-subject"), Some(&*subject));
    }
    repository.put("1", IMAGE, &image).await.expect(201);
    let all = repository
        .get(&format!("referrers/{subject}"))
        .await
        .expect(200)
        .json();
    assert_eq!(all["manifests"].as_array().map(Vec::len), Some(2));
    let path = format!("referrers/{subject}?artifactType=a%2Fsignature%2Bx");
    let filtered = repository.get(&path).await.expect(200);
    assert_eq!(filtered.header("oci-filters-applied"), Some("artifactType"));
    assert_eq!(
        filtered.json()["manifests"],
        json!([{
            "mediaType": IMAGE,
            "digest": digest(signature.as_bytes()),
            "size": signature.len(),
            "artifactType": "a/signature+x",
            "annotations": { "note": "2" },
        }])
    );
    repository
        .delete(&format!("manifests/{}", digest(sbom.as_bytes())))
        .await
        .expect(202);
    let left = repository
        .get(&format!("referrers/{subject}"))
        .await
        .expect(200)
        .json();
    assert_eq!(left["manifests"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn everything_is_there_after_a_kill() {
    let mut server = TestServer::start(&[]);
    let image = Repository::new(&server.http(), "org/app")
        .push_image("1", b"layer")
        .await;
    server.kill9();
    server.start_again();
    let repository = Repository::new(&server.http(), "org/app");
    assert!(repository.get("manifests/1").await.expect(200).body == image);
    repository
        .get(&format!("blobs/{}", digest(b"layer")))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_mirror_keeps_two_registries_apart() {
    let server = TestServer::start(&[]);
    let images = [
        "docker.io/library/app",
        "quay.io_8443/library/app",
        "library/app",
    ];
    let mut pushed = Vec::new();
    for (n, name) in images.iter().enumerate() {
        let repository = Repository::new(&server.http(), name);
        pushed.push(
            repository
                .push_image("1", format!("layer {n}").as_bytes())
                .await,
        );
    }
    let repository = Repository::new(&server.http(), "library/app");
    for (ns, expected) in [
        ("docker.io", 0),
        ("index.docker.io", 0),
        ("registry-1.docker.io", 0),
        ("quay.io%3A8443", 1),
        ("ghcr.io", 2),
        ("..%2F..", 2),
    ] {
        let got = repository
            .get(&format!("manifests/1?ns={ns}"))
            .await
            .expect(200);
        assert!(got.body == pushed[expected], "{ns}");
        assert!(got.header("oci-namespace").is_some());
        let layer = digest(format!("layer {expected}").as_bytes());
        repository
            .get(&format!("blobs/{layer}?ns={ns}"))
            .await
            .expect(200);
    }
    repository.get("manifests/2?ns=docker.io").await.expect(404);
}
