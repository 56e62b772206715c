//! A storage that fails for a while. What it says is never taken for what a package says: the index stays as it was, the
//! log and a metric name what could not be read, and it is read again without anybody's help.

use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::recovery::contents::index;
use crate::support::chart_builder::{ChartBuilder, sha256_hex};
use crate::support::http::Http;
use crate::support::server::TestServer;

/// Takes the descriptors away that the process does not have open already, or gives them back. Returns the limit before.
#[track_caller]
fn limit_descriptors(server: &TestServer, to: Option<u64>) -> Option<u64> {
    let pid = i32::try_from(server.id()).ok().and_then(Pid::from_raw);
    let limit = Rlimit {
        current: to,
        // as the server has it from this process
        maximum: getrlimit(Resource::Nofile).maximum,
    };
    prlimit(pid, Resource::Nofile, limit)
        .expect("the limit of a child")
        .current
}

/// Descriptors that the process has open.
fn open_descriptors(server: &TestServer) -> u64 {
    let open = fs::read_dir(format!("/proc/{}/fd", server.id())).expect("the server runs");
    open.count() as u64
}

/// The value of a metric without labels.
async fn metric(http: &Http, name: &str) -> u64 {
    let text = http.get("/metrics").await.expect(200).text();
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.expect("the metric").parse().expect("a number")
}

/// Replaces a file in one step, as `mv` does.
fn move_in(storage: &Path, file_name: &str, bytes: &[u8]) {
    let staged = storage.join(".staged");
    fs::write(&staged, bytes).expect("a writable storage");
    fs::rename(staged, storage.join(file_name)).expect("a writable storage");
}

#[tokio::test]
async fn a_package_that_came_while_descriptors_were_short_is_listed_when_they_are_not() {
    let server = TestServer::start(&["--enable-metrics"]);
    let http = server.http();
    let old = ChartBuilder::new("app", "1.0.0").package();
    http.post("/api/charts", old.clone()).await.expect(201);
    let (new, by_hand) = (
        ChartBuilder::new("app", "1.0.0")
            .more_yaml("icon: new")
            .package(),
        ChartBuilder::new("hand", "1.0.0").package(),
    );
    // one connection is open already, and no other descriptor can be had
    http.get("/health").await.expect(200);
    let before = limit_descriptors(&server, Some(3));
    assert!(open_descriptors(&server) > 3);
    move_in(server.storage(), "app-1.0.0.tgz", &new);
    move_in(server.storage(), "hand-1.0.0.tgz", &by_hand);
    server
        .eventually("the log says that both cannot be read", async || {
            let log = server.log();
            ["app-1.0.0.tgz", "hand-1.0.0.tgz"].iter().all(|package| {
                log.lines().any(|line| {
                    line.contains("Package cannot be read now")
                        && line.contains(package)
                        && line.contains("Too many open files")
                })
            })
        })
        .await;
    limit_descriptors(&server, before);
    server
        .eventually("both are listed as they are", async || {
            let (listed, _) = index(&http).await;
            listed.get("app-1.0.0.tgz") == Some(&sha256_hex(&new))
                && listed.get("hand-1.0.0.tgz") == Some(&sha256_hex(&by_hand))
        })
        .await;
    assert_eq!(metric(&http, "chart_repository_unread").await, 0);
    assert!(
        !server.log().contains("Invalid package"),
        "{}",
        server.log()
    );
}

/// `/proc/self/mem` is a regular file whose first byte cannot be read: EIO.
#[tokio::test]
async fn a_listed_package_whose_reads_fail_stays_listed_and_is_read_again() {
    let server = TestServer::start(&["--enable-metrics"]);
    let http = server.http();
    let package = ChartBuilder::new("app", "1.0.0").package();
    http.post("/api/charts", package.clone()).await.expect(201);
    let path = server.storage().join("app-1.0.0.tgz");
    fs::rename(&path, server.world().join("kept")).unwrap();
    symlink("/proc/self/mem", server.storage().join("bad-1.0.0.tgz")).unwrap();
    symlink("/proc/self/mem", &path).unwrap();
    server
        .eventually("the metric counts both", async || {
            metric(&http, "chart_repository_unread").await == 2
        })
        .await;
    let (listed, _) = index(&http).await;
    assert!(
        listed.keys().all(|name| name == "app-1.0.0.tgz"),
        "{listed:?}"
    );
    assert!(
        server.log().contains("Input/output error"),
        "{}",
        server.log()
    );

    // the same at a start: what was never read is not listed, but it is not remembered as broken
    let mut server = server;
    server.restart();
    let http = server.http();
    assert_eq!(index(&http).await.0.len(), 0);
    assert_eq!(metric(&http, "chart_repository_unread").await, 2);
    fs::remove_file(server.storage().join("bad-1.0.0.tgz")).unwrap();
    fs::remove_file(&path).unwrap();
    fs::rename(server.world().join("kept"), &path).unwrap();
    server
        .eventually("it is listed again", async || {
            index(&http).await.0.get("app-1.0.0.tgz") == Some(&sha256_hex(&package))
        })
        .await;
    server
        .eventually("nothing is unread", async || {
            metric(&http, "chart_repository_unread").await == 0
        })
        .await;
    assert!(
        !server.log().contains("Invalid package"),
        "{}",
        server.log()
    );
}

/// `/proc/PID/task/PID/fdinfo` of a process that has ended is a directory that nobody can list: ESRCH.
#[tokio::test]
async fn a_tenant_that_cannot_be_listed_keeps_its_index() {
    let server = TestServer::start(&["--depth=1", "--enable-metrics"]);
    let http = server.http();
    let package = ChartBuilder::new("app", "1.0.0").package();
    http.post("/api/org/charts", package).await.expect(201);
    let mut child = Command::new("sleep").arg("60").spawn().expect("sleep");
    let ended = format!("/proc/{0}/task/{0}/fdinfo", child.id());
    let ended = fs::File::open(ended).expect("a directory");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let link = server.world().join("link");
    let target = format!("/proc/{}/fd/{}", std::process::id(), ended.as_raw_fd());
    symlink(&target, &link).unwrap();
    assert!(fs::read_dir(&link).is_err());

    let tenant = server.storage().join("org");
    let exchange = || renameat_with(CWD, &link, CWD, &tenant, RenameFlags::EXCHANGE).unwrap();
    exchange();
    server
        .eventually("the metric counts it", async || {
            metric(&http, "chart_repository_unread").await > 0
        })
        .await;
    assert!(
        server.log().contains("Storage cannot be compared"),
        "{}",
        server.log()
    );
    let org = http.get("/org/index.yaml").await.expect(200).json();
    assert_eq!(org["entries"]["app"][0]["version"], "1.0.0");
    exchange();
    server
        .eventually("it is listed again", async || {
            metric(&http, "chart_repository_unread").await == 0
        })
        .await;
    let org = http.get("/org/index.yaml").await.expect(200).json();
    assert_eq!(org["entries"]["app"][0]["version"], "1.0.0");
}
