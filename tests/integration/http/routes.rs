//! Which paths exist, at every depth and under every context path; everything else is a 404 in JSON.

use serde_json::json;

use super::{indexed, upload};
use crate::support::chart_builder::{ChartBuilder, unsigned_provenance};
use crate::support::http::Http;
use crate::support::server::TestServer;

const CONTEXT_PATHS: [&str; 4] = ["", "/x", "/x/y", "/x/y/z"];

const TENANTS: [&str; 4] = ["", "/org", "/org/team", "/org/team/repo"];

#[tokio::test]
async fn every_route_works_at_every_fixed_depth_and_context_path() {
    for (depth, tenant) in TENANTS.into_iter().enumerate() {
        for context_path in CONTEXT_PATHS {
            let server = TestServer::start(&[
                &format!("--depth={depth}"),
                &format!("--context-path={context_path}"),
            ]);
            walk_every_route(&server.http(), context_path, tenant).await;
        }
    }
}

#[tokio::test]
async fn every_route_works_at_every_dynamic_depth_and_context_path() {
    for context_path in CONTEXT_PATHS {
        let server =
            TestServer::start(&["--depth-dynamic", &format!("--context-path={context_path}")]);
        for tenant in TENANTS {
            walk_every_route(&server.http(), context_path, tenant).await;
        }
    }
}

/// From an empty tenant to a full one and back.
async fn walk_every_route(http: &Http, context_path: &str, tenant: &str) {
    let content = format!("{context_path}{tenant}");
    let api = format!("{context_path}/api{tenant}");
    let index = format!("{content}/index.yaml");
    for path in ["/", "/health", "/info"] {
        http.get(&format!("{context_path}{path}")).await.expect(200);
    }
    for path in ["/health", "/info"] {
        http.get(&format!("{content}{path}")).await.expect(200);
    }
    if !context_path.is_empty() {
        http.get(context_path).await.expect(200);
        http.get("/index.yaml").await.expect(404);
        http.get(&format!("{tenant}/index.yaml")).await.expect(404);
    }
    http.head(&index).await.expect(200);
    assert!(indexed(http, &index).await.is_empty(), "{index}");

    let chart = ChartBuilder::new("app", "1.0.0");
    let package = upload(http, &format!("{api}/charts"), &chart).await;
    let provenance = unsigned_provenance("app", "1.0.0", &package);
    http.post(&format!("{api}/prov"), provenance.clone())
        .await
        .expect(201);
    let download = http
        .get(&format!("{content}/charts/app-1.0.0.tgz"))
        .await
        .expect(200);
    assert!(download.body == package);
    let download = http
        .get(&format!("{content}/charts/app-1.0.0.tgz.prov"))
        .await
        .expect(200);
    assert_eq!(download.text(), provenance);
    assert_eq!(indexed(http, &index).await, ["app 1.0.0"]);
    for path in [
        "",
        "/app",
        "/app/1.0.0",
        "/app/latest",
        "/app/1.0.0/templates",
        "/app/1.0.0/values",
        "/app/1.0.0/files/Chart.yaml",
        "/app/latest/files/templates/configmap.yaml",
    ] {
        let path = format!("{api}/charts{path}");
        http.get(&path).await.expect(200);
        assert!(http.head(&path).await.expect(200).body.is_empty(), "{path}");
    }
    let version = format!("{api}/charts/app/1.0.0");
    let deleted = http.delete(&version).await.expect(200);
    assert_eq!(deleted.json(), json!({ "deleted": true }));
    http.get(&version)
        .await
        .expect_error(404, "no chart name found");
    http.head(&index).await.expect(200);
    assert!(indexed(http, &index).await.is_empty(), "{index}");
    upload(http, &format!("{api}/charts"), &chart).await;
    http.delete(&format!("{api}/charts/app")).await.expect(200);
    http.get(&format!("{api}/charts/app"))
        .await
        .expect_error(404, "chart not found");
}

