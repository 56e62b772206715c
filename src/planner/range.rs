//! Version ranges of requirements.

use std::fmt;

use crate::chart::constraint::Constraint;
use crate::chart::version::Version;

/// Which versions of a dependency satisfy a requirement.
#[derive(Clone, Debug, Default)]
pub struct VersionRange {
    text: String,
    /// `None` is any version.
    constraint: Option<Constraint>,
}

impl VersionRange {
    /// Parses a range as Helm does; an empty text and `latest` mean any version. `None` if it is not a range.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let constraint = match text {
            "" | "latest" => None,
            _ => Some(Constraint::parse(text)?),
        };
        Some(Self {
            text: text.to_owned(),
            constraint,
        })
    }

    /// True if any version satisfies it.
    pub fn is_any(&self) -> bool {
        self.constraint.is_none()
    }

    /// As written, without the space around it.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// True if `version` satisfies it.
    pub fn allows(&self, version: &Version) -> bool {
        (self.constraint.as_ref()).is_none_or(|constraint| constraint.matches(version))
    }
}

/// As written, or `any version`.
impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_any() {
            "any version"
        } else {
            &self.text
        })
    }
}

impl PartialEq for VersionRange {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
