//! What does not count as drift because the user's rules say so.

use std::collections::BTreeMap;

use kube::core::SelectorExt;
use serde_json::Value;

use super::pointer;
use super::selector;
use crate::component::{DriftDetection, DriftTarget};
use crate::release::manifest::ObjectKey;

/// What of one object is ignored.
#[derive(Debug, PartialEq, Eq)]
pub enum Ignored {
    /// The whole object.
    Whole,
    /// The fields at these JSON pointers.
    Fields(Vec<String>),
}

impl Ignored {
    /// What the user's rules ignore of this object, which is in `namespace`; label selectors apply to its labels in
    /// `object`. A rule whose label selector cannot be read applies to nothing.
    pub fn of(policy: &DriftDetection, key: &ObjectKey, namespace: &str, object: &Value) -> Self {
        let rules = policy.ignore.iter().filter(|rule| {
            rule.target
                .as_ref()
                .is_none_or(|target| applies(target, key, namespace, object))
        });
        let mut fields: Vec<String> = rules.flat_map(|rule| rule.paths.clone()).collect();
        if fields.iter().any(String::is_empty) {
            return Self::Whole;
        }
        if key.kind == "Secret" && key.group.is_empty() {
            // what is written as stringData is stored as data
            for field in &mut fields {
                let names = pointer::names(field);
                if names.first().is_some_and(|name| name == "stringData") {
                    let rest = names.iter().skip(1);
                    *field = rest.fold("/data".to_owned(), |way, name| pointer::below(&way, name));
                }
            }
        }
        Self::Fields(fields)
    }
}

fn applies(target: &DriftTarget, key: &ObjectKey, namespace: &str, object: &Value) -> bool {
    let is = |wanted: &Option<String>, value: &str| {
        wanted.as_deref().is_none_or(|wanted| wanted == value)
    };
    is(&target.group, &key.group)
        && is(&target.version, &key.version)
        && is(&target.kind, &key.kind)
        && is(&target.name, &key.name)
        && is(&target.namespace, namespace)
        && target.label_selector.as_deref().is_none_or(|text| {
            selector::parse(text).is_some_and(|selector| selector.matches(&labels(object)))
        })
}

fn labels(object: &Value) -> BTreeMap<String, String> {
    let labels = object["metadata"]["labels"].as_object();
    let texts = labels.into_iter().flatten().filter_map(|(name, value)| {
        let value = value.as_str()?;
        Some((name.clone(), value.to_owned()))
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::component::DriftIgnore;

    fn ignored(target: Option<DriftTarget>, paths: &[&str]) -> Ignored {
        let rule = DriftIgnore {
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
            target,
        };
        let policy = DriftDetection {
            ignore: vec![rule],
            ..DriftDetection::default()
        };
        let key = ObjectKey {
            group: "apps".to_owned(),
            version: "v1".to_owned(),
            kind: "Deployment".to_owned(),
            namespace: None,
            name: "web".to_owned(),
        };
        let object = json!({"metadata": {"labels": {"app": "web", "tier": "front"}}});
        Ignored::of(&policy, &key, "edge", &object)
    }

    #[test]
    fn a_rule_applies_to_what_matches_every_field_given() {
        let set = |change: fn(&mut DriftTarget)| {
            let mut target = DriftTarget::default();
            change(&mut target);
            Some(target)
        };
        let rows = [
            ("no target", None, true),
            ("an empty target", set(|_| {}), true),
            (
                "the kind",
                set(|to| to.kind = Some("Deployment".into())),
                true,
            ),
            (
                "another kind",
                set(|to| to.kind = Some("Service".into())),
                false,
            ),
            ("the group", set(|to| to.group = Some("apps".into())), true),
            (
                "the core group",
                set(|to| to.group = Some(String::new())),
                false,
            ),
            (
                "another version",
                set(|to| to.version = Some("v2".into())),
                false,
            ),
            (
                "the release's namespace",
                set(|to| to.namespace = Some("edge".into())),
                true,
            ),
            (
                "another namespace",
                set(|to| to.namespace = Some("x".into())),
                false,
            ),
            ("another name", set(|to| to.name = Some("db".into())), false),
            (
                "its labels",
                set(|to| to.label_selector = Some("app=web,tier!=cache".into())),
                true,
            ),
            (
                "other labels",
                set(|to| to.label_selector = Some("app=db".into())),
                false,
            ),
            (
                "no selector at all",
                set(|to| to.label_selector = Some("a in (".into())),
                false,
            ),
        ];
        for (case, target, expected) in rows {
            let fields: &[&str] = if expected { &["/spec/replicas"] } else { &[] };
            let fields = fields.iter().map(|&field| field.to_owned()).collect();
            assert_eq!(
                ignored(target, &["/spec/replicas"]),
                Ignored::Fields(fields),
                "{case}"
            );
        }
        assert_eq!(ignored(None, &["/spec", ""]), Ignored::Whole);
    }
}
