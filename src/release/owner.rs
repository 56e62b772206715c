//! The label for the owner of a release, so that controllers that do not see each other's Components do not contend for
//! it.

use crate::node_key::NodeKey;

/// Kubernetes' limit for the value of a label.
const MAX_VALUE: usize = 63;

/// The value of the label for this Component: namespace.name. `None` if that is too long for a label: a release without
/// the label has no known owner.
pub fn mark(owner: &NodeKey) -> Option<String> {
    let mark = format!("{}.{}", owner.namespace, owner.name);
    (mark.len() <= MAX_VALUE).then_some(mark)
}

/// The Component that a label's value names. Names of namespaces have no dots.
pub fn marked(value: &str) -> Option<NodeKey> {
    let (namespace, name) = value.split_once('.')?;
    Some(NodeKey::new(namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back() {
        for (namespace, name) in [("chartroom", "web"), ("a", "dotted.name-1")] {
            let owner = NodeKey::new(namespace, name);
            assert_eq!(marked(&mark(&owner).unwrap()), Some(owner));
        }
        assert_eq!(marked("nodots"), None);
    }

    #[test]
    fn what_is_too_long_for_a_label_has_no_mark() {
        let of = |length: usize| mark(&NodeKey::new("ns", &"a".repeat(length)));
        assert_eq!(of(60).unwrap().len(), MAX_VALUE);
        assert_eq!(of(61), None);
    }
}
