use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;

use super::*;
use crate::chart::version::Version;
use crate::component::Phase;
use crate::component::status::{DependencyState, DependencyStatus};
use crate::topology::{Requirement, VersionRange};

mod absent;
mod cycles;
mod gates;
mod members;
mod properties;
mod queries;
mod removals;
mod versions;

fn key(name: &str) -> NodeKey {
    match name.split_once('/') {
        Some((namespace, name)) => NodeKey::new(namespace, name),
        None => NodeKey::new("default", name),
    }
}

fn names(keys: &[NodeKey]) -> String {
    let names: Vec<String> = keys.iter().map(|key| key.seen_from("default")).collect();
    names.join(" ")
}

/// `b ^1, c?` is b in a range and, optionally, c.
fn requirements(text: &str) -> Vec<Requirement> {
    let items = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    let read = |item: &str| {
        let (name, range) = item.split_once(' ').unwrap_or((item, ""));
        let bare = name.trim_end_matches('?');
        let wanted = key(bare);
        Requirement {
            name: wanted.name,
            namespace: bare.contains('/').then_some(wanted.namespace),
            range: VersionRange::parse(range).unwrap(),
            optional: (bare != name).then_some(true),
            ..Requirement::default()
        }
    };
    items.map(read).collect()
}

/// As an earlier pass wrote it.
fn recorded(text: &str) -> Vec<DependencyStatus> {
    let line = |requirement: Requirement| {
        let optional = if requirement.is_optional() {
            " (optional)"
        } else {
            ""
        };
        DependencyStatus {
            namespace: requirement.namespace.unwrap_or("default".to_owned()),
            name: requirement.name,
            wanted: Some(format!("{}{optional}", requirement.range)),
            found: None,
            state: DependencyState::Ready,
        }
    };
    requirements(text).into_iter().map(line).collect()
}

/// `grafana ready 7.0.1: prometheus ^25 | loki` is a Component, how it is, its dependsOn, and what was recorded of it.
/// It is enabled and nothing was done for it unless the words say otherwise.
fn member(line: &str) -> Member {
    let (line, recorded_part) = line.split_once('|').unwrap_or((line, ""));
    let (words, needs) = line.split_once(':').unwrap_or((line, ""));
    let mut words = words.split_whitespace();
    let key = key(words.next().unwrap());
    let mut member = Member {
        chart_name: key.name.clone(),
        release: ("edge-system".to_owned(), key.name.clone()),
        key,
        enabled: true,
        deleting: false,
        left_alone: false,
        implicit: false,
        is_settled: false,
        ready: false,
        released: false,
        progress: Progress::default(),
        version: None,
        depends_on: requirements(needs),
        recorded: recorded(recorded_part),
        auto_install: true,
        allow_break: false,
        orphan: false,
        created: None,
    };
    for word in words {
        put(&mut member, word);
    }
    member
}

