//! Credentials and TLS, as helm's repository options give them.

use super::{assert_pulls, search, upload};
use crate::support::chart_builder::ChartBuilder;
use crate::support::helm::Helm;
use crate::support::server::TestServer;
use crate::support::tls::TestCa;

const CREDENTIALS: [&str; 2] = ["--username=mate", "--password=s3a:ch@rt"];

pub async fn basic_auth_is_asked_of_everyone(helm: Helm) {
    let server = TestServer::start(&["--basic-auth-user=mate", "--basic-auth-pass=s3a:ch@rt"]);
    let http = server.http().with_basic_auth("mate", "s3a:ch@rt");
    let package = upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    let refusal = helm.fails(&["repo", "add", "room", &server.url()]);
    assert!(refusal.contains("401"), "{refusal}");
    helm.fails(&[
        "repo",
        "add",
        "room",
        &server.url(),
        "--username=mate",
        "--password=wrong",
    ]);
    helm.ok(&[&["repo", "add", "room", &server.url()], &CREDENTIALS[..]].concat());
    helm.ok(&["repo", "update"]);
    assert_eq!(search(&helm, &[]), ["room/app 1.0.0"]);
    assert_pulls(&helm, &["room/app"], "app-1.0.0.tgz", &package);
    let unknown = ["pull", "app", "--version=1.0.0", "--repo", &server.url()];
    helm.fails(&unknown);
    assert_pulls(
        &helm,
        &[&unknown[1..], &CREDENTIALS[..]].concat(),
        "app-1.0.0.tgz",
        &package,
    );
    assert!(
        server
            .http()
            .get("/charts/app-1.0.0.tgz")
            .await
            .expect(401)
            .header("www-authenticate")
            .is_some()
    );
}

pub async fn anonymous_get_needs_credentials_for_uploads_only(helm: Helm) {
    let server = TestServer::start(&[
        "--basic-auth-user=mate",
        "--basic-auth-pass=s3a:ch@rt",
        "--auth-anonymous-get",
    ]);
    let chart = ChartBuilder::new("app", "1.0.0");
    server
        .http()
        .post("/api/charts", chart.package())
        .await
        .expect_error(401, "unauthorized");
    let http = server.http().with_basic_auth("mate", "s3a:ch@rt");
    let package = upload(&http, "/api/charts", &chart).await;
    helm.ok(&["repo", "add", "room", &server.url()]);
    assert_pulls(&helm, &["room/app"], "app-1.0.0.tgz", &package);
    // wrong credentials do not matter where none are needed
    helm.ok(&[
        "repo",
        "add",
        "other",
        &server.url(),
        "--username=mate",
        "--password=wrong",
    ]);
    assert_pulls(&helm, &["other/app"], "app-1.0.0.tgz", &package);
    server
        .http()
        .delete("/api/charts/app/1.0.0")
        .await
        .expect_error(401, "unauthorized");
}

pub async fn https_is_trusted_by_its_authority(helm: Helm) {
    let ca = TestCa::new();
    let ca_file = format!("--ca-file={}", ca.ca_cert().display());
    let server = TestServer::options().tls(ca).start();
    let package = upload(
        &server.http(),
        "/api/charts",
        &ChartBuilder::new("app", "1.0.0"),
    )
    .await;
    let refusal = helm.fails(&["repo", "add", "room", &server.url()]);
    assert!(refusal.contains("certificate"), "{refusal}");
    helm.ok(&["repo", "add", "room", &server.url(), &ca_file]);
    helm.ok(&["repo", "update"]);
    assert_eq!(search(&helm, &[]), ["room/app 1.0.0"]);
    assert_pulls(&helm, &["room/app"], "app-1.0.0.tgz", &package);
    helm.ok(&[
        "repo",
        "add",
        "lax",
        &server.url(),
        "--insecure-skip-tls-verify",
    ]);
    assert_pulls(
        &helm,
        &["lax/app", "--insecure-skip-tls-verify"],
        "app-1.0.0.tgz",
        &package,
    );
}
