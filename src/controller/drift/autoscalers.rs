//! Workloads that an autoscaler scales: their number of replicas is no drift.

use std::collections::BTreeSet;

use serde_json::Value;

use super::DriftCheck;
use crate::controller::objects::Objects;

/// How many autoscalers of a namespace are read.
const MOST: u32 = 1000;

/// Workloads whose replicas are decided by HorizontalPodAutoscalers, in the manifest or in the cluster.
#[derive(Debug, Default)]
pub struct ScaleTargets {
    targets: BTreeSet<Target>,
    /// Namespaces whose autoscalers could not be read: replicas are not compared there.
    unknown: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    namespace: String,
    /// `None` if the autoscaler does not name it.
    group: Option<String>,
    kind: String,
    name: String,
}

impl ScaleTargets {
    /// Those among these objects. The cluster is asked only about namespaces where the manifest sets a number
    /// of replicas.
    pub async fn of(objects: &Objects, check: &DriftCheck<'_>) -> Self {
        let mut found = Self::default();
        let mut namespaces = BTreeSet::new();
        for object in check.objects {
            let namespace = object.namespace.as_deref().unwrap_or(check.namespace);
            found.add(&object.value, namespace);
            if !object.value["spec"]["replicas"].is_null() {
                namespaces.insert(namespace);
            }
        }
        for namespace in namespaces {
            found.read(objects, namespace).await;
        }
        found
    }

    /// Those of the autoscalers that are in these namespaces now.
    pub async fn in_namespaces(objects: &Objects, namespaces: BTreeSet<&str>) -> Self {
        let mut found = Self::default();
        for namespace in namespaces {
            found.read(objects, namespace).await;
        }
        found
    }

    /// True if no autoscaler is known to scale anything.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    async fn read(&mut self, objects: &Objects, namespace: &str) {
        let kind = ("autoscaling/v1", "HorizontalPodAutoscaler");
        match objects.list(kind.0, kind.1, namespace, "", MOST).await {
            Ok(live) => {
                for mut one in live {
                    // items of a list have no apiVersion and kind
                    one["kind"] = kind.1.into();
                    self.add(&one, namespace);
                }
            }
            Err(error) if error.is_unknown_kind() => {}
            Err(_) => {
                self.unknown.insert(namespace.to_owned());
            }
        }
    }

    /// True if an autoscaler scales, or may scale, this workload.
    pub fn has(&self, group: &str, kind: &str, namespace: &str, name: &str) -> bool {
        let is_named = |target: &Target| {
            target.namespace == namespace
                && target.kind == kind
                && target.name == name
                && target.group.as_deref().is_none_or(|wanted| wanted == group)
        };
        self.unknown.contains(namespace) || self.targets.iter().any(is_named)
    }

    fn add(&mut self, object: &Value, namespace: &str) {
        if object["kind"] != "HorizontalPodAutoscaler" {
            return;
        }
        let target = &object["spec"]["scaleTargetRef"];
        let text = |name: &str| target[name].as_str().map(str::to_owned);
        if let (Some(kind), Some(name)) = (text("kind"), text("name")) {
            let group = text("apiVersion").map(|version| match version.rsplit_once('/') {
                Some((group, _)) => group.to_owned(),
                None => String::new(),
            });
            self.targets.insert(Target {
                namespace: namespace.to_owned(),
                group,
                kind,
                name,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_target_alone_is_scaled() {
        let mut targets = ScaleTargets::default();
        let autoscaler = json!({"kind": "HorizontalPodAutoscaler", "spec": {"scaleTargetRef": {
            "apiVersion": "apps/v1", "kind": "Deployment", "name": "web",
        }}});
        targets.add(&autoscaler, "edge");
        targets.add(&json!({"kind": "Deployment"}), "edge");
        let rows = [
            (("apps", "Deployment", "edge", "web"), true),
            (("apps", "Deployment", "edge", "db"), false),
            (("apps", "Deployment", "other", "web"), false),
            (("apps", "StatefulSet", "edge", "web"), false),
            (("example.com", "Deployment", "edge", "web"), false),
        ];
        for ((group, kind, namespace, name), expected) in rows {
            let row = format!("{group} {kind} {namespace}/{name}");
            assert_eq!(targets.has(group, kind, namespace, name), expected, "{row}");
        }
    }

    #[test]
    fn where_autoscalers_cannot_be_read_every_workload_may_be_scaled() {
        let targets = ScaleTargets {
            unknown: BTreeSet::from(["edge".to_owned()]),
            ..ScaleTargets::default()
        };
        assert!(targets.has("apps", "Deployment", "edge", "web"));
        assert!(!targets.has("apps", "Deployment", "other", "web"));
    }
}
