//! Whose charts are whose, and that nobody's name leads out of the storage.

use super::{files, indexed, listed, put_by_hand, upload};
use crate::support::chart_builder::ChartBuilder;
use crate::support::form::Form;
use crate::support::raw;
use crate::support::server::TestServer;

#[tokio::test]
async fn tenants_may_be_called_as_parts_of_routes_are() {
    let package = ChartBuilder::new("app", "1.0.0").package();
    for (depth, tenants) in [
        (
            "--depth=1",
            &[
                "apix",
                "api",
                "health",
                "charts",
                "info",
                "static",
                "staticorg",
            ][..],
        ),
        (
            "--depth=2",
            &["api/xyz", "org/api", "org/health", "charts/charts"],
        ),
        (
            "--depth-dynamic",
            &["apix", "api", "api/xyz", "health", "a/b/c/d"],
        ),
    ] {
        let server = TestServer::start(&[depth]);
        let http = server.http();
        for tenant in tenants {
            let chart = ChartBuilder::new("other", "2.0.0");
            upload(&http, &format!("/api/{tenant}/charts"), &chart).await;
            put_by_hand(&server.storage().join(tenant), "app-1.0.0.tgz", &package);
            let download = http.get(&format!("/{tenant}/charts/app-1.0.0.tgz")).await;
            assert!(download.expect(200).body == package, "{depth} {tenant}");
            let path = format!("/{tenant}/index.yaml");
            let other = "other 2.0.0".to_owned();
            assert!(
                indexed(&http, &path).await.contains(&other),
                "{depth} {tenant}"
            );
        }
    }
}

#[tokio::test]
async fn the_last_segment_called_charts_ends_the_tenant() {
    let server = TestServer::start(&["--depth=1"]);
    upload(
        &server.http(),
        "/api/charts/charts",
        &ChartBuilder::new("app", "1.0.0"),
    )
    .await;
    assert_eq!(files(&server.storage().join("charts")), ["app-1.0.0.tgz"]);

    let server = TestServer::start(&["--depth-dynamic"]);
    let http = server.http();
    for tenant in ["charts", "a/charts/b"] {
        let path = format!("/api/{tenant}/charts");
        upload(&http, &path, &ChartBuilder::new("app", "1.0.0")).await;
        assert_eq!(files(&server.storage().join(tenant)), ["app-1.0.0.tgz"]);
        assert_eq!(listed(&http, &path).await, ["app 1.0.0"]);
    }
    http.get("/favicon").await.expect(404);
    http.get("/favicon.ico").await.expect(404);
}

#[tokio::test]
async fn an_unknown_tenant_is_an_empty_one() {
    let server = TestServer::start(&["--depth=2"]);
    let http = server.http();
    assert!(indexed(&http, "/nobody/here/index.yaml").await.is_empty());
    assert_eq!(listed(&http, "/api/nobody/here/charts").await, [""; 0]);
    http.head("/nobody/here/index.yaml").await.expect(200);
    assert_eq!(
        files(server.storage()),
        [""; 0],
        "asking makes no directory"
    );
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let server = TestServer::start(&["--depth-dynamic"]);
    let http = server.http();
    // a tenant whose name begins another's, one inside another, and charts named like tenants
    for (tenant, name) in [
        ("", "mychart"),
        ("/my", "a"),
        ("/my/chart", "b"),
        ("/mychart", "c"),
    ] {
        upload(
            &http,
            &format!("/api{tenant}/charts"),
            &ChartBuilder::new(name, "1.0.0"),
        )
        .await;
    }
    for (tenant, name) in [
        ("", "mychart"),
        ("/my", "a"),
        ("/my/chart", "b"),
        ("/mychart", "c"),
    ] {
        let expected = [format!("{name} 1.0.0")];
        assert_eq!(
            indexed(&http, &format!("{tenant}/index.yaml")).await,
            expected
        );
        assert_eq!(
            listed(&http, &format!("/api{tenant}/charts")).await,
            expected
        );
    }
    http.delete("/api/my/charts/mychart/1.0.0")
        .await
        .expect(404);
    http.delete("/api/my/charts/a/1.0.0").await.expect(200);
    assert_eq!(listed(&http, "/api/charts").await, ["mychart 1.0.0"]);
    http.get("/my/charts/mychart-1.0.0.tgz").await.expect(404);
}

