//! What the definition's schema cannot refuse (contract section 2.3 step 5): the controller says what is wrong.

use crate::chart::selector::VersionSelector;
use crate::component::{Component, ValuesReference};
use crate::planner::VersionRange;

/// Helm's limit for the name of a release.
pub const MAX_RELEASE_NAME: usize = 53;
/// Kubernetes' limit for the name of a namespace.
const MAX_NAMESPACE: usize = 63;

/// The first thing in the spec that cannot be done, as a sentence that says how to put it right.
pub fn problem(component: &Component) -> Option<String> {
    let spec = &component.spec;
    let release = component.release_name();
    if release.len() > MAX_RELEASE_NAME {
        return Some(format!(
            "the release name {release:?} has {} characters, and Helm takes {MAX_RELEASE_NAME}; set \
             spec.chart.releaseName to a shorter one",
            release.len()
        ));
    }
    if !is_subdomain(release) {
        return Some(format!(
            "the release name {release:?} is none that Helm takes: use lower-case letters, digits, - and ., beginning \
             and ending with a letter or digit"
        ));
    }
    let namespace = component.target_namespace();
    if namespace.len() > MAX_NAMESPACE || !is_label(namespace) {
        return Some(format!(
            "spec.chart.namespace {namespace:?} is no name for a namespace: use at most {MAX_NAMESPACE} lower-case \
             letters, digits and -"
        ));
    }
    if VersionSelector::parse(&spec.version).is_none() {
        return Some(format!(
            "spec.version {:?} is neither a version nor a range; write one such as 1.2.3, ^1.2, \">=1 <3\" or latest",
            spec.version
        ));
    }
    for (index, dependency) in spec.depends_on.iter().enumerate() {
        let range = dependency.version.as_deref().unwrap_or_default();
        if VersionRange::parse(range).is_none() {
            return Some(format!(
                "spec.dependsOn[{index}].version {range:?} is not a version range; write one such as ^1.2 or \">=1 <3\""
            ));
        }
    }
    if let Some(ValuesReference { kind, name, .. }) = spec.values_from.first() {
        return Some(format!(
            "spec.valuesFrom ({kind:?} {name}) is not supported by this version; put the values into spec.values"
        ));
    }
    if let Some(account) = &spec.service_account_name {
        return Some(format!(
            "spec.serviceAccountName ({account}) is not supported by this version; remove it, and Helm acts as the \
             controller"
        ));
    }
    if spec.test.enable {
        return Some(
            "spec.test.enable is not supported by this version; remove it and run `helm test` by hand"
                .to_owned(),
        );
    }
    None
}

/// RFC 1123: labels joined by dots.
fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn component(name: &str, spec: Value) -> Component {
        serde_json::from_value(json!({
            "apiVersion": "ext.theriseunion.io/v1alpha1", "kind": "Component",
            "metadata": {"name": name}, "spec": spec,
        }))
        .unwrap()
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_advice() {
        let fine = "a".repeat(53);
        let long = "a".repeat(54);
        for (name, spec, wanted) in [
            ("web", json!({"enabled": true}), None),
            (fine.as_str(), json!({"enabled": true}), None),
            (
                long.as_str(),
                json!({"enabled": true}),
                Some("Helm takes 53"),
            ),
            (
                "web",
                json!({"enabled": true, "chart": {"releaseName": "Web"}}),
                Some("release name \"Web\""),
            ),
            (
                "web",
                json!({"enabled": true, "chart": {"releaseName": "a.b-c"}}),
                None,
            ),
            (
                "web",
                json!({"enabled": true, "chart": {"namespace": "a.b"}}),
                Some("no name for a namespace"),
            ),
            (
                "web",
                json!({"enabled": true, "version": "one"}),
                Some("spec.version \"one\""),
            ),
            ("web", json!({"enabled": true, "version": ">=1 <2"}), None),
            (
                "web",
                json!({"enabled": true, "dependsOn": [{"name": "x", "version": "~~"}]}),
                Some("dependsOn[0]"),
            ),
            (
                "web",
                json!({"enabled": true, "valuesFrom": [{"kind": "Secret", "name": "s"}]}),
                Some("valuesFrom (Secret s)"),
            ),
            (
                "web",
                json!({"enabled": true, "serviceAccountName": "helm"}),
                Some("serviceAccountName"),
            ),
            (
                "web",
                json!({"enabled": true, "test": {"enable": true}}),
                Some("spec.test.enable"),
            ),
        ] {
            let found = problem(&component(name, spec.clone()));
            match wanted {
                None => assert_eq!(found, None, "{spec}"),
                Some(wanted) => {
                    let found = found.unwrap_or_else(|| panic!("{spec} is refused"));
                    assert!(found.contains(wanted), "{found}");
                }
            }
        }
    }
}
