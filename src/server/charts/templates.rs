//! The templates of a package in base64, and its values (docs/chartmuseum.md 3.6), as one JSON object.

use std::io::{self, Read as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::file::read_mark;
use crate::chart::archive::{ArchiveError, Limits};
use crate::listener::Source;
use crate::server::charts::package::{Extract, Outline, PackageFiles};
use crate::yaml;

/// A larger `values.yaml` is not turned into JSON.
const VALUES_LIMITS: yaml::Limits = yaml::Limits {
    nodes: 200_000,
    depth: 100,
};

const BEGIN: &str = r#"{"templates":["#;
const NO_TEMPLATES: &str = r#"{"templates":null"#;
const BEFORE_DATA: &str = r#"{"data":""#;
const BEFORE_NAME: &str = r#"","name":"#;
const BEFORE_VALUES: &str = r#","values":"#;

/// All templates, and the values.
pub(super) struct TemplatesAndValues;

/// The object being written.
pub(super) struct TemplatesJson {
    files: PackageFiles,
    next: Next,
    has_templates: bool,
    values: Bytes,
}

/// What comes next.
enum Next {
    Begin,
    /// A template, if there is another; true for the first.
    Template(bool),
    /// More of the current template, whose path this is.
    Data(String),
    /// What is behind the templates, from this byte of the values on.
    Values(usize),
    End,
}

impl Extract for TemplatesAndValues {
    type Answer = TemplatesJson;

    fn look(
        &self,
        mut files: PackageFiles,
        limits: &Limits,
    ) -> Result<Option<Outline<TemplatesJson>>, ArchiveError> {
        let mut left = limits.templates;
        let (mut templates, mut len, mut values) = (0_u64, 0, None);
        while let Some((path, size)) = files.next_file()? {
            let is_values = path == "values.yaml";
            if !is_values && !is_template(&path) {
                continue;
            }
            left = left
                .checked_sub(size)
                .ok_or(ArchiveError::TemplatesTooLarge(limits.templates))?;
            let mark = read_mark(&mut files)?;
            if is_values {
                let mut text = mark.rest().to_vec();
                files
                    .read_to_end(&mut text)
                    .map_err(|error| ArchiveError::Corrupt(error.to_string()))?;
                values = Some(text);
            } else {
                let data = (size - mark.len() as u64).div_ceil(3) * 4;
                let frame = BEFORE_DATA.len() + BEFORE_NAME.len() + name_of(&path).len() + 1;
                len += data + frame as u64;
                templates += 1;
            }
        }
        let values: Bytes = values_as_json(values).into();
        let frame = match templates {
            0 => NO_TEMPLATES.len(),
            _ => BEGIN.len() + 1,
        };
        let len = len
            + templates.saturating_sub(1)
            + (frame + BEFORE_VALUES.len() + values.len() + 1) as u64;
        Ok(Some(Outline {
            len,
            kept: values.len(),
            is_text: true,
            answer: Box::new(move |files| TemplatesJson {
                files,
                next: Next::Begin,
                has_templates: templates > 0,
                values,
            }),
        }))
    }
}

fn is_template(path: &str) -> bool {
    path.starts_with("templates/")
}

fn name_of(path: &str) -> String {
    Value::from(path).to_string()
}

fn values_as_json(text: Option<Vec<u8>>) -> String {
    let values = match text {
        None => Value::Null,
        // one that cannot be shown as JSON was refused at upload
        Some(text) => {
            yaml::values(&text, VALUES_LIMITS).map_or_else(|_| json!({}), |values| values.to_json())
        }
    };
    values.to_string()
}

impl Source for TemplatesJson {
    fn next(&mut self, room: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(room);
        // a step needs room for a few bytes of data, or goes beyond it for a name
        while out.len() + 4 <= room.max(4) && !matches!(self.next, Next::End) {
            self.step(&mut out, room).map_err(io::Error::other)?;
        }
        Ok(out)
    }
}

impl TemplatesJson {
    fn step(&mut self, out: &mut Vec<u8>, room: usize) -> Result<(), ArchiveError> {
        self.next = match std::mem::replace(&mut self.next, Next::End) {
            Next::Begin if self.has_templates => {
                out.extend_from_slice(BEGIN.as_bytes());
                Next::Template(true)
            }
            Next::Begin => {
                out.extend_from_slice(NO_TEMPLATES.as_bytes());
                out.extend_from_slice(BEFORE_VALUES.as_bytes());
                Next::Values(0)
            }
            Next::Template(is_first) => self.template(out, is_first)?,
            Next::Data(path) => self.data(out, room, path)?,
            Next::Values(at) => {
                let rest = &self.values[at..];
                let part = rest.len().min(room.saturating_sub(out.len()).max(1));
                out.extend_from_slice(&rest[..part]);
                if part < rest.len() {
                    Next::Values(at + part)
                } else {
                    out.push(b'}');
                    Next::End
                }
            }
            Next::End => Next::End,
        };
        Ok(())
    }

    /// Begins the next template, or ends the list.
    fn template(&mut self, out: &mut Vec<u8>, is_first: bool) -> Result<Next, ArchiveError> {
        while let Some((path, _)) = self.files.next_file()? {
            if !is_template(&path) {
                continue;
            }
            if !is_first {
                out.push(b',');
            }
            out.extend_from_slice(BEFORE_DATA.as_bytes());
            let mark = read_mark(&mut self.files)?;
            // three bytes, or all there are: they encode without a rest
            push_base64(out, mark.rest());
            return Ok(if mark.rest().len() % 3 == 0 {
                Next::Data(path)
            } else {
                end_template(out, &path)
            });
        }
        out.push(b']');
        out.extend_from_slice(BEFORE_VALUES.as_bytes());
        Ok(Next::Values(0))
    }

    /// Writes as much of a template as there is room for.
    fn data(&mut self, out: &mut Vec<u8>, room: usize, path: String) -> Result<Next, ArchiveError> {
        let wanted = (room.saturating_sub(out.len()) / 4).max(1) * 3;
        let mut data = vec![0; wanted.min(24 * 1024)];
        let read = self.files.fill(&mut data)?;
        push_base64(out, &data[..read]);
        Ok(if read < data.len() {
            end_template(out, &path)
        } else {
            Next::Data(path)
        })
    }
}

fn end_template(out: &mut Vec<u8>, path: &str) -> Next {
    out.extend_from_slice(BEFORE_NAME.as_bytes());
    out.extend_from_slice(name_of(path).as_bytes());
    out.push(b'}');
    Next::Template(false)
}

fn push_base64(out: &mut Vec<u8>, data: &[u8]) {
    let at = out.len();
    out.resize(at + data.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(data, &mut out[at..]);
    out.truncate(at + written.expect("there is room for it"));
}

#[cfg(test)]
mod tests;
