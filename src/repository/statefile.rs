//! The index cache: what the packages of a tenant said of themselves when they were last opened, so that a start need
//! not open them again. Each line stands for itself: it counts only while the object has the size and time noted in it.
//!
//! Text, one package a line, fields separated by tabs. The last line counts them and has the checksum of all before it,
//! so that a torn or garbled file is noticed: a wrong digest in the index would break every download of its package.

use std::collections::HashMap;

use bytes::Bytes;
use chrono::DateTime;

use crate::chart::digest::Sha256Hex;
use crate::chart::version::Version;
use crate::repository::entry::{Entry, Layer, Listing, Stamp};

/// The object's name in the tenant. It is no chart and counts as none.
pub const CACHE_FILE_NAME: &str = ".chartroom-index";

/// ChartMuseum's name for the rendered index that it keeps beside the packages (contract section 3.5). It is written
/// for those who publish it, and never read.
pub const STATEFILE_NAME: &str = "index-cache.yaml";

const HEADER: &str = "chartroom-index 2";

/// Pieces of about this many bytes are easier to come by than one of all.
const PIECE: usize = 1024 * 1024;

/// Renders the cache of these entries, in pieces; built-in charts are not in it.
pub fn render<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    let mut piece = format!("{HEADER}\n");
    let mut checksum = crc32fast::Hasher::new();
    let mut count = 0usize;
    for entry in entries.filter(|entry| entry.layer == Layer::Upload) {
        let Some(modified) = entry.stamp.modified.timestamp_nanos_opt() else {
            continue;
        };
        let fields: [&str; 7] = [
            &entry.file_name,
            &entry.stamp.size.to_string(),
            &modified.to_string(),
            &entry.digest.to_string(),
            &entry.version_text,
            &entry.name,
            entry.head(),
        ];
        if fields
            .iter()
            .any(|field| field.contains(['\t', '\n', '\r']))
        {
            continue;
        }
        piece.push_str(&fields.join("\t"));
        piece.push('\n');
        count += 1;
        if piece.len() >= PIECE {
            checksum.update(piece.as_bytes());
            pieces.push(std::mem::take(&mut piece).into());
        }
    }
    checksum.update(piece.as_bytes());
    piece.push_str(&last_line(count, checksum.finalize()));
    pieces.push(piece.into());
    pieces
}

fn last_line(count: usize, checksum: u32) -> String {
    format!("end {count} {checksum:08x}\n")
}

/// Reads a cache into listings by file name. A cache of another kind, or one that is not as it was written, is empty; a
/// line that makes no sense is left out.
pub fn parse(bytes: &[u8]) -> HashMap<Box<str>, Listing> {
    let Some(lines) = lines_of(bytes) else {
        return HashMap::new();
    };
    let mut listings = HashMap::with_capacity(lines.lines().count());
    listings.extend(
        lines
            .lines()
            .filter_map(parse_line)
            .map(|listing| (listing.file_name.clone(), listing)),
    );
    listings
}

/// The lines between the first and the last, if the cache is whole.
fn lines_of(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let end = text.strip_suffix('\n')?.rfind('\n')? + 1;
    let (checked, last) = text.split_at(end);
    let lines = checked.strip_prefix(HEADER)?.strip_prefix('\n')?;
    let expected = last_line(lines.lines().count(), crc32fast::hash(checked.as_bytes()));
    (last == expected).then_some(lines)
}

fn parse_line(line: &str) -> Option<Listing> {
    let mut fields = line.splitn(7, '\t');
    let file_name = fields.next()?.into();
    let size = fields.next()?.parse().ok()?;
    let modified = DateTime::from_timestamp_nanos(fields.next()?.parse().ok()?);
    let digest = Sha256Hex::parse(fields.next()?)?;
    let version_text: Box<str> = fields.next()?.into();
    let version = Version::parse(&version_text)?;
    let name = fields.next()?.into();
    let head: Box<str> = fields.next()?.into();
    // half a line of JSON would spoil the whole index
    let whole =
        head.starts_with("{\"") && head.ends_with(['"', ']', '}', 'e']) && !head.contains('\0');
    whole.then_some(Listing {
        name,
        version_text,
        version,
        file_name,
        digest,
        stamp: Stamp { size, modified },
        head,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::entry::tests::{entry, listing};

    fn whole<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<u8> {
        render(entries).concat()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let entries = [entry("a", "1.0.0"), entry("b", "2.0.0-rc.1")];
        let parsed = parse(&whole(entries.iter()));
        assert_eq!(parsed.len(), 2);
        let again = Entry::new(parsed["b-2.0.0-rc.1.tgz"].clone(), Layer::Upload, "charts/");
        assert_eq!(again.line(), entries[1].line());
        assert_eq!(parse(&whole([].iter())).len(), 0);
    }

    #[test]
    fn built_in_charts_are_not_in_it() {
        let built_in = Entry::new(
            listing("a", "1.0.0", "a-1.0.0.tgz"),
            Layer::BuiltIn,
            "charts/",
        );
        assert_eq!(parse(&whole([built_in].iter())).len(), 0);
    }

    #[test]
    fn a_cache_that_was_cut_anywhere_is_no_cache() {
        let whole = whole([entry("a", "1.0.0"), entry("b", "2.0.0")].iter());
        for len in 0..whole.len() - 1 {
            assert!(parse(&whole[..len]).is_empty(), "cut at {len}");
        }
    }

    #[test]
    fn a_cache_with_a_single_wrong_byte_is_no_cache() {
        let whole = whole([entry("a", "1.0.0"), entry("b", "2.0.0")].iter());
        for at in 0..whole.len() {
            for wrong in [0, b'0', b'\n', whole[at] ^ 1] {
                let mut garbled = whole.clone();
                garbled[at] = wrong;
                assert!(
                    garbled == whole || parse(&garbled).is_empty(),
                    "byte {at} is {wrong}"
                );
            }
        }
    }
}
