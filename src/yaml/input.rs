//! What stands between a stranger's text and the event parser.

use std::cell::Cell;

use saphyr_parser::input::SkipTabs;
use saphyr_parser::{Input, StrInput};

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

/// A `StrInput` that ends early when the parser reads too far ahead, and that takes a tab after `key:` for white space,
/// as Go's parser does (saphyr refuses `key:<tab>value`).
pub(super) struct GuardedInput<'a> {
    text: StrInput<'a>,
    ahead: &'a ReadAhead,
    /// The scanner has just looked at one character: how it ends skipping what stands between two tokens.
    is_between_tokens: bool,
}

impl<'a> GuardedInput<'a> {
    pub(super) fn new(text: &'a str, ahead: &'a ReadAhead) -> Self {
        Self {
            text: StrInput::new(text),
            ahead,
            is_between_tokens: false,
        }
    }
}

/// What the scanner asks for at the start of every token, next after looking at its first character: room for `--- `.
const TOKEN_LOOKAHEAD: usize = 4;

impl Input for GuardedInput<'_> {
    #[inline]
    fn lookahead(&mut self, count: usize) {
        if count == TOKEN_LOOKAHEAD && self.is_between_tokens {
            let left = self.ahead.left.get().saturating_sub(1);
            self.ahead.left.set(left);
            if left == 0 {
                self.text = StrInput::new("");
            }
        }
        self.is_between_tokens = false;
        self.text.lookahead(count);
    }

    #[inline]
    fn skip_ws_to_eol(&mut self, skip_tabs: SkipTabs) -> (usize, Result<SkipTabs, &'static str>) {
        let (skipped, result) = self.text.skip_ws_to_eol(skip_tabs);
        let result = result.map(|found| match found {
            SkipTabs::Result(tabs, spaces) => SkipTabs::Result(tabs, spaces || tabs),
            other => other,
        });
        (skipped, result)
    }

    #[inline]
    fn buflen(&self) -> usize {
        self.text.buflen()
    }

    #[inline]
    fn bufmaxlen(&self) -> usize {
        // also what the scanner reserves for every plain scalar
        16
    }

    #[inline]
    fn buf_is_empty(&self) -> bool {
        self.text.buf_is_empty()
    }

    #[inline]
    fn raw_read_ch(&mut self) -> char {
        self.text.raw_read_ch()
    }

    #[inline]
    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        self.text.raw_read_non_breakz_ch()
    }

    #[inline]
    fn skip(&mut self) {
        self.is_between_tokens = false;
        self.text.skip();
    }

    #[inline]
    fn skip_n(&mut self, count: usize) {
        self.text.skip_n(count);
    }

    #[inline]
    fn peek(&self) -> char {
        self.text.peek()
    }

    #[inline]
    fn peek_nth(&self, n: usize) -> char {
        self.text.peek_nth(n)
    }

    #[inline]
    fn peek_opt(&self) -> Option<char> {
        self.text.peek_opt()
    }

    #[inline]
    fn look_ch(&mut self) -> char {
        self.is_between_tokens = true;
        self.text.look_ch()
    }

    #[inline]
    fn next_char_is(&self, c: char) -> bool {
        self.text.next_char_is(c)
    }

    #[inline]
    fn nth_char_is(&self, n: usize, c: char) -> bool {
        self.text.nth_char_is(n, c)
    }

    #[inline]
    fn next_2_are(&self, c1: char, c2: char) -> bool {
        self.text.next_2_are(c1, c2)
    }

    #[inline]
    fn next_3_are(&self, c1: char, c2: char, c3: char) -> bool {
        self.text.next_3_are(c1, c2, c3)
    }

    #[inline]
    fn next_is_document_indicator(&self) -> bool {
        self.text.next_is_document_indicator()
    }

    #[inline]
    fn next_is_document_start(&self) -> bool {
        self.text.next_is_document_start()
    }

    #[inline]
    fn next_is_document_end(&self) -> bool {
        self.text.next_is_document_end()
    }

    #[inline]
    fn next_can_be_plain_scalar(&self, in_flow: bool) -> bool {
        self.text.next_can_be_plain_scalar(in_flow)
    }

    #[inline]
    fn next_is_blank_or_break(&self) -> bool {
        self.text.next_is_blank_or_break()
    }

    #[inline]
    fn next_is_blank_or_breakz(&self) -> bool {
        self.text.next_is_blank_or_breakz()
    }

    #[inline]
    fn next_is_blank(&self) -> bool {
        self.text.next_is_blank()
    }

    #[inline]
    fn next_is_break(&self) -> bool {
        self.text.next_is_break()
    }

    #[inline]
    fn next_is_breakz(&self) -> bool {
        self.text.next_is_breakz()
    }

    #[inline]
    fn next_is_z(&self) -> bool {
        self.text.next_is_z()
    }

    #[inline]
    fn next_is_flow(&self) -> bool {
        self.text.next_is_flow()
    }

    #[inline]
    fn next_is_digit(&self) -> bool {
        self.text.next_is_digit()
    }

    #[inline]
    fn next_is_alpha(&self) -> bool {
        self.text.next_is_alpha()
    }

    #[inline]
    fn skip_while_non_breakz(&mut self) -> usize {
        self.text.skip_while_non_breakz()
    }

    #[inline]
    fn skip_while_blank(&mut self) -> usize {
        self.text.skip_while_blank()
    }

    #[inline]
    fn fetch_while_is_alpha(&mut self, out: &mut String) -> usize {
        self.text.fetch_while_is_alpha(out)
    }

    #[inline]
    fn fetch_while_is_yaml_non_space(&mut self, out: &mut String) -> usize {
        self.text.fetch_while_is_yaml_non_space(out)
    }
}
