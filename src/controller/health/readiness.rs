//! Whether an object is ready, by what it says of itself: the rules that Helm's own wait goes by (kstatus), so that
//! what Helm waited for counts as healthy afterwards.

use serde_json::Value;

use super::workloads;

/// Whether an object is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It is.
    Ready,
    /// Not yet, and why.
    InProgress(String),
    /// It will not be without help, and why.
    Failed(String),
    /// It is being deleted.
    Gone,
}

impl Readiness {
    pub(super) fn waits(why: impl Into<String>) -> Self {
        Self::InProgress(why.into())
    }
}

/// Whether this object is ready. An object that says nothing of its state is.
///
/// A Job is as soon as it has started, and a Service of type LoadBalancer as soon as it has a cluster address: so Helm
/// waits too, and an edge without load balancers would never be healthy otherwise.
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

/// The status and the message (or the reason, if there is none) of a condition.
pub(super) fn condition<'a>(object: &'a Value, name: &str) -> Option<(&'a str, String)> {
    let mut conditions = object["status"]["conditions"].as_array()?.iter();
    let found = conditions.find(|condition| condition["type"] == name)?;
    let text = |name: &str| found[name].as_str().filter(|text| !text.is_empty());
    let why = text("message").or(text("reason")).unwrap_or(name);
    Some((found["status"].as_str()?, why.to_owned()))
}

/// Why the controller's answer is not about this object's latest state.
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
