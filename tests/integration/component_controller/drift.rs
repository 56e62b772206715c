//! Scenarios 27 to 30, and two who fight over an object: what becomes of objects that somebody else changed.

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;
use crate::support::control_plane::ControlPlane;
use crate::support::controller::Controller;
use crate::support::helm_release::Releases;
use crate::support::kubelet::Kubelet;

/// A chart with the ConfigMaps `app-app` (its `greeting` is `hello`), `app-second` and `app-third` (`text` is `first`).
fn three_config_maps() -> ChartBuilder {
    let more = |name: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{{{ .Release.Name }}}}-{name}\ndata:\n  text: first\n"
        )
    };
    ChartBuilder::new("app", "1.0.0")
        .template("second", &more("second"))
        .template("third", &more("third"))
}

fn app(drift_detection: Value) -> ComponentBuilder {
    ComponentBuilder::new("app")
        .version("1.0.0")
        .spec(json!({"driftDetection": drift_detection}))
}

impl Scene {
    fn config_map_path(&self, name: &str) -> String {
        let namespace = self.components.namespace();
        format!("/api/v1/namespaces/{namespace}/configmaps/{name}")
    }

    /// Somebody changes the data of a ConfigMap.
    #[track_caller]
    fn meddle(&self, name: &str, data: &Value) {
        let path = self.config_map_path(name) + "?fieldManager=meddler";
        self.components.api().merge(&path, &json!({"data": data}));
    }

    #[track_caller]
    fn text_of(&self, name: &str, key: &str) -> Value {
        let found = self.config_map(name).expect("a ConfigMap of the chart");
        found["data"][key].clone()
    }

    /// Waits for an event with this reason whose note has all these words.
    #[track_caller]
    fn await_note(&self, reason: &str, words: &[&str]) {
        let found = poll(DEADLINE, || {
            let events = self.components.events("app").into_iter();
            let mut notes = events.filter(|event| event.reason == reason);
            notes.find(|event| words.iter().all(|word| event.note.contains(word)))
        });
        let events = self.components.events("app");
        assert!(
            found.is_some(),
            "no event {reason} with {words:?}: {events:#?}"
        );
    }

    #[track_caller]
    fn count_of(&self, reason: &str) -> usize {
        let events = self.components.events("app").into_iter();
        events.filter(|event| event.reason == reason).count()
    }
}

#[test]
fn scenario_27_what_drifted_is_put_right_without_a_new_revision() {
    let scene = Scene::new();
    scene.controller.upload(&three_config_maps());
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));

    let second = scene.config_map_path("app-second");
    let changed = "ConfigMap app-app: /data/greeting (meddler)";
    let missing = "ConfigMap app-second is missing";
    let cases: [(&str, bool, bool, &[&str]); 3] = [
        ("a changed field", true, false, &[changed]),
        ("a deleted object", false, true, &[missing]),
        ("both", true, true, &[changed, missing]),
    ];
    for (case, changes, deletes, noted) in cases {
        if changes {
            scene.meddle("app-app", &json!({"greeting": case}));
        }
        if deletes {
            scene.components.api().delete(&second);
        }
        scene.request_pass("app", case);
        assert_eq!(scene.text_of("app-app", "greeting"), "hello", "{case}");
        assert_eq!(scene.text_of("app-second", "text"), "first", "{case}");
        let ready = scene.components.ready("app");
        assert!(
            component::is(&ready, "Drifted", "False", "DriftCorrected"),
            "{case}: {ready:#}"
        );
        assert_eq!(component::phase(&ready), "Deployed", "{case}");
        scene.await_note("DriftCorrected", noted);
    }
    assert_eq!(
        scene.releases.statuses("app"),
        ["deployed"],
        "no new revision"
    );
    assert_eq!(scene.helm_count(), 1, "no helm");
    // what was made again is the release's: helm finds it
    let made_again = scene.config_map("app-second").expect("just there");
    assert_eq!(
        made_again["metadata"]["annotations"]["meta.helm.sh/release-name"],
        "app"
    );
}

