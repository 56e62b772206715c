//! A place in a text, and what stands there.

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// In bytes.
    pub index: usize,
    /// From 0.
    pub line: usize,
    /// In characters, from 0.
    pub column: usize,
}

/// Goes over a text from its start to its end. The text has no NUL ([`read`](super::reader::read) refuses it), so that
/// NUL can stand for what is behind the end.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    mark: Mark,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            mark: Mark::default(),
        }
    }

    /// Where it is.
    #[inline]
    pub(super) fn mark(&self) -> Mark {
        self.mark
    }

    /// What it has not gone over yet.
    #[inline]
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.text.as_bytes()[self.mark.index..]
    }

    /// The byte so many bytes ahead; NUL behind the end.
    #[inline]
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        let at = self.mark.index + ahead;
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    /// What it went over since `start`.
    pub(super) fn since(&self, start: Mark) -> &'a str {
        &self.text[start.index..self.mark.index]
    }

    /// The text has ended.
    #[inline]
    pub(super) fn is_end(&self) -> bool {
        self.mark.index == self.text.len()
    }

    /// A space or a tab.
    #[inline]
    pub(super) fn is_blank(&self) -> bool {
        matches!(self.byte(0), b' ' | b'\t')
    }

    /// The end of a line.
    #[inline]
    pub(super) fn is_break(&self) -> bool {
        line_break(self.rest()).is_some()
    }

    /// The end of a line or of the text.
    #[inline]
    pub(super) fn is_break_or_end(&self) -> bool {
        self.is_end() || self.is_break()
    }

    /// White space, or the end of a line or of the text, so many bytes ahead.
    #[inline]
    pub(super) fn is_space_or_end(&self, ahead: usize) -> bool {
        ends_word(self.rest().get(ahead..).unwrap_or_default())
    }

    /// `---` or `...` at the start of a line, with nothing right behind it.
    pub(super) fn is_document_indicator(&self) -> bool {
        self.mark.column == 0
            && matches!(self.rest(), [b'-', b'-', b'-', ..] | [b'.', b'.', b'.', ..])
            && self.is_space_or_end(3)
    }

    /// Goes over so many bytes of one line, which are whole characters, and gives them.
    #[inline]
    pub(super) fn take(&mut self, bytes: usize) -> &'a str {
        let start = self.mark.index;
        self.mark.index += bytes;
        let taken = &self.text[start..self.mark.index];
        // every byte but those that continue a character
        self.mark.column += taken.bytes().filter(|byte| byte & 0xc0 != 0x80).count();
        taken
    }

    /// Goes over the bytes that are `wanted`; those of one line that are whole characters.
    #[inline]
    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let bytes = rest.iter().position(|byte| !wanted(*byte));
        self.take(bytes.unwrap_or(rest.len()))
    }

    /// Goes over one character of a line.
    pub(super) fn take_char(&mut self) {
        let next = self.text[self.mark.index..].chars().next();
        self.take(next.map_or(0, char::len_utf8));
    }

    /// Goes over what is left of the line, but not over its end.
    pub(super) fn take_line(&mut self) -> &'a str {
        let rest = self.rest();
        let mut at = 0;
        while let Some(byte) = rest.get(at) {
            if may_end_line(*byte) && line_break(&rest[at..]).is_some() {
                break;
            }
            at += 1;
        }
        self.take(at)
    }

    /// Goes over the end of a line, and gives what it is in a scalar; nothing if there is none.
    pub(super) fn take_break(&mut self) -> &'static str {
        let Some((bytes, is)) = line_break(self.rest()) else {
            return "";
        };
        self.mark = Mark {
            index: self.mark.index + bytes,
            line: self.mark.line + 1,
            column: 0,
        };
        is
    }

    /// How many characters there are from `start` to here, or more than `most`.
    pub(super) fn is_farther_than(&self, start: Mark, most: usize) -> bool {
        self.mark.index - start.index > most && self.since(start).chars().count() > most
    }

    /// The end of the text counts as the start of another line.
    pub(super) fn end_line(&mut self) {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
    }
}

/// True if white space, the end of a line or the end of the text comes first.
#[inline]
pub(super) fn ends_word(rest: &[u8]) -> bool {
    match rest.first() {
        None | Some(b' ' | b'\t' | b'\n' | b'\r') => true,
        Some(byte) => may_end_line(*byte) && line_break(rest).is_some(),
    }
}

/// The first byte of what may end a line.
#[inline]
pub(super) fn may_end_line(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | 0xc2 | 0xe2)
}

/// The end of a line that comes first: its bytes, and what it is in a scalar. In YAML 1.1 the line ends of Unicode are
/// such, and U+2028 and U+2029 stay themselves.
#[inline]
fn line_break(rest: &[u8]) -> Option<(usize, &'static str)> {
    match rest {
        [b'\n', ..] => Some((1, "\n")),
        [b'\r', b'\n', ..] => Some((2, "\n")),
        [b'\r', ..] => Some((1, "\n")),
        [0xc2, 0x85, ..] => Some((2, "\n")),
        [0xe2, 0x80, 0xa8, ..] => Some((3, "\u{2028}")),
        [0xe2, 0x80, 0xa9, ..] => Some((3, "\u{2029}")),
        _ => None,
    }
}
