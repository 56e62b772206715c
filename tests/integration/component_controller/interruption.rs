//! Scenarios 52, 53 and 58: waiting that ends in time, others who write too, and a spec that changes in between.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, Scene};
use crate::support::component;
use crate::support::control_plane::ControlPlane;
use crate::support::kubelet::Kubelet;

fn chart() -> ChartBuilder {
    ChartBuilder::new("app", "1.0.0")
        .without("templates/configmap.yaml")
        .deployment()
}

fn kubelet(scene: &Scene) -> Kubelet {
    Kubelet::of(ControlPlane::shared(), scene.components.namespace())
}

#[test]
fn scenario_52_a_timeout_is_kept_and_names_what_is_not_ready_and_why() {
    let scene = Scene::new();
    scene.controller.upload(&chart());
    let started = Instant::now();
    scene.components.apply(
        &ComponentBuilder::new("app")
            .version("1.0.0")
            .spec(json!({"timeout": "10s"})),
    );
    let kubelet = kubelet(&scene);
    kubelet.unready("app");
    let pod = kubelet.pod_waiting("app", "ImagePullBackOff", "Back-off pulling image");

    let failed = scene.components.await_phase("app", "Failed");
    // what is not waiting has a minute
    assert!(
        started.elapsed() < Duration::from_secs(70),
        "within the deadline"
    );
    assert!(
        component::is(&failed, "Released", "False", "Timeout"),
        "{failed:#}"
    );
    assert!(
        component::is(&failed, "Ready", "False", "Timeout"),
        "{failed:#}"
    );
    let message = component::condition(&failed, "Released")
        .expect("just seen")
        .message;
    for word in [
        "Deployment app",
        "ImagePullBackOff",
        "registry.invalid/main:1",
        &pod,
    ] {
        assert!(message.contains(word), "{word}: {message}");
    }
    scene.components.await_event("app", "Timeout");
    assert!(started.elapsed() >= Duration::from_secs(10));
    assert_eq!(scene.controller.helm().calls_of("upgrade", "app").len(), 1);
    assert_eq!(scene.releases.statuses("app"), ["failed"]);
    assert_eq!(failed["status"]["failures"]["install"], 1, "{failed:#}");
}

#[test]
fn scenario_53_who_else_writes_a_field_does_not_stop_an_upgrade() {
    let scene = Scene::new();
    scene.controller.upload(&chart());
    let _ready = kubelet(&scene).keep_ready();
    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app);

    let namespace = scene.components.namespace();
    let deployment = format!("/apis/apps/v1/namespaces/{namespace}/deployments/app");
    let api = scene.components.api();
    api.merge(
        &format!("{deployment}?fieldManager=kubectl-scale"),
        &json!({"spec": {"replicas": 3}}),
    );
    let owned_by_another = api.get(&deployment).expect("installed");
    let managers = owned_by_another["metadata"]["managedFields"].to_string();
    assert!(managers.contains("kubectl-scale"), "{managers}");

    scene.install(&app.values(json!({"replicas": 2})));
    let upgraded = scene.components.get("app");
    assert!(
        component::is(&upgraded, "Ready", "True", "UpgradeSucceeded"),
        "{upgraded:#}"
    );
    assert_eq!(scene.releases.statuses("app"), ["superseded", "deployed"]);
    assert_eq!(
        api.get(&deployment).expect("upgraded")["spec"]["replicas"],
        2
    );
}

#[test]
fn scenario_58_a_new_spec_ends_the_wait_for_the_old_one() {
    let scene = Scene::new();
    scene.controller.upload(&chart());
    let app = ComponentBuilder::new("app")
        .version("1.0.0")
        .spec(json!({"timeout": "5m"}));
    let kubelet = kubelet(&scene);
    let ready = kubelet.keep_ready();
    scene.install(&app);
    drop(ready);

    scene.components.apply(
        &app.clone()
            .values(json!({"image": "registry.invalid/bad:1"})),
    );
    // helm waits as soon as the Deployment has the new image
    let namespace = scene.components.namespace();
    let deployment = format!("/apis/apps/v1/namespaces/{namespace}/deployments/app");
    let applied = crate::support::api::poll(super::DEADLINE, || {
        let found = scene.components.api().get(&deployment)?;
        let image = &found["spec"]["template"]["spec"]["containers"][0]["image"];
        (image == "registry.invalid/bad:1").then_some(())
    });
    assert!(applied.is_some(), "there was no upgrade");
    kubelet.unready("app");

    let changed = Instant::now();
    scene
        .components
        .apply(&app.values(json!({"image": "registry.invalid/good:1"})));
    scene.components.await_event("app", "Interrupted");
    let _ready = kubelet.keep_ready();
    let ready = scene.components.ready("app");
    assert!(
        changed.elapsed() < Duration::from_secs(60),
        "it did not wait for the timeout"
    );
    assert!(
        component::is(&ready, "Ready", "True", "UpgradeSucceeded"),
        "{ready:#}"
    );
    let status = &ready["status"];
    assert!(
        status["failures"].is_null() && status["retryCount"].is_null(),
        "not counted: {status:#}"
    );
    let events = scene.components.events("app");
    assert!(
        events.iter().all(|event| event.reason != "UpgradeFailed"),
        "{events:#?}"
    );
    let given = scene.releases.values("app");
    assert_eq!(given["image"], "registry.invalid/good:1");
    let statuses = scene.releases.statuses("app");
    // marked as failed, and superseded by the next, as Helm has it where nothing was deployed in between
    assert_eq!(statuses, ["superseded", "superseded", "deployed"]);
    assert_eq!(scene.controller.helm().calls_of("rollback", "app").len(), 0);
}
