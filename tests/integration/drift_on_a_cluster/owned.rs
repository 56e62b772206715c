//! What another controller of the cluster owns is no drift and stays; what a person changes is drift.

use std::time::{Duration, Instant};

use chartroom::component::DriftDetection;
use serde_json::{Value, json};

use super::{Bed, MANIFEST, objects_of};
use crate::support::control_plane::ControlPlane;

/// A certificate as a chart renders it: its first line is enough to be one.
const CERTIFICATE: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCmNoYXJ0";
/// What somebody puts in its place.
const OTHER: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCm90aGVy";

impl Bed {
    /// Reads the object until it is so.
    pub async fn await_object(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let found = self.kubectl.json(&["get", what]);
            if is_so(&found) {
                return found;
            }
            assert!(Instant::now() < end, "{what} does not become so: {found:#}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Whoever is named writes this over a field.
    fn write_as(&self, manager: &str, what: &str, patch: &str, more: &[&str]) {
        let manager = format!("--field-manager={manager}");
        let patch = ["patch", what, "--type=json", "--patch", patch, &manager];
        self.kubectl.ok(&[&patch[..], more].concat());
    }
}

#[tokio::test]
async fn the_rules_of_an_aggregated_role_are_the_control_planes() {
    let plane = ControlPlane::shared_with_controller_manager();
    let bed = Bed::on(plane, "").await;
    let namespace = bed.kubectl.namespace().to_owned();
    let roles = format!(
        "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {namespace}-all}}
aggregationRule: {{clusterRoleSelectors: [{{matchLabels: {{part-of: {namespace}}}}}]}}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {namespace}-part, labels: {{part-of: {namespace}}}}}
rules: [{{apiGroups: [''], resources: [pods], verbs: [get]}}]
"
    );
    let release = objects_of(&roles);
    let bed = Bed { release, ..bed };
    let policy = DriftDetection::default();
    let report = bed.detect(&policy).await;
    bed.correct(&policy, &report).await;
    let all = format!("clusterrole/{namespace}-all");
    let filled = |role: &Value| role["rules"][0]["verbs"] == json!(["get"]);
    let before = bed.await_object(&all, filled).await;
    assert_eq!(bed.summary(&policy).await, "");

    // what a person changes beside the rules is put right, and the rules stay while it is
    bed.write_as(
        "kubectl-edit",
        &all,
        r#"[{"op": "remove", "path": "/metadata/labels/app.kubernetes.io~1managed-by"}]"#,
        &[],
    );
    let report = bed.detect(&policy).await;
    assert_eq!(
        report.summary(),
        format!("ClusterRole {namespace}-all: /metadata/labels")
    );
    bed.correct(&policy, &report).await;
    let after = bed.kubectl.json(&["get", &all]);
    assert_eq!(after["rules"], before["rules"]);
    let part = format!("clusterrole/{namespace}-part");
    let edit = r#"[{"op": "replace", "path": "/rules/0/verbs", "value": ["list"]}]"#;
    bed.write_as("kubectl-edit", &part, edit, &[]);
    let summary = bed.summary(&policy).await;
    assert!(summary.contains("-part: /rules"), "{summary}");
    bed.kubectl.ok(&["delete", &all, &part]);
}

#[tokio::test]
async fn a_claim_that_is_bound_and_a_service_that_has_its_ports_are_as_installed() {
    let plane = ControlPlane::shared_with_controller_manager();
    let bed = Bed::on(plane, "").await;
    let namespace = bed.kubectl.namespace().to_owned();
    let volume = format!(
        "\
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {namespace}, labels: {{for: {namespace}}}}}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {{storage: 1Gi}}
  hostPath: {{path: /nowhere}}
  persistentVolumeReclaimPolicy: Retain
"
    );
    bed.kubectl.apply(&volume).succeeded();
    let manifest = format!(
        "\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data}}
spec:
  accessModes: [ReadWriteOnce]
  resources: {{requests: {{storage: 1Gi}}}}
  selector: {{matchLabels: {{for: {namespace}}}}}
  storageClassName: ''
  volumeName: ''
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  type: NodePort
  clusterIP: ''
  selector: {{app: web}}
  ports: [{{name: http, port: 80, nodePort: 0}}]
"
    );
    let release = objects_of(&manifest);
    let bed = Bed { release, ..bed };
    let policy = DriftDetection::default();
    let report = bed.detect(&policy).await;
    bed.correct(&policy, &report).await;
    let bound = |claim: &Value| claim["status"]["phase"] == "Bound";
    bed.await_object("pvc/data", bound).await;
    assert_eq!(bed.summary(&policy).await, "");

    let labels = r#"[{"op": "remove", "path": "/metadata/labels/app.kubernetes.io~1managed-by"}]"#;
    bed.write_as("kubectl-edit", "pvc/data", labels, &[]);
    let ports = r#"[{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 81}, {"op": "replace", "path": "/spec/selector/app", "value": "x"}]"#;
    bed.write_as("kubectl-edit", "service/web", ports, &[]);
    let report = bed.detect(&policy).await;
    assert_eq!(
        report.summary(),
        "PersistentVolumeClaim data: /metadata/labels; Service web: /spec/selector/app (kubectl-edit)",
        "the chart does not set the target"
    );
    bed.correct(&policy, &report).await;
    assert_eq!(bed.summary(&policy).await, "");
    bed.kubectl.ok(&["delete", "pvc/data", "--wait=false"]);
    bed.kubectl
        .ok(&["delete", "pv", &namespace, "--wait=false"]);
}

