//! Static files below one directory, and nothing that lies outside of it.

use std::fs::Metadata;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use axum::body::Body;
use axum::response::Response;
use chrono::{DateTime, Utc};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, IF_MODIFIED_SINCE, LAST_MODIFIED};
use http::{HeaderMap, Method, StatusCode};
use tokio::fs::File;
use tokio_util::io::ReaderStream;

/// Bytes read from a file at a time.
const PAGE: usize = 64 * 1024;

/// How HTTP spells a time, which is always in GMT.
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// The directory given as `--web-template-path`.
#[derive(Clone, Debug)]
pub(super) struct StaticFiles {
    /// Absolute and without symbolic links.
    root: PathBuf,
}

impl StaticFiles {
    /// `None` if there is no such directory.
    pub(super) fn open(directory: &Path) -> Option<Self> {
        let root = directory.canonicalize().ok()?;
        root.is_dir().then_some(Self { root })
    }

    /// The file at `path`, which starts with a slash and is relative to the root.
    pub(super) async fn get(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response {
        if path.split(['/', '\\']).any(|segment| segment == "..") {
            return text(StatusCode::BAD_REQUEST, "invalid URL path\n");
        }
        match self.open_file(path).await {
            Ok((file, metadata)) => respond(method, path, headers, file, &metadata),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(path, error = %error, "Cannot serve a static file");
                }
                not_found()
            }
        }
    }

    /// Opens a regular file whose real place is below the root. A directory, a device and a link that leads out count
    /// as not found. (A link that is exchanged between the look and the opening is not caught; only whoever may write
    /// to the directory can do that.)
    async fn open_file(&self, path: &str) -> io::Result<(File, Metadata)> {
        let relative = Path::new(path.trim_start_matches('/'));
        if !relative
            .components()
            .all(|component| matches!(component, Component::Normal(_) | Component::CurDir))
        {
            return Err(io::ErrorKind::NotFound.into());
        }
        let real = tokio::fs::canonicalize(self.root.join(relative)).await?;
        // opening a named pipe would wait for its writer, so what it is is asked first
        if !real.starts_with(&self.root) || !tokio::fs::metadata(&real).await?.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let file = File::open(&real).await?;
        let metadata = file.metadata().await?;
        Ok((file, metadata))
    }
}

fn respond(
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    file: File,
    metadata: &Metadata,
) -> Response {
    let mut response = Response::new(Body::empty());
    let modified = metadata.modified().ok().and_then(whole_seconds);
    if let Some(modified) = modified {
        let text = modified.format(HTTP_DATE).to_string();
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().insert(LAST_MODIFIED, value);
        }
    }
    let known = headers.get(IF_MODIFIED_SINCE).and_then(http_date);
    if known.is_some_and(|known| modified.is_some_and(|modified| modified <= known)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return response;
    }
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(metadata.len()));
    if *method != Method::HEAD {
        // no more than was announced, if the file grows meanwhile
        let file = tokio::io::AsyncReadExt::take(file, metadata.len());
        *response.body_mut() = Body::from_stream(ReaderStream::with_capacity(file, PAGE));
    }
    response
}

/// `None` for times before 1970 and beyond the calendar.
fn whole_seconds(time: SystemTime) -> Option<DateTime<Utc>> {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    DateTime::from_timestamp(i64::try_from(since_epoch.as_secs()).ok()?, 0)
}

fn http_date(value: &HeaderValue) -> Option<DateTime<Utc>> {
    let text = value.to_str().ok()?;
    Some(
        chrono::NaiveDateTime::parse_from_str(text, HTTP_DATE)
            .ok()?
            .and_utc(),
    )
}

/// 404 as text, as ChartMuseum's file server has it.
pub(super) fn not_found() -> Response {
    text(StatusCode::NOT_FOUND, "404 page not found\n")
}

fn text(status: StatusCode, line: &'static str) -> Response {
    let mut response = Response::new(Body::from(line));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

/// By the extension, in any case. What is unknown is bytes: a browser then offers to save it.
fn media_type(path: &str) -> &'static str {
    let extension = Path::new(path)
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "css" => "text/css; charset=utf-8",
        "gif" => "image/gif",
        "htm" | "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "jpeg" | "jpg" => "image/jpeg",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "md" | "txt" => "text/plain; charset=utf-8",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "ttf" => "font/ttf",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "webp" => "image/webp",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "xml" => "text/xml; charset=utf-8",
        "yaml" | "yml" => "application/yaml",
        _ => "application/octet-stream",
    }
}
