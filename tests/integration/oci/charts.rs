//! One chart in two views: what is pushed is listed, what is listed can be pulled, and what goes from one goes from the
//! other.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{CHART_CONFIG, CHART_LAYER, IMAGE, PROVENANCE_LAYER, Repository, code, digest};
use crate::support::chart_builder::{ChartBuilder, sha256_hex, unsigned_provenance};
use crate::support::form::Form;
use crate::support::http::Http;
use crate::support::server::TestServer;

/// The digest that the index has for a version; null if it lists none such.
async fn listed(http: &Http, prefix: &str, name: &str, version: &str) -> Value {
    let index = http
        .get(&format!("{prefix}/index.yaml"))
        .await
        .expect(200)
        .json();
    let versions = index["entries"][name]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let found = versions.iter().find(|entry| entry["version"] == version);
    found.map_or(Value::Null, |entry| entry["digest"].clone())
}

async fn upload(http: &Http, path: &str, package: &[u8]) {
    let request = http.request("POST", path).body(package.to_vec());
    request.send().await.expect(201);
}

#[tokio::test]
async fn a_pushed_chart_is_listed_and_stored_once() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for (name, version, tag) in [
        ("app", "1.0.0", "1.0.0"),
        ("charts/app", "1.0.1+build.7", "1.0.1_build.7"),
        ("app", "2.0.0-rc.1", "2.0.0-rc.1"),
    ] {
        let package = ChartBuilder::new("app", version).package();
        let repository = Repository::new(&http, name);
        repository.push_chart(tag, &package, None).await.expect(201);
        assert_eq!(
            listed(&http, "", "app", version).await,
            sha256_hex(&package)
        );
        let file = format!("/charts/app-{version}.tgz");
        assert!(http.get(&file).await.expect(200).body == package);
        http.get(&format!("/api/charts/app/{version}"))
            .await
            .expect(200);
        let layer = repository
            .get(&format!("blobs/{}", digest(&package)))
            .await
            .expect(200);
        assert!(layer.body == package);
        let hex = sha256_hex(&package);
        let copy = server
            .storage()
            .join(".oci/blobs/sha256")
            .join(&hex[..2])
            .join(&hex);
        assert!(!copy.exists(), "the package is stored twice");
    }
    let tags = Repository::new(&http, "app")
        .get("tags/list")
        .await
        .expect(200)
        .json();
    assert_eq!(
        tags["tags"],
        json!(["1.0.0", "1.0.1_build.7", "2.0.0-rc.1"])
    );
}

#[tokio::test]
async fn a_push_is_complete_with_its_tag() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let package = ChartBuilder::new("app", "1.0.0").package();
    let repository = Repository::new(&http, "app");
    // Helm from 3.18 on puts the manifest by its digest first
    repository.push_blob(b"{}").await;
    repository.push_blob(&package).await;
    let manifest = json!({
        "schemaVersion": 2,
        "config": super::descriptor(CHART_CONFIG, b"{}"),
        "layers": [super::descriptor(CHART_LAYER, &package)],
    })
    .to_string();
    let by_digest = digest(manifest.as_bytes());
    repository
        .put(&by_digest, IMAGE, manifest.as_bytes())
        .await
        .expect(201);
    assert_eq!(listed(&http, "", "app", "1.0.0").await, Value::Null);
    repository
        .put("1.0.0", IMAGE, manifest.as_bytes())
        .await
        .expect(201);
    assert_eq!(
        listed(&http, "", "app", "1.0.0").await,
        sha256_hex(&package)
    );
    // one more tag is no version
    repository
        .put("latest", IMAGE, manifest.as_bytes())
        .await
        .expect(201);
    let index = http.get("/index.yaml").await.expect(200).json();
    assert_eq!(index["entries"]["app"].as_array().map(Vec::len), Some(1));
    let latest = repository.get("manifests/latest").await.expect(200);
    assert_eq!(latest.text(), manifest);
    assert_eq!(
        repository.get("manifests/1.0.0").await.expect(200).text(),
        manifest
    );
}

