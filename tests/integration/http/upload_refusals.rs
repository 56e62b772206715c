//! Packages that are none: each refusal is a 400 in JSON, and nothing is stored.

use super::{chart_form, files};
use crate::support::chart_builder::ChartBuilder;
use crate::support::server::TestServer;
use crate::support::tar::{Tar, gzip};

fn with_chart_yaml(text: &str) -> Vec<u8> {
    ChartBuilder::new("app", "1.0.0").chart_yaml(text).package()
}

#[tokio::test]
async fn refusals_have_the_words_of_helms_loader() {
    let required = |rule: &str| format!("validation: {rule}");
    let good = ChartBuilder::new("app", "1.0.0").package();
    let cases: Vec<(&str, Vec<u8>, String)> = vec![
        ("nothing", Vec::new(), "EOF".into()),
        (
            "no gzip",
            b"no package".to_vec(),
            "gzip: invalid header".into(),
        ),
        (
            "cut short",
            good[..good.len() / 2].to_vec(),
            "unexpected EOF".into(),
        ),
        (
            "an empty tar",
            Tar::new().gzip(),
            "no files in chart archive".into(),
        ),
        (
            "no tar",
            gzip(&[b'x'; 2048]),
            "archive/tar: invalid tar header".into(),
        ),
        (
            "no Chart.yaml",
            Tar::new().file("app/values.yaml", b"").gzip(),
            "Chart.yaml file is missing".into(),
        ),
        (
            "a file at the root",
            Tar::new().file("Chart.yaml", b"name: app").gzip(),
            "chart illegally contains content outside the base directory: \"Chart.yaml\"".into(),
        ),
        (
            "a climbing file",
            Tar::new().file("app/../../etc/passwd", b"").gzip(),
            "chart illegally references parent directory".into(),
        ),
        (
            "an absolute file",
            Tar::new().file("app//etc", b"").gzip(),
            "chart illegally contains absolute paths".into(),
        ),
        (
            "a drive",
            Tar::new().file("app/c:/windows", b"").gzip(),
            "chart contains illegally named files".into(),
        ),
        (
            "no name",
            with_chart_yaml("version: 1.0.0"),
            required("chart.metadata.name is required"),
        ),
        (
            "a name that climbs",
            with_chart_yaml("name: ..\nversion: 1.0.0"),
            required("chart.metadata.name \"..\" is not allowed"),
        ),
        (
            "a name with a slash",
            with_chart_yaml("name: a/b\nversion: 1.0.0"),
            required("chart.metadata.name \"a/b\" is invalid"),
        ),
        (
            "no version",
            with_chart_yaml("name: app"),
            required("chart.metadata.version is required"),
        ),
        (
            "a null version",
            with_chart_yaml("name: app\nversion: null"),
            required("chart.metadata.version is required"),
        ),
        (
            "no semver",
            with_chart_yaml("name: app\nversion: latest"),
            required("chart.metadata.version \"latest\" is invalid"),
        ),
        (
            "four numbers",
            with_chart_yaml("name: app\nversion: 1.2.3.4"),
            required("chart.metadata.version \"1.2.3.4\" is invalid"),
        ),
        (
            "another type",
            with_chart_yaml("name: app\nversion: 1.0.0\ntype: plugin"),
            required("chart.metadata.type must be application or library"),
        ),
        (
            "a null maintainer",
            with_chart_yaml("name: app\nversion: 1.0.0\nmaintainers: [null]"),
            required("maintainers must not contain empty or null nodes"),
        ),
        (
            "a null dependency",
            with_chart_yaml("name: app\nversion: 1.0.0\ndependencies: [null]"),
            required("dependencies must not contain empty or null nodes"),
        ),
        (
            "a strange alias",
            with_chart_yaml("name: app\nversion: 1.0.0\ndependencies: [{name: a, alias: 'x y'}]"),
            required("dependency \"a\" has disallowed characters in the alias"),
        ),
        (
            "two dependencies of one name",
            with_chart_yaml("name: app\nversion: 1.0.0\ndependencies: [{name: a}, {name: a}]"),
            required("more than one dependency with name or alias \"a\""),
        ),
    ];
    let server = TestServer::start(&[]);
    let http = server.http();
    for (what, package, error) in cases {
        let raw = http.post("/api/charts", package.clone()).await.expect(400);
        assert_eq!(raw.json()["error"], error.as_str(), "{what}");
        let content_type = raw.header("content-type");
        assert_eq!(
            content_type,
            Some("application/json; charset=utf-8"),
            "{what}"
        );
        let form = http
            .post_form("/api/charts", &chart_form(&package))
            .await
            .expect(400);
        assert_eq!(form.json()["error"], error.as_str(), "{what}");
    }
    assert_eq!(files(server.storage()), [""; 0]);
    assert_eq!(http.get("/api/charts").await.expect(200).text(), "{}");
}

#[tokio::test]
async fn refusals_of_yaml_name_the_file() {
    let server = TestServer::start(&[]);
    let good = "name: app\nversion: 1.0.0\n";
    for (file, content) in [
        ("Chart.yaml", "name: [unclosed"),
        ("values.yaml", "- a list"),
        ("values.yaml", "a: b: c"),
        ("requirements.yaml", "dependencies: {"),
        ("Chart.lock", "a: b: c"),
    ] {
        let chart = ChartBuilder::new("app", "1.0.0").chart_yaml(good);
        let chart = if file == "Chart.yaml" {
            chart.chart_yaml(content)
        } else {
            chart.file(file, content)
        };
        let refusal = server
            .http()
            .post("/api/charts", chart.package())
            .await
            .expect(400)
            .json();
        let error = refusal["error"].as_str().expect("a text").to_owned();
        assert!(
            error.starts_with(&format!("cannot load {file}: ")),
            "{file}: {error}"
        );
    }
}

#[tokio::test]
async fn what_helm_loads_is_taken() {
    let server = TestServer::start(&[]);
    for (what, package) in [
        (
            "another directory name",
            Tar::new()
                .file("other/Chart.yaml", b"name: a\nversion: 1")
                .gzip(),
        ),
        ("no apiVersion", with_chart_yaml("name: b\nversion: 1.0.0")),
        (
            "a strange apiVersion",
            with_chart_yaml("apiVersion: banana\nname: c\nversion: 1.0.0"),
        ),
        (
            "unknown fields",
            with_chart_yaml("name: d\nversion: 1.0.0\nunknown: {a: 1}"),
        ),
        (
            "a key twice",
            with_chart_yaml("name: x\nname: e\nversion: 1.0.0"),
        ),
        (
            "trailing bytes",
            [with_chart_yaml("name: f\nversion: 1.0.0"), gzip(b"more")].concat(),
        ),
    ] {
        let answer = server.http().post("/api/charts", package).await;
        assert_eq!(answer.status, 201, "{what}: {}", answer.text());
    }
    let expected = [
        "a-1.tgz",
        "b-1.0.0.tgz",
        "c-1.0.0.tgz",
        "d-1.0.0.tgz",
        "e-1.0.0.tgz",
        "f-1.0.0.tgz",
    ];
    assert_eq!(files(server.storage()), expected);
}
