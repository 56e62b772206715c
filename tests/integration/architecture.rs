//! The directions between rooms, the purity of the pure ones, and no file that no `mod` line reaches.

mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use source::{Source, Sources};

/// Rooms that take values and return values.
const PURE: [&str; 57] = [
    "api_error",
    "bounds",
    "causes",
    "chart",
    "cli::go_flags",
    "cli::names",
    "cli::refusal",
    "cli::table",
    "component",
    "config",
    "controller::charts::kube_version",
    "controller::charts::pick",
    "controller::health::kinds",
    "controller::health::readiness",
    "controller::health::workloads",
    "controller::reconcile::call",
    "controller::reconcile::decide",
    "controller::reconcile::implicit",
    "controller::reconcile::observation",
    "controller::reconcile::outcome",
    "controller::reconcile::retry",
    "controller::reconcile::status",
    "controller::reconcile::wanted",
    "ellipsis",
    "go_syntax",
    "node_key",
    "oci::chart",
    "oci::coordinates",
    "oci::digest",
    "oci::error",
    "oci::keys",
    "oci::manifest",
    "oci::mark",
    "oci::name",
    "oci::page",
    "oci::range",
    "oci::route",
    "oci::token",
    "plan::json",
    "plan::manifest",
    "plan::rendered",
    "plan::text",
    "planner",
    "repository::index",
    "release::inventory",
    "release::manifest",
    "release::operation",
    "release::outcome",
    "release::record",
    "release::token",
    "remote::address",
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
const EXCEPTIONS: [(&str, &str); 4] = [
    // packaging a chart directory begins by reading it
    ("chart::package", "std::fs"),
    // where an object lies, a plain value
    ("repository::key", "object_store::path::Path"),
    // size and time of a file, plain values
    ("repository::entry", "std::fs::Metadata"),
    // a page of the index, which lies in memory
    ("repository::memory_file", "std::fs::File"),
];

/// Directions that must not exist: from a room to a path.
const FORBIDDEN: [(&str, &str); 51] = [
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
    ("repository", "chartroom::oci"),
    ("chart", "chartroom::oci"),
    ("controller", "chartroom::oci"),
    ("oci", "axum"),
    ("oci", "hyper"),
    ("oci", "chartroom::server"),
    ("oci", "chartroom::app"),
    ("oci", "chartroom::controller"),
    ("chart", "chartroom::repository"),
    ("chart", "chartroom::server"),
    ("component", "chartroom::server"),
    ("component", "chartroom::repository"),
    ("server", "chartroom::app"),
    ("server", "chartroom::controller"),
    ("controller", "chartroom::server"),
    ("controller", "chartroom::app"),
    ("release", "chartroom::controller"),
    // the custom resource: reasons, policies, labels and the spec hash are words that both share
    ("release", "chartroom::component::Component"),
    ("release", "chartroom::component::ComponentSpec"),
    ("release", "chartroom::component::ComponentStatus"),
    ("release", "chartroom::component::crd"),
    ("release", "chartroom::component::rules"),
    ("release", "chartroom::component::settings"),
    ("release", "chartroom::component::status"),
    ("release", "chartroom::planner"),
    ("component", "chartroom::release"),
    ("component", "chartroom::planner"),
    ("chart", "chartroom::component"),
    ("remote", "chartroom::component"),
    ("repository", "chartroom::component"),
    ("repository", "chartroom::controller"),
    ("repository", "chartroom::plan"),
    ("teardown", "chartroom::controller"),
    ("teardown", "chartroom::server"),
    ("planner", "chartroom::controller"),
    ("planner", "chartroom::plan"),
    ("planner", "chartroom::repository"),
    ("bounds", "chartroom::config"),
    ("bounds", "chartroom::controller"),
    ("remote", "chartroom::bounds"),
    ("component", "chartroom::bounds"),
];

#[test]
fn pure_rooms_reach_no_io_and_no_clock() {
    let sources = sources();
    let broken = chains(sources, &PURE, |source, path| {
        let is_excepted = EXCEPTIONS
            .iter()
            .any(|(room, allowed)| source.is_in(room) && source::is_below(path, allowed));
        let is_impure = IMPURE.iter().any(|impure| source::is_below(path, impure))
            || CLOCKS.iter().any(|call| path.ends_with(call));
        is_impure && !is_excepted
    });
    assert!(broken.is_empty(), "pure rooms:\n{}", broken.join("\n"));
}

#[test]
fn rooms_depend_in_one_direction() {
    let sources = sources();
    let mut broken = Vec::new();
    for (room, forbidden) in FORBIDDEN {
        broken.extend(chains(sources, &[room], |_, path| {
            source::is_below(path, forbidden)
        }));
    }
    assert!(broken.is_empty(), "directions:\n{}", broken.join("\n"));
}

/// At every level: files and folders beside each other, each folder counted as one.
#[test]
fn modules_beside_each_other_use_each_other_in_no_circle() {
    let sources = sources();
    let circles: Vec<String> = source::circles(sources).into_iter().collect();
    assert!(circles.is_empty(), "circles:\n{}", circles.join("\n"));
}

#[test]
fn only_server_and_app_know_the_listener_and_it_knows_no_room() {
    for source in sources().iter() {
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

/// The chains of files by which `rooms` reach a path that is not allowed, each as a line: the files and the path. A
/// file at the end of a chain is named once for each room, with the first such path.
fn chains(
    sources: &Sources,
    rooms: &[&str],
    is_forbidden: impl Fn(&Source, &str) -> bool,
) -> Vec<String> {
    let mut found = Vec::new();
    for room in rooms {
        for (end, chain) in sources.reached_from(room) {
            let forbidden = end.paths().iter().find(|path| is_forbidden(end, path));
            found.extend(forbidden.map(|path| format!("{} uses {path}", chain.join(" -> "))));
        }
    }
    found
}

/// Read once for all tests.
fn sources() -> &'static Sources {
    static SOURCES: LazyLock<Sources> = LazyLock::new(|| Sources::read(&at("src")));
    &SOURCES
}

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
