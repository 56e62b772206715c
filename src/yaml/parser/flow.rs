//! Flow collections: `[…]` and `{…}`.

use crate::yaml::parser::node::Place;
use crate::yaml::parser::{Event, EventKind, Parser, State};
use crate::yaml::token::{Fault, TokenKind};

impl<'a> Parser<'a> {
    pub(super) fn flow_sequence_entry(&mut self, is_first: bool) -> Result<Event<'a>, Fault> {
        let is_end = *self.peek()? == TokenKind::FlowSequenceEnd;
        if !is_end && !is_first && !self.skip_if(&TokenKind::FlowEntry)? {
            return self.fault("did not find expected ',' or ']'");
        }
        match self.peek()? {
            TokenKind::FlowSequenceEnd => {
                self.leave();
                self.take(EventKind::SequenceEnd)
            }
            // a mapping of one pair
            TokenKind::Key => {
                self.state = State::FlowPairKey;
                self.take(EventKind::MappingStart { anchor: None })
            }
            _ => self.node_then(State::FlowSequenceEntry, Place::Flow),
        }
    }

    pub(super) fn flow_pair_key(&mut self) -> Result<Event<'a>, Fault> {
        let token = self.scanner.peek()?;
        let end = token.end;
        match token.kind {
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd => {
                // go-yaml goes over the token, too, and so refuses `[? : a]`
                self.scanner.skip();
                Ok(self.nothing(State::FlowPairValue, end))
            }
            _ => self.node_then(State::FlowPairValue, Place::Flow),
        }
    }

    pub(super) fn flow_pair_value(&mut self) -> Result<Event<'a>, Fault> {
        let has_value = self.skip_if(&TokenKind::Value)?;
        let token = self.scanner.peek()?;
        let start = token.start;
        match token.kind {
            TokenKind::FlowEntry | TokenKind::FlowSequenceEnd => {
                Ok(self.nothing(State::FlowPairEnd, start))
            }
            _ if has_value => self.node_then(State::FlowPairEnd, Place::Flow),
            _ => Ok(self.nothing(State::FlowPairEnd, start)),
        }
    }

    pub(super) fn flow_pair_end(&mut self) -> Result<Event<'a>, Fault> {
        let start = self.scanner.peek()?.start;
        self.state = State::FlowSequenceEntry;
        Ok(Event {
            kind: EventKind::MappingEnd,
            start,
            end: start,
        })
    }

    pub(super) fn flow_mapping_key(&mut self, is_first: bool) -> Result<Event<'a>, Fault> {
        let is_end = *self.peek()? == TokenKind::FlowMappingEnd;
        if !is_end && !is_first && !self.skip_if(&TokenKind::FlowEntry)? {
            return self.fault("did not find expected ',' or '}'");
        }
        match self.peek()? {
            TokenKind::FlowMappingEnd => {
                self.leave();
                self.take(EventKind::MappingEnd)
            }
            TokenKind::Key => {
                self.scanner.skip();
                let token = self.scanner.peek()?;
                let start = token.start;
                match token.kind {
                    TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd => {
                        Ok(self.nothing(State::FlowMappingValue, start))
                    }
                    _ => self.node_then(State::FlowMappingValue, Place::Flow),
                }
            }
            _ => self.node_then(State::FlowMappingEmptyValue, Place::Flow),
        }
    }

    pub(super) fn flow_mapping_value(&mut self) -> Result<Event<'a>, Fault> {
        let has_value = self.skip_if(&TokenKind::Value)?;
        let token = self.scanner.peek()?;
        let start = token.start;
        match token.kind {
            TokenKind::FlowEntry | TokenKind::FlowMappingEnd => {
                Ok(self.nothing(State::FlowMappingKey, start))
            }
            _ if has_value => self.node_then(State::FlowMappingKey, Place::Flow),
            _ => Ok(self.nothing(State::FlowMappingKey, start)),
        }
    }
}
