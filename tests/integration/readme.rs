//! The README does not lie: its shell blocks marked `sh tested` are run in order, as they stand, its links lead
//! somewhere, and `docs/flags.md` is the program's own list.

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
        // the plan
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
fn links_lead_somewhere() {
    let text = readme();
    let targets: Vec<&str> = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.starts_with("http") && !target.starts_with('#'))
        .collect();
    assert!(!targets.is_empty());
    for target in targets {
        let (file, heading) = target.split_once('#').unwrap_or((target, ""));
        let path = root().join(file);
        assert!(path.exists(), "{target} is not there");
        if !heading.is_empty() {
            let text = fs::read_to_string(&path).expect("a text");
            let has_it = text.lines().any(|line| {
                let title = line.trim_start_matches('#');
                title != line && title.trim().to_lowercase().replace(' ', "-") == heading
            });
            assert!(has_it, "{target}: there is no such heading");
        }
    }
}
