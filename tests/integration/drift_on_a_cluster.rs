//! The controller's hands and eyes on a real API server: drift found and put right, definitions, namespaces, why a
//! pod waits, what is left of a release.

mod compared;
mod crds;
mod exempt;
mod health;
mod leftovers;
mod namespaces;
mod owned;
mod refused;
mod separators;
mod stepwise;

use chartroom::component::{DriftDetection, DriftMode};
use chartroom::controller::drift::{Change, DriftCheck, DriftReport, correct, detect};
use chartroom::controller::objects::Objects;
use chartroom::release::manifest::Object;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::support::chart_builder::ChartBuilder;
use crate::support::control_plane::ControlPlane;
use crate::support::helm::{HELM, Helm, objects};
use crate::support::kubectl::Kubectl;

/// What a small release consists of.
const MANIFEST: &str = "\
apiVersion: v1
kind: Secret
metadata: {name: token}
stringData: {password: first, user: me}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {app: web}}
data: {greeting: hello}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: registry.example.com/web:1
        ports: [{containerPort: 8080}]
        resources: {requests: {cpu: 1000m, memory: 64Mi}}
        env: [{name: A, value: \"1\"}]
      volumes: [{name: scratch, emptyDir: {}}]
";

/// A namespace on the shared API server, and the controller's way to it.
struct Bed {
    kubectl: Kubectl,
    client: Client,
    objects: Objects,
    release: Vec<Object>,
}

impl Bed {
    /// A namespace with nothing in it.
    async fn new(manifest: &str) -> Bed {
        Bed::on(ControlPlane::shared(), manifest).await
    }

    /// The same on this control plane.
    async fn on(plane: &ControlPlane, manifest: &str) -> Bed {
        let kubectl = plane.namespace();
        let client = client_of(plane, None).await;
        Bed {
            objects: Objects::new(client.clone()),
            release: objects_of(manifest),
            kubectl,
            client,
        }
    }

    /// The same with the manifest installed: what is missing is drift, after all.
    async fn installed(manifest: &str) -> Bed {
        Bed::new(manifest).await.install().await
    }

    async fn install(self) -> Bed {
        let bed = self;
        let policy = DriftDetection::default();
        let report = bed.detect(&policy).await;
        assert_eq!(report.drifted.len(), bed.release.len(), "{report:#?}");
        bed.correct(&policy, &report).await;
        let after = bed.detect(&policy).await;
        assert!(after.is_clean(), "{after:#?}");
        bed
    }

    fn check<'a>(&'a self, policy: &'a DriftDetection) -> DriftCheck<'a> {
        DriftCheck {
            release: "shop",
            namespace: self.kubectl.namespace(),
            objects: &self.release,
            policy,
        }
    }

    async fn detect(&self, policy: &DriftDetection) -> DriftReport {
        detect(&self.objects, &self.check(policy)).await
    }

    /// Puts right what the report names, which must work.
    async fn correct(&self, policy: &DriftDetection, report: &DriftReport) {
        for (key, outcome) in correct(&self.objects, &self.check(policy), report).await {
            outcome.unwrap_or_else(|why| panic!("{key}: {why}"));
        }
    }

    /// What drifted, in words; nothing may be unknown.
    async fn summary(&self, policy: &DriftDetection) -> String {
        let report = self.detect(policy).await;
        assert_eq!(report.unknown, [], "{report:#?}");
        report.summary()
    }

    fn patch(&self, what: &str, patch: &str) {
        self.kubectl
            .ok(&["patch", what, "--type=merge", "--patch", patch]);
    }
}

/// A client of the shared API server, as the administrator or as whom it impersonates.
async fn client(impersonated: Option<&str>) -> Client {
    client_of(ControlPlane::shared(), impersonated).await
}

async fn client_of(plane: &ControlPlane, impersonated: Option<&str>) -> Client {
    let path = plane.kubeconfig();
    let kubeconfig = Kubeconfig::read_from(path).expect("a kubeconfig");
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .expect("a usable kubeconfig");
    config.auth_info.impersonate = impersonated.map(str::to_owned);
    Client::try_from(config).expect("a client")
}

/// The objects of a manifest.
fn objects_of(manifest: &str) -> Vec<Object> {
    (objects(manifest).into_iter())
        .map(|value| {
            let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
            Object {
                api_version: text(&value["apiVersion"]).expect("an apiVersion"),
                kind: text(&value["kind"]).expect("a kind"),
                namespace: text(&value["metadata"]["namespace"]),
                name: text(&value["metadata"]["name"]).expect("a name"),
                value,
            }
        })
        .collect()
}

#[tokio::test]
async fn what_helm_installed_is_put_right_without_a_new_revision() {
    put_right_after_helm("--server-side=true").await;
}

#[tokio::test]
async fn so_is_what_helm_installed_in_its_old_way() {
    put_right_after_helm("--server-side=false").await;
}

/// Installs a chart with [`MANIFEST`] and more by helm, finds and corrects drift, and lets helm upgrade.
async fn put_right_after_helm(server_side: &str) {
    let helm = Helm::new(HELM);
    let more = "\
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: \"{{ .Release.Namespace }}-reader\"}
rules: [{apiGroups: [\"\"], resources: [pods], verbs: [get]}]
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: 0 3 * * *
  jobTemplate: {spec: {template: {spec: {
    restartPolicy: Never, containers: [{name: a, image: a}]}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec: {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}
";
    let chart = ChartBuilder::new("shop", "1.0.0")
        .file("templates/all.yaml", MANIFEST)
        .file("templates/more.yaml", more)
        .write_directory(helm.directory());
    let mut bed = Bed::new("").await;
    let namespace = bed.kubectl.namespace().to_owned();
    let kubeconfig = ControlPlane::shared().kubeconfig().display().to_string();
    let chart = chart.display().to_string();
    let install = ["install", "shop", &chart, server_side, "--wait=hookOnly"];
    let place = ["--kubeconfig", &kubeconfig, "--namespace", &namespace];
    helm.ok(&[&install[..], &place].concat());
    let manifest = helm.ok(&[&["get", "manifest", "shop"][..], &place].concat());
    bed.release = objects_of(&manifest);
    assert_eq!(bed.release.len(), 9, "{manifest}");

    let policy = DriftDetection::default();
    let clean = bed.detect(&policy).await;
    assert!(clean.is_clean(), "{clean:#?}");

    // a changed field, a deleted object, and both at once
    let scale = r#"{"spec": {"replicas": 5}}"#;
    bed.patch("deployment/web", scale);
    let one = bed.detect(&policy).await;
    let said = "Deployment web: /spec/replicas (kubectl-patch)";
    assert_eq!(one.summary(), said);
    bed.kubectl.ok(&["delete", "service/web"]);
    let both = bed.detect(&policy).await;
    let summary = both.summary();
    assert!(summary.contains(said), "{summary}");
    assert!(summary.contains("Service web is missing"), "{summary}");
    assert_eq!(both.drifted.len(), 2);
    assert_ne!(one.digest(), both.digest());

    bed.correct(&policy, &both).await;
    let after = bed.detect(&policy).await;
    assert!(after.is_clean(), "{after:#?}");
    let deployment = bed.kubectl.json(&["get", "deployment/web"]);
    assert_eq!(deployment["spec"]["replicas"], 2);
    bed.kubectl.ok(&["get", "service/web"]);

    let history = helm.ok(&[&["history", "shop", "--output=json"][..], &place].concat());
    let history: serde_json::Value = serde_json::from_str(&history).expect("JSON");
    assert_eq!(history.as_array().map(Vec::len), Some(1), "{history}");
    // and helm finds its objects in order
    let upgrade = ["upgrade", "shop", &chart, server_side, "--wait=hookOnly"];
    helm.ok(&[&upgrade[..], &place].concat());
    assert!(bed.detect(&policy).await.is_clean());
}

#[tokio::test]
async fn what_others_add_is_no_drift_and_what_they_change_is() {
    let bed = Bed::installed(MANIFEST).await;
    let policy = DriftDetection::default();
    bed.patch(
        "deployment/web",
        r#"{"metadata": {"labels": {"by": "others"}, "annotations": {"a/b": "c"}}}"#,
    );
    bed.patch("configmap/settings", r#"{"data": {"more": "x"}}"#);
    bed.kubectl.ok(&["set", "env", "deployment/web", "EXTRA=1"]);
    assert_eq!(bed.summary(&policy).await, "");

    bed.kubectl
        .ok(&["set", "image", "deployment/web", "web=other:2"]);
    bed.patch(
        "configmap/settings",
        r#"{"metadata": {"labels": {"app.kubernetes.io/managed-by": null}}}"#,
    );
    let summary = bed.summary(&policy).await;
    assert_eq!(
        summary,
        "ConfigMap settings: /metadata/labels/app.kubernetes.io~1managed-by; \
         Deployment web: /spec/template/spec/containers/0/image (kubectl-set)"
    );
    let report = bed.detect(&policy).await;
    bed.correct(&policy, &report).await;
    assert_eq!(bed.summary(&policy).await, "");
    let settings = bed.kubectl.json(&["get", "configmap/settings"]);
    assert_eq!(settings["data"]["more"], "x", "what others added stays");
}

#[tokio::test]
async fn a_secrets_texts_are_compared_as_what_they_become() {
    let bed = Bed::installed(MANIFEST).await;
    let policy = DriftDetection::default();
    bed.patch("secret/token", r#"{"data": {"password": "b3RoZXI="}}"#);
    let summary = bed.summary(&policy).await;
    assert!(
        summary.starts_with("Secret token: /data/password"),
        "{summary}"
    );
    let report = bed.detect(&policy).await;
    bed.correct(&policy, &report).await;
    let token = bed.kubectl.json(&["get", "secret/token"]);
    assert_eq!(token["data"]["password"], "Zmlyc3Q=");
    assert_eq!(bed.summary(&policy).await, "");
}

#[tokio::test]
async fn looking_changes_nothing_and_mode_disabled_does_not_look() {
    let bed = Bed::installed(MANIFEST).await;
    let before = bed.kubectl.json(&["get", "deployment/web"]);
    bed.kubectl.ok(&["delete", "service/web"]);
    let warn = DriftDetection {
        mode: DriftMode::Warn,
        ..DriftDetection::default()
    };
    let first = bed.detect(&warn).await;
    assert_eq!(first.drifted.len(), 1);
    assert_eq!(first.drifted[0].change, Change::Missing);
    let second = bed.detect(&warn).await;
    assert_eq!(first.digest(), second.digest(), "to be told once");
    bed.kubectl.run(&["get", "service/web"], "").failed();
    let after = bed.kubectl.json(&["get", "deployment/web"]);
    assert_eq!(before, after);

    let disabled = DriftDetection {
        mode: DriftMode::Disabled,
        ..DriftDetection::default()
    };
    assert_eq!(bed.detect(&disabled).await, DriftReport::default());
}
