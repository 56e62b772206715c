//! The binary and its options: what it starts with, and what it refuses to start with.

use std::fs;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::upload;
use crate::support::chart_builder::ChartBuilder;
use crate::support::helm::HELM;
use crate::support::server::{self, TestServer, chartroom};
use crate::support::{process, tools};

#[test]
fn a_wrong_option_is_one_clear_line_and_exit_code_1() {
    for (arguments, text) in [
        (&["--no-such-option"][..], "unknown flag --no-such-option"),
        (&["--port=many"], "--port"),
        (&["--port=70000"], "is not a port number"),
        (&["--depth=-1"], "is negative"),
        (&["--index-limit=-1"], "is negative"),
        (
            &["--max-upload-size=20MB"],
            "--max-upload-size: \"20MB\" is not a whole number of bytes; write it without a unit, such as 20971520",
        ),
        (
            &["--read-timeout=30s"],
            "--read-timeout: \"30s\" is not a whole number of seconds; write it without a unit, such as 30",
        ),
        (
            &["--index-limit=many"],
            "--index-limit: \"many\" is not a whole number, such as 3",
        ),
        (
            &["--cache-interval=2562047h48m"],
            "\"2562047h48m\" is longer than a duration can be",
        ),
        (
            &["--basic-auth-user=a:b", "--basic-auth-pass=c"],
            "--basic-auth-user: \"a:b\" has a colon, which no user name of basic authentication can have",
        ),
        (&["--cache-interval=5"], "--cache-interval"),
        (&["--debug", "false"], "unexpected argument \"false\""),
        (
            &["--config=missing.yaml"],
            "config file not found: missing.yaml",
        ),
        (
            &[concat!(
                "--config=",
                env!("CARGO_MANIFEST_DIR"),
                "/Cargo.toml"
            )],
            "config file must have .yaml/.yml extension (or no extension)",
        ),
        (&["--cache=memcached"], "Unsupported cache store: memcached"),
        (&["--basic-auth-user=u"], "--basic-auth-pass is not"),
        (&["--cache=redis"], "this version has no Redis cache yet"),
        (&["--bearer-auth"], "this version has no bearer tokens yet"),
        (
            &["--tls-ca-cert=ca.pem"],
            "this version has no checking of client certificates yet",
        ),
        (
            &["--builtin-charts=missing"],
            "built-in charts cannot be read from missing",
        ),
    ] {
        let finished = TestServer::options().args(arguments).run_to_exit();
        assert_eq!(finished.code(), Some(1), "{arguments:?}: {finished}");
        assert!(finished.stdout.is_empty(), "{arguments:?}: {finished}");
        let said = finished.stderr();
        assert!(said.contains(text), "{arguments:?}: {finished}");
        let lines = said.lines().filter(|line| !line.starts_with('{')).count();
        assert_eq!(lines, 1, "{arguments:?}: {finished}");
    }
}

#[test]
fn storage_needs_a_backend_and_a_place() {
    for (arguments, text) in [
        (
            &["--storage=local"][..],
            "Missing required flags(s): --storage-local-rootdir",
        ),
        (&["--storage="], "Missing required flags(s): --storage"),
        (&["--storage=floppy"], "Unsupported storage backend: floppy"),
        (
            &["--storage=amazon", "--storage-amazon-bucket=b"],
            "this version has no amazon storage yet",
        ),
    ] {
        let finished = TestServer::options()
            .without_storage()
            .args(arguments)
            .run_to_exit();
        assert_eq!(finished.code(), Some(1), "{arguments:?}: {finished}");
        assert!(
            finished.stderr().contains(text),
            "{arguments:?}: {finished}"
        );
    }
}

#[test]
fn a_wrong_environment_is_as_loud() {
    for (name, value) in [
        ("DEBUG", "yes"),
        ("PORT", ""),
        ("CACHE_INTERVAL", "5"),
        ("MAX_UPLOAD_SIZE", "big"),
    ] {
        let directory = TempDir::new().expect("a temporary directory");
        let mut command = std::process::Command::new(crate::support::server::binary());
        command
            .env_clear()
            .env(name, value)
            .current_dir(directory.path());
        let finished =
            crate::support::process::run(command, b"", std::time::Duration::from_secs(30));
        assert_eq!(finished.code(), Some(1), "{name}={value:?}: {finished}");
        assert!(
            finished.stderr().contains(name),
            "{name}={value:?}: {finished}"
        );
    }
}

