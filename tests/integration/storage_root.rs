//! The storage directory goes away, comes back and is replaced under a running server; and what in it is no file.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::support::chart_builder::ChartBuilder;
use crate::support::http::Http;
use crate::support::server::TestServer;

/// Long enough for a rest of a changed index, after which its state files are written.
const STATEFILES_DUE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn nothing_is_acknowledged_while_the_directory_is_gone() {
    type Removal = (&'static str, fn(&Path), &'static str);
    let removals: [Removal; 3] = [
        (
            "renamed",
            |root| fs::rename(root, away(root)).unwrap(),
            "put it back",
        ),
        (
            "removed",
            |root| fs::remove_dir_all(root).unwrap(),
            "put it back",
        ),
        (
            "replaced by a file",
            |root| {
                fs::rename(root, away(root)).unwrap();
                fs::write(root, "no directory").unwrap();
            },
            "something that is no directory is in its place",
        ),
    ];
    for (what, remove, told) in removals {
        let server = TestServer::start(&["--cache-interval=50ms", "--allow-overwrite"]);
        let http = server.http();
        upload(&http, "app", "1.0.0").await;
        ready(&server, 200).await;
        remove(server.storage());
        for (name, version) in [("app", "1.0.0"), ("app", "2.0.0"), ("new", "1.0.0")] {
            let refusal = http
                .post("/api/charts", ChartBuilder::new(name, version).package())
                .await
                .expect(500);
            assert!(refusal.text().contains(told), "{what}: {}", refusal.text());
            assert!(
                !refusal.text().contains(server.world().to_str().unwrap()),
                "{what}: {}",
                refusal.text()
            );
        }
        http.delete("/api/charts/app/1.0.0").await.expect(500);
        http.get("/charts/new-1.0.0.tgz").await.expect(500);
        let unready = http.get("/readyz").await.expect(503);
        assert!(unready.text().contains(told), "{what}: {}", unready.text());
        http.get("/health").await.expect(200);
        assert!(!server.storage().is_dir(), "{what}: it was made again");
        assert_eq!(count(&server, "Storage directory is lost"), 1, "{what}");
        assert_eq!(count(&server, "Storage directory is back"), 0, "{what}");

        // the directory that comes back is another one, with other charts
        if what == "replaced by a file" {
            fs::remove_file(server.storage()).unwrap();
        }
        fs::create_dir(server.storage()).unwrap();
        put_by_hand(server.storage(), "restored", "3.0.0");
        listed(&server, &["restored"]).await;
        ready(&server, 200).await;
        upload(&http, "new", "1.0.0").await;
        put_by_hand(server.storage(), "watched", "1.0.0");
        listed(&server, &["new", "restored", "watched"]).await;
        assert_eq!(count(&server, "Storage directory is lost"), 1, "{what}");
        assert_eq!(count(&server, "Storage directory is back"), 1, "{what}");
    }
}

#[tokio::test]
async fn the_index_is_served_from_memory_until_the_same_directory_comes_back() {
    let server = TestServer::start(&["--cache-interval=50ms"]);
    let http = server.http();
    upload(&http, "app", "1.0.0").await;
    ready(&server, 200).await;
    let before = http.get("/index.yaml").await.expect(200).body;
    fs::rename(server.storage(), away(server.storage())).unwrap();
    // nobody writes: it is noticed all the same
    ready(&server, 503).await;
    assert_eq!(http.get("/index.yaml").await.expect(200).body, before);
    fs::rename(away(server.storage()), server.storage()).unwrap();
    ready(&server, 200).await;
    assert_eq!(http.get("/index.yaml").await.expect(200).body, before);
    put_by_hand(server.storage(), "watched", "1.0.0");
    listed(&server, &["app", "watched"]).await;
}

#[tokio::test]
async fn a_restore_into_a_new_directory_is_served_without_a_restart() {
    // only the watch can see the charts
    let server = TestServer::start(&["--cache-interval=0"]);
    let http = server.http();
    upload(&http, "app", "1.0.0").await;
    ready(&server, 200).await;
    let mut numbers = Vec::new();
    for version in ["2.0.0", "3.0.0"] {
        fs::remove_dir_all(server.storage()).unwrap();
        fs::create_dir(server.storage()).unwrap();
        numbers.push(fs::metadata(server.storage()).unwrap().ino());
        put_by_hand(server.storage(), "restored", version);
        server
            .eventually("the restored chart is listed", async || {
                http.get(&format!("/api/charts/restored/{version}"))
                    .await
                    .status
                    == 200
                    && names(&http).await == ["restored"]
            })
            .await;
        ready(&server, 200).await;
    }
    assert_eq!(
        count(&server, "Storage directory is back"),
        2,
        "{numbers:?}"
    );
}

#[tokio::test]
async fn the_directory_below_an_unmounted_volume_is_not_taken_for_it() {
    let world = tempfile::TempDir::new().expect("a temporary directory");
    let root = world.path().join("volume");
    fs::create_dir(&root).unwrap();
    run("mount", &["-t", "tmpfs", "-o", "size=4m", "tmpfs"], &root);
    let server = TestServer::options().storage(&root).start();
    let http = server.http();
    upload(&http, "app", "1.0.0").await;
    ready(&server, 200).await;
    // the server holds a file open in it, so it does not go by accident
    run("umount", &["--lazy"], &root);
    let refusal = http
        .post("/api/charts", ChartBuilder::new("app", "2.0.0").package())
        .await
        .expect(500);
    assert!(
        refusal.text().contains("is not mounted any more"),
        "{}",
        refusal.text()
    );
    ready(&server, 503).await;
    assert_eq!(names(&http).await, ["app"]);
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    // another volume
    run("mount", &["-t", "tmpfs", "-o", "size=4m", "tmpfs"], &root);
    put_by_hand(&root, "other", "1.0.0");
    listed(&server, &["other"]).await;
    ready(&server, 200).await;
    drop(server);
    run("umount", &["--lazy"], &root);
}