#[test]
fn scenario_28_drift_is_only_told_with_warn_and_not_even_that_with_disabled() {
    let scene = Scene::new();
    scene.controller.upload(&three_config_maps());
    scene.install(&app(json!({"mode": "warn"})));

    scene.meddle("app-app", &json!({"greeting": "meddled"}));
    let version = |scene: &Scene| {
        let found = scene.config_map("app-app").expect("the chart's");
        found["metadata"]["resourceVersion"].clone()
    };
    let meddled = version(&scene);
    for at in ["first", "second", "third"] {
        scene.request_pass("app", at);
    }
    let warned = scene.components.get("app");
    assert!(
        component::is(&warned, "Drifted", "True", "DriftDetected"),
        "{warned:#}"
    );
    assert!(
        component::is_ready(&warned),
        "to tell was all that was asked for: {warned:#}"
    );
    scene.await_note(
        "DriftDetected",
        &["ConfigMap app-app: /data/greeting (meddler)"],
    );
    assert_eq!(scene.count_of("DriftDetected"), 1, "told once");
    assert_eq!(version(&scene), meddled, "no write");

    // another drift is told again
    scene.meddle("app-third", &json!({"text": "meddled"}));
    scene.request_pass("app", "fourth");
    scene.await_note("DriftDetected", &["app-app", "app-third"]);
    assert_eq!(scene.count_of("DriftDetected"), 2);

    scene.install(&app(json!({"mode": "disabled"})));
    scene.meddle("app-second", &json!({"text": "meddled"}));
    scene.request_pass("app", "fifth");
    let quiet = scene.components.get("app");
    assert!(component::is_ready(&quiet), "{quiet:#}");
    assert_eq!(component::condition(&quiet, "Drifted"), None);
    assert_eq!(scene.count_of("DriftDetected"), 2, "nothing more is told");
    assert_eq!(scene.count_of("DriftCorrected"), 0);
    assert_eq!(version(&scene), meddled);
    assert_eq!(scene.text_of("app-second", "text"), "meddled");
    assert_eq!(scene.releases.statuses("app"), ["deployed"]);
}

#[test]
fn scenario_29_what_is_ignored_annotated_or_scaled_by_an_autoscaler_is_no_drift() {
    let scene = Scene::new();
    let namespace = scene.components.namespace();
    let kubelet = Kubelet::of(ControlPlane::shared(), namespace);
    let _ready = kubelet.keep_ready();
    scene.controller.upload(&three_config_maps().deployment());
    let ignored =
        json!({"paths": ["/data/greeting"], "target": {"kind": "ConfigMap", "name": "app-app"}});
    scene.install(&app(json!({"ignore": [ignored]})));
    let api = scene.components.api();
    let autoscaler = json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "app"},
        "spec": {
            "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
        },
    });
    let autoscalers =
        format!("/apis/autoscaling/v1/namespaces/{namespace}/horizontalpodautoscalers");
    api.create(&autoscalers, &autoscaler);

    let deployment = format!("/apis/apps/v1/namespaces/{namespace}/deployments/app");
    let replicas = || api.get(&deployment).expect("the chart's")["spec"]["replicas"].clone();
    scene.meddle("app-app", &json!({"greeting": "ignored"}));
    let annotated = json!({
        "metadata": {"annotations": {"ext.theriseunion.io/driftDetection": "disabled"}},
        "data": {"text": "annotated"},
    });
    api.merge(&scene.config_map_path("app-second"), &annotated);
    api.merge(&deployment, &json!({"spec": {"replicas": 3}}));
    // the pods that were asked for are there before anybody looks
    let scaled = poll(DEADLINE, || {
        let found = api.get(&deployment)?;
        (found["status"]["availableReplicas"] == 3).then_some(())
    });
    assert!(scaled.is_some(), "it was not scaled");
    scene.request_pass("app", "three that do not count");
    let after = scene.components.ready("app");
    assert!(!component::is_true(&after, "Drifted"), "{after:#}");
    assert_eq!(scene.count_of("DriftCorrected"), 0);

    // and beside them one that does
    scene.meddle("app-third", &json!({"text": "meddled"}));
    scene.request_pass("app", "one that counts");
    assert_eq!(
        scene.text_of("app-third", "text"),
        "first",
        "it was looked at"
    );
    scene.await_note("DriftCorrected", &["ConfigMap app-third"]);
    assert_eq!(scene.text_of("app-app", "greeting"), "ignored");
    assert_eq!(scene.text_of("app-second", "text"), "annotated");
    assert_eq!(replicas(), 3);

    // without the autoscaler the number is the chart's
    api.delete(&format!("{autoscalers}/app"));
    scene.request_pass("app", "no autoscaler");
    assert_eq!(replicas(), 1);
}

