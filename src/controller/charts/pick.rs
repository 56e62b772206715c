//! Which version of a chart a Component gets (docs/components.md 11.1). Pure.

use crate::chart::index::ChartVersion;
use crate::chart::selector::VersionSelector;
use crate::chart::version::Version;
use crate::component::conditions::Reason;

/// The most versions that a message names.
const NAMED: usize = 5;

/// The result of [`pick`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picked {
    /// The version at this index.
    Version(usize),
    /// The current version is no longer in the repository and stays; the message says so.
    Stay(String),
    /// There is no such version.
    NotFound {
        /// [`Reason::ChartNotFound`] or [`Reason::VersionNotFound`].
        reason: Reason,
        /// What is wanted, what is available, and what to do.
        message: String,
    },
}

/// Chooses from `versions` (newest first, all of one chart). `current` is the version that is installed, or that an
/// earlier reconcile has chosen; `auto_upgrade` lets an empty `spec.version` follow uploads.
///
/// A Component is downgraded only if its `spec.version` asks for it: by an exact version, or by a range without the
/// current one; never because an upload was deleted.
pub fn pick(
    selector: &VersionSelector,
    versions: &[ChartVersion],
    current: Option<&str>,
    auto_upgrade: bool,
) -> Picked {
    let list = versions
        .iter()
        .map(|listed| (&*listed.text, &listed.version));
    let found = selector.select(list);
    let current = current.filter(|text| !text.is_empty()).map(|text| Current {
        text,
        version: Version::parse(text),
        index: position(versions, text),
    });
    let Some(current) = current else {
        return found.map_or_else(|| not_found(selector, versions), Picked::Version);
    };
    match selector {
        VersionSelector::Newest if !auto_upgrade => current.stay("nothing else is asked for"),
        VersionSelector::Newest | VersionSelector::Latest => {
            up(versions, found, &current).unwrap_or_else(|| current.stay("nothing newer is there"))
        }
        VersionSelector::Exact { text, version } => match found {
            Some(found) => Picked::Version(found),
            None if current.is(text, version) => {
                current.stay("it is the version that is asked for")
            }
            None => not_found(selector, versions),
        },
        VersionSelector::Range(range) => {
            let in_range = (current.version.as_ref()).is_some_and(|version| range.matches(version));
            match found {
                Some(found) if !in_range => Picked::Version(found),
                None if !in_range => not_found(selector, versions),
                _ => up(versions, found, &current)
                    .unwrap_or_else(|| current.stay("nothing newer in the range is there")),
            }
        }
    }
}

struct Current<'a> {
    text: &'a str,
    /// `None` if the installed version is invalid.
    version: Option<Version>,
    /// Where it is in the list.
    index: Option<usize>,
}

impl Current<'_> {
    fn is(&self, text: &str, version: &Version) -> bool {
        self.text == text || self.version.as_ref() == Some(version)
    }

    /// Its place in the list, if it has one.
    fn stay(&self, why: &str) -> Picked {
        match self.index {
            Some(index) => Picked::Version(index),
            None => Picked::Stay(format!(
                "version {} is not in the repository any more and stays installed: {why}",
                self.text
            )),
        }
    }
}

/// `found` if it is above the current version; the current one if it is there and has the same precedence. `None` if
/// only older ones are there.
fn up(versions: &[ChartVersion], found: Option<usize>, current: &Current<'_>) -> Option<Picked> {
    let found = found?;
    let Some(version) = &current.version else {
        return Some(Picked::Version(found));
    };
    match versions[found].version.cmp(version) {
        std::cmp::Ordering::Less => None,
        std::cmp::Ordering::Equal => Some(Picked::Version(current.index.unwrap_or(found))),
        std::cmp::Ordering::Greater => Some(Picked::Version(found)),
    }
}

/// The index of the version written as `text`, or else of one with equal precedence.
fn position(versions: &[ChartVersion], text: &str) -> Option<usize> {
    let spelled = versions.iter().position(|listed| listed.text == text);
    spelled.or_else(|| {
        let version = Version::parse(text)?;
        versions.iter().position(|listed| listed.version == version)
    })
}

fn not_found(selector: &VersionSelector, versions: &[ChartVersion]) -> Picked {
    let Some(first) = versions.first() else {
        return Picked::NotFound {
            reason: Reason::ChartNotFound,
            message: "the repository has no version of this chart; push one with helm cm-push"
                .to_owned(),
        };
    };
    let mut there: Vec<&str> = (versions.iter().take(NAMED).map(|listed| &*listed.text)).collect();
    let more = versions.len() - there.len();
    let more_text = format!("{more} more");
    if more > 0 {
        there.push(&more_text);
    }
    let (name, there) = (&first.name, there.join(", "));
    let message = match selector {
        VersionSelector::Newest | VersionSelector::Latest => format!(
            "chart {name} has only pre-releases: {there}; name one in spec.version, or push a stable version"
        ),
        VersionSelector::Exact { text, .. } => format!(
            "chart {name} has no version {text}, but {there}; push {name}-{text}.tgz, or change spec.version"
        ),
        VersionSelector::Range(_) => format!(
            "chart {name} has no version in the range of spec.version, but {there}; push one, or change spec.version"
        ),
    };
    Picked::NotFound {
        reason: Reason::VersionNotFound,
        message,
    }
}

#[cfg(test)]
mod tests;
