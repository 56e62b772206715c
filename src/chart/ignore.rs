//! `.helmignore`: which files of a chart directory stay out of its package, by Helm's rules and with Helm's quirks.

/// The rules of a chart, in order.
#[derive(Clone, Debug)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    /// A pattern of Go's `filepath.Match`.
    pattern: String,
    negated: bool,
    /// The rule is about directories only.
    directories: bool,
    /// The pattern is about the path from the chart's directory, not about the last part of it.
    whole_path: bool,
}

/// A line of `.helmignore` that Helm refuses too.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum IgnoreError {
    /// Helm has never had it.
    #[error("{0:?} in .helmignore: double-star (**) syntax is not supported")]
    DoubleStar(String),
    /// An open bracket, or a backslash at the end.
    #[error("{0:?} in .helmignore is not a pattern")]
    BadPattern(String),
}

impl IgnoreRules {
    /// Reads `.helmignore`; an empty one leaves the one rule that every chart has.
    ///
    /// As in Helm the file need not be UTF-8: lines are taken as they are, and a byte-order mark before the first is
    /// none of it. A rule that is no text matches nothing, as all names in a package are text.
    pub fn parse(file: &[u8]) -> Result<Self, IgnoreError> {
        let text = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        let text = String::from_utf8_lossy(text);
        let mut rules = Vec::new();
        for line in text.lines().chain(["templates/.?*"]) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.contains("**") {
                return Err(IgnoreError::DoubleStar(line.to_owned()));
            }
            if matches(line, "abc").is_err() {
                return Err(IgnoreError::BadPattern(line.to_owned()));
            }
            let (negated, pattern) = line
                .strip_prefix('!')
                .map_or((false, line), |rest| (true, rest));
            let (directories, pattern) = pattern
                .strip_suffix('/')
                .map_or((false, pattern), |rest| (true, rest));
            let whole_path = pattern.contains('/');
            let pattern = pattern.strip_prefix('/').unwrap_or(pattern).to_owned();
            rules.push(Rule {
                pattern,
                negated,
                directories,
                whole_path,
            });
        }
        Ok(Self { rules })
    }

    /// True if `path` (relative, with `/`) stays out. Of a directory that stays out, everything in it does.
    ///
    /// A negated rule is Helm's: whatever does not match it stays out.
    pub fn ignores(&self, path: &str, is_directory: bool) -> bool {
        self.rules.iter().any(|rule| {
            let subject = if rule.whole_path {
                path
            } else {
                path.rsplit('/').next().unwrap_or(path)
            };
            let matched = matches(&rule.pattern, subject).unwrap_or(false);
            match (rule.negated, rule.directories && !is_directory) {
                (true, true) => true,
                (true, false) => !matched,
                (false, true) => false,
                (false, false) => matched,
            }
        })
    }
}

/// The pattern is malformed.
struct BadPattern;

/// Go's `filepath.Match`: `*` and `?` stop at `/`, `[a-z]` and `[^a-z]` are classes, `\` takes the next character as it
/// is. The whole name must match.
fn matches(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // Go reports a malformed pattern only where it gets to it; a rule must be sound as a whole
    check(&pattern)?;
    Ok(match_from(&pattern, &name))
}

fn check(mut pattern: &[char]) -> Result<(), BadPattern> {
    while let Some(&first) = pattern.first() {
        pattern = match first {
            '\\' => pattern.get(2..).ok_or(BadPattern)?,
            '[' => class(pattern, 'a').ok_or(BadPattern)?.1,
            _ => &pattern[1..],
        };
    }
    Ok(())
}

/// The pattern is sound. Stars are tried from the shortest match on; only the last star needs to be gone back to.
fn match_from(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match (pattern.get(p), name.get(n)) {
            (None, None) => return true,
            (Some('*'), _) => {
                retry = Some((p, n));
                p += 1;
                continue;
            }
            (None, Some(_)) | (Some(_), None) => None,
            (Some('?'), Some(&c)) => (c != '/').then_some(1),
            (Some('\\'), Some(&c)) => (pattern[p + 1] == c).then_some(2),
            (Some('['), Some(&c)) => class(&pattern[p..], c).and_then(|(inside, rest)| {
                (inside && c != '/').then_some(pattern.len() - p - rest.len())
            }),
            (Some(&literal), Some(&c)) => (literal == c).then_some(1),
        };
        match (step, retry) {
            (Some(len), _) => {
                p += len;
                n += 1;
            }
            (None, Some((star, from))) if name.get(from).is_some_and(|&c| c != '/') => {
                retry = Some((star, from + 1));
                (p, n) = (star + 1, from + 1);
            }
            (None, _) => return false,
        }
    }
}

