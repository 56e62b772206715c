//! What a manifest says by Helm's rules: an object rendered twice, one that is kept, one that removes itself.

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, Scene};
use crate::support::component;
use crate::support::control_plane::ControlPlane;
use crate::support::kubelet::Kubelet;

#[test]
fn of_an_object_rendered_twice_the_last_one_stays() {
    let scene = Scene::new();
    let map = |text: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: twice}}\ndata: {{a: {text}}}\n")
    };
    let chart = ChartBuilder::new("app", "1.0.0")
        .template("a-first", &map("one"))
        .template("b-second", &map("two"));
    scene.controller.upload(&chart);
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));
    // Helm installs both at the same time, so that the first look may find the other one
    scene.request_pass("app", "the first");
    let settled = scene.config_map("twice").expect("a ConfigMap");
    assert_eq!(settled["data"]["a"], "two");
    for at in ["the second", "the third", "the fourth"] {
        scene.request_pass("app", at);
        let ready = scene.components.ready("app");
        assert!(!component::is_true(&ready, "Drifted"), "{ready:#}");
        assert_eq!(scene.config_map("twice").expect("it"), settled, "{at}");
    }
}

#[test]
fn a_job_that_removed_itself_is_not_run_again() {
    let scene = Scene::new();
    let job = |name: &str, more: &str| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}}}\nspec:\n{more}  template: {{spec: {{restartPolicy: \
             Never, containers: [{{name: a, image: registry.invalid/a:1}}]}}}}\n"
        )
    };
    let chart = ChartBuilder::new("app", "1.0.0")
        .template("job", &job("migrate", "  ttlSecondsAfterFinished: 60\n"))
        .template("plain", &job("plain", ""));
    scene.controller.upload(&chart);
    let kubelet = Kubelet::of(ControlPlane::shared(), scene.components.namespace());
    let wait = json!({"install": {"wait": "hookOnly"}});
    scene
        .components
        .apply(&ComponentBuilder::new("app").version("1.0.0").spec(wait));
    kubelet.finish_job("migrate", true);
    kubelet.finish_job("plain", true);
    scene.components.ready("app");
    let kubectl = scene.components.kubectl();
    // as the clean-up after the end does
    kubectl.ok(&["delete", "job/migrate"]);
    scene.request_pass("app", "after the clean-up");
    let ready = scene.components.ready("app");
    assert!(!component::is_true(&ready, "Drifted"), "{ready:#}");
    kubectl.run(&["get", "job/migrate"], "").failed();

    // one that does not ask for its removal is missed
    kubectl.ok(&["delete", "job/plain"]);
    scene.request_pass("app", "after a deletion");
    kubectl.ok(&["get", "job/plain"]);
    kubectl.run(&["get", "job/migrate"], "").failed();
}

#[test]
fn a_kept_object_deleted_by_hand_is_put_back_and_a_changed_one_is_left() {
    let scene = Scene::new();
    let kept = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: kept, annotations: {helm.sh/resource-policy: keep}}
data: {a: chart}
";
    let chart = ChartBuilder::new("app", "1.0.0").template("kept", kept);
    scene.controller.upload(&chart);
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));
    let namespace = scene.components.namespace();
    let path = format!("/api/v1/namespaces/{namespace}/configmaps/kept");
    let api = scene.components.api();
    api.merge(&path, &json!({"data": {"a": "by hand"}}));
    scene.request_pass("app", "changed");
    let ready = scene.components.ready("app");
    assert!(!component::is_true(&ready, "Drifted"), "{ready:#}");
    let of = || scene.config_map("kept").map(|map| map["data"]["a"].clone());
    assert_eq!(of(), Some(json!("by hand")));

    api.delete(&path);
    scene.request_pass("app", "deleted");
    let back = scene.components.ready("app");
    assert!(
        component::is(&back, "Drifted", "False", "DriftCorrected"),
        "{back:#}"
    );
    assert_eq!(of(), Some(json!("chart")));

    // one that its chart exempts from drift detection is missed, with the way out
    let exempt = kept.replace(
        "helm.sh/resource-policy: keep",
        "ext.theriseunion.io/driftDetection: disabled",
    );
    let chart = ChartBuilder::new("app", "2.0.0").template("kept", &exempt);
    scene.controller.upload(&chart);
    scene.components.change("app", &json!({"version": "2.0.0"}));
    scene.await_revision("app", 2);
    scene.components.ready("app");
    api.delete(&path);
    scene.request_pass("app", "deleted again");
    let missed = scene
        .components
        .await_condition("app", "Healthy", "False", "Unhealthy");
    assert!(missed.message.contains("forceAt"), "{missed:?}");
    scene.components.annotate("app", "forceAt", "now");
    scene.components.ready("app");
    assert_eq!(of(), Some(json!("chart")));
}
