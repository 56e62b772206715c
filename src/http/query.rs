//! The query of a request.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The text behind the `?`, still encoded; empty if there is none.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// The query of a URI.
    pub fn of(uri: &'a hyper::Uri) -> Self {
        Self(uri.query().unwrap_or_default())
    }

    /// The first value of a key; empty where the key has none.
    pub fn get(self, key: &str) -> Option<Cow<'a, str>> {
        self.pairs()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// True if the key is there, whatever its value: `?force=false` forces too (contract section 0.1.9).
    pub fn has(self, key: &str) -> bool {
        self.pairs().any(|(name, _)| name == key)
    }

    fn pairs(self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        self.0
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(name), decode(value))
            })
    }
}

fn decode(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
    } else {
        percent_decode_str(text).decode_utf8_lossy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_is_what_counts_for_force() {
        for (query, has) in [
            ("force", true),
            ("force=false", true),
            ("a=1&force", true),
            ("forced", false),
            ("", false),
        ] {
            assert_eq!(Query(query).has("force"), has, "{query:?}");
        }
        assert_eq!(Query("offset=%31+").get("offset").as_deref(), Some("1 "));
        assert_eq!(Query("offset").get("offset").as_deref(), Some(""));
    }
}
