//! The script between the controller and helm, run as the controller runs it: no environment, values on stdin.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::api::{Api, poll};
use crate::support::chart_builder::ChartBuilder;
use crate::support::control_plane::ControlPlane;
use crate::support::helm::HELM;
use crate::support::helm_release::Releases;
use crate::support::helm_wrapper::{HelmCall, HelmWrapper, most_at_once, overlaps};
use crate::support::process::{self, Finished};

const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn a_run_is_recorded_and_the_real_helm_gets_everything() {
    let bed = Bed::new();
    let answer = bed.run(&["version", "--template={{.Version}}"], "");
    assert_eq!(answer.succeeded().stdout(), format!("v{HELM}"));
    assert_eq!(bed.wrapper.calls().len(), 0);
    assert_eq!(
        bed.wrapper.questions(),
        [["version", "--template={{.Version}}"]]
    );

    let package = bed.package(&ChartBuilder::new("app", "1.0.0"));
    let upgrade = [
        "upgrade",
        "one",
        &package,
        "--install",
        "--values=-",
        &bed.flag,
    ];
    let values = r#"{"greeting": "from stdin"}"#;
    let described = [&upgrade[..], &["--description=op=1 hash=2"]].concat();
    bed.run(&described, values).succeeded();
    assert_eq!(bed.config_map("one-app")["data"]["greeting"], "from stdin");

    let calls = bed.wrapper.calls();
    let [call] = &calls[..] else {
        panic!("{calls:#?}")
    };
    assert_eq!((&call.verb[..], &call.release[..]), ("upgrade", "one"));
    assert_eq!(call.namespace, bed.namespace);
    assert_eq!(call.arguments, described);
    assert_eq!(call.flag("--description"), Some("op=1 hash=2"));
    assert_eq!(call.code, Some(0));
    assert!(call.ended.is_some_and(|ended| ended > call.started));
    assert!(!call.is_running() && !call.is_dry_run());

    bed.run(&[&upgrade[..], &["--dry-run=client"]].concat(), "{}")
        .succeeded();
    bed.run(&["uninstall", "never", &bed.flag], "").failed();
    let calls = bed.wrapper.calls();
    assert_eq!(calls.len(), 2, "a dry run is no call: {calls:#?}");
    assert_eq!(calls[1].code, Some(1));
}

#[test]
fn sigterm_to_the_script_ends_helm_as_it_ends_helm_alone() {
    let bed = Bed::new();
    let mut run = bed.start_waiting("one");
    bed.await_status("one", "pending-install");
    process::run_ok("sh", &["-c", &format!("kill -TERM {}", run.id())]);
    assert_eq!(wait(&mut run).code(), Some(1));
    let newest = bed.releases.newest("one").expect("a revision");
    assert_eq!(
        (&newest.status[..], &newest.label[..]),
        ("failed", "failed")
    );
    let calls = bed.wrapper.calls();
    assert_eq!(calls[0].code, Some(1), "{calls:#?}");
    assert!(!calls[0].is_running());
}

#[test]
fn a_killed_helm_ends_the_script_by_the_same_signal() {
    let bed = Bed::new();
    let mut run = bed.start_waiting("one");
    bed.await_status("one", "pending-install");
    bed.wrapper.kill_helm("one");
    assert_eq!(wait(&mut run).signal(), Some(9));
    assert_eq!(bed.wrapper.calls()[0].code, Some(137));
    let newest = bed.releases.newest("one").expect("a revision");
    assert_eq!(newest.status, "pending-install");
}

