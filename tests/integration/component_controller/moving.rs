//! Scenario 44: a spec that names another release, or another namespace for it; and two Components with one release.

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, ControlPlane, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;
use crate::support::helm_release::Releases;

/// Names another release in the spec.
fn rename(scene: &Scene, component: &str, release: &str) {
    let chart = json!({"chart": {"releaseName": release}});
    scene.components.change(component, &chart);
}

fn message(component: &Value) -> &str {
    component["status"]["message"].as_str().unwrap_or_default()
}

/// A chart whose one object has the same name in every release: the new one cannot come before the old one is gone.
fn unique(name: &str) -> ChartBuilder {
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: only-one\ndata:\n  of: {{ .Release.Name }}\n";
    ChartBuilder::new(name, "1.0.0").template("unique", object)
}

#[test]
fn scenario_44_a_renamed_release_takes_the_place_of_the_old_one() {
    let scene = Scene::new();
    scene.controller.upload(&unique("app"));
    scene.install(&ComponentBuilder::new("app").values(json!({"greeting": "kept"})));

    rename(&scene, "app", "other");
    let moved = scene.components.wait_for("app", "moved", |one| {
        component::is_ready(one) && one["status"]["releaseName"] == "other"
    });
    assert_eq!(moved["status"]["releaseVersion"], 1);
    assert_eq!(scene.releases.list(), ["other"], "the old one is gone");
    assert_eq!(scene.releases.values("other")["greeting"], "kept");
    assert_eq!(scene.config_map("app-app"), None);
    let only = scene.config_map("only-one").expect("the new release's");
    assert_eq!(only["data"]["of"], "other");
    let calls = scene.controller.helm().all_calls();
    let verbs: Vec<_> = (calls.iter())
        .map(|call| (call.verb.as_str(), call.release.as_str()))
        .collect();
    assert_eq!(
        verbs,
        [
            ("upgrade", "app"),
            // only tried: first whose the objects are, then without a look at that
            ("upgrade", "other"),
            ("upgrade", "other"),
            ("uninstall", "app"),
            ("upgrade", "other"),
        ]
    );
    let told = poll(DEADLINE, || {
        let events = scene.components.events("app").into_iter();
        events
            .map(|event| event.note)
            .find(|note| note.contains("is uninstalled") && note.contains("comes next"))
    });
    assert!(told.is_some(), "{:#?}", scene.components.events("app"));

    // and nothing of that again
    scene.request_pass("app", "once");
    assert_eq!(scene.helm_count(), 3);
    scene.components.delete("app");
    scene.components.await_gone("app");
    assert_eq!(scene.releases.list(), Vec::<String>::new());
    assert_eq!(scene.config_map("only-one"), None);
}

#[test]
fn scenario_44_another_namespace_is_another_release() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&ComponentBuilder::new("app"));
    let plane = ControlPlane::shared();
    let elsewhere = plane.namespace().namespace().to_owned();

    let chart = json!({"chart": {"namespace": elsewhere}});
    scene.components.change("app", &chart);
    scene.components.wait_for("app", "moved", |one| {
        component::is_ready(one) && one["status"]["releaseNamespace"] == elsewhere.as_str()
    });
    assert_eq!(scene.releases.list(), Vec::<String>::new());
    assert_eq!(Releases::of(plane, &elsewhere).list(), ["app"]);
    assert_eq!(scene.config_map("app-app"), None);
}

