use serde_json::{Value, json};

use super::*;

fn pod(name: &str, status: Value) -> Value {
    json!({"metadata": {"name": name}, "status": status})
}

fn container(state: Value) -> Value {
    let mut container = json!({"name": "web", "image": "registry/app:1", "ready": false});
    for (name, value) in state.as_object().expect("an object") {
        container[name] = value.clone();
    }
    json!({"phase": "Pending", "containerStatuses": [container]})
}

fn waiting(reason: &str, message: &str) -> Value {
    container(json!({"state": {"waiting": {"reason": reason, "message": message}}}))
}

#[test]
fn the_reason_is_the_one_that_an_operator_looks_for() {
    let crashed = |ended: Value| {
        container(json!({
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
            "lastState": {"terminated": ended},
        }))
    };
    let mut init = waiting("ImagePullBackOff", "");
    init["initContainerStatuses"] = init["containerStatuses"].take();
    let rows = [
        (
            "the image is missing",
            waiting(
                "ImagePullBackOff",
                "Back-off pulling image \"registry/app:1\"",
            ),
            "ImagePullBackOff: registry/app:1 (container web of pod web-abc)",
        ),
        (
            "the registry says why",
            waiting("ErrImagePull", "manifest unknown"),
            "ErrImagePull: registry/app:1 (container web of pod web-abc): manifest unknown",
        ),
        (
            "before the start",
            init,
            "ImagePullBackOff: registry/app:1 (init container web of pod web-abc)",
        ),
        (
            "a Secret is missing",
            waiting("CreateContainerConfigError", "secret \"token\" not found"),
            "CreateContainerConfigError: secret \"token\" not found (container web of pod web-abc)",
        ),
        (
            "it crashes with last words",
            crashed(
                json!({"reason": "Error", "exitCode": 1, "message": "a\nb\nno such\nhost\ndb\n"}),
            ),
            "CrashLoopBackOff: exit code 1: no such host db (container web of pod web-abc)",
        ),
        (
            "it is killed for its memory",
            crashed(json!({"reason": "OOMKilled", "exitCode": 137})),
            "CrashLoopBackOff: OOMKilled, exit code 137 (container web of pod web-abc)",
        ),
        (
            "it has just crashed",
            container(json!({"state": {"terminated": {"reason": "Error", "exitCode": 2}}})),
            "exit code 2 (container web of pod web-abc)",
        ),
        (
            "no node",
            json!({"phase": "Pending", "conditions": [{
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "0/1 nodes are available: 1 Insufficient cpu.",
            }]}),
            "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu. (pod web-abc)",
        ),
        (
            "evicted",
            json!({"phase": "Failed", "reason": "Evicted", "message": "low on disk"}),
            "Evicted: low on disk (pod web-abc)",
        ),
        (
            "its probe fails",
            container(json!({"state": {"running": {}}, "restartCount": 3})),
            "it runs but is not ready, after 3 restarts (container web of pod web-abc)",
        ),
        (
            "nobody says",
            json!({"phase": "Pending"}),
            "it has no node yet (pod web-abc)",
        ),
    ];
    for (case, status, expected) in rows {
        let pods = [pod("web-abc", status)];
        let (_, trouble) = worst(&pods).expect("a trouble");
        assert_eq!(trouble.why, expected, "{case}");
    }
}

#[test]
fn the_plainest_cause_is_told_and_wells_and_goners_are_not() {
    let missing = waiting("ErrImagePull", "");
    let pods = [
        pod("a", json!({"phase": "Pending"})),
        pod("c", missing.clone()),
        pod("b", missing),
    ];
    let (found, trouble) = worst(&pods).expect("a trouble");
    assert_eq!(found["metadata"]["name"], "b");
    assert_eq!(trouble.weight(), 0);

    let well = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "web", "ready": true, "state": {"running": {}}}]});
    let mut going = pod("b", waiting("ErrImagePull", ""));
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    let done = pod("c", json!({"phase": "Succeeded"}));
    assert_eq!(worst(&[pod("a", well), going, done]), None);
}

#[test]
fn a_claim_can_be_blamed_for_a_pod_that_waits_without_a_word() {
    let mut waits = pod("db-0", json!({"phase": "Pending"}));
    waits["spec"]["volumes"] = json!([
        {"name": "x", "emptyDir": {}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}},
    ]);
    let pods = [waits];
    let (found, trouble) = worst(&pods).expect("a trouble");
    assert!(trouble.may_be_a_claim());
    assert_eq!(claims(found), ["data-db-0"]);
    let blamed = trouble.with_claim("data-db-0", "is not bound to a volume");
    assert_eq!(
        blamed.why,
        "PersistentVolumeClaim data-db-0 is not bound to a volume (pod db-0)"
    );
    assert_eq!(blamed.weight(), 0);
}
