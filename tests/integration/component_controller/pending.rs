//! Scenarios 6 to 8: a release that is locked, and whether anybody can be working on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::chart_builder::Hook;
use crate::support::component;
use crate::support::control_plane::ControlPlane;
use crate::support::kubelet::Kubelet;

/// A chart whose readiness Helm itself waits for, because a hook must follow it.
fn waited_for(name: &str) -> ChartBuilder {
    ChartBuilder::new(name, "1.0.0")
        .deployment()
        .hook("post-upgrade", Hook::ConfigMap)
}

#[test]
fn scenario_06_an_interrupted_install_is_unlocked_and_finished() {
    let mut scene = Scene::new();
    scene.controller.upload(&waited_for("app"));
    scene.components.apply(&ComponentBuilder::new("app"));
    scene.await_status("app", "pending-install");
    scene.controller.cut_power();
    assert_eq!(scene.releases.statuses("app"), ["pending-install"]);

    let _ready = scene.kubelet().keep_ready();
    scene.controller.restart();
    let ready = scene.components.ready("app");
    assert_eq!(component::phase(&ready), "Deployed");
    // helm calls a failed first revision superseded once there is a deployed one
    assert_eq!(scene.releases.statuses("app"), ["superseded", "deployed"]);
    scene.assert_unlocked_once("app", 1);
    assert!(ready["status"]["retryCount"].is_null(), "it did not count");
}

#[test]
fn scenario_06_an_interrupted_upgrade_is_unlocked_and_finished() {
    let mut scene = Scene::new();
    scene.controller.upload(&waited_for("app"));
    let ready = scene.kubelet().keep_ready();
    scene.install(&ComponentBuilder::new("app"));
    drop(ready);
    let values = json!({"values": {"image": "registry.invalid/main:2"}});
    scene.components.change("app", &values);
    scene.await_status("app", "pending-upgrade");
    scene.controller.cut_power();
    assert_eq!(
        scene.releases.statuses("app"),
        ["deployed", "pending-upgrade"]
    );

    let _ready = scene.kubelet().keep_ready();
    scene.controller.restart();
    let ready = scene.components.ready("app");
    assert_eq!(component::phase(&ready), "Deployed");
    let statuses = scene.releases.statuses("app");
    assert_eq!(statuses, ["superseded", "failed", "deployed"]);
    scene.assert_unlocked_once("app", 2);
    assert!(ready["status"]["retryCount"].is_null(), "it did not count");
}

#[test]
fn scenario_06_an_interrupted_rollback_is_unlocked_and_finished() {
    let mut scene = Scene::new();
    let chart = |version: &str| ChartBuilder::new("app", version).deployment();
    scene.controller.upload(&chart("1.0.0"));
    // its hook runs at rollbacks to it only
    scene
        .controller
        .upload(&chart("1.1.0").hook("post-rollback", Hook::Job));
    scene
        .controller
        .upload(&chart("2.0.0").hook("post-upgrade", Hook::Job));
    let ready = scene.kubelet().keep_ready();
    scene.install(&ComponentBuilder::new("app").version("1.1.0"));
    drop(ready);
    scene.components.change("app", &json!({"version": "2.0.0"}));
    let kubelet = scene.kubelet();
    kubelet.ready("app");
    kubelet.finish_job("app-post-upgrade", false);
    scene.await_status("app", "pending-rollback");
    scene.controller.cut_power();

    let _ready = scene.kubelet().keep_ready();
    // what failed is given up: the release is to be what it was
    scene.components.change("app", &json!({"version": "1.1.0"}));
    scene.controller.restart();
    let ready = scene.components.ready("app");
    assert_eq!(component::phase(&ready), "Deployed");
    let statuses = scene.releases.statuses("app");
    assert_eq!(statuses.last().map(String::as_str), Some("deployed"));
    assert_eq!(statuses[2], "failed", "{statuses:?}");
    assert_eq!(statuses.len(), 4, "{statuses:?}");
    scene.assert_unlocked_once("app", 3);
}

