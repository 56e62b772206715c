//! Block scalars: `|` and `>`.

use crate::yaml::cursor::Mark;
use crate::yaml::scanner::Scanner;
use crate::yaml::token::{Fault, Token, TokenKind};

/// What becomes of the line ends at the end of a block scalar.
#[derive(Clone, Copy, PartialEq)]
enum Chomp {
    /// `-`: none is kept.
    Strip,
    /// One is kept.
    Clip,
    /// `+`: all are kept.
    Keep,
}

impl<'a> Scanner<'a> {
    pub(super) fn fetch_block_scalar(&mut self) -> Result<(), Fault> {
        self.remove_key()?;
        // a key may follow it
        self.is_key_allowed = true;
        let start = self.cursor.mark();
        let is_literal = self.cursor.byte(0) == b'|';
        self.cursor.take(1);
        let (chomp, mut indent) = self.scan_header()?;
        let mut text = String::new();
        let mut end = self.cursor.mark();
        let mut line_end = "";
        let mut more_ends = self.scan_indentation(&mut indent, &mut end)?;
        let mut was_indented_more = false;
        while self.column() == indent && !self.cursor.is_end() {
            let is_indented_more = self.cursor.is_blank();
            let folds = !is_literal && !was_indented_more && !is_indented_more;
            match line_end {
                "\n" if folds && more_ends.is_empty() => text.push(' '),
                "\n" if folds => {}
                other => text.push_str(other),
            }
            text.push_str(&more_ends);
            was_indented_more = is_indented_more;
            text.push_str(self.cursor.take_line());
            line_end = self.cursor.take_break();
            more_ends = self.scan_indentation(&mut indent, &mut end)?;
        }
        if chomp != Chomp::Strip {
            text.push_str(line_end);
        }
        if chomp == Chomp::Keep {
            text.push_str(&more_ends);
        }
        let kind = TokenKind::Scalar {
            text: text.into(),
            is_plain: false,
        };
        self.tokens.push_back(Token { kind, start, end });
        Ok(())
    }

    /// What stands behind `|` or `>`, with the end of its line. The indentation is 0 if it is to be guessed.
    fn scan_header(&mut self) -> Result<(Chomp, isize), Fault> {
        let mut chomp = self.scan_chomp();
        let increment = match self.cursor.byte(0) {
            b'0' => return self.fault("found an indentation indicator equal to 0"),
            digit @ b'1'..=b'9' => {
                self.cursor.take(1);
                isize::from(digit - b'0')
            }
            _ => 0,
        };
        if increment > 0 && chomp.is_none() {
            chomp = self.scan_chomp();
        }
        self.scan_line_end()?;
        let indent = match increment {
            0 => 0,
            increment => self.indent.max(0) + increment,
        };
        Ok((chomp.unwrap_or(Chomp::Clip), indent))
    }

    fn scan_chomp(&mut self) -> Option<Chomp> {
        let chomp = match self.cursor.byte(0) {
            b'+' => Chomp::Keep,
            b'-' => Chomp::Strip,
            _ => return None,
        };
        self.cursor.take(1);
        Some(chomp)
    }

    /// Goes over white space, a comment and the end of the line: nothing else may be here.
    pub(super) fn scan_line_end(&mut self) -> Result<(), Fault> {
        self.cursor.take_while(|byte| matches!(byte, b' ' | b'\t'));
        if self.cursor.byte(0) == b'#' {
            self.cursor.take_line();
        }
        if !self.cursor.is_break_or_end() {
            return self.fault("did not find expected comment or line break");
        }
        self.cursor.take_break();
        Ok(())
    }

    /// Goes over empty lines and the indentation of the next one; gives the line ends. An indentation of 0 becomes
    /// that of the deepest line, the first that is not empty included.
    fn scan_indentation(&mut self, indent: &mut isize, end: &mut Mark) -> Result<String, Fault> {
        let mut line_ends = String::new();
        let mut deepest = 0;
        *end = self.cursor.mark();
        loop {
            while (*indent == 0 || self.column() < *indent) && self.cursor.byte(0) == b' ' {
                self.cursor.take(1);
            }
            deepest = deepest.max(self.column());
            if (*indent == 0 || self.column() < *indent) && self.cursor.byte(0) == b'\t' {
                return self.fault("found a tab character where an indentation space is expected");
            }
            match self.cursor.take_break() {
                "" => break,
                line_end => line_ends.push_str(line_end),
            }
            *end = self.cursor.mark();
        }
        if *indent == 0 {
            *indent = deepest.max(self.indent + 1).max(1);
        }
        Ok(line_ends)
    }
}
