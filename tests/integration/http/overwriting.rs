//! What exists already: refused, forced, or replaced as a matter of course.

use super::{chart_form, files, listed, provenance_form, put_by_hand, upload};
use crate::support::chart_builder::{ChartBuilder, sha256_hex, unsigned_provenance};
use crate::support::http::Http;
use crate::support::server::TestServer;

/// Statuses of a second upload: raw chart, raw provenance file, chart in a form, provenance file in a form.
async fn again(http: &Http, query: &str) -> [u16; 4] {
    let package = ChartBuilder::new("app", "1.0.0")
        .file("again", "again")
        .package();
    let provenance = unsigned_provenance("app", "1.0.0", &package);
    let charts = format!("/api/charts{query}");
    [
        http.post(&charts, package.clone()).await,
        http.post(&format!("/api/prov{query}"), provenance.clone())
            .await,
        http.post_form(&charts, &chart_form(&package)).await,
        http.post_form(&charts, &provenance_form(&provenance)).await,
    ]
    .map(|answer| {
        let text = answer.json()["error"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert_eq!(
            answer.status == 409,
            text.ends_with(" already exists"),
            "{text}"
        );
        answer.status
    })
}

#[tokio::test]
async fn a_second_upload_is_a_conflict_unless_it_may_replace() {
    let (refused, replaced) = ([409; 4], [201; 4]);
    for (arguments, query, expected) in [
        (&[][..], "", refused),
        (&[], "?force", replaced),
        (&[], "?force=true", replaced),
        // its presence counts, not its value
        (&[], "?force=false", replaced),
        (&[], "?a=1&force=", replaced),
        (&[], "?forced", refused),
        (&[], "?Force", refused),
        (&["--disable-force-overwrite"], "", refused),
        (&["--disable-force-overwrite"], "?force", refused),
        (&["--allow-overwrite"], "", replaced),
        (
            &["--allow-overwrite", "--disable-force-overwrite"],
            "",
            replaced,
        ),
        (
            &["--allow-overwrite", "--disable-force-overwrite"],
            "?force",
            replaced,
        ),
    ] {
        let server = TestServer::start(arguments);
        let http = server.http();
        let package = upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
        let provenance = unsigned_provenance("app", "1.0.0", &package);
        http.post("/api/prov", provenance).await.expect(201);
        assert_eq!(
            again(&http, query).await,
            expected,
            "{arguments:?} {query:?}"
        );
        assert_eq!(listed(&http, "/api/charts").await, ["app 1.0.0"]);
        let bytes = http.get("/charts/app-1.0.0.tgz").await.expect(200).body;
        assert_eq!(
            bytes == package,
            expected == refused,
            "{arguments:?} {query:?}"
        );
    }
}

#[tokio::test]
async fn conflicts_have_the_words_of_their_form() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let package = upload(&http, "/api/charts", &ChartBuilder::new("app", "1.0.0")).await;
    let provenance = unsigned_provenance("app", "1.0.0", &package);
    http.post("/api/charts", package.clone())
        .await
        .expect_error(409, "file already exists");
    http.post_form("/api/charts", &chart_form(&package))
        .await
        .expect_error(409, "chart already exists");
    http.post("/api/prov", provenance.clone()).await.expect(201);
    http.post("/api/prov", provenance.clone())
        .await
        .expect_error(409, "file already exists");
    let form = provenance_form(&provenance);
    http.post_form("/api/charts", &form)
        .await
        .expect_error(409, "chart already exists");
}

#[tokio::test]
async fn one_existing_part_refuses_the_whole_form() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let old = upload(&http, "/api/charts", &ChartBuilder::new("old", "1.0.0")).await;
    let new = ChartBuilder::new("new", "1.0.0").package();
    let of_new = unsigned_provenance("new", "1.0.0", &new);
    let form = chart_form(&old).file("prov", "x", of_new.as_bytes());
    http.post_form("/api/charts", &form)
        .await
        .expect_error(409, "chart already exists");
    assert_eq!(files(server.storage()), ["old-1.0.0.tgz"]);
    put_by_hand(
        server.storage(),
        "new-1.0.0.tgz.prov",
        b"another provenance file",
    );
    let form = chart_form(&new).file("prov", "x", of_new.as_bytes());
    http.post_form("/api/charts", &form)
        .await
        .expect_error(409, "chart already exists");
    assert_eq!(
        files(server.storage()),
        ["new-1.0.0.tgz.prov", "old-1.0.0.tgz"]
    );
}

#[tokio::test]
async fn the_digest_follows_the_bytes_at_once() {
    let server = TestServer::start(&["--allow-overwrite", "--cache-interval=0"]);
    let http = server.http();
    for number in 0..30 {
        let chart = ChartBuilder::new("app", "1.0.0").file("number", format!("{number}"));
        let package = upload(&http, "/api/charts", &chart).await;
        let index = http.get("/index.yaml").await.expect(200).json();
        assert_eq!(index["entries"]["app"][0]["digest"], sha256_hex(&package));
        assert_eq!(index["entries"]["app"].as_array().map(Vec::len), Some(1));
        assert!(http.get("/charts/app-1.0.0.tgz").await.expect(200).body == package);
    }
}

#[tokio::test]
async fn uploading_again_repairs_what_is_stored_but_not_listed() {
    for query in ["", "?force"] {
        let server = TestServer::start(&["--cache-interval=0"]);
        let http = server.http();
        let package = ChartBuilder::new("app", "1.0.0").package();
        // known as unreadable first, then replaced by a link that no event tells of
        let elsewhere = server.world().join("elsewhere");
        std::fs::write(&elsewhere, b"no package").expect("a writable directory");
        std::os::unix::fs::symlink(&elsewhere, server.storage().join("app-1.0.0.tgz"))
            .expect("a link");
        server
            .eventually("the broken package is noticed", async || {
                server.log().contains("Invalid package in storage")
            })
            .await;
        std::fs::write(&elsewhere, &package).expect("a writable directory");
        http.get("/api/charts/app").await.expect(404);
        let expected = if query.is_empty() { 409 } else { 201 };
        http.post(&format!("/api/charts{query}"), package)
            .await
            .expect(expected);
        assert_eq!(
            listed(&http, "/api/charts").await,
            ["app 1.0.0"],
            "{query:?}"
        );
    }
}
