//! Texts of several documents, divided as Helm and kubectl divide them.
//!
//! Both divide before anything is YAML: at every line that begins with `---`, wherever it stands, and of each part they
//! read the first document. Source: `YAMLReader` in k8s.io/apimachinery v0.37, pkg/util/yaml.

use std::ops::Range;

use crate::yaml::walk::{self, Node};
use crate::yaml::{Limits, Yaml, YamlError, reader};

/// A document of a text, as it stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division {
    /// All of it, in bytes, with the line that opens it. Together the documents are all of the text.
    pub whole: Range<usize>,
    /// What follows the line that opens it, and is read. A line of dashes with nothing before it is part of it.
    pub content: Range<usize>,
    /// How many lines of the text come before what is read.
    pub lines_before: usize,
    /// What stands behind the `---` that opens it, where only a comment may be.
    misplaced: Option<String>,
}

impl Division {
    /// Reads it, and takes what it costs from `limits`. Lines in errors count from its own first.
    pub(super) fn read<N: Node>(&self, text: &[u8], limits: &mut Limits) -> Result<N, YamlError> {
        if let Some(misplaced) = &self.misplaced {
            let problem = format!("invalid Yaml document separator: {misplaced}");
            // the line above what is read
            return Err(YamlError::syntax(problem).at_line(0));
        }
        let text = &text[self.content.clone()];
        // as there: a text ends with a line end, also one in UTF-16
        let mut ended;
        let text = if text.ends_with(b"\n") {
            text
        } else {
            ended = text.to_vec();
            ended.push(b'\n');
            &ended
        };
        let read = walk::walk_within(&reader::read(text)?, limits);
        if matches!(read, Err(YamlError::TooManyNodes { .. })) {
            limits.nodes = 0;
        }
        read
    }

    /// Reads it as [`parse`](crate::yaml::parse) does, and takes what it costs from `limits`. `text` is all of the text.
    ///
    /// # Errors
    /// As [`parse`](crate::yaml::parse), with the line of the whole text, and something but a comment behind the `---`
    /// that opens it.
    pub fn parse(&self, text: &[u8], limits: &mut Limits) -> Result<Yaml, YamlError> {
        let read = self.read(text, limits);
        read.map_err(|error| error.further_down(self.lines_before))
    }
}

/// The documents of `text`; what stands before the first `---` is one if there is anything.
pub fn divide(text: &[u8]) -> Vec<Division> {
    let mut documents = Vec::new();
    let mut open = Division::opened(0..0, 0, None);
    let mut at = 0;
    for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let next = at + line.len();
        if let Some(behind) = line.strip_prefix(b"---") {
            let behind = String::from_utf8_lossy(behind);
            let behind = behind.trim();
            let is_misplaced = !behind.is_empty() && !behind.starts_with('#');
            let has_content = at > open.content.start || open.misplaced.is_some();
            if has_content || is_misplaced {
                open.end(at);
                if at > open.whole.start {
                    documents.push(open);
                }
                let misplaced = is_misplaced.then(|| behind.to_owned());
                open = Division::opened(at..next, number + 1, misplaced);
            }
        }
        at = next;
    }
    open.end(at);
    if !open.content.is_empty() || open.misplaced.is_some() {
        documents.push(open);
    } else if let Some(last) = documents.last_mut() {
        // a line of dashes at the end opens nothing
        last.whole.end = at;
    }
    documents
}

impl Division {
    fn opened(opening: Range<usize>, lines_before: usize, misplaced: Option<String>) -> Self {
        Self {
            content: opening.end..opening.end,
            whole: opening,
            lines_before,
            misplaced,
        }
    }

    fn end(&mut self, at: usize) {
        self.whole.end = at;
        self.content.end = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What opens each document, and its content.
    fn divided(text: &str) -> Vec<(&str, &str)> {
        let documents = divide(text.as_bytes());
        let mut end = 0;
        for document in &documents {
            assert_eq!(document.whole.start, end, "{text:?}");
            let lines = text[..document.content.start].matches('\n').count();
            assert_eq!(document.lines_before, lines, "{text:?}");
            end = document.whole.end;
        }
        assert!(documents.is_empty() || end == text.len(), "{text:?}");
        let parts = documents.into_iter().map(|document| {
            let opening = &text[document.whole.start..document.content.start];
            (opening, &text[document.content])
        });
        parts.collect()
    }

    #[test]
    fn documents_begin_behind_lines_of_dashes() {
        for (text, documents) in [
            ("", vec![]),
            ("a: 1", vec![("", "a: 1")]),
            ("a\n---\nb\n", vec![("", "a\n"), ("---\n", "b\n")]),
            ("a\n---\n", vec![("", "a\n")]),
            ("---\na\n---", vec![("", "---\na\n")]),
            ("---\n---\na\n", vec![("", "---\n"), ("---\n", "a\n")]),
            ("a\n---\n---\nb\n", vec![("", "a\n"), ("---\n", "---\nb\n")]),
            (
                "a\r\n--- # more\r\nb",
                vec![("", "a\r\n"), ("--- # more\r\n", "b")],
            ),
            (
                "a: |\n  ---\n x: ---\n",
                vec![("", "a: |\n  ---\n x: ---\n")],
            ),
            (
                "a\n--- b\nc\n---\nd",
                vec![("", "a\n"), ("--- b\n", "c\n"), ("---\n", "d")],
            ),
        ] {
            assert_eq!(divided(text), documents, "{text:?}");
        }
    }
}
