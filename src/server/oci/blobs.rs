//! `…/blobs/<digest>`

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue,
    IF_RANGE, RANGE,
};

use super::answers::{DOCKER_CONTENT_DIGEST, value};
use super::{Call, empty};
use crate::metrics::registry::Kind;
use crate::oci::digest::Digest;
use crate::oci::error::OciError;
use crate::oci::name::RepositoryName;
use crate::oci::range::{self, Wanted};
use crate::oci::registry::{Blob, BlobContent};

/// `GET` and `HEAD`.
pub async fn get(
    call: &Call<'_>,
    name: &RepositoryName,
    digest: &str,
) -> Result<Response, OciError> {
    let digest = Digest::parse(digest)?;
    let blob = find(call, name, &digest).await?;
    let size = blob.size;
    let etag = format!("\"{digest}\"");
    let may_be_part = call
        .header(IF_RANGE)
        .is_none_or(|condition| condition == etag);
    let wanted = match call.header(RANGE).filter(|_| may_be_part) {
        header @ Some(_) => range::wanted(header, size),
        None => Wanted::All,
    };
    let (status, bytes) = match wanted {
        Wanted::All => (StatusCode::OK, 0..size),
        Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first..last + 1),
        Wanted::Nothing => return Err(OciError::NoSuchRange { size }),
    };
    let (length, first) = (bytes.end - bytes.start, bytes.start);
    let body = if call.is_head() {
        Body::empty()
    } else {
        let counters = call.oci.registry.counters();
        counters.pulled(Kind::Blob, length);
        match call.oci.registry.open_blob(&digest, blob, bytes).await? {
            BlobContent::Whole(bytes) => Body::from(bytes),
            BlobContent::Stream(stream) => Body::from_stream(stream),
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(DOCKER_CONTENT_DIGEST, value(digest.to_string()));
    headers.insert(ETAG, value(etag));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CACHE_CONTROL, call.forever());
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {first}-{}/{size}", first + length - 1);
        headers.insert(CONTENT_RANGE, value(range));
    }
    Ok(response)
}

/// Under the first of its names that has it.
async fn find(call: &Call<'_>, name: &RepositoryName, digest: &Digest) -> Result<Blob, OciError> {
    for name in call.names(name) {
        match call.oci.registry.blob(&name, digest).await {
            Err(OciError::BlobUnknown(_)) => {}
            found => return found,
        }
    }
    Err(OciError::BlobUnknown(digest.clone()))
}

/// `DELETE`
pub async fn delete(
    call: &Call<'_>,
    name: &RepositoryName,
    digest: &str,
) -> Result<Response, OciError> {
    let digest = Digest::parse(digest)?;
    call.oci.registry.delete_blob(name, &digest).await?;
    Ok(empty(StatusCode::ACCEPTED))
}

impl Call<'_> {
    /// What has a digest for a name never changes.
    pub fn forever(&self) -> HeaderValue {
        if self.state.authorizer.is_open_for_pull() {
            HeaderValue::from_static("public, max-age=31536000, immutable")
        } else {
            HeaderValue::from_static("private, max-age=31536000, immutable")
        }
    }
}
