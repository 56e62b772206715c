//! Comparisons that need not be repeated: an object whose resourceVersion is unchanged is as it was.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::controller::health::{Readiness, readiness};
use crate::release::manifest::ObjectKey;

/// An object at one resourceVersion.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    uid: String,
    resource_version: String,
    /// Whether an autoscaler scales it: when that changes, it is compared again.
    is_scaled: bool,
    is_ready: bool,
}

impl Version {
    /// The version of an object as it was read.
    pub(super) fn of(live: &Value, is_scaled: bool) -> Self {
        let text = |key: &str| {
            live["metadata"][key]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        Self {
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            is_scaled,
            is_ready: readiness(live) == Readiness::Ready,
        }
    }
}

/// Versions of a release's objects that were as installed at the last comparison.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    versions: BTreeSet<Version>,
    ready: BTreeSet<ObjectKey>,
}

impl Compared {
    /// True if the object was as installed in this version.
    pub fn is_ready(&self, key: &ObjectKey) -> bool {
        self.ready.contains(key)
    }

    /// Keeps a version until the next comparison.
    pub fn kept(mut self) -> Self {
        self.ready.clear();
        self
    }

    pub(super) fn has(&self, version: &Version) -> bool {
        // without a UID and a resourceVersion, two states could not be told apart
        !version.uid.is_empty()
            && !version.resource_version.is_empty()
            && self.versions.contains(version)
    }

    pub(super) fn note(&mut self, key: ObjectKey, version: Option<Version>) {
        let Some(version) = version else {
            return;
        };
        if version.is_ready {
            self.ready.insert(key);
        }
        self.versions.insert(version);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_very_same_version_was_compared() {
        let object = |uid: &str, version: &str| json!({"kind": "ConfigMap", "metadata": {"uid": uid, "resourceVersion": version}});
        let key = ObjectKey {
            name: "app".to_owned(),
            ..ObjectKey::default()
        };
        let mut compared = Compared::default();
        compared.note(key.clone(), None);
        assert!(!compared.is_ready(&key));
        let first = Version::of(&object("a", "1"), false);
        compared.note(key.clone(), Some(first.clone()));
        assert!(compared.has(&first) && compared.is_ready(&key));
        for (uid, version, is_scaled) in [("a", "2", false), ("b", "1", false), ("a", "1", true)] {
            let other = Version::of(&object(uid, version), is_scaled);
            assert!(!compared.has(&other), "{other:?}");
        }
        let nameless = Version::of(&json!({"kind": "ConfigMap"}), false);
        compared.note(key, Some(nameless.clone()));
        assert!(!compared.has(&nameless));
    }
}
