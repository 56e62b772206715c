//! The result of a drift comparison, as values and as a summary.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::release::manifest::ObjectKey;

/// How many objects, and how many fields of each, the summary names.
const NAMED: usize = 5;
/// The most characters of a summary.
const LONGEST: usize = 700;

/// The states of all objects of a release.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DriftReport {
    /// Objects that are not as they were installed, in the manifest's order.
    pub drifted: Vec<Drifted>,
    /// Objects that cannot be compared, and why. They are never corrected.
    pub unknown: Vec<(ObjectKey, String)>,
}

/// An object that is not as it was installed.
#[derive(Clone, Debug, PartialEq)]
pub struct Drifted {
    /// Which object.
    pub key: ObjectKey,
    /// What differs.
    pub change: Change,
    /// What is done to correct it. May hold a Secret's data.
    pub correction: Correction,
}

/// What is done to correct an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Correction {
    /// A server-side apply: the manifest's object with what Helm adds, and with the values that ignored fields have in
    /// the cluster.
    Apply(Value),
    /// A JSON patch, where an apply is refused.
    Patch(Value),
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The object does not exist.
    Missing,
    /// These fields have other values, are added or are missing.
    Changed(Vec<FieldChange>),
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// The JSON pointer to it.
    pub path: String,
    /// The field managers other than Helm that own it now.
    pub managers: Vec<String>,
}

impl DriftReport {
    /// True if every object could be compared and is as installed.
    pub fn is_clean(&self) -> bool {
        self.drifted.is_empty() && self.unknown.is_empty()
    }

    /// A digest (hex) of which objects and fields differ, whatever their values and whoever wrote them, so that the
    /// same drift is reported once. Objects that cannot be compared do not count.
    pub fn digest(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for drifted in &self.drifted {
            let key = format!(
                "{}/{} {}",
                drifted.key.group, drifted.key.version, drifted.key
            );
            match &drifted.change {
                Change::Missing => lines.push(key),
                Change::Changed(fields) => {
                    lines.extend(fields.iter().map(|field| format!("{key} {}", field.path)));
                }
            }
        }
        lines.sort();
        let sum = Sha256::digest(lines.join("\n").as_bytes());
        sum.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// `Deployment web: /spec/replicas (kubectl-edit); Service web is missing`: the first five, and how many more.
    /// Empty if nothing drifted.
    pub fn summary(&self) -> String {
        joined(self.drifted.iter().map(Drifted::to_string))
    }

    /// The same for objects that cannot be compared: `Deployment web: why`.
    pub fn unknown_summary(&self) -> String {
        joined(
            self.unknown
                .iter()
                .map(|(key, why)| format!("{key}: {why}")),
        )
    }
}

impl Drifted {
    /// The field managers other than Helm that own drifted fields, each once.
    pub fn managers(&self) -> BTreeSet<&str> {
        let fields = match &self.change {
            Change::Missing => &[][..],
            Change::Changed(fields) => fields,
        };
        let managers = fields.iter().flat_map(|field| &field.managers);
        managers.map(String::as_str).collect()
    }
}

impl fmt::Display for Drifted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = match &self.change {
            Change::Missing => return write!(f, "{} is missing", self.key),
            Change::Changed(fields) => fields,
        };
        write!(f, "{}: ", self.key)?;
        for (place, field) in fields.iter().take(NAMED).enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{}", field.path)?;
            if !field.managers.is_empty() {
                write!(f, " ({})", field.managers.join(", "))?;
            }
        }
        match fields.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more fields"),
        }
    }
}

fn joined(mut parts: impl ExactSizeIterator<Item = String>) -> String {
    let more = parts.len().saturating_sub(NAMED);
    let named: Vec<String> = parts.by_ref().take(NAMED).collect();
    let mut text = named.join("; ");
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
        text.push('…');
    }
    if more > 0 {
        text.push_str(&format!("; and {more} more objects"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, name: &str) -> ObjectKey {
        ObjectKey {
            group: "apps".to_owned(),
            version: "v1".to_owned(),
            kind: kind.to_owned(),
            namespace: None,
            name: name.to_owned(),
        }
    }

    fn changed(name: &str, paths: &[&str], manager: &str) -> Drifted {
        let fields = paths.iter().map(|&path| FieldChange {
            path: path.to_owned(),
            managers: vec![manager.to_owned()],
        });
        Drifted {
            key: key("Deployment", name),
            change: Change::Changed(fields.collect()),
            correction: Correction::Apply(Value::Null),
        }
    }

    fn missing(name: &str) -> Drifted {
        Drifted {
            key: key("Service", name),
            change: Change::Missing,
            correction: Correction::Apply(Value::Null),
        }
    }

    fn report(drifted: Vec<Drifted>) -> DriftReport {
        DriftReport {
            drifted,
            unknown: Vec::new(),
        }
    }

    #[test]
    fn the_summary_names_objects_fields_and_who_wrote_them() {
        let both = report(vec![
            changed("web", &["/spec/replicas"], "kubectl-edit"),
            missing("web"),
        ]);
        assert_eq!(
            both.summary(),
            "Deployment web: /spec/replicas (kubectl-edit); Service web is missing"
        );
        let managers: Vec<&str> = both.drifted[0].managers().into_iter().collect();
        assert_eq!(managers, ["kubectl-edit"]);
        assert_eq!(report(Vec::new()).summary(), "");
        let many = report((0..7).map(|number| missing(&number.to_string())).collect());
        assert!(
            many.summary()
                .ends_with("Service 4 is missing; and 2 more objects")
        );
        let path = "/x".repeat(400);
        let long = report(vec![changed("web", &[&path], "m")]);
        assert!(long.summary().chars().count() <= LONGEST + 1);
    }

    #[test]
    fn the_digest_is_of_the_differences_alone() {
        let one = report(vec![changed("web", &["/a", "/b"], "x"), missing("web")]);
        let same = report(vec![missing("web"), changed("web", &["/b", "/a"], "y")]);
        assert_eq!(one.digest(), same.digest());
        let mut unknown = one.clone();
        unknown
            .unknown
            .push((key("Deployment", "db"), "why".to_owned()));
        assert_eq!(one.digest(), unknown.digest());
        let other = report(vec![changed("web", &["/a"], "x"), missing("web")]);
        assert_ne!(one.digest(), other.digest());
        assert_ne!(
            report(vec![missing("web")]).digest(),
            report(vec![missing("db")]).digest()
        );
    }
}
