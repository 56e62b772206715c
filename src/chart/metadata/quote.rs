//! Strings as Go judges and quotes them.

use std::fmt::Write as _;

/// Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub(super) fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return matches!(c, ' '..='~');
    }
    // behind a letter, what can be printed (combining marks included) is not escaped
    let mut text = String::with_capacity(5);
    text.push('a');
    text.push(c);
    text.escape_debug().eq(text.chars())
}

/// Go's `%q`.
pub(super) fn go_quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            c if is_print(c) => out.push(c),
            c => escape_code(&mut out, u32::from(c)),
        }
    }
    out.push('"');
    out
}

fn escape_code(out: &mut String, code: u32) {
    let written = match code {
        0..0x80 => write!(out, "\\x{code:02x}"),
        0x80..0x1_0000 => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
    written.expect("a string takes all that is written to it");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        for (text, quoted) in [
            ("a/b", r#""a/b""#),
            ("..", r#""..""#),
            (r#"say "hi" \o/"#, r#""say \"hi\" \\o/""#),
            ("1.0\n2\t\r", r#""1.0\n2\t\r""#),
            ("\x00\x7f\x1b\x07", r#""\x00\x7f\x1b\a""#),
            ("é日本🚢", r#""é日本🚢""#),
            ("e\u{301}", "\"e\u{301}\""),
            ("\u{301}", "\"\u{301}\""),
            (
                "a\u{a0}b\u{ad}\u{200b}\u{2028}\u{feff}",
                r#""a\u00a0b\u00ad\u200b\u2028\ufeff""#,
            ),
            ("\u{e0001}", r#""\U000e0001""#),
            ("it's", r#""it's""#),
        ] {
            assert_eq!(go_quote(text), quoted, "{text:?}");
        }
    }
}
