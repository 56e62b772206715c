//! Lists of tags and repositories, in pages.

use serde_json::json;

use super::{Repository, code};
use crate::support::chart_builder::ChartBuilder;
use crate::support::server::TestServer;

#[tokio::test]
async fn tags_come_in_order_and_in_pages() {
    let server = TestServer::start(&[]);
    let repository = Repository::new(&server.http(), "org/app");
    assert_eq!(
        code(&repository.get("tags/list").await.expect(404)),
        "NAME_UNKNOWN"
    );
    let image = repository.image(b"layer").await;
    for tag in ["b", "a", "B", "1", "_", "a.b"] {
        repository.put(tag, super::IMAGE, &image).await.expect(201);
    }
    let tags = |rest: &'static str| {
        let repository = &repository;
        async move {
            let listed = repository
                .get(&format!("tags/list{rest}"))
                .await
                .expect(200);
            let next = listed.header("link").map(str::to_owned);
            (listed.json()["tags"].clone(), next)
        }
    };
    assert_eq!(
        tags("").await,
        (json!(["1", "B", "_", "a", "a.b", "b"]), None)
    );
    let next = "</v2/org/app/tags/list?n=2&last=B>; rel=\"next\"".to_owned();
    assert_eq!(tags("?n=2").await, (json!(["1", "B"]), Some(next)));
    assert_eq!(tags("?n=9&last=a").await, (json!(["a.b", "b"]), None));
    assert_eq!(tags("?last=aa").await, (json!(["b"]), None));
    assert_eq!(tags("?n=0").await, (json!([]), None));
    for bad in ["?n=x", "?n=-1", "?n="] {
        repository.get(&format!("tags/list{bad}")).await.expect(400);
    }
}

#[tokio::test]
async fn the_catalog_has_charts_and_images() {
    let server = TestServer::start(&["--depth-dynamic"]);
    let http = server.http();
    Repository::new(&http, "org/image")
        .push_image("1", b"x")
        .await;
    for (path, name) in [("/api/charts", "app"), ("/api/team/charts", "tool")] {
        let package = ChartBuilder::new(name, "1.0.0").package();
        let request = http.request("POST", path).body(package);
        request.send().await.expect(201);
    }
    let listed = http.get("/v2/_catalog").await.expect(200).json();
    assert_eq!(
        listed["repositories"],
        json!(["app", "org/image", "team/tool"])
    );
    let listed = http.get("/v2/_catalog?n=1").await.expect(200);
    assert_eq!(
        listed.header("link"),
        Some("</v2/_catalog?n=1&last=app>; rel=\"next\"")
    );
}

#[tokio::test]
async fn metrics_count_what_came_and_went() {
    let server = TestServer::start(&["--enable-metrics"]);
    let http = server.http();
    let repository = Repository::new(&http, "org/app");
    repository.push_image("1", b"layer").await;
    repository.get("manifests/1").await.expect(200);
    let blob = format!("blobs/{}", super::digest(b"layer"));
    repository.get(&blob).await.expect(200);
    repository.head(&blob).await.expect(200);
    let text = http.get("/metrics").await.expect(200).text();
    for line in [
        "chartroom_registry_pushes_total{kind=\"manifest\"} 1",
        "chartroom_registry_pushes_total{kind=\"blob\"} 2",
        "chartroom_registry_pulls_total{kind=\"manifest\"} 1",
        "chartroom_registry_pulls_total{kind=\"blob\"} 1",
        "chartroom_registry_blob_bytes_total{direction=\"in\"} 7",
        "chartroom_registry_blob_bytes_total{direction=\"out\"} 5",
        "chartroom_registry_collected_bytes_total 0",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "no {line} in {text}"
        );
    }
    assert!(text.contains("url=\"/v2/:path\""), "{text}");
}
