//! The README does not lie: its shell blocks marked `sh tested` are run in order, as they stand, its links lead
//! somewhere, as those of the other texts do, and `docs/flags.md` is the program's own list.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::control_plane::ControlPlane;
use crate::support::controller::Controller;
use crate::support::helm::HELM;
use crate::support::kubelet::Kubelet;
use crate::support::process;
use crate::support::server::{binary, chartroom};
use crate::support::tools;

/// Where the README says that the server listens.
const ADDRESS: &str = "http://localhost:8080";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).expect("README.md is there")
}

/// The blocks between fences whose info string is `sh tested`, without the indentation of a list that they stand in.
fn tested_blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start() == "```sh tested" {
            let indentation = line.len() - line.trim_start().len();
            let inside = lines.by_ref().take_while(|line| line.trim() != "```");
            let block = inside.map(|line| line.get(indentation..).unwrap_or_default());
            blocks.push(block.collect::<Vec<_>>().join("\n"));
        }
    }
    blocks
}

#[test]
fn the_tested_blocks_work_as_they_stand() {
    let blocks = tested_blocks(&readme());
    assert!(blocks.len() >= 6, "the README has {} blocks", blocks.len());

    let plane = ControlPlane::start();
    plane.define_components();
    let controller = Controller::options(&plane, "chartroom")
        .arg(format!(
            "--builtin-charts={}",
            root().join("builtin-charts").display()
        ))
        .start();
    // there is no node: somebody has to say that the Deployment of `mychart` is available
    let _kubelet = Kubelet::of(&plane, "shop").keep_ready();

    let place = a_checkout();
    let script: String = blocks
        .iter()
        .map(|block| block.replace(ADDRESS, &controller.url()) + "\n")
        .collect();
    let mut bash = Command::new("bash");
    bash.args(["-euxo", "pipefail", "-c", &script])
        .env_clear()
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", place.path().join("bin").display()),
        )
        .env("HOME", place.path())
        .env("KUBECONFIG", plane.kubeconfig())
        .current_dir(place.path().join("chartroom"));
    let run = process::run(bash, b"", Duration::from_secs(180)).succeeded();

    for shown in [
        // helm search repo
        "chartroom/monitoring-stack",
        // the push, and what helm then shows
        r#"{"saved":true}"#,
        "name: mychart",
        // the images, and the plan
        "quay.io/prometheus/prometheus:",
        "node-exporter",
    ] {
        assert!(run.stdout().contains(shown), "{shown:?} is not in {run}");
    }
}

/// A directory as a user has it: the checkout's charts, and the programs on the path.
fn a_checkout() -> TempDir {
    let place = TempDir::new().expect("a temporary directory");
    let link = |from: &Path, to: &str| {
        symlink(from, place.path().join(to)).expect("a link");
    };
    for folder in ["bin", "chartroom"] {
        fs::create_dir(place.path().join(folder)).expect("a directory");
    }
    link(&root().join("chart"), "chartroom/chart");
    link(&root().join("builtin-charts"), "chartroom/builtin-charts");
    link(&binary(), "bin/chartroom");
    link(&tools::helm(HELM), "bin/helm");
    link(&tools::control_plane("kubectl"), "bin/kubectl");
    place
}

#[test]
fn the_list_of_flags_is_the_programs_own() {
    let listed = fs::read_to_string(root().join("docs/flags.md")).expect("the list is there");
    let printed = chartroom(&["help", "--markdown"], &root()).succeeded();
    assert_eq!(listed, printed.stdout(), "`make flags` writes it anew");
}

#[test]
fn it_is_short_enough_to_be_read() {
    let lines = readme().lines().count();
    assert!(
        lines <= 300,
        "README.md has {lines} lines: move something to docs/"
    );
}

/// The texts for people, by their paths.
const TEXTS: [&str; 13] = [
    "README.md",
    "chart/README.md",
    "docs/behaviour.md",
    "docs/chartmuseum.md",
    "docs/components.md",
    "docs/differences.md",
    "docs/first-hour.md",
    "docs/flags.md",
    "docs/measured.md",
    "docs/operating.md",
    "tests/e2e/README.md",
    "tests/integration/README.md",
    "builtin-charts/grafana/README.md",
];

#[test]
fn links_lead_somewhere() {
    let mut found = 0;
    for text in TEXTS {
        let own = root().join(text);
        let content = fs::read_to_string(&own).expect(text);
        let targets = content
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
            .filter(|target| !target.starts_with("http"));
        for target in targets {
            found += 1;
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => own.clone(),
                file => own.parent().expect("a directory").join(file),
            };
            assert!(path.exists(), "{text}: {target} is not there");
            if !heading.is_empty() {
                let linked = fs::read_to_string(&path).expect("a text");
                let has_it = linked
                    .lines()
                    .any(|line| anchor(line) == Some(heading.to_owned()));
                assert!(has_it, "{text}: {target}: there is no such heading");
            }
        }
    }
    assert!(found > 20, "{found} links");
}

/// The name by which a heading is linked to: words with dashes between them.
fn anchor(line: &str) -> Option<String> {
    let title = line.trim_start_matches('#');
    let is_word = |c: &char| c.is_alphanumeric() || matches!(c, '-' | ' ');
    let words: String = title
        .trim()
        .to_lowercase()
        .chars()
        .filter(is_word)
        .collect();
    (title != line).then(|| words.replace(' ', "-"))
}
