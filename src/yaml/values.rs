//! `values.yaml`, which may hold several documents.

use std::collections::BTreeMap;

use crate::yaml::documents::divide;
use crate::yaml::shape::Shape;
use crate::yaml::walk::Node;
use crate::yaml::{Limits, Yaml, YamlError, reader};

/// Reads a chart's values as Helm 4 does: all documents are laid over each other, mappings field by field. (Helm 3 reads
/// the first and nothing else.) Values that are empty are an empty mapping.
///
/// # Errors
/// As [`parse_all`](crate::yaml::parse_all), or a document that is neither a mapping nor null.
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
    let text = reader::without_mark(text);
    for document in divide(text) {
        let read = document.read(text, &mut limits).and_then(&mut take);
        read.map_err(|error| error.further_down(document.lines_before))?;
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &[u8]) -> Result<serde_json::Value, String> {
        let limits = Limits::default();
        let read = values(text, limits).map_err(|error| error.to_string())?;
        assert!(are_values(text, limits).unwrap_or_default(), "{text:?}");
        Ok(read.to_json())
    }

    #[test]
    fn all_documents_are_laid_over_each_other_as_helm_4_does() {
        let rows: [(&[u8], serde_json::Value); 12] = [
            (b"", json!({})),
            (b"# nothing\n", json!({})),
            (b"---\n---\n", json!({})),
            (b"a: 1", json!({"a": 1})),
            (
                b"sub: {enabled: false}\n---\nsub: {enabled: true}\n",
                json!({"sub": {"enabled": true}}),
            ),
            (
                b"a: {b: 1, c: {d: 1}}\n--- # more\na: {c: {e: 2}, f: [1]}\n---\na: {f: [2]}\n",
                json!({"a": {"b": 1, "c": {"d": 1, "e": 2}, "f": [2]}}),
            ),
            (b"a: {b: 1}\n---\na: null\n", json!({"a": null})),
            (b"a: 1\n---\na: {b: 2}\n", json!({"a": {"b": 2}})),
            (
                b"a: &x 1\r\n---\r\nb: &x 2\r\nc: *x\r\n",
                json!({"a": 1, "b": 2, "c": 2}),
            ),
            // what follows a document's end in YAML, but no line of dashes, is not read
            (b"a: 1\n...\nb: [\n---\nc: 3\n", json!({"a": 1, "c": 3})),
            (
                b"\xef\xbb\xbf---\na: 1\n---\nb: 2\n",
                json!({"a": 1, "b": 2}),
            ),
            // big endian: the text ends in the byte of a line end
            (b"\xfe\xff\0a\0:\0 \x001\0\n", json!({"a": 1})),
        ];
        for (text, expected) in rows {
            assert_eq!(
                read(text),
                Ok(expected),
                "{}",
                String::from_utf8_lossy(text)
            );
        }
    }

    #[test]
    fn what_helm_4_refuses_is_refused_with_its_reason_and_the_line() {
        for (text, reason) in [
            (
                "a: 1\n---\nb: [\n",
                "line 4: did not find expected node content",
            ),
            ("a: 1\n---\n- b\n", "values must be a mapping"),
            ("text", "values must be a mapping"),
            (
                "a: 1\n--- b: 2\n",
                "line 2: invalid Yaml document separator: b: 2",
            ),
            (
                "a: |\n  x\n-----\n",
                "line 3: invalid Yaml document separator: --",
            ),
            // the directive's document ends at the line of dashes
            (
                "%YAML 1.1\n---\na: 1\n",
                "line 2: did not find expected <document start>",
            ),
            (
                "a: 1\n---\nb: *x\n",
                "line 3: unknown anchor 'x' referenced",
            ),
        ] {
            let refusal = values(text.as_bytes(), Limits::default()).expect_err(text);
            assert_eq!(refusal.to_string(), format!("yaml: {reason}"), "{text}");
            assert!(
                !are_values(text.as_bytes(), Limits::default()).unwrap_or_default(),
                "{text}"
            );
        }
        // little endian: Helm 4 adds a line end of one byte
        let little_endian = b"\xff\xfea\0:\0 \x001\0\n\0";
        assert!(values(little_endian, Limits::default()).is_err());
    }

    #[test]
    fn the_documents_of_one_text_share_their_limits() {
        let limits = Limits { nodes: 6, depth: 5 };
        assert!(values(b"a: 1\n---\nb: 2\n", limits).is_ok());
        let limits = Limits { nodes: 5, depth: 5 };
        let refusal = values(b"a: 1\n---\nb: 2\n", limits).expect_err("six nodes");
        assert_eq!(refusal.to_string(), "yaml: document has more than 2 nodes");
        assert!(are_values(b"a: 1\n---\nb: 2\n", limits).is_err());
    }
}
