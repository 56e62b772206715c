//! Scenarios 14 to 16, 21 to 23, 25 and 52: what follows a failure, and what is said of it.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, Scene};
use crate::support::chart_builder::Hook;
use crate::support::component;
use crate::support::control_plane::ControlPlane;
use crate::support::kubelet::Kubelet;

#[test]
fn scenario_14_a_failed_install_is_kept_and_tried_again_on_schedule() {
    let scene = Scene::new();
    let broken = ChartBuilder::new("app", "1.0.0").rejected_object();
    scene.controller.upload(&broken);
    let keep = json!({"install": {"onFailure": "Keep"}});
    scene
        .components
        .apply(&ComponentBuilder::new("app").spec(keep));

    let failed = scene.components.await_phase("app", "Failed");
    let released = component::condition(&failed, "Released").expect("a condition");
    assert!(released.is("False", "InstallFailed"), "{released:?}");
    assert!(released.message.contains("spec.ports"), "{released:?}");
    assert!(
        component::is(&failed, "Ready", "False", "InstallFailed"),
        "{failed:#}"
    );
    let status = &failed["status"];
    assert!(
        status["message"]
            .as_str()
            .is_some_and(|message| message.contains("spec.ports")),
        "{status:#}"
    );
    assert_eq!(status["failures"]["install"], 1);
    assert_eq!(scene.releases.statuses("app"), ["failed"], "it stays");
    let waits = seconds(&status["nextRetryTime"]) - seconds(&status["lastFailureTime"]);
    assert!((9..=11).contains(&waits), "ten seconds, and not {waits}");

    let again = scene
        .components
        .wait_for("app", "tried a second time", |one| {
            one["status"]["failures"]["install"] == 2
        });
    let calls = scene.controller.helm().calls();
    let verbs: Vec<&str> = calls.iter().map(|call| &call.verb[..]).collect();
    assert_eq!(verbs, ["upgrade", "upgrade"], "nothing is uninstalled");
    let pause = calls[1].started - calls[0].ended.expect("it ended");
    assert!(pause >= 8_000_000_000, "{pause} ns are no ten seconds");
    assert_eq!(scene.releases.statuses("app"), ["failed", "failed"]);
    let released = component::condition(&again, "Released").expect("a condition");
    assert!(released.message.contains("spec.ports"), "{released:?}");
    let status = &again["status"];
    let waits = seconds(&status["nextRetryTime"]) - seconds(&status["lastFailureTime"]);
    assert!((27..=33).contains(&waits), "half a minute, and not {waits}");
}

#[test]
fn scenario_15_after_a_failed_install_with_hooks_everything_starts_anew() {
    let scene = Scene::new();
    let chart = ChartBuilder::new("app", "1.0.0")
        .hook("pre-install", Hook::ConfigMap)
        .deployment();
    scene.controller.upload(&chart);
    let app = ComponentBuilder::new("app").spec(json!({"timeout": "2s"}));
    scene.components.apply(&app);
    scene.components.await_phase("app", "Failed");
    let hook = || {
        let hook = scene
            .config_map("app-pre-install")
            .expect("what the hook makes");
        hook["metadata"]["uid"].clone()
    };
    let first = hook();

    let kubelet = Kubelet::of(ControlPlane::shared(), scene.components.namespace());
    let _ready = kubelet.keep_ready();
    scene.components.annotate("app", "resetAt", "now");
    let ready = scene.components.ready("app");
    assert!(
        component::is(&ready, "Ready", "True", "InstallSucceeded"),
        "{ready:#}"
    );
    assert_ne!(hook(), first, "the hook ran in the second attempt");
    assert_eq!(
        scene.verbs("app"),
        ["upgrade", "uninstall", "upgrade"],
        "removed, and installed"
    );
    assert_eq!(scene.releases.statuses("app"), ["deployed"]);
    assert_eq!(scene.releases.newest("app").expect("one").number, 1);
    let told = scene.components.events("app");
    assert!(
        told.iter().all(|event| event.reason != "Unmanaged"),
        "nobody else removed it: {told:#?}"
    );
}

