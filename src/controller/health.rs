//! Whether installed objects are ready, and if not, why: down to the container that waits for an image.

mod kinds;
mod pods;
mod readiness;
mod workloads;

use std::time::Duration;

use futures_util::{StreamExt, stream};
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::ListParams;
use kube::core::Selector;
use kube::{Api, Client};
use serde_json::{Value, json};

pub use self::kinds::readiness;
use self::pods::Trouble;
pub use self::readiness::Readiness;
use crate::controller::objects::{Objects, ObjectsError, is_exempt};
use crate::ellipsis::within_chars;
use crate::release::manifest::{Object, ObjectKey};

/// How many objects are read at the same time.
const AT_ONCE: usize = 4;
/// How many pods of a workload are read.
const PODS: u32 = 200;
/// How many events of a workload are read.
const EVENTS: u32 = 100;
/// How long reading the events of a workload may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// What is said of a missing object that drift detection leaves alone.
const EXEMPT: &str = "it is missing, and its annotation exempts it from drift detection: an upgrade makes it again (annotate \
                      the Component with ext.theriseunion.io/forceAt)";
/// The most characters of a reason.
const LONGEST: usize = 400;

/// An object that is not ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unready {
    /// Which object.
    pub key: ObjectKey,
    /// Why, for the user; at most 400 characters.
    pub why: String,
    /// True if it does not exist.
    pub is_missing: bool,
}

/// The release's objects that are not ready, those with the most specific cause first. It does not wait.
///
/// For a workload the reason is that of the worst of its pods, such as
/// `ImagePullBackOff: registry/app:1 (container web of pod web-abc)`. An object that is missing is not ready; one that
/// cannot be read is not ready either, with the error as its reason.
pub async fn unready(
    objects: &Objects,
    client: &Client,
    release_objects: &[Object],
    namespace: &str,
) -> Vec<Unready> {
    let all: Vec<&Object> = release_objects.iter().collect();
    unready_of(objects, client, &all, namespace).await
}

/// As [`unready`], for some of a release's objects.
pub async fn unready_of(
    objects: &Objects,
    client: &Client,
    some: &[&Object],
    namespace: &str,
) -> Vec<Unready> {
    unready_awaited(objects, client, some, namespace, Awaited::default()).await
}

/// What counts as ready when an operation is awaited, beside what always does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Awaited {
    /// A Job is ready when it has completed, and not as soon as it has started.
    pub completes_jobs: bool,
    /// Only the kinds count that Helm's legacy wait knows: nobody asks a custom resource for its conditions.
    pub is_legacy: bool,
}

impl Awaited {
    /// True if the object is waited for.
    pub fn counts(self, object: &Object) -> bool {
        const LEGACY: [&str; 10] = [
            "CustomResourceDefinition",
            "DaemonSet",
            "Deployment",
            "Job",
            "PersistentVolumeClaim",
            "Pod",
            "ReplicaSet",
            "ReplicationController",
            "Service",
            "StatefulSet",
        ];
        !self.is_legacy || LEGACY.contains(&object.kind.as_str())
    }

    fn readiness(self, live: &Value) -> Readiness {
        let is_job = live["kind"] == "Job" && live["apiVersion"].as_str() == Some("batch/v1");
        match readiness(live) {
            Readiness::Ready if is_job && self.completes_jobs => workloads::completed_job(live),
            readiness => readiness,
        }
    }
}

/// The first object that is not ready, by its place, looked for from `start` on, one after the other; `None` if all are.
/// It says nothing of why, and so costs one request while nothing changes.
pub async fn first_unready(
    objects: &Objects,
    some: &[&Object],
    namespace: &str,
    start: usize,
    awaited: Awaited,
) -> Option<usize> {
    let places = (start..some.len()).chain(0..start.min(some.len()));
    for place in places {
        let found = objects.get(&some[place].identity(), namespace).await;
        let is_ready = match found {
            Ok(Some(live)) => awaited.readiness(&live) == Readiness::Ready,
            Ok(None) => some[place].removes_itself(),
            Err(error) => matches!(error, ObjectsError::RetiredKind { .. }),
        };
        if !is_ready {
            return Some(place);
        }
    }
    None
}

