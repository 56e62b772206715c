//! A release of whose manifest not everything can be read: what is not known counts as unknown, and is said
//! (docs/components.md 9).

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;

/// A ConfigMap beside the chart's own.
const MORE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-more\ndata:\n  text: more\n";

impl Scene {
    /// Makes the document of `RELEASE-more` in a revision's manifest one that nobody can read.
    #[track_caller]
    fn garble(&self, release: &str, revision: i64) {
        self.releases.rewrite(release, revision, |payload| {
            let manifest = payload["manifest"].as_str().expect("a text");
            let garbled = manifest.replace("  text: more", "\ttext: more");
            assert_ne!(garbled, manifest);
            payload["manifest"] = garbled.into();
        });
    }

    #[track_caller]
    fn await_unreadable(&self, about: &str) -> Value {
        self.components.wait_for("app", about, |one| {
            component::is(one, about, "Unknown", "ManifestUnreadable")
        })
    }
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_is_looked_at() {
    let scene = Scene::new();
    let chart = ChartBuilder::new("app", "1.0.0")
        .deployment()
        .template("more", MORE);
    scene.controller.upload(&chart);
    let ready = scene.kubelet().keep_ready();
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));
    scene.garble("app", 1);

    // drift of what can be read is put right, and health is that of what can be read
    let path = format!(
        "/api/v1/namespaces/{}/configmaps/app-app",
        scene.components.namespace()
    );
    let changed = json!({"data": {"greeting": "changed"}});
    scene
        .components
        .api()
        .merge(&format!("{path}?fieldManager=meddler"), &changed);
    scene.request_pass("app", "garbled");
    scene.await_unreadable("Healthy");
    let put_right = poll(DEADLINE, || {
        (scene.greeting("app") == "hello").then_some(())
    });
    assert!(put_right.is_some(), "{}", scene.greeting("app"));
    scene.request_pass("app", "once more");
    let told = scene.await_unreadable("Drifted");
    assert!(
        component::is_ready(&told),
        "nothing is known to be wrong: {told:#}"
    );
    let message = component::condition(&told, "Healthy")
        .expect("a condition")
        .message;
    for words in [
        "ConfigMap app-more",
        "from app/templates/more.yaml",
        "cannot be read: line ",
    ] {
        assert!(message.contains(words), "{message}");
    }
    let event = scene.components.await_event("app", "ManifestUnreadable");
    assert_eq!(event.note, message);

    // it cannot hide what is known
    drop(ready);
    let deployment = format!(
        "/apis/apps/v1/namespaces/{}/deployments/app",
        scene.components.namespace()
    );
    let unready =
        json!({"status": {"availableReplicas": 0, "readyReplicas": 0, "unavailableReplicas": 1}});
    scene
        .components
        .api()
        .merge(&format!("{deployment}/status"), &unready);
    scene.request_pass("app", "unready");
    let degraded = scene
        .components
        .await_condition("app", "Healthy", "False", "Unhealthy");
    assert!(degraded.message.contains("Deployment app"), "{degraded:?}");
    let events = scene.components.events("app");
    let unreadable = events
        .iter()
        .filter(|event| event.reason == "ManifestUnreadable");
    assert_eq!(unreadable.count(), 1, "once");
}

#[test]
fn nothing_is_removed_upon_an_inventory_that_is_known_to_be_partial() {
    let scene = Scene::new();
    let second = ChartBuilder::new("app", "2.0.0")
        .deployment()
        .template("more", MORE);
    let extra = MORE
        .replace("-more", "-extra")
        .replace("text: more", "text: extra");
    scene.upload_charts(&["app"]);
    scene.controller.upload(&second.template("extra", &extra));
    let patience = json!({"upgrade": {"timeout": "10s", "onFailure": "Keep", "retries": 0}});
    let names = ["app", "whole"];
    for name in names {
        let component = ComponentBuilder::new(name).chart("app").version("1.0.0");
        scene.components.apply(&component.spec(patience.clone()));
    }
    scene.components.all_ready(&names);
    for name in names {
        scene.components.change(name, &json!({"version": "2.0.0"}));
    }
    scene
        .components
        .wait_for("app", "awaiting readiness", |one| {
            !one["status"]["operation"]["readyBy"].is_null()
        });
    scene.garble("app", 2);
    for name in names {
        scene.components.wait_for(name, "out of retries", |one| {
            component::is(one, "Stalled", "True", "RetriesExceeded")
        });
    }
    let gone = poll(DEADLINE, || {
        scene.config_map("whole-extra").is_none().then_some(())
    });
    assert!(gone.is_some(), "with the whole inventory it is cleaned up");
    assert!(
        scene.config_map("app-extra").is_some(),
        "it can be read, and may be anything"
    );
    assert!(scene.config_map("app-more").is_some());
}
