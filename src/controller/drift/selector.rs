//! Label selectors as `kubectl --selector` takes them.

use std::collections::BTreeSet;

use kube::core::{Expression, Selector};

/// Reads `app=web,tier in (a, b),!old`; the empty text selects everything. `None` if it is no selector.
pub fn parse(text: &str) -> Option<Selector> {
    let mut rest = text.trim();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let requirement;
        (requirement, rest) = first(rest)?;
        found.push(expression(requirement.trim())?);
    }
    Some(found.into_iter().collect())
}

/// The first requirement, and what follows its comma, which must be something.
fn first(text: &str) -> Option<(&str, &str)> {
    let mut is_in_set = false;
    for (place, letter) in text.char_indices() {
        match letter {
            '(' => is_in_set = true,
            ')' => is_in_set = false,
            ',' if !is_in_set => {
                let rest = text[place + 1..].trim();
                return (!rest.is_empty()).then_some((&text[..place], rest));
            }
            _ => {}
        }
    }
    Some((text, ""))
}

fn expression(text: &str) -> Option<Expression> {
    if let Some(set) = text.strip_suffix(')') {
        let (before, values) = set.split_once('(')?;
        let mut words = before.split_whitespace();
        let (key, operator) = (name(words.next()?)?, words.next()?);
        let values: Option<BTreeSet<String>> = values.split(',').map(value).collect();
        return match (operator, words.next()) {
            ("in", None) => Some(Expression::In(key, values?)),
            ("notin", None) => Some(Expression::NotIn(key, values?)),
            _ => None,
        };
    }
    if let Some((key, wanted)) = text.split_once("!=") {
        return Some(Expression::NotEqual(name(key)?, value(wanted)?));
    }
    if let Some((key, wanted)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some(Expression::Equal(name(key)?, value(wanted)?));
    }
    if let Some(key) = text.strip_prefix('!') {
        return Some(Expression::DoesNotExist(name(key)?));
    }
    Some(Expression::Exists(name(text)?))
}

fn name(text: &str) -> Option<String> {
    let text = text.trim();
    let (prefix, last) = text.rsplit_once('/').unwrap_or(("", text));
    let is_sound = is_plain(prefix) && !last.is_empty() && is_plain(last);
    is_sound.then(|| text.to_owned())
}

/// A value may be empty.
fn value(text: &str) -> Option<String> {
    let text = text.trim();
    is_plain(text).then(|| text.to_owned())
}

fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kube::core::SelectorExt;

    use super::*;

    #[test]
    fn selectors_select_as_kubectls_do() {
        let labels: BTreeMap<String, String> =
            [("app", "web"), ("edge.io/tier", "front"), ("x", "")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into();
        let rows = [
            ("", Some(true)),
            ("app=web", Some(true)),
            ("app == web , edge.io/tier", Some(true)),
            ("app!=web", Some(false)),
            ("other!=web", Some(true)),
            ("app in (db, web),edge.io/tier notin (back)", Some(true)),
            ("app in (db)", Some(false)),
            ("other notin (db)", Some(true)),
            ("!other", Some(true)),
            ("!app", Some(false)),
            ("x=", Some(true)),
            ("app in", None),
            ("app in (", None),
            ("app like (a)", None),
            ("app=web,", None),
            ("=web", None),
            ("a b=c", None),
            ("!", None),
        ];
        for (text, expected) in rows {
            let selects = parse(text).map(|selector| selector.matches(&labels));
            assert_eq!(selects, expected, "{text:?}");
        }
    }
}
