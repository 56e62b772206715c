//! Lists as they stand in messages.

use crate::plan::catalog::ChartVersion;

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

/// `a`, `a and b`, `a, b and c`.
pub(super) fn and(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
