//! The part of nodes and of controllers of the control plane, where a test wants one: there is no node, and the shared
//! control plane has no controller manager.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use super::api::{Api, poll};
use super::control_plane::ControlPlane;

/// How long an object may take to appear.
const DEADLINE: Duration = Duration::from_secs(60);
/// A moment that has passed.
const TIME: &str = "2024-01-01T00:00:00Z";
/// The status of a workload that is ready.
type StatusOf = fn(&Value) -> Value;
/// Besides Deployments, what has pods that stay.
const OTHER_WORKLOADS: [(&str, StatusOf); 2] = [
    ("statefulsets", stateful_set_status),
    ("daemonsets", daemon_set_status),
];

/// Says of workloads in one namespace how they are. With a controller manager at work, only what is said of pods and
/// Jobs stays.
#[derive(Clone)]
pub struct Kubelet {
    api: Api,
    namespace: String,
}

impl Kubelet {
    /// For this namespace.
    #[track_caller]
    pub fn of(plane: &ControlPlane, namespace: &str) -> Kubelet {
        Kubelet {
            api: plane.api().clone(),
            namespace: namespace.to_owned(),
        }
    }

    /// Makes every Deployment, StatefulSet and DaemonSet ready and every Job and Pod succeed, those to come too, until the
    /// answer is dropped.
    pub fn keep_ready(&self) -> KeptReady {
        let stop = Arc::new(AtomicBool::new(false));
        let (kubelet, stopped) = (self.clone(), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                kubelet.all_ready();
                thread::sleep(Duration::from_millis(50));
            }
        });
        KeptReady {
            stop,
            thread: Some(thread),
        }
    }

    /// Waits for the Deployment and makes it ready.
    #[track_caller]
    pub fn ready(&self, deployment: &str) {
        let found = self.await_object("apps/v1", "deployments", deployment);
        self.set_status("apps/v1", "deployments", &found, &deployment_status(&found));
    }

    /// Waits for the Deployment and says that none of its pods is available.
    #[track_caller]
    pub fn unready(&self, deployment: &str) {
        let found = self.await_object("apps/v1", "deployments", deployment);
        let status = json!({
            "observedGeneration": found["metadata"]["generation"],
            "replicas": 1, "updatedReplicas": 1, "unavailableReplicas": 1,
            "readyReplicas": null, "availableReplicas": null,
            "conditions": [condition("Available", "False", "MinimumReplicasUnavailable")],
        });
        self.set_status("apps/v1", "deployments", &found, &status);
    }

    /// Waits for the Deployment and gives it a pod whose container waits for this reason, such as `ImagePullBackOff`.
    /// Returns the pod's name.
    #[track_caller]
    pub fn pod_waiting(&self, deployment: &str, reason: &str, message: &str) -> String {
        let found = self.await_object("apps/v1", "deployments", deployment);
        let template = &found["spec"]["template"];
        let name = format!("{deployment}-7d9c5b8f6-x2x4z");
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": template["metadata"]["labels"]},
            "spec": template["spec"],
        });
        let pod = self.api.create(&self.path("v1", "pods"), &pod);
        let container = &pod["spec"]["containers"][0];
        let status = json!({
            "phase": "Pending",
            "conditions": [condition("Ready", "False", "ContainersNotReady")],
            "containerStatuses": [{
                "name": container["name"], "image": container["image"], "imageID": "",
                "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": reason, "message": message}},
            }],
        });
        self.set_status("v1", "pods", &pod, &status);
        name
    }

    /// Waits for the Job and ends it.
    #[track_caller]
    pub fn finish_job(&self, job: &str, succeeded: bool) {
        let found = self.await_object("batch/v1", "jobs", job);
        self.set_status("batch/v1", "jobs", &found, &job_status(succeeded));
    }

    fn all_ready(&self) {
        for deployment in self.objects("apps/v1", "deployments") {
            let status = &deployment["status"];
            let is_seen = status["observedGeneration"] == deployment["metadata"]["generation"];
            if !is_seen || status["availableReplicas"] != deployment["spec"]["replicas"] {
                let status = deployment_status(&deployment);
                self.try_status("apps/v1", "deployments", &deployment, &status)
                    .ok();
            }
        }
        for (plural, status_of) in OTHER_WORKLOADS {
            for object in self.objects("apps/v1", plural) {
                if object["status"]["observedGeneration"] != object["metadata"]["generation"] {
                    self.try_status("apps/v1", plural, &object, &status_of(&object))
                        .ok();
                }
            }
        }
        for job in self.objects("batch/v1", "jobs") {
            if job["status"]["conditions"].is_null() {
                self.try_status("batch/v1", "jobs", &job, &job_status(true))
                    .ok();
            }
        }
        for pod in self.objects("v1", "pods") {
            let is_owned = !pod["metadata"]["ownerReferences"].is_null();
            if !is_owned && pod["status"]["phase"] == "Pending" {
                self.try_status("v1", "pods", &pod, &json!({"phase": "Succeeded"}))
                    .ok();
            }
        }
    }

    /// None too when the API server is away.
    fn objects(&self, version: &str, plural: &str) -> Vec<Value> {
        let answer = self.api.send("GET", &self.path(version, plural), None);
        let items = answer.ok().and_then(|mut list| match list["items"].take() {
            Value::Array(items) => Some(items),
            _ => None,
        });
        items.unwrap_or_default()
    }

    #[track_caller]
    fn await_object(&self, version: &str, plural: &str, name: &str) -> Value {
        let path = format!("{}/{name}", self.path(version, plural));
        let found = poll(DEADLINE, || self.api.get(&path));
        found.unwrap_or_else(|| panic!("within {DEADLINE:?} there was no {path}"))
    }

    #[track_caller]
    fn set_status(&self, version: &str, plural: &str, object: &Value, status: &Value) {
        if let Err(refusal) = self.try_status(version, plural, object, status) {
            panic!("the status of {}: {refusal}", object["metadata"]["name"]);
        }
    }

    /// The object may be gone.
    fn try_status(
        &self,
        version: &str,
        plural: &str,
        object: &Value,
        status: &Value,
    ) -> Result<(), String> {
        let name = object["metadata"]["name"].as_str().expect("a name");
        let path = format!("{}/{name}/status", self.path(version, plural));
        let answer = self
            .api
            .send("PATCH", &path, Some(&json!({"status": status})));
        answer.map(drop).map_err(|refusal| format!("{refusal:?}"))
    }

    fn path(&self, version: &str, plural: &str) -> String {
        let root = if version == "v1" { "/api" } else { "/apis" };
        format!("{root}/{version}/namespaces/{}/{plural}", self.namespace)
    }
}

