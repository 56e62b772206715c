//! Scenarios 34 and 35: graphs that cannot be put in order, and what it takes to mend them. And implicit Components
//! that nobody needs any more (docs/components.md 11).

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;

#[test]
fn scenario_34_a_cycle_is_told_to_every_member_and_ends_with_one_edge() {
    let scene = Scene::new();
    let graph = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")];
    let names = graph.map(|(name, _)| name);
    scene.upload_charts(&names);
    let components = graph.map(|(name, need)| {
        let component = ComponentBuilder::new(name).depends_on(&[need]);
        // they come one after the other, and none is to be made for another
        component.spec(json!({"autoInstallDependencies": false}))
    });
    scene.components.apply_all(&components);

    for member in ["a", "b", "c"] {
        let stalled =
            scene
                .components
                .await_condition(member, "Stalled", "True", "DependencyCycle");
        assert_eq!(
            stalled.message, "dependency cycle: a → b → c → a",
            "the path on {member}"
        );
        let condition = scene.components.await_condition(
            member,
            "DependenciesReady",
            "False",
            "DependencyCycle",
        );
        assert_eq!(
            condition.message, "dependency cycle: a → b → c → a",
            "the path on {member}"
        );
    }
    let outsider = scene.components.wait_for("d", "Blocked by a", |one| {
        component::phase(one) == "Blocked"
            && component::is(one, "DependenciesReady", "False", "DependencyNotReady")
    });
    assert!(!component::is_true(&outsider, "Stalled"), "{outsider:#}");
    let condition = component::condition(&outsider, "DependenciesReady").expect("it was there");
    assert!(condition.message.contains('a'), "{condition:?}");
    assert_eq!(scene.helm_count(), 0);

    scene.components.change("c", &json!({"dependsOn": null}));
    scene.components.all_ready(&names);
    let calls = scene.controller.helm().calls();
    let order: Vec<&str> = calls.iter().map(|call| &call.release[..]).collect();
    assert_eq!(order, ["c", "b", "a", "d"]);
}

#[test]
fn installed_members_of_a_cycle_run_on_and_may_go() {
    let scene = Scene::new();
    scene.upload_charts(&["a", "b", "c"]);
    scene.install(&ComponentBuilder::new("a"));
    scene.install(&ComponentBuilder::new("b").depends_on(&["a"]));
    scene.install(&ComponentBuilder::new("c").depends_on(&["b"]));
    scene
        .components
        .change("a", &json!({"dependsOn": [{"name": "c"}]}));
    for member in ["a", "b", "c"] {
        let condition = scene.components.await_condition(
            member,
            "DependenciesReady",
            "False",
            "DependencyCycle",
        );
        assert_eq!(
            condition.message, "dependency cycle: a → c → b → a",
            "the path on {member}"
        );
        assert!(component::is_ready(&scene.components.ready(member)));
    }
    assert_eq!(scene.helm_count(), 3, "nothing was done");

    scene.components.delete_all();
    for member in ["a", "b", "c"] {
        scene.components.await_gone(member);
        scene.await_release_gone(member);
    }
}

#[test]
fn what_others_need_is_not_disabled_and_what_is_disabled_is_not_there() {
    let scene = Scene::new();
    scene.upload_charts(&["base", "user", "late"]);
    scene.install(&ComponentBuilder::new("base"));
    scene.install(&ComponentBuilder::new("user").depends_on(&["base"]));

    scene.components.change("base", &json!({"enabled": false}));
    let refused = scene
        .components
        .await_condition("base", "Stalled", "True", "DependentsExist");
    assert!(refused.message.contains("user"), "{refused:?}");
    assert_eq!(scene.releases.statuses("base"), ["deployed"], "it survives");
    assert!(component::is_ready(&scene.components.get("user")));

    // who needed it goes, and it follows
    scene.components.delete("user");
    scene.components.await_gone("user");
    let disabled = scene.components.await_phase("base", "Disabled");
    assert!(!component::is_true(&disabled, "Stalled"), "{disabled:#}");
    scene.await_release_gone("base");

    scene
        .components
        .apply(&ComponentBuilder::new("late").depends_on(&["base"]));
    let stalled = scene
        .components
        .await_condition("late", "Stalled", "True", "DependencyDisabled");
    assert!(stalled.message.contains("base"), "{stalled:?}");
    let base = scene.components.get("base");
    assert_eq!(base["spec"]["enabled"], false, "the user's word counts");
    scene.components.change("base", &json!({"enabled": true}));
    scene.components.all_ready(&["base", "late"]);
}

