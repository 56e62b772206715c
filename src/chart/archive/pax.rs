//! The records of a PAX extended header that matter to a chart: `path`, `size`, and whether the file is sparse.

use super::error::ArchiveError;

/// What an extended header says of the entry behind it.
#[derive(Default)]
pub(super) struct Pax {
    /// Name of the entry.
    pub(super) path: Option<Vec<u8>>,
    /// Size of its body.
    pub(super) size: Option<u64>,
    /// True if the body is a map of holes.
    pub(super) sparse: bool,
}

impl Pax {
    /// Reads records of the form `<length> <key>=<value>\n`, where the length is that of the whole record. Values may
    /// hold newlines (macOS packs binary attributes), so only the length ends a record.
    pub(super) fn parse(mut records: &[u8]) -> Result<Self, ArchiveError> {
        let mut pax = Self::default();
        while !records.is_empty() {
            let (key, value, rest) = record(records).ok_or(ArchiveError::TarHeader)?;
            match key {
                // an empty value takes an earlier one back
                b"path" if value.is_empty() => pax.path = None,
                b"size" if value.is_empty() => pax.size = None,
                b"path" if value.contains(&0) => return Err(ArchiveError::TarHeader),
                b"path" => pax.path = Some(value.to_vec()),
                b"size" => pax.size = Some(number(value).ok_or(ArchiveError::TarHeader)?),
                key if key.starts_with(b"GNU.sparse.") => pax.sparse = true,
                _ => {}
            }
            records = rest;
        }
        Ok(pax)
    }
}

/// The first record's key and value, and what follows it.
fn record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = records.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(number(&records[..space])?).ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], rest))
}

fn number(digits: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    if digits.starts_with('+') {
        None
    } else {
        digits.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_cut_by_their_length() {
        let pax = Pax::parse(b"11 path=a/b\n").err();
        assert!(pax.is_some(), "a length that is one short");
        let pax = Pax::parse(b"12 path=a/b\n22 SCHILY.xattr.x=\n\n=\n10 size=7\n").unwrap();
        assert_eq!(
            (pax.path.as_deref(), pax.size, pax.sparse),
            (Some(&b"a/b"[..]), Some(7), false)
        );
        assert!(Pax::parse(b"22 GNU.sparse.major=1\n").unwrap().sparse);
        let pax = Pax::parse(b"12 path=a/b\n8 path=\n8 size=\n").unwrap();
        assert_eq!((pax.path, pax.size), (None, None), "taken back");
    }

    #[test]
    fn records_that_lie_are_refused() {
        for records in [
            &b"x"[..],
            b"5 a=b",
            b"99 path=a\n",
            b"0 path=a\n",
            b"18446744073709551615 path=a\n",
            b"3 path=a\n",
            b"-9 path=a\n",
            b"+9 path=a\n",
            b"7 patha\n",
            b"9 path=\0\n",
            b"10 size=x\n",
        ] {
            assert!(
                Pax::parse(records).is_err(),
                "{}",
                String::from_utf8_lossy(records)
            );
        }
    }
}
