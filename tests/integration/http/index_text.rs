//! What `index.yaml` says, as JSON and as YAML.

use chrono::DateTime;
use serde_json::{Value, json};

use super::{chart_form, indexed, parsed, upload};
use crate::support::chart_builder::{ChartBuilder, sha256_hex};
use crate::support::server::TestServer;

const FORMATS: [&str; 2] = ["--json-index=true", "--json-index=false"];

#[tokio::test]
async fn the_default_is_json_with_a_chart_version_a_line() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        upload(&http, "/api/charts", &ChartBuilder::new("app", version)).await;
    }
    let answer = http.get("/index.yaml").await.expect(200);
    assert_eq!(answer.header("content-type"), Some("application/x-yaml"));
    let as_json = answer.json();
    assert_eq!(parsed(&answer), as_json, "JSON also loads as YAML");
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        let needle = format!("\"version\":\"{version}\"");
        let text = answer.text();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(&needle)).collect();
        assert_eq!(lines.len(), 1, "{version}");
        let entry: Value =
            serde_json::from_str(lines[0].trim_end_matches(',')).expect("an object a line");
        assert_eq!(entry["version"], version);
    }
}

#[tokio::test]
async fn yaml_is_no_json_and_says_the_same() {
    let json = TestServer::start(&["--json-index=true", "--shared-storage"]);
    let yaml = TestServer::options()
        .storage(json.storage())
        .args(["--json-index=false", "--shared-storage"])
        .start();
    for chart in [
        ChartBuilder::new("app", "1.0.0")
            .more_yaml("keywords: [a, \"yes\", \"1.10\"]\ndeprecated: true"),
        ChartBuilder::new("123", "1.0.0")
            .more_yaml("annotations:\n  answer: \"42\"\n  multi: \"a\\nb\""),
        ChartBuilder::new("true", "1.0.0").dependencies(&[("dep", ">=1.0", "https://charts.test")]),
    ] {
        upload(&json.http(), "/api/charts", &chart).await;
    }
    json.eventually("the other server sees all three", async || {
        indexed(&yaml.http(), "/index.yaml").await.len() == 3
    })
    .await;
    let (json, yaml) = (
        json.http().get("/index.yaml").await,
        yaml.http().get("/index.yaml").await,
    );
    assert_eq!(yaml.header("content-type"), Some("application/x-yaml"));
    assert!(
        serde_json::from_slice::<Value>(&yaml.body).is_err(),
        "YAML is no JSON"
    );
    assert_eq!(parsed(&yaml)["entries"], json.json()["entries"]);
}

#[tokio::test]
async fn an_entry_has_the_fields_that_strict_parsers_know_and_no_others() {
    for format in FORMATS {
        let server = TestServer::start(&[format]);
        let http = server.http();
        let chart = ChartBuilder::new("app", "1.0.0").chart_yaml(
            "apiVersion: v2\nname: app\nversion: 1.0.0\nkubeVersion: '>=1.20'\ndescription: 'Demo: an example'\n\
             type: application\nkeywords: [a]\nhome: https://home.test\nsources: [https://source.test]\n\
             dependencies:\n- name: dep\n  version: '1'\n  repository: https://charts.test\n  condition: dep.on\n\
             \u{20} tags: [t]\n  import-values: [data]\n  alias: other\n\
             maintainers: [{name: Nn, email: n@charts.test, url: https://n.test}]\nicon: https://icon.test\n\
             appVersion: 1.10\ndeprecated: true\nannotations: {a: 1}\ntags: x\ncondition: some.key\nunknownField: 1\n",
        );
        let package = upload(&http, "/api/charts", &chart).await;
        let index = parsed(&http.get("/index.yaml").await);
        let mut keys: Vec<&String> = index.as_object().expect("a mapping").keys().collect();
        keys.sort();
        assert_eq!(keys, ["apiVersion", "entries", "generated", "serverInfo"]);
        assert_eq!(index["apiVersion"], "v1");
        let mut entry = index["entries"]["app"][0].clone();
        let created = entry["created"].take();
        for time in [&created, &index["generated"]] {
            let text = time.as_str().expect("a string");
            DateTime::parse_from_rfc3339(text).expect("RFC 3339");
        }
        entry.as_object_mut().expect("a mapping").remove("created");
        let expected = json!({
            "annotations": {"a": "1"}, "apiVersion": "v2", "appVersion": "1.1", "condition": "some.key",
            "dependencies": [{
                "alias": "other", "condition": "dep.on", "import-values": ["data"], "name": "dep",
                "repository": "https://charts.test", "tags": ["t"], "version": "1",
            }],
            "deprecated": true, "description": "Demo: an example", "digest": sha256_hex(&package),
            "home": "https://home.test", "icon": "https://icon.test", "keywords": ["a"], "kubeVersion": ">=1.20",
            "maintainers": [{"email": "n@charts.test", "name": "Nn", "url": "https://n.test"}], "name": "app",
            "sources": ["https://source.test"], "tags": "x", "type": "application",
            "urls": ["charts/app-1.0.0.tgz"], "version": "1.0.0",
        });
        assert_eq!(entry, expected, "{format}");
    }
}