#[test]
fn scenario_44_the_old_release_stays_until_the_new_one_can_come() {
    let scene = Scene::new();
    scene.upload_charts(&["app", "taken"]);
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));
    let untouched = |why: &str| {
        assert_eq!(scene.releases.statuses("app"), ["deployed"], "{why}");
        assert!(scene.config_map("app-app").is_some(), "{why}");
        assert_eq!(scene.helm_count(), 1, "{why}");
    };

    // no such version
    let chart = json!({"version": "2.0.0", "chart": {"releaseName": "other"}});
    scene.components.change("app", &chart);
    scene.components.wait_for("app", "waiting", |one| {
        component::is(one, "ChartResolved", "False", "VersionNotFound")
    });
    untouched("the chart is not there");

    // a dependency that is not there
    let needs = json!({"version": "1.0.0", "dependsOn": [{"name": "nowhere"}]});
    scene.components.change("app", &needs);
    scene.components.await_phase("app", "Blocked");
    untouched("a dependency is not there");

    // a release that is somebody else's
    let foreign = ChartBuilder::new("foreign", "1.0.0");
    scene.releases.install("taken", &foreign, &[]).succeeded();
    let taken = json!({
        "dependsOn": null, "takeOwnership": "Never", "chart": {"releaseName": "taken"},
    });
    scene.components.change("app", &taken);
    scene
        .components
        .await_condition("app", "Stalled", "True", "OwnershipConflict");
    untouched("the new name is taken");

    // back again: as if nothing had been
    let back = json!({"takeOwnership": null, "chart": {"releaseName": null}});
    scene.components.change("app", &back);
    let ready = scene.components.ready("app");
    assert_eq!(ready["status"]["releaseVersion"], 1);
    untouched("nothing has changed in the end");
}

#[test]
fn scenario_44_the_old_release_stays_if_helm_would_refuse_the_new_one() {
    let scene = Scene::new();
    let schema = json!({"properties": {"greeting": {"type": "string"}}});
    let chart = ChartBuilder::new("app", "1.0.0").schema(&schema);
    scene.controller.upload(&chart);
    let fails = ChartBuilder::new("app", "2.0.0").failing_template("no luck with this one");
    scene.controller.upload(&fails);
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));

    // values that the chart does not take
    let wrong = json!({"values": {"greeting": 7}, "chart": {"releaseName": "other"}});
    scene.components.change("app", &wrong);
    let stalled = scene
        .components
        .await_condition("app", "Stalled", "True", "SchemaInvalid");
    assert!(
        stalled.message.contains("the one before it stays"),
        "{stalled:?}"
    );
    scene.request_pass("app", "again");
    let tries = scene.controller.helm().all_calls().into_iter();
    let tries = tries.filter(|call| call.release == "other").count();
    assert_eq!(tries, 1, "not again and again");

    // a chart that cannot be rendered
    let fails = json!({"version": "2.0.0", "values": {"greeting": "seven"}});
    scene.components.change("app", &fails);
    scene.components.wait_for("app", "told", |one| {
        message(one).contains("no luck with this one") && !component::is_ready(one)
    });
    assert_eq!(scene.releases.statuses("app"), ["deployed"]);
    assert_eq!(scene.releases.list(), ["app"]);

    // and with what is right it goes on at once
    scene.components.change("app", &json!({"version": "1.0.0"}));
    scene.components.wait_for("app", "moved", |one| {
        component::is_ready(one) && one["status"]["releaseName"] == "other"
    });
    assert_eq!(scene.releases.list(), ["other"]);
    assert_eq!(scene.releases.values("other")["greeting"], "seven");
}

#[test]
fn scenario_44_the_old_release_stays_if_somebody_has_an_object_of_the_new_one() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&ComponentBuilder::new("app"));
    let namespace = scene.components.namespace();
    let config_maps = format!("/api/v1/namespaces/{namespace}/configmaps");
    let by_hand = json!({"metadata": {"name": "other-app"}, "data": {"of": "a user"}});
    scene.components.api().create(&config_maps, &by_hand);

    rename(&scene, "app", "other");
    let stalled = scene
        .components
        .await_condition("app", "Stalled", "True", "OwnershipConflict");
    assert!(stalled.message.contains("other-app"), "{stalled:?}");
    assert_eq!(scene.releases.list(), ["app"]);
    assert_eq!(scene.releases.statuses("app"), ["deployed"]);
    assert_eq!(
        scene.config_map("other-app").expect("it")["data"]["of"],
        "a user"
    );
}

#[test]
fn scenario_44_a_release_does_not_move_onto_anothers() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&with_release("older", "first"));
    scene.install(&with_release("younger", "second"));

    rename(&scene, "older", "second");
    let stalled = scene
        .components
        .await_condition("older", "Stalled", "True", "ReleaseConflict");
    assert!(stalled.message.contains("younger"), "{stalled:?}");
    assert_eq!(scene.releases.statuses("first"), ["deployed"]);
    assert_eq!(scene.releases.statuses("second"), ["deployed"]);
    assert_eq!(scene.helm_count(), 2);

    // but two may change places
    rename(&scene, "younger", "first");
    for (name, release) in [("older", "second"), ("younger", "first")] {
        scene.components.wait_for(name, "in its new place", |one| {
            component::is_ready(one) && one["status"]["releaseName"] == release
        });
    }
    assert_eq!(scene.releases.list(), ["first", "second"]);
}

