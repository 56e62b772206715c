//! Index entries as block YAML that every YAML 1.1 reader types as strings: what is not plainly text is quoted.

use std::io::Write as _;

use serde_json::Value;

use crate::repository::entry::Entry;

/// Appends `entry` under `entries:`, with its chart's key before it if it is the first of its chart.
pub(super) fn write_entry(out: &mut Vec<u8>, entry: &Entry, first_of_chart: bool) {
    if first_of_chart {
        out.extend_from_slice(b"  ");
        write_string(out, &entry.name);
        out.extend_from_slice(b":\n");
    }
    let value: Value = serde_json::from_str(entry.line()).expect("an entry's line is JSON");
    write_item(out, &value, 2);
}

/// Appends `value` as a scalar, or as a flow `{}` / `[]` if it is an empty collection.
pub(super) fn write_scalar(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::String(text) => write_string(out, text),
        other => write!(out, "{other}").expect("writing to memory"),
    }
}

fn write_item(out: &mut Vec<u8>, value: &Value, indent: usize) {
    write_indent(out, indent);
    match value {
        Value::Object(map) if !map.is_empty() => {
            out.extend_from_slice(b"- ");
            write_mapping(out, map, indent + 2, true);
        }
        Value::Array(items) if !items.is_empty() => {
            out.extend_from_slice(b"-\n");
            for item in items {
                write_item(out, item, indent + 2);
            }
        }
        scalar => {
            out.extend_from_slice(b"- ");
            write_scalar(out, scalar);
            out.push(b'\n');
        }
    }
}

/// `serde_json`'s maps are sorted by key, as the index's keys are (contract section 3.1).
fn write_mapping(
    out: &mut Vec<u8>,
    map: &serde_json::Map<String, Value>,
    indent: usize,
    after_dash: bool,
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
                write_mapping(out, inner, indent + 2, false);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push(b'\n');
                for item in items {
                    write_item(out, item, indent);
                }
            }
            scalar => {
                out.push(b' ');
                write_scalar(out, scalar);
                out.push(b'\n');
            }
        }
    }
}

fn write_indent(out: &mut Vec<u8>, indent: usize) {
    out.resize(out.len() + indent, b' ');
}

fn write_string(out: &mut Vec<u8>, text: &str) {
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
    use crate::repository::entry::tests::listing;
    use crate::repository::entry::{Entry, Layer};

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
    fn an_entry_is_a_list_item_with_sorted_keys() {
        let mut listing = listing("demo", "1.0.0", "demo-1.0.0.tgz");
        listing.head = concat!(
            r#"{"name":"demo","version":"1.0.0","keywords":["a","1"],"deprecated":true,"#,
            r#""dependencies":[{"name":"b","repository":"","import-values":[{"child":"x"},"y"]}]"#
        )
        .into();
        let entry = Entry::new(listing, Layer::Upload, "charts/");
        let mut out = Vec::new();
        write_entry(&mut out, &entry, true);
        let expected = format!(
            "  demo:\n  - created: \"2030-03-17T17:46:40.120Z\"\n    dependencies:\n    - import-values:\n      - child: x\n      - \"y\"\n      name: b\n      repository: \"\"\n    deprecated: true\n    digest: {}\n    keywords:\n    - a\n    - \"1\"\n    name: demo\n    urls:\n    - charts/demo-1.0.0.tgz\n    version: \"1.0.0\"\n",
            {
                let d = entry.digest.to_string();
                if d.starts_with(|c: char| c.is_ascii_alphabetic()) {
                    d
                } else {
                    format!("\"{d}\"")
                }
            }
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
