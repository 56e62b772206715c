//! Messages with placeholders. Pure.

use std::fmt;

/// A message with a placeholder, `{}`, for each value that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence(pub &'static str);

impl Sentence {
    /// The message with these values, quotes and control characters escaped. Values without a placeholder are appended.
    pub fn about(self, named: &[&str]) -> String {
        let mut named = named.iter();
        let mut parts = self.0.split("{}");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let value = named.next().copied().unwrap_or_default();
            text.extend(value.escape_debug());
            text += part;
        }
        for value in named {
            text += &format!(" ({})", value.escape_debug());
        }
        text
    }

    /// The message with the constants among these CEL expressions, and `…` for the others.
    pub(super) fn without_texts(self, named: &[String]) -> String {
        let constant = |cel: &String| Some(cel.strip_prefix('\'')?.strip_suffix('\'')?.to_owned());
        let shown = |cel: &String| constant(cel).unwrap_or_else(|| "…".to_owned());
        let mut named = named.iter().map(shown);
        let mut parts = self.0.split("{}");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            let value = named.next().unwrap_or_else(|| "…".to_owned());
            text + &value + part
        })
    }
}

/// The message without its values.
impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_texts(&[]))
    }
}
