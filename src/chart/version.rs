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
    /// Reads a version; `None` if it is not one (contract section 2.2, "Semver").
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, metadata) = split_off(text, '+');
        if metadata.is_some_and(|metadata| !metadata.split('.').all(is_identifier)) {
            return None;
        }
        let (numbers, pre) = split_off(text, '-');
        if pre.is_some_and(|pre| !pre.split('.').all(is_pre_identifier)) {
            return None;
        }
        let mut numbers = numbers.split('.').map(number);
        let version = Self {
            major: numbers.next()??,
            minor: numbers.next().unwrap_or(Some(0))?,
            patch: numbers.next().unwrap_or(Some(0))?,
            pre: pre.unwrap_or_default().into(),
        };
        numbers.next().is_none().then_some(version)
    }

    /// True if it has a pre-release part.
    pub fn is_prerelease(&self) -> bool {
        !self.pre.is_empty()
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

fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_pre_identifier(text: &str) -> bool {
    is_identifier(text) && !(text.len() > 1 && text.starts_with('0') && is_numeric(text))
}

fn is_numeric(identifier: &str) -> bool {
    identifier.bytes().all(|byte| byte.is_ascii_digit())
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch)
            .cmp(&(other.major, other.minor, other.patch))
            .then_with(|| compare_pre(&self.pre, &other.pre))
    }
}

/// Precedence of two pre-release parts; none at all is the highest.
pub(crate) fn compare_pre(left: &str, right: &str) -> Ordering {
    match (left.is_empty(), right.is_empty()) {
        (false, false) => {}
        (left_is_stable, right_is_stable) => return left_is_stable.cmp(&right_is_stable),
    }
    let mut left = left.split('.');
    let mut right = right.split('.');
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(left), Some(right)) => match compare_identifiers(left, right) {
                Ordering::Equal => {}
                unequal => return unequal,
            },
        }
    }
}

/// Numbers by value, of any size (they have no leading zeros, so the longer one is the larger); numbers before words;
/// words by their bytes.
fn compare_identifiers(left: &str, right: &str) -> Ordering {
    match (is_numeric(left), is_numeric(right)) {
        (true, true) => left.len().cmp(&right.len()).then_with(|| left.cmp(right)),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => left.cmp(right),
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
