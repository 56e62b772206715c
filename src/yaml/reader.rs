//! From bytes to a text of characters that go-yaml's reader takes.

use std::borrow::Cow;

use crate::yaml::YamlError;

/// The bytes without the byte-order mark of UTF-8.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// The text without its byte-order mark. UTF-16 is known by its mark; everything else is UTF-8.
///
/// # Errors
/// What is neither, and characters that go-yaml refuses wherever they stand.
pub(super) fn read(bytes: &[u8]) -> Result<Cow<'_, str>, YamlError> {
    let text: Cow<'_, str> = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?.into(),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?.into(),
        _ => utf8(without_mark(bytes))?.into(),
    };
    match forbidden(&text) {
        None => Ok(text),
        Some(at) => Err(fault(
            text[..at].as_bytes(),
            "control characters are not allowed",
        )),
    }
}

fn fault(before: &[u8], problem: &str) -> YamlError {
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    YamlError::syntax(problem).at_line(breaks + 1)
}

fn utf8(bytes: &[u8]) -> Result<&str, YamlError> {
    str::from_utf8(bytes).map_err(|error| {
        let (before, rest) = bytes.split_at(error.valid_up_to());
        let problem = match (error.error_len(), rest.first()) {
            (None, _) => "incomplete UTF-8 octet sequence",
            (_, Some(0x80..=0xbf | 0xf8..)) => "invalid leading UTF-8 octet",
            _ => "invalid trailing UTF-8 octet",
        };
        fault(before, problem)
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, YamlError> {
    let (pairs, rest) = bytes.as_chunks();
    let units = pairs.iter().map(|pair| unit(*pair));
    let mut text = String::with_capacity(pairs.len());
    for read in char::decode_utf16(units) {
        let Ok(read) = read else {
            let problem = "unexpected low surrogate area";
            return Err(fault(text.as_bytes(), problem));
        };
        text.push(read);
    }
    if !rest.is_empty() {
        return Err(fault(text.as_bytes(), "incomplete UTF-16 character"));
    }
    Ok(text)
}

/// Where the first character is that YAML 1.1 has no place for: a control character (but for tab, line ends and
/// U+0085), U+FFFE or U+FFFF.
fn forbidden(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_forbidden = |at: &usize| match &bytes[*at..] {
        [0xc2, second, ..] => matches!(second, 0x80..=0x84 | 0x86..=0x9f),
        [0xef, rest @ ..] => matches!(rest, [0xbf, 0xbe | 0xbf, ..]),
        _ => true,
    };
    let mut suspects = (0..bytes.len()).filter(|at| IS_SUSPECT[usize::from(bytes[*at])]);
    suspects.find(is_forbidden)
}

/// Bytes that are forbidden, or may begin a character that is.
const IS_SUSPECT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte, 0..=8 | 0xb | 0xc | 0xe..=0x1f | 0x7f | 0xc2 | 0xef);
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_yaml_takes_is_read() {
        let rows: [(&[u8], &str); 8] = [
            (b"a: 1\n", "a: 1\n"),
            (b"", ""),
            ("\u{feff}a".as_bytes(), "a"),
            ("a\n\u{feff}b".as_bytes(), "a\n\u{feff}b"),
            (b"\xff\xfea\0:\0", "a:"),
            (b"\xfe\xff\0a\xd8\x3d\xde\x00", "a\u{1f600}"),
            (
                "\t\r\u{85}\u{a0}\u{e000}\u{fffd}".as_bytes(),
                "\t\r\u{85}\u{a0}\u{e000}\u{fffd}",
            ),
            ("\u{2028}\u{1fffe}".as_bytes(), "\u{2028}\u{1fffe}"),
        ];
        for (bytes, text) in rows {
            assert_eq!(read(bytes).expect("sound"), text, "{bytes:?}");
        }
    }

    #[test]
    fn what_go_yaml_refuses_is_refused_in_its_words() {
        let control = "control characters are not allowed";
        for (bytes, problem) in [
            (&b"a: \x01"[..], format!("line 1: {control}")),
            (b"a: b\nc: \x7f\n", format!("line 2: {control}")),
            ("\u{80}".as_bytes(), format!("line 1: {control}")),
            ("\u{9f}".as_bytes(), format!("line 1: {control}")),
            ("\n\n\u{fffe}".as_bytes(), format!("line 3: {control}")),
            ("\u{ffff}".as_bytes(), format!("line 1: {control}")),
            (b"\xff\xfe\x01\0", format!("line 1: {control}")),
            (b"a: \xe9", "line 1: incomplete UTF-8 octet sequence".into()),
            (b"a: \xe9!", "line 1: invalid trailing UTF-8 octet".into()),
            (b"\x80", "line 1: invalid leading UTF-8 octet".into()),
            (b"\xff\xfea", "line 1: incomplete UTF-16 character".into()),
            (
                b"\xff\xfe\0\xdc",
                "line 1: unexpected low surrogate area".into(),
            ),
        ] {
            let refusal = read(bytes).expect_err("refused").to_string();
            assert_eq!(refusal, format!("yaml: {problem}"), "{bytes:?}");
        }
    }
}
