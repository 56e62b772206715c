//! Where a key's values stand in a text, so that they can be changed and everything else stays byte for byte.

use std::ops::Range;

use saphyr_parser::{Event, Parser, Span};

use crate::yaml::input::{GuardedInput, ReadAhead};
use crate::yaml::{Limits, YamlError, decode};

/// One document of a text, in bytes of that text without its byte-order mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentPlace {
    /// All of it, with the `---` that opens it and what stands before the next one: together they are all of the text.
    pub whole: Range<usize>,
    /// What follows that `---`.
    pub content: Range<usize>,
    /// The values of the key, in their order.
    pub scalars: Vec<ScalarPlace>,
}

/// A scalar under the key, with its quotes, and with the anchor or tag before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalarPlace {
    /// The JSON pointer to it, such as `/items/0/apiVersion`.
    pub pointer: String,
    /// What it says.
    pub value: String,
    /// Where it stands.
    pub range: Range<usize>,
}

enum Frame {
    Sequence {
        next: usize,
    },
    /// `None` if a key is next.
    Mapping {
        key: Option<String>,
    },
}

/// The documents of `text`, and where in each of them scalars stand under `key`, at any depth. Aliases are not followed.
///
/// # Errors
/// As [`parse_all`](crate::yaml::parse_all); only depth and what is read ahead are held to `limits`.
pub fn places(text: &[u8], key: &str, limits: Limits) -> Result<Vec<DocumentPlace>, YamlError> {
    let text = decode(text)?;
    let ahead = ReadAhead::new(limits.nodes.saturating_mul(2).saturating_add(64));
    let mut parser = Parser::new(GuardedInput::new(text, &ahead));
    let mut bytes = Bytes { text, at: (0, 0) };
    let mut documents: Vec<DocumentPlace> = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut ended = 0;
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| YamlError::Syntax(error.to_string()))?;
        if ahead.is_exhausted() {
            return Err(YamlError::TooManyNodes {
                limit: limits.nodes,
            });
        }
        ahead.renew();
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd => {}
            // what comes after it without a `---` begins right there
            Event::DocumentEnd => ended = bytes.range(span).end,
            Event::DocumentStart(is_marked) => {
                let marked = bytes.range(span);
                let start = if is_marked { marked.start } else { ended };
                let start = match documents.last_mut() {
                    Some(last) => {
                        last.whole.end = start;
                        last.content.end = start;
                        start
                    }
                    None => 0,
                };
                documents.push(DocumentPlace {
                    whole: start..text.len(),
                    content: if is_marked { marked.end } else { start }..text.len(),
                    scalars: Vec::new(),
                });
            }
            Event::Scalar(value, ..) => {
                if let Some(pointer) = pointer(&frames, key)
                    && let Some(document) = documents.last_mut()
                {
                    document.scalars.push(ScalarPlace {
                        pointer,
                        value: value.to_string(),
                        range: bytes.range(span),
                    });
                }
                pass(&mut frames, Some(&value));
            }
            Event::Alias(_) => pass(&mut frames, None),
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if frames.len() >= limits.depth {
                    return Err(YamlError::TooDeep {
                        limit: limits.depth,
                    });
                }
                frames.push(match event {
                    Event::SequenceStart(..) => Frame::Sequence { next: 0 },
                    _ => Frame::Mapping { key: None },
                });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                frames.pop();
                pass(&mut frames, None);
            }
        }
    }
    Ok(documents)
}

/// The pointer to the value that comes next, if it is one of `key`.
fn pointer(frames: &[Frame], wanted: &str) -> Option<String> {
    match frames.last() {
        Some(Frame::Mapping { key: Some(key) }) if key == wanted => {}
        _ => return None,
    }
    let steps = frames.iter().map(|frame| match frame {
        Frame::Sequence { next } => next.to_string(),
        Frame::Mapping { key } => {
            let key = key.as_deref().unwrap_or_default();
            key.replace('~', "~0").replace('/', "~1")
        }
    });
    Some(steps.map(|step| format!("/{step}")).collect())
}

