//! The kubelet's part: Helm's own waiting believes it.

use crate::support::chart_builder::{ChartBuilder, Hook};
use crate::support::control_plane::ControlPlane;
use crate::support::helm_release::Releases;
use crate::support::kubelet::Kubelet;

#[test]
fn helm_waits_until_the_kubelet_says_that_a_deployment_is_ready() {
    let (kubelet, releases, _) = bed();
    let chart = ChartBuilder::new("app", "1.0.0").deployment();
    let mut helm = releases.start_upgrade("one", &chart);
    kubelet.unready("one");
    assert_eq!(helm.try_wait().expect("a child"), None, "it waits");
    assert_eq!(releases.statuses("one"), ["pending-install"]);
    kubelet.ready("one");
    assert!(helm.wait().expect("a child").success());
    assert_eq!(releases.statuses("one"), ["deployed"]);

    let kept = kubelet.keep_ready();
    let upgrade = ["--wait", "--timeout=60s", "--set=replicas=3"];
    releases.upgrade("one", &chart, &upgrade).succeeded();
    drop(kept);
    let timeout = ["--wait", "--timeout=1s", "--set=replicas=4"];
    let said = releases.upgrade("one", &chart, &timeout).failed().stderr();
    assert!(said.contains("context deadline exceeded"), "{said}");
    assert!(said.contains("one"), "{said}");
}

#[test]
fn jobs_of_hooks_end_as_the_test_says() {
    let (kubelet, releases, _) = bed();
    let chart = ChartBuilder::new("app", "1.0.0").hook("pre-install", Hook::Job);
    let mut helm = releases.start_upgrade("good", &chart);
    kubelet.finish_job("good-pre-install", true);
    assert!(helm.wait().expect("a child").success());

    let mut helm = releases.start_upgrade("bad", &chart);
    kubelet.finish_job("bad-pre-install", false);
    assert!(!helm.wait().expect("a child").success());
    assert_eq!(releases.statuses("bad"), ["failed"]);

    let kept = kubelet.keep_ready();
    releases
        .install("kept", &chart, &["--timeout=60s"])
        .succeeded();
    drop(kept);
}

#[test]
fn a_pod_waits_for_its_image() {
    let (kubelet, releases, plane) = bed();
    let chart = ChartBuilder::new("app", "1.0.0").deployment();
    releases.install("one", &chart, &[]).succeeded();
    let pod = kubelet.pod_waiting("one", "ImagePullBackOff", "Back-off pulling image");
    let namespace = releases.namespace();
    let selected = format!("/api/v1/namespaces/{namespace}/pods?labelSelector=app%3Done");
    let pods = plane.api().list(&selected);
    assert_eq!(pods.len(), 1);
    assert_eq!(pods[0]["metadata"]["name"], pod);
    let waiting = &pods[0]["status"]["containerStatuses"][0]["state"]["waiting"];
    assert_eq!(waiting["reason"], "ImagePullBackOff");
}

fn bed() -> (Kubelet, Releases, &'static ControlPlane) {
    let plane = ControlPlane::shared();
    let kubectl = plane.namespace();
    let releases = Releases::of(plane, kubectl.namespace());
    (Kubelet::of(plane, kubectl.namespace()), releases, plane)
}