#[test]
fn scenario_16_a_failed_upgrade_is_rolled_back() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    let broken = ChartBuilder::new("app", "2.0.0").rejected_object();
    scene.controller.upload(&broken);
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));

    scene.components.change("app", &json!({"version": "2.0.0"}));
    let back = scene.components.wait_for("app", "rolled back", |one| {
        component::is(one, "Released", "True", "RollbackSucceeded")
    });
    let ready = component::condition(&back, "Ready").expect("a condition");
    assert!(ready.is("False", "UpgradeFailed"), "{ready:?}");
    assert!(ready.message.contains("spec.ports"), "{ready:?}");
    let released = component::condition(&back, "Released").expect("a condition");
    assert!(released.message.contains("spec.ports"), "{released:?}");
    assert!(
        component::is(&back, "Remediated", "True", "RollbackSucceeded"),
        "{back:#}"
    );
    assert_eq!(component::phase(&back), "Degraded");
    assert_eq!(
        scene.releases.statuses("app"),
        ["superseded", "failed", "deployed"]
    );
    let object = scene.config_map("app-app").expect("an object");
    assert_eq!(object["data"]["version"], "1.0.0", "what was there before");
    assert_eq!(scene.verbs("app"), ["upgrade", "upgrade", "rollback"]);
    scene.components.await_event("app", "UpgradeFailed");
    scene.components.await_event("app", "RollbackSucceeded");
}

#[test]
fn scenario_21_without_a_revision_to_go_back_to_nothing_is_destroyed() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    let broken = ChartBuilder::new("app", "2.0.0").rejected_object();
    scene.controller.upload(&broken);
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));

    let helm = scene.controller.helm();
    let hold = helm.hold_after(scene.components.namespace(), "app");
    scene.components.change("app", &json!({"version": "2.0.0"}));
    hold.await_held();
    scene.releases.forget("app", 1);
    hold.release();
    let condition =
        scene
            .components
            .await_condition("app", "Remediated", "False", "MissingRollbackTarget");
    assert!(condition.message.contains("spec.ports"), "{condition:?}");
    assert_eq!(scene.verbs("app"), ["upgrade", "upgrade"]);
    assert_eq!(scene.releases.statuses("app"), ["failed"]);
    assert!(scene.config_map("app-app").is_some(), "what was there");
}

#[test]
fn scenario_22_what_helm_cannot_roll_back_is_upgraded_to_what_was_good() {
    let scene = Scene::new();
    let kept = |version| ChartBuilder::new("app", version).template("kept", KEPT);
    scene.controller.upload(&kept("1.0.0"));
    scene.controller.upload(&kept("2.0.0").rejected_object());
    let (back, cause) = is_upgraded_back(&scene, "ImmutableField");
    assert!(cause.contains("field is immutable"), "{cause}");
    assert!(scene.config_map("app-kept").is_some());

    assert!(
        component::is(&back, "Ready", "False", "UpgradeFailed"),
        "what is wanted does not run: {back:#}"
    );
    let ready = component::condition(&back, "Ready").expect("a condition");
    assert!(ready.message.contains("spec.ports"), "{ready:?}");
    assert!(
        component::is(&back, "Remediated", "True", "RollbackSucceeded"),
        "{back:#}"
    );
    scene.request_pass("app", "again");
    let phase = scene.components.phase("app");
    assert_eq!(phase, "Degraded", "it is not taken for what is wanted");
}

/// With an object that 2.0.0 has not. Helm 4.1 refuses to go back to it while it is still there, as it is after a failed
/// upgrade; Helm 4.3 does not.
fn with_more() -> ChartBuilder {
    ChartBuilder::new("app", "1.0.0").template(
        "more",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-more\n",
    )
}

#[test]
fn scenario_22_what_an_older_helm_cannot_roll_back_is_too() {
    let scene = Scene::with(|options| options.helm("4.1.4"));
    scene.controller.upload(&with_more());
    let broken = ChartBuilder::new("app", "2.0.0").rejected_object();
    scene.controller.upload(&broken);
    let (_, cause) = is_upgraded_back(&scene, "RollbackFailed");
    let words = r#"original object ConfigMap with the name "app-more" not found"#;
    assert!(cause.contains(words), "{cause}");
    assert!(scene.config_map("app-more").is_some());
}

