//! Documents of a manifest that nobody can read, and what can be said of them all the same.

use std::fmt;

use crate::yaml::{Division, YamlError};

/// A document of a manifest that is no object that can be told.
///
/// It displays as a sentence for people: which document, which object as far as is known, where and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Unreadable {
    /// Which document, from 1.
    pub document: usize,
    /// The template that it came from, such as `web/templates/service.yaml`: Helm notes it in a comment.
    pub template: Option<String>,
    /// What it seems to be, such as `Service web`, by the lines that look so.
    pub object: Option<String>,
    /// The line of the manifest where the trouble was noticed, from 1; its first line if that is not known.
    pub line: usize,
    /// What is wrong, such as `did not find expected key`.
    pub reason: String,
}

impl Unreadable {
    /// One that is not YAML, or too much of it.
    pub(super) fn of(text: &str, document: &Division, number: usize, error: &YamlError) -> Self {
        let reason = match error {
            YamlError::Syntax { problem, .. } => problem.clone(),
            YamlError::TooManyNodes { .. } | YamlError::TooDeep { .. } => error.to_string(),
        };
        let line = error.line();
        Self {
            line: line.unwrap_or(document.lines_before + 1),
            ..Self::new(text, document, number, reason)
        }
    }

    /// One that lacks what every object has.
    pub(super) fn incomplete(text: &str, document: &Division, number: usize, lacks: &str) -> Self {
        Self::new(text, document, number, format!("it has no {lacks}"))
    }

    fn new(text: &str, document: &Division, number: usize, reason: String) -> Self {
        let content = &text[document.content.clone()];
        let mut lines = content.lines();
        Self {
            document: number,
            template: lines
                .find_map(|line| line.strip_prefix("# Source: "))
                .map(|path| path.trim_end().to_owned()),
            object: seeming_object(content),
            line: document.lines_before + 1,
            reason,
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document {} of the release's manifest", self.document)?;
        match (&self.object, &self.template) {
            (Some(object), Some(template)) => write!(f, " ({object}, from {template})")?,
            (Some(known), None) | (None, Some(known)) => write!(f, " ({known})")?,
            (None, None) => {}
        }
        write!(f, " cannot be read: line {}: {}", self.line, self.reason)
    }
}

/// The object whose `kind` and `metadata.name` stand in lines of their own, as nearly every template has them.
fn seeming_object(content: &str) -> Option<String> {
    let value = |line: &str, key: &str| {
        let value = line.strip_prefix(key)?.split(" #").next()?.trim();
        let value = value.trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    };
    let kind = content.lines().find_map(|line| value(line, "kind:"))?;
    let mut metadata = content
        .lines()
        .skip_while(|line| line.trim_end() != "metadata:")
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .peekable();
    // fields of metadata, not of its labels
    let indent = (metadata.peek()).map_or(0, |line| line.len() - line.trim_start().len());
    let name = metadata.find_map(|line| value(line.get(indent..)?, "name:"));
    Some(name.map_or_else(|| kind.clone(), |name| format!("{kind} {name}")))
}
