//! What was compared already: an object that nobody has written since is what it was then.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::controller::health::{Readiness, readiness};
use crate::release::manifest::ObjectKey;

/// An object in one state: whatever writes it, its version changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    uid: String,
    resource_version: String,
    /// An autoscaler decides its replicas: when that ends, they count again.
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

/// Versions of a release's objects that are as installed, as of the last look.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    versions: BTreeSet<Version>,
    ready: BTreeSet<ObjectKey>,
}

impl Compared {
    /// True if the object was ready when it was looked at.
    pub fn is_ready(&self, key: &ObjectKey) -> bool {
        self.ready.contains(key)
    }

    /// What is to be kept until the next look.
    pub fn kept(mut self) -> Self {
        self.ready.clear();
        self
    }

    pub(super) fn has(&self, version: &Version) -> bool {
        // without these nobody could tell one from the other
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