/// Pulls as Helm does: manifest by tag, configuration, package. Returns the manifest's digest.
async fn assert_pulls(repository: &Repository, tag: &str, package: &[u8]) -> String {
    let manifest = repository
        .get(&format!("manifests/{tag}"))
        .await
        .expect(200);
    assert_eq!(manifest.header("content-type"), Some(IMAGE));
    let by_digest = digest(&manifest.body);
    assert_eq!(manifest.header("docker-content-digest"), Some(&*by_digest));
    let again = repository
        .get(&format!("manifests/{by_digest}"))
        .await
        .expect(200);
    assert!(again.body == manifest.body);
    let document = manifest.json();
    assert_eq!(document["config"]["mediaType"], CHART_CONFIG);
    let layer = &document["layers"][0];
    assert_eq!(layer["mediaType"], CHART_LAYER);
    for (descriptor, expected) in [(&document["config"], None), (layer, Some(package))] {
        let wanted = descriptor["digest"].as_str().expect("a digest");
        let blob = repository.get(&format!("blobs/{wanted}")).await.expect(200);
        assert_eq!(digest(&blob.body), wanted);
        assert_eq!(descriptor["size"], blob.body.len());
        assert!(expected.is_none_or(|expected| blob.body == expected));
        let head = repository
            .head(&format!("blobs/{wanted}"))
            .await
            .expect(200);
        let length = blob.body.len().to_string();
        assert_eq!(head.header("content-length"), Some(&*length));
    }
    by_digest
}

#[tokio::test]
async fn whatever_way_a_chart_came_it_is_pulled_by_oci_with_one_digest() {
    let chart = |version: &str| {
        let chart = ChartBuilder::new("app", version).more_yaml("description: <b> & more\n");
        chart.more_yaml("annotations:\n  k: v\n").package()
    };
    let builtin = TempDir::new().expect("a temporary directory");
    fs::write(builtin.path().join("app-3.0.0.tgz"), chart("3.0.0")).expect("a built-in chart");
    let argument = format!("--builtin-charts={}", builtin.path().display());
    let mut digests = Vec::new();
    for _site in 0..2 {
        let mut server = TestServer::start(&[&argument]);
        let http = server.http();
        upload(&http, "/api/charts", &chart("1.0.0+curl")).await;
        let form = Form::new().file("chart", "app-1.1.0.tgz", &chart("1.1.0"));
        http.post_form_chunked("/api/charts", &form)
            .await
            .expect(201);
        fs::write(server.storage().join("app-1.2.0.tgz"), chart("1.2.0")).expect("a file by hand");
        await_listed(&http, "app", "1.2.0").await;
        let mut here = Vec::new();
        for restarted in [false, true] {
            if restarted {
                server.restart();
            }
            for name in ["app", "charts/app"] {
                let repository = Repository::new(&server.http(), name);
                for version in ["1.0.0+curl", "1.1.0", "1.2.0", "3.0.0"] {
                    let tag = version.replace('+', "_");
                    here.push(assert_pulls(&repository, &tag, &chart(version)).await);
                }
                let tags = repository.get("tags/list").await.expect(200).json();
                assert_eq!(
                    tags["tags"],
                    json!(["1.0.0_curl", "1.1.0", "1.2.0", "3.0.0"])
                );
            }
        }
        digests.push(here);
    }
    assert_eq!(digests[0], digests[1], "two sites have the same digests");
    let (first, rest) = digests[0].split_at(4);
    assert!(
        rest.chunks(4).all(|again| again == first),
        "and after a restart"
    );
}