#[test]
fn a_killed_script_takes_its_helm_along() {
    let bed = Bed::new();
    let mut run = bed.start_waiting("one");
    bed.await_status("one", "pending-install");
    let helm = bed.wrapper.calls()[0].helm.expect("helm runs");
    // only this process, neither its group nor helm
    run.kill().expect("it runs");
    assert_eq!(wait(&mut run).signal(), Some(9));
    bed.wrapper
        .await_gone(std::process::id(), Duration::from_secs(5));
    let stat = std::fs::read_to_string(format!("/proc/{helm}/stat"));
    assert!(stat.is_err() || stat.is_ok_and(|stat| stat.contains(") Z ")));
    let calls = bed.wrapper.calls();
    assert_eq!((calls[0].ended, calls[0].code), (None, None));
    assert_eq!(most_at_once(&calls), 1);
}

#[test]
fn a_hold_stops_the_world_before_helm_and_after_it() {
    let bed = Bed::new();
    let chart = ChartBuilder::new("app", "1.0.0");
    let hold = bed.wrapper.hold_before(&bed.namespace, "one");
    let mut run = bed.start("one", &chart, &[]);
    let held = hold.await_held();
    assert_eq!((held.helm, held.ended), (None, None));
    assert!(bed.releases.newest("one").is_none());
    hold.release();
    assert!(wait(&mut run).success());
    assert_eq!(bed.releases.statuses("one"), ["deployed"]);

    let hold = bed.wrapper.hold_after(&bed.namespace, "one");
    let mut run = bed.start("one", &chart, &[]);
    let held = hold.await_held();
    assert_eq!(held.code, Some(0), "helm has ended");
    assert!(held.is_running(), "and nobody knows");
    assert_eq!(bed.releases.statuses("one"), ["superseded", "deployed"]);
    hold.release();
    assert!(wait(&mut run).success());

    let hold = bed.wrapper.hold_before(&bed.namespace, "one");
    let mut run = bed.start("one", &chart, &[]);
    hold.await_held();
    process::run_ok("sh", &["-c", &format!("kill -TERM {}", run.id())]);
    assert_eq!(wait(&mut run).code(), Some(143), "a hold ends by a signal");
    assert_eq!(bed.releases.revisions("one").len(), 2);
}

#[test]
fn two_runs_on_one_release_are_seen_and_on_two_releases_are_counted() {
    let bed = Bed::new();
    let chart = ChartBuilder::new("app", "1.0.0");
    let holds = ["one", "two"].map(|release| bed.wrapper.hold_before(&bed.namespace, release));
    let mut runs = ["one", "two"].map(|release| bed.start(release, &chart, &[]));
    for hold in &holds {
        hold.await_held();
    }
    assert_eq!(most_at_once(&bed.wrapper.calls()), 2);
    assert_eq!(overlaps(&bed.wrapper.calls()).len(), 0);
    let mut third = bed.start("one", &chart, &[]);
    bed.wrapper.await_call("third run", |call| call.overlapped);
    let calls = bed.wrapper.calls();
    assert_eq!(overlaps(&calls).len(), 1, "{calls:#?}");
    assert_eq!(most_at_once(&calls), 3);

    drop(holds);
    for run in runs.iter_mut().chain([&mut third]) {
        wait(run);
    }
    let after = bed.start("one", &chart, &[]);
    assert!(wait(&mut { after }).success());
    let overlapping = bed
        .wrapper
        .calls()
        .iter()
        .filter(|call| call.overlapped)
        .count();
    assert_eq!(overlapping, 1, "the lock goes with the last of them");
}

#[test]
fn a_release_can_be_made_to_fail_or_to_take_its_time() {
    let bed = Bed::new();
    let chart = ChartBuilder::new("app", "1.0.0");
    bed.wrapper
        .fail(&bed.namespace, "one", 2, "Error: etcdserver: too busy");
    let failures = || -> Vec<Option<i32>> {
        let calls = bed.wrapper.calls_of("upgrade", "one");
        calls.iter().map(|call: &HelmCall| call.code).collect()
    };
    for _ in 0..2 {
        let answer = bed.upgrade("one", &chart).failed();
        assert_eq!(answer.stderr(), "Error: etcdserver: too busy\n");
    }
    bed.upgrade("two", &chart).succeeded();
    bed.upgrade("one", &chart).succeeded();
    assert_eq!(failures(), [Some(1), Some(1), Some(0)]);

    bed.wrapper
        .delay(&bed.namespace, "one", Duration::from_millis(300));
    bed.upgrade("one", &chart).succeeded();
    let calls = bed.wrapper.calls_of("upgrade", "one");
    let last = calls.last().expect("a call");
    let took = last.ended.expect("it ended") - last.started;
    assert!(took >= 300_000_000, "{took} ns");
}