#[test]
fn scenario_30_what_may_be_put_right_is_and_what_may_not_is_named() {
    let plane = ControlPlane::shared();
    let components = crate::support::component::Components::of(plane);
    let namespace = components.namespace().to_owned();
    let user = plane.limited_user();
    let all = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    user.may(&all);
    let scene = Scene {
        controller: Controller::options(plane, &namespace)
            .kubeconfig(user.kubeconfig())
            .start(),
        releases: Releases::of(plane, &namespace),
        components,
    };
    let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\n\
                   spec:\n  ports: [{port: 80, protocol: TCP}]\n";
    scene
        .controller
        .upload(&three_config_maps().template("service", service));
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));

    // from now on it may no longer make Services
    let all_but_new_services = json!([
        {"apiGroups": ["ext.theriseunion.io", "events.k8s.io", "autoscaling", "coordination.k8s.io"],
         "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["configmaps", "secrets", "namespaces", "pods", "events"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list", "watch", "patch", "update"]},
    ]);
    user.may(&all_but_new_services);
    let services = format!("/api/v1/namespaces/{namespace}/services");
    let limited = user.api();
    let other = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "other"}, "spec": {"ports": [{"port": 80}]},
    });
    let in_force = poll(DEADLINE, || {
        let may_read = limited.send("GET", &services, None).is_ok();
        let create = limited.send("POST", &format!("{services}?dryRun=All"), Some(&other));
        (may_read && create.is_err_and(|refusal| refusal.code == 403)).then_some(())
    });
    assert!(in_force.is_some(), "the rights did not change");

    scene.components.api().delete(&format!("{services}/app"));
    scene.meddle("app-third", &json!({"text": "meddled"}));
    scene.request_pass("app", "after that");
    let failed = scene
        .components
        .await_condition("app", "Drifted", "True", "CorrectionFailed");
    assert!(
        failed.message.contains("Service app") && failed.message.contains("forbidden"),
        "{failed:?}"
    );
    assert!(!failed.message.contains("app-third"), "{failed:?}");
    assert_eq!(scene.text_of("app-third", "text"), "first");
    let degraded = scene.components.await_phase("app", "Degraded");
    let ready = component::condition(&degraded, "Ready").expect("a word on it");
    assert_eq!(ready.status, "False", "{ready:?}");
    assert!(ready.message.contains("Service app"), "{ready:?}");
    scene.await_note("CorrectionFailed", &["Service app"]);
    assert_eq!(scene.releases.statuses("app"), ["deployed"]);

    // with the right to do it, it is done
    user.may(&all);
    let in_force = poll(DEADLINE, || {
        let create = limited.send("POST", &format!("{services}?dryRun=All"), Some(&other));
        create.is_ok().then_some(())
    });
    assert!(in_force.is_some(), "the rights did not change");
    scene.request_pass("app", "with the right");
    scene
        .components
        .await_condition("app", "Drifted", "False", "DriftCorrected");
    assert!(
        scene
            .components
            .api()
            .get(&format!("{services}/app"))
            .is_some()
    );
    scene.components.ready("app");
}

#[test]
fn an_object_that_two_fight_over_is_left_after_five_rounds() {
    let scene = Scene::new();
    scene.controller.upload(&three_config_maps());
    scene.install(&ComponentBuilder::new("app").version("1.0.0"));
    let meddled = json!({"greeting": "meddled"});
    for round in 1..=5 {
        scene.meddle("app-app", &meddled);
        scene.request_pass("app", &format!("round {round}"));
        assert_eq!(
            scene.text_of("app-app", "greeting"),
            "hello",
            "round {round}"
        );
    }
    scene.meddle("app-app", &meddled);
    scene.meddle("app-third", &json!({"text": "meddled"}));
    for at in ["round 6", "round 7"] {
        scene.request_pass("app", at);
        assert_eq!(scene.text_of("app-app", "greeting"), "meddled", "{at}");
    }
    assert_eq!(
        scene.text_of("app-third", "text"),
        "first",
        "nobody fights over this one"
    );
    let given_up = scene
        .components
        .await_condition("app", "Drifted", "True", "CorrectionFailed");
    for word in ["ConfigMap app-app", "5 times", "meddler"] {
        assert!(given_up.message.contains(word), "{word}: {given_up:?}");
    }
    assert!(!given_up.message.contains("app-third"), "{given_up:?}");
    scene.await_note("CorrectionFailed", &["app-app", "meddler"]);
    assert_eq!(scene.components.phase("app"), "Degraded");

    // the other one gave in
    scene.meddle("app-app", &json!({"greeting": "hello"}));
    scene.request_pass("app", "peace");
    let ready = scene.components.ready("app");
    assert!(
        component::is(&ready, "Drifted", "False", "NoDriftDetected"),
        "{ready:#}"
    );
    assert_eq!(scene.releases.statuses("app"), ["deployed"]);
}