/// Reads the class that `pattern` begins with: whether `c` is in it, and the pattern behind it. `None` if it has no end.
fn class(pattern: &[char], c: char) -> Option<(bool, &[char])> {
    let mut rest = pattern.strip_prefix(&['['])?;
    let negated = rest.first() == Some(&'^');
    if negated {
        rest = &rest[1..];
    }
    let mut inside = false;
    let mut ranges = 0;
    loop {
        if ranges > 0 && rest.first() == Some(&']') {
            return Some((inside != negated, &rest[1..]));
        }
        let (low, after) = class_character(rest)?;
        let (high, after) = match after.strip_prefix(&['-']) {
            Some(after) => class_character(after)?,
            None => (low, after),
        };
        inside |= (low..=high).contains(&c);
        ranges += 1;
        rest = after;
    }
}

fn class_character(pattern: &[char]) -> Option<(char, &[char])> {
    match pattern {
        ['\\', c, rest @ ..] => Some((*c, rest)),
        ['-' | ']' | '\\', ..] | [] => None,
        [c, rest @ ..] => Some((*c, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_go() {
        for (pattern, name, expected) in [
            ("*.tgz", "a.tgz", true),
            ("*.tgz", "a/b.tgz", false),
            ("a*b*c", "axbxbc", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("[\\]]", "]", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("ab", "abc", false),
        ] {
            assert_eq!(
                matches(pattern, name).ok(),
                Some(expected),
                "{pattern:?} on {name:?}"
            );
        }
        for pattern in ["[", "[]a]", "[a", "[-]", "a\\", "[a-]"] {
            assert!(matches(pattern, "a").is_err(), "{pattern:?}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_is_no_trap() {
        let pattern = "a*".repeat(40) + "b";
        assert_eq!(matches(&pattern, &"a".repeat(5_000)).ok(), Some(false));
    }

    #[test]
    fn rules_are_those_of_helm() {
        let rules =
            IgnoreRules::parse(b"# a comment\n\n*.swp\n/top.txt\nci/\ndocs/*.md\n").unwrap();
        for (path, is_directory, ignored) in [
            ("a.swp", false, true),
            ("templates/a.swp", false, true),
            ("top.txt", false, true),
            ("files/top.txt", false, false),
            ("ci", true, true),
            ("ci", false, false),
            ("docs/a.md", false, true),
            ("docs/sub/a.md", false, false),
            ("templates/.hidden", false, true),
            ("templates/shown.yaml", false, false),
            ("Chart.yaml", false, false),
        ] {
            assert_eq!(rules.ignores(path, is_directory), ignored, "{path}");
        }
    }

    #[test]
    fn a_negated_rule_leaves_out_what_it_does_not_match() {
        let rules = IgnoreRules::parse(b"!Chart.yaml").unwrap();
        assert!(!rules.ignores("Chart.yaml", false));
        assert!(rules.ignores("values.yaml", false));
    }

    #[test]
    fn a_byte_order_mark_and_other_encodings_are_no_reason_to_refuse() {
        for (file, path, ignored) in [
            (&b"\xef\xbb\xbfdocs\n"[..], "docs", true),
            (b"\xef\xbb\xbf# a comment\ndocs\n", "docs", true),
            (b"docs\r\n*.swp", "a.swp", true),
            // only before the first line
            (b"a\n\xef\xbb\xbfdocs\n", "docs", false),
            (b"# r\xe9sum\xe9\n*.swp\n", "a.swp", true),
            (b"r\xe9sum\xe9\n*.swp\n", "a.swp", true),
            (b"r\xe9sum\xe9\n", "r\u{e9}sum\u{e9}", false),
            ("r\u{e9}sum\u{e9}\n".as_bytes(), "r\u{e9}sum\u{e9}", true),
            // UTF-16, which Helm takes for lines of odd names
            (b"\xff\xfed\0o\0c\0s\0\n\0", "docs", false),
        ] {
            let rules = IgnoreRules::parse(file).expect("sound");
            assert_eq!(rules.ignores(path, true), ignored, "{file:?}");
        }
    }

    #[test]
    fn what_helm_refuses_is_refused() {
        assert_eq!(
            IgnoreRules::parse(b"a/**/b").unwrap_err(),
            IgnoreError::DoubleStar("a/**/b".into())
        );
        assert_eq!(
            IgnoreRules::parse(b"[a").unwrap_err(),
            IgnoreError::BadPattern("[a".into())
        );
    }
}
