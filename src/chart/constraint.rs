//! Version ranges as Helm reads them (Masterminds/semver v3 constraints).

use crate::chart::version::Version;

/// A parsed range such as `^1.2`, `>=1 <3 || 5.x`, `1.2 - 2`.
///
/// The rules are those of Masterminds/semver 3.4, which Helm 3.19 and later use: `||` between groups, commas or spaces
/// between the comparators of a group, and a pre-release is considered only by a group that mentions one.
#[derive(Clone, Debug)]
pub struct Constraint {
    /// One of them must match.
    groups: Vec<Group>,
}

#[derive(Clone, Debug)]
struct Group {
    /// All of them must match.
    comparators: Vec<Comparator>,
}

#[derive(Clone, Debug)]
struct Comparator {
    operator: Operator,
    /// Missing and wild numbers are 0.
    bound: Version,
    precision: Precision,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    /// None, or `=`.
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// How much of the bound is written out.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Precision {
    /// `*`
    Nothing,
    /// `1`, `1.x`
    Major,
    /// `1.2`, `1.2.x`
    Minor,
    /// `1.2.3`
    Full,
}

impl Constraint {
    /// Reads a range; `None` if it is not one. The empty text is none, nor is one of more than 1,024 bytes (the search
    /// for hyphens takes time by the square of the length).
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 1024 {
            return None;
        }
        let text = rewrite_hyphen_ranges(text);
        let groups = text.split("||").map(Group::parse).collect::<Option<_>>()?;
        Some(Self { groups })
    }

    /// True if `version` satisfies the range. Pre-releases satisfy only groups of comparators that mention one.
    pub fn matches(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| group.matches(version))
    }
}

impl Group {
    /// Comparators with white space or a comma between them.
    fn parse(text: &str) -> Option<Self> {
        let mut comparators = Vec::new();
        let mut rest = trim_start(text);
        loop {
            let (operator, after_operator) = Operator::strip_from(rest);
            let bound = Bound::at_start_of(trim_start(after_operator))?;
            comparators.push(Comparator::new(operator, &bound)?);
            let after_space = trim_start(bound.rest);
            if after_space.is_empty() {
                return Some(Self { comparators });
            }
            rest = match after_space.strip_prefix(',') {
                Some(after_comma) => trim_start(after_comma),
                None if after_space.len() < bound.rest.len() => after_space,
                None => return None,
            };
        }
    }

    fn matches(&self, version: &Version) -> bool {
        if version.is_prerelease()
            && !self
                .comparators
                .iter()
                .any(|comparator| comparator.bound.is_prerelease())
        {
            return false;
        }
        self.comparators
            .iter()
            .all(|comparator| comparator.matches(version))
    }
}

impl Operator {
    /// The operator that `text` begins with, and what follows it.
    fn strip_from(text: &str) -> (Self, &str) {
        const SPELLINGS: [(&str, Operator); 11] = [
            ("!=", Operator::NotEqual),
            (">=", Operator::GreaterOrEqual),
            ("=>", Operator::GreaterOrEqual),
            ("<=", Operator::LessOrEqual),
            ("=<", Operator::LessOrEqual),
            ("~>", Operator::Tilde),
            ("=", Operator::Equal),
            (">", Operator::Greater),
            ("<", Operator::Less),
            ("~", Operator::Tilde),
            ("^", Operator::Caret),
        ];
        let found = SPELLINGS
            .iter()
            .find_map(|(spelling, operator)| Some((*operator, text.strip_prefix(spelling)?)));
        found.unwrap_or((Operator::Equal, text))
    }
}

impl Comparator {
    fn new(operator: Operator, bound: &Bound<'_>) -> Option<Self> {
        let [major, minor, patch] = bound.numbers;
        let pre = bound.pre;
        let (precision, text) = match (major, minor, patch) {
            (Some(major), ..) if is_wild(major) => (Precision::Nothing, format!("0.0.0{pre}")),
            (Some(major), minor, _) if minor.is_none_or(is_wild) => {
                (Precision::Major, format!("{major}.0.0{pre}"))
            }
            (Some(major), Some(minor), patch) if patch.is_none_or(is_wild) => {
                (Precision::Minor, format!("{major}.{minor}.0{pre}"))
            }
            _ => (Precision::Full, bound.text.to_owned()),
        };
        Some(Self {
            operator,
            bound: Version::parse(&text)?,
            precision,
        })
    }

    /// Every arm is one rule of Masterminds/semver, its oddities included: `^*` and `<=*` do not mean "any".
    fn matches(&self, version: &Version) -> bool {
        let bound = &self.bound;
        let same_major = version.major == bound.major;
        let same_minor = version.minor == bound.minor;
        match (self.operator, self.precision) {
            (Operator::Equal, Precision::Full) => version == bound,
            (Operator::Equal, _) | (Operator::Tilde, _) => self.tilde(version),
            (Operator::NotEqual, Precision::Full | Precision::Nothing) => version != bound,
            (Operator::NotEqual, Precision::Major) => !same_major,
            (Operator::NotEqual, Precision::Minor) => {
                !same_major || !same_minor || version.pre != bound.pre
            }
            (Operator::Greater, Precision::Full | Precision::Nothing) => version > bound,
            (Operator::Greater, Precision::Major) => version.major > bound.major,
            (Operator::Greater, Precision::Minor) => {
                (version.major, version.minor) > (bound.major, bound.minor)
            }
            (Operator::Less, _) => version < bound,
            (Operator::GreaterOrEqual, _) => version >= bound,
            (Operator::LessOrEqual, Precision::Full) => version <= bound,
            (Operator::LessOrEqual, Precision::Major) => version.major <= bound.major,
            (Operator::LessOrEqual, Precision::Minor | Precision::Nothing) => {
                (version.major, version.minor) <= (bound.major, bound.minor)
            }
            (Operator::Caret, _) => self.caret(version),
        }
    }

