//! What a Helm client reads: `index.yaml`, packages and provenance files.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
    HeaderMap, HeaderValue, IF_NONE_MATCH, VARY,
};
use http::{Method, StatusCode};

use crate::config::Overwrite;
use crate::listener::{Outgoing, Pieces, SharedFile, Source, Streamed};
use crate::repository::entry::Layer;
use crate::repository::key::FileKind;
use crate::repository::published::PublishedIndex;
use crate::repository::store::{Content, WHOLE_UP_TO};
use crate::repository::{ChartRepository, Download};
use crate::server::ServerState;
use crate::server::auth::Pull;
use crate::server::error::HttpError;

/// An index that is still there so long after its second read is likely to stay for a while.
const INDEX_REST: Duration = Duration::from_millis(200);

/// The system takes a small answer over at once: it is out of this program's memory before the next is begun.
const SENT_AT_ONCE: usize = 16 * 1024;

/// `GET …/index.yaml`.
///
/// Where the connection can send from files, the plain form is sent from memory files once it has proved to be worth
/// them.
pub async fn index(
    State(state): State<Arc<ServerState>>,
    Pull(tenant): Pull,
    request: Request,
) -> Result<Response, HttpError> {
    let index = state.repository.index(&tenant).await?;
    let gzip = accepts_gzip(request.headers());
    let etag = if gzip {
        index.gzip_etag()
    } else {
        index.etag()
    };
    let known = matches_etag(request.headers(), &[&index.etag(), &index.gzip_etag()]);
    let body = if known {
        Body::empty()
    } else if gzip {
        if !index.is_gzipped() {
            let index = Arc::clone(&index);
            let deflating = tokio::task::spawn_blocking(move || {
                index.gzip_parts();
            });
            deflating.await.expect("deflating does not panic");
        }
        in_memory(index.gzip_parts())
    } else if let Some(outgoing) = request.extensions().get::<Outgoing>() {
        if index.is_read_again() {
            tokio::spawn(make_files(
                Arc::clone(&state.repository),
                Arc::downgrade(&index),
            ));
        }
        let parts = index
            .parts_in_files()
            .map(|(part, file)| (part.clone(), file.cloned().map(|file| file as SharedFile)));
        Body::new(Pieces::new(parts, Some(outgoing.clone())))
    } else {
        in_memory(index.parts())
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(
        ETAG,
        HeaderValue::try_from(etag).expect("hex digits in quotes"),
    );
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    // a cache may keep it but must ask each time whether it still holds
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-yaml"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

fn in_memory<'a>(parts: impl IntoIterator<Item = &'a Bytes>) -> Body {
    let parts = parts.into_iter().map(|part| (part.clone(), None));
    Body::new(Pieces::new(parts, None))
}

/// Makes memory files of an index that is read again and again, if it rests for a while: in the background, because
/// the first readers of a new index are served sooner by what is there.
async fn make_files(repository: Arc<ChartRepository>, index: Weak<PublishedIndex>) {
    tokio::time::sleep(INDEX_REST).await;
    let Some(index) = index.upgrade() else { return };
    let making = tokio::task::spawn_blocking(move || index.make_files(repository.memory_files()));
    making.await.expect("making files does not panic");
}

/// `GET …/charts/{filename}`.
pub async fn download(
    State(state): State<Arc<ServerState>>,
    Pull(tenant): Pull,
    Path(file_name): Path<String>,
    request: Request,
) -> Result<Response, HttpError> {
    let kind = FileKind::of(&file_name).ok_or(HttpError::UnsupportedExtension)?;
    let found = match state.repository.download_from_memory(&tenant, &file_name) {
        Some(found) => Some((found, None)),
        None if request.method() == Method::HEAD => {
            let found = state.repository.look_up(&tenant, &file_name).await?;
            found.map(|found| (found, None))
        }
        None => {
            let room = state.room(WHOLE_UP_TO as usize).await?;
            let found = state.repository.download(&tenant, &file_name).await?;
            found.map(|found| (found, Some(room)))
        }
    };
    let (found, room) = found.ok_or(HttpError::ObjectNotFound)?;
    let Download {
        content,
        size,
        entry,
        layer,
    } = found;
    let etag = entry
        .filter(|_| kind == FileKind::Package)
        .map(|entry| format!("\"{}\"", entry.digest));
    let known = etag
        .as_ref()
        .is_some_and(|etag| matches_etag(request.headers(), &[etag]));
    let body = match content {
        _ if known => Body::empty(),
        Content::Shared(bytes) => Body::from(bytes),
        // as long as it is in the cache it is shared, but whoever reads slowly may outlast that
        Content::Whole(bytes) if bytes.len() > SENT_AT_ONCE => {
            let room = match room {
                Some(room) => room,
                None => state.room(bytes.len()).await?,
            };
            Body::from(room.hold(bytes))
        }
        Content::Whole(bytes) => Body::from(bytes),
        Content::File(file) => {
            drop(room);
            let file = StoredFile { file, at: 0 };
            Body::new(Streamed::new(file, size, state.budget.clone()))
        }
        Content::Stream(stream) => Body::from_stream(stream),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, state.package_cache_control(layer));
    if let Some(etag) = etag {
        headers.insert(
            ETAG,
            HeaderValue::try_from(etag).expect("hex digits in quotes"),
        );
    }
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind.content_type()));
    headers.insert(CONTENT_LENGTH, size.into());
    Ok(response)
}

