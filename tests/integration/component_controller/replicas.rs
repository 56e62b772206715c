//! Scenario 60: two replicas at one API server. One works, the other takes over, and never do both.

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, DEADLINE};
use crate::support::api::poll;
use crate::support::chart_builder::Hook;
use crate::support::component::{self, Components};
use crate::support::control_plane::ControlPlane;
use crate::support::controller::Controller;
use crate::support::helm_release::Releases;
use crate::support::helm_wrapper::overlaps;
use crate::support::kubelet::Kubelet;

/// Two replicas, the first of which works.
struct Pair {
    first: Controller,
    second: Controller,
    components: Components,
    releases: Releases,
    kubelet: Kubelet,
}

#[test]
fn scenario_60_a_killed_leaders_helm_is_dead_before_the_next_begins() {
    let mut pair = Pair::start();
    pair.begin_an_install();
    pair.first.kill();
    pair.second_takes_over();
    let ready = pair.components.ready("app");
    assert!(ready["status"]["retryCount"].is_null(), "it did not count");
    assert_eq!(pair.releases.statuses("app"), ["superseded", "deployed"]);
    pair.assert_never_both();
}

#[test]
fn scenario_60_a_leader_that_loses_the_lease_ends_its_helm_and_itself() {
    let mut pair = Pair::start();
    pair.begin_an_install();
    let namespace = pair.components.namespace();
    let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases");
    let lease = format!("{leases}/chartroom-controller");
    let taken = json!({"spec": {"holderIdentity": "somebody-else"}});
    pair.components.api().merge(&lease, &taken);
    pair.first.await_log("Controller: the lease is lost");
    let ended = poll(DEADLINE, || {
        let calls = pair.first.helm().calls();
        calls.iter().all(|call| call.ended.is_some()).then_some(())
    });
    assert!(ended.is_some(), "helm runs on");
    assert!(
        !pair.first.terminate().success(),
        "it is to be started again"
    );
    pair.second_takes_over();
    pair.components.ready("app");
    assert_eq!(pair.releases.statuses("app"), ["superseded", "deployed"]);
    pair.assert_never_both();
}

#[test]
fn scenario_60_a_frozen_leaders_helm_is_waited_for() {
    let mut pair = Pair::start();
    pair.begin_an_install();
    pair.first.signal("STOP");
    pair.second.await_log("Controller: ready");
    let waiting = pair
        .components
        .await_condition("app", "Released", "False", "PendingRelease");
    assert!(
        waiting.message.contains("may still be running"),
        "{waiting:?}"
    );
    assert_eq!(pair.first.helm().calls().len(), 1, "one helm, and it runs");
    assert_eq!(pair.releases.statuses("app"), ["pending-install"]);

    let _ready = pair.kubelet.keep_ready();
    // it finds that it has lost the lease
    pair.first.signal("CONT");
    let ready = pair.components.ready("app");
    assert_eq!(component::phase(&ready), "Deployed");
    pair.assert_never_both();
    let newest = pair.releases.newest("app").expect("a release");
    assert!(newest.number <= 2, "one extra revision at most");
}

#[test]
fn two_replicas_work_one_after_the_other() {
    let mut pair = Pair::start();
    let names: Vec<String> = (0..8).map(|number| format!("part-{number}")).collect();
    pair.first.upload(&ChartBuilder::new("part", "1.0.0"));
    let components: Vec<_> = names
        .iter()
        .map(|name| ComponentBuilder::new(name).chart("part"))
        .collect();
    pair.components.apply_all(&components);
    let some = poll(DEADLINE, || {
        let calls = pair.first.helm().calls();
        (calls.iter().filter(|call| call.ended.is_some()).count() >= 2).then_some(())
    });
    assert!(some.is_some(), "nothing is installed");
    assert_eq!(pair.second.helm_runs().len(), 0, "it stands by");
    pair.first.kill();
    let by_first = pair.first.helm_runs().len();

    pair.second_takes_over();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    pair.components.all_ready(&names);
    assert!(by_first > 0 && !pair.second.helm_runs().is_empty());
    pair.assert_never_both();
    for name in names {
        let statuses = pair.releases.statuses(name);
        assert_eq!(statuses.last().map(String::as_str), Some("deployed"));
        assert!(statuses.len() <= 2, "{name}: {statuses:?}");
    }
}