fn put(member: &mut Member, word: &str) {
    let progress = |phase: Phase, reason: &str, message: &str| Progress {
        phase: Some(phase),
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    match word {
        "ready" => {
            (member.is_settled, member.ready, member.released) = (true, true, true);
            member.progress = progress(Phase::Deployed, "InSync", "");
        }
        "gone" => {
            (member.enabled, member.is_settled) = (false, true);
            member.progress = progress(Phase::Disabled, "Disabled", "");
        }
        "failed" => {
            member.is_settled = true;
            member.progress = progress(Phase::Failed, "InstallFailed", "no image\nand more");
        }
        "blocked" => {
            member.is_settled = true;
            member.progress = progress(Phase::Blocked, "DependencyNotReady", "waits");
        }
        "unfound" => {
            member.is_settled = true;
            member.progress = progress(Phase::Blocked, "ChartNotFound", "no such chart");
        }
        "installing" => member.progress = progress(Phase::Installing, "Progressing", ""),
        "disabled" => member.enabled = false,
        "deleting" => member.deleting = true,
        "suspended" => member.left_alone = true,
        "implicit" => member.implicit = true,
        "changed" => member.is_settled = false,
        "unreleased" => member.released = false,
        "alone" => member.auto_install = false,
        "breaks" => member.allow_break = true,
        "orphan" => member.orphan = true,
        "conflict" => {
            member.progress = progress(Phase::Stalled, "DependencyVersionConflict", "");
        }
        word => match word.split_once('=') {
            Some(("chart", chart)) => member.chart_name = chart.to_owned(),
            Some(("release", name)) => member.release.1 = name.to_owned(),
            Some(("age", seconds)) => {
                let second = -seconds.parse::<i64>().unwrap();
                member.created = Some(Timestamp::from_second(second).unwrap());
            }
            _ => {
                assert!(Version::parse(word).is_some(), "{word:?} says nothing");
                member.version = Some(word.to_owned());
            }
        },
    }
}

fn network(lines: &[&str]) -> Network {
    Network::of(lines.iter().map(|line| member(line)).collect())
}

/// Charts and releases, `lib 2.0.0 1.5.0` and `edge-system/lib 1.0.0`. Charts that are not named are not there, and
/// the word `unknown` in place of versions is a repository that does not answer.
#[derive(Default)]
struct World {
    charts: BTreeMap<String, Option<Vec<(String, Version)>>>,
    releases: BTreeMap<NodeKey, String>,
}

impl World {
    fn of(lines: &[&str]) -> Self {
        let mut world = Self::default();
        for line in lines {
            let (name, versions) = line.split_once(' ').unwrap_or((line, ""));
            if name.contains('/') {
                world.releases.insert(key(name), versions.to_owned());
                continue;
            }
            let parsed = || {
                let versions = versions.split_whitespace();
                versions.map(|text| (text.to_owned(), Version::parse(text).unwrap()))
            };
            let known = (versions != "unknown").then(|| parsed().collect());
            world.charts.insert(name.to_owned(), known);
        }
        world
    }
}

impl Supply for World {
    fn versions(&self, chart: &str) -> Option<&[(String, Version)]> {
        match self.charts.get(chart) {
            Some(known) => known.as_deref(),
            None => Some(&[]),
        }
    }

    fn external(&self, namespace: &str, name: &str) -> Option<&str> {
        let found = self.releases.get(&NodeKey::new(namespace, name));
        found.map(String::as_str)
    }
}

/// `Waiting DependencyMissing: waits for …`.
fn told(verdict: &Verdict) -> String {
    let (word, reason, message) = match verdict {
        Verdict::Open { reason, message } => ("Open", reason, message),
        Verdict::Waiting { reason, message } => ("Waiting", reason, message),
        Verdict::Stalled { reason, message } => ("Stalled", reason, message),
    };
    format!("{word} {reason}: {message}")
}

/// What is to be done: `+loki 2.9.0` creates, `~loki ^2` moves.
fn deeds(gate: &Gate) -> Vec<String> {
    let create = gate.create.iter();
    let create = create.map(|new| format!("+{} {}", new.key.seen_from("default"), new.version));
    let retarget = gate.retarget.iter();
    let retarget = retarget.map(|old| format!("~{} {}", old.key.seen_from("default"), old.version));
    create.chain(retarget).collect()
}

fn states(gate: &Gate) -> String {
    let states = gate.dependencies.iter();
    let states = states.map(|line| format!("{} {:?}", line.name, line.state));
    states.collect::<Vec<_>>().join(", ")
}

/// A case in which `a` stands at the gate.
struct Row {
    case: &'static str,
    members: &'static [&'static str],
    /// What the chart of `a` requires.
    requires: &'static str,
    world: &'static [&'static str],
    verdict: &'static str,
    deeds: &'static [&'static str],
    states: &'static str,
}

#[track_caller]
fn assert_rows(rows: &[Row]) {
    for row in rows {
        let world = World::of(row.world);
        let requires = requirements(row.requires);
        let mut members: Vec<Member> = row.members.iter().map(|line| member(line)).collect();
        let gate = Network::of(members.clone()).gate(&key("a"), &requires, &world);
        assert_eq!(told(&gate.verdict), row.verdict, "{}", row.case);
        assert_eq!(deeds(&gate), row.deeds, "{}", row.case);
        assert_eq!(states(&gate), row.states, "{}", row.case);
        members.reverse();
        let reversed = Network::of(members).gate(&key("a"), &requires, &world);
        assert_eq!(reversed, gate, "{} in reverse", row.case);
    }
}
