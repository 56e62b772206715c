//! From characters to tokens, by the rules of YAML 1.1 as libyaml and its port go-yaml v2 have them.
//!
//! Whether a node is a key (`a: b`) shows only at the `:` behind it. A key is on one line and within
//! [`LONGEST_KEY`] characters, so the scanner never reads farther ahead of the parser than that.

mod block_scalar;
mod keys;
mod plain;
mod properties;
mod quoted;

use std::collections::VecDeque;

use crate::yaml::cursor::{Cursor, Mark};
use crate::yaml::token::{Fault, Token, TokenKind};
use keys::SimpleKey;

/// How far the `:` may be from the start of its key, in characters, unless `?` announces the key.
const LONGEST_KEY: usize = 1024;

/// Reads tokens one after the other. Nothing follows [`TokenKind::StreamEnd`].
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    cursor: Cursor<'a>,
    tokens: VecDeque<Token<'a>>,
    /// The number of tokens handed over: that of the first in the queue.
    taken: usize,
    /// The column of the innermost block collection; -1 outside of all.
    indent: isize,
    /// Those of the collections around it.
    indents: Vec<isize>,
    /// A key may begin here, and so may a block collection.
    is_key_allowed: bool,
    /// What may become a key: one for the block context, and one for each open flow collection.
    keys: Vec<SimpleKey>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            cursor: Cursor::new(text),
            tokens: VecDeque::new(),
            taken: 0,
            indent: -1,
            indents: Vec::new(),
            is_key_allowed: true,
            keys: vec![SimpleKey::default()],
        }
    }

    /// The next token. The one after the stream's end is asked for in vain: it is the end again.
    pub(super) fn peek(&mut self) -> Result<&mut Token<'a>, Fault> {
        while self.is_next_undecided()? {
            self.fetch()?;
        }
        Ok(self.tokens.front_mut().expect("it fetches at least one"))
    }

    /// Goes on to the token after the next one.
    pub(super) fn skip(&mut self) {
        if self.tokens.pop_front().is_some() {
            self.taken += 1;
        }
    }

    fn is_flow(&self) -> bool {
        self.keys.len() > 1
    }

    fn column(&self) -> isize {
        isize::try_from(self.cursor.mark().column).unwrap_or(isize::MAX)
    }

    fn fault<T>(&self, problem: &'static str) -> Result<T, Fault> {
        Err(Fault::new(self.cursor.mark(), problem))
    }

    fn push(&mut self, kind: TokenKind<'a>, start: Mark) {
        let end = self.cursor.mark();
        self.tokens.push_back(Token { kind, start, end });
    }

    /// Goes over so many bytes: they are the token.
    fn push_indicator(&mut self, kind: TokenKind<'a>, bytes: usize) {
        let start = self.cursor.mark();
        self.cursor.take(bytes);
        self.push(kind, start);
    }

    fn fetch(&mut self) -> Result<(), Fault> {
        self.skip_to_token();
        self.unroll_indent(self.column());
        let is_flow = self.is_flow();
        let is_alone = self.cursor.is_space_or_end(1);
        match self.cursor.byte(0) {
            _ if self.cursor.is_end() => self.fetch_stream_end(),
            b'%' if self.column() == 0 => self.fetch_directive(),
            b'-' if self.cursor.is_document_indicator() => {
                self.fetch_document_indicator(TokenKind::DocumentStart)
            }
            b'.' if self.cursor.is_document_indicator() => {
                self.fetch_document_indicator(TokenKind::DocumentEnd)
            }
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => {
                self.remove_key()?;
                self.is_key_allowed = true;
                self.push_indicator(TokenKind::FlowEntry, 1);
                Ok(())
            }
            b'-' if is_alone => self.fetch_block_entry(),
            b'?' if is_flow || is_alone => self.fetch_key(),
            b':' if is_flow || is_alone => self.fetch_value(),
            b'*' | b'&' => self.fetch_key_candidate(Self::scan_anchor),
            b'!' => self.fetch_key_candidate(Self::scan_tag),
            b'|' | b'>' if !is_flow => self.fetch_block_scalar(),
            b'\'' | b'"' => self.fetch_key_candidate(Self::scan_quoted),
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b'\t' => {
                self.fault("found character that cannot start any token")
            }
            _ => self.fetch_plain(),
        }
    }

    /// Goes over white space, comments and line ends. A tab is white space where no block collection may begin.
    fn skip_to_token(&mut self) {
        loop {
            let takes_tabs = self.is_flow() || !self.is_key_allowed;
            let is_space = |byte| byte == b' ' || byte == b'\t' && takes_tabs;
            self.cursor.take_while(is_space);
            if self.cursor.byte(0) == b'#' {
                self.cursor.take_line();
            }
            if self.cursor.take_break().is_empty() {
                return;
            }
            if !self.is_flow() {
                self.is_key_allowed = true;
            }
        }
    }

    fn fetch_stream_end(&mut self) -> Result<(), Fault> {
        self.cursor.end_line();
        self.end_block()?;
        self.push(TokenKind::StreamEnd, self.cursor.mark());
        Ok(())
    }

    fn fetch_document_indicator(&mut self, kind: TokenKind<'a>) -> Result<(), Fault> {
        self.end_block()?;
        self.push_indicator(kind, 3);
        Ok(())
    }

    fn fetch_directive(&mut self) -> Result<(), Fault> {
        self.end_block()?;
        let start = self.cursor.mark();
        let directive = self.scan_directive()?;
        self.push(directive, start);
        Ok(())
    }

    /// What was open ends here, and what follows is no key.
    fn end_block(&mut self) -> Result<(), Fault> {
        self.unroll_indent(-1);
        self.remove_key()?;
        self.is_key_allowed = false;
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: TokenKind<'a>) -> Result<(), Fault> {
        self.save_key()?;
        self.keys.push(SimpleKey {
            token: self.next_number(),
            ..SimpleKey::default()
        });
        self.is_key_allowed = true;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind<'a>) -> Result<(), Fault> {
        self.remove_key()?;
        if self.is_flow() {
            self.keys.pop();
        }
        self.is_key_allowed = false;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), Fault> {
        // in a flow collection the parser refuses it
        self.begin_block(
            TokenKind::BlockSequenceStart,
            "block sequence entries are not allowed in this context",
        )?;
        self.remove_key()?;
        self.is_key_allowed = true;
        self.push_indicator(TokenKind::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), Fault> {
        self.begin_block(
            TokenKind::BlockMappingStart,
            "mapping keys are not allowed in this context",
        )?;
        self.remove_key()?;
        self.is_key_allowed = !self.is_flow();
        self.push_indicator(TokenKind::Key, 1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), Fault> {
        if !self.take_key()? {
            self.begin_block(
                TokenKind::BlockMappingStart,
                "mapping values are not allowed in this context",
            )?;
            self.is_key_allowed = !self.is_flow();
        }
        self.push_indicator(TokenKind::Value, 1);
        Ok(())
    }

    /// What may be a key, and is no place for another one right behind it.
    fn fetch_key_candidate(
        &mut self,
        scan: fn(&mut Self) -> Result<TokenKind<'a>, Fault>,
    ) -> Result<(), Fault> {
        self.save_key()?;
        self.is_key_allowed = false;
        let start = self.cursor.mark();
        let kind = scan(self)?;
        self.push(kind, start);
        Ok(())
    }
}
