//! Provenance files: what is taken for one, and where it goes.

use super::{chart_form, files, upload};
use crate::support::chart_builder::{ChartBuilder, unsigned_provenance};
use crate::support::server::TestServer;

#[tokio::test]
async fn a_provenance_file_needs_no_chart_and_lists_none() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let provenance = unsigned_provenance("app", "1.0.0", b"whatever");
    let saved = http.post("/api/prov", provenance.clone()).await.expect(201);
    assert_eq!(saved.text(), r#"{"saved":true}"#);
    assert_eq!(
        http.get("/charts/app-1.0.0.tgz.prov")
            .await
            .expect(200)
            .text(),
        provenance
    );
    assert_eq!(http.get("/api/charts").await.expect(200).text(), "{}");
}

#[tokio::test]
async fn its_name_is_of_the_first_lines_that_name_something() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let provenance = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nmaintainers:\n- name: Somebody\n  version: 9\n\
                      \u{20} name: Else\nname: app\nversion: 1.0.0\nname: later\n";
    http.post("/api/prov", provenance).await.expect(201);
    assert_eq!(files(server.storage()), ["app-1.0.0.tgz.prov"]);
}

#[tokio::test]
async fn what_is_none_is_500_alone_and_400_in_a_form() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let package = ChartBuilder::new("app", "1.0.0").package();
    let error = "invalid provenance file";
    let header = "-----BEGIN PGP SIGNED MESSAGE-----\n";
    for body in [
        Vec::new(),
        b"no provenance file".to_vec(),
        package.clone(),
        b"name: app\nversion: 1.0.0\n".to_vec(),
        format!("{header}\nname: app\n").into_bytes(),
        format!("{header}\nversion: 1.0.0\n").into_bytes(),
        format!("{header}\n  name: app\n  version: 1.0.0\n").into_bytes(),
    ] {
        http.post("/api/prov", body.clone())
            .await
            .expect_error(500, error);
        let form = chart_form(&package).file("prov", "x", &body);
        http.post_form("/api/charts", &form)
            .await
            .expect_error(400, error);
    }
    // a form is not understood here
    http.post_form("/api/prov", &chart_form(&package))
        .await
        .expect_error(500, error);
    assert_eq!(files(server.storage()), [""; 0]);
}

#[tokio::test]
async fn a_name_with_a_separator_is_improper() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for name in ["a/b", "../a", "/a", "a\\b"] {
        let provenance = unsigned_provenance(name, "0.1.0", b"");
        let improper = format!("{name}-0.1.0.tgz.prov is improperly formatted");
        http.post("/api/prov", provenance.clone())
            .await
            .expect_error(400, &improper);
        let form = super::provenance_form(&provenance);
        http.post_form("/api/charts", &form)
            .await
            .expect_error(400, &improper);
    }
    assert_eq!(files(server.storage()), [""; 0]);
}

#[tokio::test]
async fn deleting_a_version_makes_room_for_its_provenance_file() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for _ in 0..2 {
        let package = upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
        let provenance = unsigned_provenance("app", "1.0.0", &package);
        http.post("/api/prov", provenance).await.expect(201);
        http.delete("/api/charts/app/1.0.0").await.expect(200);
        http.get("/charts/app-1.0.0.tgz.prov").await.expect(404);
        assert_eq!(files(server.storage()), [""; 0]);
    }
}
