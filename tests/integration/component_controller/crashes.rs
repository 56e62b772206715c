//! Scenarios 59, 61 and 63: the controller, the API server or helm dies in the middle.

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::chart_builder::Hook;
use crate::support::component::{self, Components};
use crate::support::control_plane::ControlPlane;
use crate::support::controller::Controller;
use crate::support::helm_release::Releases;
use crate::support::helm_wrapper::overlaps;
use crate::support::kubelet::Kubelet;

/// How the controller dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Death {
    /// It is killed: its helms are told to end and write down that they were.
    Kill,
    /// Everything dies at once.
    PowerCut,
}

/// Where helm is when the controller dies, and the name of a Component in that place.
const PLACES: [&str; 4] = ["before", "hook", "wait", "after"];

#[test]
fn scenario_59_killed_during_installs() {
    let scene = Scene::with_four_slots();
    let scene = install_and_die(scene, Death::Kill);
    assert_eq!(scene.releases.statuses("wait"), ["superseded", "deployed"]);
}

#[test]
fn scenario_59_power_cut_during_installs() {
    let scene = Scene::with_four_slots();
    let scene = install_and_die(scene, Death::PowerCut);
    assert_eq!(scene.releases.statuses("wait"), ["superseded", "deployed"]);
    scene.components.await_event("wait", "Unlocked");
}

#[test]
fn scenario_59_killed_during_upgrades() {
    let scene = Scene::with_four_slots();
    upgrade_and_die(scene, Death::Kill);
}

#[test]
fn scenario_59_power_cut_during_upgrades() {
    let scene = Scene::with_four_slots();
    let scene = upgrade_and_die(scene, Death::PowerCut);
    scene.components.await_event("hook", "Unlocked");
    scene.components.await_event("wait", "Unlocked");
}

/// First installs, one in each place.
#[track_caller]
fn install_and_die(mut scene: Scene, death: Death) -> Scene {
    scene.upload_for("pre-install");
    let components = PLACES.map(ComponentBuilder::new);
    scene.die_in_each_place(death, |scene| {
        scene.components.apply_all(&components);
    });
    assert_eq!(scene.releases.statuses("before"), ["deployed"]);
    assert_eq!(
        scene.releases.statuses("hook"),
        ["deployed"],
        "its hooks run at installs only, so it was installed anew"
    );
    let verbs: Vec<String> = scene.verbs_of("hook");
    assert_eq!(verbs, ["upgrade", "uninstall", "upgrade"]);
    assert_eq!(scene.releases.statuses("after"), ["deployed"]);
    scene
}

/// Upgrades, one in each place.
#[track_caller]
fn upgrade_and_die(mut scene: Scene, death: Death) -> Scene {
    scene.upload_for("pre-upgrade");
    let ready = scene.kubelet().keep_ready();
    scene
        .components
        .apply_all(&PLACES.map(ComponentBuilder::new));
    scene.components.all_ready(&PLACES);
    drop(ready);
    scene.die_in_each_place(death, |scene| {
        for place in PLACES {
            let values =
                json!({"values": {"greeting": "again", "image": "registry.invalid/main:2"}});
            scene.components.change(place, &values);
        }
    });
    assert_eq!(
        scene.releases.statuses("before"),
        ["superseded", "deployed"]
    );
    for cut_off in ["hook", "wait"] {
        let statuses = scene.releases.statuses(cut_off);
        assert_eq!(statuses, ["superseded", "failed", "deployed"], "{cut_off}");
    }
    assert_eq!(scene.releases.statuses("after"), ["superseded", "deployed"]);
    scene
}

#[test]
fn scenario_61_an_api_server_that_is_away_for_a_while_counts_nothing() {
    let plane = ControlPlane::start();
    let components = Components::of(&plane);
    let releases = Releases::of(&plane, components.namespace());
    let controller = Controller::start(&plane, components.namespace());
    let kubelet = Kubelet::of(&plane, components.namespace());
    controller.upload(&ChartBuilder::new("app", "1.0.0").deployment());
    controller.upload(&ChartBuilder::new("late", "1.0.0"));
    components.apply(&ComponentBuilder::new("app"));
    let begun = poll(DEADLINE, || releases.newest("app"));
    assert!(begun.is_some(), "helm began nothing");
    let hold = controller
        .helm()
        .hold_before(components.namespace(), "late");
    components.apply(&ComponentBuilder::new("late"));
    hold.await_held();

    plane.stop_api_server();
    // helm starts, and finds nobody
    hold.release();
    let in_vain = controller
        .helm()
        .await_call("helm that has failed", |call| {
            call.release == "late" && call.code == Some(1)
        });
    assert_eq!(in_vain.verb, "upgrade");
    plane.start_api_server_again();
    let _ready = kubelet.keep_ready();
    for name in ["app", "late"] {
        let ready = components.ready(name);
        assert!(ready["status"]["retryCount"].is_null(), "{name} counted");
        assert!(
            ready["status"]["lastFailureTime"].is_null(),
            "{name} failed"
        );
        let newest = releases.newest(name).expect("a release");
        assert_eq!(newest.status, "deployed");
        assert!(newest.number <= 2, "one extra revision at most: {name}");
    }
    assert_eq!(overlaps(&controller.helm().calls()).len(), 0);
}