#[test]
fn a_users_own_dependency_in_another_version_is_named_and_left_alone() {
    let scene = Scene::new();
    scene.upload_charts(&["user"]);
    for version in ["1.0.0", "2.0.0"] {
        scene.controller.upload(&ChartBuilder::new("base", version));
    }
    scene.install(&ComponentBuilder::new("base").version("1.0.0"));
    let wanted = json!({"name": "base", "version": "^2"});
    scene
        .components
        .apply(&ComponentBuilder::new("user").dependency(wanted));
    let condition = scene.components.await_condition(
        "user",
        "DependenciesReady",
        "False",
        "DependencyVersionMismatch",
    );
    for word in ["base", "1.0.0", "^2"] {
        assert!(condition.message.contains(word), "{word} in {condition:?}");
    }
    let blocked = scene.components.await_phase("user", "Blocked");
    let found = &blocked["status"]["dependencies"][0];
    assert_eq!(
        (&found["wanted"], &found["found"]),
        (&json!("^2"), &json!("1.0.0"))
    );
    assert_eq!(scene.components.get("base")["spec"]["version"], "1.0.0");

    scene
        .components
        .change("base", &json!({"version": "2.0.0"}));
    scene.components.ready("user");
    assert_eq!(scene.releases.statuses("base"), ["superseded", "deployed"]);
}

#[test]
fn scenario_35_ranges_that_no_version_meets_are_told_with_both_requirers() {
    let scene = Scene::new();
    scene.upload_charts(&["first", "second"]);
    for version in ["1.0.0", "1.5.0", "2.0.0"] {
        scene.controller.upload(&ChartBuilder::new("base", version));
    }
    let component = |name: &str, range: &str| {
        ComponentBuilder::new(name).dependency(json!({"name": "base", "version": range}))
    };
    scene.install(&component("first", "^1"));
    assert_eq!(
        scene.components.ready("base")["status"]["resolvedVersion"],
        "1.5.0"
    );
    let (helm_count, before) = (scene.helm_count(), scene.components.get("base"));

    scene.components.apply(&component("second", ">=2"));
    let condition = scene.components.await_condition(
        "second",
        "DependenciesReady",
        "False",
        "DependencyVersionConflict",
    );
    for word in ["base", "first", "second", "^1", ">=2"] {
        assert!(condition.message.contains(word), "{word} in {condition:?}");
    }
    scene
        .components
        .await_condition("second", "Stalled", "True", "DependencyVersionConflict");
    assert_eq!(scene.components.phase("second"), "Blocked");
    assert_eq!(scene.helm_count(), helm_count, "no helm runs");
    assert!(component::is_ready(&scene.components.get("first")));
    let base = scene.components.get("base");
    assert_eq!(base["spec"], before["spec"], "the earlier one keeps it");
    assert!(component::is_ready(&base));

    // without the one, the other gets what it needs
    scene.components.delete("first");
    scene.components.await_gone("first");
    scene.components.ready("second");
    let base = scene.components.ready("base");
    assert_eq!(base["status"]["resolvedVersion"], "2.0.0");
    assert_eq!(scene.releases.statuses("base"), ["superseded", "deployed"]);
}

#[test]
fn implicit_components_go_when_nobody_requires_them_and_stay_when_they_are_edited() {
    let scene = Scene::with(|options| options.arg("--implicit-grace=1s"));
    let requires = "- unused\n- edited\n- applied\n";
    scene
        .controller
        .upload(&ChartBuilder::new("app", "1.0.0").requires(requires));
    let made = ["unused", "edited", "applied"];
    scene.upload_charts(&made);
    scene.install(&ComponentBuilder::new("app"));
    scene.components.all_ready(&made);
    // a user's word, though it says nothing new
    let spec = scene.components.get("applied")["spec"].clone();
    scene
        .components
        .apply(&ComponentBuilder::new("applied").spec(spec));
    let values = json!({"values": {"greeting": "mine"}});
    scene.components.change("edited", &values);
    let label =
        |one: &serde_json::Value| one["metadata"]["labels"]["ext.theriseunion.io/implicit"].clone();
    scene
        .components
        .wait_for("edited", "the user's own", |one| label(one).is_null());
    assert_eq!(label(&scene.components.get("unused")), "true");

    scene.components.delete("app");
    scene.components.await_gone("app");
    scene.components.await_gone("unused");
    scene.await_release_gone("unused");
    let gone = poll(DEADLINE, || {
        scene.config_map("unused-unused").is_none().then_some(())
    });
    assert!(gone.is_some());
    scene
        .components
        .wait_for("applied", "the user's own", |one| label(one).is_null());
    scene.components.all_ready(&["edited", "applied"]);
    assert_eq!(
        scene.releases.newest("edited").expect("it stays").status,
        "deployed"
    );
}
