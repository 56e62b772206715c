//! YAML as Helm's chart loader reads it: bytes in, a tree with YAML 1.1 scalars out.
//!
//! Helm reads through `sigs.k8s.io/yaml`, which is go-yaml v2: a port of libyaml with rules of its own (`?` ends a word
//! in a flow collection, `[a:,b]` is two words, `\/` is no escape). What it takes is taken here, and what it refuses is
//! refused in its words, so this room has a scanner and a parser of its own. `libyaml-safer` 0.1.1, libyaml in safe Rust,
//! differs in these rules, panics on some texts (`[!a,b]`) and takes time that grows with the square of the nesting.
//!
//! Bytes pass through `reader`, `scanner`, `parser` and `walk`, in this order.

pub mod block;
mod cursor;
mod documents;
mod escaped;
mod float;
mod json;
mod parser;
mod places;
mod reader;
mod scalar;
mod scanner;
mod shape;
mod token;
mod tree;
mod values;
mod walk;

use std::collections::BTreeMap;

pub use documents::{Division, divide};
pub use escaped::escaped;
pub use float::go_float_text;
pub use places::{ScalarPlace, places};
pub use values::{are_values, values};

use shape::Shape;
use token::Fault;

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
    /// Levels of nesting.
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
    #[error("yaml: {}{problem}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
    Syntax {
        /// Where it was noticed, from 1.
        line: Option<usize>,
        /// What is wrong, in go-yaml's words where it has some.
        problem: String,
    },
    /// More nodes than [`Limits::nodes`].
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

impl YamlError {
    fn syntax(problem: impl Into<String>) -> Self {
        Self::Syntax {
            line: None,
            problem: problem.into(),
        }
    }

    /// Says where, unless that is known.
    fn at_line(mut self, noticed: usize) -> Self {
        if let Self::Syntax { line, .. } = &mut self {
            line.get_or_insert(noticed);
        }
        self
    }

    /// The same of a text that begins so many lines further down in another one.
    pub(crate) fn further_down(mut self, lines: usize) -> Self {
        if let Self::Syntax {
            line: Some(line), ..
        } = &mut self
        {
            *line += lines;
        }
        self
    }

    /// The line where it was noticed, from 1.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Syntax { line, .. } => *line,
            Self::TooManyNodes { .. } | Self::TooDeep { .. } => None,
        }
    }
}

impl From<Fault> for YamlError {
    fn from(fault: Fault) -> Self {
        Self::syntax(fault.problem).at_line(fault.mark.line + 1)
    }
}

/// Reads the first document of `text` with go-yaml v2's typing, the way `sigs.k8s.io/yaml` does for Helm.
///
/// No document at all is [`Yaml::Null`]. Merge keys (`<<`) apply where they stand: what follows overrides them, as in
/// go-yaml v2. The text is UTF-8, or UTF-16 with a byte-order mark.
///
/// # Errors
/// Broken grammar, another encoding, control characters, a key that is null or a collection, a tag that its content
/// contradicts, or more than `limits` allow.
pub fn parse(text: &[u8], limits: Limits) -> Result<Yaml, YamlError> {
    walk::walk(&reader::read(text)?, limits)
}

/// Reads the first document as [`parse`] does, but for the mapping under `field` of its root: its fields go to `take` as
/// they come, and are not kept. So a large document costs no more than the largest of them.
///
/// `limits.nodes` are for each of them; all together may have one for every four bytes of text, which no document without
/// aliases exceeds by far.
///
/// # Errors
/// As [`parse`]; some fields may have been taken by then.
pub fn parse_each(
    text: &[u8],
    limits: Limits,
    field: &str,
    take: &mut dyn FnMut(String, Yaml),
) -> Result<Yaml, YamlError> {
    let text = reader::read(text)?;
    let mut all = Limits {
        nodes: text.len() / 4 + limits.nodes,
        ..limits
    };
    let taker = walk::Taker {
        is_it: &|key: &String| key == field,
        take: &mut *take,
        drain: |fields, take| {
            for (key, value) in std::mem::take(fields) {
                take(key, value);
            }
        },
        most: limits.nodes,
    };
    let mut root: Yaml = walk::walk_taking(&text, &mut all, Some(taker))?;
    // where it is an alias, or may be repeated, it was kept
    if let Yaml::Mapping(fields) = &mut root
        && let Some(Yaml::Mapping(rest)) = fields.get_mut(field)
    {
        for (key, value) in std::mem::take(rest) {
            take(key, value);
        }
    }
    Ok(root)
}

/// Reads all documents of `text` as Helm and kubectl do: [`divide`] finds them, and each is read as by [`parse`]. One
/// without content is [`Yaml::Null`].
///
/// `limits` are for all documents together. Anchors are known within their document only.
///
/// # Errors
/// As [`parse`], for any of the documents, and something but a comment behind the `---` that opens one.
pub fn parse_all(text: &[u8], mut limits: Limits) -> Result<Vec<Yaml>, YamlError> {
    let text = reader::without_mark(text);
    let documents = divide(text).into_iter();
    let read = documents.map(|document| document.parse(text, &mut limits));
    read.collect()
}

/// Reads `text` only to see that it is sound; true if its root is a mapping or null. Keeps no tree.
///
/// # Errors
/// As [`parse`], and floats that JSON cannot hold (`.nan`, `.inf`), which Helm refuses in values.
pub fn is_mapping(text: &[u8], limits: Limits) -> Result<bool, YamlError> {
    let root: Shape = walk::walk(&reader::read(text)?, limits)?;
    Ok(matches!(root, Shape::Mapping | Shape::Null))
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