#[tokio::test]
async fn arguments_beat_environment_beats_file() {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("chartroom.yaml");
    let text = format!(
        "storage:\n  backend: local\n  local:\n    rootdir: {}\ndepth: 1\ncontextpath: /file\nchartUrl: http://file.test\n",
        directory.path().join("charts").display()
    );
    fs::write(&file, text).expect("a writable directory");
    let server = TestServer::options()
        .without_storage()
        .arg(format!("--config={}", file.display()))
        .env("CONTEXT_PATH", "/environment")
        .env("CHART_URL", "http://environment.test")
        .arg("--chart-url=http://argument.test")
        .start();
    let http = server.http();
    upload(
        &http,
        "/environment/api/org/charts",
        &ChartBuilder::new("app", "1.0.0"),
    )
    .await;
    let entry = http
        .get("/environment/api/org/charts/app/1.0.0")
        .await
        .expect(200)
        .json();
    assert_eq!(
        entry["urls"][0],
        "http://argument.test/environment/org/charts/app-1.0.0.tgz"
    );
    assert!(directory.path().join("charts/org/app-1.0.0.tgz").is_file());
}

#[tokio::test]
async fn without_storage_options_the_charts_are_in_chartstorage() {
    let server = TestServer::options().without_storage().start();
    upload(
        &server.http(),
        "/api/charts",
        &ChartBuilder::new("app", "1.0.0"),
    )
    .await;
    assert!(server.world().join("chartstorage/app-1.0.0.tgz").is_file());
}

#[test]
fn the_version_command_names_the_helm_that_a_controller_would_run() {
    for (binary, told) in [
        (tools::helm(HELM), format!("helm version {HELM} (")),
        (tools::helm("3.18.0"), "no helm: ".to_owned()),
        ("/nowhere/helm".into(), "no helm: ".to_owned()),
    ] {
        let mut command = Command::new(server::binary());
        command
            .env_clear()
            .env("HELM_BINARY", &binary)
            .arg("version");
        let answer = process::run(command, b"", Duration::from_secs(30)).succeeded();
        let answer = answer.stdout();
        let lines: Vec<&str> = answer.lines().collect();
        assert_eq!(lines.len(), 2, "{answer}");
        assert!(lines[0].contains(env!("CARGO_PKG_VERSION")), "{answer}");
        assert!(lines[1].starts_with(&told), "{answer}");
    }
}

#[test]
fn version_and_help_are_printed_and_succeed() {
    let directory = TempDir::new().expect("a temporary directory");
    let version = chartroom(&["--version"], directory.path())
        .succeeded()
        .stdout();
    assert!(
        version.contains(env!("CARGO_PKG_VERSION")) && version.lines().count() == 1,
        "{version}"
    );
    assert!(!version.contains("unknown"), "{version}");
    for (words, options) in [
        (
            &["--help"][..],
            &[
                "--storage-local-rootdir",
                "--builtin-charts",
                "CONTEXT_PATH",
            ][..],
        ),
        (&["-h"], &["--port", "--help-all"]),
        (&["help"], &["--port", "teardown"]),
        (
            &["--help-all"],
            &["--per-chart-limit", "CORS_ALLOW_ORIGIN", "--port"],
        ),
        (&["plan", "--help"], &["--repository", "FILE"]),
        (&["help", "teardown"], &["--force"]),
    ] {
        let help = chartroom(words, directory.path()).succeeded().stdout();
        for option in options {
            assert!(help.contains(option), "{words:?}: {option} in {help}");
        }
        assert!(!help.contains('\u{1b}'), "no colour in a pipe");
    }
}

