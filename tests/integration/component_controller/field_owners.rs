//! Releases of other Helms, taken over: whoever wrote a field before, helm or kubectl, no upgrade, rollback or uninstall
//! needs a hand.

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;
use crate::support::control_plane::ControlPlane;
use crate::support::helm::HELM_3;
use crate::support::helm_release::Releases;
use crate::support::kubelet::Kubelet;

/// The ConfigMap of every chart, and a Deployment with lists that are merged by keys.
fn chart(version: &str) -> ChartBuilder {
    ChartBuilder::new("app", version).deployment()
}

#[test]
fn what_helm_3_installed_client_side_is_the_components_from_then_on() {
    taken_over(HELM_3, "Update");
}

#[test]
fn what_helm_4_1_installed_server_side_is_the_components_from_then_on() {
    taken_over("4.1.4", "Apply");
}

/// Installed by this helm, whose writes are of this kind; then adopted, upgraded, broken and rolled back, and deleted by
/// the controller, with kubectl's hands on its objects in between.
fn taken_over(helm: &'static str, operation: &str) {
    let plane = ControlPlane::shared();
    let scene = Scene::new();
    let _ready = Kubelet::of(plane, scene.components.namespace()).keep_ready();
    scene.controller.upload(&chart("1.0.0"));
    scene.controller.upload(&chart("2.0.0").rejected_object());
    let by_hand = Releases::with_helm(plane, scene.components.namespace(), helm);
    let values = ["--set=greeting=by hand", "--set=replicas=3"];
    by_hand.install("app", &chart("1.0.0"), &values).succeeded();
    assert_eq!(scene.greeting("app"), "by hand");
    assert_eq!(operations(&scene), [operation], "as {helm} writes");
    edited_by_kubectl(&scene, "first");

    // adopted, and upgraded in the same go
    let wanted = json!({"greeting": "adopted", "image": "registry.invalid/main:2"});
    let app = ComponentBuilder::new("app").version("1.0.0").values(wanted);
    scene.components.apply(&app);
    let ready = scene.components.ready("app");
    assert!(
        component::is(&ready, "Released", "True", "Adopted"),
        "{ready:#}"
    );
    assert_as_wanted(&scene, "adopted", "registry.invalid/main:2");
    // the chart's own number again: the three were of values that nobody gives any more
    assert_eq!(deployment(&scene)["spec"]["replicas"], 1);

    // changed values, over what others wrote meanwhile
    edited_by_kubectl(&scene, "second");
    let values = json!({"greeting": "changed", "image": "registry.invalid/main:3"});
    scene
        .components
        .change("app", &json!({"values": values.clone()}));
    scene.await_revision("app", 3);
    scene.components.ready("app");
    assert_as_wanted(&scene, "changed", "registry.invalid/main:3");

    // an upgrade that fails, and the way back
    edited_by_kubectl(&scene, "third");
    scene.components.change("app", &json!({"version": "2.0.0"}));
    scene.components.wait_for("app", "rolled back", |one| {
        component::is(one, "Remediated", "True", "RollbackSucceeded")
    });
    assert_as_wanted(&scene, "changed", "registry.invalid/main:3");
    assert_eq!(
        scene.verbs("app"),
        ["upgrade", "upgrade", "upgrade", "rollback"],
        "each once: nothing was refused for who owns a field"
    );

    scene.components.delete("app");
    scene.components.await_gone("app");
    let gone = poll(DEADLINE, || {
        scene.config_map("app-app").is_none().then_some(())
    });
    assert!(gone.is_some(), "{:?}", scene.config_map("app-app"));
    assert!(find_deployment(&scene).is_none());
    assert_eq!(by_hand.list(), Vec::<String>::new());
}

/// What people do: `kubectl edit` writes a field of the chart's, `kubectl apply` in both its ways adds one and takes one.
#[track_caller]
fn edited_by_kubectl(scene: &Scene, mark: &str) {
    let kubectl = scene.components.kubectl();
    let edit = json!({"data": {"greeting": format!("edited {mark}")}}).to_string();
    let patch = [
        "patch",
        "configmap/app-app",
        "--type=merge",
        "--patch",
        &edit,
    ];
    kubectl.ok(&[&patch[..], &["--field-manager=kubectl-edit"]].concat());
    let image = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "app", "annotations": {"example.com/mark": mark}},
        "spec": {"template": {"spec": {"containers": [
            {"name": "main", "image": format!("registry.invalid/kubectl:{mark}")},
        ]}}},
    });
    let apply = [
        "apply",
        "--server-side",
        "--force-conflicts",
        "--filename=-",
    ];
    kubectl.run(&apply, &image.to_string()).succeeded();
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app-app"},
        "data": {"greeting": format!("applied {mark}"), "more": mark},
    });
    kubectl.apply(&map.to_string()).succeeded();
    assert_eq!(scene.greeting("app"), format!("applied {mark}"));
}

#[track_caller]
fn assert_as_wanted(scene: &Scene, greeting: &str, image: &str) {
    assert_eq!(scene.greeting("app"), greeting);
    let container = &deployment(scene)["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], image);
    let map = scene.config_map("app-app").expect("an object");
    assert!(
        map["data"]["more"].is_string(),
        "what others add stays: {map:#}"
    );
}

fn find_deployment(scene: &Scene) -> Option<Value> {
    let namespace = scene.components.namespace();
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/app");
    scene.components.api().get(&path)
}

#[track_caller]
fn deployment(scene: &Scene) -> Value {
    find_deployment(scene).expect("a Deployment")
}

/// How the ConfigMap was written, by each of those who did.
#[track_caller]
fn operations(scene: &Scene) -> Vec<Value> {
    let object = scene.config_map("app-app").expect("an object");
    let fields = object["metadata"]["managedFields"].as_array();
    let entries = fields.expect("a list").iter();
    entries.map(|entry| entry["operation"].clone()).collect()
}
