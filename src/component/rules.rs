//! Rules for a spec beyond its schema, row by row: the check, and the message.
//!
//! Each row exists in two forms: as a rule in CEL, by which an API server refuses the object when it is
//! applied ([`validations`]), and as a check in Rust, by which the controller refuses one that was not validated
//! ([`problem`], docs/components.md 1.4): stored under an older definition, or by a server without the rules.
//! A rule in CEL never refuses what the check accepts; it may accept more.

mod cel;

use serde_json::Value;

use crate::chart::digest::Sha256Hex;
use crate::chart::selector::VersionSelector;
use crate::component::duration;
use crate::component::sentence::Sentence;
use crate::component::{Component, ValuesReference};

/// Helm's limit for the name of a release, in characters.
const MAX_RELEASE_NAME: usize = 53;
/// Kubernetes' limit for the name of a namespace, in characters.
const MAX_NAMESPACE: usize = 63;

/// One rule.
pub struct Rule {
    /// The message.
    pub sentence: Sentence,
    /// The fields that it is about, from `spec` on; messages of the API server name the first.
    fields: Vec<&'static str>,
    /// CEL over the Component, `self`: true if there is nothing wrong.
    fine: String,
    /// CEL for each value in the message, if the rule is broken.
    named: Vec<String>,
    /// The values in the message, if the rule is broken.
    check: fn(&Component) -> Option<Vec<String>>,
}

/// The value of `x-kubernetes-validations` of the Component.
pub fn validations() -> Value {
    let rules = rules();
    let both = |rule: &Rule| cel::validations(rule.sentence, &rule.fields, &rule.fine, &rule.named);
    rules.iter().flat_map(both).collect()
}

/// The message of the first rule that the spec breaks; it says how to correct it.
pub fn problem(component: &Component) -> Option<String> {
    rules().iter().find_map(|rule| {
        let named = (rule.check)(component)?;
        let named: Vec<&str> = named.iter().map(String::as_str).collect();
        Some(rule.sentence.about(&named))
    })
}

/// All rules, in the order in which the controller checks them.
pub fn rules() -> Vec<Rule> {
    let mut rules = release();
    rules.extend(versions());
    rules.extend(not_supported());
    rules.push(Rule {
        sentence: duration::NOT_POSITIVE,
        fields: duration::FIELDS.to_vec(),
        fine: cel::positive_durations(&duration::FIELDS),
        named: vec![cel::bad_duration(&duration::FIELDS)],
        // the type itself accepts no other
        check: |_| None,
    });
    rules
}

/// Where the release goes.
fn release() -> Vec<Rule> {
    let name = "spec.chart.releaseName";
    let namespace = "spec.chart.namespace";
    let account = "spec.serviceAccountName";
    vec![
        Rule {
            sentence: Sentence(
                "the release name \"{}\" is longer than the {} characters that Helm takes; set spec.chart.releaseName to a \
                 shorter one",
            ),
            fields: vec![name],
            fine: format!("size({}) <= {MAX_RELEASE_NAME}", cel::RELEASE),
            named: vec![cel::RELEASE.to_owned(), format!("'{MAX_RELEASE_NAME}'")],
            check: |component| {
                let release = component.release_name();
                let is_long = release.chars().count() > MAX_RELEASE_NAME;
                is_long.then(|| vec![release.to_owned(), MAX_RELEASE_NAME.to_string()])
            },
        },
        Rule {
            sentence: Sentence(
                "the release name \"{}\" is none that Helm takes: use lower-case letters, digits, - and ., beginning \
                 and ending with a letter or digit",
            ),
            fields: vec![name],
            // the Component's own name is one already
            fine: cel::absent_empty_or(name, &cel::matches(&cel::in_self(name), cel::SUBDOMAIN)),
            named: vec![cel::in_self(name)],
            check: |component| {
                let release = component.release_name();
                (!is_subdomain(release)).then(|| vec![release.to_owned()])
            },
        },
        Rule {
            sentence: Sentence(
                "spec.chart.namespace \"{}\" is no name for a namespace: use at most {} lower-case letters, digits and -",
            ),
            fields: vec![namespace],
            fine: cel::absent_empty_or(
                namespace,
                &format!(
                    "(size({0}) <= {MAX_NAMESPACE} && {1})",
                    cel::in_self(namespace),
                    cel::matches(&cel::in_self(namespace), cel::LABEL)
                ),
            ),
            named: vec![cel::in_self(namespace), format!("'{MAX_NAMESPACE}'")],
            check: |component| {
                let namespace = component.target_namespace();
                let is_fine = namespace.len() <= MAX_NAMESPACE && is_label(namespace);
                (!is_fine).then(|| vec![namespace.to_owned(), MAX_NAMESPACE.to_string()])
            },
        },
        Rule {
            sentence: Sentence(
                "spec.serviceAccountName \"{}\" is no name for a ServiceAccount: use lower-case letters, digits, - and ., \
                 beginning and ending with a letter or digit",
            ),
            fields: vec![account],
            fine: cel::absent_or(
                account,
                &cel::matches(&cel::in_self(account), cel::SUBDOMAIN),
            ),
            named: vec![cel::in_self(account)],
            check: |component| {
                let account = component.spec.service_account_name.as_deref()?;
                (!is_subdomain(account)).then(|| vec![account.to_owned()])
            },
        },
    ]
}

