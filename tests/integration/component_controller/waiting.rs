//! Readiness is awaited by the controller, and not by a helm that holds a slot (docs/components.md 4.6).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, Scene};
use crate::support::component;
use crate::support::helm_wrapper::most_at_once;

fn workload(name: &str) -> ChartBuilder {
    ChartBuilder::new(name, "1.0.0").deployment()
}

/// Waits until Helm is done with the Component, and what it applied is awaited.
#[track_caller]
fn await_waiting(scene: &Scene, name: &str) -> Value {
    scene.components.wait_for(name, "awaited", |one| {
        one["status"]["operation"]["readyBy"].is_string()
    })
}

#[test]
fn scenario_125_what_never_becomes_ready_is_in_nobodys_way() {
    let scene = Scene::new();
    scene.controller.upload(&workload("stuck"));
    scene.upload_charts(&["sound"]);
    let named = |kind: &'static str, count: usize| {
        (0..count).map(move |number| ComponentBuilder::new(&format!("{kind}-{number}")).chart(kind))
    };
    let stuck: Vec<_> = named("stuck", 3).collect();
    let sound: Vec<_> = named("sound", 20).collect();
    // older than the sound ones, so that their turn is first
    scene.components.apply_all(&stuck);
    for one in &stuck {
        await_waiting(&scene, one.name());
    }
    scene.components.apply_all(&sound);
    let names: Vec<&str> = sound.iter().map(ComponentBuilder::name).collect();
    scene.components.all_ready(&names);
    for one in &stuck {
        let waiting = scene.components.get(one.name());
        assert_eq!(component::phase(&waiting), "Installing", "{waiting:#}");
        assert!(
            component::is(&waiting, "Ready", "Unknown", "Progressing"),
            "{waiting:#}"
        );
    }
    let calls = scene.controller.helm().calls();
    assert_eq!(calls.len(), 23, "one helm for each: {calls:#?}");
    assert!(most_at_once(&calls) <= 3, "{calls:#?}");
}

#[test]
fn scenario_126_a_wait_outlives_the_controller_and_keeps_its_deadline() {
    let mut scene = Scene::new();
    scene.controller.upload(&workload("app"));
    scene.components.apply(&ComponentBuilder::new("app"));
    let before = await_waiting(&scene, "app")["status"]["operation"].clone();
    scene.controller.cut_power();
    scene.controller.restart();
    scene.components.annotate("app", "requestedAt", "now");
    let looked_at = scene.components.wait_for("app", "looked at again", |one| {
        one["status"]["lastHandledReconcileAt"] == "now"
    });
    assert_eq!(looked_at["status"]["operation"], before);
    scene.kubelet().ready("app");
    let ready = scene.components.ready("app");
    assert!(
        component::is(&ready, "Ready", "True", "InstallSucceeded"),
        "{ready:#}"
    );
    assert!(ready["status"]["operation"].is_null(), "{ready:#}");
    assert_eq!(scene.helm_count(), 1);
    assert_eq!(scene.releases.statuses("app"), ["deployed"]);
}

#[test]
fn scenario_127_deleting_disabling_and_suspending_end_a_wait_at_once() {
    let scene = Scene::new();
    let names = ["deleted", "disabled", "suspended"];
    for name in names {
        scene.controller.upload(&workload(name));
        scene.components.apply(&ComponentBuilder::new(name));
    }
    for name in names {
        await_waiting(&scene, name);
    }
    let changed = Instant::now();
    scene.components.delete("deleted");
    scene
        .components
        .change("disabled", &json!({"enabled": false}));
    scene
        .components
        .change("suspended", &json!({"suspend": true}));
    scene.components.await_gone("deleted");
    scene.components.await_phase("disabled", "Disabled");
    let suspended = scene.components.await_phase("suspended", "Suspended");
    assert!(
        changed.elapsed() < Duration::from_secs(60),
        "not the timeout"
    );
    assert!(suspended["status"]["retryCount"].is_null(), "{suspended:#}");
    assert_eq!(scene.releases.list(), ["suspended"]);

    // what was not looked at for a while has all its time again
    scene
        .components
        .change("suspended", &json!({"suspend": false}));
    await_waiting(&scene, "suspended");
    scene.kubelet().ready("suspended");
    let ready = scene.components.ready("suspended");
    assert_eq!(component::phase(&ready), "Deployed");
    assert_eq!(
        scene
            .controller
            .helm()
            .calls_of("upgrade", "suspended")
            .len(),
        1
    );
}

