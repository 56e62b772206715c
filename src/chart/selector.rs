//! Which version of a chart `spec.version` means (docs/components.md 11.1).

use crate::chart::constraint::Constraint;
use crate::chart::version::Version;

/// A `spec.version` that has been understood.
#[derive(Clone, Debug)]
pub enum VersionSelector {
    /// Nothing said: the newest stable version, and to stay there once it is installed.
    Newest,
    /// `latest`: the newest stable version, always.
    Latest,
    /// Three numbers written out: this version, even a pre-release.
    Exact {
        /// As written.
        text: String,
        /// Its precedence; build metadata does not count.
        version: Version,
    },
    /// The newest version that matches.
    Range(Constraint),
}

impl VersionSelector {
    /// Reads `spec.version`; `None` if it is neither a version nor a range. `1.2` is a range, as for Helm.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text {
            "" => return Some(Self::Newest),
            "latest" => return Some(Self::Latest),
            _ => {}
        }
        let numbers = text.split(['-', '+']).next().unwrap_or_default();
        match Version::parse(text) {
            Some(version) if numbers.split('.').count() == 3 => Some(Self::Exact {
                text: text.to_owned(),
                version,
            }),
            _ => Constraint::parse(text).map(Self::Range),
        }
    }

    /// Which of `versions` (text and precedence, newest first) is meant; of equal ones the one spelled the same, else
    /// the first.
    pub fn select<'a>(
        &self,
        versions: impl Iterator<Item = (&'a str, &'a Version)> + Clone,
    ) -> Option<usize> {
        match self {
            Self::Newest | Self::Latest => {
                position(versions, |_, version| !version.is_prerelease())
            }
            Self::Exact {
                text,
                version: wanted,
            } => position(versions.clone(), |spelled, _| spelled == text)
                .or_else(|| position(versions, |_, version| version == wanted)),
            Self::Range(range) => position(versions, |_, version| range.matches(version)),
        }
    }

    /// The version, if it is known without knowing what there is.
    pub fn exact(&self) -> Option<(&str, &Version)> {
        match self {
            Self::Exact { text, version } => Some((text, version)),
            _ => None,
        }
    }
}

fn position<'a>(
    mut versions: impl Iterator<Item = (&'a str, &'a Version)>,
    wanted: impl Fn(&str, &Version) -> bool,
) -> Option<usize> {
    versions.position(|(text, version)| wanted(text, version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_selected_as_the_contract_says() {
        let texts = [
            "2.1.0-rc.1",
            "2.0.0",
            "v1.9.3",
            "1.9.0",
            "1.2.3+b2",
            "1.2.3+b1",
            "1.2.3-rc.1",
            "0.1.0",
        ];
        let versions: Vec<(&str, Version)> = texts
            .iter()
            .map(|text| (*text, Version::parse(text).unwrap()))
            .collect();
        for (wanted, found) in [
            ("", Some("2.0.0")),
            ("latest", Some("2.0.0")),
            ("1.9.3", Some("v1.9.3")),
            ("v1.9.0", Some("1.9.0")),
            (" 1.9.0 ", Some("1.9.0")),
            ("1.2.3", Some("1.2.3+b2")),
            ("1.2.3+b1", Some("1.2.3+b1")),
            ("1.2.3+other", Some("1.2.3+b2")),
            ("1.2.3-rc.1", Some("1.2.3-rc.1")),
            ("2.1.0-rc.1", Some("2.1.0-rc.1")),
            ("2.1.0", None),
            ("1.9", Some("v1.9.3")),
            ("1", Some("v1.9.3")),
            ("1.x", Some("v1.9.3")),
            ("^1", Some("v1.9.3")),
            ("~1.2", Some("1.2.3+b2")),
            (">=1.2 <2", Some("v1.9.3")),
            ("1 - 2", Some("2.0.0")),
            ("0.1 || 1.2.x", Some("1.2.3+b2")),
            (">=2.0.0-0", Some("2.1.0-rc.1")),
            ("^3", None),
        ] {
            let selector = VersionSelector::parse(wanted).unwrap();
            let index = selector.select(versions.iter().map(|(text, version)| (*text, version)));
            assert_eq!(index.map(|index| texts[index]), found, "{wanted:?}");
        }
    }

    #[test]
    fn pre_releases_are_never_the_newest() {
        let version = Version::parse("1.0.0-rc.1").unwrap();
        for wanted in ["", "latest", "*", "1.0.0"] {
            let selector = VersionSelector::parse(wanted).unwrap();
            let index = selector.select([("1.0.0-rc.1", &version)].into_iter());
            assert_eq!(index, None, "{wanted:?}");
        }
    }

    #[test]
    fn what_is_neither_a_version_nor_a_range_is_refused() {
        for text in ["newest", "1.2.3.4", ">", "^a", "1.2.3-"] {
            assert!(VersionSelector::parse(text).is_none(), "{text:?}");
        }
    }
}
