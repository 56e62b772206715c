//! Into which namespaces Components of which namespaces may be installed.

use std::fmt;
use std::str::FromStr;

/// What stands for the Component's own namespace.
const OWN: &str = ".";

/// `FROM=TO` rules: Components of namespaces that match FROM may go into namespaces that match TO. Without a rule
/// everything is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedNamespaces(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    from: String,
    to: String,
}

/// A text is no list of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a list of FROM=TO,…, each the name of a namespace in which * stands for any characters; TO may be . for the \
     Component's own"
)]
pub struct NamespaceRuleError;

impl AllowedNamespaces {
    /// True if a Component of namespace `home` may go into namespace `target`.
    pub fn allow(&self, home: &str, target: &str) -> bool {
        let allows = |rule: &Rule| {
            matches(&rule.from, home)
                && match rule.to.as_str() {
                    OWN => home == target,
                    to => matches(to, target),
                }
        };
        self.0.is_empty() || self.0.iter().any(allows)
    }
}

impl FromStr for AllowedNamespaces {
    type Err = NamespaceRuleError;

    fn from_str(text: &str) -> Result<Self, NamespaceRuleError> {
        let is_pattern = |text: &str| {
            let is_inner = |byte: u8| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-*".contains(&byte)
            };
            (1..=63).contains(&text.len()) && text.bytes().all(is_inner)
        };
        let rules = (text.split(',').map(str::trim)).filter(|rule| !rule.is_empty());
        let rule = |rule: &str| {
            let (from, to) = rule.split_once('=').ok_or(NamespaceRuleError)?;
            if !is_pattern(from) || !(is_pattern(to) || to == OWN) {
                return Err(NamespaceRuleError);
            }
            Ok(Rule {
                from: from.to_owned(),
                to: to.to_owned(),
            })
        };
        rules.map(rule).collect::<Result<_, _>>().map(Self)
    }
}

/// As the option has it; for messages.
impl fmt::Display for AllowedNamespaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Rule { from, to }) in self.0.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            write!(f, "{comma}{from}={to}")?;
        }
        Ok(())
    }
}

/// True if `text` is `pattern`, in which `*` stands for any characters.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, inner)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in inner {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> AllowedNamespaces {
        text.parse()
            .unwrap_or_else(|_| panic!("{text} is a list of rules"))
    }

    #[test]
    fn one_rule_that_allows_is_enough_and_no_rule_allows_all() {
        assert!(rules("").allow("a", "kube-system"));
        let own = rules("*=.");
        assert!(own.allow("a", "a"));
        assert!(!own.allow("a", "b"));
        let some = rules("team-a=team-a-*, team-a=., ops=*");
        for (from, to, allowed) in [
            ("team-a", "team-a", true),
            ("team-a", "team-a-db", true),
            ("team-a", "team-b", false),
            ("team-a", "team-ab", false),
            ("ops", "kube-system", true),
            ("other", "other", false),
        ] {
            assert_eq!(some.allow(from, to), allowed, "{from} into {to}");
        }
    }

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "abc", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "a", false),
            ("a*a", "a", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("abc", "abcd", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} and {text}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in ["a", "a=", "=a", "A=b", "a=b/c", "a=b c", "a=..", ".=a"] {
            assert_eq!(
                text.parse::<AllowedNamespaces>(),
                Err(NamespaceRuleError),
                "{text}"
            );
        }
    }

    #[test]
    fn it_is_shown_as_it_is_written() {
        assert_eq!(rules("a=., b=c-*").to_string(), "a=.,b=c-*");
    }
}
