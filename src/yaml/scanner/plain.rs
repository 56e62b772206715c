//! Plain scalars, and the white space within scalars.

use std::borrow::Cow;

use crate::yaml::cursor::{ends_word, may_end_line};
use crate::yaml::scanner::Scanner;
use crate::yaml::token::{Fault, Token, TokenKind};

/// Adds to a scalar's text, which stays a piece of the document as long as it is one.
pub(super) fn push<'a>(text: &mut Cow<'a, str>, piece: &'a str) {
    if text.is_empty() {
        *text = Cow::Borrowed(piece);
    } else if !piece.is_empty() {
        text.to_mut().push_str(piece);
    }
}

/// White space between two words of a scalar.
#[derive(Debug, Default)]
pub(super) struct Gap {
    /// It reaches over the end of a line.
    pub is_broken: bool,
    first_break: &'static str,
    more_breaks: String,
}

impl Gap {
    /// One that begins behind a line end that `\` has taken away, or not.
    pub(super) fn behind(is_joined: bool) -> Self {
        Self {
            is_broken: is_joined,
            ..Self::default()
        }
    }

    /// Adds what is left of a broken gap: a line end becomes a space, unless others follow.
    pub(super) fn fold_into(&self, text: &mut Cow<'_, str>) {
        let text = text.to_mut();
        match self.first_break {
            "\n" if self.more_breaks.is_empty() => text.push(' '),
            "\n" => {}
            other => text.push_str(other),
        }
        text.push_str(&self.more_breaks);
    }
}

impl<'a> Scanner<'a> {
    /// Goes over the white space here and notes it in `gap`. On a new line no tab may stand left of column `indent`.
    pub(super) fn scan_gap(&mut self, gap: &mut Gap, indent: isize) -> Result<(), Fault> {
        loop {
            if self.cursor.is_blank() {
                if gap.is_broken && self.cursor.byte(0) == b'\t' && self.column() < indent {
                    return self.fault("found a tab character that violates indentation");
                }
                self.cursor.take(1);
                continue;
            }
            match self.cursor.take_break() {
                "" => return Ok(()),
                more if gap.is_broken => gap.more_breaks.push_str(more),
                first => {
                    gap.is_broken = true;
                    gap.first_break = first;
                }
            }
        }
    }

    pub(super) fn fetch_plain(&mut self) -> Result<(), Fault> {
        self.save_key()?;
        self.is_key_allowed = false;
        let start = self.cursor.mark();
        let indent = self.indent + 1;
        let mut text = Cow::Borrowed("");
        // what is not in the text yet: words and white space on one line
        let mut run = start;
        let mut run_text = "";
        let mut end = start;
        let mut gap = Gap::default();
        while !self.cursor.is_document_indicator() && self.cursor.byte(0) != b'#' {
            let word = self.cursor.mark();
            if !self.plain_word().is_empty() {
                if gap.is_broken {
                    push(&mut text, run_text);
                    gap.fold_into(&mut text);
                    gap = Gap::default();
                    run = word;
                }
                run_text = self.cursor.since(run);
                end = self.cursor.mark();
            }
            if !self.cursor.is_blank() && !self.cursor.is_break() {
                break;
            }
            self.scan_gap(&mut gap, indent)?;
            if !self.is_flow() && self.column() < indent {
                break;
            }
        }
        push(&mut text, run_text);
        if gap.is_broken {
            self.is_key_allowed = true;
        }
        let is_plain = true;
        let kind = TokenKind::Scalar { text, is_plain };
        self.tokens.push_back(Token { kind, start, end });
        Ok(())
    }

    /// Goes over characters up to the next white space or the end of the scalar.
    fn plain_word(&mut self) -> &'a str {
        let is_flow = self.is_flow();
        let rest = self.cursor.rest();
        let mut at = 0;
        while let Some(byte) = rest.get(at) {
            let is_over = match byte {
                b' ' | b'\t' => true,
                b':' => ends_word(&rest[at + 1..]),
                b',' | b'?' | b'[' | b']' | b'{' | b'}' => is_flow,
                byte => may_end_line(*byte) && ends_word(&rest[at..]),
            };
            if is_over {
                break;
            }
            at += 1;
        }
        self.cursor.take(at)
    }
}