#[test]
fn scenario_128_an_upgrade_that_is_not_ready_in_time_is_rolled_back_and_what_it_created_goes() {
    let scene = Scene::new();
    let more = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-more'}\n";
    scene.controller.upload(&workload("app"));
    let second = ChartBuilder::new("app", "2.0.0").deployment();
    scene
        .controller
        .upload(&second.file("templates/more.yaml", more));
    let ready = scene.kubelet().keep_ready();
    let app = ComponentBuilder::new("app").version("1.0.0");
    let limits =
        json!({"upgrade": {"timeout": "4s", "onFailure": "Keep"}, "rollback": {"timeout": "4s"}});
    let kept = app.spec(limits);
    scene.install(&kept);
    drop(ready);
    let image = json!({"version": "2.0.0", "values": {"image": "registry.invalid/main:2"}});
    scene.components.change("app", &image);
    let failed = scene.components.await_phase("app", "Failed");
    let released = component::condition(&failed, "Released").expect("a condition");
    assert!(released.is("False", "Timeout"), "{released:?}");
    assert!(
        released
            .message
            .contains("The upgrade failed: not ready in time: Deployment app"),
        "{released:?}"
    );
    assert_eq!(scene.releases.newest("app").expect("it").status, "failed");
    assert!(scene.config_map("app-more").is_none(), "cleanupOnFail");

    scene
        .components
        .change("app", &json!({"upgrade": {"onFailure": "Rollback"}}));
    let back = scene
        .components
        .await_condition("app", "Remediated", "False", "RollbackFailed");
    // nobody makes what it went back to ready either
    assert!(back.message.contains("not ready in time"), "{back:?}");
    let _ready = scene.kubelet().keep_ready();
    let back = scene
        .components
        .await_condition("app", "Remediated", "True", "RollbackSucceeded");
    assert!(
        back.message.contains("is back at what revision 1 was"),
        "{back:?}"
    );
}

#[test]
fn scenario_129_jobs_are_awaited_where_that_is_asked_for() {
    let scene = Scene::new();
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: '{{ .Release.Name }}'}\nspec:\n  template:\n    \
               spec:\n      restartPolicy: Never\n      containers: [{name: main, image: registry.invalid/main:1}]\n";
    let chart = |name: &str| ChartBuilder::new(name, "1.0.0").file("templates/job.yaml", job);
    scene.controller.upload(&chart("started"));
    scene.controller.upload(&chart("completed"));
    scene.components.apply(&ComponentBuilder::new("started"));
    let awaited = json!({"install": {"waitForJobs": true}});
    scene
        .components
        .apply(&ComponentBuilder::new("completed").spec(awaited));
    let jobs = format!(
        "/apis/batch/v1/namespaces/{}/jobs",
        scene.components.namespace()
    );
    let started = json!({"status": {"startTime": "2024-01-01T00:00:00Z"}});
    for name in ["started", "completed"] {
        await_waiting(&scene, name);
        let status = format!("{jobs}/{name}/status");
        scene.components.api().merge(&status, &started);
    }
    scene.components.ready("started");
    let told = scene
        .components
        .wait_for("completed", "a word of it", |one| {
            let message = one["status"]["message"].as_str().unwrap_or_default();
            message.contains("waits for Job completed")
        });
    assert_eq!(component::phase(&told), "Installing");
    scene.kubelet().finish_job("completed", true);
    scene.components.ready("completed");
}
