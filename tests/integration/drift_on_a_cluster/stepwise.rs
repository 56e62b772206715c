//! Objects whose apply the API server refuses: what can be put right is, field by field.

use chartroom::component::DriftDetection;
use chartroom::controller::drift::Change;
use serde_json::json;

use super::{Bed, MANIFEST, objects_of};
use crate::support::control_plane::ControlPlane;

#[tokio::test]
async fn lists_that_cannot_be_merged_are_put_right() {
    let bed = Bed::installed(MANIFEST).await;
    let policy = DriftDetection::default();
    let container = "/spec/template/spec/containers/0";
    let rows = [
        (
            "service/web",
            json!([{"op": "replace", "path": "/spec/ports/0/port", "value": 81}]),
            &["/spec/ports/0/port"][..],
        ),
        (
            "deployment/web",
            json!([
                {"op": "add", "path": format!("{container}/env/-"), "value": {"name": "A", "value": "2"}},
                {"op": "replace", "path": "/spec/replicas", "value": 7},
            ]),
            &["/spec/replicas", "/spec/template/spec/containers/0/env"],
        ),
        (
            "deployment/web",
            json!([{"op": "replace", "path": format!("{container}/name"), "value": "other"}]),
            &["/spec/template/spec/containers"],
        ),
    ];
    for (what, patch, expected) in rows {
        let patch = patch.to_string();
        bed.kubectl
            .ok(&["patch", what, "--type=json", "--patch", &patch]);
        let report = bed.detect(&policy).await;
        assert_eq!(report.unknown, [], "{patch}");
        let [drifted] = &report.drifted[..] else {
            panic!("{patch}: {report:#?}");
        };
        // who wrote it is not always known: 1.28 notes nobody where a list has a key twice
        let Change::Changed(fields) = &drifted.change else {
            panic!("{patch}: {drifted:#?}");
        };
        for path in expected {
            let is_named = fields.iter().any(|field| field.path.starts_with(path));
            assert!(is_named, "{patch}: {path}: {fields:#?}");
        }
        bed.correct(&policy, &report).await;
        assert_eq!(bed.summary(&policy).await, "", "{patch}");
    }
    let live = bed.kubectl.json(&["get", "deployment/web"]);
    assert_eq!(live["spec"]["replicas"], 2);
}

#[tokio::test]
async fn a_claim_enlarged_by_hand_names_the_way_out() {
    let plane = ControlPlane::shared_with_controller_manager();
    let bed = Bed::on(plane, "").await;
    let namespace = bed.kubectl.namespace().to_owned();
    let volume = format!(
        "\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {{name: {namespace}}}
provisioner: example.com/none
allowVolumeExpansion: true
---
apiVersion: v1
kind: PersistentVolume
metadata: {{name: {namespace}}}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {{storage: 1Gi}}
  hostPath: {{path: /nowhere}}
  storageClassName: {namespace}
"
    );
    bed.kubectl.apply(&volume).succeeded();
    let manifest = format!(
        "\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: data, labels: {{tier: chart}}}}
spec:
  accessModes: [ReadWriteOnce]
  resources: {{requests: {{storage: 1Gi}}}}
  storageClassName: {namespace}
"
    );
    let release = objects_of(&manifest);
    let bed = Bed { release, ..bed };
    let policy = DriftDetection::default();
    let report = bed.detect(&policy).await;
    bed.correct(&policy, &report).await;
    let bound = |claim: &serde_json::Value| claim["status"]["phase"] == "Bound";
    bed.await_object("pvc/data", bound).await;
    bed.patch(
        "pvc/data",
        r#"{"metadata": {"labels": {"tier": "by-hand"}}, "spec": {"resources": {"requests": {"storage": "2Gi"}}}}"#,
    );
    let report = bed.detect(&policy).await;
    assert!(
        report
            .summary()
            .contains("PersistentVolumeClaim data: /metadata/labels/tier"),
        "{report:#?}"
    );
    let [(_, why)] = &report.unknown[..] else {
        panic!("{report:#?}");
    };
    for words in [
        "/spec/resources/requests/storage",
        "cannot shrink",
        "driftDetection.ignore",
    ] {
        assert!(why.contains(words), "{words}: {why}");
    }
    bed.correct(&policy, &report).await;
    let live = bed.kubectl.json(&["get", "pvc/data"]);
    assert_eq!(live["metadata"]["labels"]["tier"], "chart");
    assert_eq!(live["spec"]["resources"]["requests"]["storage"], "2Gi");
    bed.kubectl.ok(&["delete", "pvc/data", "--wait=false"]);
    bed.kubectl
        .ok(&["delete", "pv", &namespace, "--wait=false"]);
    bed.kubectl.ok(&["delete", "storageclass", &namespace]);
}
