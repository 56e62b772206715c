use k8s_openapi::jiff::Timestamp;

use super::*;
use crate::chart::index::ChartVersion;
use crate::chart::version::Version;
use crate::component::Phase;

mod absent;
mod cycles;
mod gates;
mod handed_down;
mod nodes;
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

/// As it was recorded earlier.
fn recorded(text: &str) -> Vec<Requirement> {
    let mut all = requirements(text);
    for requirement in &mut all {
        requirement.namespace.get_or_insert("default".to_owned());
        requirement.optional.get_or_insert(false);
    }
    all
}

/// `grafana ready 7.0.1: prometheus ^25 | loki` is a Component, how it is, its dependsOn, and what was recorded of it.
/// It is enabled and nothing was done for it unless the words say otherwise.
fn node(line: &str) -> Node {
    let (line, recorded_part) = line.split_once('|').unwrap_or((line, ""));
    let (words, needs) = line.split_once(':').unwrap_or((line, ""));
    let mut words = words.split_whitespace();
    let key = key(words.next().unwrap());
    let mut node = Node {
        chart_name: key.name.clone(),
        release: ("edge-system".to_owned(), key.name.clone()),
        key,
        enabled: true,
        deleting: false,
        left_alone: false,
        implicit: false,
        inherited: None,
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
        put(&mut node, word);
    }
    node
}

fn put(node: &mut Node, word: &str) {
    let progress = |phase: Phase, reason: Reason, message: &str| Progress {
        phase: Some(phase),
        reason: Some(ReadyReason::Known(reason)),
        message: message.to_owned(),
    };
    match word {
        "ready" => {
            (node.is_settled, node.ready, node.released) = (true, true, true);
            node.progress = progress(Phase::Deployed, Reason::InSync, "");
        }
        "gone" => {
            (node.enabled, node.is_settled) = (false, true);
            node.progress = progress(Phase::Disabled, Reason::Disabled, "");
        }
        "failed" => {
            node.is_settled = true;
            node.progress = progress(Phase::Failed, Reason::InstallFailed, "no image\nand more");
        }
        "blocked" => {
            node.is_settled = true;
            node.progress = progress(Phase::Blocked, Reason::DependencyNotReady, "waits");
        }
        "unfound" => {
            node.is_settled = true;
            node.progress = progress(Phase::Blocked, Reason::ChartNotFound, "no such chart");
        }
        "installing" => node.progress = progress(Phase::Installing, Reason::Progressing, ""),
        "disabled" => node.enabled = false,
        "deleting" => node.deleting = true,
        "suspended" => node.left_alone = true,
        "implicit" => node.implicit = true,
        "changed" => node.is_settled = false,
        "unreleased" => node.released = false,
        "alone" => node.auto_install = false,
        "breaks" => node.allow_break = true,
        "orphan" => node.orphan = true,
        "conflict" => {
            node.progress = progress(Phase::Stalled, Reason::DependencyVersionConflict, "");
        }
        word => match word.split_once('=') {
            Some(("chart", chart)) => node.chart_name = chart.to_owned(),
            Some(("release", name)) => node.release.1 = name.to_owned(),
            Some(("age", seconds)) => {
                let second = -seconds.parse::<i64>().unwrap();
                node.created = Some(Timestamp::from_second(second).unwrap());
            }
            _ => {
                assert!(Version::parse(word).is_some(), "{word:?} says nothing");
                node.version = Some(word.to_owned());
            }
        },
    }
}

fn planner(lines: &[&str]) -> Planner {
    Planner::of(lines.iter().map(|line| node(line)))
}

/// Charts and releases, `lib 2.0.0 1.5.0` and `edge-system/lib 1.0.0`, for one who asks what `planner` wants to know.
/// Charts that are not named are not there, and the word `unknown` in place of versions is a repository that does not
/// answer.
fn look_up(
    planner: &Planner,
    own: &NodeKey,
    requires: &[Requirement],
    lines: &[&str],
) -> Available {
    let mut available = Available::default();
    for lookup in planner.lookups(own, requires) {
        let wanted = match &lookup {
            Lookup::Chart(chart) => chart.clone(),
            Lookup::Release(namespace, name) => format!("{namespace}/{name}"),
        };
        let found = lines.iter().find_map(|line| {
            let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
            (name == wanted).then_some(rest)
        });
        match lookup {
            Lookup::Chart(_) if found == Some("unknown") => {}
            Lookup::Chart(chart) => {
                let texts = found.unwrap_or_default().split_whitespace();
                available
                    .charts
                    .insert(&chart, texts.map(version).collect());
            }
            Lookup::Release(namespace, name) => {
                let version = found.map(str::to_owned);
                available
                    .releases
                    .extend(version.map(|version| ((namespace, name), version)));
            }
        }
    }
    available
}

fn version(text: &str) -> ChartVersion {
    ChartVersion::bare("chart", text)
}

/// The check of a Component with what can be looked up for it.
fn check(
    planner: &Planner,
    name: &str,
    requires: &[Requirement],
    lines: &[&str],
) -> DependencyCheck {
    let available = look_up(planner, &key(name), requires, lines);
    planner.check(&key(name), requires, &available)
}

/// `Waiting DependencyMissing: waits for …`.
fn told(verdict: &Verdict) -> String {
    let (word, reason, message) = match verdict {
        Verdict::Ready { reason, message } => ("Ready", reason, message),
        Verdict::Waiting { reason, message } => ("Waiting", reason, message),
        Verdict::Stalled { reason, message } => ("Stalled", reason, message),
    };
    format!("{word} {reason}: {message}")
}

/// What is to be done: `+loki 2.9.0` creates, `~loki ^2` moves.
fn deeds(check: &DependencyCheck) -> Vec<String> {
    let create = check.create.iter();
    let create = create.map(|new| format!("+{} {}", new.key.seen_from("default"), new.version));
    let retarget = check.retarget.iter();
    let retarget = retarget.map(|old| format!("~{} {}", old.key.seen_from("default"), old.version));
    create.chain(retarget).collect()
}

fn states(check: &DependencyCheck) -> String {
    let states = check.dependencies.iter();
    let states = states.map(|line| format!("{} {:?}", line.name, line.state));
    states.collect::<Vec<_>>().join(", ")
}

/// A case in which `a` is checked.
struct Row {
    case: &'static str,
    nodes: &'static [&'static str],
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
        let requires = requirements(row.requires);
        let mut nodes: Vec<Node> = row.nodes.iter().map(|line| node(line)).collect();
        let found = check(&Planner::of(nodes.clone()), "a", &requires, row.world);
        assert_eq!(told(&found.verdict), row.verdict, "{}", row.case);
        assert_eq!(deeds(&found), row.deeds, "{}", row.case);
        assert_eq!(states(&found), row.states, "{}", row.case);
        nodes.reverse();
        let reversed = check(&Planner::of(nodes), "a", &requires, row.world);
        assert_eq!(reversed, found, "{} in reverse", row.case);
    }
}
