//! One chart version of the index, rendered once and kept as its JSON line.

use std::cmp::Ordering;
use std::io;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::ser::{CompactFormatter, Formatter};
use sha2::{Digest as _, Sha256};

use crate::chart::archive::ChartPackage;
use crate::chart::digest::Sha256Hex;
use crate::chart::version::Version;

/// How the API shows a built-in version, in place of the closing brace.
const IS_BUILT_IN: &[u8] = br#","builtIn":true}"#;

/// Where a package lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Shipped with the program, read-only.
    BuiltIn,
    /// On the volume.
    Upload,
}

/// The state of a stored object, without its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// Last modification, in the storage's resolution. It is the `created` of the index.
    pub modified: DateTime<Utc>,
}

impl Stamp {
    /// The stamp of a file. A time outside the calendar's range (a file system can store such) counts as the epoch.
    pub fn of(metadata: &std::fs::Metadata) -> Self {
        let since_epoch = metadata.modified().ok().and_then(|modified| {
            let (sign, distance) = match modified.duration_since(std::time::UNIX_EPOCH) {
                Ok(after) => (1, after),
                Err(error) => (-1, error.duration()),
            };
            let nanos = i128::try_from(distance.as_nanos()).ok()? * sign;
            let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
            let rest = u32::try_from(nanos.rem_euclid(1_000_000_000)).ok()?;
            DateTime::from_timestamp(seconds, rest)
        });
        Self {
            size: metadata.len(),
            modified: since_epoch.unwrap_or(DateTime::UNIX_EPOCH),
        }
    }
}

/// The index entry of a package without its URL.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The chart's name.
    pub name: Box<str>,
    /// The chart's version as written.
    pub version_text: Box<str>,
    /// The same, parsed.
    pub version: Version,
    /// The stored object's own name, without the tenant: usually `<name>-<version>.tgz`.
    pub file_name: Box<str>,
    /// Digest of the package.
    pub digest: Sha256Hex,
    /// Size and time of the stored object that `digest` is of.
    pub stamp: Stamp,
    /// The metadata as one line of JSON without its closing brace.
    pub head: Box<str>,
}

/// One element of `entries[name]`, ready to be written into an index.
#[derive(Debug)]
pub struct Entry {
    /// The chart's name.
    pub name: Box<str>,
    /// The chart's version as written.
    pub version_text: Box<str>,
    /// The same, parsed.
    pub version: Version,
    /// The stored object's own name.
    pub file_name: Box<str>,
    /// Digest of the package.
    pub digest: Sha256Hex,
    /// Size and time of the stored object.
    pub stamp: Stamp,
    /// Which layer the package is in.
    pub layer: Layer,
    /// The whole version object as one line of JSON.
    line: Box<str>,
    head_len: usize,
    hash: u128,
}

impl Listing {
    /// The listing of `package`, stored as `file_name`.
    pub fn new(package: &ChartPackage, file_name: &str, stamp: Stamp) -> Self {
        let mut head = render_json(&package.metadata);
        head.pop();
        Self {
            name: package.metadata.name.as_str().into(),
            version_text: package.metadata.version.as_str().into(),
            version: package.version.clone(),
            file_name: file_name.into(),
            digest: package.digest,
            stamp,
            head: head.into(),
        }
    }
}