/// A node is complete: it was a key, or a value. One without a text is a key that no pointer names.
fn pass(frames: &mut [Frame], text: Option<&str>) {
    match frames.last_mut() {
        Some(Frame::Sequence { next }) => *next += 1,
        Some(Frame::Mapping { key }) => match key {
            Some(_) => *key = None,
            None => *key = Some(text.unwrap_or_default().to_owned()),
        },
        None => {}
    }
}

/// Turns the parser's characters into bytes; quick as long as they come in their order.
struct Bytes<'a> {
    text: &'a str,
    /// The same place, in characters and in bytes.
    at: (usize, usize),
}

impl Bytes<'_> {
    fn range(&mut self, span: Span) -> Range<usize> {
        let start = self.of(span.start.index());
        start..self.of(span.end.index())
    }

    fn of(&mut self, wanted: usize) -> usize {
        let (characters, bytes) = if wanted < self.at.0 { (0, 0) } else { self.at };
        let rest = &self.text[bytes..];
        let further = rest.char_indices().nth(wanted - characters);
        self.at = (wanted, bytes + further.map_or(rest.len(), |(byte, _)| byte));
        self.at.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<Vec<(String, String)>> {
        let documents = places(text.as_bytes(), "v", Limits::default()).expect("sound");
        let documents = documents.into_iter().map(|document| {
            let scalars = document.scalars.into_iter();
            let shown = scalars.map(|scalar| (scalar.pointer, text[scalar.range].to_owned()));
            shown.collect()
        });
        documents.collect()
    }

    #[test]
    fn the_values_of_a_key_are_found_with_their_quotes() {
        let one = |pointer: &str, text: &str| vec![(pointer.to_owned(), text.to_owned())];
        let rows = [
            ("a: 1\nv: x # why\n", one("/v", "x")),
            ("# ж ж\r\nж: ж\r\nv: \"x\"\r\n", one("/v", "\"x\"")),
            ("{\"a\": [{\"v\": \"x\"}]}", one("/a/0/v", "\"x\"")),
            ("items:\n- 1\n- v: 'x'\n", one("/items/1/v", "'x'")),
            ("a/b~: {v: x}\n", one("/a~1b~0/v", "x")),
            ("? [v]\n: v\nv: &n x\n", one("/v", "&n x")),
            ("a: v\nb: [v, v]\nc: |\n  v: x\n", vec![]),
            ("v: {v: [v]}\n", vec![]),
        ];
        for (text, expected) in rows {
            assert_eq!(found(text), [expected], "{text:?}");
        }
    }

    #[test]
    fn documents_are_whole_with_what_opens_them() {
        let text = "# first\na: 1\n---\n# Source: ж\nv: x\n--- # odd\n---\nb: |\n  ---\n";
        let documents = places(text.as_bytes(), "v", Limits::default()).expect("sound");
        let whole: Vec<&str> = documents
            .iter()
            .map(|document| &text[document.whole.clone()])
            .collect();
        assert_eq!(
            whole,
            [
                "# first\na: 1\n",
                "---\n# Source: ж\nv: x\n",
                "--- # odd\n",
                "---\nb: |\n  ---\n"
            ]
        );
        let second = &text[documents[1].content.clone()];
        assert_eq!(second, "\n# Source: ж\nv: x\n");
        let text = "# head\n---\na: 1\n...\n# b\nv: x\n";
        let documents = places(text.as_bytes(), "v", Limits::default()).expect("sound");
        assert_eq!(documents[0].whole.start, 0);
        assert_eq!(documents[1].whole.end, text.len());
        assert_eq!(documents[0].whole.end, documents[1].whole.start);
        assert!(places(b"a: [", "v", Limits::default()).is_err());
        assert_eq!(places(b"", "v", Limits::default()).expect("sound"), []);
    }
}