#[tokio::test]
async fn state_files_bring_no_tenant_back() {
    for (what, files_stay) in [("removed", false), ("moved away", true)] {
        let mut server = TestServer::start(&["--depth=1"]);
        let http = server.http();
        for tenant in ["org", "other"] {
            http.post(
                &format!("/api/{tenant}/charts"),
                ChartBuilder::new("app", "1.0.0").package(),
            )
            .await
            .expect(201);
        }
        let (org, other) = (server.storage().join("org"), server.storage().join("other"));
        if files_stay {
            fs::rename(&org, away(server.storage())).unwrap();
        } else {
            fs::remove_dir_all(&org).unwrap();
        }
        wait_for(&other.join("index-cache.yaml")).await;
        assert!(
            !org.exists(),
            "{what}: the tenant's directory was made again"
        );
        assert!(server.sigterm_and_wait().success());
        assert!(!org.exists(), "{what}: it was made again at the end");
        assert!(!server.log().contains("cannot be written"), "{what}");
    }
}

#[tokio::test]
async fn what_is_no_file_is_absent_and_blocks_nobody() {
    let mut server = TestServer::start(&[]);
    let http = server.http();
    upload(&http, "app", "1.0.0").await;
    let pipe = server.storage().join("pipe-1.0.0.tgz");
    run("mkfifo", &[], &pipe);
    std::os::unix::fs::symlink("/dev/zero", server.storage().join("zero-1.0.0.tgz")).unwrap();
    for name in ["pipe", "zero"] {
        let path = format!("/charts/{name}-1.0.0.tgz");
        // more of them than there are threads
        for _ in 0..3 {
            http.get(&path).await.expect(404);
            http.head(&path).await.expect(404);
        }
        http.post("/api/charts", ChartBuilder::new(name, "1.0.0").package())
            .await
            .expect(500);
    }
    assert_eq!(names(&http).await, ["app"]);
    let status = server.sigterm_and_wait();
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn only_a_name_that_is_too_long_is_the_clients_fault() {
    let server = TestServer::start(&["--depth-dynamic", "--allow-overwrite"]);
    let http = server.http();
    let name = "n".repeat(300);
    let chart_yaml = format!("apiVersion: v2\nname: {name}\nversion: 1.0.0\n");
    let long = ChartBuilder::new("x", "1.0.0").chart_yaml(chart_yaml);
    http.post("/api/charts", long.package()).await.expect_error(
        400,
        &format!("{name}-1.0.0.tgz is too long for this storage"),
    );
    fs::write(server.storage().join("file"), "in the way of a tenant").unwrap();
    fs::create_dir(server.storage().join("app-1.0.0.tgz")).unwrap();
    for path in ["/api/charts?force", "/api/charts", "/api/file/charts"] {
        let refusal = http
            .post(path, ChartBuilder::new("app", "1.0.0").package())
            .await
            .expect(500);
        assert!(
            refusal.text().contains("the chart storage failed"),
            "{path}: {}",
            refusal.text()
        );
    }
}

/// Where the tests move a directory to: beside it.
fn away(directory: &Path) -> std::path::PathBuf {
    directory.with_extension("away")
}

#[track_caller]
fn run(program: &str, arguments: &[&str], path: &Path) {
    let output = Command::new(program)
        .args(arguments)
        .arg(path)
        .output()
        .unwrap_or_else(|error| panic!("the program `{program}`: {error}"));
    assert!(
        output.status.success(),
        "{program}: {} (tests of mounts run as root, with CAP_SYS_ADMIN)",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn put_by_hand(directory: &Path, name: &str, version: &str) {
    let chart = ChartBuilder::new(name, version);
    fs::write(directory.join(chart.file_name()), chart.package()).expect("a writable directory");
}

async fn upload(http: &Http, name: &str, version: &str) {
    http.post("/api/charts", ChartBuilder::new(name, version).package())
        .await
        .expect(201);
}

async fn names(http: &Http) -> Vec<String> {
    let charts = http.get("/api/charts").await.expect(200).json();
    let mut names: Vec<String> = charts
        .as_object()
        .expect("charts")
        .keys()
        .cloned()
        .collect();
    names.sort();
    names
}

async fn listed(server: &TestServer, expected: &[&str]) {
    let what = format!("{expected:?} are listed");
    server
        .eventually(&what, async || names(&server.http()).await == expected)
        .await;
}

async fn ready(server: &TestServer, status: u16) {
    server
        .eventually(&format!("/readyz says {status}"), async || {
            server.http().get("/readyz").await.status == status
        })
        .await;
}

async fn wait_for(path: &Path) {
    let waited = tokio::time::timeout(STATEFILES_DUE, async {
        while !path.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.expect("the file is written");
}

fn count(server: &TestServer, message: &str) -> usize {
    server.log().matches(message).count()
}