async fn await_listed(http: &Http, name: &str, version: &str) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while listed(http, "", name, version).await.is_null() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{name} {version} is not listed"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_exists_is_replaced_only_where_that_is_allowed() {
    let first = ChartBuilder::new("app", "1.0.0").package();
    let second = ChartBuilder::new("app", "1.0.0")
        .file("values.yaml", "a: 1\n")
        .package();
    for (arguments, may_replace) in [
        (&[][..], false),
        (&["--disable-force-overwrite"], false),
        (&["--allow-overwrite"], true),
    ] {
        for by_oci in [true, false] {
            let server = TestServer::start(arguments);
            let http = server.http();
            let repository = Repository::new(&http, "app");
            if by_oci {
                repository
                    .push_chart("1.0.0", &first, None)
                    .await
                    .expect(201);
            } else {
                upload(&http, "/api/charts", &first).await;
            }
            // the same again changes nothing
            repository
                .push_chart("1.0.0", &first, None)
                .await
                .expect(201);
            assert_eq!(listed(&http, "", "app", "1.0.0").await, sha256_hex(&first));
            let status = if may_replace { 201 } else { 409 };
            let answer = repository
                .push_chart("1.0.0", &second, None)
                .await
                .expect(status);
            let now = if may_replace { &second } else { &first };
            if !may_replace {
                assert_eq!(code(&answer), "DENIED");
            }
            assert_eq!(listed(&http, "", "app", "1.0.0").await, sha256_hex(now));
            assert!(http.get("/charts/app-1.0.0.tgz").await.expect(200).body == *now);
            assert_pulls(&repository, "1.0.0", now).await;
        }
    }
}

#[tokio::test]
async fn an_upload_that_replaces_a_pushed_chart_is_what_is_pulled() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let repository = Repository::new(&http, "app");
    let first = ChartBuilder::new("app", "1.0.0").package();
    let second = ChartBuilder::new("app", "1.0.0")
        .file("values.yaml", "a: 1\n")
        .package();
    repository
        .push_chart("1.0.0", &first, None)
        .await
        .expect(201);
    let before = assert_pulls(&repository, "1.0.0", &first).await;
    upload(&http, "/api/charts?force", &second).await;
    assert_pulls(&repository, "1.0.0", &second).await;
    repository
        .get(&format!("manifests/{before}"))
        .await
        .expect(404);
}

#[tokio::test]
async fn built_in_charts_stay_what_they_are() {
    let builtin = TempDir::new().expect("a temporary directory");
    let package = ChartBuilder::new("app", "1.0.0").package();
    fs::write(builtin.path().join("app-1.0.0.tgz"), &package).expect("a built-in chart");
    let argument = format!("--builtin-charts={}", builtin.path().display());
    let server = TestServer::start(&[&argument, "--allow-overwrite"]);
    let http = server.http();
    for name in ["app", "charts/app"] {
        let repository = Repository::new(&http, name);
        let by_digest = assert_pulls(&repository, "1.0.0", &package).await;
        let other = ChartBuilder::new("app", "1.0.0")
            .file("values.yaml", "a: 1\n")
            .package();
        let refused = repository
            .push_chart("1.0.0", &other, None)
            .await
            .expect(409);
        assert_eq!(code(&refused), "DENIED");
        let image = repository.image(b"layer").await;
        repository.put("1.0.0", IMAGE, &image).await.expect(409);
        for reference in ["1.0.0", &by_digest] {
            let refused = repository
                .delete(&format!("manifests/{reference}"))
                .await
                .expect(403);
            assert_eq!(code(&refused), "DENIED");
        }
        repository
            .push_chart("1.0.0", &package, None)
            .await
            .expect(201);
        assert_pulls(&repository, "1.0.0", &package).await;
    }
}

