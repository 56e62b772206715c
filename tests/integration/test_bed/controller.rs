//! Starting, stopping and killing a controller, with a script in its place that does no more than start helm.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use crate::support::chart_builder::ChartBuilder;
use crate::support::control_plane::ControlPlane;
use crate::support::controller::{Controller, ControllerOptions};
use crate::support::helm_release::Releases;
use crate::support::helm_wrapper::overlaps;
use crate::support::kubelet::Kubelet;
use crate::support::server::{TestServer, binary};

#[test]
fn the_log_and_the_record_of_helm_agree() {
    let bed = Bed::new();
    let metrics = TestServer::start(&[]);
    let options = bed.options.clone().arg("--allow-overwrite");
    let mut controller = options
        .env("METRICS", metrics.address().to_string())
        .start();
    controller.get("metrics", "/health").expect(200);
    let chart = ChartBuilder::new("app", "2.0.0");
    controller.upload(&chart);
    let package = controller.upload_again(&chart.clone().file("more.txt", "more"));
    let stored = bed.options.storage().join(chart.file_name());
    assert_eq!(fs::read(stored).expect("an upload"), package);
    assert!(controller.url().starts_with("http://127.0.0.1:"));
    assert_eq!(controller.address_of("health").port(), 9);

    let starts = controller.await_log("Helm starts");
    let call = controller
        .helm()
        .await_call("helm", |call| call.helm.is_some());
    assert_eq!(starts["pid"], call.pid);
    assert!(controller.helm_runs()[0].ended.is_none());
    Kubelet::of(ControlPlane::shared(), bed.releases.namespace()).ready("one");
    controller.await_log("Helm ended");
    let runs = controller.helm_runs();
    assert_eq!(runs.len(), 1, "{runs:#?}");
    assert_eq!(runs[0].pid, u64::from(call.pid));
    let ended = runs[0].ended.as_ref().expect("it ended");
    assert_eq!((&ended.ending[..], ended.duration_ms), ("success", 1));
    assert_eq!(controller.helm().calls()[0].code, Some(0));
    assert_eq!(bed.releases.statuses("one"), ["deployed"]);
    assert!(controller.terminate().success());
}

#[test]
fn a_killed_controller_takes_its_helm_along() {
    let bed = Bed::new();
    let mut controller = bed.start_and_await_pending();
    controller.kill();
    let calls = controller.helm().calls();
    assert_eq!(calls[0].code, Some(1), "the kernel told it to end");
    assert_eq!(bed.releases.statuses("one"), ["failed"]);

    let (before, id) = (controller.log().len(), controller.id());
    controller.restart();
    assert_ne!(controller.id(), id);
    controller.await_log("Helm starts");
    assert!(controller.log().len() > before, "the log goes on");
    controller
        .helm()
        .await_call("second run", |call| call.started > calls[0].started);
    assert!(controller.terminate().success());
    assert_eq!(overlaps(&controller.helm().calls()).len(), 0);
}

#[test]
fn a_power_cut_leaves_the_release_locked() {
    let bed = Bed::new();
    let mut controller = bed.start_and_await_pending();
    controller.cut_power();
    assert_eq!(bed.releases.statuses("one"), ["pending-install"]);
    assert_eq!(controller.helm().calls()[0].ended, None);
    controller.start_again_with(|options| options.env("MORE", "words"));
    controller.await_log("Helm ended");
    assert_eq!(bed.releases.statuses("one"), ["pending-install"]);
}

#[test]
fn replicas_share_the_record_and_may_be_alone() {
    let bed = Bed::new();
    let mut first = bed.start_and_await_pending();
    let second = first.replica().leader_elect().alone(&first.url());
    let second = second.kubeconfig(&ControlPlane::shared().kubeconfig());
    let mut second = second.start();
    second.await_log("Helm ended");
    let calls = first.helm().calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(
        overlaps(&calls).len(),
        1,
        "two that do not know of each other"
    );
    first.signal("STOP");
    first.signal("CONT");
    assert!(second.terminate().success());
    assert!(first.terminate().success());
}

/// A script in the place of the program, and a chart that it works on.
struct Bed {
    options: ControllerOptions,
    releases: Releases,
    _world: TempDir,
}

impl Bed {
    #[track_caller]
    fn new() -> Bed {
        let plane = ControlPlane::shared();
        let namespace = plane.namespace().namespace().to_owned();
        let world = TempDir::new().expect("a temporary directory");
        let [program, chart] = ["chartroom", "app.tgz"].map(|name| world.path().join(name));
        fs::write(&program, include_str!("stand_in.sh")).expect("a writable directory");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("our own file");
        let package = ChartBuilder::new("app", "1.0.0").deployment().package();
        fs::write(&chart, package).expect("a writable directory");
        Bed {
            options: Controller::options(plane, &namespace)
                .program(&program)
                .env("CHARTROOM", binary())
                .env("CHART", &chart),
            releases: Releases::of(plane, &namespace),
            _world: world,
        }
    }

    /// A controller whose helm waits for a Deployment that nobody makes ready.
    #[track_caller]
    fn start_and_await_pending(&self) -> Controller {
        let mut controller = self.options.clone().start();
        controller.await_log("Helm starts");
        let begun = crate::support::api::poll(std::time::Duration::from_secs(60), || {
            let newest = self.releases.newest("one")?;
            (newest.status == "pending-install").then_some(())
        });
        assert!(begun.is_some(), "helm began no revision");
        controller
    }
}
