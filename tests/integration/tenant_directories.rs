//! Tenants whose directories come, go and are invented behind the server's back.

use std::fs;

use crate::support::chart_builder::ChartBuilder;
use crate::support::server::TestServer;

fn write_tenant(directory: &std::path::Path, tenant: &str) {
    let chart = ChartBuilder::new("demo", "1.0.0");
    let path = directory.join(tenant);
    fs::create_dir_all(&path).expect("a new directory");
    fs::write(path.join(chart.file_name()), chart.package()).expect("a new file");
}

#[tokio::test]
async fn tenants_that_are_copied_in_appear_without_a_look_at_all_the_others() {
    let server = TestServer::start(&["--depth=1"]);
    // the look at everything that follows the start of the watch
    let rebuilt = || server.log().matches("Storage is watched").count();
    server
        .eventually("the watch starts", || async { rebuilt() == 1 })
        .await;
    for number in 0..60 {
        write_tenant(server.storage(), &format!("t{number}"));
    }
    let http = server.http();
    for number in 0..60 {
        let path = format!("/t{number}/index.yaml");
        server
            .eventually("a copied tenant is listed", || async {
                http.get(&path).await.text().contains("demo-1.0.0.tgz")
            })
            .await;
    }
    assert_eq!(rebuilt(), 1, "{}", server.log());
}

#[tokio::test]
async fn a_tenant_directory_that_is_moved_takes_its_charts_along() {
    let server = TestServer::start(&["--depth-dynamic"]);
    write_tenant(server.storage(), "org/one");
    let http = server.http();
    let lists = async |tenant: &str| {
        let index = http.get(&format!("/org/{tenant}/index.yaml")).await;
        index.expect(200).text().contains("demo-1.0.0.tgz")
    };
    server.eventually("it is listed", || lists("one")).await;
    fs::rename(
        server.storage().join("org/one"),
        server.storage().join("org/two.x"),
    )
    .unwrap();
    server
        .eventually("it has moved", || async {
            lists("two.x").await && !lists("one").await
        })
        .await;
}

#[tokio::test]
async fn a_tenant_cannot_stand_in_the_way_of_a_file() {
    let server = TestServer::start(&["--depth-dynamic"]);
    let http = server.http();
    let chart = ChartBuilder::new("b", "1.0.0");
    for tenant in [
        "index-cache.yaml",
        ".chartroom-index",
        "b-1.0.0.tgz",
        "b-1.0.0.tgz.prov",
    ] {
        let response = http
            .post(&format!("/api/{tenant}/charts"), chart.package())
            .await;
        response.expect_error(404, "not found");
    }
    http.post("/api/charts", chart.package()).await.expect(201);
}

#[tokio::test]
async fn invented_tenants_are_not_kept() {
    let server = TestServer::start(&["--depth-dynamic", "--enable-metrics=true"]);
    let http = server.http();
    for number in 0..300 {
        http.get(&format!("/invented{number}/index.yaml"))
            .await
            .expect(200);
    }
    let metrics = http.get("/metrics").await.expect(200).text();
    let shown = metrics
        .matches("chartmuseum_charts_served_total{repo=\"invented")
        .count();
    assert!((1..=64).contains(&shown), "{shown} tenants");
    assert_eq!(server.stored(), [""; 0]);
}
