//! Where a repository may live: under a context path, one tenant or two deep, or with its packages elsewhere.

use super::{add, assert_pulls, search, upload};
use crate::support::chart_builder::ChartBuilder;
use crate::support::helm::Helm;
use crate::support::server::TestServer;

pub async fn a_context_path_is_part_of_the_url(helm: Helm) {
    let server = TestServer::start(&["--context-path=/helm/v1"]);
    let package = upload(
        &server.http(),
        "/helm/v1/api/charts",
        &ChartBuilder::new("app", "1.0.0"),
    )
    .await;
    add(&helm, &server.url_of("/helm/v1"));
    assert_eq!(search(&helm, &[]), ["room/app 1.0.0"]);
    assert_pulls(&helm, &["room/app"], "app-1.0.0.tgz", &package);
    // a slash at the end of the repository's URL is the same repository
    add(&helm, &server.url_of("/helm/v1/"));
    assert_pulls(&helm, &["room/app"], "app-1.0.0.tgz", &package);
    let refusal = helm.fails(&["repo", "add", "wrong", &server.url()]);
    assert!(refusal.contains("404"), "{refusal}");
}

pub async fn tenants_live_below_the_root(helm: Helm) {
    // the last column is where no tenant is; with a dynamic depth every path is one
    let layouts = [
        ("--depth=1", ["north", "south"], Some("/")),
        ("--depth=2", ["fleet/north", "fleet/south"], Some("/fleet")),
        ("--depth-dynamic", ["fleet/a/north", "south"], None),
    ];
    for (depth, tenants, elsewhere) in layouts {
        let server = TestServer::start(&[depth]);
        for tenant in tenants {
            let chart = ChartBuilder::new("app", "1.0.0")
                .file("values.yaml", format!("greeting: {tenant}\n"));
            let package = upload(&server.http(), &format!("/api/{tenant}/charts"), &chart).await;
            assert_eq!(
                std::fs::read(server.storage().join(tenant).join("app-1.0.0.tgz")).ok(),
                Some(package.clone())
            );
            add(&helm, &server.url_of(&format!("/{tenant}")));
            assert_eq!(search(&helm, &[]), ["room/app 1.0.0"], "{depth} {tenant}");
            assert_pulls(&helm, &["room/app"], "app-1.0.0.tgz", &package);
        }
        // the address without its tenant is a clear 404, not a page that helm reads as YAML
        if let Some(elsewhere) = elsewhere {
            let refusal = helm.fails(&["repo", "add", "wrong", &server.url_of(elsewhere)]);
            assert!(refusal.contains("404"), "{depth}: {refusal}");
        }
    }
}

pub async fn charts_of_another_host_follow_chart_url(helm: Helm) {
    let packages = TestServer::start(&["--shared-storage"]);
    let package = upload(
        &packages.http(),
        "/api/charts",
        &ChartBuilder::new("app", "1.0.0"),
    )
    .await;
    let index = TestServer::options()
        .storage(packages.storage())
        .arg("--shared-storage")
        .arg(format!("--chart-url={}/", packages.url()))
        .start();
    add(&helm, &index.url());
    let entry = &index
        .http()
        .get("/api/charts/app/1.0.0")
        .await
        .expect(200)
        .json();
    assert_eq!(
        entry["urls"],
        serde_json::json!([packages.url_of("/charts/app-1.0.0.tgz")])
    );
    assert_pulls(&helm, &["room/app"], "app-1.0.0.tgz", &package);
}
