//! Lists and versions in messages.

use crate::chart::index::ChartVersion;
use crate::ellipsis::within_chars;

/// `a`, `a and b`, `a, b and c`.
pub(super) fn and(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `2.0.0, 1.9.0, …`: the newest ones, enough to see what went wrong.
pub(super) fn newest_of(versions: &[ChartVersion]) -> String {
    const SHOWN: usize = 3;
    let mut shown: Vec<&str> = versions.iter().take(SHOWN).map(|v| &*v.text).collect();
    if versions.len() > SHOWN {
        shown.push("…");
    }
    shown.join(", ")
}

/// `there are 2.0.0, 1.9.0 and 7 older ones`.
pub(super) fn versions_there_are(versions: &[ChartVersion]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = versions.iter().take(SHOWN).map(|v| &*v.text).collect();
    let verb = if versions.len() == 1 { "is" } else { "are" };
    let shown = shown.join(", ");
    match versions.len().saturating_sub(SHOWN) {
        0 => format!("there {verb} {shown}"),
        1 => format!("there {verb} {shown} and an older one"),
        more => format!("there {verb} {shown} and {more} older ones"),
    }
}

/// The first line, at most 200 characters of it.
pub(super) fn short(text: &str) -> String {
    const LONGEST: usize = 200;
    let line = text.trim().lines().next().unwrap_or_default();
    within_chars(line, LONGEST)
}
