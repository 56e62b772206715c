//! `chartroom package`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::{files, upload};
use crate::support::chart_builder::{ChartBuilder, sha256_hex};
use crate::support::server::{TestServer, chartroom};

fn chart() -> ChartBuilder {
    ChartBuilder::new("app", "1.0.0")
        .file("README.md", "# App\n")
        .file(
            "charts/sub/Chart.yaml",
            "apiVersion: v2\nname: sub\nversion: 0.1.0\n",
        )
        .file("crds/a.yaml", "kind: CustomResourceDefinition\n")
}

#[tokio::test]
async fn the_same_tree_gives_the_same_bytes() {
    let world = TempDir::new().expect("a temporary directory");
    let mut digests = Vec::new();
    for (number, mode) in [(1, 0o644), (2, 0o600)] {
        let parent = world.path().join(number.to_string());
        let directory = chart().write_directory(&parent);
        // neither times nor permissions nor the order of writing are part of a chart
        let readme = directory.join("README.md");
        fs::set_permissions(&readme, fs::Permissions::from_mode(mode)).expect("our own file");
        let file = fs::File::options()
            .write(true)
            .open(&readme)
            .expect("our own file");
        file.set_modified(
            std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 * number),
        )
        .expect("a time");
        let out = world.path().join(format!("out-{number}"));
        let arguments = [
            "package",
            &directory.display().to_string(),
            "--destination",
            &out.display().to_string(),
        ];
        chartroom(&arguments, world.path()).succeeded();
        assert_eq!(files(&out), ["app-1.0.0.tgz"]);
        digests.push(sha256_hex(
            &fs::read(out.join("app-1.0.0.tgz")).expect("the package"),
        ));
    }
    assert_eq!(digests[0], digests[1]);
}

#[tokio::test]
async fn what_is_packaged_can_be_uploaded_and_read() {
    let world = TempDir::new().expect("a temporary directory");
    chart().write_directory(world.path());
    chartroom(&["package", "app", "--destination", "out"], world.path()).succeeded();
    let package = fs::read(world.path().join("out/app-1.0.0.tgz")).expect("the package");
    let server = TestServer::start(&[]);
    let http = server.http();
    http.post("/api/charts", package).await.expect(201);
    let readme = http
        .get("/api/charts/app/1.0.0/files/README.md")
        .await
        .expect(200);
    assert_eq!(readme.text(), "# App\n");
    http.get("/api/charts/app/1.0.0/files/charts/sub/Chart.yaml")
        .await
        .expect(200);
    upload(&http, "/api/charts", &ChartBuilder::new("app", "2.0.0")).await;
}

#[tokio::test]
async fn ignored_files_stay_out() {
    let world = TempDir::new().expect("a temporary directory");
    chart()
        .file(".helmignore", "# comment\n*.bak\n/secret/\n")
        .file("a.bak", "")
        .file("docs/b.bak", "")
        .file("secret/password", "")
        .write_directory(world.path());
    chartroom(&["package", "app", "--destination", "out"], world.path()).succeeded();
    let package = fs::read(world.path().join("out/app-1.0.0.tgz")).expect("the package");
    let server = TestServer::start(&[]);
    let http = server.http();
    http.post("/api/charts", package).await.expect(201);
    for (path, status) in [
        ("README.md", 200),
        ("a.bak", 404),
        ("docs/b.bak", 404),
        ("secret/password", 404),
    ] {
        http.get(&format!("/api/charts/app/1.0.0/files/{path}"))
            .await
            .expect(status);
    }
}

#[test]
fn several_directories_are_packaged_at_once() {
    let world = TempDir::new().expect("a temporary directory");
    for name in ["one", "two"] {
        ChartBuilder::new(name, "1.0.0").write_directory(world.path());
    }
    chartroom(
        &["package", "one", "two", "--destination", "out"],
        world.path(),
    )
    .succeeded();
    assert_eq!(
        files(&world.path().join("out")),
        ["one-1.0.0.tgz", "two-1.0.0.tgz"]
    );
}

#[test]
fn a_directory_that_is_no_chart_is_refused_and_leaves_nothing() {
    let world = TempDir::new().expect("a temporary directory");
    ChartBuilder::new("bad", "latest").write_directory(world.path());
    fs::create_dir(world.path().join("empty")).expect("a writable directory");
    for (directory, text) in [
        ("bad", "chart.metadata.version \"latest\" is invalid"),
        ("empty", "Chart.yaml"),
        ("missing", "missing"),
    ] {
        let finished = chartroom(
            &["package", directory, "--destination", "out"],
            world.path(),
        );
        assert_eq!(finished.code(), Some(1), "{finished}");
        assert!(finished.stderr().contains(text), "{finished}");
        assert_eq!(files(&world.path().join("out")), [""; 0]);
    }
    for arguments in [
        &["package"][..],
        &["package", "bad"],
        &["package", "--destination", "out"],
    ] {
        let finished = chartroom(arguments, world.path());
        assert_eq!(finished.code(), Some(1), "{finished}");
    }
}