#[test]
fn scenario_44_what_a_cluster_stands_on_moves_only_if_it_may() {
    // a namespace of Kubernetes' own is everybody's
    let plane = ControlPlane::shared();
    let system = Releases::of(plane, "kube-system");
    let mut scene = Scene::new();
    let own = scene.components.namespace().to_owned();
    let (first, second) = (format!("{own}-first"), format!("{own}-second"));
    scene.upload_charts(&["app"]);
    let chart = json!({"chart": {"namespace": "kube-system", "releaseName": first}});
    scene.install(&ComponentBuilder::new("app").spec(chart));

    rename(&scene, "app", &second);
    let stalled = scene
        .components
        .await_condition("app", "Stalled", "True", "InvalidSpec");
    assert!(stalled.message.contains("allow-move"), "{stalled:?}");
    scene.request_pass("app", "still");
    assert_eq!(system.statuses(&first), ["deployed"]);
    assert_eq!(scene.helm_count(), 1);

    // not even a restart is a way round
    scene.controller.kill();
    scene.controller.restart();
    scene.request_pass("app", "after a restart");
    assert_eq!(system.statuses(&first), ["deployed"]);

    scene.components.annotate("app", "allow-move", "true");
    scene.components.wait_for("app", "moved", |one| {
        component::is_ready(one) && one["status"]["releaseName"] == second.as_str()
    });
    assert_eq!(system.statuses(&first), Vec::<String>::new());
    scene.components.delete("app");
    scene.components.await_gone("app");
    assert_eq!(system.statuses(&second), Vec::<String>::new());
}

#[test]
fn scenario_44_a_move_survives_the_death_of_the_controller_at_each_step() {
    let mut scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&ComponentBuilder::new("app"));
    let namespace = scene.components.namespace().to_owned();

    // before helm takes the old one down, after it, and before the new one comes
    let steps: [(&str, &str, bool); 3] = [
        ("app", "second", true),
        ("second", "third", false),
        ("fourth", "fourth", true),
    ];
    for (held, new, is_before) in steps {
        let helm = scene.controller.helm();
        let hold = if is_before {
            helm.hold_before(&namespace, held)
        } else {
            helm.hold_after(&namespace, held)
        };
        rename(&scene, "app", new);
        hold.await_held();
        scene.controller.kill();
        hold.release();
        scene.controller.restart();
        scene.components.wait_for("app", new, |one| {
            component::is_ready(one) && one["status"]["releaseName"] == new
        });
        assert_eq!(scene.releases.list(), [new]);
        assert_eq!(scene.releases.statuses(new), ["deployed"]);
    }
}

#[test]
fn scenario_44_what_is_deleted_or_disabled_in_the_middle_of_a_move_leaves_nothing() {
    let scene = Scene::new();
    let held = ChartBuilder::new("app", "1.0.0").held_object("example.com/hold");
    scene.controller.upload(&held);
    scene.upload_charts(&["quiet"]);
    let quick = json!({"uninstall": {"timeout": "2s"}});
    scene.install(&ComponentBuilder::new("app").spec(quick));
    scene.install(&ComponentBuilder::new("quiet").version("1.0.0"));

    // the old release cannot go yet, and then all of it is to go
    rename(&scene, "app", "other");
    scene.components.wait_for("app", "held", |one| {
        message(one).contains("app-held") && component::phase(one) == "Uninstalling"
    });
    scene.components.delete("app");
    scene.components.wait_for("app", "still held", |one| {
        one["metadata"]["deletionTimestamp"].is_string() && message(one).contains("app-held")
    });
    scene.free("app-held");
    scene.components.await_gone("app");

    // the new one never came, because its chart is not there
    let nowhere = json!({"version": "9.0.0", "chart": {"releaseName": "never"}});
    scene.components.change("quiet", &nowhere);
    scene.components.wait_for("quiet", "waiting", |one| {
        component::is(one, "ChartResolved", "False", "VersionNotFound")
    });
    scene.components.change("quiet", &json!({"enabled": false}));
    scene.components.await_phase("quiet", "Disabled");
    assert_eq!(scene.releases.list(), Vec::<String>::new());
    assert_eq!(scene.config_map("quiet-quiet"), None);
    assert_eq!(scene.helm_calls("never"), 0);
}

