//! Texts cut to a length; `…` shows that something is missing. Pure.

/// The text, or as much of it as makes at most `limit` bytes with the ellipsis.
pub fn within_bytes(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit - '…'.len_utf8());
    format!("{}…", &text[..end])
}

/// The text, or its first `limit` characters and the ellipsis.
pub fn within_chars(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        for (text, limit, cut) in [
            ("abcd", 4, "abcd"),
            ("abcde", 4, "a…"),
            ("aéé", 5, "aéé"),
            ("aééé", 5, "a…"),
        ] {
            assert_eq!(within_bytes(text, limit), cut, "{text:?} in {limit} bytes");
        }
        for (text, limit, cut) in [("éé", 2, "éé"), ("ééé", 2, "éé…")] {
            assert_eq!(
                within_chars(text, limit),
                cut,
                "{text:?} in {limit} characters"
            );
        }
    }
}
