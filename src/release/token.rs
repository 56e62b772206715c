//! The proof in a release's description that a revision is ours (docs/components.md 5.2).

use std::fmt;

use crate::component::spec_hash::SpecHash;

/// The description that the controller gives to a revision that it makes.
///
/// Helm replaces the description by the error when the operation fails, and never passes it on to later revisions. It
/// displays as `op=<id> hash=<64 hex digits> gen=<number>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The operation's id, without white space.
    pub operation: String,
    /// The hash of what was installed.
    pub hash: SpecHash,
    /// The generation of the Component's spec.
    pub generation: i64,
}

impl Token {
    /// The token that a description consists of; `None` for any other description.
    pub fn parse(description: &str) -> Option<Self> {
        let mut words = description.split(' ');
        let operation = words.next()?.strip_prefix("op=")?;
        let hash = words.next()?.strip_prefix("hash=")?;
        let generation = words.next()?.strip_prefix("gen=")?;
        let token = Self {
            operation: operation.to_owned(),
            hash: SpecHash::parse(hash)?,
            generation: generation.parse().ok()?,
        };
        (words.next().is_none() && !operation.is_empty()).then_some(token)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            operation,
            hash,
            generation,
        } = self;
        write!(f, "op={operation} hash={hash} gen={generation}")
    }
}

/// The revision that `helm rollback` went back to, by the description that it writes: `Rollback to 3`.
pub fn rollback_target(description: &str) -> Option<i64> {
    let revision = description.strip_prefix("Rollback to ")?;
    let is_plain = revision.bytes().all(|byte| byte.is_ascii_digit());
    revision
        .parse()
        .ok()
        .filter(|revision| is_plain && *revision > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn a_token_reads_back() {
        let token = Token {
            operation: "3f0e8a52-7a55-4f2b-9a0c-0b1f1a9c9d11".to_owned(),
            hash: SpecHash::parse(HASH).unwrap(),
            generation: 7,
        };
        let text = format!("op=3f0e8a52-7a55-4f2b-9a0c-0b1f1a9c9d11 hash={HASH} gen=7");
        assert_eq!(token.to_string(), text);
        assert_eq!(Token::parse(&text), Some(token));
    }

    #[test]
    fn only_a_whole_token_is_one() {
        let short = &HASH[..40];
        for description in [
            String::new(),
            "Upgrade complete".to_owned(),
            format!("op= hash={HASH} gen=1"),
            format!("op=a hash={short} gen=1"),
            format!("op=a hash={HASH}"),
            format!("op=a hash={HASH} gen="),
            format!("op=a hash={HASH} gen=x"),
            format!("op=a hash={HASH} gen=1 and more"),
            format!("Upgrade of op=a hash={HASH} gen=1"),
            format!("hash={HASH} op=a gen=1"),
        ] {
            assert_eq!(Token::parse(&description), None, "{description:?}");
        }
    }

    #[test]
    fn helm_says_where_a_rollback_went() {
        for (description, revision) in [
            ("Rollback to 3", Some(3)),
            ("Rollback to 120", Some(120)),
            ("Rollback to 0", None),
            ("Rollback to -1", None),
            ("Rollback to +1", None),
            ("Rollback to ", None),
            ("Rollback to 99999999999999999999", None),
            ("Rollback to 3 failed", None),
            ("Rollback \"web\" failed: timed out", None),
            ("Install complete", None),
        ] {
            assert_eq!(rollback_target(description), revision, "{description:?}");
        }
    }
}
