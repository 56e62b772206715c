//! Scenarios 45 to 51 and 64: suspended, disabled, deleted, and deleted with something in the way.

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, ControlPlane, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::chart_builder::Hook;
use crate::support::component;

#[test]
fn scenario_45_a_suspended_component_changes_when_it_is_resumed_and_once() {
    let mut scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.controller.upload(&ChartBuilder::new("app", "2.0.0"));
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));
    scene.components.change("app", &json!({"suspend": true}));
    let suspended = scene.components.await_phase("app", "Suspended");
    assert!(component::is_true(&suspended, "Ready"), "{suspended:#}");

    scene.components.change("app", &json!({"version": "2.0.0"}));
    let values = json!({"values": {"greeting": "later"}});
    scene.components.change("app", &values);
    scene.await_look("app");
    assert_eq!(scene.helm_count(), 1, "nothing was done");
    assert_eq!(scene.releases.statuses("app"), ["deployed"]);
    assert_eq!(scene.components.phase("app"), "Suspended");

    scene.components.change("app", &json!({"suspend": null}));
    let ready = scene.components.ready("app");
    assert_eq!(ready["status"]["resolvedVersion"], "2.0.0");
    assert_eq!(scene.releases.statuses("app"), ["superseded", "deployed"]);
    assert_eq!(scene.releases.values("app"), values["values"]);
    assert_eq!(scene.helm_count(), 2, "one upgrade");
}

#[test]
fn scenario_46_what_is_deleted_while_suspended_leaves_its_release() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&ComponentBuilder::new("app"));
    scene.components.change("app", &json!({"suspend": true}));
    scene.components.await_phase("app", "Suspended");

    scene.components.delete("app");
    scene.components.await_gone("app");
    assert_eq!(scene.releases.statuses("app"), ["deployed"]);
    assert!(scene.config_map("app-app").is_some());
    assert_eq!(scene.helm_count(), 1, "the install");
    let told = poll(DEADLINE, || {
        let events = scene.components.events("app");
        events
            .into_iter()
            .find(|event| event.note.contains("left as it is"))
    });
    assert!(told.is_some(), "{:#?}", scene.components.events("app"));
}

#[test]
fn scenario_47_what_has_no_release_any_more_can_be_deleted() {
    let mut scene = Scene::new();
    let names = ["forgotten", "kept", "uninstalled"];
    scene.upload_charts(&names);
    scene
        .components
        .apply_all(&names.map(ComponentBuilder::new));
    scene.components.all_ready(&names);
    // somebody else is faster than the controller
    scene.controller.terminate();
    scene.releases.forget_all("forgotten");
    let keep = scene.releases.uninstall("kept", &["--keep-history"]);
    keep.succeeded();
    scene.releases.uninstall("uninstalled", &[]).succeeded();
    scene.components.delete_all();
    assert_eq!(scene.components.list().len(), 3, "the finalizers hold them");

    scene.controller.restart();
    for name in names {
        scene.components.await_gone(name);
    }
    for name in ["kept", "uninstalled"] {
        assert_eq!(scene.config_map(&format!("{name}-{name}")), None, "{name}");
    }
    // and one that never had a release
    scene.components.apply(&ComponentBuilder::new("chartless"));
    scene.components.await_phase("chartless", "Blocked");
    scene.components.delete("chartless");
    scene.components.await_gone("chartless");
}

#[test]
fn scenario_48_a_failed_uninstall_is_told_and_tried_again() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&ComponentBuilder::new("app"));
    let namespace = scene.components.namespace();
    let words = "Error: failed to delete release: app: no luck today";
    scene.controller.helm().fail(namespace, "app", 1, words);

    scene.components.delete("app");
    let condition = scene
        .components
        .await_condition("app", "Released", "False", "UninstallFailed");
    assert!(condition.message.contains("no luck today"), "{condition:?}");
    let failed = scene.components.get("app");
    assert_eq!(component::phase(&failed), "Uninstalling");
    let finalizers = &failed["metadata"]["finalizers"];
    assert_eq!(finalizers, &json!(["ext.theriseunion.io/component"]));
    assert_eq!(scene.releases.statuses("app"), ["deployed"]);
    scene.components.await_event("app", "UninstallFailed");

    scene.components.await_gone("app");
    scene.await_release_gone("app");
    assert_eq!(scene.config_map("app-app"), None);
    scene.check_second_try("uninstall", "app");
}

#[test]
fn scenario_49_an_object_that_somebody_holds_is_named_until_it_goes() {
    let scene = Scene::new();
    let chart = ChartBuilder::new("app", "1.0.0").held_object("example.com/hold");
    scene.controller.upload(&chart);
    let quick = json!({"uninstall": {"timeout": "2s"}});
    scene.install(&ComponentBuilder::new("app").spec(quick));
    assert_eq!(scene.inventories(), 1);

    scene.components.delete("app");
    let waiting = scene.components.wait_for("app", "held", |one| {
        let message = one["status"]["message"].as_str().unwrap_or_default();
        component::phase(one) == "Uninstalling"
            && message.contains("app-held")
            && message.contains("example.com/hold")
    });
    assert!(
        component::is(&waiting, "Reconciling", "True", "WaitingForDeletion"),
        "{waiting:#}"
    );
    // helm has forgotten it by now, and that is no reason to let go
    assert!(scene.releases.newest("app").is_none());
    let calls = scene.controller.helm().calls_of("uninstall", "app");
    assert_eq!(calls.len(), 1, "{calls:#?}");
    assert_eq!(calls[0].code, Some(1), "it waited in vain");
    let held = scene.config_map("app-held").expect("it is held");
    let finalizers = &held["metadata"]["finalizers"];
    assert_eq!(finalizers, &json!(["example.com/hold"]), "and stays held");

    scene.free("app-held");
    scene.components.await_gone("app");
    let calls = scene.controller.helm().calls_of("uninstall", "app");
    assert_eq!(calls.len(), 1, "{calls:#?}");
    assert_eq!(scene.inventories(), 0, "no list is left");
}

