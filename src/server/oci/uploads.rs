//! `…/blobs/uploads/`

use axum::body::Body;
use axum::response::Response;
use futures_util::StreamExt as _;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderName, LOCATION, RANGE};
use http_body::Body as _;

use super::answers::{DOCKER_CONTENT_DIGEST, refusal, value};
use super::{Call, empty};
use crate::listener::BodyError;
use crate::oci::digest::{Algorithm, Digest};
use crate::oci::error::OciError;
use crate::oci::name::RepositoryName;
use crate::oci::range::{self, Chunk};
use crate::oci::registry::{BodyStream, BodyTrouble};

const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// `POST`: an upload begins, or is all of it, or needs no bytes.
pub async fn begin(
    call: &Call<'_>,
    name: &RepositoryName,
    body: Body,
) -> Result<Response, OciError> {
    let registry = &call.oci.registry;
    if let Some(algorithm) = call.query_one("digest-algorithm")
        && Algorithm::parse(&algorithm).is_none()
    {
        Digest::parse(&algorithm)?;
    }
    if let Some(digest) = call.query_one("mount") {
        let digest = Digest::parse(&digest)?;
        // a name that is none has no blobs
        let from = call
            .query_one("from")
            .map(|from| RepositoryName::parse(&from));
        let is_mounted = match from {
            Some(None) => false,
            // whoever may push may read everything: there is one user
            Some(Some(from)) => registry.mount(name, &digest, Some(&from)).await?,
            None => registry.mount(name, &digest, None).await?,
        };
        if is_mounted {
            return Ok(created(name, &digest));
        }
    } else if let Some(digest) = call.query_one("digest") {
        let digest = Digest::parse(&digest)?;
        let id = registry.begin_upload(name).await?;
        return match registry.append(name, &id, None, stream(body)).await {
            Ok(_) => {
                registry.finish_upload(name, &id, &digest).await?;
                Ok(created(name, &digest))
            }
            Err(error) => {
                // nobody knows its id
                registry.cancel_upload(name, &id).await?;
                Err(error)
            }
        };
    }
    let id = registry.begin_upload(name).await?;
    Ok(progress(StatusCode::ACCEPTED, name, &id, 0))
}

/// `GET`: how far it is.
pub async fn status(
    call: &Call<'_>,
    name: &RepositoryName,
    id: &str,
) -> Result<Response, OciError> {
    let held = call.oci.registry.upload_held(name, id).await?;
    Ok(progress(StatusCode::NO_CONTENT, name, id, held))
}

/// `PATCH`: a part of it, or all.
pub async fn append(
    call: &Call<'_>,
    name: &RepositoryName,
    id: &str,
    body: Body,
) -> Result<Response, OciError> {
    let chunk = chunk(call, &body)?;
    let appended = call.oci.registry.append(name, id, chunk, stream(body));
    match appended.await {
        Ok(held) => Ok(progress(StatusCode::ACCEPTED, name, id, held)),
        Err(error) => in_order(name, id, error),
    }
}

/// `PUT`: the last part, or nothing more.
pub async fn finish(
    call: &Call<'_>,
    name: &RepositoryName,
    id: &str,
    body: Body,
) -> Result<Response, OciError> {
    let registry = &call.oci.registry;
    let digest = call.query_one("digest").ok_or(OciError::DigestMissing)?;
    let digest = Digest::parse(&digest)?;
    let chunk = chunk(call, &body)?;
    if chunk.is_some() || !body.is_end_stream() {
        let appended = registry.append(name, id, chunk, stream(body));
        if let Err(error) = appended.await {
            return in_order(name, id, error);
        }
    }
    registry.finish_upload(name, id, &digest).await?;
    Ok(created(name, &digest))
}

/// `DELETE`: never mind.
pub async fn cancel(
    call: &Call<'_>,
    name: &RepositoryName,
    id: &str,
) -> Result<Response, OciError> {
    call.oci.registry.cancel_upload(name, id).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// Which bytes the body says it is. One that announces another length is refused before it is read.
fn chunk(call: &Call<'_>, body: &Body) -> Result<Option<Chunk>, OciError> {
    let Some(header) = call.header(CONTENT_RANGE) else {
        return Ok(None);
    };
    let invalid = OciError::UploadInvalid(
        "the Content-Range of the chunk makes no sense: write first-last, both counted from 0",
    );
    let chunk = Chunk::parse(header).ok_or(invalid)?;
    let announced = call
        .header(CONTENT_LENGTH)
        .and_then(|text| text.parse().ok());
    let announced = announced.or_else(|| body.size_hint().exact());
    match announced {
        Some(found) if found != chunk.length() => Err(OciError::SizeInvalid {
            expected: chunk.length(),
            found,
        }),
        _ => Ok(Some(chunk)),
    }
}

/// A chunk out of order is told where the upload is and what it holds.
fn in_order(name: &RepositoryName, id: &str, error: OciError) -> Result<Response, OciError> {
    if !matches!(error, OciError::OutOfOrder { .. }) {
        return Err(error);
    }
    let mut response = refusal(&error);
    response
        .headers_mut()
        .insert(LOCATION, value(upload_at(name, id)));
    Ok(response)
}

fn stream(body: Body) -> BodyStream {
    let pieces = body.into_data_stream();
    pieces.map(|piece| piece.map_err(trouble)).boxed()
}

/// Why a body broke off.
pub fn trouble(error: axum::Error) -> BodyTrouble {
    match error.into_inner().downcast().map(|error| *error) {
        Ok(BodyError::Timeout(_) | BodyError::TooSlow(_)) => BodyTrouble::Timeout,
        Ok(broken @ BodyError::Broken(_)) => BodyTrouble::Broken(broken.to_string()),
        Err(other) => BodyTrouble::Broken(other.to_string()),
    }
}

fn upload_at(name: &RepositoryName, id: &str) -> String {
    format!("/v2/{name}/blobs/uploads/{id}")
}

/// Addresses have neither scheme nor host: a proxy in front may have others than this server knows.
fn progress(status: StatusCode, name: &RepositoryName, id: &str, held: u64) -> Response {
    let mut response = empty(status);
    let headers = response.headers_mut();
    headers.insert(LOCATION, value(upload_at(name, id)));
    headers.insert(RANGE, value(range::held(held)));
    headers.insert(DOCKER_UPLOAD_UUID, value(id));
    response
}

fn created(name: &RepositoryName, digest: &Digest) -> Response {
    let mut response = empty(StatusCode::CREATED);
    let headers = response.headers_mut();
    headers.insert(LOCATION, value(format!("/v2/{name}/blobs/{digest}")));
    headers.insert(DOCKER_CONTENT_DIGEST, value(digest.to_string()));
    response
}
