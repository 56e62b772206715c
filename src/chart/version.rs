//! A chart's version, ordered as Helm orders it.

use std::ops::Deref;

use semver::{BuildMetadata, Prerelease};

/// A semantic version in the lenient spelling that Helm accepts (docs/chartmuseum.md 6.4): an optional `v`, one
/// to three numbers of 64 bits, leading zeros allowed, an optional pre-release, optional build metadata.
///
/// Two versions are equal when they have the same precedence: `v1.2`, `1.2.0` and `1.2.0+b` are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Without build metadata, which `semver` would order too.
    precedence: semver::Version,
}

impl Version {
    /// Reads a version; `None` if it is not one (docs/chartmuseum.md 6.4).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, build) = split_off(text, '+');
        if build.is_some_and(|build| build.is_empty() || BuildMetadata::new(build).is_err()) {
            return None;
        }
        let (numbers, pre) = split_off(text, '-');
        if pre.is_some_and(str::is_empty) {
            return None;
        }
        let pre = Prerelease::new(pre.unwrap_or_default()).ok()?;
        let mut numbers = numbers.split('.').map(number);
        let precedence = semver::Version {
            major: numbers.next()??,
            minor: numbers.next().unwrap_or(Some(0))?,
            patch: numbers.next().unwrap_or(Some(0))?,
            pre,
            build: BuildMetadata::EMPTY,
        };
        numbers.next().is_none().then_some(Self { precedence })
    }

    /// True if it has a pre-release part.
    pub fn is_prerelease(&self) -> bool {
        !self.pre.is_empty()
    }
}

/// The numbers, and the pre-release without its `-`; the build metadata is always empty.
impl Deref for Version {
    type Target = semver::Version;

    fn deref(&self) -> &semver::Version {
        &self.precedence
    }
}

/// What stands before the first `mark`, and what after it if there is one.
fn split_off(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// Leading zeros are fine, a sign is not; `None` above 64 bits.
fn number(digits: &str) -> Option<u64> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap_or_else(|| panic!("{text:?} is a version"))
    }

    #[test]
    fn lenient_spellings_are_versions() {
        for (text, major, minor, patch, pre) in [
            ("1", 1, 0, 0, ""),
            ("1.2", 1, 2, 0, ""),
            ("01.2.3", 1, 2, 3, ""),
            ("v1.2.3", 1, 2, 3, ""),
            ("1.2.3-rc.1+meta", 1, 2, 3, "rc.1"),
            ("1.2.3+meta-1.x", 1, 2, 3, ""),
            ("1.2.3+01", 1, 2, 3, ""),
            ("1-rc", 1, 0, 0, "rc"),
            ("1.2+b", 1, 2, 0, ""),
            ("1.0.4-SNAPSHOT-1", 1, 0, 4, "SNAPSHOT-1"),
            ("1.0.0--", 1, 0, 0, "-"),
            ("1.0.0-0", 1, 0, 0, "0"),
            ("1.0.0-01a", 1, 0, 0, "01a"),
            ("1.0.0--01", 1, 0, 0, "-01"),
            ("0.0.18446744073709551615", 0, 0, u64::MAX, ""),
            ("000000000000000000000001.0.0", 1, 0, 0, ""),
        ] {
            let version = version(text);
            assert_eq!(
                (version.major, version.minor, version.patch, &*version.pre),
                (major, minor, patch, pre),
                "{text}"
            );
        }
    }

    #[test]
    fn other_texts_are_not() {
        for text in [
            "",
            "v",
            "vv1",
            "V1",
            "latest",
            "1.2.3.4",
            "1.0.0-01",
            "1.0.0-a.01",
            " 1.2.3",
            "1.2.3 ",
            "1.2.3\n",
            "1.",
            ".1",
            "1..2",
            "1.2.",
            "+1",
            "-1",
            "1.x",
            "1.0.0-",
            "1.0.0+",
            "1.0.0-a..b",
            "1.0.0-a.",
            "1.0.0+a..b",
            "1.0.0+a+b",
            "1.0.0-a_b",
            "1.0.0-é",
            "１.0.0",
            "18446744073709551616",
            "99999999999999999999.0.0",
        ] {
            assert!(Version::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn the_order_of_the_contract_is_descending() {
        let descending = [
            "10.0.0",
            "9.9.9",
            "v3.0.0",
            "2",
            "1.10.0",
            "1.9.0",
            "1.0.0",
            "1.0.0-rc.1",
            "1.0.0-beta.11",
            "1.0.0-beta.2",
            "1.0.0-beta",
            "1.0.0-alpha.beta",
            "1.0.0-alpha.1",
            "1.0.0-alpha",
            "1.0.0-A",
            "1.0.0--",
            "1.0.0-100000000000000000000001",
            "1.0.0-100000000000000000000000",
            "1.0.0-2",
            "0.0.0-abc",
            "0.0.0-1",
        ];
        for pair in descending.windows(2) {
            assert!(version(pair[0]) > version(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn spelling_and_build_metadata_do_not_matter_to_precedence() {
        for (left, right) in [
            ("v1.2", "1.2.0"),
            ("1.2.0", "1.2.0+b"),
            ("01.02.03", "1.2.3"),
            ("1-a+x", "1.0.0-a+y"),
        ] {
            assert_eq!(version(left), version(right), "{left} and {right}");
        }
    }

    #[test]
    fn a_stable_version_takes_little_memory() {
        assert!(size_of::<Version>() <= 40);
    }

    fn any_version() -> impl Strategy<Value = String> {
        "v?[0-9]{1,2}(\\.[0-3]){0,2}(-([1-9][0-9]{0,2}|0|[a-c-][0-9a-c-]{0,2})(\\.([1-9]|[a-c])){0,2})?(\\+[0-9a-c]{1,2})?"
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in any_version(), b in any_version(), c in any_version()) {
            let (a, b, c) = (version(&a), version(&b), version(&c));
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert!(a == a.clone());
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
            if a == b {
                prop_assert_eq!(a.cmp(&c), b.cmp(&c));
            }
        }

        #[test]
        fn a_version_spelled_in_full_is_itself(text in any_version()) {
            let once = version(&text);
            let dash = if once.is_prerelease() { "-" } else { "" };
            let full = format!("{}.{}.{}{dash}{}", once.major, once.minor, once.patch, once.pre);
            prop_assert_eq!(version(&full), once);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = Version::parse(&text);
        }
    }
}