/// As [`unready_of`], for an operation that is awaited.
pub async fn unready_awaited(
    objects: &Objects,
    client: &Client,
    some: &[&Object],
    namespace: &str,
    awaited: Awaited,
) -> Vec<Unready> {
    let cluster = Cluster {
        objects,
        client,
        awaited,
    };
    let looks: Vec<_> = some
        .iter()
        .map(|object| cluster.look(object, namespace))
        .collect();
    let found: Vec<Option<(u8, Unready)>> = stream::iter(looks).buffered(AT_ONCE).collect().await;
    let mut found: Vec<_> = found.into_iter().flatten().collect();
    found.sort_by_key(|(weight, _)| *weight);
    found.into_iter().map(|(_, unready)| unready).collect()
}

/// `Deployment web: why; Service shop: why; StatefulSet db: why; and 4 more`; empty if there are none.
pub fn name_three(unready: &[Unready]) -> String {
    let named: Vec<String> = unready
        .iter()
        .take(3)
        .map(|one| format!("{}: {}", one.key, one.why))
        .collect();
    let mut text = named.join("; ");
    if let Some(more) = unready.len().checked_sub(3).filter(|more| *more > 0) {
        text.push_str(&format!("; and {more} more"));
    }
    text
}

/// Reads objects, their pods and their events.
#[derive(Clone, Copy)]
struct Cluster<'a> {
    objects: &'a Objects,
    client: &'a Client,
    awaited: Awaited,
}

impl Cluster<'_> {
    /// `None` if the object is ready; else why not, and its rank in the list.
    async fn look(self, object: &Object, namespace: &str) -> Option<(u8, Unready)> {
        let key = object.identity();
        let found = self.objects.get(&key, namespace).await;
        let is_missing = matches!(found, Ok(None));
        let (weight, why) = match found {
            Ok(Some(live)) => {
                let namespace = key.namespace.as_deref().unwrap_or(namespace);
                self.of_live(&live, namespace).await?
            }
            Ok(None) if object.removes_itself() => return None,
            Ok(None) if is_exempt(&object.value) => (0, EXEMPT.to_owned()),
            Ok(None) => (0, "it is missing".to_owned()),
            // the cluster no longer serves the kind: there is no object that could be ready
            Err(ObjectsError::RetiredKind { .. }) => return None,
            Err(error) => (3, error.to_string()),
        };
        let why = on_one_line(&why);
        let unready = Unready {
            key,
            why,
            is_missing,
        };
        Some((weight, unready))
    }

    async fn of_live(self, live: &Value, namespace: &str) -> Option<(u8, String)> {
        let (weight, own) = match self.awaited.readiness(live) {
            Readiness::Ready => return None,
            Readiness::Gone => return Some((2, "it is being deleted".to_owned())),
            Readiness::Failed(why) => (0, why),
            Readiness::InProgress(why) => (2, why),
        };
        let pods = match pod_selector(live) {
            None if live["kind"] == "Pod" => vec![live.clone()],
            None => return Some((weight, own)),
            Some(selector) => {
                let pods = self.objects.list("v1", "Pod", namespace, &selector, PODS);
                match pods.await {
                    Ok(pods) => pods,
                    Err(error) => return Some((weight, format!("{own} (its pods: {error})"))),
                }
            }
        };
        if pods.is_empty() {
            let why = self.last_warning(live, namespace).await;
            return Some(match why {
                Some(why) => (1, format!("{own}: {why}")),
                None => (weight, own),
            });
        }
        Some(match self.trouble(&pods, namespace).await {
            Some(trouble) => (trouble.weight(), trouble.why),
            None => (weight, own),
        })
    }

    /// The trouble of the worst of these pods; for one that gives no cause, that of its claims.
    async fn trouble(self, pods: &[Value], namespace: &str) -> Option<Trouble> {
        let (pod, trouble) = pods::worst(pods)?;
        if !trouble.may_be_a_claim() {
            return Some(trouble);
        }
        for claim in pods::claims(pod) {
            let key = ObjectKey {
                group: String::new(),
                version: "v1".to_owned(),
                kind: "PersistentVolumeClaim".to_owned(),
                namespace: Some(namespace.to_owned()),
                name: claim.clone(),
            };
            match self.objects.get(&key, namespace).await {
                Ok(None) => return Some(trouble.with_claim(&claim, "is missing")),
                Ok(Some(live)) if readiness(&live) != Readiness::Ready => {
                    return Some(trouble.with_claim(&claim, "is not bound to a volume"));
                }
                Ok(Some(_)) | Err(_) => {}
            }
        }
        Some(trouble)
    }

    /// The message of the last warning event about the object, such as that its pods exceed a quota.
    async fn last_warning(self, live: &Value, namespace: &str) -> Option<String> {
        let uid = live["metadata"]["uid"].as_str()?;
        let events: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let about = format!("involvedObject.uid={uid},type=Warning");
        let which = ListParams::default().fields(&about).limit(EVENTS);
        let answer = tokio::time::timeout(DEADLINE, events.list(&which)).await;
        let last = answer.ok()?.ok()?.items.into_iter().max_by_key(|event| {
            let written = event
                .metadata
                .creation_timestamp
                .as_ref()
                .map(|time| time.0);
            event.last_timestamp.as_ref().map(|time| time.0).or(written)
        });
        last?.message
    }
}

