//! "Did you mean": the known word nearest to a mistyped one.

/// The candidate that `typed` most likely was meant to be; `None` if none is near. Case and `_` for `-` do not count.
pub fn nearest<'a>(typed: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // nobody mistypes hundreds of letters, and the distance is quadratic
    if typed.len() > 64 {
        return None;
    }
    let typed: Vec<char> = typed.to_lowercase().replace('_', "-").chars().collect();
    let allowed = (typed.len() / 3).min(3);
    candidates
        .map(|candidate| (distance(&typed, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, remove or replace, or neighbours to swap, to turn one word into the other (optimal string
/// alignment).
fn distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &to) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(from != to);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && from == b[j - 1] && a[i - 1] == to {
                least = least.min(before_last[j - 1] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word() {
        let words = ["port", "depth", "chart-url", "debug", "package"];
        let rows = [
            ("prot", Some("port")),
            ("pakage", Some("package")),
            ("CHART_URL", Some("chart-url")),
            ("charturl", Some("chart-url")),
            ("debugg", Some("debug")),
            ("p", None),
            ("", None),
            ("unrelated", None),
        ];
        for (typed, expected) in rows {
            assert_eq!(nearest(typed, words.into_iter()), expected, "{typed:?}");
        }
        assert_eq!(nearest(&"x".repeat(1_000_000), words.into_iter()), None);
    }
}
