//! Where keys and block collections begin.

use crate::yaml::cursor::Mark;
use crate::yaml::scanner::{LONGEST_KEY, Scanner};
use crate::yaml::token::{Fault, Token, TokenKind};

/// A node that is a key if a `:` follows in time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SimpleKey {
    pub is_possible: bool,
    /// It stands where a block mapping goes on, and can be nothing else.
    pub is_required: bool,
    /// The number of its token. It grows from one flow collection to the one in it.
    pub token: usize,
    pub mark: Mark,
}

const NO_VALUE: &str = "could not find expected ':'";

impl<'a> Scanner<'a> {
    /// The number of the token that is pushed next.
    pub(super) fn next_number(&self) -> usize {
        self.taken + self.tokens.len()
    }

    /// True as long as a `:` may still turn the first token of the queue into a key, or there is none.
    pub(super) fn is_next_undecided(&mut self) -> Result<bool, Fault> {
        if self.tokens.is_empty() {
            return Ok(true);
        }
        let first = self.keys.partition_point(|key| key.token < self.taken);
        let same = |key: &SimpleKey| key.token == self.taken && key.is_possible;
        match self.keys.iter().skip(first).take(2).position(same) {
            Some(at) => self.is_still_possible(first + at),
            None => Ok(false),
        }
    }

    fn is_still_possible(&mut self, level: usize) -> Result<bool, Fault> {
        let key = &mut self.keys[level];
        if !key.is_possible {
            return Ok(false);
        }
        let is_over = key.mark.line < self.cursor.mark().line
            || self.cursor.is_farther_than(key.mark, LONGEST_KEY);
        if is_over && key.is_required {
            return self.fault(NO_VALUE);
        }
        key.is_possible = !is_over;
        Ok(!is_over)
    }

    fn innermost(&mut self) -> &mut SimpleKey {
        self.keys.last_mut().expect("the block context has one")
    }

    /// The next token may be a key, if one is allowed here.
    pub(super) fn save_key(&mut self) -> Result<(), Fault> {
        if self.is_key_allowed {
            self.remove_key()?;
            *self.innermost() = SimpleKey {
                is_possible: true,
                is_required: !self.is_flow() && self.indent == self.column(),
                token: self.next_number(),
                mark: self.cursor.mark(),
            };
        }
        Ok(())
    }

    /// What might have become a key is none.
    pub(super) fn remove_key(&mut self) -> Result<(), Fault> {
        let key = self.innermost();
        if key.is_possible && key.is_required {
            return self.fault(NO_VALUE);
        }
        key.is_possible = false;
        Ok(())
    }

    /// A `:` is here: puts the key's token before what it belongs to; false if nothing waits for it.
    pub(super) fn take_key(&mut self) -> Result<bool, Fault> {
        if !self.is_still_possible(self.keys.len() - 1)? {
            return Ok(false);
        }
        let key = *self.innermost();
        let at = key.token.saturating_sub(self.taken).min(self.tokens.len());
        let kind = TokenKind::Key;
        self.insert(at, kind, key.mark);
        let column = isize::try_from(key.mark.column).unwrap_or(isize::MAX);
        if self.roll_indent(column) {
            self.insert(at, TokenKind::BlockMappingStart, key.mark);
        }
        self.innermost().is_possible = false;
        self.is_key_allowed = false;
        Ok(true)
    }

    fn insert(&mut self, at: usize, kind: TokenKind<'a>, mark: Mark) {
        let token = Token {
            kind,
            start: mark,
            end: mark,
        };
        self.tokens.insert(at, token);
    }

    /// Outside of flow collections: a block collection begins here unless it goes on.
    pub(super) fn begin_block(
        &mut self,
        kind: TokenKind<'a>,
        refusal: &'static str,
    ) -> Result<(), Fault> {
        if self.is_flow() {
            return Ok(());
        }
        if !self.is_key_allowed {
            return self.fault(refusal);
        }
        if self.roll_indent(self.column()) {
            self.push(kind, self.cursor.mark());
        }
        Ok(())
    }

    /// True if a deeper block collection begins in this column.
    fn roll_indent(&mut self, column: isize) -> bool {
        let is_deeper = !self.is_flow() && self.indent < column;
        if is_deeper {
            self.indents.push(self.indent);
            self.indent = column;
        }
        is_deeper
    }

    /// Ends the block collections that are deeper than this column.
    pub(super) fn unroll_indent(&mut self, column: isize) {
        while !self.is_flow() && self.indent > column {
            self.push(TokenKind::BlockEnd, self.cursor.mark());
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }
}
