use serde_json::{Value, json};

use super::*;

fn waits(why: &str) -> Readiness {
    Readiness::InProgress(why.to_owned())
}

fn failed(why: &str) -> Readiness {
    Readiness::Failed(why.to_owned())
}

#[track_caller]
fn check(api_version: &str, kind: &str, rows: &[(&str, Value, Value, Readiness)]) {
    for (case, spec, status, expected) in rows {
        let object = json!({
            "apiVersion": api_version, "kind": kind, "metadata": {"generation": 2},
            "spec": spec, "status": status,
        });
        assert_eq!(readiness(&object), *expected, "{kind}: {case}");
    }
}

#[test]
fn a_deployment_is_ready_when_all_replicas_are_new_and_available() {
    let status = |updated: i64, all: i64, available: i64| {
        json!({
            "observedGeneration": 2, "updatedReplicas": updated, "replicas": all,
            "availableReplicas": available, "readyReplicas": available,
        })
    };
    let with = |mut status: Value, condition: Value| {
        status["conditions"] = json!([condition]);
        status
    };
    let late = json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
        "message": "it has timed out"});
    let refused = json!({"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"});
    let absent = json!({"type": "Available", "status": "False", "message": "not yet"});
    let two = json!({"replicas": 2});
    check(
        "apps/v1",
        "Deployment",
        &[
            ("all", two.clone(), status(2, 2, 2), Readiness::Ready),
            (
                "one by default",
                json!({}),
                status(1, 1, 1),
                Readiness::Ready,
            ),
            (
                "none wanted",
                json!({"replicas": 0}),
                status(0, 0, 0),
                Readiness::Ready,
            ),
            (
                "just made",
                two.clone(),
                json!({}),
                waits("its controller has not seen it yet"),
            ),
            (
                "just changed",
                two.clone(),
                json!({"observedGeneration": 1}),
                waits("its controller has not seen the latest change yet"),
            ),
            (
                "few updated",
                two.clone(),
                status(1, 2, 2),
                waits("1 of 2 replicas are updated"),
            ),
            (
                "old ones",
                two.clone(),
                status(2, 3, 2),
                waits("1 old replicas have not ended yet"),
            ),
            (
                "few available",
                two.clone(),
                status(2, 2, 0),
                waits("0 of 2 replicas are available"),
            ),
            (
                "too late",
                two.clone(),
                with(status(2, 2, 0), late),
                failed("it has timed out"),
            ),
            (
                "refused",
                two.clone(),
                with(status(0, 0, 0), refused),
                waits("exceeded quota"),
            ),
            (
                "not available",
                two,
                with(status(2, 2, 2), absent),
                waits("not yet"),
            ),
        ],
    );
}

#[test]
fn other_workloads_are_ready_by_their_own_rules() {
    let rolled = |current: &str| {
        json!({
            "observedGeneration": 2, "replicas": 2, "readyReplicas": 2, "updatedReplicas": 1,
            "currentRevision": current, "updateRevision": "b",
        })
    };
    let two = json!({"replicas": 2});
    let kept = json!({"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}});
    let manual = json!({"replicas": 2, "updateStrategy": {"type": "OnDelete"}});
    check(
        "apps/v1",
        "StatefulSet",
        &[
            ("all", two.clone(), rolled("b"), Readiness::Ready),
            (
                "rolling",
                two.clone(),
                rolled("a"),
                waits("1 of 2 replicas are updated"),
            ),
            ("as far as it should", kept, rolled("a"), Readiness::Ready),
            ("updated by hand", manual, json!({}), Readiness::Ready),
            (
                "few",
                two,
                json!({"observedGeneration": 2, "replicas": 1}),
                waits("1 of 2 replicas are there"),
            ),
        ],
    );
    let nodes = |ready: i64| {
        json!({
            "observedGeneration": 2, "desiredNumberScheduled": 2, "currentNumberScheduled": 2,
            "updatedNumberScheduled": 2, "numberAvailable": 2, "numberReady": ready,
        })
    };
    let nowhere = json!({"observedGeneration": 2, "desiredNumberScheduled": 0});
    check(
        "apps/v1",
        "DaemonSet",
        &[
            ("on all nodes", json!({}), nodes(2), Readiness::Ready),
            (
                "on one",
                json!({}),
                nodes(1),
                waits("1 of 2 replicas are ready"),
            ),
            ("no node wants it", json!({}), nowhere, Readiness::Ready),
            (
                "just made",
                json!({}),
                json!({}),
                waits("its controller has not seen it yet"),
            ),
        ],
    );
    check(
        "apps/v1",
        "ReplicaSet",
        &[
            (
                "too many",
                json!({"replicas": 1}),
                json!({"observedGeneration": 2, "replicas": 2, "availableReplicas": 1, "readyReplicas": 1}),
                waits("1 replicas too many have not ended yet"),
            ),
            (
                "few",
                json!({"replicas": 1}),
                json!({"observedGeneration": 2}),
                waits("0 of 1 replicas are available"),
            ),
        ],
    );
}

#[test]
fn pods_and_jobs_are_ready_when_they_run_or_are_done() {
    let ready = |status: &str| json!({"phase": "Running", "conditions": [{"type": "Ready", "status": status, "message": "probe"}]});
    let unscheduled = json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "message": "no nodes"},
    ]});
    let none = json!({});
    check(
        "v1",
        "Pod",
        &[
            ("ready", none.clone(), ready("True"), Readiness::Ready),
            ("not ready", none.clone(), ready("False"), waits("probe")),
            (
                "done",
                none.clone(),
                json!({"phase": "Succeeded"}),
                Readiness::Ready,
            ),
            (
                "failed",
                none.clone(),
                json!({"phase": "Failed", "reason": "Evicted"}),
                failed("Evicted"),
            ),
            ("no node", none.clone(), unscheduled, waits("no nodes")),
            (
                "new",
                none.clone(),
                json!({"phase": "Pending"}),
                waits("it has not started yet"),
            ),
        ],
    );
    let ended =
        |name: &str| json!({"conditions": [{"type": name, "status": "True", "message": "why"}]});
    check(
        "batch/v1",
        "Job",
        &[
            (
                "complete",
                none.clone(),
                ended("Complete"),
                Readiness::Ready,
            ),
            ("failed", none.clone(), ended("Failed"), failed("why")),
            (
                "started",
                none.clone(),
                json!({"startTime": "2026-01-01T00:00:00Z"}),
                Readiness::Ready,
            ),
            (
                "suspended",
                json!({"suspend": true}),
                json!({}),
                Readiness::Ready,
            ),
            ("new", none, json!({}), waits("it has not started yet")),
        ],
    );
}