#[tokio::test]
async fn a_scaler_without_an_autoscaler_object_keeps_its_number_and_a_person_does_not() {
    let bed = Bed::installed(MANIFEST).await;
    let policy = DriftDetection::default();
    let scale = r#"[{"op": "replace", "path": "/spec/replicas", "value": 5}]"#;
    let by = |manager| bed.write_as(manager, "deployment/web", scale, &["--subresource=scale"]);
    by("cluster-proportional-autoscaler");
    assert_eq!(bed.summary(&policy).await, "");
    bed.kubectl.ok(&["scale", "deployment/web", "--replicas=6"]);
    let summary = bed.summary(&policy).await;
    assert_eq!(summary, "Deployment web: /spec/replicas (kubectl)");
    // what the controller manager left behind when its autoscaler went is nobody's
    by("kube-controller-manager");
    let summary = bed.summary(&policy).await;
    assert_eq!(
        summary,
        "Deployment web: /spec/replicas (kube-controller-manager)"
    );
}

#[tokio::test]
async fn a_bundle_over_the_charts_own_is_the_injectors_and_not_a_persons() {
    let bed = Bed::new("").await;
    let name = format!("bundles-{}", bed.kubectl.namespace());
    let manifest = format!(
        "\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {{name: {name}}}
webhooks:
- name: a.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {{caBundle: {CERTIFICATE}, service: {{name: hook, namespace: default}}}}
  objectSelector: {{matchLabels: {{nobody: has-this}}}}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {{name: v1.{name}.example.com}}
spec:
  group: {name}.example.com
  version: v1
  groupPriorityMinimum: 100
  versionPriority: 100
  caBundle: {CERTIFICATE}
  service: {{name: api, namespace: default}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: gears.{name}.example.com}}
spec:
  group: {name}.example.com
  scope: Namespaced
  names: {{plural: gears, singular: gear, kind: Gear}}
  versions:
  - {{name: v2, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: {{caBundle: {CERTIFICATE}, service: {{name: hook, namespace: default}}}}
"
    );
    let release = objects_of(&manifest);
    let bed = Bed { release, ..bed };
    let policy = DriftDetection::default();
    let report = bed.detect(&policy).await;
    bed.correct(&policy, &report).await;
    let objects = [
        (
            format!("mutatingwebhookconfiguration/{name}"),
            "/webhooks/0/clientConfig/caBundle",
        ),
        (
            format!("apiservice/v1.{name}.example.com"),
            "/spec/caBundle",
        ),
        (
            format!("customresourcedefinition/gears.{name}.example.com"),
            "/spec/conversion/webhook/clientConfig/caBundle",
        ),
    ];
    let write = |manager: &str, bundle: &str| {
        for (what, path) in &objects {
            let patch = json!([{"op": "replace", "path": path, "value": bundle}]).to_string();
            bed.write_as(manager, what, &patch, &[]);
        }
    };
    write("cert-manager-cainjector", OTHER);
    assert_eq!(bed.summary(&policy).await, "");
    write("kubectl-edit", &OTHER.replace("Cm90aGVy", "CnBlcnNv"));
    let report = bed.detect(&policy).await;
    assert_eq!(report.drifted.len(), 3, "{report:#?}");
    bed.correct(&policy, &report).await;
    for (what, path) in &objects {
        let live = bed.kubectl.json(&["get", what]);
        assert_eq!(live.pointer(path), Some(&json!(CERTIFICATE)), "{what}");
        // an older API server asks the webhook for a definition that goes
        bed.kubectl.ok(&["delete", what, "--wait=false"]);
    }
}
