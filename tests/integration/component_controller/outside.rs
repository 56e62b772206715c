//! Scenarios 9 to 13 and 70: what other people do to a release, before the controller has it and afterwards.

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;
use crate::support::control_plane::ControlPlane;
use crate::support::helm_release::Releases;

#[test]
fn scenario_09_a_release_that_was_there_is_adopted_unless_that_is_forbidden() {
    let scene = Scene::new();
    let charts = ["taken", "kept"].map(|name| ChartBuilder::new(name, "1.0.0"));
    for (name, chart) in ["taken", "kept"].iter().zip(&charts) {
        scene.controller.upload(chart);
        let by_hand = scene
            .releases
            .install(name, chart, &["--set=greeting=by hand"]);
        by_hand.succeeded();
    }
    scene.components.apply_all(&[
        ComponentBuilder::new("taken"),
        ComponentBuilder::new("kept").spec(json!({"takeOwnership": "Never"})),
    ]);

    let taken = scene.components.ready("taken");
    assert!(
        component::is(&taken, "Released", "True", "Adopted"),
        "{taken:#}"
    );
    assert_eq!(scene.releases.statuses("taken"), ["superseded", "deployed"]);
    assert_eq!(scene.greeting("taken"), "hello");

    let condition =
        scene
            .components
            .await_condition("kept", "Stalled", "True", "OwnershipConflict");
    assert!(condition.message.contains("takeOwnership"), "{condition:?}");
    scene.request_pass("kept", "again");
    assert_eq!(scene.releases.statuses("kept"), ["deployed"]);
    assert_eq!(scene.greeting("kept"), "by hand");
    assert_eq!(scene.helm_calls("kept"), 0);
}

#[test]
fn scenario_10_an_upgrade_by_hand_is_upgraded_back() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&ComponentBuilder::new("app"));

    let chart = ChartBuilder::new("app", "1.0.0");
    let by_hand = scene
        .releases
        .upgrade("app", &chart, &["--set=greeting=by hand"]);
    by_hand.succeeded();
    scene.await_revision("app", 3);
    assert_eq!(scene.greeting("app"), "hello");
    assert_eq!(
        scene.releases.statuses("app"),
        ["superseded", "superseded", "deployed"]
    );
    assert_eq!(scene.helm_calls("app"), 2);
    let event = scene.components.await_event("app", "Unmanaged");
    assert!(event.note.contains("somebody else"), "{event:?}");
}

#[test]
fn scenario_11_a_rollback_by_hand_is_upgraded_back() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    let app = ComponentBuilder::new("app");
    scene.install(&app.clone().values(json!({"greeting": "first"})));
    scene.install(&app.values(json!({"greeting": "second"})));
    assert_eq!(scene.greeting("app"), "second");

    scene.releases.rollback("app", 1).succeeded();
    scene.await_revision("app", 4);
    assert_eq!(scene.greeting("app"), "second");
    assert_eq!(
        scene.releases.newest("app").expect("one").status,
        "deployed"
    );
    assert_eq!(scene.helm_calls("app"), 3);
    scene.components.await_event("app", "Unmanaged");
}

#[test]
fn scenario_12_a_release_whose_records_are_gone_is_installed_over_its_objects() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&ComponentBuilder::new("app"));
    let uid = || scene.config_map("app-app").expect("an object")["metadata"]["uid"].clone();
    let before = uid();

    scene.releases.forget_all("app");
    scene.await_helm_calls("app", 2);
    scene.await_revision("app", 1);
    assert_eq!(scene.releases.statuses("app"), ["deployed"]);
    assert_eq!(uid(), before, "adopted, and not made anew");
    assert_eq!(scene.helm_calls("app"), 2);
    let event = scene.components.await_event("app", "Unmanaged");
    assert!(event.note.contains("removed"), "{event:?}");
}

#[test]
fn scenario_13_what_is_left_of_a_history_is_worked_with() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    let broken = ChartBuilder::new("app", "2.0.0").rejected_object();
    scene.controller.upload(&broken);
    scene.controller.upload(&ChartBuilder::new("app", "3.0.0"));
    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app.clone().values(json!({"greeting": "first"})));
    scene.install(&app.values(json!({"greeting": "second"})));

    // the newest good revision goes while its successor fails: the one before it is what is gone back to
    let helm = scene.controller.helm();
    let hold = helm.hold_after(scene.components.namespace(), "app");
    scene.components.change("app", &json!({"version": "2.0.0"}));
    hold.await_held();
    scene.releases.forget("app", 2);
    hold.release();
    scene
        .components
        .await_condition("app", "Released", "True", "RollbackSucceeded");
    assert_eq!(scene.greeting("app"), "first");
    let newest = scene.releases.newest("app").expect("a revision");
    assert_eq!(
        (newest.number, &newest.description[..]),
        (4, "Rollback to 1")
    );

    scene.components.change("app", &json!({"version": "3.0.0"}));
    scene.await_revision("app", 5);
    assert_eq!(scene.greeting("app"), "second");

    // without its newest revision the release is at an older one
    let calls = scene.helm_calls("app");
    scene.releases.forget("app", 5);
    scene.await_helm_calls("app", calls + 1);
    scene.await_revision("app", 5);
    let newest = scene.releases.newest("app").expect("a revision");
    assert_eq!((newest.number, &newest.status[..]), (5, "deployed"));
}

#[test]
fn scenario_70_a_release_of_helm_3_is_converted_without_conflicts() {
    let scene = Scene::new();
    let chart = ChartBuilder::new("app", "1.0.0");
    scene.controller.upload(&chart);
    let helm_3 = Releases::with_helm(
        ControlPlane::shared(),
        scene.components.namespace(),
        "3.18.0",
    );
    let by_hand = ["--set=greeting=of helm 3"];
    helm_3.install("app", &chart, &by_hand).succeeded();
    let managers = || {
        let object = scene.config_map("app-app").expect("an object");
        let fields = object["metadata"]["managedFields"].clone();
        let entries = fields.as_array().expect("a list").clone().into_iter();
        let operations = entries.map(|entry| entry["operation"].clone());
        operations.collect::<Vec<_>>()
    };
    assert_eq!(managers(), ["Update"], "client-side");

    let app = ComponentBuilder::new("app").values(json!({"greeting": "of the Component"}));
    scene.components.apply(&app);
    let ready = scene.components.ready("app");
    assert!(
        component::is(&ready, "Released", "True", "Adopted"),
        "{ready:#}"
    );
    assert_eq!(scene.releases.statuses("app"), ["superseded", "deployed"]);
    assert_eq!(scene.greeting("app"), "of the Component");
    assert!(managers().contains(&json!("Apply")), "{:?}", managers());
    assert_eq!(scene.helm_calls("app"), 1);

    // and it is an ordinary release from there on
    scene
        .components
        .change("app", &json!({"values": {"greeting": "changed"}}));
    scene.await_revision("app", 3);
    assert_eq!(scene.greeting("app"), "changed");
    let list = poll(DEADLINE, || (helm_3.list() == ["app"]).then_some(()));
    assert!(list.is_some(), "helm 3 can still read it");
}
