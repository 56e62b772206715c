//! The served version of a kind that a manifest names in a version that the server does not serve: these are the same
//! objects, since Kubernetes stores an object in one version and serves it in several. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A kind in a version, as a manifest names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiKind {
    /// `policy/v1` or `v1`.
    pub api_version: String,
    /// `PodDisruptionBudget`.
    pub kind: String,
}

/// The replacement for a kind and version that is not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// In this API version.
    At(String),
    /// Nowhere: there are no such objects.
    Nowhere,
}

/// Kinds that the server does not serve in these versions, and their replacements.
pub type Unserved = BTreeMap<ApiKind, Served>;

/// A group as a server lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// `apps`; empty for the core group.
    pub name: String,
    /// The versions with their kinds, the preferred one first.
    pub versions: Vec<(String, BTreeSet<String>)>,
}

/// Kinds that Kubernetes moved to another group: the old group, the kind, the new group. Source: Kubernetes'
/// "Deprecated API Migration Guide", <https://kubernetes.io/docs/reference/using-api/deprecation-guide/>, under the
/// version named.
const MOVED: [(&str, &str, &str); 6] = [
    // v1.16
    ("extensions", "DaemonSet", "apps"),
    ("extensions", "Deployment", "apps"),
    ("extensions", "ReplicaSet", "apps"),
    ("extensions", "NetworkPolicy", "networking.k8s.io"),
    ("extensions", "PodSecurityPolicy", "policy"),
    // v1.22
    ("extensions", "Ingress", "networking.k8s.io"),
];

/// Groups that are or were Kubernetes' own: what is not served there was removed from Kubernetes, and no definition
/// provides it. Source: the groups in the modules `k8s.io/api` v0.28 and v0.37, `k8s.io/apiextensions-apiserver` and
/// `k8s.io/kube-aggregator`, and two that were removed before: `auditregistration.k8s.io` and `settings.k8s.io`.
const KUBERNETES: [&str; 28] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "auditregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "imagepolicy.k8s.io",
    "internal.apiserver.k8s.io",
    "lifecycle.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "settings.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

impl ApiKind {
    /// A kind in a version.
    pub fn new(api_version: &str, kind: &str) -> Self {
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        }
    }

    /// The group; empty for the core group.
    pub fn group(&self) -> &str {
        let parts = self.api_version.split_once('/');
        parts.map_or("", |(group, _)| group)
    }

    /// The groups that may have its objects, in order of precedence.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        let moved = MOVED.iter();
        let moved = moved.filter(|(from, kind, _)| *from == self.group() && *kind == self.kind);
        std::iter::once(self.group()).chain(moved.map(|(_, _, to)| *to))
    }

    /// True if the kind was Kubernetes' own, so that no definition can provide it.
    pub fn is_kubernetes_own(&self) -> bool {
        KUBERNETES.contains(&self.group())
    }

    /// The served version of the kind, among [`Self::groups`].
    pub fn served_in(&self, shown: &[Group]) -> Served {
        let mut groups = self.groups().filter_map(|name| {
            let group = shown.iter().find(|group| group.name == name)?;
            let mut versions = group.versions.iter();
            let (version, _) = versions.find(|(_, kinds)| kinds.contains(&self.kind))?;
            Some(match name {
                "" => version.clone(),
                _ => format!("{name}/{version}"),
            })
        });
        groups.next().map_or(Served::Nowhere, Served::At)
    }
}

/// As in `FlowSchema (flowcontrol.apiserver.k8s.io/v1beta3)`.
impl fmt::Display for ApiKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kind, self.api_version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str, versions: &[(&str, &[&str])]) -> Group {
        let versions = versions.iter().map(|(version, kinds)| {
            let kinds = kinds.iter().map(|kind| (*kind).to_owned());
            ((*version).to_owned(), kinds.collect())
        });
        Group {
            name: name.to_owned(),
            versions: versions.collect(),
        }
    }

    #[test]
    fn a_kind_is_where_its_group_has_it_or_where_it_moved() {
        let server = [
            group("", &[("v1", &["Pod"])]),
            group("apps", &[("v1", &["Deployment", "StatefulSet"])]),
            group("policy", &[("v1", &["PodDisruptionBudget"])]),
            group(
                "autoscaling",
                &[
                    ("v2", &["HorizontalPodAutoscaler"]),
                    ("v1", &["HorizontalPodAutoscaler", "Scale"]),
                ],
            ),
            group("networking.k8s.io", &[("v1", &["Ingress"])]),
            group("example.com", &[("v2", &["Widget"])]),
        ];
        let at = |version: &str| Served::At(version.to_owned());
        let rows = [
            ("policy/v1beta1", "PodDisruptionBudget", at("policy/v1")),
            (
                "autoscaling/v2beta2",
                "HorizontalPodAutoscaler",
                at("autoscaling/v2"),
            ),
            ("autoscaling/v3", "Scale", at("autoscaling/v1")),
            ("apps/v1beta2", "StatefulSet", at("apps/v1")),
            ("extensions/v1beta1", "Deployment", at("apps/v1")),
            ("extensions/v1beta1", "Ingress", at("networking.k8s.io/v1")),
            ("example.com/v1", "Widget", at("example.com/v2")),
            ("v2", "Pod", at("v1")),
            ("policy/v1beta1", "PodSecurityPolicy", Served::Nowhere),
            ("extensions/v1beta1", "PodSecurityPolicy", Served::Nowhere),
            // another's kind of the same name
            ("example.com/v1", "Deployment", Served::Nowhere),
            ("example.org/v1", "Widget", Served::Nowhere),
        ];
        for (version, kind, expected) in rows {
            let asked = ApiKind::new(version, kind);
            assert_eq!(asked.served_in(&server), expected, "{asked}");
        }
    }

    #[test]
    fn what_kubernetes_gave_up_no_definition_brings() {
        for (version, expected) in [
            ("policy/v1beta1", true),
            ("v1", true),
            ("resource.k8s.io/v1alpha2", true),
            ("monitoring.coreos.com/v1", false),
            ("gateway.networking.k8s.io/v1", false),
            ("snapshot.storage.k8s.io/v1", false),
        ] {
            let kind = ApiKind::new(version, "Kind");
            assert_eq!(kind.is_kubernetes_own(), expected, "{version}");
        }
    }
}
