//! Names that want to be somewhere else: of charts, provenance files, tenants.

use super::{assert_unharmed, outside_of_storage, post_both};
use crate::support::chart_builder::{ChartBuilder, unsigned_provenance};
use crate::support::form::Form;
use crate::support::raw;
use crate::support::server::TestServer;

fn package(name: &str, version: &str) -> Vec<u8> {
    let yaml = format!(
        "apiVersion: v2\nname: {}\nversion: {}\n",
        serde_json::json!(name),
        serde_json::json!(version)
    );
    ChartBuilder::new("x", "1.0.0").chart_yaml(yaml).package()
}

#[tokio::test]
async fn chart_names_stay_in_their_directory() {
    let server = TestServer::start(&[]);
    let before = outside_of_storage(server.world());
    let long = "n".repeat(300);
    let nearly = "n".repeat(245);
    let long_version = format!("1.0.0-{}", "r".repeat(300));
    let names = [
        ("../evil", "1.0.0"),
        ("..", "1.0.0"),
        (".", "1.0.0"),
        ("a/b", "1.0.0"),
        ("/tmp/evil", "1.0.0"),
        (r"..\evil", "1.0.0"),
        ("", "1.0.0"),
        ("\u{200b}\u{7}", "1.0.0"),
        ("x", "../../1"),
        ("x", "1.0.0/../../evil"),
        ("x", "1.0.0\n"),
        ("x", "1.0.0\0"),
        ("x", "1.0.0-a\\b"),
        ("x", ""),
        // longer than a file's name may be, with and without what the store appends while it writes
        (&long, "1.0.0"),
        (&nearly, "1.0.0"),
        ("x", &long_version),
    ];
    for (name, version) in names {
        post_both(
            &server,
            &format!("{name:?} {version:?}"),
            &package(name, version),
            400,
        )
        .await;
    }
    assert_eq!(server.stored(), [""; 0], "something was stored");
    assert_eq!(outside_of_storage(server.world()), before);
    assert_unharmed(&server);
}

#[tokio::test]
async fn odd_chart_names_are_stored_listed_and_downloaded() {
    let mut server = TestServer::start(&[]);
    let odd = [
        ("a#1", "a#1-1.0.0.tgz", "a%231-1.0.0.tgz"),
        (".tgz", ".tgz-1.0.0.tgz", ".tgz-1.0.0.tgz"),
        ("a b", "a b-1.0.0.tgz", "a%20b-1.0.0.tgz"),
        ("a\nb\0c\td", "a bc d-1.0.0.tgz", "a%20bc%20d-1.0.0.tgz"),
        (
            "%2e%2e%2fevil",
            "%2e%2e%2fevil-1.0.0.tgz",
            "%252e%252e%252fevil-1.0.0.tgz",
        ),
        (
            "übergröße 🚢",
            "übergröße 🚢-1.0.0.tgz",
            "%C3%BCbergr%C3%B6%C3%9Fe%20%F0%9F%9A%A2-1.0.0.tgz",
        ),
        (
            "a?b*c[d]~",
            "a?b*c[d]~-1.0.0.tgz",
            "a%3Fb*c%5Bd%5D~-1.0.0.tgz",
        ),
        ("-rf", "-rf-1.0.0.tgz", "-rf-1.0.0.tgz"),
        (
            "index-cache.yaml",
            "index-cache.yaml-1.0.0.tgz",
            "index-cache.yaml-1.0.0.tgz",
        ),
        (
            ".chartroom-index",
            ".chartroom-index-1.0.0.tgz",
            ".chartroom-index-1.0.0.tgz",
        ),
        (
            &*"n".repeat(230),
            &*format!("{}-1.0.0.tgz", "n".repeat(230)),
            &*format!("{}-1.0.0.tgz", "n".repeat(230)),
        ),
    ];
    for (name, file_name, _) in odd {
        post_both(&server, name, &package(name, "1.0.0"), 201).await;
        assert!(
            server.storage().join(file_name).is_file(),
            "{file_name:?} is in storage"
        );
    }
    for warm in [false, true] {
        if warm {
            server.restart();
        }
        let index = server.http().get("/index.yaml").await.expect(200).json();
        for (name, file_name, url) in odd {
            let entries = index["entries"].as_object().expect("entries");
            let listed = entries
                .values()
                .any(|versions| versions[0]["urls"][0] == format!("charts/{file_name}"));
            assert!(listed, "{name:?} is listed as {file_name:?}");
            let response = server
                .http()
                .get(&format!("/charts/{url}"))
                .await
                .expect(200);
            assert_eq!(response.body, package(name, "1.0.0"), "{name:?}");
        }
        assert_eq!(
            index["entries"].as_object().map(serde_json::Map::len),
            Some(odd.len())
        );
    }
    assert_unharmed(&server);
}

