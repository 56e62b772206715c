//! Provenance files (`.prov`): what they say they sign.

/// The chart that a provenance file is about (contract section 2.4). Nothing of the signature is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// Text of the first `name:` line, as written.
    pub name: String,
    /// Text of the first `version:` line, as written.
    pub version: String,
}

/// The bytes are not a provenance file.
#[derive(Debug, thiserror::Error)]
#[error("invalid provenance file")]
pub struct InvalidProvenance;

impl Provenance {
    /// Reads a provenance file.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidProvenance> {
        let _ = bytes;
        todo!()
    }
}
