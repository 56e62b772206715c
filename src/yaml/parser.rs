//! From tokens to events, by YAML 1.1's grammar as go-yaml v2 has it. It keeps its place in a stack of its own: no
//! nesting makes it recurse.

mod block;
mod document;
mod flow;
mod node;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::yaml::cursor::Mark;
use crate::yaml::scanner::Scanner;
use crate::yaml::token::{Fault, TokenKind};

/// What comes next in a document, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Event<'a> {
    pub kind: EventKind<'a>,
    pub start: Mark,
    pub end: Mark,
}

/// Which event it is. After [`StreamEnd`](Self::StreamEnd) there is none.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum EventKind<'a> {
    DocumentStart,
    DocumentEnd,
    StreamEnd,
    Alias(&'a str),
    Scalar {
        text: Cow<'a, str>,
        is_plain: bool,
        anchor: Option<&'a str>,
        /// In full, such as `tag:yaml.org,2002:int`.
        tag: Option<Cow<'a, str>>,
    },
    SequenceStart {
        anchor: Option<&'a str>,
    },
    SequenceEnd,
    MappingStart {
        anchor: Option<&'a str>,
    },
    MappingEnd,
}

/// What may come next.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    FirstDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirstEntry,
    FlowSequenceEntry,
    FlowPairKey,
    FlowPairValue,
    FlowPairEnd,
    FlowMappingFirstKey,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
}

/// Reads events one after the other.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    scanner: Scanner<'a>,
    state: State,
    /// What comes after the nodes that are open.
    states: Vec<State>,
    /// What the handles of tags stand for in this document.
    handles: HashMap<&'a str, Cow<'a, str>>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            scanner: Scanner::new(text),
            state: State::FirstDocumentStart,
            states: Vec::new(),
            handles: HashMap::new(),
        }
    }

    pub(super) fn next_event(&mut self) -> Result<Event<'a>, Fault> {
        match self.state {
            State::FirstDocumentStart => self.document_start(true),
            State::DocumentStart => self.document_start(false),
            State::DocumentContent => self.document_content(),
            State::DocumentEnd => self.document_end(),
            State::BlockNode => self.block_node(),
            State::BlockSequenceEntry => self.block_sequence_entry(),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirstEntry => self.flow_sequence_entry(true),
            State::FlowSequenceEntry => self.flow_sequence_entry(false),
            State::FlowPairKey => self.flow_pair_key(),
            State::FlowPairValue => self.flow_pair_value(),
            State::FlowPairEnd => self.flow_pair_end(),
            State::FlowMappingFirstKey => self.flow_mapping_key(true),
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingEmptyValue => {
                let mark = self.scanner.peek()?.start;
                Ok(self.nothing(State::FlowMappingKey, mark))
            }
        }
    }

    /// The next token's kind.
    fn peek(&mut self) -> Result<&TokenKind<'a>, Fault> {
        Ok(&self.scanner.peek()?.kind)
    }

    /// True if the next token is one of these; then it is gone over.
    fn skip_if(&mut self, wanted: &TokenKind<'_>) -> Result<bool, Fault> {
        let is_next = self.peek()? == wanted;
        if is_next {
            self.scanner.skip();
        }
        Ok(is_next)
    }

    fn fault<T>(&mut self, problem: &'static str) -> Result<T, Fault> {
        let mark = self.scanner.peek()?.start;
        Err(Fault::new(mark, problem))
    }

    /// Goes over the next token, which is the event.
    fn take(&mut self, kind: EventKind<'a>) -> Result<Event<'a>, Fault> {
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        self.scanner.skip();
        Ok(Event { kind, start, end })
    }

    /// A node is complete: goes on with what is around it.
    fn leave(&mut self) {
        self.state = self.states.pop().unwrap_or(State::DocumentEnd);
    }

    /// A node that is not written out; `next` comes after it.
    fn nothing(&mut self, next: State, mark: Mark) -> Event<'a> {
        self.state = next;
        Event {
            kind: EventKind::Scalar {
                text: Cow::Borrowed(""),
                is_plain: true,
                anchor: None,
                tag: None,
            },
            start: mark,
            end: mark,
        }
    }
}
