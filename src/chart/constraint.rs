//! Version ranges as Helm reads them (Masterminds/semver v3 constraints).

use crate::chart::version::Version;

/// A parsed range such as `^1.2`, `>=1 <3 || 5.x`, `1.2 - 2`.
#[derive(Clone, Debug)]
pub struct Constraint {}

impl Constraint {
    /// Reads a range; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let _ = text;
        todo!()
    }

    /// True if `version` satisfies the range. Pre-releases satisfy only comparators that mention one.
    pub fn matches(&self, version: &Version) -> bool {
        let _ = version;
        todo!()
    }
}
