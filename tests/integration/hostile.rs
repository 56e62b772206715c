//! What strangers send to do harm: each gets its refusal, and nothing else happens.

mod archives;
mod connections;
mod crowds;
mod flips;
mod memory;
mod names;
mod readers;

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::form::Form;
use crate::support::server::TestServer;

/// Posts a package raw and as the form of `helm cm-push`; both are answered with this status.
async fn post_both(server: &TestServer, what: &str, package: &[u8], status: u16) {
    let http = server.http();
    let raw = http.post("/api/charts?force", package.to_vec()).await;
    assert_eq!(raw.status, status, "{what}, raw: {}", raw.text());
    let form = Form::new().file("chart", "../../evil.tgz", package);
    let form = http.post_form_chunked("/api/charts?force", &form).await;
    assert_eq!(form.status, status, "{what}, as a form: {}", form.text());
    if status != 201 {
        assert_eq!(
            raw.body, form.body,
            "{what}: the same refusal in both forms"
        );
        assert!(
            raw.json()["error"]
                .as_str()
                .is_some_and(|error| error.len() < 8192),
            "{what}: {}",
            raw.text()
        );
    }
}

/// Every file and directory below `root` except what is below its directory `charts`.
fn outside_of_storage(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            found.insert(path.display().to_string());
            if path.is_dir() && path != root.join("charts") {
                directories.push(path);
            }
        }
    }
    found
}

/// The server is well: it answers, nothing panicked, and no request was answered with a 5xx.
#[track_caller]
fn assert_unharmed(server: &TestServer) {
    let log = server.log();
    assert!(!log.contains("panicked"), "a panic; log:\n{log}");
    // who takes nothing may be told that there is no memory for the answer, where all is slow
    let is_busy =
        |line: &&str| line.contains("\"statusCode\":503") && line.contains("is busy sending");
    let failed: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("\"statusCode\":5") && !is_busy(line))
        .collect();
    assert!(failed.is_empty(), "answered with a 5xx: {failed:#?}");
}
