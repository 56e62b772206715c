//! Fields that other controllers of the cluster own: they stay theirs, in the comparison and in what is applied
//! (docs/components.md 8, item 2). Pure.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::owners::{self, Owner};
use super::{pointer, wanted};

/// The field managers of Kubernetes itself, and cert-manager's injector.
const CONTROLLERS: [&str; 8] = [
    "cainjector",
    "cert-manager-cainjector",
    "cloud-controller-manager",
    "clusterrole-aggregation-controller",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
];

/// Takes what belongs to others out of what is to be applied, or sets it to what it is in the cluster; returns pointers
/// to these fields, which are not compared.
///
/// These are: the rules of an aggregated ClusterRole; replicas of a workload that an autoscaler scales; CA bundles that
/// are to be injected, or were; and what a controller of the control plane has set. What a person has changed is not
/// among them.
pub fn leave(wanted: &mut Value, live: &Value, is_scaled: bool) -> Vec<String> {
    let mut left = Vec::new();
    if is_aggregated(wanted) || is_aggregated(live) {
        // not with the rules of this moment: these may be others before they are written
        if let Some(fields) = wanted.as_object_mut() {
            fields.remove("rules");
        }
        left.push("/rules".to_owned());
    }
    if is_scaled || has_own_scaler(live) {
        left.push("/spec/replicas".to_owned());
    }
    let bundles = bundles_of(live);
    find(wanted, live, "", &mut |path, wanted| {
        let is_left = if bundles.iter().any(|bundle| bundle == path) {
            !is_certificate(wanted) || belongs(live, path, |owner| !is_person(owner))
        } else {
            path != "/spec/replicas" && belongs(live, path, is_controller)
        };
        if is_left {
            left.push(path.to_owned());
        }
    });
    wanted::keep_live(wanted, live, &left);
    left
}

/// True if a manifest's object may have fields that belong to others.
pub fn may_be_in(wanted: &Value) -> bool {
    const KINDS: [&str; 6] = [
        "APIService",
        "CustomResourceDefinition",
        "MutatingWebhookConfiguration",
        "PersistentVolumeClaim",
        "Service",
        "ValidatingWebhookConfiguration",
    ];
    let kind = wanted["kind"].as_str().unwrap_or_default();
    KINDS.contains(&kind) || is_aggregated(wanted) || !wanted["spec"]["replicas"].is_null()
}

fn is_aggregated(object: &Value) -> bool {
    object["kind"] == "ClusterRole" && !object["aggregationRule"].is_null()
}

/// True if something scales the workload that is no HorizontalPodAutoscaler, which would be found: the controller
/// manager's number is none's once that is gone.
fn has_own_scaler(live: &Value) -> bool {
    belongs(live, "/spec/replicas", |owner| {
        owner.is_scale && !is_person(owner) && owner.manager != "kube-controller-manager"
    })
}

/// True if the field has owners, and all are such.
fn belongs(live: &Value, path: &str, is_such: impl Fn(&Owner) -> bool) -> bool {
    let owners = owners::owners(live, path);
    !owners.is_empty() && owners.iter().all(is_such)
}

fn is_controller(owner: &Owner) -> bool {
    CONTROLLERS.contains(&owner.manager)
}

fn is_person(owner: &Owner) -> bool {
    owner.manager.starts_with("kubectl")
}

/// Calls `found` for each field that is wanted otherwise than it is, with its pointer in the live object.
fn find(wanted: &Value, live: &Value, path: &str, found: &mut impl FnMut(&str, &Value)) {
    match (wanted, live) {
        _ if wanted == live => {}
        (Value::Object(wanted), Value::Object(fields)) => {
            for (name, wanted) in wanted {
                let live = fields.get(name).unwrap_or(&Value::Null);
                find(wanted, live, &pointer::below(path, name), found);
            }
        }
        (Value::Array(items), Value::Array(lives)) if !items.is_empty() => {
            for (place, live) in lives.iter().enumerate() {
                if let Some(wanted) = wanted::same_item(items, live, place) {
                    let below = pointer::below(path, &place.to_string());
                    find(&items[wanted], live, &below, found);
                }
            }
        }
        _ => found(path, wanted),
    }
}

