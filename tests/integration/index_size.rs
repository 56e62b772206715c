//! Nobody's metadata fills the index that everybody fetches.

use std::fs;

use crate::recovery::contents::index;
use crate::support::chart_builder::ChartBuilder;
use crate::support::server::TestServer;

fn annotated(version: &str, bytes: usize) -> ChartBuilder {
    ChartBuilder::new("app", version)
        .more_yaml(&format!("annotations:\n  a: {}", "x".repeat(bytes)))
}

#[tokio::test]
async fn an_upload_with_more_metadata_than_an_entry_may_have_is_refused() {
    let server = TestServer::start(&[]);
    let http = server.http();
    http.post("/api/charts", annotated("1.0.0", 60 << 10).package())
        .await
        .expect(201);
    let refused = http
        .post("/api/charts", annotated("2.0.0", 64 << 10).package())
        .await;
    let error = refused.expect(422).json()["error"]
        .as_str()
        .expect("a text")
        .to_owned();
    assert!(error.contains("--max-index-entry-size"), "{error}");
    assert!(error.contains("takes up to 65536"), "{error}");
    assert_eq!(server.stored(), ["app-1.0.0.tgz"]);

    for (option, status) in [
        ("--max-index-entry-size=100000", 201),
        ("--max-index-entry-size=0", 201),
    ] {
        let other = TestServer::start(&[option]);
        let answer = other
            .http()
            .post("/api/charts", annotated("2.0.0", 64 << 10).package())
            .await;
        answer.expect(status);
    }
}

#[tokio::test]
async fn a_package_in_the_volume_is_listed_without_what_is_too_large() {
    let mut server = TestServer::start(&["--max-index-entry-size=2000"]);
    server.kill9();
    let packages = [
        annotated("1.0.0", 100 << 10),
        annotated("2.0.0", 10).more_yaml(&format!("home: {}", "h".repeat(3000))),
        ChartBuilder::new("app", "3.0.0").more_yaml("icon: small"),
    ];
    for package in &packages {
        fs::write(
            server.storage().join(package.file_name()),
            package.package(),
        )
        .unwrap();
    }
    // read from the packages, then from the index cache
    for _ in 0..2 {
        server.start_again();
        let (_, bytes) = index(&server.http()).await;
        assert!(bytes.len() < 4000, "{} bytes", bytes.len());
        let entries: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let versions = entries["entries"]["app"].as_array().expect("versions");
        let [third, second, first] = &versions[..] else {
            panic!("{versions:?}")
        };
        assert_eq!(third["icon"], "small");
        assert_eq!(first["annotations"], serde_json::Value::Null);
        assert_eq!(second["home"], serde_json::Value::Null);
        for entry in [first, second] {
            assert_eq!(entry["description"], "A chart of the tests");
            assert_eq!(entry["appVersion"], "2.0");
        }
        server.sigterm_and_wait();
    }
    let log = server.log();
    let named = |package: &str, left_out: &str| {
        log.lines().any(|line| {
            line.contains("Package is listed without its largest metadata")
                && line.contains(package)
                && line.contains(left_out)
        })
    };
    assert!(named("app-1.0.0.tgz", "\"annotations\""), "{log}");
    assert!(named("app-2.0.0.tgz", "\"annotations, home\""), "{log}");
    assert!(!named("app-3.0.0.tgz", ""), "{log}");
}

#[tokio::test]
async fn a_full_index_takes_no_new_version_and_shows_it() {
    let mut server = TestServer::start(&["--max-index-size=20000", "--enable-metrics"]);
    let http = server.http();
    let mut refused = None;
    for n in 0..10 {
        let answer = http
            .post(
                "/api/charts",
                annotated(&format!("1.{n}.0"), 5000).package(),
            )
            .await;
        if answer.status != 201 {
            refused = Some(answer);
            break;
        }
    }
    let error = refused.expect("a limit").expect(507).json()["error"].to_string();
    assert!(error.contains("--max-index-size"), "{error}");
    let (listed, bytes) = index(&http).await;
    assert_eq!(listed.len(), 3, "{listed:?}");
    let metrics = http.get("/metrics").await.expect(200).text();
    for line in [
        format!("chart_repository_index_bytes{{repo=\"\"}} {}", bytes.len()),
        "chart_repository_index_limit_bytes 20000".to_owned(),
    ] {
        assert!(
            metrics.lines().any(|other| other == line),
            "{line}\n{metrics}"
        );
    }
    // what makes it no larger is taken, and so is what fits again
    http.post("/api/charts?force", annotated("1.0.0", 4900).package())
        .await
        .expect(201);
    http.delete("/api/charts/app/1.1.0").await.expect(200);
    http.post("/api/charts", annotated("2.0.0", 5000).package())
        .await
        .expect(201);

    // what is there is listed, however small the limit is at the next start
    let listed = index(&http).await.0;
    server.start_again_with(|options| options.arg("--max-index-size=5000"));
    assert_eq!(index(&server.http()).await.0, listed);
    let log = server.log();
    assert!(
        log.contains("Index is larger than --max-index-size"),
        "{log}"
    );
}
