//! Uploads: whole, streamed, in chunks, resumed, mounted, cancelled, and by clients that go away.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{Repository, code, digest, files};
use crate::support::server::TestServer;

#[tokio::test]
async fn a_blob_comes_in_every_way_a_client_sends_it() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    for (size, ways) in [(0, 3), (10, 4), (700_000, 4)] {
        for way in 0..ways {
            let blob = vec![b'a' + way; size];
            let digest = digest(&blob);
            let created = match way {
                0 => {
                    let path = repository.path(&format!("blobs/uploads?digest={digest}"));
                    let request = repository.http.request("POST", &path).body(blob.clone());
                    request.send().await
                }
                1 => {
                    let upload = repository.begin().await;
                    repository.finish(&upload, &digest, &blob).await
                }
                2 => {
                    // Docker streams, without a length
                    let upload = repository.begin().await;
                    let request = repository.http.request("PATCH", &upload);
                    let patched = request.chunked_body(blob.clone()).send().await.expect(202);
                    let held = format!("0-{}", size.saturating_sub(1));
                    assert_eq!(patched.header("range"), Some(&*held));
                    repository.finish(&upload, &digest, b"").await
                }
                _ => {
                    let upload = repository.begin().await;
                    let (first, rest) = blob.split_at(size / 2);
                    repository.patch(&upload, 0, first).await.expect(202);
                    repository.finish(&upload, &digest, rest).await
                }
            };
            let created = created.expect(201);
            assert_eq!(created.header("docker-content-digest"), Some(&*digest));
            let location = format!("/v2/org/app/blobs/{digest}");
            assert_eq!(created.header("location"), Some(&*location));
            let got = repository.http.get(&location).await.expect(200);
            assert!(got.body == blob, "{size} bytes, way {way}");
        }
    }
}

#[tokio::test]
async fn a_chunk_out_of_order_changes_nothing() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    let upload = repository.begin().await;
    repository.patch(&upload, 4, b"efgh").await.expect(416);
    repository.patch(&upload, 0, b"abcd").await.expect(202);
    for (first, chunk) in [(0, "abcd"), (2, "cdef"), (8, "ijkl")] {
        let refused = repository
            .patch(&upload, first, chunk.as_bytes())
            .await
            .expect(416);
        assert_eq!(refused.header("range"), Some("0-3"));
        assert_eq!(refused.header("location"), Some(&*upload));
        assert_eq!(code(&refused), "BLOB_UPLOAD_INVALID");
    }
    // a chunk that is not what it says
    let request = repository
        .http
        .request("PATCH", &upload)
        .header("content-range", "4-9");
    let refused = request.body("efgh").send().await.expect(400);
    assert_eq!(code(&refused), "SIZE_INVALID");
    let request = repository
        .http
        .request("PATCH", &upload)
        .header("content-range", "4-9");
    let refused = request.chunked_body("efgh").send().await.expect(400);
    assert_eq!(code(&refused), "SIZE_INVALID");
    let request = repository
        .http
        .request("PATCH", &upload)
        .header("content-range", "x");
    assert_eq!(
        code(&request.body("efgh").send().await.expect(400)),
        "BLOB_UPLOAD_INVALID"
    );
    let status = repository.http.get(&upload).await.expect(204);
    assert_eq!(status.header("range"), Some("0-3"));
    repository.patch(&upload, 4, b"efgh").await.expect(202);
    let digest = digest(b"abcdefgh");
    repository.finish(&upload, &digest, b"").await.expect(201);
    repository.http.get(&upload).await.expect(404);
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart_and_after_a_kill() {
    let mut server = TestServer::start(&[]);
    let blob: Vec<u8> = (0..900_000u32).map(|n| (n % 251) as u8).collect();
    let upload = Repository::new(&server.http(), "org/app").begin().await;
    for (n, chunk) in blob.chunks(300_000).enumerate() {
        let repository = Repository::new(&server.http(), "org/app");
        let patched = repository
            .patch(&upload, n * 300_000, chunk)
            .await
            .expect(202);
        let held = format!("0-{}", n * 300_000 + chunk.len() - 1);
        assert_eq!(patched.header("range"), Some(&*held));
        if n == 0 {
            server.restart();
        } else {
            server.kill9();
            server.start_again();
        }
    }
    let repository = Repository::new(&server.http(), "org/app");
    let digest = digest(&blob);
    repository.finish(&upload, &digest, b"").await.expect(201);
    let got = repository.get(&format!("blobs/{digest}")).await.expect(200);
    assert!(got.body == blob);
}

#[tokio::test]
async fn what_came_before_a_connection_broke_is_kept() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    let upload = repository.begin().await;
    let blob = vec![b'x'; 600_000];
    let mut connection = TcpStream::connect(server.address())
        .await
        .expect("a connection");
    let head = format!("PATCH {upload} HTTP/1.1\r\nhost: x\r\ncontent-length: 600000\r\n\r\n");
    connection.write_all(head.as_bytes()).await.expect("a head");
    connection
        .write_all(&blob[..400_000])
        .await
        .expect("a part of a body");
    connection.shutdown().await.expect("an end");
    drop(connection);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let held = loop {
        let status = repository.http.get(&upload).await.expect(204);
        let range = status.header("range").expect("a range").to_owned();
        let held: usize = range
            .rsplit('-')
            .next()
            .and_then(|n| n.parse().ok())
            .expect("a number");
        if held == 399_999 {
            break held + 1;
        }
        assert!(tokio::time::Instant::now() < deadline, "{range} is held");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    repository
        .patch(&upload, held, &blob[held..])
        .await
        .expect(202);
    repository
        .finish(&upload, &digest(&blob), b"")
        .await
        .expect(201);
}