#[test]
fn who_takes_the_lease_over_says_so_on_it_and_from_whom() {
    let mut pair = Pair::start();
    let [first] = &pair.await_takeovers(1)[..] else {
        panic!("one at first");
    };
    assert!(first.contains("nobody worked before"), "{first}");
    let identity = first.split(' ').next().expect("a name").to_owned();
    pair.first.kill();
    pair.second.await_log("Controller: this replica works now");
    let both = pair.await_takeovers(2);
    let silent = format!("{identity} did not renew the lease in time");
    assert!(both.iter().any(|note| note.contains(&silent)), "{both:?}");
}

impl Pair {
    /// The notes of the events about the Lease, when there are so many.
    #[track_caller]
    fn await_takeovers(&self, wanted: usize) -> Vec<String> {
        let namespace = self.components.namespace();
        let path = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
        let found = poll(DEADLINE, || {
            let mut events = self.components.api().list(&path);
            events.retain(|event| event["reason"] == "LeaderAcquired");
            for event in &events {
                assert_eq!(event["regarding"]["kind"], "Lease", "{event:#}");
                assert_eq!(event["regarding"]["name"], "chartroom-controller");
                assert!(event["regarding"]["uid"].is_string(), "{event:#}");
            }
            let notes = events.iter().filter_map(|event| event["note"].as_str());
            let notes: Vec<String> = notes.map(str::to_owned).collect();
            (notes.len() == wanted).then_some(notes)
        });
        found.unwrap_or_else(|| panic!("no {wanted} events about the Lease"))
    }

    #[track_caller]
    fn start() -> Pair {
        let plane = ControlPlane::shared();
        let components = Components::of(plane);
        let options = Controller::options(plane, components.namespace());
        let options = options
            .leader_elect()
            .arg("--shared-storage")
            .arg("--leader-elect-lease-duration=3s")
            .arg("--leader-elect-renew-deadline=2s")
            .arg("--leader-elect-retry-period=300ms");
        let mut first = options.start();
        first.await_log("Controller: ready");
        let mut second = first.replica().start();
        second.await_log("Lease: another replica works");
        Pair {
            first,
            second,
            releases: Releases::of(plane, components.namespace()),
            kubelet: Kubelet::of(plane, components.namespace()),
            components,
        }
    }

    /// Waits until the first one's helm waits for a workload that does not get ready.
    #[track_caller]
    fn begin_an_install(&self) {
        // what comes after readiness makes Helm itself wait for it
        let chart = ChartBuilder::new("app", "1.0.0").deployment();
        let chart = chart.hook("post-upgrade", Hook::ConfigMap);
        self.first.upload(&chart);
        self.components.apply(&ComponentBuilder::new("app"));
        let begun = poll(DEADLINE, || {
            let newest = self.releases.newest("app")?;
            (newest.status == "pending-install").then_some(())
        });
        assert!(begun.is_some(), "helm begins nothing");
    }

    /// Waits until the second one works; what it installs gets ready.
    #[track_caller]
    fn second_takes_over(&mut self) {
        self.second.await_log("Controller: this replica works now");
        if self.releases.newest("app").is_some() {
            let again = poll(DEADLINE, || {
                (self.second.helm().calls().len() > 1).then_some(())
            });
            assert!(again.is_some(), "it does not take up the install");
            self.kubelet.ready("app");
        }
    }

    /// No helm began before the one before it had ended, on any release.
    #[track_caller]
    fn assert_never_both(&self) {
        let calls = self.first.helm().calls();
        assert_eq!(overlaps(&calls).len(), 0, "{calls:#?}");
        let (first, second) = (self.first.id(), self.second.id());
        let of = |parent: u32| calls.iter().filter(move |call| call.parent == parent);
        let last_end = of(first).filter_map(|call| call.ended).max();
        let first_start = of(second).map(|call| call.started).min();
        if let (Some(end), Some(start)) = (last_end, first_start) {
            assert!(end <= start, "both worked: {calls:#?}");
        }
    }
}
