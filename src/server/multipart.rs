//! The form of an upload: a `multipart/form-data` body in, the first file of each wanted field out
//! (docs/chartmuseum.md 4.3).
//!
//! It is read to its end, in chunks or with a length, before it is looked at: the parser looks through the whole head of a
//! part again whenever more has come, which would take a sender of a long head in single bytes the square of its length.

use std::convert::Infallible;
use std::error::Error;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, HeaderValue};
use http_body::Body;
use http_body_util::BodyExt as _;

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
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Error + Send + Sync + 'static,
{
    let Some(boundary) = boundary(content_type) else {
        return Ok(Form::default());
    };
    let whole = whole(body, limit).await?;
    let once = stream::once(async { Ok::<_, Infallible>(whole) });
    let mut parts = multer::Multipart::new(once, boundary);
    let files = first_files(&mut parts, fields).await;
    Ok(files.map_or_else(|_| Form::default(), |files| Form { files }))
}

/// All of a body that has at most `limit` bytes.
///
/// # Errors
/// [`MultipartError`]: it has more (exactly `limit` is fine), or fails.
pub async fn whole<B>(body: B, limit: u64) -> Result<Bytes, MultipartError<B::Error>>
where
    B: Body<Data = Bytes>,
{
    if body.size_hint().lower() > limit {
        return Err(MultipartError::TooLarge { limit });
    }
    let mut whole = BytesMut::new();
    let mut body = std::pin::pin!(body);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(MultipartError::Body)?.into_data() else {
            continue;
        };
        if (whole.len() + data.len()) as u64 > limit {
            return Err(MultipartError::TooLarge { limit });
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// What separates the parts. Blanks before the `;` are allowed (RFC 9110 section 8.3.1), but not by the parser.
fn boundary(content_type: &HeaderValue) -> Option<String> {
    let (essence, parameters) = content_type.to_str().ok()?.split_once(';')?;
    multer::parse_boundary(format!("{};{parameters}", essence.trim_end())).ok()
}

async fn first_files(
    parts: &mut multer::Multipart<'_>,
    fields: &[&str],
) -> Result<Vec<(String, Bytes)>, multer::Error> {
    let mut files: Vec<(String, Bytes)> = Vec::new();
    while let Some(part) = parts.next_field().await? {
        let Some(name) = part.name().map(str::to_owned) else {
            continue;
        };
        let is_file = part
            .file_name()
            .is_some_and(|file_name| !file_name.is_empty())
            || has_extended_file_name(&part);
        let wanted = is_file && fields.contains(&name.as_str());
        if wanted && files.iter().all(|(kept, _)| *kept != name) {
            files.push((name, part.bytes().await?));
        }
    }
    Ok(files)
}

/// Some clients send a file name that is not ASCII in the extended form alone (RFC 5987), which multer does not read.
fn has_extended_file_name(part: &multer::Field<'_>) -> bool {
    let disposition = part
        .headers()
        .get(CONTENT_DISPOSITION)
        .and_then(|value| value.to_str().ok());
    disposition.is_some_and(|text| {
        text.split(';').any(|parameter| {
            parameter
                .trim()
                .to_ascii_lowercase()
                .starts_with("filename*=")
        })
    })
}

#[cfg(test)]
mod tests;