#[tokio::test]
async fn a_chart_that_is_deleted_in_one_view_is_gone_in_the_other() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let repository = Repository::new(&http, "app");
    let package = ChartBuilder::new("app", "1.0.0").package();
    for by_oci in [true, false] {
        for delete in ["classic", "tag", "digest"] {
            if by_oci {
                repository
                    .push_chart("1.0.0", &package, None)
                    .await
                    .expect(201);
            } else {
                upload(&http, "/api/charts", &package).await;
            }
            let by_digest = assert_pulls(&repository, "1.0.0", &package).await;
            match delete {
                "classic" => {
                    let request = http.request("DELETE", "/api/charts/app/1.0.0");
                    request.send().await.expect(200);
                }
                "tag" => drop(repository.delete("manifests/1.0.0").await.expect(202)),
                _ => {
                    let path = format!("manifests/{by_digest}");
                    repository.delete(&path).await.expect(202);
                }
            }
            let what = format!("pushed by OCI: {by_oci}, deleted by {delete}");
            assert_eq!(
                listed(&http, "", "app", "1.0.0").await,
                Value::Null,
                "{what}"
            );
            http.get("/charts/app-1.0.0.tgz").await.expect(404);
            repository.get("manifests/1.0.0").await.expect(404);
            // a tag alone leaves what was pushed, for who has its digest
            let is_left = by_oci && delete == "tag";
            let status = if is_left { 200 } else { 404 };
            let left = repository.get(&format!("manifests/{by_digest}")).await;
            assert_eq!(left.status, status, "{what}");
            if is_left {
                let layer = format!("blobs/{}", digest(&package));
                assert!(repository.get(&layer).await.expect(200).body == package);
                repository
                    .delete(&format!("manifests/{by_digest}"))
                    .await
                    .expect(202);
                repository.delete(&layer).await.expect(202);
            }
        }
    }
}

#[tokio::test]
async fn provenance_is_a_layer_in_one_view_and_a_file_in_the_other() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let repository = Repository::new(&http, "app");
    let package = ChartBuilder::new("app", "1.0.0").package();
    let provenance = unsigned_provenance("app", "1.0.0", &package);
    let pushed = repository
        .push_chart("1.0.0", &package, Some(provenance.as_bytes()))
        .await;
    pushed.expect(201);
    let file = http.get("/charts/app-1.0.0.tgz.prov").await.expect(200);
    assert_eq!(file.text(), provenance);
    // one that says it is of another chart would be stored under that one's name
    let package = ChartBuilder::new("app", "1.1.0").package();
    let other = unsigned_provenance("victim", "1.1.0", &package);
    let refused = repository
        .push_chart("1.1.0", &package, Some(other.as_bytes()))
        .await
        .expect(400);
    assert_eq!(code(&refused), "MANIFEST_INVALID");
    assert_eq!(listed(&http, "", "app", "1.1.0").await, Value::Null);
    http.get("/charts/victim-1.1.0.tgz.prov").await.expect(404);

    let package = ChartBuilder::new("app", "2.0.0").package();
    let provenance = unsigned_provenance("app", "2.0.0", &package);
    upload(&http, "/api/charts", &package).await;
    let before = repository.get("manifests/2.0.0").await.expect(200).json();
    assert_eq!(before["layers"].as_array().map(Vec::len), Some(1));
    upload(&http, "/api/prov", provenance.as_bytes()).await;
    let after = repository.get("manifests/2.0.0").await.expect(200).json();
    let layers = after["layers"].as_array().expect("layers");
    let layer = layers
        .iter()
        .find(|layer| layer["mediaType"] == PROVENANCE_LAYER);
    let wanted = layer.expect("a layer")["digest"]
        .as_str()
        .expect("a digest")
        .to_owned();
    let blob = repository.get(&format!("blobs/{wanted}")).await.expect(200);
    assert_eq!(blob.text(), provenance);
    // pushed again with the file that it lacked
    let package = ChartBuilder::new("app", "3.0.0").package();
    let provenance = unsigned_provenance("app", "3.0.0", &package);
    repository
        .push_chart("3.0.0", &package, None)
        .await
        .expect(201);
    let again = repository
        .push_chart("3.0.0", &package, Some(provenance.as_bytes()))
        .await;
    again.expect(201);
    let file = http.get("/charts/app-3.0.0.tgz.prov").await.expect(200);
    assert_eq!(file.text(), provenance);
}