#[test]
fn scenario_07_an_unlock_that_conflicts_is_tried_again_and_done_once() {
    let mut scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.controller.upload(&waited_for("slow"));
    scene.components.apply(&ComponentBuilder::new("slow"));
    scene.await_status("slow", "pending-install");
    scene.controller.cut_power();
    let _ready = scene.kubelet().keep_ready();

    // somebody keeps writing to the Secret, so that what is read is old when it is written back
    let stop = Arc::new(AtomicBool::new(false));
    let namespace = scene.components.namespace().to_owned();
    let path = format!("/api/v1/namespaces/{namespace}/secrets/sh.helm.release.v1.slow.v1");
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (api, path, stop) = (
                scene.components.api().clone(),
                path.clone(),
                Arc::clone(&stop),
            );
            thread::spawn(move || {
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    count += 1;
                    let patch =
                        json!({"metadata": {"annotations": {format!("w{writer}"): count.to_string()}}});
                    api.merge(&path, &patch);
                }
            })
        })
        .collect();
    scene.controller.restart();
    let mut conflicts = 0.0;
    let seen = poll(DEADLINE, || {
        conflicts = scene.passes_with("conflict");
        (conflicts >= 1.0).then_some(())
    });
    assert!(seen.is_some(), "no write conflicted");
    stop.store(true, Ordering::Relaxed);
    writers
        .into_iter()
        .for_each(|writer| writer.join().expect("it only writes"));

    scene.components.ready("slow");
    assert_eq!(scene.releases.statuses("slow"), ["superseded", "deployed"]);
    scene.assert_unlocked_once("slow", 1);
    assert_eq!(scene.controller.helm().calls_of("upgrade", "slow").len(), 2);
}

#[test]
fn scenario_08_a_release_that_somebody_works_on_is_waited_for() {
    let mut scene = Scene::new();
    let chart = waited_for("app");
    scene.controller.upload(&chart);
    let mut helm = scene.releases.start_upgrade("app", &chart);
    scene.await_status("app", "pending-install");

    scene.components.apply(&ComponentBuilder::new("app"));
    let condition = scene
        .components
        .await_condition("app", "Released", "False", "PendingRelease");
    assert!(
        condition.message.contains("pending-install"),
        "{condition:?}"
    );
    let passes = scene.passes_with("success");
    let more = poll(DEADLINE, || {
        (scene.passes_with("success") >= passes + 2.0).then_some(())
    });
    assert!(more.is_some(), "it is looked at again");
    assert_eq!(scene.helm_count(), 0, "no helm of ours");
    assert_eq!(scene.releases.statuses("app"), ["pending-install"]);
    assert!(helm.try_wait().expect("our child").is_none(), "it works on");
    let waiting = scene.components.get("app");
    assert!(
        waiting["status"]["retryCount"].is_null(),
        "it counts nothing"
    );

    let _ready = scene.kubelet().keep_ready();
    assert!(helm.wait().expect("our child").success());
    scene.components.ready("app");
    assert_eq!(scene.releases.statuses("app"), ["superseded", "deployed"]);
    let events = scene.components.events("app");
    assert!(
        events.iter().all(|event| event.reason != "Unlocked"),
        "{events:#?}"
    );
}

impl Scene {
    /// Who says of workloads here that they are ready.
    #[track_caller]
    pub(super) fn kubelet(&self) -> Kubelet {
        Kubelet::of(ControlPlane::shared(), self.components.namespace())
    }

    /// Waits until the newest revision has this status.
    #[track_caller]
    pub(super) fn await_status(&self, release: &str, status: &str) {
        let found = poll(DEADLINE, || {
            let newest = self.releases.newest(release)?;
            (newest.status == status).then_some(())
        });
        let shown = || self.releases.statuses(release);
        assert!(
            found.is_some(),
            "{release} is never {status}: {:?}",
            shown()
        );
    }

    /// One event says that this revision was unlocked, and its record says that it was interrupted.
    #[track_caller]
    fn assert_unlocked_once(&self, release: &str, revision: i64) {
        self.components.await_event(release, "Unlocked");
        let mut events = self.components.events(release);
        events.retain(|event| event.reason == "Unlocked");
        assert_eq!(events.len(), 1, "{events:#?}");
        let revisions = self.releases.revisions(release);
        let unlocked = revisions.iter().find(|known| known.number == revision);
        let unlocked = unlocked.expect("it is kept");
        assert_eq!(unlocked.status, unlocked.label, "payload and label agree");
        assert!(
            unlocked.description.starts_with("interrupted: "),
            "{unlocked:?}"
        );
    }

    /// How many passes have ended so.
    #[track_caller]
    fn passes_with(&mut self, result: &str) -> f64 {
        let metrics = self.controller.get("metrics", "/metrics").expect(200);
        let metrics = metrics.text();
        let wanted = format!("result=\"{result}\"");
        let lines = metrics.lines();
        let of_passes = lines.filter(|line| {
            line.starts_with("controller_reconcile_total{") && line.contains(&wanted)
        });
        let numbers = of_passes.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
        numbers.sum()
    }
}
