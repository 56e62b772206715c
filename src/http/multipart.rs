//! The form of an upload: a `multipart/form-data` body in, the first file of each wanted field out (contract section
//! 1.5 C).
//!
//! Read as it arrives, in chunks or with a length; what nobody wants is skipped, not kept.

mod parser;

use std::error::Error;

use bytes::Bytes;
use http_body::Body;
use http_body_util::BodyExt as _;
use hyper::header::HeaderValue;

use self::parser::{Parser, Piece};

/// The files of a form: for each wanted field its first part that has a file name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Form {
    files: Vec<(String, Bytes)>,
}

impl Form {
    /// The file in `field`, if there is one. It may be empty.
    pub fn file(&self, field: &str) -> Option<&Bytes> {
        self.files
            .iter()
            .find(|(name, _)| name == field)
            .map(|(_, file)| file)
    }
}

/// Why a form could not be read. A form that makes no sense is not an error but one without files.
#[derive(Debug, thiserror::Error)]
pub enum MultipartError<E> {
    /// The whole body is longer than allowed: 413.
    #[error("form is larger than {limit} bytes")]
    TooLarge {
        /// What is allowed.
        limit: u64,
    },
    /// The body broke off.
    #[error("cannot read the form")]
    Body(#[source] E),
}

/// True if an upload's body is a form: its media type is spelled exactly `multipart/form-data` up to the first `;` or
/// space. Everything else is the package itself.
pub fn is_form(content_type: Option<&HeaderValue>) -> bool {
    let essence = content_type.and_then(|value| {
        value
            .as_bytes()
            .split(|byte| matches!(byte, b';' | b' '))
            .next()
    });
    essence == Some(b"multipart/form-data")
}

/// Reads a form and keeps the first file of each of `fields`; a part is a file if it has a file name, whatever it is.
///
/// Without a boundary, or when the body does not follow the format to its end, there are no files.
///
/// # Errors
/// [`MultipartError`]: the body has more than `limit` bytes (exactly `limit` is fine), or fails.
pub async fn read_form<B>(
    content_type: &HeaderValue,
    body: B,
    limit: u64,
    fields: &[&str],
) -> Result<Form, MultipartError<B::Error>>
where
    B: Body<Data = Bytes>,
    B::Error: Error + 'static,
{
    let Some(boundary) = boundary(content_type) else {
        return Ok(Form::default());
    };
    if body.size_hint().lower() > limit {
        return Err(MultipartError::TooLarge { limit });
    }
    let mut body = std::pin::pin!(body);
    let mut parser = Parser::new(&boundary);
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut current = None;
    let mut received: u64 = 0;
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(MultipartError::Body)?.into_data() else {
            continue;
        };
        received += chunk.len() as u64;
        if received > limit {
            return Err(MultipartError::TooLarge { limit });
        }
        let sound = parser.push(&chunk, |piece| match piece {
            Piece::Part(part) => {
                let wanted = part.is_file && fields.contains(&part.name.as_str());
                let first = files.iter().all(|(name, _)| *name != part.name);
                current = (wanted && first).then(|| {
                    files.push((part.name, Vec::new()));
                    files.len() - 1
                });
            }
            Piece::Data(data) => {
                if let Some(at) = current {
                    files[at].1.extend_from_slice(data);
                }
            }
        });
        if sound.is_err() {
            return Ok(Form::default());
        }
    }
    if !parser.is_complete() {
        return Ok(Form::default());
    }
    let files = files
        .into_iter()
        .map(|(name, file)| (name, file.into()))
        .collect();
    Ok(Form { files })
}

/// The boundary parameter; `None` if there is none or it breaks RFC 2046 (1 to 70 characters).
fn boundary(content_type: &HeaderValue) -> Option<String> {
    let parameters = content_type.to_str().ok()?.split_once(';')?.1;
    let boundary = parser::parameter(parameters, "boundary")?;
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

#[cfg(test)]
mod tests;