impl Entry {
    /// Renders a listing; `url_prefix` precedes the file name in `urls` (docs/chartmuseum.md 7.3).
    pub fn new(listing: Listing, layer: Layer, url_prefix: &str) -> Self {
        let Listing {
            name,
            version_text,
            version,
            file_name,
            digest,
            stamp,
            head,
        } = listing;
        let url = render_json(&format!("{url_prefix}{file_name}"));
        let created = stamp.modified.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let line = format!(r#"{head},"urls":[{url}],"created":"{created}","digest":"{digest}"}}"#);
        let digest_of_line = Sha256::digest(line.as_bytes());
        let mut hash = [0u8; 16];
        hash.copy_from_slice(&digest_of_line[..16]);
        Self {
            name,
            version_text,
            version,
            file_name,
            digest,
            stamp,
            layer,
            head_len: head.len(),
            line: line.into(),
            hash: u128::from_le_bytes(hash),
        }
    }

    /// The version object as in `index.yaml`: one line of JSON.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The part of [`line`](Self::line) that depends on nothing but the package, without a closing brace.
    pub fn head(&self) -> &str {
        &self.line[..self.head_len]
    }

    /// Part of the SHA-256 of the line. Sums of these identify a set of lines.
    pub fn hash(&self) -> u128 {
        self.hash
    }

    /// Appends the version object as the API shows it: the index line, and `builtIn` where it is true.
    pub fn write_api_json(&self, out: &mut Vec<u8>) {
        match self.layer {
            Layer::Upload => out.extend_from_slice(self.line.as_bytes()),
            Layer::BuiltIn => {
                out.extend_from_slice(&self.line.as_bytes()[..self.line.len() - 1]);
                out.extend_from_slice(IS_BUILT_IN);
            }
        }
    }

    /// Bytes of what [`write_api_json`](Self::write_api_json) appends.
    pub fn api_json_len(&self) -> usize {
        match self.layer {
            Layer::Upload => self.line.len(),
            Layer::BuiltIn => self.line.len() - 1 + IS_BUILT_IN.len(),
        }
    }

    /// The index's order: by name, newest first, and by the text of the version where precedence is equal.
    pub fn cmp_position(&self, other: &Self) -> Ordering {
        (self.name.cmp(&other.name))
            .then_with(|| other.version.cmp(&self.version))
            .then_with(|| self.layer.cmp(&other.layer))
            .then_with(|| self.version_text.cmp(&other.version_text))
    }

    /// Which of two packages of one name and version is listed: a built-in chart before an upload, the one stored
    /// under its own name before a renamed one, then the first by file name. `Less` is listed.
    pub fn cmp_claim(&self, other: &Self) -> Ordering {
        (self.layer.cmp(&other.layer))
            .then_with(|| {
                other
                    .has_canonical_file_name()
                    .cmp(&self.has_canonical_file_name())
            })
            .then_with(|| self.file_name.cmp(&other.file_name))
    }

    fn has_canonical_file_name(&self) -> bool {
        (self.file_name.strip_suffix(".tgz"))
            .and_then(|rest| rest.strip_suffix(&*self.version_text))
            .and_then(|rest| rest.strip_suffix('-'))
            .is_some_and(|name| *name == *self.name)
    }
}

/// Compact JSON in which every character that YAML forbids in a document is escaped, so that a Helm that reads the
/// index as YAML (before 3.13) reads the same text.
fn render_json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    let mut out = Vec::with_capacity(512);
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, YamlSafe);
    value
        .serialize(&mut serializer)
        .expect("strings, numbers and maps with string keys always serialise");
    String::from_utf8(out).expect("serde_json writes UTF-8")
}

struct YamlSafe;

impl Formatter for YamlSafe {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_not_printable_in_yaml) {
            CompactFormatter.write_string_fragment(writer, &rest[..at])?;
            let c = rest[at..]
                .chars()
                .next()
                .expect("find returned the position of a character");
            write!(writer, "\\u{:04x}", u32::from(c))?;
            rest = &rest[at + c.len_utf8()..];
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

/// YAML 1.1 section 4.1.1, as far as JSON has not escaped it already; line separators are escaped to keep one version
/// on one line.
fn is_not_printable_in_yaml(c: char) -> bool {
    matches!(
        c,
        '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn listing(name: &str, version: &str, file_name: &str) -> Listing {
        let modified = DateTime::from_timestamp(1_900_000_000, 120_000_000).unwrap();
        Listing {
            name: name.into(),
            version_text: version.into(),
            version: Version::parse(version).unwrap(),
            file_name: file_name.into(),
            digest: Sha256Hex::of(file_name.as_bytes()),
            stamp: Stamp { size: 7, modified },
            head: format!(r#"{{"name":"{name}","version":"{version}""#).into(),
        }
    }

    pub(crate) fn entry(name: &str, version: &str) -> Entry {
        Entry::new(
            listing(name, version, &format!("{name}-{version}.tgz")),
            Layer::Upload,
            "charts/",
        )
    }

    #[test]
    fn a_line_ends_with_where_when_and_digest() {
        let entry = entry("demo", "1.0.0");
        let digest = Sha256Hex::of(b"demo-1.0.0.tgz");
        let expected = format!(
            r#"{{"name":"demo","version":"1.0.0","urls":["charts/demo-1.0.0.tgz"],"created":"2030-03-17T17:46:40.120Z","digest":"{digest}"}}"#
        );
        assert_eq!(entry.line(), expected);
        assert_eq!(entry.head(), r#"{"name":"demo","version":"1.0.0""#);
    }

    #[test]
    fn only_the_api_says_that_a_chart_is_built_in() {
        let mut out = Vec::new();
        let built_in = Entry::new(
            listing("demo", "1.0.0", "demo-1.0.0.tgz"),
            Layer::BuiltIn,
            "charts/",
        );
        built_in.write_api_json(&mut out);
        assert!(out.ends_with(br#"","builtIn":true}"#));
        assert!(!built_in.line().contains("builtIn"));
    }

    #[test]
    fn characters_that_yaml_forbids_are_escaped() {
        assert_eq!(
            render_json("a\u{7f}b\u{85}\u{2028}\u{feff}ü😀"),
            "\"a\\u007fb\\u0085\\u2028\\ufeffü😀\""
        );
    }

    #[test]
    fn the_claim_goes_to_the_built_in_then_to_the_canonical_name() {
        let canonical = entry("a", "1.0.0");
        let renamed = Entry::new(listing("a", "1.0.0", "0.tgz"), Layer::Upload, "charts/");
        let built_in = Entry::new(listing("a", "1.0.0", "z.tgz"), Layer::BuiltIn, "charts/");
        assert_eq!(canonical.cmp_claim(&renamed), Ordering::Less);
        assert_eq!(built_in.cmp_claim(&canonical), Ordering::Less);
    }
}