/// The selector of a workload's pods.
fn pod_selector(live: &Value) -> Option<String> {
    let kind = live["kind"].as_str()?;
    if !workloads::KINDS.contains(&kind) {
        return None;
    }
    let selector = &live["spec"]["selector"];
    let selector = match kind {
        "ReplicationController" => json!({"matchLabels": selector}),
        _ => selector.clone(),
    };
    let selector: LabelSelector = serde_json::from_value(selector).ok()?;
    let selector = Selector::try_from(selector).ok()?;
    // a selector of every pod in the namespace would report pods of others
    (!selector.selects_all()).then(|| selector.to_string())
}

/// One line of bounded length.
fn on_one_line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    within_chars(&text, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_are_named_and_the_rest_counted() {
        let unready = |name: &str| Unready {
            key: ObjectKey {
                group: "apps".to_owned(),
                version: "v1".to_owned(),
                kind: "Deployment".to_owned(),
                namespace: None,
                name: name.to_owned(),
            },
            why: "no".to_owned(),
            is_missing: false,
        };
        let all: Vec<Unready> = ["a", "b", "c", "d", "e"].map(unready).into();
        let rows = [
            (0, ""),
            (1, "Deployment a: no"),
            (3, "Deployment a: no; Deployment b: no; Deployment c: no"),
            (
                5,
                "Deployment a: no; Deployment b: no; Deployment c: no; and 2 more",
            ),
        ];
        for (count, expected) in rows {
            assert_eq!(name_three(&all[..count]), expected);
        }
    }

    #[test]
    fn pods_are_found_by_the_workloads_own_selector() {
        let of = |kind: &str, selector: Value| {
            pod_selector(&json!({"kind": kind, "spec": {"selector": selector}}))
        };
        let labels = json!({"matchLabels": {"app": "web"}, "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["front"]},
        ]});
        let found = of("Deployment", labels).expect("a selector");
        assert!(
            found.contains("app=web") && found.contains("tier in (front)"),
            "{found}"
        );
        let controller = of("ReplicationController", json!({"app": "web"}));
        assert_eq!(controller.as_deref(), Some("app=web"));
        assert_eq!(
            of("Deployment", json!({})),
            None,
            "all pods of the namespace"
        );
        assert_eq!(of("Service", json!({"app": "web"})), None, "no workload");
    }

    #[test]
    fn reasons_are_one_line_of_bounded_length() {
        assert_eq!(on_one_line(" a\n  b "), "a b");
        assert_eq!(on_one_line(&"x".repeat(1000)).chars().count(), LONGEST + 1);
    }
}
