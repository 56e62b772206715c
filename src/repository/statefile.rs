//! The index cache: what the packages of a tenant said of themselves when they were last opened, so that a start need
//! not open them again. Each line stands for itself: it counts only while the object has the size and time noted in it.
//!
//! Text, one package a line, fields separated by tabs; the last line counts them, so that a torn file is noticed.

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

const HEADER: &str = "chartroom-index 1";

/// Pieces of about this many bytes are easier to come by than one of all.
const PIECE: usize = 1024 * 1024;

/// Renders the cache of these entries, in pieces; built-in charts are not in it.
pub fn render<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    let mut piece = format!("{HEADER}\n");
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
            pieces.push(std::mem::take(&mut piece).into());
        }
    }
    piece.push_str(&format!("end {count}\n"));
    pieces.push(piece.into());
    pieces
}

/// Reads a cache into listings by file name. A cache of another kind, or one that was cut short, is empty; a line that
/// makes no sense is left out.
pub fn parse(bytes: &[u8]) -> HashMap<Box<str>, Listing> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return HashMap::new();
    };
    let Some(body) = text
        .strip_prefix(HEADER)
        .and_then(|rest| rest.strip_prefix('\n'))
    else {
        return HashMap::new();
    };
    let Some((lines, end)) = body
        .trim_end_matches('\n')
        .rsplit_once('\n')
        .or(Some(("", body.trim_end())))
    else {
        return HashMap::new();
    };
    let count = lines.lines().count();
    if end != format!("end {count}") {
        return HashMap::new();
    }
    let mut listings = HashMap::with_capacity(count);
    listings.extend(
        lines
            .lines()
            .filter_map(parse_line)
            .map(|listing| (listing.file_name.clone(), listing)),
    );
    listings
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
        let mut zeroed = whole.clone();
        let half = zeroed.len() / 2;
        zeroed[half..half + 20].fill(0);
        assert!(parse(&zeroed).len() < 2);
    }
}
