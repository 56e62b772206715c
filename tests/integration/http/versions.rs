//! Which version a request means.

use super::{listed, upload};
use crate::support::chart_builder::ChartBuilder;
use crate::support::server::TestServer;

#[tokio::test]
async fn a_version_is_found_exactly_or_as_a_range() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for version in ["0.1.0", "0.1.5", "0.2.0", "1.0.0-rc.1"] {
        upload(&http, "/api/charts", &ChartBuilder::new("app", version)).await;
    }
    for (asked, found) in [
        ("latest", "0.2.0"),
        ("", "0.2.0"),
        ("0.1.0", "0.1.0"),
        ("1.0.0-rc.1", "1.0.0-rc.1"),
        ("0.1", "0.1.5"),
        ("v0.1.0", "0.1.0"),
        ("~0.1", "0.1.5"),
        ("%5E0.1.0", "0.1.5"),
        ("*", "0.2.0"),
        ("%3E0.0.1", "0.2.0"),
        ("%3E0-0", "1.0.0-rc.1"),
        (">0.1.0,%20<0.2.0", "0.1.5"),
    ] {
        let path = format!(
            "/api/charts/app/{}",
            asked.replace('>', "%3E").replace('<', "%3C")
        );
        let answer = http.get(&path).await.expect(200).json();
        assert_eq!(answer["version"], found, "{asked:?}");
        http.head(&path).await.expect(200);
        if !asked.is_empty() {
            for below in ["templates", "values", "files/Chart.yaml"] {
                http.get(&format!("{path}/{below}")).await.expect(200);
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_found_says_why_everywhere() {
    let server = TestServer::start(&[]);
    let http = server.http();
    upload(
        &http,
        "/api/charts",
        &ChartBuilder::new("pre", "1.0.0-rc.1"),
    )
    .await;
    for (path, error) in [
        ("missing/1.0.0", "no chart name found"),
        ("missing/latest", "no chart name found"),
        ("missing/not%20a%20version", "no chart name found"),
        ("pre/latest", "no chart version found for pre-"),
        ("pre/9.9.9", "no chart version found for pre-9.9.9"),
        (
            "pre/not%20a%20version",
            "improper constraint: not a version",
        ),
    ] {
        for below in ["", "/templates", "/values", "/files/Chart.yaml"] {
            let answer = http.get(&format!("/api/charts/{path}{below}")).await;
            answer.expect_error(404, error);
        }
        http.head(&format!("/api/charts/{path}")).await.expect(404);
    }
}

#[tokio::test]
async fn the_same_typing_as_helms_gives_the_same_file_name() {
    let server = TestServer::start(&[]);
    let http = server.http();
    for (name, written, stored) in [
        ("float", "1.10", "1.1"),
        ("hex", "0x1", "1"),
        ("text", "\"1.10\"", "1.10"),
        ("v", "v1.2.3", "v1.2.3"),
        ("short", "1.2", "1.2"),
        ("zero", "01.2.3", "01.2.3"),
        ("build", "1.2.3+build.5", "1.2.3+build.5"),
    ] {
        let text = format!("apiVersion: v2\nname: {name}\nversion: {written}\ndescription: yes\n");
        let chart = ChartBuilder::new(name, "0").chart_yaml(text);
        upload(&http, "/api/charts", &chart).await;
        assert!(
            server
                .storage()
                .join(format!("{name}-{stored}.tgz"))
                .is_file(),
            "{name}"
        );
        let entry = http
            .get(&format!("/api/charts/{name}"))
            .await
            .expect(200)
            .json();
        assert_eq!(entry[0]["version"], stored, "{name}");
        assert_eq!(entry[0]["description"], "true", "{name}");
    }
}

#[tokio::test]
async fn hyphens_in_names_and_versions_are_never_guessed_at() {
    let server = TestServer::start(&[]);
    let http = server.http();
    let charts = [
        ("mychart", "1.0.4-SNAPSHOT"),
        ("mychart", "0.1.0-SNAPSHOT-1"),
        ("mychart", "1.0-SNAPSHOT-1"),
        ("mychart", "1-SNAPSHOT-1"),
        ("mychart-1x", "1.0.4-rc1"),
        ("mychart-1x", "1.0.4-rc1-SNAPSHOT"),
        ("my-long-hyphenated-chart-name", "1.0.4"),
    ];
    for (name, version) in charts {
        upload(&http, "/api/charts", &ChartBuilder::new(name, version)).await;
    }
    let mut expected: Vec<String> = charts
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let mut list = listed(&http, "/api/charts").await;
    expected.sort();
    list.sort();
    assert_eq!(list, expected);
    // another split of a file name that exists: neither the file nor its entry goes
    http.delete("/api/charts/mychart-0.1.0-SNAPSHOT/1")
        .await
        .expect(404);
    http.delete("/api/charts/mychart-1x-1.0.4/rc1")
        .await
        .expect(404);
    assert_eq!(listed(&http, "/api/charts").await.len(), charts.len());
    for (left, (name, version)) in charts
        .into_iter()
        .enumerate()
        .map(|(n, chart)| (charts.len() - n, chart))
    {
        assert_eq!(listed(&http, "/api/charts").await.len(), left);
        http.get(&format!("/api/charts/{name}/{version}"))
            .await
            .expect(200);
        http.delete(&format!("/api/charts/{name}/{version}"))
            .await
            .expect(200);
        http.get(&format!("/charts/{name}-{version}.tgz"))
            .await
            .expect(404);
        let gone = format!("{name} {version}");
        assert!(!listed(&http, "/api/charts").await.contains(&gone));
    }
}
