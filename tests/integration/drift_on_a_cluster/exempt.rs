//! What does not count as drift because somebody said so.

use chartroom::component::{DriftDetection, DriftIgnore, DriftTarget};

use super::{Bed, MANIFEST};

/// A rule for everything that matches.
fn ignoring(paths: &[&str], target: Option<DriftTarget>) -> DriftDetection {
    let rule = DriftIgnore {
        paths: paths.iter().map(|&path| path.to_owned()).collect(),
        target,
    };
    DriftDetection {
        ignore: vec![rule],
        ..DriftDetection::default()
    }
}

fn labelled(selector: &str) -> Option<DriftTarget> {
    Some(DriftTarget {
        label_selector: Some(selector.to_owned()),
        ..DriftTarget::default()
    })
}

#[tokio::test]
async fn an_ignored_field_is_no_drift_and_survives_a_correction() {
    let bed = Bed::installed(MANIFEST).await;
    bed.patch("deployment/web", r#"{"spec": {"replicas": 5}}"#);
    let policy = ignoring(&["/spec/replicas"], None);
    assert_eq!(bed.summary(&policy).await, "");

    bed.patch(
        "deployment/web",
        r#"{"spec": {"paused": true, "revisionHistoryLimit": 3}}"#,
    );
    bed.kubectl
        .ok(&["set", "image", "deployment/web", "web=other:2"]);
    let report = bed.detect(&policy).await;
    assert_eq!(
        report.summary(),
        "Deployment web: /spec/template/spec/containers/0/image (kubectl-set)"
    );
    bed.correct(&policy, &report).await;
    let deployment = bed.kubectl.json(&["get", "deployment/web"]);
    assert_eq!(deployment["spec"]["replicas"], 5, "the ignored field");
    let containers = &deployment["spec"]["template"]["spec"]["containers"];
    assert_eq!(containers[0]["image"], "registry.example.com/web:1");
    assert_eq!(bed.summary(&policy).await, "");
}

#[tokio::test]
async fn an_ignored_text_of_a_secret_survives_a_correction() {
    let bed = Bed::installed(MANIFEST).await;
    let rotated = r#"{"data": {"password": "cm90YXRlZA==", "user": "eW91"}}"#;
    bed.patch("secret/token", rotated);
    for path in ["/data/password", "/stringData/password"] {
        let policy = ignoring(&[path], None);
        let summary = bed.summary(&policy).await;
        assert!(summary.starts_with("Secret token: /data/user"), "{summary}");
    }
    let policy = ignoring(&["/stringData/password"], None);
    let report = bed.detect(&policy).await;
    bed.correct(&policy, &report).await;
    let token = bed.kubectl.json(&["get", "secret/token"]);
    assert_eq!(token["data"]["password"], "cm90YXRlZA==");
    assert_eq!(token["data"]["user"], "bWU=");
    assert_eq!(bed.summary(&policy).await, "");
}

#[tokio::test]
async fn whole_objects_are_left_alone_by_rule_and_by_annotation() {
    let bed = Bed::installed(MANIFEST).await;
    bed.patch("configmap/settings", r#"{"data": {"greeting": "bye"}}"#);
    assert_eq!(bed.summary(&ignoring(&[""], labelled("app=web"))).await, "");
    let other = ignoring(&[""], labelled("app!=web"));
    let changed = bed.summary(&other).await;
    assert!(
        changed.contains("ConfigMap settings: /data/greeting"),
        "{changed}"
    );

    let exempt =
        r#"{"metadata": {"annotations": {"ext.theriseunion.io/driftDetection": "disabled"}}}"#;
    bed.patch("configmap/settings", exempt);
    assert_eq!(bed.summary(&DriftDetection::default()).await, "");
    // a deleted one has no annotation any more
    bed.kubectl.ok(&["delete", "configmap/settings"]);
    let missing = bed.summary(&DriftDetection::default()).await;
    assert_eq!(missing, "ConfigMap settings is missing");
    assert_eq!(bed.summary(&ignoring(&[""], labelled("app=web"))).await, "");
}

#[tokio::test]
async fn what_the_manifest_exempts_is_not_looked_at_and_what_it_keeps_must_be_there() {
    let mark = |annotation: &str| {
        format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: left, annotations: {{{annotation}}}}}, data: {{a: b}}}}"
        )
    };
    let policy = DriftDetection::default();
    let exempt = Bed::new(&mark("ext.theriseunion.io/driftDetection: disabled")).await;
    assert_eq!(exempt.summary(&policy).await, "");
    let kept = Bed::new(&mark("helm.sh/resource-policy: keep")).await;
    assert_eq!(kept.summary(&policy).await, "ConfigMap left is missing");
    let kept = kept.install().await;
    kept.patch("configmap/left", r#"{"data": {"a": "by hand"}}"#);
    assert_eq!(kept.summary(&policy).await, "");
}

