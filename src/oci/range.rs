//! Ranges of bytes: of what is read, and of a chunk that is uploaded.

/// What a request wants of `size` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everything: no range was asked for, or one that may be ignored.
    All,
    /// These bytes, first and last.
    Part {
        /// Of the first byte.
        first: u64,
        /// Of the last byte.
        last: u64,
    },
    /// Bytes that are not there.
    Nothing,
}

/// Reads a `Range` header (RFC 9110 section 14.2). Several ranges and other units are ignored, which the RFC allows. A
/// range that ends before it begins is refused, where the RFC would have it ignored: the conformance suite counts the
/// latter as missing.
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(range) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else {
        return Wanted::All;
    };
    let Some((first, last)) = range.split_once('-').filter(|_| !range.contains(',')) else {
        return Wanted::All;
    };
    let (first, last) = (first.trim(), last.trim());
    match (number(first), number(last)) {
        (None, Some(0)) if first.is_empty() => Wanted::Nothing,
        (None, Some(_)) if first.is_empty() && size == 0 => Wanted::Nothing,
        (None, Some(length)) if first.is_empty() => Wanted::Part {
            first: size.saturating_sub(length),
            last: size - 1,
        },
        (Some(from), to) if to.is_some() || last.is_empty() => {
            let to = to.unwrap_or(u64::MAX);
            if from >= size || to < from {
                Wanted::Nothing
            } else {
                Wanted::Part {
                    first: from,
                    last: to.min(size - 1),
                }
            }
        }
        _ => Wanted::All,
    }
}

/// The bytes of an upload that a chunk says it is: first and last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Of its first byte.
    pub first: u64,
    /// Of its last byte, not before the first.
    pub last: u64,
}

impl Chunk {
    /// Reads the `Content-Range` of a chunk: `first-last`, and also HTTP's own `bytes first-last/total`. `None` if it
    /// is neither.
    pub fn parse(header: &str) -> Option<Self> {
        let range = header.trim();
        let range = range.strip_prefix("bytes ").unwrap_or(range);
        let range = range.split_once('/').map_or(range, |(range, _)| range);
        let (first, last) = range.trim().split_once('-')?;
        let chunk = Self {
            first: number(first)?,
            last: number(last)?,
        };
        (chunk.first <= chunk.last && chunk.last < u64::MAX).then_some(chunk)
    }

    /// Its number of bytes.
    pub fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

/// What an upload holds, as the `Range` header of the answers has it. Docker refuses an end before the start, so
/// nothing is `0-0` too.
pub fn held(bytes: u64) -> String {
    format!("0-{}", bytes.saturating_sub(1))
}

/// Digits alone: `+1` is no position.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_of_2048_bytes() {
        let part = |first, last| Wanted::Part { first, last };
        for (header, expected) in [
            ("bytes=500-1499", part(500, 1499)),
            ("bytes=500-", part(500, 2047)),
            ("bytes=-500", part(1548, 2047)),
            ("bytes=-5000", part(0, 2047)),
            ("bytes=2000-5000", part(2000, 2047)),
            ("bytes=0-0", part(0, 0)),
            ("bytes=500-0", Wanted::Nothing),
            ("bytes=5000-10000", Wanted::Nothing),
            ("bytes=2048-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=0-1,3-4", Wanted::All),
            ("bytes=a-b", Wanted::All),
            ("bytes=-", Wanted::All),
            ("bytes=1-b", Wanted::All),
            ("items=0-1", Wanted::All),
            ("bytes=99999999999999999999999-", Wanted::All),
        ] {
            assert_eq!(wanted(Some(header), 2048), expected, "{header}");
        }
        assert_eq!(wanted(None, 2048), Wanted::All);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Nothing);
        assert_eq!(wanted(Some("bytes=-1"), 0), Wanted::Nothing);
    }

    #[test]
    fn a_chunk_is_written_in_two_ways() {
        for header in ["0-511", "bytes 0-511/2048", "bytes 0-511/*", " 0-511 "] {
            let chunk = Chunk::parse(header).unwrap();
            assert_eq!((chunk.first, chunk.length()), (0, 512), "{header}");
        }
        for header in [
            "",
            "0",
            "5-4",
            "-4",
            "4-",
            "a-b",
            "+1-2",
            "0-18446744073709551615",
        ] {
            assert_eq!(Chunk::parse(header), None, "{header}");
        }
    }

    #[test]
    fn an_empty_upload_holds_what_docker_can_read() {
        assert_eq!(held(0), "0-0");
        assert_eq!(held(1), "0-0");
        assert_eq!(held(512), "0-511");
    }
}
