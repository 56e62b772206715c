//! Records that name an API version that the server does not serve, as releases have that are older than the cluster.

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, Scene};
use crate::support::component;

/// A chart with a PodDisruptionBudget, in the version that every cluster of the tests serves.
fn budget(version: &str) -> ChartBuilder {
    ChartBuilder::new("app", version).template(
        "budget",
        "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  \
         maxUnavailable: 1\n  selector:\n    matchLabels:\n      app: {{ .Release.Name }}\n",
    )
}

impl Scene {
    /// Rewrites the first revision's record to what a cluster before 1.21 would have had it say; returns it as it is then.
    #[track_caller]
    fn age(&self, release: &str) -> Value {
        self.releases.rewrite(release, 1, |payload| {
            let manifest = payload["manifest"].as_str().expect("a text");
            assert!(manifest.contains("policy/v1\n"), "{manifest}");
            payload["manifest"] = manifest.replace("policy/v1\n", "policy/v1beta1\n").into();
        });
        self.releases.secret(release, 1)["data"]["release"].clone()
    }

    #[track_caller]
    fn original(&self, release: &str) -> Value {
        let path = format!(
            "/api/v1/namespaces/{}/secrets/sh.helm.release.v1.{release}.v1.original",
            self.components.namespace()
        );
        let kept = self.components.api().get(&path);
        kept.expect("the record as it was")["data"]["release"].clone()
    }

    fn budget(&self, release: &str) -> Option<Value> {
        let namespace = self.components.namespace();
        let path = format!("/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets/{release}");
        self.components.api().get(&path)
    }
}

#[test]
fn a_record_is_told_in_the_versions_that_are_served_before_helm_reads_it() {
    let scene = Scene::new();
    ["1.0.0", "1.1.0"]
        .iter()
        .for_each(|version| drop(scene.controller.upload(&budget(version))));
    let app = |name: &str| {
        let component = ComponentBuilder::new(name).chart("app").version("1.0.0");
        component.spec(json!({"interval": "1h"}))
    };
    scene.components.apply_all(&[app("up"), app("gone")]);
    scene.components.all_ready(&["up", "gone"]);
    let aged = scene.age("up");
    scene.age("gone");

    scene.request_pass("up", "aged");
    let looked = scene.components.get("up");
    assert!(component::is_ready(&looked), "{looked:#}");
    assert!(
        component::is(&looked, "Healthy", "True", "Healthy"),
        "{looked:#}"
    );

    scene.components.change("up", &json!({"version": "1.1.0"}));
    scene.await_revision("up", 2);
    assert_eq!(scene.original("up"), aged);
    let event = scene.components.await_event("up", "RecordRewritten");
    let mapping = "PodDisruptionBudget: policy/v1beta1 → policy/v1";
    assert!(event.note.contains(mapping), "{event:?}");

    scene.components.delete("gone");
    scene.components.await_gone("gone");
    assert_eq!(scene.budget("gone"), None, "it goes with the release");
    assert_eq!(scene.config_map("gone-app"), None);
    assert!(scene.budget("up").is_some());
}

#[test]
fn a_kill_around_the_rewriting_of_a_record_does_no_harm() {
    let mut scene = Scene::new();
    ["1.0.0", "1.1.0"]
        .iter()
        .for_each(|version| drop(scene.controller.upload(&budget(version))));
    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app.spec(json!({"interval": "1h"})));
    let aged = scene.age("app");

    // killed between the copy and the rewriting: the copy is there, of this record
    let secret = scene.releases.secret("app", 1);
    let namespace = scene.components.namespace().to_owned();
    let copy = json!({
        "metadata": {
            "name": "sh.helm.release.v1.app.v1.original",
            "ownerReferences": [{
                "apiVersion": "v1", "kind": "Secret", "name": "sh.helm.release.v1.app.v1",
                "uid": secret["metadata"]["uid"],
            }],
        },
        "data": {"release": aged},
    });
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    scene.components.api().create(&secrets, &copy);
    // and killed once more after it, before Helm begins
    let hold = scene.controller.helm().hold_before(&namespace, "app");
    scene.components.change("app", &json!({"version": "1.1.0"}));
    hold.await_held();
    let told = scene.releases.payload("app", 1)["manifest"].clone();
    assert!(
        !told.as_str().expect("a text").contains("v1beta1"),
        "{told}"
    );
    scene.controller.cut_power();
    drop(hold);
    scene.controller.restart();

    scene.await_revision("app", 2);
    assert_eq!(
        scene.original("app"),
        aged,
        "the first copy is the original"
    );
    assert_eq!(scene.releases.statuses("app"), ["superseded", "deployed"]);
    assert!(scene.budget("app").is_some());
}

#[test]
fn a_release_moves_onto_one_that_is_older_than_the_cluster() {
    let scene = Scene::new();
    scene.controller.upload(&budget("1.0.0"));
    let by_hand = scene.releases.install("older", &budget("1.0.0"), &[]);
    by_hand.succeeded();
    let aged = scene.age("older");
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));

    let chart = json!({"chart": {"releaseName": "older"}});
    scene.components.change("app", &chart);
    scene.components.wait_for("app", "moved", |one| {
        component::is_ready(one) && one["status"]["releaseName"] == "older"
    });
    assert_eq!(scene.releases.statuses("older"), ["superseded", "deployed"]);
    assert_eq!(scene.original("older"), aged);
    assert!(scene.budget("older").is_some());
    scene.await_release_gone("app");
}
