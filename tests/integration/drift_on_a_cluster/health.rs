//! Why objects are not ready, when the test plays the kubelet.

use chartroom::controller::health::{Unready, name_three, unready};
use serde_json::{Value, json};

use super::{Bed, MANIFEST};

impl Bed {
    async fn unready(&self) -> Vec<Unready> {
        unready(
            &self.objects,
            &self.client,
            &self.release,
            self.kubectl.namespace(),
        )
        .await
    }

    /// A pod of the Deployment `web`, and what its node says of it.
    fn pod(&self, name: &str, more: &Value, status: &Value) {
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "registry.example.com/web:1"}]},
        });
        if let (Some(spec), Some(more)) = (pod["spec"].as_object_mut(), more.as_object()) {
            spec.extend(more.clone());
        }
        self.kubectl.apply(&pod.to_string()).succeeded();
        self.says(&format!("pods/{name}"), status);
    }

    /// Writes the status, as a node or a controller does.
    fn says(&self, path: &str, status: &Value) {
        let (plural, _) = path.split_once('/').expect("plural/name");
        let prefix = match plural {
            "deployments" => "apis/apps/v1",
            _ => "api/v1",
        };
        let namespace = self.kubectl.namespace();
        let place = format!("/{prefix}/namespaces/{namespace}/{path}");
        let mut object: Value =
            serde_json::from_str(&self.kubectl.ok(&["get", "--raw", &place])).expect("JSON");
        object["status"] = status.clone();
        let status = format!("{place}/status");
        self.kubectl
            .run(
                &["replace", "--raw", &status, "--filename=-"],
                &object.to_string(),
            )
            .succeeded();
    }
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({"phase": "Pending", "containerStatuses": [{
        "name": "web", "image": "registry.example.com/web:1", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": reason, "message": message}},
    }]})
}

#[tokio::test]
async fn the_pod_says_why_its_deployment_is_not_ready() {
    let bed = Bed::installed(MANIFEST).await;
    let alone = bed.unready().await;
    assert_eq!(
        name_three(&alone),
        "Deployment web: its controller has not seen it yet"
    );

    let rows = [
        (
            "web-c",
            json!({"phase": "Pending"}),
            "it has no node yet (pod web-c)",
        ),
        (
            "web-b",
            json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
                "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient memory."}]}),
            "Unschedulable: 0/1 nodes are available: 1 Insufficient memory. (pod web-b)",
        ),
        (
            "web-crash",
            json!({"phase": "Running", "containerStatuses": [{
                "name": "web", "image": "x", "imageID": "", "ready": false, "restartCount": 4,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "message": "no such host db\n"}},
            }]}),
            "CrashLoopBackOff: exit code 1: no such host db (container web of pod web-crash)",
        ),
        (
            "web-a",
            waiting("ImagePullBackOff", "Back-off pulling image"),
            "ImagePullBackOff: registry.example.com/web:1 (container web of pod web-a)",
        ),
    ];
    for (name, status, expected) in rows {
        bed.pod(name, &json!({}), &status);
        let found = bed.unready().await;
        assert_eq!(name_three(&found), format!("Deployment web: {expected}"));
    }

    let ready = json!({"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2,
        "availableReplicas": 2});
    bed.says("deployments/web", &ready);
    assert_eq!(bed.unready().await, []);
    bed.kubectl.ok(&["delete", "service/web"]);
    assert_eq!(
        name_three(&bed.unready().await),
        "Service web: it is missing"
    );
}

#[tokio::test]
async fn a_claim_without_a_volume_is_named() {
    let bed = Bed::installed(MANIFEST).await;
    let claim = "\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
";
    let volumes =
        json!({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]});
    bed.pod("web-a", &volumes, &json!({"phase": "Pending"}));
    let missing = "Deployment web: PersistentVolumeClaim data is missing (pod web-a)";
    assert_eq!(name_three(&bed.unready().await), missing);
    bed.kubectl.apply(claim).succeeded();
    let unbound = "Deployment web: PersistentVolumeClaim data is not bound to a volume (pod web-a)";
    assert_eq!(name_three(&bed.unready().await), unbound);
}

#[tokio::test]
async fn a_workload_without_pods_is_explained_by_its_last_warning() {
    let bed = Bed::installed(MANIFEST).await;
    let deployment = bed.kubectl.json(&["get", "deployment/web"]);
    let event = |name: &str, time: &str, message: &str| {
        let event = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": name}, "type": "Warning",
            "reason": "FailedCreate", "message": message, "lastTimestamp": time,
            "involvedObject": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web",
                "namespace": bed.kubectl.namespace(), "uid": deployment["metadata"]["uid"]},
        });
        bed.kubectl
            .run(&["create", "--filename=-"], &event.to_string())
            .succeeded();
    };
    event("b", "2026-01-02T00:00:00Z", "exceeded quota: pods=2");
    event("a", "2026-01-01T00:00:00Z", "something older");
    assert_eq!(
        name_three(&bed.unready().await),
        "Deployment web: its controller has not seen it yet: exceeded quota: pods=2"
    );
}
