//! Reading through the API: lists and their pages, versions as objects, templates, values, single files.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{listed, put_by_hand, upload};
use crate::support::chart_builder::{ChartBuilder, sha256_hex};
use crate::support::server::TestServer;

#[tokio::test]
async fn lists_name_their_charts_bytewise_and_versions_newest_first() {
    let server = TestServer::start(&[]);
    let http = server.http();
    assert_eq!(http.get("/api/charts").await.expect(200).text(), "{}");
    for (name, version) in [
        ("a b", "1.0.0"),
        ("A", "1.0.0"),
        ("10", "1.0.0"),
        ("9", "1.0.0"),
        ("1x", "2.0.0"),
        ("1x", "10.0.0"),
    ] {
        upload(&http, "/api/charts", &ChartBuilder::new(name, version)).await;
    }
    let expected = [
        "10 1.0.0",
        "1x 10.0.0",
        "1x 2.0.0",
        "9 1.0.0",
        "A 1.0.0",
        "a b 1.0.0",
    ];
    let answer = http.get("/api/charts").await.expect(200);
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert!(!answer.text().ends_with('\n'));
    assert_eq!(listed(&http, "/api/charts").await, expected);
    let of_chart = http.get("/api/charts/1x").await.expect(200).json();
    assert_eq!(of_chart, answer.json()["1x"]);
    assert_eq!(
        http.get("/api/charts/1x/2.0.0").await.expect(200).json(),
        of_chart[1]
    );
}

#[tokio::test]
async fn a_version_is_an_object_of_what_the_chart_says() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let package = upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    let answer = http.get("/api/charts/app/1.0.0").await.expect(200);
    let created = answer.json()["created"]
        .as_str()
        .expect("a time")
        .to_owned();
    let expected = format!(
        "{{\"name\":\"app\",\"version\":\"1.0.0\",\"description\":\"A chart of the tests\",\"apiVersion\":\"v2\",\
         \"appVersion\":\"2.0\",\"type\":\"application\",\"urls\":[\"charts/app-1.0.0.tgz\"],\
         \"created\":\"{created}\",\"digest\":\"{}\"}}",
        sha256_hex(&package)
    );
    assert_eq!(answer.text(), expected);
}

#[tokio::test]
async fn pages_are_of_charts_and_not_of_versions() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for name in ["a", "b", "c", "d"] {
        for version in ["1.0.0", "2.0.0"] {
            upload(&http, "/api/charts", &ChartBuilder::new(name, version)).await;
        }
    }
    for (query, names) in [
        ("offset=0&limit=2", &["a", "b"][..]),
        ("offset=1&limit=2", &["b", "c"]),
        ("limit=2&offset=3", &["d"]),
        ("offset=4&limit=1", &[]),
        ("offset=10&limit=5", &[]),
        ("limit=3", &["a", "b", "c"]),
        ("limit=9999", &["a", "b", "c", "d"]),
        // ChartMuseum returns nothing here; a missing limit means to the end
        ("offset=2", &["c", "d"]),
        ("other=1", &["a", "b", "c", "d"]),
    ] {
        let page = http
            .get(&format!("/api/charts?{query}"))
            .await
            .expect(200)
            .json();
        let page = page.as_object().expect("an object");
        assert!(page.keys().eq(names), "{query}: {:?}", page.keys());
        assert!(
            page.values()
                .all(|versions| versions.as_array().map(Vec::len) == Some(2)),
            "{query}"
        );
    }
    let offset = "offset is not a valid non-negative integer";
    let limit = "limit is not a valid positive integer";
    for (query, error) in [
        ("offset=-1&limit=5", offset),
        ("offset=-1", offset),
        ("offset=", offset),
        ("offset", offset),
        ("offset=a", offset),
        ("offset=1.5", offset),
        ("offset=99999999999999999999999", offset),
        ("offset=-1&limit=-1", offset),
        ("limit=0", limit),
        ("limit=-1", limit),
        ("limit=", limit),
        ("limit=ten", limit),
        ("offset=0&limit=0", limit),
    ] {
        let answer = http.get(&format!("/api/charts?{query}")).await;
        answer.expect_error(400, error);
    }
}

#[tokio::test]
async fn names_are_looked_up_exactly() {
    let server = TestServer::start(&[]);
    let http = server.http();
    upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    for name in ["App", "ap", "app2", "app%20"] {
        http.get(&format!("/api/charts/{name}"))
            .await
            .expect_error(404, "chart not found");
        let version = http.get(&format!("/api/charts/{name}/1.0.0")).await;
        version.expect_error(404, "no chart name found");
        http.head(&format!("/api/charts/{name}")).await.expect(404);
    }
}

