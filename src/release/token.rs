//! The proof in a revision of who made it, and from what.

use std::fmt;

use crate::component::spec_hash::SpecHash;

/// What the controller writes into the description of the revision that it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The operation's id.
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
        words.next().is_none().then_some(token)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "op={} hash={} gen={}",
            self.operation, self.hash, self.generation
        )
    }
}

/// The revision that `helm rollback` went back to, by the description that it writes.
pub fn rollback_target(description: &str) -> Option<i64> {
    description.strip_prefix("Rollback to ")?.parse().ok()
}
