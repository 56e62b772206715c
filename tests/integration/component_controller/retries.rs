//! Scenarios 17 to 20 and 26: when failures are given up, and what makes them forgotten.

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, Scene};
use crate::support::component;

#[test]
fn scenario_17_upgrades_are_given_up_when_the_retries_are_used_up() {
    let scene = with_a_broken_upgrade(1);
    scene.components.change("app", &json!({"version": "2.0.0"}));
    let stalled = scene
        .components
        .await_condition("app", "Stalled", "True", "RetriesExceeded");
    assert!(stalled.message.contains("spec.ports"), "{stalled:?}");
    let verbs = ["upgrade", "upgrade", "rollback", "upgrade", "rollback"];
    assert_eq!(scene.verbs("app"), verbs, "one retry");

    let now = scene.components.get("app");
    assert_eq!(component::phase(&now), "Degraded");
    assert!(
        component::is(&now, "Ready", "False", "UpgradeFailed"),
        "{now:#}"
    );
    assert!(
        component::is(&now, "Released", "True", "RollbackSucceeded"),
        "{now:#}"
    );
    assert!(component::condition(&now, "Reconciling").is_none());
    assert_eq!(now["status"]["retryCount"], 2);
    for pass in ["first", "second", "third"] {
        scene.request_pass("app", pass);
    }
    assert_eq!(scene.verbs("app"), verbs, "no more helm");
    assert_eq!(scene.greeting("app"), "hello", "the last good revision");
}

#[test]
fn scenario_18_new_inputs_are_tried_with_new_counters() {
    let scene = with_a_broken_upgrade(0);
    scene.components.change("app", &json!({"version": ">=1"}));
    let stalled = |one: &Value| {
        component::is_settled(one) && component::is(one, "Stalled", "True", "RetriesExceeded")
    };
    scene.components.wait_for("app", "stalled", stalled);
    assert_eq!(scene.upgrades(), 2, "the install and one upgrade");

    // a generation, with and without anything that the release is made of
    let changes = [
        ("values", json!({"values": {"greeting": "new"}})),
        ("another interval", json!({"interval": "7m"})),
    ];
    for (number, (what, change)) in changes.iter().enumerate() {
        scene.components.change("app", change);
        let now = scene.components.wait_for("app", what, stalled);
        assert_eq!(scene.upgrades(), 3 + number, "{what}: tried again, once");
        assert_eq!(now["status"]["retryCount"], 1, "{what}: counted anew");
        assert_eq!(now["status"]["failures"]["upgrade"], 1, "{what}");
    }

    // a chart, with the spec as it is
    let broken = ChartBuilder::new("app", "3.0.0").rejected_object();
    scene.controller.upload(&broken);
    let now = scene.components.wait_for("app", "stalled at 3.0.0", |one| {
        stalled(one) && one["status"]["lastAttempted"]["chartVersion"] == "3.0.0"
    });
    assert_eq!(scene.upgrades(), 5);
    assert_eq!(now["status"]["failures"]["upgrade"], 1);
    scene.controller.upload(&ChartBuilder::new("app", "4.0.0"));
    let ready = scene.components.ready("app");
    assert_eq!(ready["status"]["resolvedVersion"], "4.0.0");
    assert_eq!(scene.upgrades(), 6);
    assert_eq!(scene.greeting("app"), "new");
    for field in ["failures", "retryCount", "nextRetryTime"] {
        assert!(ready["status"][field].is_null(), "{field}: {ready:#}");
    }
    for kind in ["Stalled", "Remediated", "Reconciling"] {
        assert!(component::condition(&ready, kind).is_none(), "{ready:#}");
    }
}

#[test]
fn scenario_19_a_reset_gives_one_more_go() {
    let scene = with_a_broken_upgrade(0);
    scene.components.change("app", &json!({"version": "2.0.0"}));
    scene
        .components
        .await_condition("app", "Stalled", "True", "RetriesExceeded");
    assert_eq!(scene.upgrades(), 2);

    scene.components.annotate("app", "resetAt", "one");
    let again = scene
        .components
        .wait_for("app", "stalled after the reset", |one| {
            one["status"]["lastHandledResetAt"] == "one"
                && component::is(one, "Stalled", "True", "RetriesExceeded")
        });
    assert_eq!(scene.upgrades(), 3, "tried again");
    assert_eq!(again["status"]["failures"]["upgrade"], 1, "counted anew");
    assert_eq!(again["status"]["retryCount"], 1);

    for pass in ["first", "second"] {
        scene.request_pass("app", pass);
    }
    assert_eq!(scene.upgrades(), 3, "not repeated");
}