#[tokio::test]
async fn templates_are_base64_beside_the_parsed_values() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let chart = ChartBuilder::new("app", "1.0.0")
        .without("templates/configmap.yaml")
        .file("templates/deployment.yaml", "kind: Deployment\n")
        .file("templates/_helpers.tpl", "")
        .file("other/not-a-template.yaml", "x")
        .file(
            "values.yaml",
            "replicas: 2\nimage: {tag: latest}\nyes: on\n1: one\nday: 2020-01-01\n",
        );
    upload(&http, "/api/charts", &chart).await;
    let answer = http
        .get("/api/charts/app/latest/templates")
        .await
        .expect(200);
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    let template = |name: &str, text: &str| json!({ "name": name, "data": STANDARD.encode(text) });
    let expected = json!({
        "templates": [template("templates/deployment.yaml", "kind: Deployment\n"), template("templates/_helpers.tpl", "")],
        "values": { "1": "one", "day": "2020-01-01", "image": { "tag": "latest" }, "replicas": 2, "true": true },
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn missing_and_empty_values_are_told_apart() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let bare = ChartBuilder::new("bare", "1.0.0")
        .without("values.yaml")
        .without("templates/configmap.yaml");
    upload(&http, "/api/charts", &bare).await;
    upload(&http, "/api/charts", &bare_with_empty_values()).await;
    let null = http
        .get("/api/charts/bare/1.0.0/templates")
        .await
        .expect(200);
    assert_eq!(null.text(), r#"{"templates":null,"values":null}"#);
    http.get("/api/charts/bare/1.0.0/values")
        .await
        .expect_error(404, "values.yaml not found");
    let empty = http
        .get("/api/charts/empty/1.0.0/templates")
        .await
        .expect(200);
    assert_eq!(
        empty.json(),
        json!({ "templates": Value::Null, "values": {} })
    );
    assert!(
        http.get("/api/charts/empty/1.0.0/values")
            .await
            .expect(200)
            .body
            .is_empty()
    );
}

fn bare_with_empty_values() -> ChartBuilder {
    ChartBuilder::new("empty", "1.0.0")
        .file("values.yaml", "")
        .without("templates/configmap.yaml")
}

#[tokio::test]
async fn values_are_the_bytes_of_the_file_without_its_mark() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let chart =
        ChartBuilder::new("app", "1.0.0").file("values.yaml", "\u{feff}# kept\na: 1 # too\n");
    upload(&http, "/api/charts", &chart).await;
    for version in ["1.0.0", "latest", "%5E1"] {
        let answer = http
            .get(&format!("/api/charts/app/{version}/values"))
            .await
            .expect(200);
        assert_eq!(answer.text(), "# kept\na: 1 # too\n");
        assert_eq!(answer.header("content-type"), Some("application/yaml"));
    }
}

#[tokio::test]
async fn single_files_are_text_or_bytes_and_never_a_page() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let chart = ChartBuilder::new("app", "1.0.0")
        .file("README.md", "# App\n")
        .file("docs/deep/page.html", "<script>alert(1)</script>")
        .file("index.yaml", "not an index\n")
        .file("logo.png", [0x89, b'P', 0xff, 0]);
    upload(&http, "/api/charts", &chart).await;
    for (path, content, content_type) in [
        ("README.md", &b"# App\n"[..], "text/plain; charset=utf-8"),
        (
            "docs/deep/page.html",
            b"<script>alert(1)</script>",
            "text/plain; charset=utf-8",
        ),
        ("index.yaml", b"not an index\n", "text/plain; charset=utf-8"),
        (
            "logo.png",
            &[0x89, b'P', 0xff, 0],
            "application/octet-stream",
        ),
    ] {
        let answer = http
            .get(&format!("/api/charts/app/latest/files/{path}"))
            .await
            .expect(200);
        assert_eq!(&answer.body[..], content, "{path}");
        assert_eq!(answer.header("content-type"), Some(content_type), "{path}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
    }
    let missing = http.get("/api/charts/app/1.0.0/files/missing.md").await;
    missing.expect_error(404, "missing.md not found");
    for path in [
        "../app/Chart.yaml",
        "%2e%2e/Chart.yaml",
        "docs",
        "docs/",
        "",
    ] {
        http.get(&format!("/api/charts/app/1.0.0/files/{path}"))
            .await
            .expect(404);
    }
}

#[tokio::test]
async fn a_package_that_has_gone_or_broken_since_is_no_blank_error() {
    let server = TestServer::start(&[]);
    let http = server.http();
    upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    put_by_hand(server.storage(), "app-1.0.0.tgz", b"broken by hand");
    for path in ["templates", "values", "files/Chart.yaml"] {
        // before the change is noticed the package does not open, after it there is no such chart
        let answer = http.get(&format!("/api/charts/app/1.0.0/{path}")).await;
        assert!(
            matches!(answer.status, 404 | 500),
            "{path}: {}",
            answer.status
        );
        let error = answer.json()["error"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(!error.is_empty(), "{path}: {}", answer.text());
    }
}
