//! While Helm waits, the Component says for what.

use serde_json::Value;

use super::{ChartBuilder, ComponentBuilder, Scene};
use crate::support::chart_builder::Hook;
use crate::support::component;
use crate::support::control_plane::ControlPlane;
use crate::support::kubelet::Kubelet;

fn kubelet(scene: &Scene) -> Kubelet {
    Kubelet::of(ControlPlane::shared(), scene.components.namespace())
}

fn message(component: &Value) -> &str {
    component["status"]["message"].as_str().unwrap_or_default()
}

/// Waits until the Component says all of this while helm works on it.
#[track_caller]
fn await_words(scene: &Scene, name: &str, phase: &str, words: &[&str]) -> Value {
    scene.components.wait_for(name, &words.join(", "), |one| {
        component::phase(one) == phase
            && one["status"]["operation"].is_object()
            && words.iter().all(|word| message(one).contains(word))
    })
}

#[test]
fn an_install_says_what_is_not_ready_while_it_waits() {
    let scene = Scene::new();
    let chart = ChartBuilder::new("app", "1.0.0").deployment();
    scene.controller.upload(&chart);
    scene.components.apply(&ComponentBuilder::new("app"));
    let kubelet = kubelet(&scene);
    kubelet.unready("app");
    let pod = kubelet.pod_waiting("app", "ImagePullBackOff", "Back-off pulling image");

    let words = [
        "installing app 1.0.0",
        "waits for Deployment app",
        "ImagePullBackOff",
        &pod,
    ];
    let waiting = await_words(&scene, "app", "Installing", &words);
    assert!(
        component::is(&waiting, "Ready", "Unknown", "Progressing"),
        "{waiting:#}"
    );
    let told = component::condition(&waiting, "Reconciling").expect("it is at work");
    assert!(told.message.contains("ImagePullBackOff"), "{told:?}");
    assert_eq!(scene.releases.statuses("app"), ["deployed"], "Helm is done");
    assert!(waiting["status"]["operation"]["readyBy"].is_string());
    assert_eq!(scene.running_helms(), 0, "nobody waits in a slot");

    // and as if nothing had been when the image is there
    kubelet.ready("app");
    let ready = scene.components.ready("app");
    assert!(!message(&ready).contains("waits for"), "{ready:#}");
    assert_eq!(
        component::condition(&ready, "Reconciling").map(|it| it.message),
        None
    );
    assert_eq!(scene.helm_count(), 1);
}

#[test]
fn a_hook_that_runs_is_what_is_waited_for() {
    let scene = Scene::new();
    let chart = ChartBuilder::new("app", "1.0.0")
        .deployment()
        .hook("pre-install", Hook::Job);
    scene.controller.upload(&chart);
    scene.components.apply(&ComponentBuilder::new("app"));

    let words = ["waits for hook Job app-"];
    let waiting = await_words(&scene, "app", "Installing", &words);
    assert!(
        !message(&waiting).contains("Deployment"),
        "it is not its turn: {waiting:#}"
    );
    let _ready = kubelet(&scene).keep_ready();
    scene.components.ready("app");
}

#[test]
fn an_uninstall_says_what_does_not_go_and_who_holds_it() {
    let scene = Scene::new();
    let chart = ChartBuilder::new("app", "1.0.0").held_object("example.com/hold");
    scene.controller.upload(&chart);
    scene.install(&ComponentBuilder::new("app"));

    scene.components.delete("app");
    let words = [
        "uninstalling release app",
        "app-held",
        "example.com/hold",
        "to go",
    ];
    await_words(&scene, "app", "Uninstalling", &words);
    scene.free("app-held");
    scene.components.await_gone("app");
    let calls = scene.controller.helm().calls_of("uninstall", "app");
    assert_eq!(calls.len(), 1, "{calls:#?}");
    assert_eq!(calls[0].code, Some(0), "Helm's own wait had its end");
}

#[test]
fn who_writes_the_object_while_helm_waits_stops_nothing() {
    let mut scene = Scene::new();
    let chart = ChartBuilder::new("app", "1.0.0").deployment();
    scene.controller.upload(&chart);
    scene.components.apply(&ComponentBuilder::new("app"));
    let kubelet = kubelet(&scene);
    kubelet.unready("app");
    await_words(&scene, "app", "Installing", &["waits for Deployment app"]);
    scene.components.annotate("app", "example", "of a user");
    // killed while the status tells of the wait: what was begun is still to be read there
    scene.controller.kill();
    scene.controller.restart();
    let _ready = kubelet.keep_ready();
    let ready = scene.components.ready("app");
    assert!(!message(&ready).contains("waits for"), "{ready:#}");
    assert_eq!(scene.releases.newest("app").expect("it").status, "deployed");
}