#[test]
fn scenario_20_force_is_one_upgrade() {
    let scene = with_a_broken_upgrade(0);
    scene.components.annotate("app", "forceAt", "in sync");
    scene.await_revision("app", 2);
    let ready = scene.components.ready("app");
    assert_eq!(ready["status"]["lastHandledForceAt"], "in sync");
    scene.request_pass("app", "first");
    assert_eq!(scene.verbs("app"), ["upgrade", "upgrade"]);
    assert_eq!(scene.releases.statuses("app"), ["superseded", "deployed"]);

    scene.components.change("app", &json!({"version": "2.0.0"}));
    scene
        .components
        .await_condition("app", "Stalled", "True", "RetriesExceeded");
    assert_eq!(scene.upgrades(), 3);
    scene.components.annotate("app", "forceAt", "stalled");
    scene
        .components
        .wait_for("app", "stalled after the force", |one| {
            one["status"]["lastHandledForceAt"] == "stalled"
                && component::is(one, "Stalled", "True", "RetriesExceeded")
        });
    scene.request_pass("app", "second");
    assert_eq!(scene.upgrades(), 4);
    let verbs = [
        "upgrade", "upgrade", "upgrade", "rollback", "upgrade", "rollback",
    ];
    assert_eq!(scene.verbs("app"), verbs);
}

#[test]
fn scenario_26_conditions_of_the_past_are_corrected_while_in_sync() {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    scene.install(&ComponentBuilder::new("app"));
    let installed = scene.components.get("app");
    let mut conditions = installed["status"]["conditions"].clone();
    let stale = |kind: &str, status: &str, reason: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": "long ago",
            "observedGeneration": 1, "lastTransitionTime": "2024-01-01T00:00:00Z",
        })
    };
    let list = conditions.as_array_mut().expect("a list");
    list.retain(|known| known["type"] != "Ready");
    list.extend([
        stale("Ready", "False", "UpgradeFailed"),
        stale("Remediated", "False", "RollbackFailed"),
        stale("Stalled", "True", "RetriesExceeded"),
        stale("Reconciling", "True", "ProgressingWithRetry"),
    ]);
    let namespace = scene.components.namespace();
    let path =
        format!("/apis/ext.theriseunion.io/v1alpha1/namespaces/{namespace}/components/app/status");
    let status = json!({"conditions": conditions, "phase": "Stalled", "retryCount": 4});
    scene
        .components
        .api()
        .merge(&path, &json!({"status": status}));

    let ready = scene.components.ready("app");
    for kind in ["Remediated", "Stalled", "Reconciling"] {
        assert!(component::condition(&ready, kind).is_none(), "{ready:#}");
    }
    assert_eq!(component::phase(&ready), "Deployed");
    assert!(ready["status"]["retryCount"].is_null(), "{ready:#}");
    assert_eq!(scene.helm_count(), 1);
    assert_eq!(scene.releases.statuses("app"), ["deployed"]);
}

/// The Component `app` at 1.0.0, and 2.0.0 in the repository, which cannot be installed.
#[track_caller]
fn with_a_broken_upgrade(retries: u32) -> Scene {
    let scene = Scene::new();
    scene.upload_charts(&["app"]);
    let app = ComponentBuilder::new("app").version("1.0.0");
    scene.install(&app.spec(json!({"interval": "1s", "upgrade": {"retries": retries}})));
    let broken = ChartBuilder::new("app", "2.0.0").rejected_object();
    scene.controller.upload(&broken);
    scene
}

impl Scene {
    /// How often `helm upgrade` ran on the release `app`.
    #[track_caller]
    fn upgrades(&self) -> usize {
        self.controller.helm().calls_of("upgrade", "app").len()
    }
}
