//! How a Component is named in a graph.

use std::fmt;

/// A Component by namespace and name; ordered by namespace first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey {
    /// The Component's own namespace, not that of its release.
    pub namespace: String,
    /// The Component's name.
    pub name: String,
}

impl NodeKey {
    /// The Component `name` in `namespace`.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The name alone where `home` is the namespace, else both.
    pub fn seen_from(&self, home: &str) -> String {
        if self.namespace == home {
            self.name.clone()
        } else {
            self.to_string()
        }
    }
}

impl fmt::Display for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
