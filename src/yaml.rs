//! YAML as Helm's chart loader reads it: bytes in, a tree with YAML 1.1 scalars out.
//!
//! The parser is YAML 1.2's; typing, merge keys and keys as strings are those of go-yaml v2 under `sigs.k8s.io/yaml`.

pub mod block;
mod float;
mod input;
mod json;
mod places;
mod scalar;
mod shape;
mod tree;
mod walk;

use std::collections::BTreeMap;

pub use float::go_float_text;
pub use places::{DocumentPlace, ScalarPlace, places};

/// A parsed YAML node. Mapping keys are already strings, as JSON needs them; of duplicate keys the last one wins.
#[derive(Clone, Debug, PartialEq)]
pub enum Yaml {
    /// `null`, `~` or nothing at all.
    Null,
    /// A plain scalar that YAML 1.1 reads as a boolean (`yes`, `off`, `true`, …).
    Bool(bool),
    /// A plain scalar that YAML 1.1 reads as an integer that fits.
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint(u64),
    /// A plain scalar that YAML 1.1 reads as a float.
    Float(f64),
    /// Everything else, and every quoted scalar.
    String(String),
    /// A sequence.
    Sequence(Vec<Yaml>),
    /// A mapping.
    Mapping(BTreeMap<String, Yaml>),
}

/// What a document may cost. The defaults suit a chart's own files.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nodes (scalars, sequences, mappings; aliases count as what they repeat, anchored and merged nodes twice, and of
    /// what is repeated every 64 bytes of a text count as one more). Also bounds the memory: a node takes some 60 to 300
    /// bytes while it is read.
    pub nodes: usize,
    /// Levels of nesting. Flow collections (`[…]`, `{…}`) nest 255 levels at most, whatever this says.
    pub depth: usize,
}

impl Default for Limits {
    /// 200,000 nodes, 200 levels: ten times the largest `values.yaml` in the field, and under 100 MB at worst.
    fn default() -> Self {
        Self {
            nodes: 200_000,
            depth: 200,
        }
    }
}

/// Why a text is not usable as YAML.
#[derive(Debug, thiserror::Error)]
pub enum YamlError {
    /// The text breaks YAML's grammar, or go-yaml's rules for keys, tags and merges.
    #[error("yaml: {0}")]
    Syntax(String),
    /// More nodes than [`Limits::nodes`], or a flow collection of so many that it is not read to its end.
    #[error("yaml: document has more than {limit} nodes")]
    TooManyNodes {
        /// [`Limits::nodes`].
        limit: usize,
    },
    /// Deeper nesting than [`Limits::depth`].
    #[error("yaml: document is nested more than {limit} levels deep")]
    TooDeep {
        /// [`Limits::depth`].
        limit: usize,
    },
}

/// Reads the first document of `text` with go-yaml v2's typing, the way `sigs.k8s.io/yaml` does for Helm.
///
/// No document at all is [`Yaml::Null`]. Merge keys (`<<`) apply where they stand: what follows overrides them, as in
/// go-yaml v2. The text is UTF-8; a byte-order mark is skipped.
///
/// # Errors
/// Broken grammar, invalid UTF-8, control characters, a key that is null or a collection, a tag that its content
/// contradicts, or more than `limits` allow.
pub fn parse(text: &[u8], limits: Limits) -> Result<Yaml, YamlError> {
    walk::walk(decode(text)?, limits)
}

/// Reads all documents of `text`, each as [`parse`] reads the first; one without content is [`Yaml::Null`].
///
/// `limits` are for all documents together. Anchors are known within their document only.
///
/// # Errors
/// As [`parse`], for any of the documents.
pub fn parse_all(text: &[u8], limits: Limits) -> Result<Vec<Yaml>, YamlError> {
    walk::walk_all(decode(text)?, limits)
}

/// Reads `text` only to see that it is sound; true if its root is a mapping or null. Keeps no tree.
///
/// # Errors
/// As [`parse`], and floats that JSON cannot hold (`.nan`, `.inf`), which Helm refuses in values.
pub fn is_mapping(text: &[u8], limits: Limits) -> Result<bool, YamlError> {
    let root: shape::Shape = walk::walk(decode(text)?, limits)?;
    Ok(matches!(root, shape::Shape::Mapping | shape::Shape::Null))
}

/// The text without its byte-order mark, if it has only characters that go-yaml's reader takes.
fn decode(text: &[u8]) -> Result<&str, YamlError> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let text = str::from_utf8(text).map_err(|_| YamlError::Syntax("invalid UTF-8".to_owned()))?;
    let forbidden = |byte: &u8| matches!(byte, 0..=8 | 0xb | 0xc | 0xe..=0x1f | 0x7f);
    if text.as_bytes().iter().any(forbidden) {
        return Err(YamlError::Syntax(
            "control characters are not allowed".to_owned(),
        ));
    }
    Ok(text)
}

impl Yaml {
    /// The text of a string; `None` for anything else, numbers included.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The fields of a mapping.
    pub fn as_mapping(&self) -> Option<&BTreeMap<String, Yaml>> {
        match self {
            Self::Mapping(fields) => Some(fields),
            _ => None,
        }
    }

    /// The items of a sequence.
    pub fn as_sequence(&self) -> Option<&[Yaml]> {
        match self {
            Self::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// The value under `key`, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Yaml> {
        self.as_mapping()?.get(key)
    }

    /// True for [`Yaml::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

#[cfg(test)]
mod tests;
