//! Scenarios 43 and 66: what an upload changes in Components that are installed already.

use serde_json::json;

use super::{ChartBuilder, ComponentBuilder, Scene};
use crate::support::chart_builder::sha256_hex;
use crate::support::component;

#[test]
fn scenario_43_other_bytes_of_a_version_are_an_upgrade_unless_the_digest_is_pinned() {
    let scene = Scene::with(|options| options.arg("--allow-overwrite"));
    let chart = ChartBuilder::new("app", "1.0.0");
    let package = scene.controller.upload(&chart);
    let digest = format!("sha256:{}", sha256_hex(&package));
    let free = ComponentBuilder::new("free").chart("app").version("1.0.0");
    let pinned = ComponentBuilder::new("pinned").version("1.0.0");
    let pinned = pinned.spec(json!({"chart": {"name": "app", "digest": digest}}));
    scene.install(&free);
    scene.install(&pinned);

    let other = chart.file("values.yaml", "greeting: from other bytes\n");
    let package = scene.controller.upload_again(&other);
    let new_digest = format!("sha256:{}", sha256_hex(&package));
    let upgraded = scene.components.wait_for("free", "upgraded", |one| {
        one["status"]["chartDigest"] == new_digest[..] && component::is_ready(one)
    });
    assert_eq!(upgraded["status"]["resolvedVersion"], "1.0.0");
    assert_eq!(scene.releases.statuses("free"), ["superseded", "deployed"]);
    let greeting = |release: &str| {
        let installed = scene.config_map(&format!("{release}-app"));
        installed.expect("what the chart installs")["data"]["greeting"].clone()
    };
    assert_eq!(greeting("free"), "from other bytes");

    let condition = scene
        .components
        .await_condition("pinned", "Stalled", "True", "DigestMismatch");
    for word in [&digest[7..], &new_digest[7..]] {
        assert!(condition.message.contains(word), "{condition:?}");
    }
    scene
        .components
        .await_condition("pinned", "ChartResolved", "False", "DigestMismatch");
    assert_eq!(scene.releases.statuses("pinned"), ["deployed"]);
    assert_eq!(greeting("pinned"), "hello", "what runs is not touched");
    assert_eq!(scene.helm_count(), 3);

    // what was pinned comes back
    scene
        .controller
        .upload_again(&ChartBuilder::new("app", "1.0.0"));
    scene.components.ready("pinned");
    assert_eq!(scene.releases.statuses("pinned"), ["deployed"]);
}

#[test]
fn scenario_66_an_upload_moves_those_who_follow_and_nobody_else() {
    let scene = Scene::new();
    let upload = |version: &str| {
        scene.controller.upload(&ChartBuilder::new("app", version));
    };
    upload("1.0.0");
    let component = |name: &str| ComponentBuilder::new(name).chart("app");
    scene.components.apply_all(&[
        component("still"),
        component("follows").spec(json!({"autoUpgrade": true})),
        component("ranged").version("^1"),
    ]);
    scene.components.all_ready(&["still", "follows", "ranged"]);
    let at = |name: &str, version: &str| {
        scene.components.wait_for(name, version, |one| {
            one["status"]["resolvedVersion"] == version && component::is_ready(one)
        });
    };
    for name in ["still", "follows", "ranged"] {
        at(name, "1.0.0");
    }

    upload("1.1.0");
    at("follows", "1.1.0");
    at("ranged", "1.1.0");
    scene.request_pass("still", "after 1.1.0");
    at("still", "1.0.0");

    upload("2.0.0");
    at("follows", "2.0.0");
    for name in ["still", "ranged"] {
        scene.request_pass(name, "after 2.0.0");
    }
    at("still", "1.0.0");
    at("ranged", "1.1.0");
    // a newer one that is not finished is for nobody
    upload("2.1.0-rc.1");
    scene.request_pass("follows", "after 2.1.0-rc.1");
    at("follows", "2.0.0");
    for (name, count) in [("still", 1), ("ranged", 2), ("follows", 3)] {
        assert_eq!(scene.releases.revisions(name).len(), count, "{name}");
    }
}

#[test]
fn a_first_install_that_fails_follows_the_newest_chart_until_one_works() {
    let scene = Scene::new();
    let broken = ChartBuilder::new("app", "1.0.0").rejected_object();
    scene.controller.upload(&broken);
    scene.components.apply(&ComponentBuilder::new("app"));
    scene.components.await_phase("app", "Failed");

    scene.controller.upload(&ChartBuilder::new("app", "1.0.1"));
    let ready = scene.components.ready("app");
    assert_eq!(ready["status"]["resolvedVersion"], "1.0.1");
    // what works is what it stays with
    scene.controller.upload(&ChartBuilder::new("app", "1.0.2"));
    scene.request_pass("app", "after 1.0.2");
    let ready = scene.components.ready("app");
    assert_eq!(ready["status"]["resolvedVersion"], "1.0.1");
}
