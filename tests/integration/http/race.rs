//! Many at once.

use futures_util::future::join_all;

use super::{chart_form, files, indexed, listed};
use crate::support::chart_builder::{ChartBuilder, sha256_hex, unsigned_provenance};
use crate::support::server::TestServer;

const ROUNDS: usize = 25;

/// Different packages of one version.
fn rivals(version: &str, count: usize) -> Vec<Vec<u8>> {
    let rival = |number| {
        ChartBuilder::new("app", version)
            .file("rival", format!("{number}"))
            .package()
    };
    (0..count).map(rival).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_simultaneous_first_uploads_exactly_one_wins() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for as_form in [false, true] {
        for round in 0..ROUNDS {
            let version = format!("{}.{round}.0", u8::from(as_form));
            let packages = rivals(&version, 8);
            let answers = join_all(packages.iter().enumerate().map(|(number, package)| {
                let http = http.clone();
                let form = chart_form(package);
                async move {
                    match (as_form, number % 2) {
                        (false, _) => http.post("/api/charts", package.clone()).await,
                        (true, 0) => http.post_form("/api/charts", &form).await,
                        (true, _) => http.post_form_chunked("/api/charts", &form).await,
                    }
                }
            }))
            .await;
            let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            let winners: Vec<usize> = (0..8).filter(|number| statuses[*number] == 201).collect();
            assert_eq!(winners.len(), 1, "{version}: {statuses:?}");
            assert!(
                statuses.iter().all(|status| matches!(status, 201 | 409)),
                "{statuses:?}"
            );
            let winner = &packages[winners[0]];
            assert!(
                http.get(&format!("/charts/app-{version}.tgz"))
                    .await
                    .expect(200)
                    .body
                    == *winner
            );
            let entry = http
                .get(&format!("/api/charts/app/{version}"))
                .await
                .expect(200)
                .json();
            assert_eq!(entry["digest"], sha256_hex(winner));
        }
    }
    assert_eq!(indexed(&http, "/index.yaml").await.len(), 2 * ROUNDS);
}

#[tokio::test(flavor = "multi_thread")]
async fn digest_and_bytes_agree_after_a_storm_of_forced_uploads() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for _ in 0..ROUNDS {
        let packages = rivals("1.0.0", 6);
        let uploads = packages
            .iter()
            .map(|package| http.post("/api/charts?force", package.clone()));
        for answer in join_all(uploads).await {
            answer.expect(201);
        }
        let bytes = http.get("/charts/app-1.0.0.tgz").await.expect(200).body;
        let index = http.get("/index.yaml").await.expect(200).json();
        assert_eq!(index["entries"]["app"].as_array().map(Vec::len), Some(1));
        assert_eq!(index["entries"]["app"][0]["digest"], sha256_hex(&bytes));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_holds_when_many_ask_at_once() {
    let server = TestServer::start(&["--max-storage-objects=5"]);
    let http = server.http();
    let uploads = (0..12).map(|number| {
        let http = http.clone();
        async move {
            let package = ChartBuilder::new(&format!("app{number}"), "1.0.0").package();
            if number % 2 == 0 {
                http.post("/api/charts", package).await
            } else {
                http.post_form("/api/charts", &chart_form(&package)).await
            }
        }
    });
    let statuses: Vec<u16> = join_all(uploads)
        .await
        .into_iter()
        .map(|answer| answer.status)
        .collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 201).count(),
        5,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 507).count(),
        7,
        "{statuses:?}"
    );
    assert_eq!(files(server.storage()).len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_and_charts_do_not_get_in_each_others_way() {
    let server = TestServer::start(&["--depth=1"]);
    let http = server.http();
    let uploads = (0..60).map(|number| {
        let http = http.clone();
        async move {
            let tenant = format!("/api/org{}/charts", number % 3);
            let version = format!("1.0.{number}");
            let package = ChartBuilder::new("app", &version).package();
            let provenance = unsigned_provenance("app", &version, &package);
            http.post(&tenant, package).await.expect(201);
            http.post(&tenant.replace("charts", "prov"), provenance)
                .await
                .expect(201);
            if number % 2 == 0 {
                http.delete(&format!("{tenant}/app/{version}"))
                    .await
                    .expect(200);
            }
        }
    });
    join_all(uploads).await;
    for tenant in 0..3 {
        let left: Vec<usize> = (0..60)
            .rev()
            .filter(|n| n % 3 == tenant && n % 2 == 1)
            .collect();
        let expected: Vec<String> = left
            .iter()
            .map(|number| format!("app 1.0.{number}"))
            .collect();
        assert_eq!(
            listed(&http, &format!("/api/org{tenant}/charts")).await,
            expected
        );
        assert_eq!(
            files(&server.storage().join(format!("org{tenant}"))).len(),
            2 * left.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reader_ever_sees_half_an_index() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let writer = async {
        for number in 0..40 {
            let chart = ChartBuilder::new("app", &format!("1.0.{number}"));
            http.post("/api/charts", chart.package()).await.expect(201);
        }
    };
    let reader = async {
        let mut seen = 0;
        while seen < 40 {
            let now = indexed(&http, "/index.yaml").await.len();
            assert!(now >= seen, "{now} after {seen}");
            seen = now;
        }
    };
    tokio::join!(writer, reader);
}
