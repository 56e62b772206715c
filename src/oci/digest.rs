//! Digests as OCI spells them: `sha256:` or `sha512:` and lower-case hex digits.

use std::fmt;

use sha2::{Digest as _, Sha256, Sha512};

use crate::chart::digest::Sha256Hex;

/// The algorithms that content may be named by here: what the image specification registers, without BLAKE3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Every client's.
    Sha256,
    /// Registered beside it.
    Sha512,
}

impl Algorithm {
    /// Its name before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The algorithm of this name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    fn hex_digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// What content is called: the hash of its bytes. The text is known to be lower-case hex of the right length, so it can
/// be part of a file's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    hex: Box<str>,
}

/// The text is no digest, or one of an algorithm that is not served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is no digest that is served here: write sha256: and 64, or sha512: and 128 lower-case hex digits"
)]
pub struct InvalidDigest(pub String);

impl Digest {
    /// Reads `sha256:…` or `sha512:…`.
    ///
    /// # Errors
    /// Anything else, upper-case digits among it: two spellings would be two names of one content.
    pub fn parse(text: &str) -> Result<Self, InvalidDigest> {
        let parsed = text.split_once(':').and_then(|(name, hex)| {
            let algorithm = Algorithm::parse(name)?;
            let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let is_whole = hex.len() == algorithm.hex_digits() && hex.bytes().all(is_hex);
            is_whole.then(|| Self {
                algorithm,
                hex: hex.into(),
            })
        });
        parsed.ok_or_else(|| InvalidDigest(text.chars().take(160).collect()))
    }

    /// The digest of `bytes`.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its hex digits.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// The same as the index of a chart repository has it; `None` for another algorithm than SHA-256.
    pub fn as_package(&self) -> Option<Sha256Hex> {
        match self.algorithm {
            Algorithm::Sha256 => Sha256Hex::parse(&self.hex),
            Algorithm::Sha512 => None,
        }
    }
}

impl From<Sha256Hex> for Digest {
    fn from(digest: Sha256Hex) -> Self {
        Self {
            algorithm: Algorithm::Sha256,
            hex: digest.to_string().into(),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), self.hex)
    }
}

/// A digest being computed piece by piece.
#[derive(Clone)]
pub enum Hasher {
    /// With SHA-256.
    Sha256(Sha256),
    /// With SHA-512.
    Sha512(Sha512),
}

impl Hasher {
    /// Of no bytes yet.
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    /// The digest of all bytes so far.
    pub fn finish(self) -> Digest {
        let (algorithm, hex) = match self {
            Self::Sha256(state) => (Algorithm::Sha256, hex(&state.finalize())),
            Self::Sha512(state) => (Algorithm::Sha512, hex(&state.finalize())),
        };
        Digest {
            algorithm,
            hex: hex.into(),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256(_) => "Hasher::Sha256",
            Self::Sha512(_) => "Hasher::Sha512",
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(out, "{byte:02x}").expect("a string takes everything");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_content_has_one_spelling_for_each_algorithm() {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = Digest::of(algorithm, b"x");
            assert_eq!(Digest::parse(&digest.to_string()), Ok(digest.clone()));
            let upper = format!("{}:{}", algorithm.name(), digest.hex().to_uppercase());
            for other in [
                &upper,
                digest.hex(),
                &digest.to_string()[..20],
                &format!("{digest}0"),
                &format!("blake3:{}", digest.hex()),
                "sha256:totallywrong",
                "sha256:",
                "",
            ] {
                assert!(Digest::parse(other).is_err(), "{other}");
            }
        }
    }

    #[test]
    fn the_index_of_charts_has_the_same_digest() {
        let digest = Digest::of(Algorithm::Sha256, b"x");
        assert_eq!(digest.as_package(), Some(Sha256Hex::of(b"x")));
        assert_eq!(Digest::from(Sha256Hex::of(b"x")), digest);
        assert_eq!(Digest::of(Algorithm::Sha512, b"x").as_package(), None);
    }
}