/// While this exists, workloads become ready.
pub struct KeptReady {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for KeptReady {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn deployment_status(deployment: &Value) -> Value {
    let replicas = &deployment["spec"]["replicas"];
    json!({
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": replicas, "updatedReplicas": replicas,
        "readyReplicas": replicas, "availableReplicas": replicas, "unavailableReplicas": null,
        "conditions": [
            condition("Available", "True", "MinimumReplicasAvailable"),
            condition("Progressing", "True", "NewReplicaSetAvailable"),
        ],
    })
}

fn stateful_set_status(object: &Value) -> Value {
    let replicas = &object["spec"]["replicas"];
    json!({
        "observedGeneration": object["metadata"]["generation"],
        "replicas": replicas, "readyReplicas": replicas, "currentReplicas": replicas,
        "updatedReplicas": replicas, "currentRevision": "one", "updateRevision": "one",
    })
}

fn daemon_set_status(object: &Value) -> Value {
    json!({
        "observedGeneration": object["metadata"]["generation"],
        "currentNumberScheduled": 1, "desiredNumberScheduled": 1, "numberMisscheduled": 0,
        "numberReady": 1, "numberAvailable": 1, "updatedNumberScheduled": 1,
    })
}

/// The Job as its controller ends it. Since 1.31 an API server takes the last condition only with the one that says why
/// it must come; an older one keeps both and knows the last.
fn job_status(succeeded: bool) -> Value {
    if succeeded {
        json!({
            "succeeded": 1, "startTime": TIME, "completionTime": TIME,
            "conditions": [
                condition("SuccessCriteriaMet", "True", "CompletionsReached"),
                condition("Complete", "True", "CompletionsReached"),
            ],
        })
    } else {
        json!({
            "failed": 1, "startTime": TIME,
            "conditions": [
                condition("FailureTarget", "True", "BackoffLimitExceeded"),
                condition("Failed", "True", "BackoffLimitExceeded"),
            ],
        })
    }
}

fn condition(kind: &str, status: &str, reason: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": "as the test says",
        "lastTransitionTime": TIME,
    })
}
