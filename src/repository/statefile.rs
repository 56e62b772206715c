//! The index cache: the metadata of a tenant's packages from when they were last opened, so that a start need
//! not open them again. Each line stands for itself: it counts only while the object has the stamp noted in it, or still the digest.
//!
//! Text, one package a line, fields separated by tabs. The last line counts them and has the checksum of all before it,
//! so that a torn or garbled file is noticed: a wrong digest in the index would break every download of its package.

use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;

use crate::chart::digest::Sha256Hex;
use crate::chart::version::Version;
use crate::repository::entry::{Entry, Layer, Listing, Stamp};

const HEADER: &str = "chartroom-index 3";

/// The size of a piece in bytes: several pieces are easier to allocate than a single buffer.
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
        let fields: [&str; 8] = [
            &entry.file_name,
            &entry.stamp.size.to_string(),
            &modified.to_string(),
            &format!("{:016x}", entry.stamp.mark),
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

/// Reads a cache into index entries, in no order, on as many threads as there are cores. A cache of another kind, or
/// one that is damaged, counts as empty; an invalid line is left out.
pub fn parse(bytes: &[u8], url_prefix: &str) -> Vec<Arc<Entry>> {
    let Some(lines) = lines_of(bytes) else {
        return Vec::new();
    };
    let entries_of = |lines: &str| -> Vec<Arc<Entry>> {
        let listings = lines.lines().filter_map(parse_line);
        listings
            .map(|listing| Arc::new(Entry::new(listing, Layer::Upload, url_prefix)))
            .collect()
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    std::thread::scope(|scope| {
        let parts: Vec<_> = divide(lines, threads)
            .into_iter()
            .map(|part| scope.spawn(move || entries_of(part)))
            .collect();
        let parts = parts.into_iter().map(|part| part.join());
        parts
            .flat_map(|part| part.expect("reading a line does not panic"))
            .collect()
    })
}

/// Divides a text into about equal parts at line ends.
fn divide(mut text: &str, parts: usize) -> Vec<&str> {
    let size = text.len() / parts.max(1) + 1;
    let mut divided = Vec::with_capacity(parts);
    while text.len() > size {
        let end = text.as_bytes()[size..].iter().position(|&b| b == b'\n');
        let (part, rest) = text.split_at(end.map_or(text.len(), |end| size + end + 1));
        divided.push(part);
        text = rest;
    }
    divided.push(text);
    divided
}

/// The lines between the first and the last, if the cache is intact.
fn lines_of(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let end = text.strip_suffix('\n')?.rfind('\n')? + 1;
    let (checked, last) = text.split_at(end);
    let lines = checked.strip_prefix(HEADER)?.strip_prefix('\n')?;
    let expected = last_line(lines.lines().count(), crc32fast::hash(checked.as_bytes()));
    (last == expected).then_some(lines)
}

fn parse_line(line: &str) -> Option<Listing> {
    let mut fields = line.splitn(8, '\t');
    let file_name = fields.next()?.into();
    let size = fields.next()?.parse().ok()?;
    let modified = DateTime::from_timestamp_nanos(fields.next()?.parse().ok()?);
    let mark = u64::from_str_radix(fields.next()?, 16).ok()?;
    let digest = Sha256Hex::parse(fields.next()?)?;
    let version_text: Box<str> = fields.next()?.into();
    let version = Version::parse(&version_text)?;
    let name = fields.next()?.into();
    let head: Box<str> = fields.next()?.into();
    // half a line of JSON would make the whole index invalid
    let whole =
        head.starts_with("{\"") && head.ends_with(['"', ']', '}', 'e']) && !head.contains('\0');
    whole.then_some(Listing {
        name,
        version_text,
        version,
        file_name,
        digest,
        stamp: Stamp {
            size,
            modified,
            mark,
        },
        head,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::entry::tests::{entry, listing};

    fn parse(bytes: &[u8]) -> Vec<Arc<Entry>> {
        super::parse(bytes, "charts/")
    }

    fn whole<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<u8> {
        render(entries).concat()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let entries = [entry("a", "1.0.0"), entry("b", "2.0.0-rc.1")];
        let parsed = parse(&whole(entries.iter()));
        assert_eq!(parsed.len(), 2);
        for (again, entry) in parsed.iter().zip(&entries) {
            assert_eq!(again.line(), entry.line());
            assert_eq!(again.stamp, entry.stamp);
        }
        assert_eq!(parse(&whole([].iter())).len(), 0);
    }

    #[test]
    fn a_text_is_divided_at_line_ends_and_loses_nothing() {
        for lines in 0..20 {
            let text: String = (0..lines)
                .map(|i| format!("{}\n", "x".repeat(i * 3)))
                .collect();
            for parts in 1..6 {
                let divided = divide(&text, parts);
                assert!(divided.len() <= parts);
                assert_eq!(divided.concat(), text);
                assert!(
                    divided
                        .iter()
                        .all(|part| part.is_empty() || part.ends_with('\n'))
                );
            }
        }
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
