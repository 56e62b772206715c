//! Which definitions were kept, and for whom: by the mark on the definitions themselves, so that nothing is forgotten
//! with the process (docs/components.md 10.2).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::component::names::annotation::KEPT_FOR;
use crate::node_key::NodeKey;

/// The marked definitions of the cluster. One lock, held for moments.
#[derive(Debug, Default)]
pub struct KeptDefinitions(RwLock<BTreeMap<String, NodeKey>>);

impl KeptDefinitions {
    /// Those that were kept for a Component, by name.
    pub fn of(&self, key: &NodeKey) -> BTreeSet<String> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let own = kept.iter().filter(|(_, owner)| *owner == key);
        own.map(|(name, _)| name.clone()).collect()
    }

    /// Those of these names that were kept, for whomever.
    pub fn among(&self, names: &BTreeSet<String>) -> BTreeSet<String> {
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let kept = kept.keys().filter(|name| names.contains(*name));
        kept.cloned().collect()
    }

    /// A definition is kept for this Component, or for nobody, or is gone. The answer names the Components for which
    /// that is news.
    pub fn note(&self, name: &str, owner: Option<NodeKey>) -> Vec<NodeKey> {
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = match owner.clone() {
            Some(owner) => kept.insert(name.to_owned(), owner),
            None => kept.remove(name),
        };
        if before == owner {
            return Vec::new();
        }
        before.into_iter().chain(owner).collect()
    }

    /// All that there are.
    pub fn replace(&self, all: BTreeMap<String, NodeKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = all;
    }
}

/// The Component for which a definition with this metadata was kept; `None` if it was not, or goes.
pub fn owner(metadata: &ObjectMeta) -> Option<NodeKey> {
    let mark = metadata.annotations.as_ref()?.get(KEPT_FOR)?;
    let (namespace, name) = mark.split_once('/')?;
    let stays = metadata.deletion_timestamp.is_none();
    stays.then(|| NodeKey::new(namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> NodeKey {
        NodeKey::new("chartroom", name)
    }

    #[test]
    fn whoever_a_definition_is_kept_for_hears_of_each_change() {
        let kept = KeptDefinitions::default();
        assert_eq!(kept.note("as.x", Some(key("a"))), [key("a")]);
        assert!(kept.note("as.x", Some(key("a"))).is_empty());
        assert_eq!(kept.note("as.x", Some(key("b"))), [key("a"), key("b")]);
        assert!(kept.of(&key("a")).is_empty());
        let both = BTreeSet::from(["as.x".to_owned(), "bs.x".to_owned()]);
        assert_eq!(kept.of(&key("b")), kept.among(&both));
        assert_eq!(kept.note("as.x", None), [key("b")]);
        assert!(kept.note("as.x", None).is_empty());
    }

    #[test]
    fn the_mark_names_the_component() {
        let marked = |text: &str| {
            let annotations = BTreeMap::from([(KEPT_FOR.to_owned(), text.to_owned())]);
            ObjectMeta {
                annotations: Some(annotations),
                ..ObjectMeta::default()
            }
        };
        assert_eq!(owner(&marked("chartroom/web")), Some(key("web")));
        assert_eq!(owner(&marked("web")), None);
        assert_eq!(owner(&ObjectMeta::default()), None);
    }
}