/// docs/chartmuseum.md 15.2: behind a package that exists already, ChartMuseum does not look at the provenance's name.
#[tokio::test]
async fn provenance_names_stay_in_their_directory() {
    let server = TestServer::start(&["--allow-overwrite"]);
    let before = outside_of_storage(server.world());
    let chart = ChartBuilder::new("x", "1.0.0").package();
    server
        .http()
        .post("/api/charts", chart.clone())
        .await
        .expect(201);
    let long = "n".repeat(300);
    let names = [
        ("../escaped", "1.0.0"),
        ("..", "/../../escaped"),
        ("/tmp/escaped", "1.0.0"),
        ("x", "../../../escaped"),
        ("a/b", "1"),
        (r"..\escaped", "1"),
        ("x\r", "1.0.0\r"),
        ("x\0", "1.0.0"),
        (&long, "1.0.0"),
    ];
    for (name, version) in names {
        let signed = unsigned_provenance(name, version, &chart);
        let raw = server.http().post("/api/prov", signed.clone()).await;
        assert_eq!(raw.status, 400, "{name:?} {version:?}: {}", raw.text());
        for first in ["chart", "prov"] {
            let form = if first == "chart" {
                Form::new()
                    .file("chart", "x.tgz", &chart)
                    .file("prov", "x.prov", signed.as_bytes())
            } else {
                Form::new()
                    .file("prov", "x.prov", signed.as_bytes())
                    .file("chart", "x.tgz", &chart)
            };
            let response = server
                .http()
                .post_form(&format!("/api/charts?force&{first}"), &form)
                .await;
            assert_eq!(
                response.status,
                400,
                "{name:?} {version:?}: {}",
                response.text()
            );
        }
    }
    assert_eq!(server.stored(), ["x-1.0.0.tgz"]);
    assert_eq!(outside_of_storage(server.world()), before);
    assert_unharmed(&server);
}

/// docs/chartmuseum.md 15.1: at any depth but 0 a tenant called `..` was the parent of the storage.
#[tokio::test]
async fn tenants_stay_below_the_storage() {
    let long = "t".repeat(300);
    let deep = "t/".repeat(3000);
    let tenants = [
        "..",
        "%2e%2e",
        ".%2E",
        ".",
        "%2e",
        "",
        "%2F",
        "..%2F..",
        "a%2F..",
        "%00",
        "a%00b",
        "a%0Ab",
        "..%5C..",
        "a%5Cb",
        "a%5c..%5c..",
        "%252e%252e%00",
        &long,
        &deep,
    ];
    for depth in ["--depth=1", "--depth=2", "--depth-dynamic"] {
        let server = TestServer::start(&[depth]);
        let secret = ChartBuilder::new("secret", "1.0.0").package();
        std::fs::write(server.world().join("secret-1.0.0.tgz"), &secret).unwrap();
        // a tenant is a directory, not a package that lies in its place
        server.http().post("/api/org/charts", Vec::new()).await;
        std::fs::write(server.storage().join("file.tgz"), &secret).unwrap();
        let before = outside_of_storage(server.world());
        let own = |tenant: &str| match depth {
            "--depth=2" => format!("org/{tenant}"),
            _ => tenant.to_owned(),
        };
        for tenant in tenants.iter().map(|tenant| own(tenant)).chain([
            own("file.tgz"),
            "../..".into(),
            "%2e%2e/%2e%2e".into(),
        ]) {
            for path in [
                format!("/{tenant}/index.yaml"),
                format!("/{tenant}/charts/secret-1.0.0.tgz"),
                format!("/api/{tenant}/charts"),
                format!("/api/{tenant}/charts/secret/1.0.0"),
            ] {
                for method in ["GET", "HEAD", "DELETE"] {
                    let request =
                        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
                    let answer = raw::exchange(server.address(), request).await;
                    assert!(
                        !answer.contains("secret\"") && !answer.contains("\u{1f}\u{8b}"),
                        "{method} {path}: {answer}"
                    );
                    assert!(
                        !answer.starts_with("HTTP/1.1 5") && answer.starts_with("HTTP/1.1 "),
                        "{method} {path}: {answer}"
                    );
                }
            }
            if tenant == "file.tgz" {
                // to write below a file is a failure of the storage: `storage_root` tests that
                continue;
            }
            let evil = ChartBuilder::new("evil", "1.0.0").package();
            let head = format!(
                "POST /api/{tenant}/charts HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                evil.len()
            );
            let answer = raw::exchange(server.address(), [head.as_bytes(), &evil].concat()).await;
            assert!(
                !answer.starts_with("HTTP/1.1 5") && answer.starts_with("HTTP/1.1 "),
                "POST {tenant}: {answer}"
            );
        }
        assert_eq!(outside_of_storage(server.world()), before, "{depth}");
        assert_unharmed(&server);
    }
}