#[tokio::test]
async fn a_digest_that_does_not_match_stores_nothing() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    let other = digest(b"other");
    let upload = repository.begin().await;
    let refused = repository
        .finish(&upload, &other, b"blob")
        .await
        .expect(400);
    assert_eq!(code(&refused), "DIGEST_INVALID");
    repository.http.get(&upload).await.expect(404);
    repository.get(&format!("blobs/{other}")).await.expect(404);
    repository
        .get(&format!("blobs/{}", digest(b"blob")))
        .await
        .expect(404);
    // without a digest, or with none that is one, it goes on
    let upload = repository.begin().await;
    for bad in ["", "?digest=sha256:0", "?digest=md5:00", "?digest="] {
        let request = repository.http.request("PUT", &format!("{upload}{bad}"));
        assert_eq!(code(&request.send().await.expect(400)), "DIGEST_INVALID");
    }
    repository.http.get(&upload).await.expect(204);
}

#[tokio::test]
async fn an_upload_belongs_to_its_repository_until_it_is_cancelled() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    let upload = repository.begin().await;
    let elsewhere = upload.replace("org/app", "org/other");
    for (method, path) in [
        ("GET", &elsewhere),
        ("PATCH", &elsewhere),
        ("DELETE", &elsewhere),
    ] {
        let refused = server.http().request(method, path).send().await.expect(404);
        assert_eq!(code(&refused), "BLOB_UPLOAD_UNKNOWN");
    }
    for id in [
        "x",
        "..%2f..%2fx",
        "00000000-0000-4000-8000-000000000000-0000000000000000",
    ] {
        repository
            .get(&format!("blobs/uploads/{id}"))
            .await
            .expect(404);
    }
    server
        .http()
        .request("DELETE", &upload)
        .send()
        .await
        .expect(204);
    server
        .http()
        .request("DELETE", &upload)
        .send()
        .await
        .expect(404);
    repository.http.get(&upload).await.expect(404);
}

#[tokio::test]
async fn a_blob_is_mounted_without_its_bytes_being_sent() {
    let server = TestServer::start(&[]);
    let (from, to) = ("org/from", "org/to");
    let from = Repository::new(&server.http(), from);
    let to = Repository::new(&server.http(), to);
    let blob = from.push_blob(b"shared").await;
    to.get(&format!("blobs/{blob}")).await.expect(404);
    for (query, status) in [
        (format!("mount={blob}&from=org/nobody"), 202),
        (format!("mount={blob}&from=Not+A+Name"), 202),
        (format!("mount={}&from=org/from", digest(b"absent")), 202),
        (format!("mount={blob}&from=org%2Ffrom&origin=x"), 201),
        (format!("mount={blob}"), 201),
    ] {
        let path = to.path(&format!("blobs/uploads/?{query}"));
        let mounted = server
            .http()
            .request("POST", &path)
            .send()
            .await
            .expect(status);
        let location = mounted.header("location").expect("a location");
        if status == 201 {
            assert_eq!(location, format!("/v2/org/to/blobs/{blob}"));
        } else {
            assert!(
                location.starts_with("/v2/org/to/blobs/uploads/"),
                "{location}"
            );
        }
    }
    from.delete(&format!("blobs/{blob}")).await.expect(202);
    from.get(&format!("blobs/{blob}")).await.expect(404);
    assert_eq!(
        to.get(&format!("blobs/{blob}")).await.expect(200).text(),
        "shared"
    );
    to.delete(&format!("blobs/{blob}")).await.expect(202);
    let left = files(&server.storage().join(".oci/blobs"));
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn an_upload_may_take_longer_than_the_timeouts_of_requests() {
    let server = TestServer::start(&["--read-timeout=1"]);
    let repository = Repository::new(&server.http(), "org/app");
    let upload = repository.begin().await;
    let mut connection = TcpStream::connect(server.address())
        .await
        .expect("a connection");
    let path = format!("{upload}?digest={}", digest(b"12345678"));
    let head =
        format!("PUT {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 8\r\n\r\n");
    connection.write_all(head.as_bytes()).await.expect("a head");
    for byte in b"12345678" {
        // not for luck: this is the slow line
        tokio::time::sleep(Duration::from_millis(250)).await;
        connection.write_all(&[*byte]).await.expect("a byte");
    }
    let mut answer = Vec::new();
    let reading = tokio::io::AsyncReadExt::read_to_end(&mut connection, &mut answer);
    tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .expect("in time")
        .expect("an answer");
    assert!(
        answer.starts_with(b"HTTP/1.1 201"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}