#[test]
fn all_runs_are_killed_at_once() {
    let bed = Bed::new();
    let mut runs = ["one", "two"].map(|release| bed.start_waiting(release));
    for release in ["one", "two"] {
        bed.await_status(release, "pending-install");
    }
    bed.wrapper.kill_all(std::process::id());
    for run in &mut runs {
        assert_eq!(wait(run).signal(), Some(9));
    }
    assert_eq!(bed.releases.statuses("one"), ["pending-install"]);
    assert_eq!(bed.releases.statuses("two"), ["pending-install"]);
}

/// A wrapper and a namespace of its own.
struct Bed {
    wrapper: HelmWrapper,
    releases: Releases,
    api: Api,
    kubeconfig: PathBuf,
    namespace: String,
    flag: String,
    world: TempDir,
}

impl Bed {
    #[track_caller]
    fn new() -> Bed {
        let plane = ControlPlane::shared();
        let namespace = plane.namespace().namespace().to_owned();
        Bed {
            wrapper: HelmWrapper::new(HELM),
            releases: Releases::of(plane, &namespace),
            api: plane.api().clone(),
            kubeconfig: plane.kubeconfig(),
            flag: format!("--namespace={namespace}"),
            namespace,
            world: TempDir::new().expect("a temporary directory"),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.wrapper.path());
        command
            .env_clear()
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.world.path())
            .process_group(0)
            .args(arguments);
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], input: &str) -> Finished {
        process::run(self.command(arguments), input.as_bytes(), DEADLINE)
    }

    #[track_caller]
    fn upgrade(&self, release: &str, chart: &ChartBuilder) -> Finished {
        let package = self.package(chart);
        self.run(&["upgrade", release, &package, "--install", &self.flag], "")
    }

    /// `helm upgrade --install` in the background.
    #[track_caller]
    fn start(&self, release: &str, chart: &ChartBuilder, more: &[&str]) -> Child {
        let package = self.package(chart);
        let upgrade = ["upgrade", release, &package, "--install", &self.flag];
        let mut command = self.command(&[&upgrade[..], more].concat());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null()).spawn().expect("sh runs")
    }

    /// One that waits for a Deployment that nobody makes ready.
    #[track_caller]
    fn start_waiting(&self, release: &str) -> Child {
        let chart = ChartBuilder::new("app", "1.0.0").deployment();
        self.start(release, &chart, &["--wait=watcher", "--timeout=5m"])
    }

    #[track_caller]
    fn await_status(&self, release: &str, status: &str) {
        let found = poll(DEADLINE, || {
            let newest = self.releases.newest(release)?;
            (newest.status == status).then_some(())
        });
        assert!(found.is_some(), "{release} did not come to be {status}");
    }

    #[track_caller]
    fn config_map(&self, name: &str) -> serde_json::Value {
        let path = format!("/api/v1/namespaces/{}/configmaps/{name}", self.namespace);
        self.api.get(&path).expect("a ConfigMap")
    }

    #[track_caller]
    fn package(&self, chart: &ChartBuilder) -> String {
        let path = self.world.path().join(chart.file_name());
        std::fs::write(&path, chart.package()).expect("a writable directory");
        path.display().to_string()
    }
}

#[track_caller]
fn wait(run: &mut Child) -> ExitStatus {
    let ended = poll(DEADLINE, || {
        run.try_wait().expect("a child can be waited for")
    });
    ended.expect("it ends in time")
}