#[tokio::test]
async fn replicas_that_an_autoscaler_decides_are_no_drift() {
    let autoscaler = "\
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  maxReplicas: 9
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
";
    let policy = DriftDetection::default();
    // one that somebody made beside the release, and one that is part of it
    let beside = Bed::installed(MANIFEST).await;
    let scale = r#"{"spec": {"replicas": 5}}"#;
    beside.patch("deployment/web", scale);
    assert_ne!(beside.summary(&policy).await, "");
    beside.kubectl.apply(autoscaler).succeeded();
    assert_eq!(beside.summary(&policy).await, "");

    let within = Bed::installed(&format!("{MANIFEST}---\n{autoscaler}")).await;
    within.patch("deployment/web", scale);
    assert_eq!(within.summary(&policy).await, "");
    within
        .kubectl
        .ok(&["set", "image", "deployment/web", "web=other:2"]);
    let report = within.detect(&policy).await;
    within.correct(&policy, &report).await;
    let deployment = within.kubectl.json(&["get", "deployment/web"]);
    assert_eq!(deployment["spec"]["replicas"], 5);
}

#[tokio::test]
async fn an_injected_ca_bundle_is_no_drift_and_stays() {
    let bed = Bed::new("").await;
    let name = format!("hooks-{}", bed.kubectl.namespace());
    let manifest = format!(
        "\
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: {name}}}
webhooks:
- name: a.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {{caBundle: Cg==, service: {{name: hook, namespace: default}}}}
  objectSelector: {{matchLabels: {{nobody: has-this}}}}
"
    );
    let bed = Bed {
        release: super::objects_of(&manifest),
        ..bed
    };
    let policy = DriftDetection::default();
    let report = bed.detect(&policy).await;
    bed.correct(&policy, &report).await;
    let inject = |field: &str, value: &str| {
        let patch =
            format!(r#"[{{"op": "replace", "path": "/webhooks/0/{field}", "value": "{value}"}}]"#);
        let what = format!("validatingwebhookconfiguration/{name}");
        bed.kubectl
            .ok(&["patch", &what, "--type=json", "--patch", &patch]);
    };
    inject("clientConfig/caBundle", "bGl2ZQ==");
    assert_eq!(bed.summary(&policy).await, "");
    inject("failurePolicy", "Fail");
    let report = bed.detect(&policy).await;
    let summary = report.summary();
    assert!(summary.contains("/webhooks/0/failurePolicy"), "{summary}");
    bed.correct(&policy, &report).await;
    let what = format!("validatingwebhookconfiguration/{name}");
    let live = bed.kubectl.json(&["get", &what]);
    assert_eq!(live["webhooks"][0]["failurePolicy"], "Ignore");
    assert_eq!(live["webhooks"][0]["clientConfig"]["caBundle"], "bGl2ZQ==");
    bed.kubectl.ok(&["delete", &what]);
}
