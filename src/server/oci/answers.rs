//! What all answers have in common.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, RANGE,
    RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};

use crate::causes::chain;
use crate::oci::error::OciError;
use crate::oci::range;
use crate::server::request_log::ErrorCause;

/// The digest of what an answer is about.
pub const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const DOCKER_DISTRIBUTION_API_VERSION: HeaderName =
    HeaderName::from_static("docker-distribution-api-version");
const OCI_NAMESPACE: HeaderName = HeaderName::from_static("oci-namespace");

/// Seconds after which a client that was told to wait may ask again.
const LATER: &str = "30";

/// A text of digits, letters and other printable ASCII, as header values.
pub fn value(text: impl AsRef<str>) -> HeaderValue {
    let text = text.as_ref();
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

/// What every answer of this API has.
pub fn sign(response: &mut Response, namespace: Option<&str>) {
    let headers = response.headers_mut();
    headers.insert(
        DOCKER_DISTRIBUTION_API_VERSION,
        HeaderValue::from_static("registry/2.0"),
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(namespace) = namespace.and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(OCI_NAMESPACE, namespace);
    }
}

/// A JSON answer.
pub fn json(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The answer to what went wrong.
pub fn refusal(error: &OciError) -> Response {
    let text = error.body();
    let length = text.len();
    let mut response = json(text);
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length.into());
    match error {
        OciError::Unauthorized { challenge } => {
            headers.insert(WWW_AUTHENTICATE, value(challenge));
        }
        OciError::NoSuchMethod(methods) => {
            headers.insert(ALLOW, value(methods));
        }
        OciError::OutOfOrder { held } => {
            headers.insert(RANGE, value(range::held(*held)));
        }
        OciError::NoSuchRange { size } => {
            headers.insert(CONTENT_RANGE, value(format!("bytes */{size}")));
        }
        OciError::TooManyUploads(_) => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(LATER));
        }
        OciError::Timeout | OciError::BrokenBody(_) | OciError::TooLarge { .. } => {
            // what is left of the body is not read
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        _ => {}
    }
    let cause = match error {
        OciError::Storage(cause) => Some(chain(&**cause)),
        OciError::BrokenBody(cause) => Some(cause.clone()),
        _ if error.status().is_server_error() => Some(error.to_string()),
        _ => None,
    };
    if let Some(cause) = cause {
        response.extensions_mut().insert(ErrorCause(cause));
    }
    response
}