#[test]
fn scenario_50_with_a_namespace_that_ends_nothing_is_left_in_the_cluster() {
    let scene = Scene::on(ControlPlane::shared_with_controller_manager(), |it| it);
    // objects that cannot be made in a namespace that ends
    let chart = |name: &str| {
        let chart = ChartBuilder::new(name, "1.0.0").cluster_object();
        chart.hook("pre-delete", Hook::ConfigMap)
    };
    let names = ["before", "after"];
    for name in names {
        scene.controller.upload(&chart(name));
    }
    let api = scene.components.api();
    let target = |name: &str| format!("{}-{name}", scene.components.namespace());
    let path = |name: &str| format!("/api/v1/namespaces/{}", target(name));
    let role = |name: &str| {
        let name = format!("{}-{name}", target(name));
        let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
        api.get(&format!("{roles}/{name}"))
    };
    for name in names {
        scene.install(&ComponentBuilder::new(name).into_namespace(&target(name)));
        assert!(role(name).is_some(), "{name}");
        // the namespace ends slowly
        let holder = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "holder", "finalizers": ["example.com/hold"]},
        });
        api.create(&format!("{}/configmaps", path(name)), &holder);
    }
    // one Component goes with its namespace, the other one when nothing is left in there
    scene.components.delete("before");
    api.delete(&path("before"));
    api.delete(&path("after"));
    let emptied = poll(DEADLINE, || {
        let secrets = api.list(&format!("{}/secrets", path("after")));
        secrets.is_empty().then_some(())
    });
    assert!(emptied.is_some(), "the namespace does not end");
    scene.components.delete("after");

    for name in names {
        scene.components.await_gone(name);
        assert_eq!(role(name), None, "{name}");
        let phase = &api.get(&path(name)).expect("it is held")["status"]["phase"];
        assert_eq!(phase, "Terminating", "{name}");
        let free = json!({"metadata": {"finalizers": null}});
        api.merge(&format!("{}/configmaps/holder", path(name)), &free);
    }
}

#[test]
fn scenario_51_a_namespace_with_its_components_goes() {
    let scene = Scene::on(ControlPlane::shared_with_controller_manager(), |it| it);
    let chart = ChartBuilder::new("base", "1.0.0").cluster_object();
    scene
        .controller
        .upload(&chart.hook("pre-delete", Hook::ConfigMap));
    scene.upload_charts(&["user"]);
    scene.components.apply_all(&[
        ComponentBuilder::new("base"),
        ComponentBuilder::new("user").depends_on(&["base"]),
        ComponentBuilder::new("chartless").depends_on(&["user"]),
    ]);
    scene.components.all_ready(&["base", "user"]);
    let api = scene.components.api();
    let namespace = scene.components.namespace();
    let path = format!("/api/v1/namespaces/{namespace}");
    let role = format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/{namespace}-base");
    assert!(api.get(&role).is_some());

    api.delete(&path);
    let gone = poll(DEADLINE, || api.get(&path).is_none().then_some(()));
    assert!(gone.is_some(), "{:#?}", scene.components.list());
    assert_eq!(api.get(&role), None, "nothing is left in the cluster");
}

#[test]
fn scenario_64_disabled_enabled_and_disabled_again_is_disabled() {
    let scene = Scene::new();
    scene.upload_charts(&["quick", "held"]);
    let names = ["quick", "held"];
    scene
        .components
        .apply_all(&names.map(ComponentBuilder::new));
    scene.components.all_ready(&names);
    let enable = |name: &str, enabled: bool| {
        scene.components.change(name, &json!({"enabled": enabled}));
    };
    // one in a moment, the other one while its release is being uninstalled
    enable("quick", false);
    let hold = scene
        .controller
        .helm()
        .hold_before(scene.components.namespace(), "held");
    enable("held", false);
    enable("quick", true);
    enable("quick", false);
    hold.await_held();
    enable("held", true);
    enable("held", false);
    hold.release();

    for name in names {
        let disabled = scene.components.wait_for(name, "disabled", |one| {
            component::is_settled(one) && component::phase(one) == "Disabled"
        });
        assert!(component::is(&disabled, "Ready", "True", "Disabled"));
        assert!(
            component::is(&disabled, "Released", "False", "UninstallSucceeded"),
            "{disabled:#}"
        );
        assert!(scene.releases.newest(name).is_none(), "{name}");
        assert_eq!(scene.config_map(&format!("{name}-{name}")), None, "{name}");
        assert!(disabled["status"]["operation"].is_null(), "{disabled:#}");
    }
    assert_eq!(scene.inventories(), 0);
}

impl Scene {
    /// How many lists of what a release consists of there are.
    #[track_caller]
    fn inventories(&self) -> usize {
        let namespace = self.components.namespace();
        let path = format!("/api/v1/namespaces/{namespace}/configmaps");
        let config_maps = self.components.api().list(&path).into_iter();
        let names = config_maps.map(|one| one["metadata"]["name"].to_string());
        names.filter(|name| name.contains("inventory")).count()
    }
}