#[tokio::test]
async fn tenants_are_prefixes_of_names() {
    let package = ChartBuilder::new("app", "1.0.0").package();
    for (depth, name, prefix) in [
        ("--depth=1", "team/app", Some("/team")),
        ("--depth=1", "team/charts/app", Some("/team")),
        ("--depth=1", "app", None),
        ("--depth=1", "a/b/app", None),
        ("--depth=0", "team/app", None),
        ("--depth=2", "org/team/app", Some("/org/team")),
        ("--depth-dynamic", "app", Some("")),
        ("--depth-dynamic", "a/b/c/app", Some("/a/b/c")),
    ] {
        let server = TestServer::start(&[depth]);
        let http = server.http();
        let repository = Repository::new(&http, name);
        let pushed = repository
            .push_chart("1.0.0", &package, None)
            .await
            .expect(201);
        let warning = pushed.header("warning");
        match prefix {
            Some(prefix) => {
                assert_eq!(warning, None);
                assert_eq!(
                    listed(&http, prefix, "app", "1.0.0").await,
                    sha256_hex(&package)
                );
            }
            None => {
                let warning = warning.expect("a warning");
                assert!(
                    warning.starts_with("299 - \"stored, but not listed"),
                    "{warning}"
                );
            }
        }
        assert_pulls(&repository, "1.0.0", &package).await;
    }
}

#[tokio::test]
async fn what_is_no_chart_of_that_name_is_an_artifact_like_others() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let package = ChartBuilder::new("app", "1.0.0").package();
    for (name, tag) in [("other", "1.0.0"), ("app", "1.0.1"), ("app", "latest")] {
        let repository = Repository::new(&http, name);
        let pushed = repository.push_chart(tag, &package, None).await.expect(201);
        let warning = pushed.header("warning").expect("a warning");
        assert!(warning.contains("app 1.0.0"), "{warning}");
        assert_pulls(&repository, tag, &package).await;
    }
    let index = http.get("/index.yaml").await.expect(200).json();
    assert_eq!(index["entries"], json!({}));
}

#[tokio::test]
async fn a_package_that_is_none_is_refused_and_costs_little() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let repository = Repository::new(&http, "app");
    let bomb = ChartBuilder::new("app", "1.0.0")
        .file("zeros.bin", vec![0; 200 << 20])
        .package();
    for package in [&b"not gzip"[..], &bomb] {
        let refused = repository
            .push_chart("1.0.0", package, None)
            .await
            .expect(400);
        assert_eq!(code(&refused), "MANIFEST_INVALID");
        repository.get("manifests/1.0.0").await.expect(404);
    }
    let index = http.get("/index.yaml").await.expect(200).json();
    assert_eq!(index["entries"], json!({}));
}

#[tokio::test]
async fn an_image_does_not_take_a_charts_tag() {
    let server = TestServer::start(&["--allow-overwrite"]);
    let http = server.http();
    let package = ChartBuilder::new("app", "1.0.0").package();
    upload(&http, "/api/charts", &package).await;
    let repository = Repository::new(&http, "app");
    let image = repository.image(b"layer").await;
    let refused = repository.put("1.0.0", IMAGE, &image).await.expect(409);
    assert!(
        refused.text().contains("another name"),
        "{}",
        refused.text()
    );
    repository
        .put("1.0.0-image", IMAGE, &image)
        .await
        .expect(201);
    let images = Repository::new(&http, "images/app");
    images.push_image("1.0.0", b"layer").await;
    assert_pulls(&repository, "1.0.0", &package).await;
}

#[tokio::test]
async fn limits_on_charts_hold_for_pushes() {
    let server = TestServer::start(&["--per-chart-limit=2"]);
    let http = server.http();
    let repository = Repository::new(&http, "app");
    for version in ["1.0.0", "1.0.1", "1.0.2"] {
        let package = ChartBuilder::new("app", version).package();
        repository
            .push_chart(version, &package, None)
            .await
            .expect(201);
    }
    assert_eq!(listed(&http, "", "app", "1.0.0").await, Value::Null);
    let tags = repository.get("tags/list").await.expect(200).json();
    assert_eq!(tags["tags"], json!(["1.0.1", "1.0.2"]));
    let server = TestServer::start(&["--max-storage-objects=1"]);
    let repository = Repository::new(&server.http(), "app");
    let package = |version| ChartBuilder::new("app", version).package();
    repository
        .push_chart("1.0.0", &package("1.0.0"), None)
        .await
        .expect(201);
    let refused = repository
        .push_chart("1.0.1", &package("1.0.1"), None)
        .await
        .expect(403);
    assert_eq!(code(&refused), "DENIED");
}
