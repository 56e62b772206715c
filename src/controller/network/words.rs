//! Words of messages.

use crate::chart::version::Version;
use crate::component::Phase;

/// `a`, `a and b`, `a, b and c`.
pub(super) fn and(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `2.0.0, 1.9.0, …`: the newest ones, enough to see what went wrong.
pub(super) fn newest_of(versions: &[(String, Version)]) -> String {
    const SHOWN: usize = 3;
    let mut shown: Vec<&str> = (versions.iter().take(SHOWN))
        .map(|(text, _)| text.as_str())
        .collect();
    if versions.len() > SHOWN {
        shown.push("…");
    }
    shown.join(", ")
}

/// The first line, at most 200 characters of it.
pub(super) fn short(text: &str) -> String {
    const LONGEST: usize = 200;
    let line = text.trim().lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// The phase as it stands in the status.
pub(super) fn phase(phase: &Phase) -> String {
    match phase {
        Phase::Other(word) => word.clone(),
        known => format!("{known:?}"),
    }
}
