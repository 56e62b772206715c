//! Scenarios 57, 62, 65 and 67: what cannot be installed is said before anything is done, and what is not to be touched
//! is not.

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, ControlPlane, Scene};
use crate::support::component;

#[test]
fn scenario_57_a_version_that_is_none_is_refused() {
    let scene = Scene::on(ControlPlane::shared_without_rules(), |it| it);
    scene.upload_charts(&["app"]);
    scene.install(&ComponentBuilder::new("runs").chart("app"));
    let helm_count = scene.helm_count();

    let garbled = ["one", "1.2.3.4", ">=", "^x.y", "1.0.0 latest", "v"];
    for (number, version) in garbled.iter().enumerate() {
        let component = ComponentBuilder::new(&format!("garbled-{number}"));
        scene
            .components
            .apply(&component.chart("app").version(version));
    }
    scene
        .components
        .change("runs", &json!({"version": "garbled"}));
    for (number, version) in garbled.iter().enumerate() {
        let name = format!("garbled-{number}");
        let stalled = scene
            .components
            .await_condition(&name, "Stalled", "True", "InvalidSpec");
        assert!(stalled.message.contains(version), "{version}: {stalled:?}");
        let settled = scene.components.settled(&name);
        assert_eq!(component::phase(&settled), "Stalled", "{version}");
        assert!(
            component::is(&settled, "Ready", "False", "InvalidSpec"),
            "{settled:#}"
        );
    }
    scene
        .components
        .await_condition("runs", "Stalled", "True", "InvalidSpec");
    assert_eq!(scene.releases.statuses("runs"), ["deployed"], "it runs on");
    assert_eq!(scene.helm_count(), helm_count);

    scene
        .components
        .change("garbled-0", &json!({"version": "1.0.0"}));
    scene
        .components
        .change("runs", &json!({"version": "1.0.0"}));
    scene.components.all_ready(&["garbled-0", "runs"]);
    assert_eq!(scene.helm_count(), helm_count + 1, "what ran is the same");
}

#[test]
fn scenario_62_a_chart_too_large_for_a_release_is_refused_before_anything_is_applied() {
    let scene = Scene::new();
    let large = ChartBuilder::new("large", "1.0.0").random_file(1_500_000);
    scene.controller.upload(&large);
    let target = format!("{}-large", scene.components.namespace());
    let component = ComponentBuilder::new("large").into_namespace(&target);
    scene.components.apply(&component);
    let stalled = scene
        .components
        .await_condition("large", "Stalled", "True", "ReleaseTooLarge");
    assert!(stalled.message.contains("large"), "{stalled:?}");
    let settled = scene.components.settled("large");
    assert!(
        component::is(&settled, "Released", "False", "ReleaseTooLarge"),
        "{settled:#}"
    );
    assert_eq!(scene.controller.helm().all_calls().len(), 0);
    let path = format!("/api/v1/namespaces/{target}");
    assert_eq!(scene.components.api().get(&path), None);

    // one that fits wakes it
    scene
        .controller
        .upload(&ChartBuilder::new("large", "1.0.1"));
    scene.components.ready("large");
    scene.components.api().delete(&path);
}

#[test]
fn scenario_65_a_release_name_has_53_characters_at_most() {
    let scene = Scene::on(ControlPlane::shared_without_rules(), |it| it);
    scene.upload_charts(&["app"]);
    let (fits, long) = ("f".repeat(53), "l".repeat(54));
    let component = |name: &str| ComponentBuilder::new(name).chart("app");
    scene.components.apply_all(&[
        component(&fits),
        component(&long),
        component("named").spec(json!({"chart": {"releaseName": long}})),
        // the Component's own name does not matter then
        component(&"n".repeat(60)).spec(json!({"chart": {"releaseName": "short"}})),
    ]);
    for name in [&long[..], "named"] {
        let stalled = scene
            .components
            .await_condition(name, "Stalled", "True", "InvalidSpec");
        for word in [&long[..], "53", "spec.chart.releaseName"] {
            assert!(stalled.message.contains(word), "{stalled:?}");
        }
    }
    scene.components.ready(&fits);
    scene.components.ready(&"n".repeat(60));
    let mut releases = scene.releases.list();
    releases.sort();
    assert_eq!(releases, [&fits[..], "short"]);
    assert_eq!(scene.helm_count(), 2);
}

#[test]
fn scenario_67_what_others_installed_and_what_is_skipped_is_never_touched_and_counts() {
    let mut scene = Scene::new();
    scene.upload_charts(&["skipped", "never", "on-platform", "on-skipped"]);
    scene
        .controller
        .upload(&ChartBuilder::new("skipped", "2.0.0"));
    let platform = ChartBuilder::new("platform", "3.1.0");
    scene
        .releases
        .install("platform", &platform, &[])
        .succeeded();
    scene.install(&ComponentBuilder::new("skipped").version("1.0.0"));
    scene
        .components
        .annotate("skipped", "skip-reconcile", "true");
    let change = json!({"version": "2.0.0", "values": {"greeting": "changed"}});
    scene.components.change("skipped", &change);

    let platform = ComponentBuilder::new("platform")
        .annotation("pre-installed", "true")
        .annotation("installation-method", "helm-direct");
    let needs = |name: &str, dependency: &str, range: &str| {
        let dependency = json!({"name": dependency, "version": range});
        ComponentBuilder::new(name).dependency(dependency)
    };
    scene.components.apply_all(&[
        platform,
        ComponentBuilder::new("never").annotation("skip-reconcile", "true"),
        needs("on-platform", "platform", "^3"),
        needs("on-skipped", "skipped", "1.x"),
    ]);
    scene.components.all_ready(&["on-platform", "on-skipped"]);
    let seen = scene.components.get("platform");
    assert!(
        component::is(&seen, "Ready", "True", "Preinstalled"),
        "{seen:#}"
    );
    assert_eq!(seen["status"]["resolvedVersion"], "3.1.0");
    scene.components.await_phase("never", "Suspended");

    for name in ["platform", "never", "skipped"] {
        scene.await_look(name);
    }
    let helm = scene.controller.helm();
    for name in ["platform", "never"] {
        assert_eq!(helm.calls_of("upgrade", name).len(), 0, "{name}");
        let metadata = &scene.components.get(name)["metadata"];
        assert!(metadata["finalizers"].is_null(), "{metadata}");
    }
    assert_eq!(helm.calls_of("upgrade", "skipped").len(), 1, "before");
    assert_eq!(scene.releases.statuses("platform"), ["deployed"]);
    assert_eq!(scene.releases.statuses("skipped"), ["deployed"]);
    assert_eq!(scene.releases.newest("never").map(|one| one.number), None);

    // their Components go, and nothing else
    scene.components.delete_all();
    for name in ["on-platform", "on-skipped", "platform", "skipped", "never"] {
        scene.components.await_gone(name);
    }
    assert_eq!(scene.releases.statuses("platform"), ["deployed"]);
    assert_eq!(scene.releases.statuses("skipped"), ["deployed"]);
    assert!(scene.config_map("skipped-skipped").is_some());
}
