//! `values.yaml`, which may hold several documents.

use std::collections::BTreeMap;

use crate::yaml::shape::Shape;
use crate::yaml::walk::{self, Node};
use crate::yaml::{Limits, Yaml, YamlError, reader};

/// Reads a chart's values as Helm 4 does: all documents are laid over each other, mappings field by field. (Helm 3 reads
/// the first and nothing else.) Values that are empty are an empty mapping.
///
/// Helm 4 divides the text before it is YAML: at every line that begins with `---`, wherever it stands.
///
/// # Errors
/// As [`parse`](crate::yaml::parse) for any document; one that is neither a mapping nor null; or a line with something
/// but a comment behind its `---`.
pub fn values(text: &[u8], limits: Limits) -> Result<Yaml, YamlError> {
    let mut values = BTreeMap::new();
    each_document(text, limits, |document| match document {
        Yaml::Null => Ok(()),
        Yaml::Mapping(fields) => {
            lay_over(&mut values, fields);
            Ok(())
        }
        _ => Err(not_a_mapping()),
    })?;
    Ok(Yaml::Mapping(values))
}

/// Reads `text` only to see that [`values`] takes it, and that JSON holds all of its floats. Keeps no tree.
///
/// # Errors
/// As [`values`], and as [`is_mapping`](crate::yaml::is_mapping); `Ok(false)` for a document that is no mapping.
pub fn are_values(text: &[u8], limits: Limits) -> Result<bool, YamlError> {
    let mut are_mappings = true;
    each_document(text, limits, |document: Shape| {
        are_mappings &= matches!(document, Shape::Mapping | Shape::Null);
        Ok(())
    })?;
    Ok(are_mappings)
}

fn not_a_mapping() -> YamlError {
    YamlError::syntax("values must be a mapping")
}

fn each_document<N: Node>(
    text: &[u8],
    mut limits: Limits,
    mut take: impl FnMut(N) -> Result<(), YamlError>,
) -> Result<(), YamlError> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    for document in divide(text)? {
        let at = document.first_line;
        // as Helm: a text ends with a line end, also one in UTF-16
        let mut owned;
        let bytes = if document.text.ends_with(b"\n") {
            document.text
        } else {
            owned = document.text.to_vec();
            owned.push(b'\n');
            &owned
        };
        let read = reader::read(bytes)
            .and_then(|text| walk::walk_within(&text, &mut limits))
            .and_then(&mut take);
        read.map_err(|error| error.further_down(at))?;
    }
    Ok(())
}

/// A document before it is YAML.
struct Document<'a> {
    text: &'a [u8],
    /// How many lines there are before it.
    first_line: usize,
}

/// Divides at the lines that begin with `---`. One that has nothing before it is part of the document after it.
fn divide(text: &[u8]) -> Result<Vec<Document<'_>>, YamlError> {
    let mut documents = Vec::new();
    let (mut start, mut first_line) = (0, 0);
    let mut at = 0;
    for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let next = at + line.len();
        if let Some(behind) = line.strip_prefix(b"---") {
            let behind = String::from_utf8_lossy(behind);
            let behind = behind.trim();
            if !behind.is_empty() && !behind.starts_with('#') {
                let problem = format!("invalid Yaml document separator: {behind}");
                return Err(YamlError::syntax(problem).at_line(number + 1));
            }
            if at > start {
                let text = &text[start..at];
                documents.push(Document { text, first_line });
                (start, first_line) = (next, number + 1);
            }
        }
        at = next;
    }
    if text.len() > start {
        let text = &text[start..];
        documents.push(Document { text, first_line });
    }
    Ok(documents)
}

fn lay_over(values: &mut BTreeMap<String, Yaml>, more: BTreeMap<String, Yaml>) {
    for (key, value) in more {
        match (values.get_mut(&key), value) {
            (Some(Yaml::Mapping(below)), Yaml::Mapping(above)) => lay_over(below, above),
            (_, value) => {
                values.insert(key, value);
            }
        }
    }
}
