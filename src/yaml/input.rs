//! What stands between a stranger's text and the event parser.

use std::cell::Cell;

use saphyr_parser::Input;
use saphyr_parser::input::SkipTabs;

/// How much the parser may still read ahead before it hands over the next event.
///
/// The scanner cannot tell whether `[…]` is a key until it has seen what follows the `]`, so it holds every token of a
/// flow collection before its first event. 5 MiB of `[a,a,a…` would take half a gigabyte.
#[derive(Debug)]
pub(super) struct ReadAhead {
    left: Cell<usize>,
    allowance: usize,
}

impl ReadAhead {
    /// `allowance` is in tokens.
    pub(super) fn new(allowance: usize) -> Self {
        Self {
            left: Cell::new(allowance),
            allowance,
        }
    }

    /// An event arrived: start over.
    pub(super) fn renew(&self) {
        self.left.set(self.allowance);
    }

    /// True if the text was cut short.
    pub(super) fn is_exhausted(&self) -> bool {
        self.left.get() == 0
    }
}

/// The text as the scanner reads it, one character after the other. It ends early when the parser reads too far ahead,
/// and takes a tab after `key:` for white space, as Go's parser does (saphyr's own input refuses `key:<tab>value`).
#[derive(Debug)]
pub(super) struct GuardedInput<'a> {
    rest: &'a str,
    ahead: &'a ReadAhead,
    /// The scanner has just looked at one character: how it ends skipping what stands between two tokens.
    is_between_tokens: bool,
}

impl<'a> GuardedInput<'a> {
    pub(super) fn new(text: &'a str, ahead: &'a ReadAhead) -> Self {
        Self {
            rest: text,
            ahead,
            is_between_tokens: false,
        }
    }

    #[inline]
    fn first_byte(&self) -> Option<u8> {
        self.rest.as_bytes().first().copied()
    }

    /// Skips characters from the start while they are `wanted`, and counts them.
    fn skip_while(&mut self, wanted: impl Fn(char) -> bool) -> usize {
        let rest = self.rest.trim_start_matches(wanted);
        let skipped = &self.rest[..self.rest.len() - rest.len()];
        self.rest = rest;
        skipped.chars().count()
    }
}

/// What the scanner asks for at the start of every token, next after looking at its first character: room for `--- `.
const TOKEN_LOOKAHEAD: usize = 4;

/// What ends a line: the scanner takes NUL for the end of the text, and a byte-order mark for that of a document.
fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\0' | '\u{feff}')
}

fn is_flow_indicator(byte: u8) -> bool {
    matches!(byte, b',' | b'[' | b']' | b'{' | b'}')
}

impl Input for GuardedInput<'_> {
    #[inline]
    fn lookahead(&mut self, count: usize) {
        if count == TOKEN_LOOKAHEAD && self.is_between_tokens {
            let left = self.ahead.left.get().saturating_sub(1);
            self.ahead.left.set(left);
            if left == 0 {
                self.rest = "";
            }
        }
        self.is_between_tokens = false;
    }

    /// All of the text is at hand; past its end there are NULs.
    #[inline]
    fn buflen(&self) -> usize {
        usize::MAX
    }

    /// Also what the scanner reserves for every plain scalar.
    #[inline]
    fn bufmaxlen(&self) -> usize {
        16
    }

    #[inline]
    fn buf_is_empty(&self) -> bool {
        false
    }

    #[inline]
    fn raw_read_ch(&mut self) -> char {
        let c = self.peek();
        self.skip();
        c
    }

    #[inline]
    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        let c = self.peek_opt().filter(|c| !ends_line(*c))?;
        self.skip();
        Some(c)
    }

    #[inline]
    fn skip(&mut self) {
        self.is_between_tokens = false;
        match self.first_byte() {
            None => {}
            Some(0..0x80) => self.rest = &self.rest[1..],
            Some(_) => {
                let mut chars = self.rest.chars();
                chars.next();
                self.rest = chars.as_str();
            }
        }
    }

    #[inline]
    fn skip_n(&mut self, count: usize) {
        for _ in 0..count {
            self.skip();
        }
    }

    #[inline]
    fn peek(&self) -> char {
        match self.first_byte() {
            None => '\0',
            Some(byte @ 0..0x80) => char::from(byte),
            Some(_) => self.rest.chars().next().unwrap_or('\0'),
        }
    }

    #[inline]
    fn peek_nth(&self, n: usize) -> char {
        match self.rest.as_bytes().get(..=n) {
            Some(bytes) if bytes.is_ascii() => char::from(bytes[n]),
            _ => self.rest.chars().nth(n).unwrap_or('\0'),
        }
    }

    #[inline]
    fn peek_opt(&self) -> Option<char> {
        self.rest.chars().next()
    }

    #[inline]
    fn look_ch(&mut self) -> char {
        self.is_between_tokens = true;
        self.peek()
    }

    fn skip_ws_to_eol(&mut self, skip_tabs: SkipTabs) -> (usize, Result<SkipTabs, &'static str>) {
        let bytes = self.rest.as_bytes();
        let is_blank = |byte: &u8| *byte == b' ' || *byte == b'\t' && skip_tabs == SkipTabs::Yes;
        let blanks = bytes
            .iter()
            .position(|byte| !is_blank(byte))
            .unwrap_or(bytes.len());
        let found_tab = bytes[..blanks].contains(&b'\t');
        self.rest = &self.rest[blanks..];
        let mut skipped = blanks;
        if self.first_byte() == Some(b'#') {
            if blanks == 0 {
                return (
                    0,
                    Err("comments must be separated from other tokens by whitespace"),
                );
            }
            skipped += self.skip_while_non_breakz();
        }
        (skipped, Ok(SkipTabs::Result(found_tab, blanks > 0)))
    }

    #[inline]
    fn next_can_be_plain_scalar(&self, in_flow: bool) -> bool {
        let bytes = self.rest.as_bytes();
        match bytes.first() {
            Some(b':') => match bytes.get(1) {
                next if is_blank_or_end(next) => false,
                next => !(in_flow && next.copied().is_some_and(is_flow_indicator)),
            },
            Some(0xef) => !self.rest.starts_with('\u{feff}'),
            Some(byte) => !(in_flow && is_flow_indicator(*byte)),
            None => true,
        }
    }

    #[inline]
    fn next_is_blank_or_breakz(&self) -> bool {
        is_blank_or_end(self.rest.as_bytes().first())
    }

    #[inline]
    fn next_is_document_indicator(&self) -> bool {
        self.next_is_document_start() || self.next_is_document_end()
    }

    #[inline]
    fn next_is_document_start(&self) -> bool {
        self.rest.starts_with("---") && is_blank_or_end(self.rest.as_bytes().get(3))
    }

    #[inline]
    fn next_is_document_end(&self) -> bool {
        self.rest.starts_with("...") && is_blank_or_end(self.rest.as_bytes().get(3))
    }

    fn skip_while_non_breakz(&mut self) -> usize {
        self.skip_while(|c| !ends_line(c))
    }

    fn skip_while_blank(&mut self) -> usize {
        self.skip_while(|c| matches!(c, ' ' | '\t'))
    }
}

fn is_blank_or_end(byte: Option<&u8>) -> bool {
    matches!(byte, None | Some(b' ' | b'\t' | b'\n' | b'\r' | 0))
}
