//! `…/manifests/<reference>`

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH,
    LOCATION, WARNING,
};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::answers::{DOCKER_CONTENT_DIGEST, value};
use super::uploads::trouble;
use super::{Call, empty};
use crate::listener::ReadDeadline;
use crate::metrics::registry::Kind;
use crate::oci::digest::Digest;
use crate::oci::error::OciError;
use crate::oci::manifest::LARGEST;
use crate::oci::name::{Reference, RepositoryName, Tag};
use crate::oci::registry::{NewManifest, StoredManifest};
use crate::oci::route;

const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");

/// Tags that one request may set.
const MOST_TAGS: usize = 100;

/// `GET` and `HEAD`. What is stored is what is sent, whatever the client would accept.
pub async fn get(
    call: &Call<'_>,
    name: &RepositoryName,
    reference: &str,
) -> Result<Response, OciError> {
    let reference = route::reference(reference)?;
    let found = find(call, name, &reference).await?;
    let etag = format!("\"{}\"", found.digest);
    let is_known = call
        .header(IF_NONE_MATCH)
        .is_some_and(|known| known.split(',').any(|known| known.trim() == etag));
    let length = found.bytes.len();
    if !is_known && !call.is_head() {
        call.oci.registry.counters().pulled(Kind::Manifest, 0);
    }
    let mut response = Response::new(match is_known || call.is_head() {
        true => Body::empty(),
        false => Body::from(found.bytes),
    });
    let headers = response.headers_mut();
    headers.insert(DOCKER_CONTENT_DIGEST, value(found.digest.to_string()));
    headers.insert(ETAG, value(etag));
    let caching = match reference {
        Reference::Tag(_) => HeaderValue::from_static("no-cache"),
        Reference::Digest(_) => call.forever(),
    };
    headers.insert(CACHE_CONTROL, caching);
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    headers.insert(CONTENT_TYPE, value(found.media_type));
    headers.insert(CONTENT_LENGTH, length.into());
    Ok(response)
}

/// Under the first of its names that has it.
async fn find(
    call: &Call<'_>,
    name: &RepositoryName,
    reference: &Reference,
) -> Result<StoredManifest, OciError> {
    for name in call.names(name) {
        match call.oci.registry.manifest(&name, reference).await {
            Err(OciError::ManifestUnknown(_)) => {}
            found => return found,
        }
    }
    Err(OciError::ManifestUnknown(reference.to_string()))
}

/// `PUT`, by tag, or by digest with `?tag=` for each tag.
pub async fn put(
    call: &Call<'_>,
    name: &RepositoryName,
    reference: &str,
    body: Body,
) -> Result<Response, OciError> {
    let named = call.query("tag");
    if named.len() > MOST_TAGS {
        return Err(OciError::TooMany(
            "no more than 100 tags in one request are taken",
        ));
    }
    let no_tag = |text: &str| {
        OciError::ManifestInvalid(format!(
            "{:?} is no tag",
            text.chars().take(160).collect::<String>()
        ))
    };
    let tag = |text: &str| Tag::parse(text).ok_or_else(|| no_tag(text));
    let mut tags = named
        .iter()
        .map(|text| tag(text))
        .collect::<Result<Vec<_>, _>>()?;
    let by_digest = reference.contains(':');
    let digest = match by_digest {
        true => Some(Digest::parse(reference)?),
        false => None,
    };
    if !by_digest {
        tags.insert(0, tag(reference)?);
    }
    let new = NewManifest {
        bytes: read(call, body).await?,
        content_type: call.header(CONTENT_TYPE).unwrap_or_default().to_owned(),
        digest,
        tags,
    };
    let put = call.oci.registry.put_manifest(name, new).await?;
    let mut response = empty(StatusCode::CREATED);
    let headers = response.headers_mut();
    let location = format!("/v2/{name}/manifests/{}", put.digest);
    headers.insert(LOCATION, value(location));
    headers.insert(DOCKER_CONTENT_DIGEST, value(put.digest.to_string()));
    if let Some(subject) = put.subject {
        headers.insert(OCI_SUBJECT, value(subject.to_string()));
    }
    for tag in named {
        headers.append(OCI_TAG, value(tag));
    }
    for warning in put.warnings {
        let quoted = warning.replace(['"', '\\'], "'");
        headers.append(WARNING, value(format!("299 - \"{quoted}\"")));
    }
    Ok(response)
}

/// A manifest is in memory as a whole; large ones wait for a slot, as uploads of charts do.
async fn read(call: &Call<'_>, body: Body) -> Result<Bytes, OciError> {
    let too_large = || OciError::TooLarge {
        what: "the manifest",
        limit: LARGEST as u64,
        option: "",
    };
    let deadline = call.head.extensions.get::<ReadDeadline>().cloned();
    let deadline = deadline.unwrap_or_default();
    let (mut body, _slot) = call.state.uploads.slots.watch(body, deadline);
    if body.size_hint().lower() > LARGEST as u64 {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(trouble)?.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > LARGEST {
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// `DELETE`
pub async fn delete(
    call: &Call<'_>,
    name: &RepositoryName,
    reference: &str,
) -> Result<Response, OciError> {
    let reference = route::reference(reference)?;
    call.oci.registry.delete_manifest(name, &reference).await?;
    Ok(empty(StatusCode::ACCEPTED))
}