#[tokio::test]
async fn whatever_is_no_route_is_not_found_in_json() {
    let server = TestServer::start(&[]);
    let http = server.http();
    upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    for (method, path) in [
        ("GET", "/nothing"),
        ("GET", "/favicon.ico"),
        ("GET", "/index.yaml/"),
        ("GET", "/health/"),
        ("GET", "//index.yaml"),
        ("GET", "/charts"),
        ("GET", "/charts/"),
        ("GET", "/api"),
        ("GET", "/api/"),
        ("GET", "/api/charts/"),
        ("GET", "/api/charts/app/1.0.0/"),
        ("GET", "/api/charts/app/1.0.0/nothing"),
        ("GET", "/api/prov"),
        ("GET", "/metrics"),
        ("GET", "/artifacthub-repo.yml"),
        ("GET", "/static/main.css"),
        ("GET", "/v3/"),
        ("POST", "/"),
        ("POST", "/index.yaml"),
        ("POST", "/api/charts/app"),
        ("PUT", "/api/charts"),
        ("PATCH", "/api/charts/app/1.0.0"),
        ("DELETE", "/api/charts"),
        ("DELETE", "/charts/app-1.0.0.tgz"),
        ("OPTIONS", "/index.yaml"),
        ("TRACE", "/"),
        ("BREW", "/api/charts"),
    ] {
        let answer = http.request(method, path).send().await.expect(404);
        assert_eq!(answer.json()["error"], "not found", "{method} {path}");
        let content_type = answer.header("content-type");
        assert_eq!(
            content_type,
            Some("application/json; charset=utf-8"),
            "{method} {path}"
        );
    }
    let answer = http.head("/nothing").await.expect(404);
    assert!(answer.body.is_empty());
    assert_eq!(answer.header("content-length"), Some("21"));
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let server = TestServer::start(&["--enable-metrics", "--artifact-hub-repo-id=some-id"]);
    super::ready(&server).await;
    let http = server.http();
    let package = upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    let provenance = unsigned_provenance("app", "1.0.0", &package);
    http.post("/api/prov", provenance).await.expect(201);
    for path in [
        "/",
        "/health",
        "/info",
        "/readyz",
        "/index.yaml",
        "/artifacthub-repo.yml",
        "/charts/app-1.0.0.tgz",
        "/charts/app-1.0.0.tgz.prov",
        "/charts/missing-1.0.0.tgz",
        "/charts/app.bad",
        "/api/charts",
        "/api/charts/app",
        "/api/charts/missing",
        "/api/charts/app/1.0.0",
        "/api/charts/app/9.9.9",
        "/api/charts/app/1.0.0/templates",
        "/api/charts/app/1.0.0/values",
        "/api/charts/app/1.0.0/files/values.yaml",
        "/api/charts/app/1.0.0/files/missing",
    ] {
        let get = http.get(path).await;
        let head = http.head(path).await;
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty(), "{path}");
        for header in ["content-type", "content-length", "etag", "cache-control"] {
            assert_eq!(
                head.header(header),
                get.header(header),
                "{header} of {path}"
            );
        }
    }
    assert!(http.head("/metrics").await.expect(200).body.is_empty());
}

#[tokio::test]
async fn a_wrong_depth_is_not_found_with_a_hint_instead_of_a_page() {
    for (depth, path, hint) in [
        ("--depth=0", "/org/index.yaml", "has no tenants"),
        ("--depth=0", "/api/org/charts", "has no tenants"),
        ("--depth=0", "/org/charts/app-1.0.0.tgz", "has no tenants"),
        (
            "--depth=1",
            "/index.yaml",
            "depth 1: ask for /{tenant}/index.yaml",
        ),
        (
            "--depth=1",
            "/api/charts",
            "depth 1: ask for /api/{tenant}/charts",
        ),
        ("--depth=1", "/org/team/index.yaml", "depth 1"),
        (
            "--depth=2",
            "/org/index.yaml",
            "depth 2: ask for /{tenant1}/{tenant2}/index.yaml",
        ),
        ("--depth=2", "/api/org/charts", "depth 2"),
    ] {
        let server = TestServer::start(&[depth]);
        let answer = server.http().get(path).await.expect(404).json();
        assert_eq!(answer["error"], "not found", "{depth} {path}");
        let text = answer["hint"].as_str().unwrap_or_default();
        assert!(text.contains(hint), "{depth} {path}: {text:?}");
    }
}

