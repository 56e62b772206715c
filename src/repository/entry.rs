//! One chart version of the index, rendered once and kept as its JSON line.

use std::cmp::Ordering;
use std::os::unix::fs::MetadataExt as _;

use chrono::{DateTime, Datelike as _, SecondsFormat, Utc};
use sha2::{Digest as _, Sha256};

use crate::chart::archive::ChartPackage;
use crate::chart::digest::Sha256Hex;
use crate::chart::version::Version;
use crate::yaml::escaped;

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
    /// What tells this state from others of the same size and time: made of inode and status time of a file, of the
    /// entity tag in an object store; 0 if the storage has neither.
    pub mark: u64,
}

impl Stamp {
    /// What no stored object has: of an object whose state could not be read, or that was replaced by another writer.
    pub const UNKNOWN: Self = Self {
        size: 0,
        modified: DateTime::UNIX_EPOCH,
        mark: 0,
    };

    /// A stamp; `identity` is what the storage tells states apart by. A time without a year of four digits (a file
    /// system can store such) counts as the epoch: Helm refuses an index that has one.
    pub fn new(size: u64, modified: DateTime<Utc>, identity: &[u8]) -> Self {
        let digest = Sha256::digest(identity);
        let mark = digest[..8]
            .iter()
            .fold(0, |mark, byte| mark << 8 | u64::from(*byte));
        let readable = (0..=9999).contains(&modified.year());
        Self {
            size,
            modified: if readable {
                modified
            } else {
                DateTime::UNIX_EPOCH
            },
            mark,
        }
    }

    /// The stamp of a file. A time outside the calendar's range counts as the epoch.
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
        let mut identity = [0; 24];
        identity[..8].copy_from_slice(&metadata.ino().to_le_bytes());
        identity[8..16].copy_from_slice(&metadata.ctime().to_le_bytes());
        identity[16..].copy_from_slice(&metadata.ctime_nsec().to_le_bytes());
        let modified = since_epoch.unwrap_or(DateTime::UNIX_EPOCH);
        Self::new(metadata.len(), modified, &identity)
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

impl Listing {
    /// The same with at most `limit` bytes of metadata: the annotations go first, then whatever is largest. Returns the
    /// names of the fields that are left out, or the size of what cannot be.
    pub fn within(
        mut package: ChartPackage,
        file_name: &str,
        stamp: Stamp,
        limit: usize,
    ) -> Result<(Self, Vec<&'static str>), usize> {
        let mut left_out = Vec::new();
        loop {
            let listing = Self::new(&package, file_name, stamp);
            if listing.head.len() <= limit {
                return Ok((listing, left_out));
            }
            match package.metadata.leave_out_largest() {
                Some(field) => left_out.push(field),
                None => return Err(listing.head.len()),
            }
        }
    }
}

impl Entry {
    /// The listing that this is the rendering of, for an object of the same bytes with another stamp.
    pub fn listing(&self, stamp: Stamp) -> Listing {
        Listing {
            name: self.name.clone(),
            version_text: self.version_text.clone(),
            version: self.version.clone(),
            file_name: self.file_name.clone(),
            digest: self.digest,
            stamp,
            head: self.head().into(),
        }
    }

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

/// Compact JSON that a Helm that reads the index as YAML (before 3.13) reads alike; line separators are escaped to keep
/// one version on one line.
fn render_json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    let json = serde_json::to_vec(value);
    let json = json.expect("strings, numbers and maps with string keys always serialise");
    String::from_utf8(escaped(json)).expect("serde_json writes UTF-8")
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
            stamp: Stamp::new(7, modified, b""),
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