#[test]
fn scenario_44_a_release_can_be_handed_from_one_component_to_another() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&ComponentBuilder::new("first").spec(json!({
        "chart": {"name": "app", "releaseName": "shared"},
    })));

    // the younger one has to wait, and its going harms nobody
    let second = ComponentBuilder::new("second").spec(json!({
        "chart": {"name": "app", "releaseName": "shared"},
    }));
    scene.components.apply(&second);
    let conflict = ("second", "Stalled", "True", "ReleaseConflict");
    let await_conflict = || {
        let (name, kind, status, reason) = conflict;
        scene.components.await_condition(name, kind, status, reason)
    };
    await_conflict();
    scene.components.delete("second");
    scene.components.await_gone("second");
    assert_eq!(scene.releases.statuses("shared"), ["deployed"]);
    assert_eq!(scene.helm_count(), 1, "nobody touched the release");

    // the older one takes another name, and the younger one what it had
    scene.components.apply(&second);
    await_conflict();
    rename(&scene, "first", "own");
    scene.components.ready("second");
    scene.components.wait_for("first", "moved", |one| {
        component::is_ready(one) && one["status"]["releaseName"] == "own"
    });
    assert_eq!(scene.releases.list(), ["own", "shared"]);
    assert_eq!(
        scene
            .controller
            .helm()
            .calls_of("uninstall", "shared")
            .len(),
        0
    );
}

#[test]
fn a_suspended_component_keeps_the_release_that_it_has() {
    let mut scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&ComponentBuilder::new("app"));
    scene.components.change("app", &json!({"suspend": true}));
    scene.components.await_phase("app", "Suspended");

    rename(&scene, "app", "other");
    scene.await_look("app");
    assert_eq!(scene.components.get("app")["status"]["releaseName"], "app");
    assert_eq!(scene.helm_count(), 1);

    scene.components.change("app", &json!({"suspend": null}));
    scene.components.wait_for("app", "moved", |one| {
        component::is_ready(one) && one["status"]["releaseName"] == "other"
    });
    assert_eq!(scene.releases.list(), ["other"]);
}

#[test]
fn a_failed_uninstall_of_what_is_disabled_is_tried_again_on_schedule() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&ComponentBuilder::new("app"));
    let namespace = scene.components.namespace();
    let words = "Error: failed to delete release: app: no luck today";
    scene.controller.helm().fail(namespace, "app", 1, words);

    scene.components.change("app", &json!({"enabled": false}));
    scene
        .components
        .await_condition("app", "Released", "False", "UninstallFailed");
    // what wakes it meanwhile does not cut the pause short
    scene.components.annotate("app", "requestedAt", "now");
    scene.components.await_phase("app", "Disabled");
    scene.check_second_try("uninstall", "app");
}

/// A Component of the chart `app` with this release.
fn with_release(name: &str, release: &str) -> ComponentBuilder {
    ComponentBuilder::new(name).spec(json!({
        "chart": {"name": "app", "releaseName": release},
    }))
}

#[test]
fn who_names_anothers_release_by_mistake_does_not_take_it_along() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    let off = json!({"enabled": false, "chart": {"name": "app"}});
    scene
        .components
        .apply(&ComponentBuilder::new("older").spec(off));
    scene.components.await_phase("older", "Disabled");
    scene.install(&with_release("younger", "shared"));

    // disabled, and deleted: neither is the end of what the other has
    rename(&scene, "older", "shared");
    scene.request_pass("older", "renamed");
    scene.components.delete("older");
    scene.components.await_gone("older");
    scene.components.ready("younger");
    assert_eq!(scene.releases.statuses("shared"), ["deployed"]);
    assert!(scene.config_map("shared-app").is_some());
    assert_eq!(scene.helm_count(), 1);
    let notes: Vec<_> = (scene.components.events("older").into_iter())
        .map(|event| event.note)
        .collect();
    assert!(
        !notes.iter().any(|note| note.contains("uninstalled")),
        "{notes:?}"
    );
}

