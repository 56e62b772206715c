//! Quoted scalars.

use std::borrow::Cow;

use crate::yaml::cursor::{Mark, may_end_line};
use crate::yaml::scanner::Scanner;
use crate::yaml::scanner::plain::{Gap, push};
use crate::yaml::token::{Fault, TokenKind};

/// A quoted scalar as far as it is read.
struct Quoted<'a> {
    text: Cow<'a, str>,
    /// From here on the text is as it stands in the document, and not in `text` yet.
    run: Mark,
}

impl<'a> Scanner<'a> {
    pub(super) fn scan_quoted(&mut self) -> Result<TokenKind<'a>, Fault> {
        let quote = self.cursor.byte(0);
        self.cursor.take(1);
        let mut quoted = Quoted {
            text: Cow::Borrowed(""),
            run: self.cursor.mark(),
        };
        loop {
            if self.cursor.is_document_indicator() {
                return self.fault("found unexpected document indicator");
            }
            if self.cursor.is_end() {
                return self.fault("found unexpected end of stream");
            }
            let mut gap = Gap::behind(self.quoted_word(quote, &mut quoted)?);
            let so_far = self.cursor.since(quoted.run);
            if self.cursor.byte(0) == quote {
                push(&mut quoted.text, so_far);
                self.cursor.take(1);
                let is_plain = false;
                let text = quoted.text;
                return Ok(TokenKind::Scalar { text, is_plain });
            }
            self.scan_gap(&mut gap, 0)?;
            if gap.is_broken {
                push(&mut quoted.text, so_far);
                gap.fold_into(&mut quoted.text);
                quoted.run = self.cursor.mark();
            }
        }
    }

    /// Goes over characters up to the next white space or the closing quote. True if it ended in a `\` that joins two
    /// lines.
    fn quoted_word(&mut self, quote: u8, quoted: &mut Quoted<'a>) -> Result<bool, Fault> {
        let is_ordinary = |byte: u8| {
            byte != quote && !matches!(byte, b'\\' | b' ' | b'\t') && !may_end_line(byte)
        };
        loop {
            self.cursor.take_while(is_ordinary);
            match self.cursor.byte(0) {
                b'\'' if quote == b'\'' && self.cursor.byte(1) == b'\'' => {
                    self.cursor.take(1);
                    push(&mut quoted.text, self.cursor.since(quoted.run));
                    self.cursor.take(1);
                    quoted.run = self.cursor.mark();
                }
                b'\\' if quote == b'"' => {
                    push(&mut quoted.text, self.cursor.since(quoted.run));
                    self.cursor.take(1);
                    let joins_lines = !self.cursor.take_break().is_empty();
                    if !joins_lines {
                        let escaped = self.scan_escape()?;
                        quoted.text.to_mut().push(escaped);
                    }
                    quoted.run = self.cursor.mark();
                    if joins_lines {
                        return Ok(true);
                    }
                }
                byte if byte == quote || self.cursor.is_space_or_end(0) => return Ok(false),
                // a backslash between single quotes, or a character that begins like a line end
                _ => self.cursor.take_char(),
            }
        }
    }

    /// The character that stands behind a backslash in short, or in hexadecimal. `\/` is none in go-yaml v2.
    fn scan_escape(&mut self) -> Result<char, Fault> {
        let (escaped, digits) = match self.cursor.byte(0) {
            b'0' => ('\0', 0),
            b'a' => ('\x07', 0),
            b'b' => ('\x08', 0),
            b't' | b'\t' => ('\t', 0),
            b'n' => ('\n', 0),
            b'v' => ('\x0b', 0),
            b'f' => ('\x0c', 0),
            b'r' => ('\r', 0),
            b'e' => ('\x1b', 0),
            same @ (b' ' | b'"' | b'\'' | b'\\') => (char::from(same), 0),
            b'N' => ('\u{85}', 0),
            b'_' => ('\u{a0}', 0),
            b'L' => ('\u{2028}', 0),
            b'P' => ('\u{2029}', 0),
            b'x' => ('\0', 2),
            b'u' => ('\0', 4),
            b'U' => ('\0', 8),
            _ => return self.fault("found unknown escape character"),
        };
        self.cursor.take(1);
        if digits == 0 {
            return Ok(escaped);
        }
        let mut code = 0;
        for at in 0..digits {
            let Some(digit) = char::from(self.cursor.byte(at)).to_digit(16) else {
                return self.fault("did not find expected hexdecimal number");
            };
            code = code << 4 | digit;
        }
        let Some(escaped) = char::from_u32(code) else {
            return self.fault("found invalid Unicode character escape code");
        };
        self.cursor.take(digits);
        Ok(escaped)
    }
}
