//! A chart's version, ordered as Helm orders it.

use std::cmp::Ordering;

/// A semantic version in the lenient spelling that Helm accepts (contract section 2.2, "Semver"): an optional `v`, one
/// to three numbers, an optional pre-release, optional build metadata. Keeps no text.
///
/// Two versions are equal when they have the same precedence: `v1.2`, `1.2.0` and `1.2.0+b` are.
#[derive(Clone, Debug)]
pub struct Version {
    /// First number.
    pub major: u64,
    /// Second number, 0 if absent.
    pub minor: u64,
    /// Third number, 0 if absent.
    pub patch: u64,
    /// What stands between `-` and `+`; empty for a stable version.
    pub pre: Box<str>,
}

impl Version {
    /// Reads a version; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let _ = text;
        todo!()
    }

    /// True if it has a pre-release part.
    pub fn is_prerelease(&self) -> bool {
        !self.pre.is_empty()
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let _ = other;
        todo!()
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}