#[test]
fn what_is_disabled_in_a_conflict_gives_up_what_it_has() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&with_release("first", "shared"));
    scene.install(&with_release("second", "own"));
    rename(&scene, "second", "shared");
    scene
        .components
        .await_condition("second", "Stalled", "True", "ReleaseConflict");
    assert_eq!(
        scene.releases.list(),
        ["own", "shared"],
        "it keeps what it has"
    );

    scene
        .components
        .change("second", &json!({"enabled": false}));
    scene.components.await_phase("second", "Disabled");
    assert_eq!(scene.releases.list(), ["shared"]);
    assert_eq!(scene.releases.statuses("shared"), ["deployed"]);
}

#[test]
fn what_was_done_to_the_old_release_is_no_right_to_the_new_one() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&with_release("first", "shared"));
    let foreign = ChartBuilder::new("foreign", "1.0.0");
    scene.releases.install("taken", &foreign, &[]).succeeded();

    // the name of a release by hand, and switched off; somebody else takes what it had
    let chart = json!({"enabled": false, "chart": {"releaseName": "taken"}});
    let hold = (scene.controller.helm()).hold_before(scene.components.namespace(), "shared");
    scene.components.apply(&with_release("second", "shared"));
    scene.components.change("first", &chart);
    drop(hold);
    scene.components.await_phase("first", "Disabled");
    scene.components.ready("second");
    scene.components.delete("first");
    scene.components.await_gone("first");
    assert_eq!(scene.releases.list(), ["shared", "taken"]);
    assert!(scene.config_map("taken-foreign").is_some());
}

#[test]
fn the_name_of_what_others_installed_can_be_put_right() {
    let scene = Scene::new();
    let by_hand = ChartBuilder::new("app", "1.2.3");
    scene.releases.install("real", &by_hand, &[]).succeeded();
    let typo = with_release("app", "raal").annotation("pre-installed", "true");
    scene.components.apply(&typo);
    scene.components.await_phase("app", "Suspended");

    rename(&scene, "app", "real");
    let found = scene.components.wait_for("app", "found", |one| {
        one["status"]["resolvedVersion"] == "1.2.3"
    });
    assert_eq!(found["status"]["releaseName"], "real");
    assert_eq!(scene.releases.statuses("real"), ["deployed"]);
    assert_eq!(scene.helm_count(), 0);
}

#[test]
fn a_release_moves_to_a_name_with_an_uninstall_that_was_cut_short() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    let chart = ChartBuilder::new("app", "1.0.0");
    scene.releases.install("half", &chart, &[]).succeeded();
    scene.releases.leave_pending("half", "uninstalling", &[]);
    scene.install(&ComponentBuilder::new("app"));

    // Helm cannot try an install there
    rename(&scene, "app", "half");
    scene.components.wait_for("app", "moved", |one| {
        component::is_ready(one) && one["status"]["releaseName"] == "half"
    });
    assert_eq!(scene.releases.list(), ["half"]);
    assert_eq!(scene.releases.statuses("half"), ["deployed"]);
}

#[test]
fn a_repaired_chart_is_tried_at_once() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&ComponentBuilder::new("app"));
    let wrong = json!({"properties": {"greeting": {"type": "integer"}}});
    let wrong = ChartBuilder::new("app", "1.1.0").schema(&wrong);
    scene.controller.upload(&wrong);
    let chart = json!({"version": "1.1.0", "chart": {"releaseName": "other"}});
    scene.components.change("app", &chart);
    scene
        .components
        .await_condition("app", "Stalled", "True", "SchemaInvalid");
    assert_eq!(scene.components.phase("app"), "Degraded");
    let released = scene.components.condition("app", "Released");
    assert_eq!(released.expect("it is").status, "True", "the old one runs");

    let right = ChartBuilder::new("app", "1.1.0");
    scene.controller.upload_again(&right);
    scene.components.wait_for("app", "moved", |one| {
        component::is_ready(one) && one["status"]["releaseName"] == "other"
    });
    assert_eq!(scene.releases.list(), ["other"]);
}
