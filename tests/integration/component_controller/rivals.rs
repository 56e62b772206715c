//! Two controllers, each with a namespace of Components of its own, and one release that both have a Component for.

use serde_json::{Value, json};

use super::{ComponentBuilder, ControlPlane, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;
use crate::support::helm_release::Releases;

/// Whose a release is, by the label of its newest revision.
fn owner(releases: &Releases, release: &str) -> Option<String> {
    let newest = releases.newest(release)?.number;
    let labels = &releases.secret(release, newest)["metadata"]["labels"];
    (labels["ext.theriseunion.io/owner"].as_str()).map(str::to_owned)
}

/// Two controllers with the chart `app`, and a namespace that both install into.
fn two_controllers() -> (Scene, Scene, Releases) {
    let plane = ControlPlane::shared();
    let target = plane.namespace().namespace().to_owned();
    let (first, second) = (Scene::new(), Scene::new());
    for scene in [&first, &second] {
        scene.upload_charts(&["app"]);
    }
    (first, second, Releases::of(plane, &target))
}

/// A Component `app` with this greeting, in a namespace that both controllers install into.
fn app(target: &str, greeting: &str) -> ComponentBuilder {
    ComponentBuilder::new("app")
        .into_namespace(target)
        .values(json!({"greeting": greeting}))
}

#[test]
fn the_release_is_whose_it_was_first_and_nobody_fights_over_it() {
    let (first, mut second, releases) = two_controllers();
    let target = releases.namespace().to_owned();
    first.install(&app(&target, "from the first"));
    let name = first.components.namespace().to_owned();
    assert_eq!(owner(&releases, "app"), Some(format!("{name}.app")));

    second.components.apply(&app(&target, "from the second"));
    let conflict = second
        .components
        .await_condition("app", "Stalled", "True", "ReleaseConflict");
    assert!(
        conflict.message.contains(&format!("{name}/app")),
        "{conflict:?}"
    );
    second.components.await_event("app", "ReleaseConflict");
    second.await_look("app");
    first.request_pass("app", "is it still mine");
    assert_eq!(releases.statuses("app"), ["deployed"], "one revision");
    assert_eq!(releases.values("app")["greeting"], "from the first");
    assert_eq!(second.helm_count(), 0);

    // neither its going nor its being disabled takes the release of the other
    second.components.change("app", &json!({"enabled": false}));
    second.components.await_phase("app", "Disabled");
    second.components.delete("app");
    second.components.await_gone("app");
    assert_eq!(releases.statuses("app"), ["deployed"]);
    assert_eq!(second.helm_count(), 0);

    // and when the first lets go, the second has it at once
    second.components.apply(&app(&target, "from the second"));
    second
        .components
        .await_condition("app", "Stalled", "True", "ReleaseConflict");
    first.components.delete("app");
    first.components.await_gone("app");
    second.components.ready("app");
    let name = second.components.namespace();
    assert_eq!(owner(&releases, "app"), Some(format!("{name}.app")));
    assert_eq!(releases.values("app")["greeting"], "from the second");
}

#[test]
fn what_the_owner_does_not_want_any_more_is_taken_over() {
    let (first, second, releases) = two_controllers();
    let target = releases.namespace().to_owned();
    first.install(&app(&target, "from the first").spec(json!({"deletionPolicy": "Orphan"})));
    first.components.delete("app");
    first.components.await_gone("app");
    assert_eq!(releases.statuses("app"), ["deployed"], "left as it is");

    second.install(&app(&target, "from the second"));
    assert_eq!(releases.statuses("app"), ["superseded", "deployed"]);
    let name = second.components.namespace();
    assert_eq!(owner(&releases, "app"), Some(format!("{name}.app")));
}

#[test]
fn what_is_taken_over_as_it_is_has_a_new_owner_too() {
    let (first, second, releases) = two_controllers();
    let target = releases.namespace().to_owned();
    let shared = |name: &str| {
        ComponentBuilder::new(name).spec(json!({
            "chart": {"name": "app", "namespace": target, "releaseName": "shared"},
            "deletionPolicy": "Orphan",
        }))
    };
    first.install(&shared("former"));
    first.components.delete("former");
    first.components.await_gone("former");
    first.install(&shared("present"));
    assert_eq!(
        releases.statuses("shared"),
        ["deployed"],
        "nothing was to be done"
    );
    let name = first.components.namespace();
    assert_eq!(owner(&releases, "shared"), Some(format!("{name}.present")));

    second
        .components
        .apply(&shared("thief").values(json!({"greeting": "stolen"})));
    second
        .components
        .await_condition("thief", "Stalled", "True", "ReleaseConflict");
    assert_eq!(second.components.phase("thief"), "Stalled");
    assert_eq!(releases.statuses("shared"), ["deployed"]);
}

#[test]
fn a_name_that_is_too_long_for_a_mark_is_no_hindrance() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    let long = "l".repeat(63);
    let chart = json!({"chart": {"name": "app", "releaseName": "app"}});
    scene.install(&ComponentBuilder::new("app").spec(json!({"deletionPolicy": "Orphan"})));
    assert!(owner(&scene.releases, "app").is_some());
    scene.components.delete("app");
    scene.components.await_gone("app");

    // it takes the mark of the one before away
    let values: Value = json!({"greeting": "long"});
    scene.install(&ComponentBuilder::new(&long).spec(chart).values(values));
    assert_eq!(owner(&scene.releases, "app"), None);
    assert_eq!(scene.releases.statuses("app"), ["superseded", "deployed"]);
    let looked = poll(DEADLINE, || {
        component::is_ready(&scene.components.get(&long)).then_some(())
    });
    assert!(looked.is_some());
}
