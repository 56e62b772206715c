//! The directions between rooms, the purity of the pure ones, and no file that no `mod` line reaches.

mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

/// Rooms that take values and return values.
const PURE: [&str; 29] = [
    "chart",
    "cli::go_flags",
    "cli::refusal",
    "cli::table",
    "component",
    "config",
    "controller::charts::kube_version",
    "controller::charts::pick",
    "controller::decide",
    "controller::report",
    "controller::retry",
    "go_syntax",
    "node_key",
    "plan::index",
    "plan::json",
    "plan::manifest",
    "plan::rendered",
    "plan::text",
    "planner",
    "repository::index",
    "release::manifest",
    "release::record",
    "release::token",
    "repository::key",
    "server::tenancy",
    "teardown::left",
    "teardown::words",
    "terminal",
    "yaml",
];

/// What a pure room has no use for: a server, a runtime, a store, a disk, a network, a clock.
const IMPURE: [&str; 18] = [
    "axum",
    "hyper",
    "hyper_util",
    "kube::Api",
    "kube::Client",
    "kube::runtime",
    "notify",
    "object_store",
    "reqwest",
    "std::fs",
    "std::net::TcpStream",
    "std::process",
    "std::thread",
    "tokio",
    "tokio_rustls",
    "tokio_util",
    "tower",
    "tower_http",
];

/// Calls that read the clock, by the end of their path.
const CLOCKS: [&str; 5] = [
    "Instant::now",
    "Local::now",
    "SystemTime::now",
    "Timestamp::now",
    "Utc::now",
];

/// What a pure room's file may use all the same, and why.
const EXCEPTIONS: [(&str, &str); 2] = [
    // packaging a chart directory begins by reading it
    ("chart::package", "std::fs"),
    // where an object lies, a plain value
    ("repository::key", "object_store::path::Path"),
];

/// Directions that must not exist: from a room to a path.
const FORBIDDEN: [(&str, &str); 26] = [
    ("app", "chartroom::cli"),
    ("config", "chartroom::cli"),
    ("config", "clap"),
    ("controller", "chartroom::cli"),
    ("server", "chartroom::cli"),
    ("plan", "chartroom::cli"),
    ("teardown", "chartroom::cli"),
    ("repository", "chartroom::server"),
    ("repository", "chartroom::app"),
    ("repository", "axum"),
    ("chart", "chartroom::repository"),
    ("chart", "chartroom::server"),
    ("component", "chartroom::server"),
    ("component", "chartroom::repository"),
    ("server", "chartroom::app"),
    ("server", "chartroom::controller"),
    ("controller", "chartroom::server"),
    ("controller", "chartroom::app"),
    ("release", "chartroom::controller"),
    ("repository", "chartroom::controller"),
    ("repository", "chartroom::plan"),
    ("teardown", "chartroom::controller"),
    ("teardown", "chartroom::server"),
    ("planner", "chartroom::controller"),
    ("planner", "chartroom::plan"),
    ("planner", "chartroom::repository"),
];

