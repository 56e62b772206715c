//! The suite of the distribution specification, built from its Go module, against the real server.

use std::fs;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::process;
use crate::support::server::TestServer;
use crate::support::tools;
use crate::support::version::{Program, version};

/// What the suite counts; it exits without an error when it could not even begin.
fn run(server: &TestServer, environment: &[(&str, &str)]) {
    let results = TempDir::new().expect("a temporary directory");
    let folder = format!("oci-conformance-{}", version(Program::OciConformance));
    let mut suite = Command::new(tools::tool(&format!("{folder}/conformance")));
    suite
        .env_clear()
        .current_dir(results.path())
        .env("OCI_REGISTRY", server.address().to_string())
        .env("OCI_TLS", "disabled")
        .env("OCI_REPO1", "conformance/first")
        .env("OCI_REPO2", "conformance/second")
        .env("OCI_VERSION", "dev")
        .env("OCI_DATA_SPARSE", "true")
        .env("OCI_RESULTS_DIR", "results")
        .envs(environment.iter().copied());
    let finished = process::run(suite, b"", Duration::from_secs(300));
    let said = finished.stdout();
    let table = said.find("OCI Conformance Result").map(|at| &said[at..]);
    let table = table.unwrap_or_else(|| panic!("no result: {finished}"));
    // for `make conformance`
    println!("{table}");
    let count = |name: &str| -> u32 {
        let line = table.lines().find(|line| line.trim().starts_with(name));
        let number = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        number.unwrap_or_else(|| panic!("no {name} in {table}"))
    };
    assert_eq!(
        (
            count("FAIL"),
            count("Skip"),
            count("Error"),
            count("Disabled")
        ),
        (0, 0, 0, 0),
        "{finished}"
    );
    assert!(count("Pass") >= 1000, "{table}");
    assert_eq!(count("Pass"), count("Total"), "{table}");
    let results = fs::read_to_string(results.path().join("results/results.yaml")).expect("results");
    let (_, parts) = results.split_once("\napis:").expect("a table of APIs");
    for line in parts.lines().filter(|line| line.starts_with("  ")) {
        assert!(line.ends_with(": Pass"), "{line}");
    }
    finished.succeeded();
}

#[test]
fn nothing_fails_and_nothing_is_skipped() {
    run(&TestServer::start(&["--oci-sparse=all"]), &[]);
}

#[test]
fn nor_behind_a_password() {
    for how in ["--oci-auth=basic", "--oci-auth=token"] {
        let server = TestServer::start(&[
            "--oci-sparse=all",
            "--basic-auth-user=user",
            "--basic-auth-pass=secret",
            how,
        ]);
        run(
            &server,
            &[("OCI_USERNAME", "user"), ("OCI_PASSWORD", "secret")],
        );
    }
}
