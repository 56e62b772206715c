//! Fields that another controller of the cluster owns stay its own while Helm upgrades and rolls back: at no moment do
//! they have the chart's value.

use serde_json::{Value, json};

use super::{ChartBuilder, ComponentBuilder, DEADLINE, Scene};
use crate::support::api::poll;
use crate::support::component;
use crate::support::control_plane::ControlPlane;

const INJECTED: &str = "aW5qZWN0ZWQ=";

/// A Deployment with one replica, a role whose rules the control plane fills in, and a webhook without a bundle.
fn chart(version: &str) -> ChartBuilder {
    let others = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: {{ .Release.Namespace }}-all}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {part-of: {{ .Release.Namespace }} }}]}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: {{ .Release.Namespace }}-part, labels: {part-of: {{ .Release.Namespace }} }}
rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: {{ .Release.Namespace }}-hook}
webhooks:
- name: a.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {caBundle: Cg==, service: {name: hook, namespace: default}}
  objectSelector: {matchLabels: {nobody: has-this}}
";
    ChartBuilder::new("app", version)
        .deployment()
        .template("others", others)
}

/// An object at the API server, and when it was last looked at.
struct Watched {
    collection: String,
    name: String,
    since: Value,
}

impl Watched {
    fn of(scene: &Scene, collection: String, name: String) -> Watched {
        let found = scene.components.api().get(&format!("{collection}/{name}"));
        let since = found.expect("an object")["metadata"]["resourceVersion"].clone();
        Watched {
            collection,
            name,
            since,
        }
    }

    /// The object in every version that it has had since.
    fn versions(&self, scene: &Scene) -> Vec<Value> {
        let Value::String(since) = &self.since else {
            panic!("{}", self.since);
        };
        let path = format!(
            "{}?watch=1&timeoutSeconds=2&resourceVersion={since}&fieldSelector=metadata.name={}",
            self.collection, self.name
        );
        let lines = scene.components.kubectl().ok(&["get", "--raw", &path]);
        let events = lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        events.map(|event: Value| event["object"].clone()).collect()
    }
}

#[test]
fn an_upgrade_and_a_rollback_leave_to_others_what_is_theirs() {
    let scene = Scene::on(ControlPlane::shared_with_controller_manager(), |it| it);
    let namespace = scene.components.namespace().to_owned();
    scene.controller.upload(&chart("1.0.0"));
    scene.controller.upload(&chart("2.0.0").rejected_object());
    // nothing runs here: nobody waits for it
    let spec = json!({
        "install": {"wait": "hookOnly"}, "upgrade": {"wait": "hookOnly"}, "rollback": {"wait": "hookOnly"},
        "uninstall": {"wait": "hookOnly"},
    });
    let app = ComponentBuilder::new("app").version("1.0.0").spec(spec);
    scene
        .components
        .apply(&app.values(json!({"greeting": "first"})));
    let released = |revision: i64| {
        scene.components.wait_for("app", "released", |one| {
            component::is_true(one, "Released") && one["status"]["releaseVersion"] == revision
        });
    };
    released(1);

    let api = scene.components.api();
    let deployments = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles".to_owned();
    let hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations".to_owned();
    let autoscaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "app"},
        "spec": {
            "minReplicas": 3, "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"},
        },
    });
    let autoscalers =
        format!("/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers");
    api.create(&autoscalers, &autoscaler);
    let pods = || {
        let pods = api.list(&format!("/api/v1/namespaces/{namespace}/pods"));
        let mut ids: Vec<Value> = pods
            .iter()
            .map(|pod| pod["metadata"]["uid"].clone())
            .collect();
        ids.sort_by_key(Value::to_string);
        ids
    };
    let hook = format!("{hooks}/{namespace}-hook");
    let mut injected = api.get(&hook).expect("the chart's")["webhooks"].clone();
    injected[0]["clientConfig"]["caBundle"] = INJECTED.into();
    let by = format!("{hook}?fieldManager=cert-manager-cainjector");
    api.merge(&by, &json!({"webhooks": injected}));
    let is_set = poll(DEADLINE, || {
        let role = api.get(&format!("{roles}/{namespace}-all"))?;
        (pods().len() == 3 && role["rules"].as_array()?.len() == 1).then_some(())
    });
    assert!(is_set.is_some(), "the control plane did not do its part");

    let before = pods();
    let deployment = Watched::of(&scene, deployments, "app".to_owned());
    let role = Watched::of(&scene, roles, format!("{namespace}-all"));
    let hook = Watched::of(&scene, hooks, format!("{namespace}-hook"));
    scene
        .components
        .change("app", &json!({"values": {"greeting": "second"}}));
    released(2);
    assert_eq!(scene.greeting("app"), "second");
    scene.components.change(
        "app",
        &json!({"version": "2.0.0", "values": {"greeting": "third"}}),
    );
    scene.components.wait_for("app", "rolled back", |one| {
        component::is(one, "Remediated", "True", "RollbackSucceeded")
    });
    assert_eq!(scene.greeting("app"), "second");
    assert_eq!(
        scene.verbs("app"),
        ["upgrade", "upgrade", "upgrade", "rollback"]
    );

    let versions = deployment.versions(&scene);
    assert!(!versions.is_empty(), "Helm has written to it");
    for version in versions {
        assert_eq!(version["spec"]["replicas"], 3, "{version:#}");
    }
    assert_eq!(pods(), before, "no pod ended");
    for version in role.versions(&scene) {
        assert_eq!(version["rules"][0]["verbs"], json!(["get"]), "{version:#}");
    }
    for version in hook.versions(&scene) {
        let config = &version["webhooks"][0]["clientConfig"];
        assert_eq!(config["caBundle"], INJECTED, "{version:#}");
    }

    // without the autoscaler the chart's number counts again
    api.delete(&format!("{autoscalers}/app"));
    scene.components.change(
        "app",
        &json!({"version": "1.0.0", "values": {"greeting": "fourth"}}),
    );
    let down = poll(DEADLINE, || (pods().len() == 1).then_some(()));
    assert!(down.is_some(), "{:?}", pods());
    released(5);
    scene.components.delete("app");
    scene.components.await_gone("app");
}