/// What bash does when somebody types the line and presses the tabulator.
#[test]
fn bash_completes_commands_and_options() {
    let directory = TempDir::new().expect("a temporary directory");
    let script = chartroom(&["completion", "bash"], directory.path()).succeeded();
    fs::write(directory.path().join("script"), script.stdout()).expect("a writable directory");
    for (words, expected) in [
        (&["--builtin"][..], "--builtin-charts"),
        (&["pla"], "plan"),
        (&["plan", "--rep"], "--repository"),
        (&["completion", "z"], "zsh"),
        (&["--debug", "--log-j"], "--log-json"),
    ] {
        let mut bash = std::process::Command::new("bash");
        let complete = r#"
            source ./script
            COMP_WORDS=(chartroom "$@") COMP_CWORD=$#
            _chartroom chartroom "${COMP_WORDS[$COMP_CWORD]}" "${COMP_WORDS[$COMP_CWORD - 1]}"
            echo "${COMPREPLY[*]}""#;
        bash.args(["--norc", "-c", complete, "bash"])
            .args(words)
            .current_dir(directory.path());
        let limit = std::time::Duration::from_secs(30);
        let completed = crate::support::process::run(bash, b"", limit).succeeded();
        assert_eq!(completed.stdout().trim_end(), expected, "{words:?}");
    }
}

#[tokio::test]
async fn the_server_tells_its_version() {
    let server = TestServer::start(&[]);
    let answer = server.http().get("/info").await.expect(200);
    assert_eq!(
        answer.text(),
        format!("{{\"version\":\"{}\"}}", env!("CARGO_PKG_VERSION"))
    );
    let health = server.http().get("/health").await.expect(200);
    assert_eq!(health.text(), r#"{"healthy":true}"#);
    assert_eq!(
        health.header("content-type"),
        Some("application/json; charset=utf-8")
    );
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port();
    let finished = TestServer::options()
        .arg(format!("--port={port}"))
        .run_to_exit();
    assert_eq!(finished.code(), Some(1), "{finished}");
    assert!(finished.stderr().contains(&port.to_string()), "{finished}");
}

#[test]
fn a_cause_is_told_once() {
    let finished = TestServer::options()
        .arg("--listen-host=no.such.host.invalid")
        .run_to_exit();
    let said = finished.stderr();
    assert!(said.contains("(check --listen-host and --port)"), "{said}");
    assert_eq!(said.matches("lookup").count(), 1, "{said}");

    // no cluster anywhere
    let directory = TempDir::new().expect("a temporary directory");
    for words in [&["crd", "--apply"][..], &["teardown"]] {
        let mut command = Command::new(server::binary());
        command
            .env_clear()
            .env("HOME", directory.path())
            .args(words);
        let said = process::run(command, b"", Duration::from_secs(30))
            .failed()
            .stderr();
        assert!(said.contains("no way to a cluster was found"), "{said}");
        assert_eq!(
            said.matches("No such file or directory").count(),
            1,
            "{said}"
        );
    }
}

#[tokio::test]
async fn what_can_hardly_be_meant_is_said_at_the_start() {
    let directory = TempDir::new().expect("a temporary directory");
    let file = directory.path().join("file");
    fs::write(&file, "").expect("a writable directory");
    let finished = TestServer::options().storage(&file).run_to_exit();
    assert_eq!(finished.code(), Some(1), "{finished}");
    let expected = format!(
        "cannot use the storage directory {}: it is a file; name a directory with --storage-local-rootdir",
        file.display()
    );
    assert!(finished.stderr().contains(&expected), "{finished}");

    let empty = directory.path().join("empty");
    fs::create_dir(&empty).expect("a directory");
    let server = TestServer::options()
        .arg("--chart-url=foo")
        .arg(format!("--builtin-charts={}", empty.display()))
        .start();
    for told in [
        r#"--chart-url \"foo\" is no absolute URL such as https://charts.example"#,
        "Built-in charts are missing: there is no chart in the directory",
        "Storage is watched",
    ] {
        server
            .eventually(told, || async { server.log().contains(told) })
            .await;
    }
    assert!(
        !server.log().contains("Rebuilding"),
        "nothing was wrong: {}",
        server.log()
    );
}