#[tokio::test]
async fn no_tenant_leads_out_of_the_storage() {
    for depth in ["--depth=1", "--depth=2", "--depth-dynamic"] {
        let server = TestServer::start(&[depth]);
        let package = ChartBuilder::new("secret", "1.0.0").package();
        put_by_hand(server.world(), "secret-1.0.0.tgz", &package);
        let before = files(server.world());
        for outside in [
            "..",
            "%2e%2e",
            ".%2E",
            "..%2f..",
            "a/..",
            "../a",
            "a/../..",
            ".",
            "%2e/%2e%2e",
            "..%5c..",
            "a%00",
            "a%0a",
        ] {
            for (method, path) in [
                ("GET", format!("/{outside}/charts/secret-1.0.0.tgz")),
                ("GET", format!("/{outside}/index.yaml")),
                ("GET", format!("/api/{outside}/charts")),
                ("GET", format!("/api/{outside}/charts/secret/1.0.0")),
                ("POST", format!("/api/{outside}/charts")),
                ("POST", format!("/api/{outside}/prov")),
                ("DELETE", format!("/api/{outside}/charts/secret/1.0.0")),
            ] {
                let http = server.http();
                let request = http.request(method, &path).body(package.clone());
                let status = request.send().await.status;
                assert_eq!(status, 404, "{depth} {method} {path}");
            }
        }
        assert_eq!(files(server.world()), before, "{depth}");
        assert_eq!(files(server.storage()), [""; 0], "{depth}");
    }
}

#[tokio::test]
async fn no_file_name_leads_out_of_the_storage() {
    let server = TestServer::start(&[]);
    put_by_hand(server.world(), "secret-1.0.0.tgz", b"secret");
    for path in [
        "/charts/../secret-1.0.0.tgz",
        "/charts/..%2fsecret-1.0.0.tgz",
        "/charts/%2e%2e/secret-1.0.0.tgz",
        "/charts/..%5csecret-1.0.0.tgz",
        "/charts/../../secret-1.0.0.tgz",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = raw::exchange(server.address(), request).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
        assert!(!answer.contains("secret"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn no_chart_or_provenance_name_leads_out_of_the_storage() {
    let server = TestServer::start(&["--depth=1", "--allow-overwrite"]);
    let http = server.http();
    let chart = ChartBuilder::new("x", "1.0.0").chart_yaml("name: ../escaped\nversion: 1.0.0\n");
    let provenance = crate::support::chart_builder::unsigned_provenance("../escaped", "1.0.0", b"");
    let refusal = http
        .post("/api/org/charts", chart.package())
        .await
        .expect(400);
    assert!(refusal.text().contains("../escaped"), "{}", refusal.text());
    let improper = "../escaped-1.0.0.tgz.prov is improperly formatted";
    http.post("/api/org/prov", provenance.clone())
        .await
        .expect_error(400, improper);
    let both = Form::new().file("chart", "x.tgz", &chart.package()).file(
        "prov",
        "x.prov",
        provenance.as_bytes(),
    );
    http.post_form("/api/org/charts", &both).await.expect(400);
    // what ChartMuseum lets through: an existing chart that may be replaced, then a provenance file that climbs
    let existing = ChartBuilder::new("app", "1.0.0").package();
    http.post("/api/org/charts", existing.clone())
        .await
        .expect(201);
    let climbing =
        Form::new()
            .file("chart", "x.tgz", &existing)
            .file("prov", "x.prov", provenance.as_bytes());
    http.post_form("/api/org/charts", &climbing)
        .await
        .expect_error(400, improper);
    assert_eq!(files(server.storage()), ["org"]);
    assert_eq!(files(&server.storage().join("org")), ["app-1.0.0.tgz"]);
}
