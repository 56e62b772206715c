//! Where documents begin and end, and their directives.

use std::borrow::Cow;

use crate::yaml::parser::{Event, EventKind, Parser, State};
use crate::yaml::scalar::YAML_TAG;
use crate::yaml::token::{Fault, TokenKind};

/// The handles that every document has.
const HANDLES: [(&str, &str); 2] = [("!", "!"), ("!!", YAML_TAG)];

impl<'a> Parser<'a> {
    pub(super) fn document_start(&mut self, is_first: bool) -> Result<Event<'a>, Fault> {
        while !is_first && self.skip_if(&TokenKind::DocumentEnd)? {}
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        match &token.kind {
            TokenKind::StreamEnd => {
                let kind = EventKind::StreamEnd;
                return Ok(Event { kind, start, end });
            }
            TokenKind::VersionDirective { .. }
            | TokenKind::TagDirective { .. }
            | TokenKind::DocumentStart => {}
            _ if is_first => {
                self.directives()?;
                self.states.push(State::DocumentEnd);
                self.state = State::BlockNode;
                let kind = EventKind::DocumentStart;
                return Ok(Event { kind, start, end });
            }
            _ => {}
        }
        self.directives()?;
        let token = self.scanner.peek()?;
        if token.kind != TokenKind::DocumentStart {
            return self.fault("did not find expected <document start>");
        }
        let end = token.end;
        self.scanner.skip();
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        let kind = EventKind::DocumentStart;
        Ok(Event { kind, start, end })
    }

    pub(super) fn document_content(&mut self) -> Result<Event<'a>, Fault> {
        let token = self.scanner.peek()?;
        let start = token.start;
        match &token.kind {
            TokenKind::VersionDirective { .. }
            | TokenKind::TagDirective { .. }
            | TokenKind::DocumentStart
            | TokenKind::DocumentEnd
            | TokenKind::StreamEnd => {
                self.states.pop();
                Ok(self.nothing(State::DocumentEnd, start))
            }
            _ => self.block_node(),
        }
    }

    pub(super) fn document_end(&mut self) -> Result<Event<'a>, Fault> {
        let token = self.scanner.peek()?;
        let (start, mut end) = (token.start, token.start);
        if token.kind == TokenKind::DocumentEnd {
            end = token.end;
            self.scanner.skip();
        }
        self.handles.clear();
        self.state = State::DocumentStart;
        let kind = EventKind::DocumentEnd;
        Ok(Event { kind, start, end })
    }

    fn directives(&mut self) -> Result<(), Fault> {
        let mut has_version = false;
        loop {
            match self.peek()? {
                TokenKind::VersionDirective { .. } if has_version => {
                    return self.fault("found duplicate %YAML directive");
                }
                TokenKind::VersionDirective { major: 1, minor: 1 } => has_version = true,
                TokenKind::VersionDirective { .. } => {
                    return self.fault("found incompatible YAML document");
                }
                TokenKind::TagDirective { handle, prefix } => {
                    let (handle, prefix) = (*handle, prefix.clone());
                    if self.handles.insert(handle, prefix).is_some() {
                        return self.fault("found duplicate %TAG directive");
                    }
                }
                _ => break,
            }
            self.scanner.skip();
        }
        for (handle, prefix) in HANDLES {
            self.handles.entry(handle).or_insert(Cow::Borrowed(prefix));
        }
        Ok(())
    }

    pub(super) fn prefix(&self, wanted: &str) -> Option<&str> {
        self.handles.get(wanted).map(|prefix| &**prefix)
    }
}