#[test]
fn the_rest_is_ready_by_what_it_says() {
    let none = json!({});
    let says = |name: &str, status: &str| json!({"conditions": [{"type": name, "status": status, "message": "why"}]});
    check(
        "v1",
        "PersistentVolumeClaim",
        &[
            (
                "bound",
                none.clone(),
                json!({"phase": "Bound"}),
                Readiness::Ready,
            ),
            (
                "lost",
                none.clone(),
                json!({"phase": "Lost"}),
                failed("its volume is lost"),
            ),
            (
                "pending",
                json!({"storageClassName": "fast"}),
                json!({"phase": "Pending"}),
                waits("it is not bound to a volume (storage class \"fast\")"),
            ),
        ],
    );
    let balancer = |address: &str| json!({"type": "LoadBalancer", "clusterIP": address});
    check(
        "v1",
        "Service",
        &[
            (
                "any",
                none.clone(),
                json!({"loadBalancer": {}}),
                Readiness::Ready,
            ),
            (
                "with an address",
                balancer("10.0.0.1"),
                none.clone(),
                Readiness::Ready,
            ),
            (
                "without",
                balancer(""),
                none.clone(),
                waits("it has no cluster address yet"),
            ),
        ],
    );
    check(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        &[
            (
                "established",
                none.clone(),
                says("Established", "True"),
                Readiness::Ready,
            ),
            (
                "names taken",
                none.clone(),
                says("NamesAccepted", "False"),
                failed("why"),
            ),
            (
                "new",
                none.clone(),
                none.clone(),
                waits("it is not established yet"),
            ),
        ],
    );
    let healthy = |now: i64| json!({"currentHealthy": now, "desiredHealthy": 2});
    check(
        "policy/v1beta1",
        "PodDisruptionBudget",
        &[
            ("enough", none.clone(), healthy(2), Readiness::Ready),
            (
                "few",
                none.clone(),
                healthy(1),
                waits("1 of 2 pods are healthy"),
            ),
        ],
    );
    check(
        "v1",
        "ConfigMap",
        &[("any", none.clone(), Value::Null, Readiness::Ready)],
    );
    check(
        "example.com/v1",
        "Widget",
        &[
            ("silent", none.clone(), none.clone(), Readiness::Ready),
            (
                "ready",
                none.clone(),
                says("Ready", "True"),
                Readiness::Ready,
            ),
            (
                "not ready",
                none.clone(),
                says("Ready", "False"),
                waits("why"),
            ),
            (
                "stalled",
                none.clone(),
                says("Stalled", "True"),
                failed("why"),
            ),
            (
                "at work",
                none.clone(),
                says("Reconciling", "True"),
                waits("why"),
            ),
            (
                "behind",
                none,
                json!({"observedGeneration": 1}),
                waits("its controller has not seen the latest change yet"),
            ),
        ],
    );
    let gone =
        json!({"kind": "ConfigMap", "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    assert_eq!(readiness(&gone), Readiness::Gone);
}

#[test]
fn a_suspended_job_names_the_way_out() {
    let job = json!({"status": {"startTime": "2026-01-01T00:00:00Z"}, "spec": {"suspend": true}});
    let Readiness::InProgress(why) = workloads::completed_job(&job) else {
        panic!("it has not completed");
    };
    assert!(
        why.contains("spec.suspend") && why.contains("waitForJobs"),
        "{why}"
    );
}
