//! What the scanner makes of the characters.

use std::borrow::Cow;

use crate::yaml::cursor::Mark;

/// A token, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Token<'a> {
    pub kind: TokenKind<'a>,
    pub start: Mark,
    pub end: Mark,
}

/// Which token it is. The names are those of YAML's grammar.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind<'a> {
    VersionDirective {
        major: u8,
        minor: u8,
    },
    TagDirective {
        handle: &'a str,
        prefix: Cow<'a, str>,
    },
    DocumentStart,
    DocumentEnd,
    StreamEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'a str),
    Anchor(&'a str),
    /// Without a handle the suffix is the whole tag.
    Tag {
        handle: &'a str,
        suffix: Cow<'a, str>,
    },
    Scalar {
        text: Cow<'a, str>,
        is_plain: bool,
    },
}

/// What breaks the grammar, and where it was noticed.
#[derive(Debug)]
pub(super) struct Fault {
    pub mark: Mark,
    /// In go-yaml's words.
    pub problem: &'static str,
}

impl Fault {
    pub(super) fn new(mark: Mark, problem: &'static str) -> Self {
        Self { mark, problem }
    }
}