#[tokio::test]
async fn a_context_path_ends_at_a_slash() {
    let server = TestServer::start(&["--context-path=x/"]);
    let http = server.http();
    http.get("/x/index.yaml").await.expect(200);
    http.get("/x").await.expect(200);
    for path in ["/xy/index.yaml", "/xindex.yaml", "/index.yaml", "/"] {
        let answer = http.get(path).await.expect(404).json();
        assert_eq!(answer["error"], "not found", "{path}");
        assert_eq!(
            answer["hint"], "the repository is served under /x",
            "{path}"
        );
    }
}

#[tokio::test]
async fn switched_off_routes_are_not_found() {
    let package = ChartBuilder::new("app", "1.0.0").package();
    let without_api = TestServer::start(&["--disable-api"]);
    super::put_by_hand(without_api.storage(), "app-1.0.0.tgz", &package);
    let http = without_api.http();
    for (method, path) in [
        ("GET", "/api/charts"),
        ("HEAD", "/api/charts/app"),
        ("GET", "/api/charts/app"),
        ("GET", "/api/charts/app/1.0.0"),
        ("GET", "/api/charts/app/1.0.0/values"),
        ("GET", "/api/charts/app/1.0.0/files/Chart.yaml"),
        ("POST", "/api/charts"),
        ("POST", "/api/prov"),
        ("DELETE", "/api/charts/app/1.0.0"),
        ("DELETE", "/api/charts/app"),
        ("OPTIONS", "/api/charts"),
    ] {
        http.request(method, path).send().await.expect(404);
    }
    http.get("/charts/app-1.0.0.tgz").await.expect(200);

    let without_delete = TestServer::start(&["--disable-delete"]);
    let http = without_delete.http();
    upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    http.delete("/api/charts/app/1.0.0").await.expect(404);
    http.delete("/api/charts/app").await.expect(404);
    http.get("/api/charts/app/1.0.0").await.expect(200);
}

#[tokio::test]
async fn every_answer_carries_a_request_id_and_a_given_one_comes_back() {
    let server = TestServer::start(&[
        "--basic-auth-user=u",
        "--basic-auth-pass=p",
        "--max-upload-size=1",
    ]);
    let http = server.http();
    let known = http.clone().with_basic_auth("u", "p");
    for (answer, status) in [
        (http.get("/health").await, 200),
        (http.get("/index.yaml").await, 401),
        (http.get("/nothing").await, 404),
        (known.post("/api/charts", vec![0; 9]).await, 413),
    ] {
        let answer = answer.expect(status);
        let id = answer.header("x-request-id").unwrap_or_default();
        let is_uuid_v4 = id.len() == 36 && id.as_bytes()[14] == b'4';
        assert!(is_uuid_v4, "{status}: {id:?}");
        assert!(answer.header("x-anything-else").is_none());
    }
    let ids: Vec<_> = [http.get("/health").await, http.get("/health").await]
        .map(|answer| answer.header("x-request-id").map(str::to_owned))
        .into();
    assert_ne!(ids[0], ids[1]);
    for (given, comes_back) in [("mine-17", true), ("a, b; c=\"d\"", true), ("", false)] {
        let request = http.request("GET", "/health").header("x-request-id", given);
        let answer = request.send().await.expect(200);
        assert_eq!(
            answer.header("x-request-id") == Some(given),
            comes_back,
            "{given:?}"
        );
    }
}
