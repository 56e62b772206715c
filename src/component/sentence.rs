//! Messages with places for what they name. Pure.

use std::fmt;

/// A sentence with a place, `{}`, for each thing that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence(pub &'static str);

impl Sentence {
    /// The sentence about these, quotes and control characters in them escaped. What has no place comes after it.
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

    /// The sentence with the constants among these CEL expressions, and without what the others would give.
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

/// The sentence without what it names.
impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.without_texts(&[]))
    }
}
