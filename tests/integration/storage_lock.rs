//! Two servers on one directory: refused, unless each knows of the other.

use std::fs;

use crate::recovery::contents::{index, ready};
use crate::support::chart_builder::{ChartBuilder, sha256_hex};
use crate::support::server::TestServer;

#[tokio::test]
async fn a_second_server_is_refused_and_told_which_one_is_there() {
    let first = TestServer::start(&[]);
    for sharing in [&[][..], &["--shared-storage"]] {
        let second = TestServer::options().storage(first.storage()).args(sharing);
        let said = second.run_to_exit().failed().stderr();
        for part in [
            "is served by another chartroom",
            &format!("process {} on ", first.id()),
            "stop that one, give this one a directory of its own, or start each of them with --shared-storage",
        ] {
            assert!(said.contains(part), "{part:?} is not in {said}");
        }
    }
    // who only prints the index writes nothing
    let printing = TestServer::options()
        .storage(first.storage())
        .arg("--gen-index");
    printing.run_to_exit().succeeded();
    first.http().get("/health").await.expect(200);
}

#[tokio::test]
async fn the_lock_of_a_killed_server_needs_no_hand() {
    let mut server = TestServer::start(&[]);
    for _ in 0..3 {
        server.kill9();
        assert!(server.storage().join(".chartroom-lock").exists());
        server.start_again();
        ready(&server).await;
    }
    // nor does a file that says anything else, or cannot be opened
    server.kill9();
    fs::write(server.storage().join(".chartroom-lock"), [0xff; 5000]).unwrap();
    server.start_again();
    ready(&server).await;
    server.kill9();
    fs::remove_file(server.storage().join(".chartroom-lock")).unwrap();
    fs::create_dir(server.storage().join(".chartroom-lock")).unwrap();
    server.start_again();
    ready(&server).await;
    assert!(server.log().contains("Storage directory cannot be locked"));
}

/// Overwriting in turn, each server's index must have what is stored, whoever stored it.
#[tokio::test]
async fn servers_that_share_a_directory_list_what_is_there_whoever_stored_it() {
    let first = TestServer::start(&["--shared-storage"]);
    let second = TestServer::options()
        .storage(first.storage())
        .arg("--shared-storage")
        .start();
    let servers = [&first, &second];
    for round in 0..10 {
        let uploads = servers.map(|server| {
            let package = ChartBuilder::new("app", "1.0.0")
                .file("serial", format!("{round} {}", server.id()))
                .package();
            let http = server.http();
            tokio::spawn(async move { http.post("/api/charts?force", package).await.expect(201) })
        });
        for upload in uploads {
            upload.await.expect("an upload");
        }
        for server in servers {
            let http = server.http();
            server
                .eventually("the index has the digest of what is stored", async || {
                    let stored = fs::read(first.storage().join("app-1.0.0.tgz")).unwrap();
                    index(&http).await.0.get("app-1.0.0.tgz") == Some(&sha256_hex(&stored))
                })
                .await;
        }
    }
}

/// A write of the other server must not be taken for one that a crash left behind.
#[tokio::test]
async fn a_start_beside_another_server_sweeps_only_what_is_old() {
    let first = TestServer::start(&["--shared-storage"]);
    let (young, old) = ("a-1.0.0.tgz#1", "b-1.0.0.tgz#1");
    for name in [young, old] {
        fs::write(first.storage().join(name), "half").unwrap();
    }
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let file = fs::File::options()
        .append(true)
        .open(first.storage().join(old))
        .unwrap();
    file.set_modified(hour_ago).unwrap();
    let second = TestServer::options()
        .storage(first.storage())
        .arg("--shared-storage")
        .start();
    ready(&second).await;
    assert!(first.storage().join(young).exists());
    assert!(!first.storage().join(old).exists());
}