#[test]
fn pure_rooms_do_no_io_and_read_no_clock() {
    let mut found = Vec::new();
    for source in sources() {
        if !PURE.iter().any(|room| source.is_in(room)) {
            continue;
        }
        for path in source.paths() {
            let excepted = EXCEPTIONS
                .iter()
                .any(|(room, allowed)| source.is_in(room) && source::is_below(path, allowed));
            if !excepted && IMPURE.iter().any(|impure| source::is_below(path, impure)) {
                found.push(format!("{source} is in a pure room and uses {path}"));
            }
            if CLOCKS.iter().any(|call| path.ends_with(call)) {
                found.push(format!(
                    "{source} is in a pure room and reads the clock with {path}: pass `now` in"
                ));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// What the files of the planner use, and what those use, and so on.
#[test]
fn the_planner_reaches_nothing_impure_through_others() {
    let sources = sources();
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut next: Vec<&Source> = sources.iter().filter(|s| s.is_in("planner")).collect();
    while let Some(source) = next.pop() {
        if !reached.insert(source.module()) {
            continue;
        }
        for path in source.paths() {
            let is_impure = IMPURE.iter().any(|impure| source::is_below(path, impure))
                || CLOCKS.iter().any(|call| path.ends_with(call));
            assert!(
                !is_impure,
                "the planner reaches {source}, which uses {path}"
            );
            next.extend(source::named(&sources, path));
        }
    }
    // else nothing was followed
    assert!(reached.contains("component::status") && reached.contains("chart::version"));
}

#[test]
fn no_files_of_the_planner_use_each_other_in_a_circle() {
    let sources = sources();
    let inside: Vec<&Source> = sources.iter().filter(|s| s.is_in("planner")).collect();
    for start in &inside {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut next = vec![*start];
        while let Some(source) = next.pop() {
            for path in source.paths() {
                let Some(used) = source::named(&sources, path).filter(|s| s.is_in("planner"))
                else {
                    continue;
                };
                assert!(
                    used.module() != start.module() || source.module() == start.module(),
                    "{start} uses itself by way of {source}"
                );
                if reached.insert(used.module()) {
                    next.push(used);
                }
            }
        }
    }
}

#[test]
fn rooms_depend_in_one_direction() {
    for source in sources() {
        for (room, forbidden) in FORBIDDEN {
            let found = source
                .paths()
                .iter()
                .find(|path| source::is_below(path, forbidden));
            assert!(
                !source.is_in(room) || found.is_none(),
                "{source} uses {found:?}: `{room}` must not know `{forbidden}`"
            );
        }
    }
}

#[test]
fn only_server_and_app_know_the_listener_and_it_knows_no_room() {
    for source in sources() {
        let knows = |room| {
            source
                .paths()
                .iter()
                .find(|path| source::is_below(path, room))
        };
        if source.is_in("listener") {
            let others = source.paths().iter().find(|path| {
                source::is_below(path, "chartroom")
                    && !source::is_below(path, "chartroom::listener")
            });
            assert!(
                others.is_none(),
                "{source} uses {others:?}: `listener` knows no other room"
            );
        } else if !source.is_in("server") && !source.is_in("app") {
            let found = knows("chartroom::listener");
            assert!(
                found.is_none(),
                "{source} uses {found:?}: `listener` is for `server` and `app`"
            );
        }
    }
}

#[test]
fn the_rooms_that_the_rules_name_exist() {
    let sources = sources();
    let named = PURE
        .into_iter()
        .chain(EXCEPTIONS.map(|(room, _)| room))
        .chain(FORBIDDEN.map(|(room, _)| room));
    for room in named {
        assert!(
            sources.iter().any(|source| source.is_in(room)),
            "a rule names the room `{room}`, which is not in src/"
        );
    }
}

#[test]
fn every_file_is_reached_by_a_mod_line() {
    for (roots, directory) in [
        (&["src/lib.rs", "src/main.rs"][..], "src"),
        (&["tests/integration/main.rs"], "tests/integration"),
    ] {
        let reached: BTreeSet<PathBuf> = roots
            .iter()
            .flat_map(|root| source::reachable(&at(root)))
            .collect();
        let files: BTreeSet<PathBuf> = source::rust_files(&at(directory)).into_iter().collect();
        let orphans: Vec<_> = files.difference(&reached).collect();
        assert!(orphans.is_empty(), "no `mod` line reaches {orphans:?}");
    }
}

#[test]
fn files_are_named_for_what_they_hold() {
    let drawers = [
        "mod", "util", "utils", "helper", "helpers", "common", "manager", "misc",
    ];
    for directory in ["src", "tests/integration", "benches"] {
        for file in source::rust_files(&at(directory)) {
            let stem = file
                .file_stem()
                .and_then(|stem| stem.to_str())
                .expect("a file name in UTF-8");
            assert!(
                !drawers.contains(&stem),
                "{} says nothing about what it holds",
                file.display()
            );
        }
    }
}

#[test]
fn tls_is_rustls_alone() {
    let lock = fs::read_to_string(at("Cargo.lock")).expect("Cargo.lock");
    let packages: Vec<&str> = lock
        .lines()
        .filter_map(|line| line.strip_prefix("name = "))
        .collect();
    assert!(
        packages.contains(&"\"rustls\""),
        "Cargo.lock is read as expected"
    );
    for linked in ["openssl", "openssl-sys", "native-tls", "aws-lc-sys"] {
        assert!(
            !packages.contains(&format!("{linked:?}").as_str()),
            "{linked} is in Cargo.lock: the binary is static"
        );
    }
}

/// The program without its tests, in files of their own as in others.
fn sources() -> Vec<Source> {
    source::rust_files(&at("src"))
        .iter()
        .filter(|file| file.file_stem().is_some_and(|stem| stem != "tests"))
        .map(|file| Source::read(&at("src"), file))
        .collect()
}

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
