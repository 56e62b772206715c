//! The end of a process's output, in bounded memory.

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How much is kept.
pub const LIMIT: usize = 64 * 1024;

/// The last bytes, [`LIMIT`] of them if nothing else is said.
#[derive(Debug)]
pub struct Tail {
    limit: usize,
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Default for Tail {
    fn default() -> Self {
        Self::of(LIMIT)
    }
}

impl Tail {
    /// That many of the last bytes.
    pub fn of(limit: usize) -> Self {
        Self {
            limit,
            bytes: Vec::new(),
            is_cut: false,
        }
    }

    /// Reads to the end of `from`; what was read before an error or before this is dropped is kept.
    pub async fn read(&mut self, mut from: impl AsyncRead + Unpin) {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            self.append(&buffer[..read]);
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > 2 * self.limit {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if let Some(excess @ 1..) = self.bytes.len().checked_sub(self.limit) {
            self.bytes.drain(..excess);
            self.is_cut = true;
        }
    }

    /// The text, from a line's start if the beginning is gone: half a secret could not be redacted.
    pub fn text(mut self) -> String {
        self.cut();
        let whole = match self.bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) if self.is_cut => &self.bytes[end + 1..],
            _ => &self.bytes,
        };
        String::from_utf8_lossy(whole).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_from_a_whole_line_on() {
        let mut tail = Tail::default();
        for number in 0..100_000 {
            tail.append(format!("line {number}\n").as_bytes());
        }
        let text = tail.text();
        assert!(text.ends_with("\nline 99999\n"));
        assert!(text.starts_with("line "), "{}", &text[..20]);
        assert!((LIMIT - 12..=LIMIT).contains(&text.len()), "{}", text.len());
    }

    #[test]
    fn what_fits_is_kept_whole() {
        let mut tail = Tail::default();
        tail.append(b"no newline before\nthe end \xff");
        assert_eq!(tail.text(), "no newline before\nthe end \u{fffd}");
        let mut full = Tail::default();
        full.append(&[b'x'; LIMIT]);
        assert_eq!(full.text().len(), LIMIT);
    }
}
