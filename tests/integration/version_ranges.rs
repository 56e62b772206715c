//! Version ranges against the real helm: its own search over a repository says which versions a range matches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use chartroom::chart::constraint::Constraint;
use chartroom::chart::selector::VersionSelector;
use chartroom::chart::version::Version;
use serde_json::Value;

use crate::support::chart_builder::ChartBuilder;
use crate::support::helm::{HELM, Helm};
use crate::support::random::Random;
use crate::support::server::TestServer;

/// Versions around every boundary that a range can have.
const VERSIONS: [&str; 44] = [
    "0.0.0",
    "0.0.1",
    "0.0.2",
    "0.0.2-rc.1",
    "0.1.0-alpha",
    "0.1.0",
    "0.1.1",
    "0.2.0-0",
    "0.2.0",
    "0.2.3",
    "0.9.9",
    "0.10.0",
    "1.0.0-0",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.1.0-rc.1",
    "1.1.0",
    "1.2.0-alpha",
    "1.2.0",
    "1.2.3-rc.1",
    "1.2.3",
    "1.2.4",
    "1.3.0",
    "1.9.9",
    "1.10.0",
    "1.10.1-beta",
    "2.0.0-alpha.1",
    "2.0.0-rc.1",
    "2.0.0",
    "2.0.1-0",
    "2.1.0",
    "2.2.0+build.5",
    "2.3.4-rc.1+build",
    "3.0.0-rc.1",
    "3.0.0",
    "3.1.4",
    "4.0.0-alpha",
    "10.0.0",
    "10.20.30",
];

/// Ranges as people write them, and each corner that Masterminds' rules have.
const RANGES: [&str; 76] = [
    "*",
    "x",
    "X",
    "1",
    "1.x",
    "1.X",
    "1.*",
    "1.2",
    "1.2.x",
    "1.2.3",
    "v1.2.3",
    "=1.2.3",
    "= 1.2.3",
    "!=1.2.3",
    "!=1.2",
    "!=1",
    "!=1.2.x",
    "!=*",
    ">1",
    ">1.2",
    ">1.2.3",
    ">*",
    "<1",
    "<1.2",
    "<1.2.3",
    "<*",
    ">=1",
    "=>1.2",
    ">=1.2.3",
    "<=1",
    "<=1.2",
    "=<1.2.3",
    "<=*",
    ">=*",
    "~1",
    "~1.2",
    "~1.2.3",
    "~>1.2",
    "~*",
    "~0",
    "~0.0.0",
    "~1.x",
    "^1",
    "^1.2",
    "^1.2.3",
    "^0",
    "^0.0",
    "^0.0.1",
    "^0.1",
    "^0.2.3",
    "^*",
    "^1.x",
    "1 - 2",
    "1.2 - 2.0",
    "1.2.3 - 2.0.0",
    "0.1.0 - 1",
    ">=1.2 <2",
    ">=1.2, <2",
    ">=1.2,<2",
    ">1 !=1.2.3 <3",
    "^1 || ^3",
    "<0.1||>3",
    "1.2.3 || 2.0.0-rc.1",
    ">=1.0.0-0",
    "^1.0.0-0",
    "~1.2.0-0",
    ">1.0.0-alpha <1.0.0",
    ">=1.0.0-beta.3 <2",
    "<2.0.0-0",
    "^2.0.0-rc.1",
    "~2.3.4-rc",
    ">=1 <2.0.0-0",
    ">=1.2 <2 || >=3.0.0-0",
    "2.2.0",
    "9.9.9",
    "^1.2.3-rc.1 || ~0.1.0-alpha",
];

/// What is not a range, for helm neither.
const NONSENSE: [&str; 12] = [
    "latest", "1.2.3.4", ">", "^", "1,,2", "a.b.c", ">=1 <", "1 ||", "==1", "1.2.3-", "><1", "~^1",
];

#[tokio::test]
async fn every_range_matches_the_versions_that_helm_finds() {
    let server = TestServer::start(&[]);
    for version in VERSIONS {
        let package = ChartBuilder::new("probe", version).package();
        server.http().post("/api/charts", package).await.expect(201);
    }
    let helm = Helm::new(HELM);
    helm.ok(&["repo", "add", "room", &server.url()]);
    let mut ranges: Vec<String> = (RANGES.iter().chain(&NONSENSE))
        .map(|range| (*range).to_owned())
        .collect();
    let mut random = Random::from_environment("CHARTROOM_RANGE_SEED");
    ranges.extend((0..150).map(|_| any_range(&mut random)));

    let differences = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    let compared = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(range) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (ours, theirs) = (matches(range), found_by(&helm, range));
                    if ours != theirs {
                        let text = format!("{range:?}: we match {ours:?}, helm finds {theirs:?}");
                        differences.lock().expect("no thread panics").push(text);
                    }
                    compared.fetch_add(usize::from(theirs.is_some()), Ordering::Relaxed);
                }
            });
        }
    });
    let differences = differences.into_inner().expect("no thread panics");
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    let compared = compared.into_inner();
    assert!(compared >= 150, "only {compared} texts were ranges at all");
}