#[test]
fn scenario_63_a_helm_that_is_killed_for_its_memory_is_a_failed_attempt() {
    let mut scene = Scene::new();
    let chart = ChartBuilder::new("app", "1.0.0").deployment();
    let chart = chart.hook("post-upgrade", Hook::ConfigMap);
    scene.controller.upload(&chart);
    scene.upload_charts(&["other"]);
    scene.components.apply(&ComponentBuilder::new("app"));
    scene.await_status("app", "pending-install");
    scene.controller.helm().kill_helm("app");

    let failed = scene.components.await_phase("app", "Failed");
    let released = component::condition(&failed, "Released").expect("a condition");
    assert!(released.is("False", "InstallFailed"), "{released:?}");
    assert!(released.message.contains("memory"), "{released:?}");
    assert_eq!(failed["status"]["retryCount"], 1, "it counts");
    // the controller lives, and the release is not locked for good
    scene.install(&ComponentBuilder::new("other"));
    scene.await_status("app", "failed");
    let metrics = scene.controller.get("metrics", "/metrics").expect(200);
    let metrics = metrics.text();
    let lines = metrics.lines();
    let mut peaks = lines.filter(|line| line.starts_with("component_helm_child_max_rss_bytes"));
    let seen = peaks.any(|line| {
        let number = line
            .rsplit(' ')
            .next()
            .and_then(|text| text.parse::<f64>().ok());
        number.is_some_and(|bytes| bytes > 0.0)
    });
    assert!(seen, "{metrics}");
    let _ready = scene.kubelet().keep_ready();
    // at once, and not when its turn comes
    scene.components.annotate("app", "resetAt", "now");
    scene.components.ready("app");
    assert_eq!(scene.releases.statuses("app"), ["superseded", "deployed"]);
}

impl Scene {
    /// As many slots as there are places to die in.
    #[track_caller]
    fn with_four_slots() -> Scene {
        let plane = ControlPlane::shared();
        let components = Components::of(plane);
        let options = Controller::options(plane, components.namespace());
        Scene {
            controller: options.arg("--concurrency=4").start(),
            releases: Releases::of(plane, components.namespace()),
            components,
        }
    }

    /// A chart for each place; the hook runs at this event.
    #[track_caller]
    fn upload_for(&self, event: &str) {
        self.upload_charts(&["before", "after"]);
        let hook = ChartBuilder::new("hook", "1.0.0").hook(event, Hook::Job);
        self.controller.upload(&hook);
        // what comes after readiness makes Helm itself wait for it
        let wait = ChartBuilder::new("wait", "1.0.0")
            .deployment()
            .hook("post-upgrade", Hook::ConfigMap);
        self.controller.upload(&wait);
    }

    /// Begins operations, lets the controller die when there is one in each place, and starts it again; then all get
    /// ready, with nothing counted and never two helms on one release.
    #[track_caller]
    fn die_in_each_place(&mut self, death: Death, begin: impl FnOnce(&Scene)) {
        let namespace = self.components.namespace().to_owned();
        let helm = self.controller.helm();
        let earlier = helm.calls().len();
        let before = helm.hold_before(&namespace, "before");
        let after = helm.hold_after(&namespace, "after");
        begin(self);
        before.await_held();
        after.await_held();
        for place in ["hook", "wait"] {
            let pending = poll(DEADLINE, || {
                let newest = self.releases.newest(place)?;
                newest.status.starts_with("pending").then_some(())
            });
            assert!(pending.is_some(), "helm does not come to the {place}");
        }
        self.await_hook();
        match death {
            Death::Kill => self.controller.kill(),
            Death::PowerCut => self.controller.cut_power(),
        }
        before.release();
        after.release();
        let _ready = self.kubelet().keep_ready();
        self.controller.restart();
        self.components.all_ready(&PLACES);

        let calls = self.controller.helm().calls();
        assert_eq!(overlaps(&calls).len(), 0, "{calls:#?}");
        let labels_of = |place: &str| {
            let calls = calls[earlier..].iter();
            let own = calls.filter(|call| call.release == place);
            own.map(|call| call.flag("--labels").map(str::to_owned))
                .collect::<Vec<_>>()
        };
        let again = labels_of("before");
        assert_eq!(again.len(), 2, "{calls:#?}");
        assert_eq!(
            again[0], again[1],
            "helm stored nothing: the same operation"
        );
        assert_eq!(labels_of("after").len(), 1, "it was done: {calls:#?}");
        for place in PLACES {
            let component = self.components.get(place);
            let status = &component["status"];
            assert_eq!(component::phase(&component), "Deployed");
            assert!(status["retryCount"].is_null(), "{place}: {status:#}");
            assert!(status["operation"].is_null(), "{place}: {status:#}");
        }
    }

    /// Waits until there is a Job of a hook.
    #[track_caller]
    fn await_hook(&self) {
        let path = format!(
            "/apis/batch/v1/namespaces/{}/jobs",
            self.components.namespace()
        );
        let found = poll(DEADLINE, || {
            (!self.components.api().list(&path).is_empty()).then_some(())
        });
        assert!(found.is_some(), "no hook runs");
    }

    /// What helm did to a release, in order.
    #[track_caller]
    fn verbs_of(&self, release: &str) -> Vec<String> {
        let calls = self.controller.helm().calls().into_iter();
        let own = calls.filter(|call| call.release == release);
        own.map(|call| call.verb).collect()
    }
}
