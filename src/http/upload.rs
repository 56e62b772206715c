//! The chart API's writing half: uploads in both forms, and deletions (contract section 1.5).

pub mod slots;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};

use crate::http::HttpState;
use crate::http::body::Body;
use crate::http::error::{Form, HttpError, JSON};
use crate::http::multipart::{self, MultipartError};
use crate::http::query::Query;
use crate::http::serve::{BodyError, RequestBody};
use crate::http::upload::slots::{Slot, SlottedBody, UploadSlots};
use crate::repository::key::Tenant;
use crate::repository::upload::Upload;

/// What may be uploaded.
#[derive(Debug)]
pub struct UploadRules {
    /// Bytes of one request body.
    pub max_size: u64,
    /// Existing versions are replaced without being asked.
    pub always_overwrite: bool,
    /// Existing versions are replaced if the query has `force`.
    pub overwrite_with_force: bool,
    /// Either of the two: what a client has downloaded may not stay true.
    pub replaceable: bool,
    /// Form fields that count besides `chart` and `prov`.
    pub form_fields: FormFields,
    /// Large bodies held in memory at the same time.
    pub slots: UploadSlots,
}

/// Names of form fields that count besides `chart` and `prov`.
#[derive(Clone, Debug)]
pub struct FormFields {
    /// For packages.
    pub chart: String,
    /// For provenance files.
    pub provenance: String,
}

/// `POST /api/charts`: the form is told by the content type, compared as ChartMuseum does.
pub async fn chart(
    state: &HttpState,
    tenant: &Tenant,
    request: Request<RequestBody>,
) -> Result<Response<Body>, HttpError> {
    match request.headers().get(CONTENT_TYPE).cloned() {
        Some(content_type) if multipart::is_form(Some(&content_type)) => {
            form(state, tenant, request, content_type).await
        }
        _ => raw(state, tenant, request, Form::RawChart).await,
    }
}

/// The body itself is what is uploaded.
pub async fn raw(
    state: &HttpState,
    tenant: &Tenant,
    request: Request<RequestBody>,
    form: Form,
) -> Result<Response<Body>, HttpError> {
    let may_overwrite = may_overwrite(state, &request);
    let (body, slot) = state.uploads.slots.watch(request.into_body());
    let bytes = read_body(body, state.uploads.max_size).await?;
    let upload = match form {
        Form::RawProvenance => Upload {
            provenance: Some(bytes),
            may_overwrite,
            ..Upload::default()
        },
        Form::RawChart | Form::Multipart => Upload {
            chart: Some(bytes),
            may_overwrite,
            ..Upload::default()
        },
    };
    store(state, tenant, upload, form, slot).await
}

async fn form(
    state: &HttpState,
    tenant: &Tenant,
    request: Request<RequestBody>,
    content_type: HeaderValue,
) -> Result<Response<Body>, HttpError> {
    let may_overwrite = may_overwrite(state, &request);
    let FormFields { chart, provenance } = &state.uploads.form_fields;
    let fields = ["chart", chart, "prov", provenance];
    let (body, slot) = state.uploads.slots.watch(request.into_body());
    let form = multipart::read_form(&content_type, body, state.uploads.max_size, &fields).await?;
    let part = |name: &str| form.file(name).cloned();
    let upload = Upload {
        chart: part("chart").or_else(|| part(chart)),
        provenance: part("prov").or_else(|| part(provenance)),
        may_overwrite,
    };
    if upload.chart.is_none() && upload.provenance.is_none() {
        return Err(HttpError::EmptyForm(chart.clone(), provenance.clone()));
    }
    store(state, tenant, upload, Form::Multipart, slot).await
}

fn may_overwrite(state: &HttpState, request: &Request<RequestBody>) -> bool {
    let rules = &state.uploads;
    rules.always_overwrite || rules.overwrite_with_force && Query::of(request.uri()).has("force")
}

/// Reads a body of at most `limit` bytes.
async fn read_body(mut body: SlottedBody<RequestBody>, limit: u64) -> Result<Bytes, HttpError> {
    let announced = body.size_hint().lower();
    if announced > limit {
        return Err(HttpError::TooLarge { limit });
    }
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(body_error)?.into_data() else {
            continue;
        };
        if (bytes.len() + data.len()) as u64 > limit {
            return Err(HttpError::TooLarge { limit });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

impl From<MultipartError<BodyError>> for HttpError {
    fn from(error: MultipartError<BodyError>) -> Self {
        match error {
            MultipartError::TooLarge { limit } => Self::TooLarge { limit },
            MultipartError::Body(error) => body_error(error),
        }
    }
}

fn body_error(error: BodyError) -> HttpError {
    match error {
        BodyError::Timeout(_) => HttpError::Timeout,
        broken @ BodyError::Broken(_) => HttpError::BrokenBody(broken.to_string()),
    }
}

async fn store(
    state: &HttpState,
    tenant: &Tenant,
    upload: Upload,
    form: Form,
    slot: Slot,
) -> Result<Response<Body>, HttpError> {
    // in a task of its own: a client that hangs up must not stop an upload between two steps; the slot goes along, as the
    // bytes are in memory for as long
    let (repository, tenant) = (std::sync::Arc::clone(&state.repository), tenant.clone());
    let stored = tokio::spawn(async move {
        let _slot = slot;
        repository.upload(&tenant, upload).await
    })
    .await;
    stored
        .expect("an upload does not panic")
        .map_err(|error| HttpError::Upload(error, form))?;
    Ok(done(StatusCode::CREATED, br#"{"saved":true}"#))
}

/// `DELETE /api/charts/{name}/{version}`.
pub async fn delete_version(
    state: &HttpState,
    tenant: &Tenant,
    name: &str,
    version: &str,
) -> Result<Response<Body>, HttpError> {
    let (repository, tenant) = (std::sync::Arc::clone(&state.repository), tenant.clone());
    let (name, version) = (name.to_owned(), version.to_owned());
    let deleted =
        tokio::spawn(async move { repository.delete_version(&tenant, &name, &version).await })
            .await;
    deleted.expect("a deletion does not panic")?;
    Ok(done(StatusCode::OK, br#"{"deleted":true}"#))
}

/// `DELETE /api/charts/{name}`.
pub async fn delete_chart(
    state: &HttpState,
    tenant: &Tenant,
    name: &str,
) -> Result<Response<Body>, HttpError> {
    let (repository, tenant, name) = (
        std::sync::Arc::clone(&state.repository),
        tenant.clone(),
        name.to_owned(),
    );
    let deleted = tokio::spawn(async move { repository.delete_chart(&tenant, &name).await }).await;
    deleted.expect("a deletion does not panic")?;
    Ok(done(StatusCode::OK, br#"{"deleted":true}"#))
}

fn done(status: StatusCode, body: &'static [u8]) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from_static(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}
