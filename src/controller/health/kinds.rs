//! Readiness by kind. The rules are those of kstatus, which Helm's own wait follows, so that what Helm waited for
//! counts as healthy afterwards. Pure.

use serde_json::Value;

use super::readiness::{Readiness, condition};
use super::workloads;

/// Whether this object is ready. An object whose status says nothing about it counts as ready.
///
/// A Job is ready once it has started, and a Service of type LoadBalancer once it has a cluster address: Helm waits for
/// no more, and an edge site without load balancers would never become healthy otherwise.
pub fn readiness(object: &Value) -> Readiness {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Readiness::Gone;
    }
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let kind = object["kind"].as_str().unwrap_or_default();
    if let Some(why) = unseen(object) {
        return Readiness::InProgress(why);
    }
    match (group, kind) {
        ("apps" | "extensions", "Deployment") => workloads::deployment(object),
        ("apps", "StatefulSet") => workloads::stateful_set(object),
        ("apps" | "extensions", "DaemonSet") => workloads::daemon_set(object),
        ("apps" | "extensions", "ReplicaSet") | ("", "ReplicationController") => {
            workloads::replica_set(object)
        }
        ("", "Pod") => workloads::pod(object),
        ("batch", "Job") => workloads::job(object),
        ("", "PersistentVolumeClaim") => claim(object),
        ("", "Service") => service(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        ("apiregistration.k8s.io", "APIService") => match condition(object, "Available") {
            Some(("False", why)) => Readiness::InProgress(why),
            _ => Readiness::Ready,
        },
        ("policy", "PodDisruptionBudget") => disruption_budget(object),
        _ => generic(object),
    }
}

/// Set if the object's own controller has not observed its latest generation: its status is out of date.
fn unseen(object: &Value) -> Option<String> {
    let wanted = object["metadata"]["generation"].as_i64()?;
    let seen = object["status"]["observedGeneration"].as_i64()?;
    (seen < wanted).then(|| "its controller has not seen the latest change yet".to_owned())
}

fn generic(object: &Value) -> Readiness {
    if let Some(("True", why)) = condition(object, "Stalled") {
        return Readiness::Failed(why);
    }
    if let Some(("True", why)) = condition(object, "Reconciling") {
        return Readiness::InProgress(why);
    }
    match condition(object, "Ready") {
        Some(("False" | "Unknown", why)) => Readiness::InProgress(why),
        _ => Readiness::Ready,
    }
}

fn claim(object: &Value) -> Readiness {
    match object["status"]["phase"].as_str() {
        Some("Bound") => Readiness::Ready,
        Some("Lost") => Readiness::Failed("its volume is lost".to_owned()),
        _ => Readiness::InProgress(match object["spec"]["storageClassName"].as_str() {
            Some(class) => format!("it is not bound to a volume (storage class {class:?})"),
            None => "it is not bound to a volume, and names no storage class".to_owned(),
        }),
    }
}

fn service(object: &Value) -> Readiness {
    let has_address = object["spec"]["clusterIP"]
        .as_str()
        .is_some_and(|address| !address.is_empty());
    if object["spec"]["type"] == "LoadBalancer" && !has_address {
        return Readiness::waits("it has no cluster address yet");
    }
    Readiness::Ready
}

fn definition(object: &Value) -> Readiness {
    match (
        condition(object, "NamesAccepted"),
        condition(object, "Established"),
    ) {
        (Some(("False", why)), _) => Readiness::Failed(why),
        (_, Some(("True", _))) => Readiness::Ready,
        _ => Readiness::waits("it is not established yet"),
    }
}

fn disruption_budget(object: &Value) -> Readiness {
    let status = &object["status"];
    let count = |name: &str| status[name].as_i64().unwrap_or(0);
    let (healthy, wanted) = (count("currentHealthy"), count("desiredHealthy"));
    if status.is_null() {
        return Readiness::waits("its controller has not seen it yet");
    }
    if healthy < wanted {
        return Readiness::InProgress(format!("{healthy} of {wanted} pods are healthy"));
    }
    Readiness::Ready
}

#[cfg(test)]
mod tests;
