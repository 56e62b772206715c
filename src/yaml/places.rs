//! Where a key's values stand in a text, so that they can be changed and everything else stays byte for byte.

use std::ops::Range;

use crate::yaml::parser::{EventKind, Parser};
use crate::yaml::{Limits, YamlError, reader};

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
/// As [`parse_all`](crate::yaml::parse_all); only the depth is held to `limits`.
pub fn places(text: &[u8], key: &str, limits: Limits) -> Result<Vec<DocumentPlace>, YamlError> {
    let text = reader::read(text)?;
    let mut parser = Parser::new(&text);
    let mut documents: Vec<DocumentPlace> = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut ended = 0;
    loop {
        let event = parser.next_event()?;
        let range = event.start.index..event.end.index;
        match event.kind {
            EventKind::StreamEnd => return Ok(documents),
            // what comes after it without a `---` begins right there
            EventKind::DocumentEnd => ended = range.end,
            EventKind::DocumentStart { is_marked } => {
                let start = if is_marked { range.start } else { ended };
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
                    content: if is_marked { range.end } else { start }..text.len(),
                    scalars: Vec::new(),
                });
            }
            EventKind::Scalar { text: value, .. } => {
                if let Some(pointer) = pointer(&frames, key)
                    && let Some(document) = documents.last_mut()
                {
                    document.scalars.push(ScalarPlace {
                        pointer,
                        value: value.to_string(),
                        range,
                    });
                }
                pass(&mut frames, Some(&value));
            }
            EventKind::Alias(_) => pass(&mut frames, None),
            EventKind::SequenceStart { .. } => {
                open(&mut frames, Frame::Sequence { next: 0 }, limits)?;
            }
            EventKind::MappingStart { .. } => {
                open(&mut frames, Frame::Mapping { key: None }, limits)?;
            }
            EventKind::SequenceEnd | EventKind::MappingEnd => {
                frames.pop();
                pass(&mut frames, None);
            }
        }
    }
}

fn open(frames: &mut Vec<Frame>, frame: Frame, limits: Limits) -> Result<(), YamlError> {
    if frames.len() >= limits.depth {
        return Err(YamlError::TooDeep {
            limit: limits.depth,
        });
    }
    frames.push(frame);
    Ok(())
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
        let text = "# head\n---\na: 1\n...\n# b\n---\nv: x\n";
        let documents = places(text.as_bytes(), "v", Limits::default()).expect("sound");
        assert_eq!(documents[0].whole.start, 0);
        assert_eq!(documents[1].whole.end, text.len());
        assert_eq!(documents[0].whole.end, documents[1].whole.start);
        assert!(places(b"a: [", "v", Limits::default()).is_err());
        assert_eq!(places(b"", "v", Limits::default()).expect("sound"), []);
    }
}
