//! Block collections.

use crate::yaml::parser::node::Place;
use crate::yaml::parser::{Event, EventKind, Parser, State};
use crate::yaml::token::{Fault, TokenKind};

impl<'a> Parser<'a> {
    pub(super) fn block_sequence_entry(&mut self) -> Result<Event<'a>, Fault> {
        let token = self.scanner.peek()?;
        let end = token.end;
        match token.kind {
            TokenKind::BlockEntry => {
                self.scanner.skip();
                match self.peek()? {
                    TokenKind::BlockEntry | TokenKind::BlockEnd => {
                        Ok(self.nothing(State::BlockSequenceEntry, end))
                    }
                    _ => self.node_then(State::BlockSequenceEntry, Place::Block),
                }
            }
            TokenKind::BlockEnd => {
                self.leave();
                self.take(EventKind::SequenceEnd)
            }
            _ => self.fault("did not find expected '-' indicator"),
        }
    }

    pub(super) fn indentless_sequence_entry(&mut self) -> Result<Event<'a>, Fault> {
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        if token.kind != TokenKind::BlockEntry {
            self.leave();
            return Ok(Event {
                kind: EventKind::SequenceEnd,
                start,
                end: start,
            });
        }
        self.scanner.skip();
        match self.peek()? {
            TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => {
                Ok(self.nothing(State::IndentlessSequenceEntry, end))
            }
            _ => self.node_then(State::IndentlessSequenceEntry, Place::Block),
        }
    }

    pub(super) fn block_mapping_key(&mut self) -> Result<Event<'a>, Fault> {
        let token = self.scanner.peek()?;
        let end = token.end;
        match token.kind {
            TokenKind::Key => {
                self.scanner.skip();
                match self.peek()? {
                    TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => {
                        Ok(self.nothing(State::BlockMappingValue, end))
                    }
                    _ => self.node_then(State::BlockMappingValue, Place::BlockValue),
                }
            }
            TokenKind::BlockEnd => {
                self.leave();
                self.take(EventKind::MappingEnd)
            }
            _ => self.fault("did not find expected key"),
        }
    }

    pub(super) fn block_mapping_value(&mut self) -> Result<Event<'a>, Fault> {
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        if token.kind != TokenKind::Value {
            return Ok(self.nothing(State::BlockMappingKey, start));
        }
        self.scanner.skip();
        match self.peek()? {
            TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => {
                Ok(self.nothing(State::BlockMappingKey, end))
            }
            _ => self.node_then(State::BlockMappingKey, Place::BlockValue),
        }
    }
}
