//! The one place where a failure becomes a status code. The texts are those of docs/chartmuseum.md 5.1.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde_json::json;

use crate::causes::chain;
use crate::chart::archive::ArchiveError;
use crate::repository::DeleteError;
use crate::repository::resolve::ResolveError;
use crate::repository::store::StoreError;
use crate::repository::upload::UploadError;
use crate::server::request_log::ErrorCause;
use crate::server::tenancy::NotFound;

/// How an upload came: the texts of two refusals depend on it (docs/chartmuseum.md 4.2 and 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The body is the package.
    RawChart,
    /// The body is the provenance file.
    RawProvenance,
    /// The body is a form with either or both.
    Multipart,
}

/// A request that is not answered as it hoped.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nothing is served under this method and path.
    #[error("not found")]
    NotFound(NotFound),
    /// Credentials are missing or wrong; the challenge says which are wanted.
    #[error("unauthorized")]
    Unauthorized(HeaderValue),
    /// A query parameter makes no sense.
    #[error("{0}")]
    BadQuery(&'static str),
    /// Not exactly one `Host`.
    #[error("the request must have exactly one Host header")]
    Host,
    /// The body is larger than `--max-upload-size`.
    #[error("request too large")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The body did not arrive in time.
    #[error("the request body did not arrive within the read timeout of this server")]
    Timeout,
    /// The body came more slowly than `--min-upload-rate`.
    #[error("the request body came more slowly than {0} bytes a second (--min-upload-rate)")]
    TooSlow(u64),
    /// The connection broke, or what came is no HTTP body.
    #[error("the request body could not be read")]
    BrokenBody(String),
    /// A form without anything to store.
    #[error("no package or provenance file found in form fields {0} and {1}")]
    EmptyForm(String, String),
    /// An upload was refused.
    #[error("upload refused")]
    Upload(#[source] UploadError, Form),
    /// A deletion was refused.
    #[error(transparent)]
    Delete(#[from] DeleteError),
    /// No such version.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// `GET /api/charts/{name}` of a chart that is not there.
    #[error("chart not found")]
    ChartNotFound,
    /// A package or provenance file that is not there.
    #[error("object not found")]
    ObjectNotFound,
    /// A download of something that is neither a package nor a provenance file.
    #[error("unsupported file extension")]
    UnsupportedExtension,
    /// The chart has no such file.
    #[error("{0} not found")]
    FileNotFound(String),
    /// The tenant has no Artifact Hub repository.
    #[error("Artifact Hub repository ID not found")]
    NoArtifactHubId,
    /// A package that was indexed does not open any more.
    #[error("the stored package cannot be opened: upload it again")]
    StoredPackage(#[source] ArchiveError),
    /// The storage failed.
    #[error("the chart storage failed; the server's log has the cause under this request's ID")]
    Storage(#[from] StoreError),
    /// There is no memory for the answer now.
    #[error("the server is busy sending other answers; try again in a moment")]
    Busy,
    /// A handler has a fault; this is the panic's text.
    #[error("the server failed; its log has the cause under this request's ID")]
    Panic(String),
}

impl HttpError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_)
            | Self::ChartNotFound
            | Self::ObjectNotFound
            | Self::FileNotFound(_)
            | Self::NoArtifactHubId
            | Self::Delete(DeleteError::NotFound) => StatusCode::NOT_FOUND,
            Self::Resolve(error) => match error {
                ResolveError::NoChart
                | ResolveError::NoVersion { .. }
                | ResolveError::ImproperConstraint(_) => StatusCode::NOT_FOUND,
                ResolveError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::BadQuery(_) | Self::Host | Self::EmptyForm(..) | Self::BrokenBody(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout | Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Upload(error, form) => match (error, form) {
                // docs/chartmuseum.md 4.2: the one refusal that ChartMuseum's clients know as a 500
                (UploadError::Provenance(_), Form::RawProvenance) => {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
                (
                    UploadError::Provenance(_)
                    | UploadError::Archive(_)
                    | UploadError::ImproperlyFormatted(_)
                    | UploadError::NameTooLong(_),
                    _,
                ) => StatusCode::BAD_REQUEST,
                (UploadError::Exists(_) | UploadError::BuiltIn(_), _) => StatusCode::CONFLICT,
                (UploadError::EntryTooLarge { .. }, _) => StatusCode::UNPROCESSABLE_ENTITY,
                (
                    UploadError::LimitReached
                    | UploadError::IndexFull(_)
                    | UploadError::StorageFull(_),
                    _,
                ) => StatusCode::INSUFFICIENT_STORAGE,
                (UploadError::Store(_), _) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Delete(DeleteError::BuiltIn(_)) => StatusCode::FORBIDDEN,
            // docs/chartmuseum.md 3.2
            Self::UnsupportedExtension => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Delete(DeleteError::Store(_))
            | Self::StoredPackage(_)
            | Self::Storage(_)
            | Self::Panic(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the client is told. Causes that name paths of the server stay in its log (docs/chartmuseum.md 15.12).
    fn text(&self) -> String {
        match self {
            Self::Upload(UploadError::Exists(_), Form::Multipart) => "chart already exists".into(),
            Self::Upload(UploadError::Exists(_), Form::RawChart | Form::RawProvenance) => {
                "file already exists".into()
            }
            Self::Upload(UploadError::Store(cause), _)
            | Self::Delete(DeleteError::Store(cause))
            | Self::Resolve(ResolveError::Store(cause))
            | Self::Storage(cause) => HttpError::storage_text(cause),
            Self::Upload(error, _) => error.to_string(),
            Self::TooLarge { limit } => {
                format!(
                    "request too large: this server takes up to {limit} bytes (--max-upload-size)"
                )
            }
            other => other.to_string(),
        }
    }

    fn storage_text(cause: &StoreError) -> String {
        match cause {
            StoreError::RootGone { trouble, .. } => trouble.to_string(),
            _ => "the chart storage failed; the server's log has the cause under this request's ID"
                .into(),
        }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut body = json!({ "error": self.text() });
        if let Self::NotFound(NotFound { hint: Some(hint) }) = &self {
            body["hint"] = json!(hint);
        }
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        if let Self::Unauthorized(challenge) = &self {
            headers.insert(WWW_AUTHENTICATE, challenge.clone());
        }
        if matches!(self, Self::Busy) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if matches!(
            self,
            Self::Host
                | Self::TooLarge { .. }
                | Self::Timeout
                | Self::TooSlow(_)
                | Self::BrokenBody(_)
        ) {
            // what is left of the body is not read
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let cause = match &self {
            Self::BrokenBody(cause) | Self::Panic(cause) => Some(cause.clone()),
            // its own text only says where to look
            Self::Storage(cause) => Some(chain(cause)),
            _ if status.is_server_error() => Some(chain(&self)),
            _ => None,
        };
        if let Some(cause) = cause {
            response.extensions_mut().insert(ErrorCause(cause));
        }
        response
    }
}

/// The content type of every JSON answer.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