/// `helm show chart --version` takes the newest match, as `spec.version` does.
#[tokio::test]
async fn the_version_that_a_range_selects_is_the_one_that_helm_shows() {
    let server = TestServer::start(&[]);
    for version in VERSIONS {
        let package = ChartBuilder::new("probe", version).package();
        server.http().post("/api/charts", package).await.expect(201);
    }
    let helm = Helm::new(HELM);
    helm.ok(&["repo", "add", "room", &server.url()]);
    let mut versions = parsed();
    versions.sort_by(|a, b| b.1.cmp(&a.1));
    for wanted in [
        "",
        "1.2.3",
        "v1.2.3",
        "2.0.0-rc.1",
        "^1",
        "~1.2",
        "1.x",
        "0.1",
        ">=1.2 <2",
        "1 - 2",
        "^0 || ^1",
        ">=2.0.0-0 <3",
        "^1.0.0-0",
        "2.2.0",
        "2.2.0+build.5",
        "9.9.9",
        "^9",
    ] {
        let selector = VersionSelector::parse(wanted).expect("a version or a range");
        let index = selector.select(versions.iter().map(|(text, version)| (*text, version)));
        let ours = index.map(|index| versions[index].0);
        let shown = helm.run(&["show", "chart", "room/probe", "--version", wanted]);
        let chart = shown.stdout();
        let theirs = shown.status.success().then(|| {
            let line = chart
                .lines()
                .find_map(|line| line.strip_prefix("version: "));
            line.expect("helm shows a version")
                .trim_matches(['"', '\''])
        });
        assert_eq!(ours, theirs, "{wanted:?}");
    }
}

fn parsed() -> Vec<(&'static str, Version)> {
    let parse = |text: &'static str| Some((text, Version::parse(text)?));
    VERSIONS.iter().filter_map(|text| parse(text)).collect()
}

/// The versions that a range matches for us; `None` if it is none.
fn matches(range: &str) -> Option<BTreeSet<String>> {
    let constraint = Constraint::parse(range)?;
    let matching = parsed()
        .into_iter()
        .filter(|(_, version)| constraint.matches(version));
    Some(matching.map(|(text, _)| text.to_owned()).collect())
}

/// The versions that helm finds for a range; `None` if helm does not take it for one.
fn found_by(helm: &Helm, range: &str) -> Option<BTreeSet<String>> {
    let version = format!("--version={range}");
    let found = helm.run(&[
        "search",
        "repo",
        "room/probe",
        "--versions",
        "--output=json",
        &version,
    ]);
    if !found.status.success() {
        let text = found.stderr();
        assert!(
            text.contains("invalid version/constraint format"),
            "{range:?}: {text}"
        );
        return None;
    }
    let found: Value = serde_json::from_slice(&found.stdout).expect("helm prints JSON");
    let charts = found.as_array().expect("a list");
    let version = |chart: &Value| chart["version"].as_str().map(str::to_owned);
    Some(charts.iter().filter_map(version).collect())
}

/// One to three comparators, perhaps in two groups; now and then with a wild number or a pre-release.
fn any_range(random: &mut Random) -> String {
    const OPERATORS: [&str; 12] = [
        "", "=", "!=", ">", "<", ">=", "<=", "~", "^", "~>", "=>", "=<",
    ];
    const SEPARATORS: [&str; 4] = [" ", ", ", ",", " || "];
    let mut range = String::new();
    for index in 0..=random.below(3) {
        if index > 0 {
            range += SEPARATORS[random.below(4) as usize];
        }
        if random.below(8) == 0 {
            range += &format!("{} - {}", any_bound(random), any_bound(random));
            continue;
        }
        range += OPERATORS[random.below(12) as usize];
        range += ["", "", "", " "][random.below(4) as usize];
        range += &any_bound(random);
    }
    range
}

fn any_bound(random: &mut Random) -> String {
    const PRE_RELEASES: [&str; 6] = ["-0", "-alpha", "-alpha.1", "-beta.2", "-rc.1", "-rc.1+b"];
    let mut bound = ["", "", "", "v"][random.below(4) as usize].to_owned();
    let numbers = 1 + random.below(3);
    for index in 0..numbers {
        if index > 0 {
            bound += ".";
        }
        bound +=
            ["0", "1", "2", "3", "10", "x"][random.below(if index == 0 { 5 } else { 6 }) as usize];
    }
    if numbers == 3 && random.below(3) == 0 {
        bound += PRE_RELEASES[random.below(6) as usize];
    }
    bound
}

#[test]
fn no_version_is_listed_twice() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    VERSIONS
        .iter()
        .for_each(|version| *seen.entry(version).or_default() += 1);
    assert!(seen.values().all(|count| *count == 1), "{seen:?}");
    assert_eq!(parsed().len(), VERSIONS.len());
}
