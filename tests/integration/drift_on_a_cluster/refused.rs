//! Objects that this account may not touch, or that the cluster does not know: the others are put right all the same.

use chartroom::component::DriftDetection;
use chartroom::controller::drift::{correct, detect};
use chartroom::controller::objects::Objects;
use chartroom::release::manifest::ObjectKey;

use super::{Bed, MANIFEST, client, objects_of};

#[tokio::test]
async fn one_is_forbidden_and_the_other_is_put_right() {
    let bed = Bed::installed(MANIFEST).await;
    let user = format!("limited-of-{}", bed.kubectl.namespace());
    let rights = format!(
        "\
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: limited}}
rules:
- {{apiGroups: ['', apps, autoscaling], resources: ['*'], verbs: [get, list]}}
- {{apiGroups: [''], resources: [configmaps], verbs: [patch, create]}}
- {{apiGroups: [apps], resources: [deployments], verbs: [patch]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: limited}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: limited}}
subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: {user}}}]
"
    );
    bed.kubectl.apply(&rights).succeeded();
    bed.patch("configmap/settings", r#"{"data": {"greeting": "bye"}}"#);
    bed.patch("secret/token", r#"{"data": {"password": "b3RoZXI="}}"#);
    bed.patch("deployment/web", r#"{"spec": {"replicas": 5}}"#);
    bed.kubectl.ok(&["delete", "service/web"]);

    let limited = Objects::new(client(Some(&user)).await);
    let policy = DriftDetection::default();
    let check = bed.check(&policy);
    let report = detect(&limited, &check).await;
    // it may not even try the Secret
    let [(unknown, why)] = &report.unknown[..] else {
        panic!("{report:#?}");
    };
    assert_eq!(unknown.kind, "Secret");
    assert!(
        why.contains("trying Secret token: ") && why.contains("forbidden"),
        "{why}"
    );

    let outcomes = correct(&limited, &check, &report).await;
    let kinds: Vec<(&str, bool)> = outcomes
        .iter()
        .map(|(key, outcome)| (key.kind.as_str(), outcome.is_ok()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("ConfigMap", true),
            ("Service", false),
            ("Deployment", true)
        ]
    );
    let (_, refusal) = &outcomes[1];
    let refusal = refusal.as_ref().expect_err("it may not create Services");
    assert!(
        refusal.starts_with("applying Service web: services \"web\" is forbidden"),
        "{refusal}"
    );

    let settings = bed.kubectl.json(&["get", "configmap/settings"]);
    assert_eq!(settings["data"]["greeting"], "hello");
    let deployment = bed.kubectl.json(&["get", "deployment/web"]);
    assert_eq!(deployment["spec"]["replicas"], 2);
}

#[tokio::test]
async fn what_cannot_be_told_is_unknown_and_the_rest_is_told() {
    let bed = Bed::installed(MANIFEST).await;
    let strange = "\
apiVersion: nobody.example.com/v1
kind: Gadget
metadata: {name: strange}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: other}}
  template:
    metadata: {labels: {app: other}}
    spec: {containers: [{name: web, image: x}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {greeting: hello}
inmutable: true
";
    bed.kubectl.ok(&["delete", "service/web"]);
    let mut release = bed.release.clone();
    release.retain(|object| !["ConfigMap", "Deployment"].contains(&object.kind.as_str()));
    release.extend(objects_of(strange));
    let bed = Bed { release, ..bed };
    let report = bed.detect(&DriftDetection::default()).await;
    let image = "/spec/template/spec/containers/0/image";
    assert_eq!(
        report.summary(),
        format!("Service web is missing; Deployment web: {image}")
    );
    let whys: Vec<&str> = report.unknown.iter().map(|(_, why)| why.as_str()).collect();
    let [gadget, deployment, settings] = whys[..] else {
        panic!("{report:#?}");
    };
    assert_eq!(
        gadget,
        "the cluster knows no kind Gadget in nobody.example.com/v1: the definition that brings it must be installed \
         first"
    );
    assert!(deployment.contains("field is immutable"), "{deployment}");
    assert_eq!(
        settings,
        "trying ConfigMap settings: the API server knows no field .inmutable; correct the chart, or take a version of \
         it that is made for this Kubernetes"
    );
}

#[tokio::test]
async fn objects_are_read_and_deleted_where_they_are() {
    let bed = Bed::installed(MANIFEST).await;
    let namespace = bed.kubectl.namespace().to_owned();
    let key = |kind: &str, group: &str, version: &str, name: &str| ObjectKey {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: kind.to_owned(),
        namespace: None,
        name: name.to_owned(),
    };
    let web = key("Service", "", "v1", "web");
    assert!(bed.objects.is_namespaced(&web).await.expect("a known kind"));
    let role = key("ClusterRole", "rbac.authorization.k8s.io", "v1", "view");
    assert!(
        !bed.objects
            .is_namespaced(&role)
            .await
            .expect("a known kind")
    );
    for _ in 0..2 {
        bed.objects
            .delete(&web, &namespace)
            .await
            .expect("gone is fine too");
        let found = bed.objects.get(&web, &namespace).await.expect("an answer");
        assert_eq!(found, None);
    }
    let gadget = key("Gadget", "nobody.example.com", "v1", "x");
    bed.objects
        .delete(&gadget, &namespace)
        .await
        .expect("its kind is gone");
    bed.objects
        .get(&gadget, &namespace)
        .await
        .expect_err("no such kind");
    let nowhere = bed.objects.get(&web, "no-such-namespace").await;
    assert_eq!(nowhere.expect("an answer"), None);
    let version = bed.objects.server_version().await.expect("a version");
    assert!(version.git_version.starts_with('v'), "{version:?}");
}
