//! The name of a tenant: the part of a path that says which repository is meant.

use std::fmt;

/// Zero or more path segments; none is the root tenant. Safe to join to a storage path: no segment is empty, `.` or
/// `..`, and none holds a separator, a backslash or a control character (contract section 13.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tenant(String);

impl Tenant {
    /// The tenant of depth 0.
    pub fn root() -> Self {
        Self::default()
    }

    /// Reads `a/b`; the empty text is the root. `None` if a segment is not allowed.
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::root());
        }
        text.split('/')
            .all(is_allowed)
            .then(|| Self(text.to_owned()))
    }

    /// Joins segments that were split at `/`.
    pub(super) fn from_segments(segments: &[&str]) -> Option<Self> {
        segments
            .iter()
            .all(|segment| is_allowed(segment))
            .then(|| Self(segments.join("/")))
    }

    /// The segments joined by `/`: the contract's `{repo}`. Empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for the tenant of depth 0.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_allowed(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..") && !segment.chars().any(|c| c == '\\' || c.is_control())
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_a_safe_relative_path() {
        for name in ["", "org", "org/team", "a.b", "..a", "charts", "api/x", "é"] {
            assert_eq!(
                Tenant::parse(name)
                    .map(|tenant| tenant.to_string())
                    .as_deref(),
                Some(name)
            );
        }
        for name in [
            "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a/.", "a\\b", "a\0", "a\nb", "\u{7f}",
        ] {
            assert_eq!(Tenant::parse(name), None, "{name:?}");
        }
    }
}
