//! What is typed at the top: `make` with words that it cannot use, and which tests `make test-quick` leaves out.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::support::process;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_port_that_is_none_is_refused_before_anything_is_built() {
    for port in ["80x", "", "0", "08", "65536", "-1", "8'1", "$(id)"] {
        let mut make = Command::new("make");
        // in a place where nothing could be built
        make.args(["--directory", &root().display().to_string(), "run"])
            .arg(format!("PORT={}", port.replace('$', "$$")))
            .env("CARGO", "/nowhere")
            .env("CARGO_TARGET_DIR", "/nowhere");
        let refused = process::run(make, b"", Duration::from_secs(30)).failed();
        let said = refused.stderr();
        let expected =
            format!("PORT is a number from 1 to 65535, not '{port}'; write make run PORT=8081\n");
        assert!(said.contains(&expected), "{port:?}: {refused}");
    }
}

#[test]
fn the_quick_tests_are_those_without_a_control_plane() {
    let makefile = fs::read_to_string(root().join("Makefile")).expect("the Makefile");
    let (_, list) = makefile
        .split_once("\nSKIPPED := ")
        .expect("a list of tests");
    let end = list
        .match_indices('\n')
        .find(|(at, _)| !list[..*at].ends_with('\\'));
    let list = list[..end.expect("an end").0].replace('\\', " ");
    let skipped: BTreeSet<&str> = list.split_whitespace().collect();
    let mut used = BTreeSet::new();
    let mut left = Vec::new();
    for (module, text) in modules() {
        if module == "makefile" {
            continue;
        }
        let text = text.replace("\n#[tokio::test", "\n#[test]\n");
        for test in text.split("\n#[test]\n").skip(1) {
            let uses_one = ["ControlPlane::", "Room::on(", "Lab::", "Controller::start"];
            let name = test
                .split("fn ")
                .nth(1)
                .and_then(|rest| rest.split('(').next());
            let name = format!("{module}::{}", name.expect("a test is a function"));
            let by = skipped.iter().find(|part| name.contains(**part));
            used.extend(by);
            let body = test.split("\n}\n").next().unwrap_or_default();
            if by.is_none() && uses_one.iter().any(|word| body.contains(word)) {
                left.push(name);
            }
        }
    }
    assert!(
        left.is_empty(),
        "{left:?} need a control plane and are not in SKIPPED"
    );
    let idle: Vec<_> = skipped.difference(&used).collect();
    assert!(
        idle.is_empty(),
        "SKIPPED names {idle:?}, which are no tests"
    );
}

/// The modules of this test program with their texts, by their paths.
fn modules() -> Vec<(String, String)> {
    fn collect(directory: PathBuf, path: &str, modules: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(directory).expect("a directory") {
            let file = entry.expect("an entry").path();
            let stem = file
                .file_stem()
                .and_then(|stem| stem.to_str())
                .unwrap_or_default();
            let below = if path.is_empty() {
                stem.to_owned()
            } else {
                format!("{path}::{stem}")
            };
            if file.is_dir() {
                collect(file, &below, modules);
            } else if file.extension().is_some_and(|extension| extension == "rs") {
                modules.push((below, fs::read_to_string(&file).expect("a text")));
            }
        }
    }
    let mut modules = Vec::new();
    collect(root().join("tests/integration"), "", &mut modules);
    modules
}
