//! Packages and provenance files by name.

use super::{put_by_hand, upload};
use crate::support::chart_builder::{ChartBuilder, unsigned_provenance};
use crate::support::server::TestServer;

#[tokio::test]
async fn packages_and_provenance_files_come_as_they_were_stored() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let chart = ChartBuilder::new("app", "1.0.0").file("noise.bin", super::noise(900_000));
    let package = upload(&http, "/api/charts", &chart).await;
    let provenance = unsigned_provenance("app", "1.0.0", &package);
    put_by_hand(
        server.storage(),
        "app-1.0.0.tgz.prov",
        provenance.as_bytes(),
    );
    let answer = http.get("/charts/app-1.0.0.tgz").await.expect(200);
    assert!(answer.body == package);
    assert_eq!(answer.header("content-type"), Some("application/x-tar"));
    assert_eq!(
        answer.header("content-length"),
        Some(package.len().to_string().as_str())
    );
    let answer = http.get("/charts/app-1.0.0.tgz.prov").await.expect(200);
    assert_eq!(answer.text(), provenance);
    assert_eq!(
        answer.header("content-type"),
        Some("application/pgp-signature")
    );
}

#[tokio::test]
async fn what_is_not_there_is_404_and_what_is_no_package_is_500() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for name in [
        "app-1.0.0.txt",
        "app.bad",
        "index-cache.yaml",
        ".chartroom-index",
        "footgz",
        "footgz.prov",
    ] {
        put_by_hand(server.storage(), name, b"not for download");
    }
    for name in ["missing-1.0.0.tgz", "missing-1.0.0.tgz.prov", ".tgz"] {
        let answer = http.get(&format!("/charts/{name}")).await;
        answer.expect_error(404, "object not found");
    }
    for name in [
        "app-1.0.0.txt",
        "app.bad",
        "app-1.0.0.prov",
        "index-cache.yaml",
        ".chartroom-index",
        "footgz",
        "footgz.prov",
    ] {
        let answer = http.get(&format!("/charts/{name}")).await;
        answer.expect_error(500, "unsupported file extension");
    }
}

#[tokio::test]
async fn a_package_that_is_in_no_index_can_be_fetched() {
    let server = TestServer::start(&[]);
    put_by_hand(server.storage(), "broken-1.0.0.tgz", b"no package at all");
    put_by_hand(
        server.storage(),
        "orphan-1.0.0.tgz.prov",
        b"no signature at all",
    );
    for (name, content) in [
        ("broken-1.0.0.tgz", "no package at all"),
        ("orphan-1.0.0.tgz.prov", "no signature at all"),
    ] {
        let answer = server
            .http()
            .get(&format!("/charts/{name}"))
            .await
            .expect(200);
        assert_eq!(answer.text(), content);
    }
}

#[tokio::test]
async fn a_plus_in_a_path_is_a_plus_however_it_is_written() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let package = upload(
        &http,
        "/api/charts",
        &ChartBuilder::new("app", "1.0.0+build.5"),
    )
    .await;
    for path in [
        "/charts/app-1.0.0+build.5.tgz",
        "/charts/app-1.0.0%2Bbuild.5.tgz",
    ] {
        assert!(http.get(path).await.expect(200).body == package, "{path}");
    }
    for path in [
        "/api/charts/app/1.0.0+build.5",
        "/api/charts/app/1.0.0%2Bbuild.5",
    ] {
        assert_eq!(
            http.get(path).await.expect(200).json()["version"],
            "1.0.0+build.5"
        );
    }
    http.delete("/api/charts/app/1.0.0%2Bbuild.5")
        .await
        .expect(200);
    http.get("/charts/app-1.0.0+build.5.tgz").await.expect(404);
}

#[tokio::test]
async fn a_strange_name_is_stored_listed_and_fetched_under_itself() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for (name, encoded) in [
        ("with space", "with%20space"),
        ("Upper_Case", "Upper_Case"),
        ("wie-ge\u{fc}bt", "wie-ge%C3%BCbt"),
        ("percent%41", "percent%2541"),
        ("question?", "question%3F"),
    ] {
        let package = upload(&http, "/api/charts", &ChartBuilder::new(name, "1.0.0")).await;
        let answer = http
            .get(&format!("/charts/{encoded}-1.0.0.tgz"))
            .await
            .expect(200);
        assert!(answer.body == package, "{name}");
        let entry = http
            .get(&format!("/api/charts/{encoded}/1.0.0"))
            .await
            .expect(200)
            .json();
        assert_eq!(entry["name"], name);
        assert_eq!(entry["urls"][0], format!("charts/{name}-1.0.0.tgz"));
        assert!(server.storage().join(format!("{name}-1.0.0.tgz")).is_file());
    }
}