/// Which versions, and which package.
fn versions() -> Vec<Rule> {
    let version = "spec.version";
    let depends_on = "spec.dependsOn";
    let digest = "spec.chart.digest";
    vec![
        Rule {
            sentence: Sentence(
                "spec.version \"{}\" is neither a version nor a range; write one such as 1.2.3, ^1.2, \">=1 <3\" or \
                 latest",
            ),
            fields: vec![version],
            fine: cel::absent_or(version, &cel::is_range(&cel::in_self(version))),
            named: vec![cel::in_self(version)],
            check: |component| {
                let version = &component.spec.version;
                VersionSelector::parse(version)
                    .is_none()
                    .then(|| vec![version.clone()])
            },
        },
        Rule {
            sentence: Sentence(
                "spec.dependsOn has a version that is no version range; write one such as ^1.2 or \">=1 <3\"",
            ),
            fields: vec![depends_on],
            fine: cel::absent_or(depends_on, &cel::all_ranges(depends_on)),
            // CEL cannot say which: the API server knows no limit for the size of what is chosen from a list
            named: Vec::new(),
            check: |component| {
                let range = |text: &Option<String>| text.clone().unwrap_or_default();
                let mut all = component.spec.depends_on.iter();
                let bad = all.find(|one| VersionSelector::parse(&range(&one.version)).is_none())?;
                Some(vec![format!("{} of {}", range(&bad.version), bad.name)])
            },
        },
        Rule {
            sentence: Sentence("spec.chart.digest \"{}\" is not sha256: and 64 hex digits"),
            fields: vec![digest],
            fine: cel::absent_or(
                digest,
                &cel::matches(&cel::in_self(digest), "^sha256:[0-9a-f]{64}$"),
            ),
            named: vec![cel::in_self(digest)],
            check: |component| {
                let digest = component.spec.chart.digest.as_ref()?;
                Sha256Hex::parse_named(digest)
                    .is_none()
                    .then(|| vec![digest.clone()])
            },
        },
    ]
}

/// Fields of the definition that this version does not support.
fn not_supported() -> Vec<Rule> {
    let values_from = "spec.valuesFrom";
    let test = "spec.test.enable";
    vec![
        Rule {
            sentence: Sentence(
                "spec.valuesFrom ({} {}) is not supported by this version; put the values into spec.values",
            ),
            fields: vec![values_from],
            fine: cel::absent_or(
                values_from,
                &format!("size({}) == 0", cel::in_self(values_from)),
            ),
            named: ["kind", "name"]
                .map(|field| format!("self.spec.valuesFrom[0].{field}"))
                .to_vec(),
            check: |component| {
                let ValuesReference { kind, name, .. } = component.spec.values_from.first()?;
                Some(vec![format!("{kind:?}"), name.clone()])
            },
        },
        Rule {
            sentence: Sentence(
                "spec.test.enable is not supported by this version; remove it and run `helm test` by hand",
            ),
            fields: vec![test],
            fine: cel::absent_or(test, &format!("!{}", cel::in_self(test))),
            named: Vec::new(),
            check: |component| component.spec.test.enable.then(Vec::new),
        },
    ]
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
mod tests;