/// An object that is changed when the release is upgraded, and cannot be changed again: an upgrade leaves it as it is, a
/// rollback to what was rendered for the install is refused.
const KEPT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-kept\n\
    immutable: {{ .Release.IsUpgrade }}\ndata:\n  at: {{ ternary \"install\" \"upgrade\" .Release.IsInstall }}\n";

/// Installs version 1.0.0 and wants 2.0.0, whose upgrade fails and whose rollback fails, and sees 1.0.0 come back by an
/// upgrade. Returns the Component then, and why the rollback failed, which is an event with this reason.
#[track_caller]
fn is_upgraded_back(scene: &Scene, reason: &str) -> (Value, String) {
    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app.values(json!({"greeting": "good"})));

    let bad = json!({"version": "2.0.0", "values": {"greeting": "bad"}});
    scene.components.change("app", &bad);
    let back = scene
        .components
        .wait_for("app", "back at what was good", |one| {
            component::is(one, "Released", "True", "RollbackSucceeded")
        });
    let calls = scene.controller.helm().calls_of("rollback", "app");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].code, Some(1), "helm could not");
    let failed = scene.components.await_event("app", reason);
    assert_eq!(
        scene.verbs("app"),
        ["upgrade", "upgrade", "rollback", "upgrade"]
    );
    let newest = scene.releases.newest("app").expect("a revision");
    assert_eq!((newest.number, &newest.status[..]), (4, "deployed"));
    let payload = scene.releases.payload("app", 4);
    assert_eq!(payload["chart"]["metadata"]["version"], "1.0.0");
    assert_eq!(scene.greeting("app"), "good");
    (back, failed.note)
}

#[test]
fn without_the_package_of_the_way_back_the_attempts_go_on() {
    let mut scene = Scene::with(|options| options.helm("4.1.4"));
    scene.controller.upload(&with_more());
    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app.spec(json!({"upgrade": {"retries": 1}})));
    let broken = ChartBuilder::new("app", "2.0.0").rejected_object();
    scene.controller.upload(&broken);

    // what was installed is in the cache of an earlier life only
    scene.controller.terminate();
    scene.components.change("app", &json!({"version": "2.0.0"}));
    let cache = tempfile::tempdir().expect("a directory");
    scene.controller.start_again_with(|options| {
        let mut argument = std::ffi::OsString::from("--chart-cache-dir=");
        argument.push(cache.path());
        options.arg(argument)
    });
    let told = scene
        .components
        .wait_for("app", "told that there is no package", |one| {
            component::condition(one, "Remediated").is_some_and(|one| {
                one.is("False", "RollbackFailed") && one.message.contains("no longer in the cache")
            })
        });
    let ready = component::condition(&told, "Ready").expect("a condition");
    assert!(ready.message.contains("spec.ports"), "{ready:?}");

    // ten seconds later, and not half an hour
    scene.components.wait_for("app", "tried again", |one| {
        one["status"]["failures"]["upgrade"] == 2
    });
    let upgrades = scene.controller.helm().calls_of("upgrade", "app");
    assert_eq!(upgrades.len(), 3, "{upgrades:#?}");
    assert_eq!(scene.greeting("app"), "hello");
}

#[test]
fn what_cannot_be_reached_does_not_hide_why_an_attempt_failed() {
    let scene = Scene::new();
    let broken = ChartBuilder::new("app", "1.0.0").rejected_object();
    scene.controller.upload(&broken);
    scene.components.apply(&ComponentBuilder::new("app"));
    scene.components.await_phase("app", "Failed");
    let helm = scene.controller.helm();
    let words = "Error: Kubernetes cluster unreachable: connection refused";
    // the pauses between them grow
    helm.fail(scene.components.namespace(), "app", 5, words);
    let unreachable =
        scene
            .components
            .wait_for("app", "not reached by the second attempt", |one| {
                component::is(one, "Ready", "False", "ClusterUnreachable")
            });
    let released = component::condition(&unreachable, "Released").expect("a condition");
    assert!(released.message.contains("spec.ports"), "{released:?}");
    assert_eq!(unreachable["status"]["failures"]["install"], 1);
}

#[test]
fn the_pauses_after_what_cannot_be_reached_grow_whatever_wakes_the_component() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    let helm = scene.controller.helm();
    let words = "Error: Kubernetes cluster unreachable: connection refused";
    helm.fail(scene.components.namespace(), "app", 3, words);
    scene.components.apply(&ComponentBuilder::new("app"));
    let mut passes = 0;
    while helm.calls_of("upgrade", "app").len() < 4 {
        passes += 1;
        scene.request_pass("app", &passes.to_string());
    }
    scene.components.ready("app");
    assert!(passes > 10, "it was woken all the time: {passes}");

    let calls = helm.calls_of("upgrade", "app");
    let pauses: Vec<u64> = calls
        .windows(2)
        .map(|pair| pair[1].started.saturating_sub(pair[0].ended.expect("over")))
        .map(|nanoseconds| nanoseconds / 1_000_000)
        .collect();
    // 1, 2 and 4 s, give or take a tenth (docs/components.md 7.2)
    for (pause, least) in pauses.iter().zip([900, 1800, 3600]) {
        assert!(*pause >= least, "{pauses:?} ms");
    }
    assert_eq!(pauses.len(), 3, "{pauses:?} ms");
}

