//! Where a key's values stand in a document, so that they can be changed and everything else stays byte for byte.

use std::ops::Range;

use crate::yaml::parser::{EventKind, Parser};
use crate::yaml::{Limits, YamlError};

/// A scalar under the key, with its quotes, and with the anchor or tag before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalarPlace {
    /// The JSON pointer to it, such as `/items/0/apiVersion`.
    pub pointer: String,
    /// What it says.
    pub value: String,
    /// Where it stands, in bytes.
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

/// Where scalars stand under `key` in the first document of `text`, at any depth. Aliases are not followed.
///
/// # Errors
/// As [`parse`](crate::yaml::parse); only the depth is held to `limits`.
pub fn places(text: &str, key: &str, limits: Limits) -> Result<Vec<ScalarPlace>, YamlError> {
    let mut parser = Parser::new(text);
    let mut places = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    loop {
        let event = parser.next_event()?;
        match event.kind {
            EventKind::DocumentEnd | EventKind::StreamEnd => return Ok(places),
            EventKind::DocumentStart => {}
            EventKind::Scalar { text: value, .. } => {
                if let Some(pointer) = pointer(&frames, key) {
                    places.push(ScalarPlace {
                        pointer,
                        value: value.to_string(),
                        range: event.start.index..event.end.index,
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

    fn found(text: &str) -> Vec<(String, String)> {
        let places = places(text, "v", Limits::default()).expect("sound");
        let shown = places
            .into_iter()
            .map(|place| (place.pointer, text[place.range].to_owned()));
        shown.collect()
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
            assert_eq!(found(text), expected, "{text:?}");
        }
    }

    #[test]
    fn nothing_beyond_the_first_document_is_read() {
        assert_eq!(found("---\nv: x\n...\nv: [\n").len(), 1);
        assert_eq!(found(""), []);
        assert!(places("v: [", "v", Limits::default()).is_err());
    }
}
