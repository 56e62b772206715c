//! The chart API's writing half: uploads in both forms, and deletions (docs/chartmuseum.md 4).

pub mod slots;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};

use crate::config::Overwrite;
use crate::listener::{BodyError, ReadDeadline};
use crate::repository::key::Tenant;
use crate::repository::upload::Upload;
use crate::server::ServerState;
use crate::server::auth::Push;
use crate::server::error::{Form, HttpError, JSON};
use crate::server::multipart::{self, MultipartError};
use crate::server::upload::slots::{Slot, UploadSlots};

/// What may be uploaded.
#[derive(Debug)]
pub struct UploadRules {
    /// Bytes of one request body.
    pub max_size: u64,
    /// When an existing version is replaced.
    pub overwrite: Overwrite,
    /// Charts may be deleted too.
    pub delete: bool,
    /// Form fields that count besides `chart` and `prov`.
    pub form_fields: FormFields,
    /// The memory for large bodies.
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
    State(state): State<Arc<ServerState>>,
    Push(tenant): Push,
    request: Request,
) -> Result<Response, HttpError> {
    match request.headers().get(CONTENT_TYPE).cloned() {
        Some(content_type) if multipart::is_form(Some(&content_type)) => {
            form(&state, &tenant, request, content_type).await
        }
        _ => raw(&state, &tenant, request, Form::RawChart).await,
    }
}

/// `POST /api/prov`.
pub async fn provenance(
    State(state): State<Arc<ServerState>>,
    Push(tenant): Push,
    request: Request,
) -> Result<Response, HttpError> {
    raw(&state, &tenant, request, Form::RawProvenance).await
}

/// The body itself is what is uploaded.
async fn raw(
    state: &ServerState,
    tenant: &Tenant,
    request: Request,
    form: Form,
) -> Result<Response, HttpError> {
    let may_overwrite = may_overwrite(state, &request);
    let deadline = deadline_of(&request);
    let (body, slot) = state.uploads.slots.watch(request.into_body(), deadline);
    let bytes = multipart::whole(body, state.uploads.max_size).await?;
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
    state: &ServerState,
    tenant: &Tenant,
    request: Request,
    content_type: HeaderValue,
) -> Result<Response, HttpError> {
    let may_overwrite = may_overwrite(state, &request);
    let FormFields { chart, provenance } = &state.uploads.form_fields;
    let fields = ["chart", chart, "prov", provenance];
    let deadline = deadline_of(&request);
    let (body, slot) = state.uploads.slots.watch(request.into_body(), deadline);
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

/// What holds the sender of a request to time.
fn deadline_of(request: &Request) -> ReadDeadline {
    let deadline = request.extensions().get::<ReadDeadline>();
    deadline.cloned().unwrap_or_default()
}

fn may_overwrite(state: &ServerState, request: &Request) -> bool {
    let rules = &state.uploads;
    match rules.overwrite {
        Overwrite::Always => true,
        Overwrite::WithForce => has_force(request.uri().query()),
        Overwrite::Never => false,
    }
}

/// The key is enough: `?force=false` forces too (docs/chartmuseum.md 4.4).
fn has_force(query: Option<&str>) -> bool {
    let query = query.unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == "force")
}

impl From<MultipartError<axum::Error>> for HttpError {
    fn from(error: MultipartError<axum::Error>) -> Self {
        match error {
            MultipartError::TooLarge { limit } => Self::TooLarge { limit },
            MultipartError::Body(error) => body_error(error),
        }
    }
}

fn body_error(error: axum::Error) -> HttpError {
    match error.into_inner().downcast().map(|error| *error) {
        Ok(BodyError::Timeout(_)) => HttpError::Timeout,
        Ok(BodyError::TooSlow(rate)) => HttpError::TooSlow(rate),
        Ok(broken @ BodyError::Broken(_)) => HttpError::BrokenBody(broken.to_string()),
        Err(other) => HttpError::BrokenBody(other.to_string()),
    }
}

async fn store(
    state: &ServerState,
    tenant: &Tenant,
    upload: Upload,
    form: Form,
    slot: Slot,
) -> Result<Response, HttpError> {
    // in a task of its own: a client that hangs up must not stop an upload between two steps; the slot goes along, as
    // the bytes are in memory for as long
    let (repository, tenant) = (Arc::clone(&state.repository), tenant.clone());
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
    State(state): State<Arc<ServerState>>,
    Push(tenant): Push,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    let deleting = async move {
        let repository = &state.repository;
        repository.delete_version(&tenant, &name, &version).await
    };
    let deleted = tokio::spawn(deleting).await;
    deleted.expect("a deletion does not panic")?;
    Ok(done(StatusCode::OK, br#"{"deleted":true}"#))
}

/// `DELETE /api/charts/{name}`: every version of the chart. Ours.
pub async fn delete_chart(
    State(state): State<Arc<ServerState>>,
    Push(tenant): Push,
    Path(name): Path<String>,
) -> Result<Response, HttpError> {
    let deleting = async move { state.repository.delete_chart(&tenant, &name).await };
    let deleted = tokio::spawn(deleting).await;
    deleted.expect("a deletion does not panic")?;
    Ok(done(StatusCode::OK, br#"{"deleted":true}"#))
}

fn done(status: StatusCode, body: &'static [u8]) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presence_is_what_counts_for_force() {
        for (query, forces) in [
            (Some("force"), true),
            (Some("force=false"), true),
            (Some("a=1&force"), true),
            (Some("%66orce"), true),
            (Some("forced"), false),
            (Some("a=force"), false),
            (None, false),
        ] {
            assert_eq!(has_force(query), forces, "{query:?}");
        }
    }
}
