//! What an umbrella chart's Component has in its values reaches those that are created for it (docs/components.md 11.8).

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;

const IMPLICIT: &str = "ext.theriseunion.io/implicit";

impl Scene {
    /// An umbrella of two parts, one of which needs the other.
    fn with_umbrellas(names: &[&str]) -> Scene {
        let scene = Scene::new();
        scene
            .controller
            .upload(&ChartBuilder::new("base", "1.0.0").values_echo());
        let top = ChartBuilder::new("top", "1.0.0").values_echo();
        scene.controller.upload(&top.requires("[base]"));
        for name in names {
            let parts = "[{name: base, values: {greeting: of the chart, size: 1}}, top]";
            scene
                .controller
                .upload(&ChartBuilder::new(name, "1.0.0").requires(parts));
        }
        scene
    }

    /// Waits until a part has these values, and runs with them.
    #[track_caller]
    fn await_values(&self, name: &str, wanted: &Value) -> Value {
        self.components.wait_for(name, &format!("{wanted}"), |one| {
            one["spec"]["values"] == *wanted && component::is_ready(one)
        })
    }
}

#[test]
fn what_an_umbrella_says_of_its_parts_and_to_all_reaches_them() {
    let scene = Scene::with_umbrellas(&["stack"]);
    let values = json!({
        "global": {"mirror": "one"}, "base": {"greeting": "of the user", "list": [1]}, "top": {"image": null},
    });
    let stack = ComponentBuilder::new("stack").values(values.clone());
    scene.install(&stack);
    let base = json!({
        "greeting": "of the user", "size": 1, "list": [1], "global": {"mirror": "one"},
    });
    scene.await_values("base", &base);
    scene.await_values("top", &json!({"image": null, "global": {"mirror": "one"}}));
    assert_eq!(
        scene.releases.payload("base", 1)["config"],
        base,
        "created so"
    );
    let own = &scene.releases.payload("stack", 1)["config"];
    assert_eq!(own["base"], values["base"], "its own release has them all");

    // a change of its values is one of theirs, and it waits for them
    let change = json!({"values": {"global": {"mirror": "two"}, "base": null, "top": null}});
    scene.components.change("stack", &change);
    let base = json!({"greeting": "of the chart", "size": 1, "global": {"mirror": "two"}});
    scene.await_values("base", &base);
    scene.await_values("top", &json!({"global": {"mirror": "two"}}));
    scene.await_revision("stack", 2);
    assert_eq!(scene.releases.newest("base").expect("a release").number, 2);
    let calls = scene.controller.helm().calls();
    let last = |name: &str| {
        calls
            .iter()
            .rposition(|call| call.release == name)
            .expect("a call")
    };
    assert!(
        last("stack") > last("base") && last("stack") > last("top"),
        "{calls:#?}"
    );

    // nothing moves any more
    let before = scene.components.resource_versions();
    for name in ["base", "top", "stack"] {
        scene.request_pass(name, "once more");
    }
    assert_eq!(scene.helm_count(), calls.len());
    let after = scene.components.resource_versions();
    assert_eq!(
        before.keys().collect::<Vec<_>>(),
        after.keys().collect::<Vec<_>>()
    );

    // whoever edits a part has it
    scene
        .components
        .change("base", &json!({"values": {"greeting": "by hand"}}));
    let edited = scene.components.wait_for("base", "a user's", |one| {
        one["metadata"]["labels"][IMPLICIT].is_null() && component::is_ready(one)
    });
    let by_hand = edited["spec"]["values"].clone();
    assert_eq!(by_hand["greeting"], "by hand");
    let change = json!({"values": {"global": {"mirror": "three"}, "base": {"greeting": "late"}}});
    scene.components.change("stack", &change);
    scene.await_values("top", &json!({"global": {"mirror": "three"}}));
    scene.await_revision("stack", 3);
    assert_eq!(scene.components.get("base")["spec"]["values"], by_hand);
    assert!(edited["metadata"]["annotations"]["ext.theriseunion.io/values-from"].is_null());
}

#[test]
fn of_two_umbrellas_the_older_is_heard_and_the_other_is_told() {
    let scene = Scene::with_umbrellas(&["older", "younger"]);
    let own = ComponentBuilder::new("top").values(json!({"greeting": "explicit"}));
    scene.components.apply(&own);
    let stack = |name: &str, value: &str| {
        let base = json!({"size": 2, "greeting": value, (name): true});
        let values = json!({"base": base, "top": {"greeting": value}});
        ComponentBuilder::new(name).values(values)
    };
    scene.install(&stack("older", "old"));
    // creation times have seconds
    let created = |name: &str| {
        let one = scene.components.get(name);
        one["metadata"]["creationTimestamp"]
            .as_str()
            .expect("a time")
            .to_owned()
    };
    let began = created("older");
    let later = poll(DEADLINE, || {
        scene
            .components
            .apply(&ComponentBuilder::new("clock").spec(json!({"suspend": true})));
        let is_later = created("clock") > began;
        scene.components.delete("clock");
        is_later.then_some(())
    });
    assert!(later.is_some(), "time stands still");
    scene.install(&stack("younger", "young"));
    let both = json!({"size": 2, "greeting": "old", "older": true, "younger": true});
    scene.await_values("base", &both);
    let told = scene.components.wait_for("younger", "told", |one| {
        let condition = component::condition(one, "DependenciesReady");
        condition.is_some_and(|one| {
            one.message
                .contains("greeting for base does not count: older")
        })
    });
    assert!(component::is_ready(&told), "{told:#}");
    let older = scene
        .components
        .condition("older", "DependenciesReady")
        .expect("it");
    assert!(!older.message.contains("does not count"), "{older:?}");

    // what is a user's own is nobody else's to change
    assert_eq!(
        scene.components.get("top")["spec"]["values"],
        json!({"greeting": "explicit"})
    );

    scene.components.delete("older");
    scene.components.await_gone("older");
    scene.request_pass("younger", "the other is gone");
    scene.await_values(
        "base",
        &json!({"size": 2, "greeting": "young", "younger": true}),
    );
}
