//! Nodes: an alias, or a scalar or collection with its anchor and tag.

use std::borrow::Cow;

use crate::yaml::cursor::Mark;
use crate::yaml::parser::{Event, EventKind, Parser, State};
use crate::yaml::token::{Fault, TokenKind};

/// Where a node stands.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    Block,
    /// Where the items of a sequence may be in the column of the key before it.
    BlockValue,
    Flow,
}

/// What stands before a node's content.
#[derive(Default)]
struct Properties<'a> {
    anchor: Option<&'a str>,
    tag: Option<Cow<'a, str>>,
    /// From the first of them to the last.
    place: Option<(Mark, Mark)>,
}

impl<'a> Parser<'a> {
    pub(super) fn block_node(&mut self) -> Result<Event<'a>, Fault> {
        self.node(Place::Block)
    }

    /// Reads a node; `next` comes after it.
    pub(super) fn node_then(&mut self, next: State, place: Place) -> Result<Event<'a>, Fault> {
        self.states.push(next);
        self.node(place)
    }

    fn node(&mut self, place: Place) -> Result<Event<'a>, Fault> {
        if let TokenKind::Alias(name) = *self.peek()? {
            self.leave();
            return self.take(EventKind::Alias(name));
        }
        let Properties {
            anchor,
            tag,
            place: before,
        } = self.properties()?;
        let token = self.scanner.peek()?;
        let (start, last) = before.unwrap_or((token.start, token.start));
        let end = token.end;
        let mut text = Cow::Borrowed("");
        let mut is_plain = true;
        let next = match &mut token.kind {
            TokenKind::BlockEntry if place == Place::BlockValue => {
                // the entry is the first item's
                self.state = State::IndentlessSequenceEntry;
                let kind = EventKind::SequenceStart { anchor };
                return Ok(Event { kind, start, end });
            }
            TokenKind::Scalar {
                text: read,
                is_plain: is_read_plain,
            } => {
                text = std::mem::take(read);
                is_plain = *is_read_plain;
                None
            }
            TokenKind::FlowSequenceStart => Some(State::FlowSequenceFirstEntry),
            TokenKind::FlowMappingStart => Some(State::FlowMappingFirstKey),
            TokenKind::BlockSequenceStart if place != Place::Flow => {
                Some(State::BlockSequenceEntry)
            }
            TokenKind::BlockMappingStart if place != Place::Flow => Some(State::BlockMappingKey),
            _ if before.is_some() => {
                self.leave();
                let kind = EventKind::Scalar {
                    text,
                    is_plain,
                    anchor,
                    tag,
                };
                let end = last;
                return Ok(Event { kind, start, end });
            }
            _ => return self.fault("did not find expected node content"),
        };
        self.scanner.skip();
        let kind = match next {
            None => {
                self.leave();
                EventKind::Scalar {
                    text,
                    is_plain,
                    anchor,
                    tag,
                }
            }
            Some(state) => {
                self.state = state;
                match state {
                    State::BlockMappingKey | State::FlowMappingFirstKey => {
                        EventKind::MappingStart { anchor }
                    }
                    _ => EventKind::SequenceStart { anchor },
                }
            }
        };
        Ok(Event { kind, start, end })
    }

    /// One anchor, one tag, in either order.
    fn properties(&mut self) -> Result<Properties<'a>, Fault> {
        let mut read = Properties::default();
        loop {
            let token = self.scanner.peek()?;
            let (start, end) = (token.start, token.end);
            match &mut token.kind {
                TokenKind::Anchor(name) if read.anchor.is_none() => read.anchor = Some(*name),
                TokenKind::Tag { handle, suffix } if read.tag.is_none() => {
                    let (handle, suffix) = (*handle, std::mem::take(suffix));
                    read.tag = Some(self.whole_tag(handle, suffix, start)?);
                }
                _ => return Ok(read),
            }
            self.scanner.skip();
            let first = read.place.map_or(start, |(first, _)| first);
            read.place = Some((first, end));
        }
    }

    fn whole_tag(
        &self,
        handle: &str,
        suffix: Cow<'a, str>,
        mark: Mark,
    ) -> Result<Cow<'a, str>, Fault> {
        if handle.is_empty() {
            return Ok(suffix);
        }
        match self.prefix(handle) {
            Some(prefix) => Ok(format!("{prefix}{suffix}").into()),
            None => Err(Fault::new(mark, "found undefined tag handle")),
        }
    }
}
