//! Version ranges of requirements, and the one version that satisfies all of them.

use std::fmt;

use crate::chart::constraint::Constraint;
use crate::chart::version::Version;
use crate::topology::key::NodeKey;

/// Which versions of a dependency are good enough.
#[derive(Clone, Debug, Default)]
pub struct VersionRange {
    text: String,
    /// `None` is any version.
    constraint: Option<Constraint>,
}

impl VersionRange {
    /// Reads a range as Helm does; nothing at all and `latest` are any version. `None` if it is not a range.
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

    /// True if it says nothing: any version will do.
    pub fn is_any(&self) -> bool {
        self.constraint.is_none()
    }

    /// True if `version` is good enough.
    pub fn allows(&self, version: &Version) -> bool {
        (self.constraint.as_ref()).is_none_or(|constraint| constraint.matches(version))
    }
}

/// As written; `any version` if nothing is.
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

/// What one requirer accepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    /// Who.
    pub requirer: NodeKey,
    /// Which versions.
    pub range: VersionRange,
}

/// The answer to several demands on one dependency.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice<'a> {
    /// The newest version that satisfies all, as an index into the versions given.
    Version(usize),
    /// This demand alone cannot be met by any version.
    Unsatisfiable(&'a Demand),
    /// Each demand could be met, but not these together. As few of them as possible, at least two.
    Conflict(Vec<&'a Demand>),
}

/// The newest of `versions` (newest first) that every demand allows. Where all say "any", the newest stable one.
/// Which demands are named in a refusal does not depend on their order.
pub fn choose<'a>(versions: &[&Version], demands: &'a [Demand]) -> Choice<'a> {
    let meets = |version: &Version, demands: &[&Demand]| {
        let is_wanted = !version.is_prerelease() || demands.iter().any(|d| !d.range.is_any());
        is_wanted && demands.iter().all(|demand| demand.range.allows(version))
    };
    let satisfiable = |demands: &[&Demand]| versions.iter().any(|version| meets(version, demands));
    let mut all: Vec<&Demand> = demands.iter().collect();
    all.sort_by(|a, b| (&a.requirer, &a.range.text).cmp(&(&b.requirer, &b.range.text)));
    if let Some(newest) = versions.iter().position(|version| meets(version, &all)) {
        return Choice::Version(newest);
    }
    if let Some(alone) = all.iter().find(|demand| !satisfiable(&[demand])) {
        return Choice::Unsatisfiable(alone);
    }
    // leave out what the conflict does not need; the smallest keys stay longest, two at least remain
    let mut needed = all;
    for index in (0..needed.len()).rev() {
        let mut fewer = needed.clone();
        fewer.remove(index);
        if !satisfiable(&fewer) {
            needed = fewer;
        }
    }
    Choice::Conflict(needed)
}

#[cfg(test)]
mod tests;