/// A file on its way out.
struct StoredFile {
    file: File,
    at: u64,
}

impl Source for StoredFile {
    fn next(&mut self, room: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; room];
        let mut read = 0;
        while read < room {
            match self.file.read_at(&mut bytes[read..], self.at)? {
                0 => break,
                more => {
                    read += more;
                    self.at += more as u64;
                }
            }
        }
        bytes.truncate(read);
        Ok(bytes)
    }
}

impl ServerState {
    /// How long others may keep a package without asking. For ever if nothing can replace it; a day if `force` can.
    fn package_cache_control(&self, layer: Layer) -> HeaderValue {
        let replaceable = layer == Layer::Upload && self.uploads.overwrite != Overwrite::Never;
        match (self.authorizer.is_open_for_pull(), replaceable) {
            (true, true) => HeaderValue::from_static("public, max-age=86400"),
            (true, false) => HeaderValue::from_static("public, max-age=31536000, immutable"),
            (false, true) => HeaderValue::from_static("private, max-age=86400"),
            (false, false) => HeaderValue::from_static("private, max-age=31536000, immutable"),
        }
    }
}

/// True if the client asks for gzip (RFC 9110 section 12.5.3). Helm never does, and could not decode it.
fn accepts_gzip(request: &HeaderMap) -> bool {
    let values = request
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let refused = parts.any(|parameter| {
            let quality = parameter
                .strip_prefix("q=")
                .or_else(|| parameter.strip_prefix("Q="));
            quality.is_some_and(|quality| {
                quality
                    .trim()
                    .parse::<f32>()
                    .is_ok_and(|quality| quality == 0.0)
            })
        });
        (name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip")) && !refused
    })
}

/// RFC 9110 section 13.1.2: weak comparison with any of the tags.
fn matches_etag(request: &HeaderMap, etags: &[&str]) -> bool {
    let values = request
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| {
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            tag == "*" || etags.contains(&tag)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn gzip_is_only_for_who_asks_for_it() {
        for (value, expected) in [
            ("gzip", true),
            ("deflate, gzip;q=0.5", true),
            ("GZIP", true),
            ("gzip;q=0", false),
            ("identity", false),
            ("*", false),
            ("", false),
        ] {
            assert_eq!(
                accepts_gzip(&headers(ACCEPT_ENCODING, value)),
                expected,
                "{value:?}"
            );
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[test]
    fn tags_are_compared_weakly() {
        for (value, expected) in [
            ("\"a\"", true),
            ("\"x\", W/\"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
        ] {
            assert_eq!(
                matches_etag(&headers(IF_NONE_MATCH, value), &["\"a\""]),
                expected,
                "{value:?}"
            );
        }
    }
}
