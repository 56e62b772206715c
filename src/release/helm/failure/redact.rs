//! Redacts secrets in Helm's output: it may print values in errors of templates and schemas
//! (docs/components.md 7.4).

use crate::release::outcome::HelmOutcome;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The replacement for a secret.
const MARK: &str = "[redacted]";
/// Shorter texts are not redacted: they are words such as `true` or `admin`, and redacting those hides the error
/// itself.
const SHORTEST: usize = 7;

/// The text without these secrets, as far as they are longer than 6 characters: as they are, each of their lines,
/// quoted as in JSON, and in base64 as in a Secret.
pub fn redact(text: &str, secrets: &[String]) -> String {
    let spellings: BTreeSet<String> = secrets
        .iter()
        .flat_map(|secret| spellings(secret))
        .collect();
    let mut spellings: Vec<&String> = spellings.iter().collect();
    // the longest first, or the rest of a secret that begins with another one would stay
    spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    let mut text = text.to_owned();
    for spelling in spellings {
        if text.contains(spelling) {
            text = text.replace(spelling, MARK);
        }
    }
    text
}

fn spellings(secret: &str) -> Vec<String> {
    if !is_long(secret) {
        return Vec::new();
    }
    let quoted = serde_json::Value::from(secret).to_string();
    let mut spellings = vec![
        secret.to_owned(),
        quoted[1..quoted.len() - 1].to_owned(),
        STANDARD.encode(secret),
    ];
    let pieces = std::iter::once(secret.trim()).chain(secret.lines().map(str::trim));
    spellings.extend(pieces.filter(|piece| is_long(piece)).map(str::to_owned));
    spellings
}

fn is_long(text: &str) -> bool {
    text.chars().nth(SHORTEST - 1).is_some()
}

impl HelmOutcome {
    /// The outcome without these secrets. To be called before [`judge`](super::judge), which shortens the text.
    #[must_use]
    pub fn redacted(mut self, secrets: &[String]) -> HelmOutcome {
        self.stderr = redact(&self.stderr, secrets);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_however_they_are_spelled() {
        let rows = [
            (
                "'topsecret' does not match pattern",
                "topsecret",
                "'[redacted]' does not match pattern",
            ),
            ("data: dG9wc2VjcmV0", "topsecret", "data: [redacted]"),
            (
                r#"got "say \"hello\"""#,
                r#"say "hello""#,
                r#"got "[redacted]""#,
            ),
            (
                "line: second-line, of a key",
                "first-line\n  second-line\n",
                "line: [redacted], of a key",
            ),
            (
                "topsecret and topsecret",
                "topsecret",
                "[redacted] and [redacted]",
            ),
            (
                "with a newline: topsecret",
                "topsecret\n",
                "with a newline: [redacted]",
            ),
            (
                "six letters stay: abcdef",
                "abcdef",
                "six letters stay: abcdef",
            ),
            (
                "seven letters go: abcdefg",
                "abcdefg",
                "seven letters go: [redacted]",
            ),
            (
                "characters count, not bytes: ключик",
                "ключик",
                "characters count, not bytes: ключик",
            ),
            ("nothing to hide", "topsecret", "nothing to hide"),
        ];
        for (text, secret, expected) in rows {
            assert_eq!(redact(text, &[secret.to_owned()]), expected, "{text:?}");
        }
    }

    #[test]
    fn a_secret_inside_another_does_not_leave_the_rest() {
        let secrets = ["password", "password-of-the-database"].map(str::to_owned);
        let text = redact("got password-of-the-database, want password", &secrets);
        assert_eq!(text, "got [redacted], want [redacted]");
    }
}
