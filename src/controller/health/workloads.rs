//! Readiness of pods and of the kinds that run them. Pure.

use serde_json::Value;

use super::readiness::{Readiness, condition};

/// Kinds whose `spec.selector` finds their pods.
pub const KINDS: [&str; 6] = [
    "DaemonSet",
    "Deployment",
    "Job",
    "ReplicaSet",
    "ReplicationController",
    "StatefulSet",
];

/// A number of `status`; absent is 0.
fn count(object: &Value, name: &str) -> i64 {
    object["status"][name].as_i64().unwrap_or(0)
}

/// `spec.replicas`; absent is 1.
fn replicas(object: &Value) -> i64 {
    object["spec"]["replicas"].as_i64().unwrap_or(1)
}

/// The first of these `status` fields that counts fewer pods than wanted, with its word for the message.
fn short(object: &Value, wanted: i64, rows: &[(&str, &str)]) -> Option<Readiness> {
    rows.iter().find_map(|(field, word)| {
        let found = count(object, field);
        (found < wanted)
            .then(|| Readiness::InProgress(format!("{found} of {wanted} replicas are {word}")))
    })
}

fn is_unseen(object: &Value) -> bool {
    object["status"]["observedGeneration"].is_null()
}

fn unseen() -> Readiness {
    Readiness::waits("its controller has not seen it yet")
}

pub fn deployment(object: &Value) -> Readiness {
    if is_unseen(object) {
        return unseen();
    }
    let conditions = object["status"]["conditions"].as_array();
    let is_late = conditions.into_iter().flatten().any(|condition| {
        condition["type"] == "Progressing" && condition["reason"] == "ProgressDeadlineExceeded"
    });
    if is_late {
        let why = condition(object, "Progressing").map(|(_, why)| why);
        return Readiness::Failed(why.unwrap_or_default());
    }
    let wanted = replicas(object);
    let updated = count(object, "updatedReplicas");
    let old = count(object, "replicas") - updated;
    if let (Some(("True", why)), true) = (
        condition(object, "ReplicaFailure"),
        count(object, "readyReplicas") < wanted,
    ) {
        return Readiness::InProgress(why);
    }
    let behind = [("updatedReplicas", "updated")];
    if let Some(short) = short(object, wanted, &behind) {
        return short;
    }
    if old > 0 {
        return Readiness::InProgress(format!("{old} old replicas have not ended yet"));
    }
    let behind = [
        ("availableReplicas", "available"),
        ("readyReplicas", "ready"),
    ];
    if let Some(short) = short(object, wanted, &behind) {
        return short;
    }
    match condition(object, "Available") {
        Some(("False", why)) => Readiness::InProgress(why),
        _ => Readiness::Ready,
    }
}

pub fn stateful_set(object: &Value) -> Readiness {
    let strategy = &object["spec"]["updateStrategy"];
    if strategy["type"] == "OnDelete" {
        return Readiness::Ready;
    }
    if is_unseen(object) {
        return unseen();
    }
    let wanted = replicas(object);
    let behind = [("replicas", "there"), ("readyReplicas", "ready")];
    if let Some(short) = short(object, wanted, &behind) {
        return short;
    }
    let too_many = count(object, "replicas") - wanted;
    if too_many > 0 {
        return Readiness::InProgress(format!("{too_many} replicas too many have not ended yet"));
    }
    let kept = strategy["rollingUpdate"]["partition"].as_i64().unwrap_or(0);
    if kept > 0 {
        let behind = [("updatedReplicas", "updated")];
        return short(object, wanted - kept, &behind).unwrap_or(Readiness::Ready);
    }
    let status = &object["status"];
    if status["currentRevision"] != status["updateRevision"] {
        let updated = count(object, "updatedReplicas");
        return Readiness::InProgress(format!("{updated} of {wanted} replicas are updated"));
    }
    Readiness::Ready
}

pub fn daemon_set(object: &Value) -> Readiness {
    if object["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return Readiness::Ready;
    }
    if is_unseen(object) {
        return unseen();
    }
    let wanted = count(object, "desiredNumberScheduled");
    let behind = [
        ("currentNumberScheduled", "scheduled"),
        ("updatedNumberScheduled", "updated"),
        ("numberAvailable", "available"),
        ("numberReady", "ready"),
    ];
    short(object, wanted, &behind).unwrap_or(Readiness::Ready)
}

pub fn replica_set(object: &Value) -> Readiness {
    if is_unseen(object) {
        return unseen();
    }
    let wanted = replicas(object);
    if let (Some(("True", why)), true) = (
        condition(object, "ReplicaFailure"),
        count(object, "readyReplicas") < wanted,
    ) {
        return Readiness::InProgress(why);
    }
    let behind = [
        ("availableReplicas", "available"),
        ("readyReplicas", "ready"),
    ];
    if let Some(short) = short(object, wanted, &behind) {
        return short;
    }
    match count(object, "replicas") - wanted {
        more if more > 0 => {
            Readiness::InProgress(format!("{more} replicas too many have not ended yet"))
        }
        _ => Readiness::Ready,
    }
}

/// Whether a Job that is in order has come to its end.
pub fn completed_job(object: &Value) -> Readiness {
    match condition(object, "Complete") {
        Some(("True", _)) => Readiness::Ready,
        _ if object["spec"]["suspend"] == true => Readiness::waits(
            "it is suspended, and goes on when its spec.suspend is false; the Component need not wait for it with \
             waitForJobs: false",
        ),
        _ => Readiness::waits("it has not completed yet"),
    }
}

pub fn pod(object: &Value) -> Readiness {
    let status = &object["status"];
    let told = |name: &str| status[name].as_str().map(str::to_owned);
    match status["phase"].as_str() {
        Some("Succeeded") => Readiness::Ready,
        Some("Failed") => {
            let why = told("message").or_else(|| told("reason"));
            Readiness::Failed(why.unwrap_or_else(|| "it failed".to_owned()))
        }
        Some("Running") => match condition(object, "Ready") {
            Some(("True", _)) => Readiness::Ready,
            Some((_, why)) => Readiness::InProgress(why),
            None => Readiness::waits("it is not ready"),
        },
        _ => match condition(object, "PodScheduled") {
            Some(("False", why)) => Readiness::InProgress(why),
            _ => Readiness::waits("it has not started yet"),
        },
    }
}

pub fn job(object: &Value) -> Readiness {
    if let Some(("True", why)) = condition(object, "Failed") {
        return Readiness::Failed(why);
    }
    let is_done = matches!(condition(object, "Complete"), Some(("True", _)));
    let has_started = !object["status"]["startTime"].is_null();
    if is_done || has_started || object["spec"]["suspend"] == true {
        return Readiness::Ready;
    }
    Readiness::waits("it has not started yet")
}
