//! Values as block YAML that every YAML 1.1 reader types as they are: what is not plainly text is quoted.

use std::io::Write as _;

use serde_json::{Map, Value};

/// A text of several words that reaches beyond this column is folded over several lines by [`document`].
const WIDTH: usize = 100;

/// `value` as a whole document for people to read: keys sorted, long texts folded. Ends with a line end.
pub fn document(value: &Value) -> String {
    let mut out = Vec::new();
    match value {
        Value::Object(map) if !map.is_empty() => write_mapping(&mut out, map, 0, true, WIDTH),
        Value::Array(items) => {
            for item in items {
                write_item_folded(&mut out, item, 0, WIDTH);
            }
        }
        scalar => {
            write_scalar(&mut out, scalar);
            out.push(b'\n');
        }
    }
    String::from_utf8(out).expect("the pieces are UTF-8")
}

/// Appends `value` as an item of a sequence whose dashes are in column `indent`; every scalar is on one line.
pub(crate) fn write_item(out: &mut Vec<u8>, value: &Value, indent: usize) {
    write_item_folded(out, value, indent, usize::MAX);
}

fn write_item_folded(out: &mut Vec<u8>, value: &Value, indent: usize, width: usize) {
    write_indent(out, indent);
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.extend_from_slice(b"- ");
            write_mapping(out, map, indent + 2, true, width);
        }
        Value::Array(items) if !items.is_empty() => {
            out.extend_from_slice(b"-\n");
            for item in items {
                write_item_folded(out, item, indent + 2, width);
            }
        }
        scalar => {
            out.extend_from_slice(b"- ");
            write_scalar(out, scalar);
            out.push(b'\n');
        }
    }
}

/// `serde_json`'s maps are sorted by key, as the index's keys are (docs/chartmuseum.md 7.1).
fn write_mapping(
    out: &mut Vec<u8>,
    map: &Map<String, Value>,
    indent: usize,
    after_dash: bool,
    width: usize,
) {
    for (i, (key, value)) in map.iter().enumerate() {
        if i > 0 || !after_dash {
            write_indent(out, indent);
        }
        write_string(out, key);
        out.push(b':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push(b'\n');
                write_mapping(out, inner, indent + 2, false, width);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push(b'\n');
                for item in items {
                    write_item_folded(out, item, indent, width);
                }
            }
            Value::String(text)
                if text.len().saturating_add(indent + key.len() + 4) > width && can_fold(text) =>
            {
                write_folded(out, text, indent + 2, width);
            }
            scalar => {
                out.push(b' ');
                write_scalar(out, scalar);
                out.push(b'\n');
            }
        }
    }
}

/// Appends `value` as a scalar, or as a flow `{}` / `[]` if it is an empty collection.
fn write_scalar(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => write_string(out, text),
        other => write!(out, "{other}").expect("writing to memory"),
    }
}

/// True for paragraphs, divided by one line end each, of words with single spaces between: folding keeps those as they
/// are.
fn can_fold(text: &str) -> bool {
    // a single word would only be moved to a line of its own
    text.contains(' ')
        && text.split('\n').all(|paragraph| {
            !paragraph.is_empty()
                && paragraph
                    .split(' ')
                    .all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_graphic()))
        })
}

/// Appends a text as a folded block scalar (`>-`); a reader joins its lines with spaces.
fn write_folded(out: &mut Vec<u8>, text: &str, indent: usize, width: usize) {
    out.extend_from_slice(b" >-\n");
    for (i, paragraph) in text.split('\n').enumerate() {
        if i > 0 {
            // a line end in the text is an empty line here
            out.push(b'\n');
        }
        let mut column = 0;
        for word in paragraph.split(' ') {
            if column > 0 && column + 1 + word.len() > width {
                out.push(b'\n');
                column = 0;
            }
            if column == 0 {
                write_indent(out, indent);
                column = indent;
            } else {
                out.push(b' ');
                column += 1;
            }
            out.extend_from_slice(word.as_bytes());
            column += word.len();
        }
        out.push(b'\n');
    }
}

fn write_indent(out: &mut Vec<u8>, indent: usize) {
    out.resize(out.len() + indent, b' ');
}

/// Appends a string, quoted unless it is plainly text.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    if is_plain(text) {
        out.extend_from_slice(text.as_bytes());
    } else {
        // a JSON string is a YAML double-quoted scalar; the line it came from has no raw control characters, but the
        // parsed value may
        let quoted = Value::String(text.to_owned()).to_string();
        for c in quoted.chars() {
            match c {
                '\u{7f}'..='\u{9f}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{feff}'
                | '\u{fffe}'
                | '\u{ffff}' => {
                    write!(out, "\\u{:04x}", u32::from(c)).expect("writing to memory");
                }
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }
}

/// True for text that no YAML reader can take for anything else: it starts with a letter or a slash, holds nothing but
/// letters, digits and `_./-` with single spaces between, and is none of YAML 1.1's words.
fn is_plain(text: &str) -> bool {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let all_safe = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_./- ".contains(&b));
    let is_word = ["y", "yes", "n", "no", "on", "off", "true", "false", "null"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    starts_well && all_safe && !is_word && !text.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_yaml_would_read_as_something_else_is_quoted() {
        for text in [
            "1.0", "yes", "No", "~", "", "1e3", "0x1", "- a", "a: b", "a #b", "12:30:45", "null",
            "a ", "ü", "*a",
        ] {
            let mut out = Vec::new();
            write_string(&mut out, text);
            assert!(out.starts_with(b"\""), "{text:?} was written plain");
        }
        for text in [
            "demo-app",
            "v1",
            "charts/demo-1.0.0.tgz",
            "A demo",
            "yes sir",
        ] {
            let mut out = Vec::new();
            write_string(&mut out, text);
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn a_document_is_read_back_as_what_was_written() {
        let long = "word ".repeat(40).trim_end().to_owned();
        let value = serde_json::json!({
            "empty": {"list": [], "map": {}},
            "flags": [true, null, 1, -1.5, "1", ["a", ["b"]], {"c": "d"}],
            "folded": {"deeper": {"text": format!("{long}, \"quoted\": #1\n{long}")}},
            "key: odd": long,
            "not folded": format!("two  spaces {long}"),
            "nor this": format!("{long}\n\n{long}"),
            "line": "one\ntwo",
        });
        let text = document(&value);
        assert!(text.contains("    text: >-\n      word word"), "{text}");
        for (i, line) in text.lines().enumerate() {
            let one_line = line.contains('"') || line.starts_with("not folded");
            assert!(one_line || line.len() <= WIDTH, "line {i}: {line}");
        }
        let read = crate::yaml::parse(text.as_bytes(), crate::yaml::Limits::default()).unwrap();
        assert_eq!(read.to_json(), value);
    }
}