#[test]
fn scenario_23_a_record_that_nobody_can_read_is_left_until_force_is_asked_for() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&ComponentBuilder::new("app"));
    let uid = || scene.config_map("app-app").expect("an object")["metadata"]["uid"].clone();
    let before = uid();

    scene.releases.corrupt("app", 1);
    let condition = scene
        .components
        .await_condition("app", "Ready", "False", "StateError");
    assert!(condition.message.contains("forceAt"), "{condition:?}");
    scene.request_pass("app", "again");
    assert_eq!(scene.helm_count(), 1, "no destructive act");
    assert_eq!(scene.releases.revisions("app").len(), 1);
    assert_eq!(uid(), before);

    scene.components.annotate("app", "forceAt", "now");
    scene.components.ready("app");
    assert_eq!(scene.verbs("app"), ["upgrade", "upgrade"]);
    assert_eq!(
        scene.releases.newest("app").expect("one").status,
        "deployed"
    );
    assert_eq!(uid(), before, "the objects are the same");
    let namespace = scene.components.namespace();
    let aside =
        format!("/api/v1/namespaces/{namespace}/secrets/sh.helm.release.v1.app.v1.unreadable");
    assert!(
        scene.components.api().get(&aside).is_some(),
        "what could not be read is kept"
    );
}

#[test]
fn scenario_25_what_does_not_render_is_no_attempt() {
    let scene = Scene::new();
    scene.upload_charts(&["grown"]);
    for name in ["fresh", "grown"] {
        let broken = ChartBuilder::new(name, "2.0.0").failing_template("set the colour");
        scene.controller.upload(&broken);
    }
    scene.install(&ComponentBuilder::new("grown").version("1.0.0"));
    scene.components.apply(&ComponentBuilder::new("fresh"));
    scene
        .components
        .change("grown", &json!({"version": "2.0.0"}));

    for (name, revisions) in [("fresh", &[][..]), ("grown", &["deployed"])] {
        let stalled = scene.components.wait_for(name, "stalled", |one| {
            component::is_true(one, "Stalled") && component::is_settled(one)
        });
        let stalled = component::condition(&stalled, "Stalled").expect("it was just there");
        assert!(stalled.message.contains("set the colour"), "{stalled:?}");
        scene.request_pass(name, "again");
        let now = scene.components.get(name);
        assert!(component::is_true(&now, "Stalled"), "{now:#}");
        assert!(
            component::is(&now, "Ready", "False", "ValuesError"),
            "{now:#}"
        );
        let failures = &now["status"]["failures"];
        assert!(failures.is_null(), "{name}: {failures}");
        assert_eq!(scene.releases.statuses(name), revisions, "{name}");
        let calls = 1 + revisions.len();
        assert_eq!(scene.helm_calls(name), calls, "{name} is not tried again");
    }
    assert_eq!(scene.greeting("grown"), "hello");
}

#[test]
fn scenario_52_a_timeout_names_what_is_not_ready() {
    let scene = Scene::new();
    let chart = ChartBuilder::new("slow", "1.0.0").deployment();
    scene.controller.upload(&chart);
    let timeout = Duration::from_secs(6);
    let slow = ComponentBuilder::new("slow").spec(json!({"timeout": "6s"}));
    let started = std::time::Instant::now();
    scene.components.apply(&slow);
    let kubelet = Kubelet::of(ControlPlane::shared(), scene.components.namespace());
    kubelet.unready("slow");
    let pod = kubelet.pod_waiting("slow", "ImagePullBackOff", "no such image");

    let failed = scene.components.await_phase("slow", "Failed");
    let released = component::condition(&failed, "Released").expect("a condition");
    assert!(released.is("False", "Timeout"), "{released:?}");
    assert!(released.message.contains("Deployment"), "{released:?}");
    assert!(released.message.contains("slow"), "{released:?}");
    assert!(
        component::is(&failed, "Ready", "False", "Timeout"),
        "{failed:#}"
    );
    for words in [&pod[..], "ImagePullBackOff"] {
        assert!(released.message.contains(words), "{released:?}");
    }
    let calls = scene.controller.helm().calls_of("upgrade", "slow");
    assert_eq!(calls.len(), 1);
    let took = started.elapsed();
    assert!(took >= timeout && took < 4 * timeout, "{took:?}");
}

/// A time of the API, in seconds.
#[track_caller]
fn seconds(time: &Value) -> i64 {
    let text = time.as_str().unwrap_or_else(|| panic!("no time: {time}"));
    let time: Timestamp = text.parse().expect("a time");
    time.as_second()
}
