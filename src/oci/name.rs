//! Names of repositories, tags, and what a reference means.

use std::fmt;

use crate::oci::digest::Digest;

/// The most characters of a repository's name: many clients allow 255 for host and name together.
const LONGEST_NAME: usize = 255;
/// The most characters of a tag.
const LONGEST_TAG: usize = 128;

/// A repository's name: components of `[a-z0-9]+` runs with single separators between them, joined by slashes. Safe as
/// a path: no component is empty, begins with a dot or an underscore, or holds a separator of any system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(Box<str>);

impl RepositoryName {
    /// Reads a name; `None` if it does not follow the grammar of the distribution specification.
    pub fn parse(text: &str) -> Option<Self> {
        let is_valid = text.len() <= LONGEST_NAME && text.split('/').all(is_component);
        is_valid.then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same below another component, such as a mirrored registry's host.
    pub fn below(&self, prefix: &str) -> Option<Self> {
        Self::parse(&format!("{prefix}/{}", self.0))
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `run(sep run)*`: a separator is a dot, one or two underscores, or any number of dashes.
fn is_component(text: &str) -> bool {
    let is_run = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = text.split(is_run).filter(|part| !part.is_empty());
    let are_single = separators
        .into_iter()
        .all(|part| matches!(part, "." | "_" | "__") || part.bytes().all(|byte| byte == b'-'));
    text.starts_with(is_run) && text.ends_with(is_run) && are_single
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Box<str>);

impl Tag {
    /// Reads a tag: up to 128 of letters, digits, `_`, `.` and `-`, the first none of the last two.
    pub fn parse(text: &str) -> Option<Self> {
        let is_first = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let is_valid = text.len() <= LONGEST_TAG
            && text.starts_with(is_first)
            && text.chars().all(|c| is_first(c) || c == '.' || c == '-');
        is_valid.then(|| Self(text.into()))
    }

    /// The tag of a chart's version: `+`, which no tag may have, becomes `_`, which no version has.
    pub fn of_version(version: &str) -> Option<Self> {
        Self::parse(&version.replace('+', "_"))
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a manifest is asked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// What the tag points to.
    Tag(Tag),
    /// The manifest of these bytes.
    Digest(Digest),
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_grammar_to_its_edges() {
        for good in [
            "a",
            "0",
            "a/b/c",
            "a.b",
            "a_b",
            "a__b",
            "a-b",
            "a---b",
            "blobs/uploads",
            "library/nginx",
            "quay.io/org/app",
            &"a".repeat(255),
        ] {
            assert!(RepositoryName::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "A",
            "a/",
            "/a",
            "a//b",
            ".a",
            "a.",
            "a..b",
            "a___b",
            "a._b",
            "a.-b",
            "_catalog",
            "-a",
            "a-",
            "a b",
            "a+b",
            "a:b",
            "..",
            "a/../b",
            "é",
            &"a".repeat(256),
        ] {
            assert!(RepositoryName::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn tags_follow_the_grammar_to_its_edges() {
        for good in ["latest", "1.0.0", "_a", "A-b.c_d", &"a".repeat(128)] {
            assert!(Tag::parse(good).is_some(), "{good}");
        }
        for bad in ["", ".a", "-a", "a+b", "a/b", "a:b", "ä", &"a".repeat(129)] {
            assert!(Tag::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_version_and_its_tag_differ_in_the_plus_alone() {
        let tag = |version| Tag::of_version(version).map(|tag| tag.to_string());
        assert_eq!(tag("1.0.0+build.1"), Some("1.0.0_build.1".to_owned()));
        assert_eq!(tag("1.0.0-rc.1"), Some("1.0.0-rc.1".to_owned()));
        assert_eq!(tag("1.0.0 1"), None);
    }
}