#[tokio::test]
async fn an_empty_repository_has_an_empty_mapping_of_entries() {
    for format in FORMATS {
        let server = TestServer::start(&[format]);
        let index = parsed(&server.http().get("/index.yaml?any=query").await.expect(200));
        assert_eq!(index["entries"], json!({}), "{format}");
        assert_eq!(index["serverInfo"], json!({}), "{format}");
    }
}

#[tokio::test]
async fn the_context_path_is_told_only_where_there_is_one() {
    for format in FORMATS {
        let server = TestServer::start(&[format, "--context-path=x/y/"]);
        let answer = server.http().get("/x/y/index.yaml").await.expect(200);
        assert_eq!(
            parsed(&answer)["serverInfo"],
            json!({ "contextPath": "/x/y" }),
            "{format}"
        );
        let server = TestServer::start(&[format]);
        let answer = server.http().get("/index.yaml").await.expect(200);
        assert!(!answer.text().contains("contextPath"), "{format}");
    }
}

#[tokio::test]
async fn urls_are_relative_unless_a_chart_url_is_given() {
    for (arguments, prefix, expected) in [
        (&[][..], "", "charts/app-1.0.0.tgz"),
        (
            &["--chart-url=http://h:8080/"],
            "",
            "http://h:8080/charts/app-1.0.0.tgz",
        ),
        (
            &["--chart-url=http://h:8080", "--context-path=/x"],
            "/x",
            "http://h:8080/x/charts/app-1.0.0.tgz",
        ),
        (
            &["--chart-url=http://h/sub", "--context-path=/x", "--depth=2"],
            "/x",
            "http://h/sub/x/org/team/charts/app-1.0.0.tgz",
        ),
    ] {
        for format in FORMATS {
            let server = TestServer::options().args(arguments).arg(format).start();
            let http = server.http();
            let tenant = if arguments.contains(&"--depth=2") {
                "/org/team"
            } else {
                ""
            };
            upload(
                &http,
                &format!("{prefix}/api{tenant}/charts"),
                &ChartBuilder::new("app", "1.0.0"),
            )
            .await;
            let index = parsed(&http.get(&format!("{prefix}{tenant}/index.yaml")).await);
            assert_eq!(
                index["entries"]["app"][0]["urls"],
                json!([expected]),
                "{format}"
            );
            let version = http
                .get(&format!("{prefix}/api{tenant}/charts/app/1.0.0"))
                .await;
            assert_eq!(version.json()["urls"], json!([expected]));
        }
    }
}

#[tokio::test]
async fn templates_and_values_work_with_a_chart_url_too() {
    let server = TestServer::start(&["--chart-url=http://elsewhere.test"]);
    let http = server.http();
    upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    http.get("/api/charts/app/1.0.0/values").await.expect(200);
    http.get("/api/charts/app/1.0.0/templates")
        .await
        .expect(200);
}

#[tokio::test]
async fn versions_stand_newest_first_by_precedence() {
    let in_order = [
        "10.0.0",
        "9.9.9",
        "v3.0.0",
        "2",
        "1.10.0",
        "1.9.0",
        "1.0.0",
        "1.0.0-rc.1",
        "1.0.0-beta.11",
        "1.0.0-beta.2",
        "1.0.0-beta",
        "1.0.0-alpha.1",
        "1.0.0-alpha",
        "0.0.0-abc",
        "0.0.0-1",
    ];
    let server = TestServer::start(&[]);
    let http = server.http();
    // an order that is neither theirs nor its reverse
    for step in 0..in_order.len() {
        let version = in_order[step * 7 % in_order.len()];
        upload(&http, "/api/charts", &ChartBuilder::new("app", version)).await;
    }
    let expected: Vec<String> = in_order
        .iter()
        .map(|version| format!("app {version}"))
        .collect();
    assert_eq!(indexed(&http, "/index.yaml").await, expected);
    assert_eq!(super::listed(&http, "/api/charts").await, expected);
}

#[tokio::test]
async fn an_upload_is_listed_before_it_is_acknowledged() {
    let server = TestServer::start(&["--cache-interval=0"]);
    let http = server.http();
    for number in 0..60 {
        let chart = ChartBuilder::new("app", &format!("1.0.{number}"));
        if number % 2 == 0 {
            upload(&http, "/api/charts", &chart).await;
        } else {
            http.post_form_chunked("/api/charts", &chart_form(&chart.package()))
                .await
                .expect(201);
        }
        assert_eq!(indexed(&http, "/index.yaml").await.len(), number + 1);
        http.get(&format!("/api/charts/app/1.0.{number}"))
            .await
            .expect(200);
    }
}
