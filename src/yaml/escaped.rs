//! JSON for those who read it as YAML: Helm its values, the API server the body of a server-side apply.

/// The same JSON, with `\u…` in place of every character that go-yaml treats otherwise than a JSON reader does.
///
/// Inside quotes go-yaml takes U+0085, U+2028 and U+2029 for line ends and folds the blanks around them away; it refuses
/// DEL, the other controls up to U+009F, U+FFFE and U+FFFF, and it drops a byte order mark at the start. The text must be
/// JSON: outside of its strings there are no such characters.
pub fn escaped(json: Vec<u8>) -> Vec<u8> {
    let Some(first) = (0..json.len()).find(|&place| special(&json[place..]).is_some()) else {
        return json;
    };
    let mut escaped = json[..first].to_vec();
    let mut rest = &json[first..];
    while let [byte, after @ ..] = rest {
        match special(rest) {
            Some((length, code)) => {
                escaped.extend_from_slice(format!("\\u{code:04x}").as_bytes());
                rest = &rest[length..];
            }
            None => {
                escaped.push(*byte);
                rest = after;
            }
        }
    }
    escaped
}

/// How many bytes of UTF-8 the special character takes that the text begins with, and its code.
fn special(text: &[u8]) -> Option<(usize, u32)> {
    match *text {
        [0x7f, ..] => Some((1, 0x7f)),
        [0xc2, last @ 0x80..=0x9f, ..] => Some((2, u32::from(last))),
        [0xe2, 0x80, last @ 0xa8..=0xa9, ..] => Some((3, 0x2000 + u32::from(last) - 0x80)),
        [0xef, 0xbb, 0xbf, ..] => Some((3, 0xfeff)),
        [0xef, 0xbf, last @ 0xbe..=0xbf, ..] => Some((3, 0xff00 + u32::from(last) + 0x40)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What go-yaml's reader passes on as it is, line ends of YAML 1.1 and the mark left out.
    fn is_plain(letter: char) -> bool {
        matches!(letter, ' '..='~' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
            && !matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}')
    }

    #[test]
    fn every_character_is_the_same_to_json_and_plain_to_go_yaml() {
        for letter in '\0'..=char::MAX {
            let text = json!({(format!("k{letter}")): format!(" {letter} ")});
            let made = escaped(serde_json::to_vec(&text).expect("JSON"));
            let made = String::from_utf8(made).expect("UTF-8");
            assert!(made.chars().all(is_plain), "{letter:?}: {made}");
            let read: Value = serde_json::from_str(&made).expect("JSON");
            assert_eq!(read, text, "{letter:?}");
        }
    }

    #[test]
    fn only_what_must_be_is_escaped() {
        let rows = [
            (r#"{"a": "b"}"#, r#"{"a": "b"}"#),
            ("\"é鍵🎉\u{a0}\u{2027}\"", "\"é鍵🎉\u{a0}\u{2027}\""),
            ("\"a \u{2028} b\"", r#""a \u2028 b""#),
            (
                "\"\u{85}\u{7f}\u{80}\u{9f}\"",
                r#""\u0085\u007f\u0080\u009f""#,
            ),
            (
                "\"\u{feff}\u{fffe}\u{ffff}\u{2029}\"",
                r#""\ufeff\ufffe\uffff\u2029""#,
            ),
            ("", ""),
        ];
        for (json, expected) in rows {
            let made = escaped(json.as_bytes().to_vec());
            assert_eq!(String::from_utf8(made).expect("UTF-8"), expected);
        }
    }
}