    /// From the bound up, while what is written of major and minor stays; `~0.0.0` and `*` take all from the bound up.
    fn tilde(&self, version: &Version) -> bool {
        let bound = &self.bound;
        if version < bound {
            return false;
        }
        let is_zero = (bound.major, bound.minor, bound.patch) == (0, 0, 0);
        if is_zero && matches!(self.precision, Precision::Full | Precision::Nothing) {
            return true;
        }
        version.major == bound.major
            && (self.precision == Precision::Major || version.minor == bound.minor)
    }

    /// From the bound up, while the first number that is not 0 stays.
    fn caret(&self, version: &Version) -> bool {
        let bound = &self.bound;
        if version < bound || version.major != bound.major {
            return false;
        }
        if bound.major > 0 || self.precision == Precision::Major {
            return true;
        }
        if bound.minor > 0 || self.precision == Precision::Minor {
            return version.minor == bound.minor;
        }
        version.minor == 0 && version.patch == bound.patch
    }
}

/// A version with wild numbers as the grammar of constraints has it; whether it makes sense is not checked yet.
#[derive(Clone, Copy, Debug)]
struct Bound<'a> {
    /// All of it.
    text: &'a str,
    /// Digits or wild characters; the first is always there.
    numbers: [Option<&'a str>; 3],
    /// The pre-release with its `-`, or nothing.
    pre: &'a str,
    /// What follows it.
    rest: &'a str,
}

impl<'a> Bound<'a> {
    /// The longest one that `text` begins with.
    fn at_start_of(text: &'a str) -> Option<Self> {
        let rest = text.strip_prefix('v').unwrap_or(text);
        let (major, rest) = split_run(rest, is_number_or_wild)?;
        let (minor, rest) = strip_number(rest);
        let (patch, rest) = if minor.is_some() {
            strip_number(rest)
        } else {
            (None, rest)
        };
        let after_pre = strip_identifiers(rest, '-');
        let pre = &rest[..rest.len() - after_pre.len()];
        let rest = strip_identifiers(after_pre, '+');
        let text = &text[..text.len() - rest.len()];
        Some(Self {
            text,
            numbers: [Some(major), minor, patch],
            pre,
            rest,
        })
    }
}

/// A dot and a number, if `text` begins with them.
fn strip_number(text: &str) -> (Option<&str>, &str) {
    match text
        .strip_prefix('.')
        .and_then(|text| split_run(text, is_number_or_wild))
    {
        Some((number, rest)) => (Some(number), rest),
        None => (None, text),
    }
}

/// What follows `mark` and dot-separated identifiers; `text` itself if it does not begin with them.
fn strip_identifiers(text: &str, mark: char) -> &str {
    let is_identifier = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let Some((_, mut rest)) = text
        .strip_prefix(mark)
        .and_then(|text| split_run(text, is_identifier))
    else {
        return text;
    };
    while let Some((_, after)) = rest
        .strip_prefix('.')
        .and_then(|text| split_run(text, is_identifier))
    {
        rest = after;
    }
    rest
}

/// The longest run of wanted bytes at the start, if there is any, and what follows.
fn split_run(text: &str, wanted: impl Fn(u8) -> bool) -> Option<(&str, &str)> {
    let length = text
        .bytes()
        .position(|byte| !wanted(byte))
        .unwrap_or(text.len());
    (length > 0).then(|| text.split_at(length))
}

/// Masterminds' grammar has the bar in its character class by mistake; `1||2 - 3` depends on it.
fn is_number_or_wild(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'x' | b'X' | b'*' | b'|')
}

fn is_wild(number: &str) -> bool {
    matches!(number, "x" | "X" | "*")
}

/// White space as Go's regular expressions have it.
fn trim_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r', '\x0c'])
}

/// `A - B` becomes `>= A, <= B`, wherever it stands.
fn rewrite_hyphen_ranges(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match hyphen_range(trim_start(rest)) {
            Some((low, high, after)) => {
                out.push_str(&format!(">= {low}, <= {high} "));
                rest = after;
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    out
}

/// Both ends of the range that `text` begins with, and what follows it.
fn hyphen_range(text: &str) -> Option<(&str, &str, &str)> {
    let low = Bound::at_start_of(text)?;
    let hyphen = trim_start(low.rest);
    let after_hyphen = hyphen.strip_prefix('-')?;
    let high = trim_start(after_hyphen);
    if hyphen.len() == low.rest.len() || high.len() == after_hyphen.len() {
        return None;
    }
    let high = Bound::at_start_of(high)?;
    Some((low.text, high.text, trim_start(high.rest)))
}

#[cfg(test)]
mod tests;
