//! The page at `/`: ours, or the one in `--web-template-path` with its static files (docs/chartmuseum.md 2.5).

mod files;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{self, Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method};

use self::files::StaticFiles;

use crate::server::ServerState;
use crate::server::auth::Pull;

/// Bytes of a welcome page; it is kept in memory.
const MAX_PAGE: u64 = 1 << 20;

/// Our own page, the same bytes always. It needs no other file and asks no other host.
const OWN_PAGE: &str = include_str!("welcome/index.html");

/// What a browser sees. Clones share the page.
#[derive(Clone, Debug)]
pub struct Welcome {
    page: Bytes,
    content_type: HeaderValue,
    files: Option<StaticFiles>,
}

/// `GET /`, and `GET /{tenant}` at a fixed depth.
pub async fn page(State(state): State<Arc<ServerState>>, _: Pull) -> Response {
    state.site.welcome.page()
}

/// `GET /static…`. The path is relative to the web template directory, as sent: it may hold `..`.
pub async fn static_file(
    State(state): State<Arc<ServerState>>,
    _: Pull,
    extract::Path(path): extract::Path<String>,
    request: Request,
) -> Response {
    let welcome = &state.site.welcome;
    welcome
        .static_file(request.method(), &format!("/{path}"), request.headers())
        .await
}

impl Default for Welcome {
    /// Our own page and no static files.
    fn default() -> Self {
        Self {
            page: Bytes::from_static(OWN_PAGE.as_bytes()),
            content_type: HeaderValue::from_static("text/html"),
            files: None,
        }
    }
}

impl Welcome {
    /// Takes the page and the files of a directory (`--web-template-path`). Reads the disk.
    ///
    /// Its `index.html` is served as it is: the Go templates that ChartMuseum would evaluate stay text. Without a
    /// readable `index.html` the page is ours, with a warning in the log; without the directory there are no static
    /// files either.
    pub fn from_directory(directory: &Path) -> Self {
        let mut welcome = Self {
            files: StaticFiles::open(directory),
            ..Self::default()
        };
        let path = directory.join("index.html");
        match read_page(&path) {
            Ok(page) => {
                welcome.page = page;
                welcome.content_type = HeaderValue::from_static("text/html; charset=utf-8");
            }
            Err(error) => {
                tracing::warn!(
                    path = %path.display(), error = %error,
                    "No custom welcome page, serving the default one"
                );
            }
        }
        welcome
    }

    /// The answer to `GET /`.
    pub fn page(&self) -> Response {
        let mut response = Response::new(Body::from(self.page.clone()));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, self.content_type.clone());
        response
    }

    /// The file at `path`, which starts with a slash, or 304, 400 or 404 with a line of text. There are no listings and no
    /// ranges.
    pub async fn static_file(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response {
        match &self.files {
            Some(files) => files.get(method, path, headers).await,
            None => files::not_found(),
        }
    }
}

fn read_page(path: &Path) -> std::io::Result<Bytes> {
    let length = std::fs::metadata(path)?.len();
    if length > MAX_PAGE {
        return Err(std::io::Error::other(format!(
            "larger than {MAX_PAGE} bytes"
        )));
    }
    std::fs::read(path).map(Bytes::from)
}