/// Pointers to the CA bundles of webhooks, conversions and API services, which certificate injectors fill in.
fn bundles_of(live: &Value) -> Vec<String> {
    let api_version = live["apiVersion"].as_str().unwrap_or_default();
    let group = api_version.split('/').next().unwrap_or_default();
    let kind = live["kind"].as_str().unwrap_or_default();
    match (group, kind) {
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => {
            let webhooks = live["webhooks"].as_array().map_or(0, Vec::len);
            let bundle = |place| format!("/webhooks/{place}/clientConfig/caBundle");
            (0..webhooks).map(bundle).collect()
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => vec![
            "/spec/conversion/webhook/clientConfig/caBundle".to_owned(),
            "/spec/conversion/webhookClientConfig/caBundle".to_owned(),
        ],
        ("apiregistration.k8s.io", "APIService") => vec!["/spec/caBundle".to_owned()],
        _ => Vec::new(),
    }
}

/// True if a chart renders a certificate, and not nothing or `Cg==` in its place.
fn is_certificate(bundle: &Value) -> bool {
    let text = bundle.as_str().unwrap_or_default();
    let decoded = BASE64_STANDARD.decode(text).unwrap_or_default();
    decoded.windows(10).any(|bytes| bytes == b"-----BEGIN")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An object whose fields are these, each owned by whoever is named.
    fn owned(object: Value, owners: &[(&str, &str, Value)]) -> Value {
        let mut object = object;
        let entries = owners.iter().map(|(manager, subresource, fields)| {
            json!({"manager": manager, "operation": "Update", "subresource": subresource, "fieldsV1": fields})
        });
        object["metadata"]["managedFields"] = entries.collect();
        object
    }

    fn left(wanted: Value, live: &Value, is_scaled: bool) -> (Vec<String>, Value) {
        let mut wanted = wanted;
        let left = leave(&mut wanted, live, is_scaled);
        (left, wanted)
    }

    #[test]
    fn the_rules_of_an_aggregated_role_are_not_applied() {
        let role = |rules: Value| {
            json!({
                "kind": "ClusterRole", "aggregationRule": {"clusterRoleSelectors": []}, "rules": rules,
            })
        };
        let (left_out, applied) = left(role(json!([])), &role(json!([{"verbs": ["get"]}])), false);
        assert_eq!(left_out, ["/rules"]);
        assert!(applied.get("rules").is_none(), "{applied}");
        let plain = json!({"kind": "ClusterRole", "rules": []});
        let (left_out, _) = left(plain.clone(), &json!({"rules": [{}]}), false);
        assert_eq!(left_out, Vec::<String>::new());
    }

    #[test]
    fn replicas_are_the_scalers() {
        let wanted = json!({"spec": {"replicas": 1}});
        let fields = json!({"f:spec": {"f:replicas": {}}});
        let live = |manager: &str, subresource: &str| {
            owned(
                json!({"spec": {"replicas": 5}}),
                &[(manager, subresource, fields.clone())],
            )
        };
        let rows = [
            ("kube-controller-manager", "scale", true, true),
            ("kube-controller-manager", "scale", false, false),
            ("cluster-proportional-autoscaler", "scale", false, true),
            ("kubectl", "scale", false, false),
            ("kubectl-edit", "", false, false),
            ("kube-controller-manager", "", false, false),
            ("operator", "", false, false),
        ];
        for (manager, subresource, is_scaled, expected) in rows {
            let row = format!("{manager} {subresource} {is_scaled}");
            let (left_out, applied) = left(wanted.clone(), &live(manager, subresource), is_scaled);
            assert_eq!(
                left_out == ["/spec/replicas"],
                expected,
                "{row}: {left_out:?}"
            );
            let replicas = if expected { 5 } else { 1 };
            assert_eq!(applied["spec"]["replicas"], replicas, "{row}");
        }
    }

    #[test]
    fn a_bundle_is_the_injectors_unless_a_person_wrote_over_the_charts() {
        const CHARTS: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCmNoYXJ0";
        let service = |bundle: Value| json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "spec": {"caBundle": bundle}});
        let fields = json!({"f:spec": {"f:caBundle": {}}});
        let rows = [
            (json!(""), "cainjector", true),
            (Value::Null, "kube-webhook-certgen", true),
            (json!("Cg=="), "kubectl-patch", true),
            (json!(CHARTS), "cert-manager-cainjector", true),
            (json!(CHARTS), "kube-webhook-certgen", true),
            (json!(CHARTS), "kubectl-edit", false),
        ];
        for (rendered, manager, expected) in rows {
            let row = format!("{rendered} {manager}");
            let live = owned(service(json!("bGl2ZQ==")), &[(manager, "", fields.clone())]);
            let (left_out, applied) = left(service(rendered), &live, false);
            assert_eq!(
                left_out == ["/spec/caBundle"],
                expected,
                "{row}: {left_out:?}"
            );
            assert_eq!(applied["spec"]["caBundle"] == "bGl2ZQ==", expected, "{row}");
        }
    }

    #[test]
    fn what_the_control_plane_sets_is_its_own_and_what_people_set_is_not() {
        let wanted = json!({"spec": {"volumeName": "", "ports": [{"name": "b", "node": 0}, {"name": "a", "node": 0}]}});
        let object = json!({"spec": {"volumeName": "pv", "ports": [{"name": "a", "node": 7}, {"name": "b", "node": 8}]}});
        let volume = json!({"f:spec": {"f:volumeName": {}}});
        let port = json!({"f:spec": {"f:ports": {"k:{\"name\":\"a\"}": {"f:node": {}}}}});
        let live = owned(
            object,
            &[
                ("kube-controller-manager", "", volume.clone()),
                ("kubelet", "", port),
            ],
        );
        let (left_out, applied) = left(wanted.clone(), &live, false);
        assert_eq!(left_out, ["/spec/ports/0/node", "/spec/volumeName"]);
        assert_eq!(
            applied["spec"],
            json!({"volumeName": "pv", "ports": [{"name": "b", "node": 0}, {"name": "a", "node": 7}]})
        );
        let both = [
            ("kube-controller-manager", "", volume.clone()),
            ("kubectl-edit", "", volume),
        ];
        let shared = owned(json!({"spec": {"volumeName": "pv"}}), &both);
        let (left_out, _) = left(wanted, &shared, false);
        assert_eq!(left_out, Vec::<String>::new());
    }
}
