//! The chart API's reading half: lists, versions, templates, values, files.

mod file;
mod list;
mod package;
mod templates;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use http::header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};

use crate::repository::key::Tenant;
use crate::server::ServerState;
use crate::server::auth::Pull;
use crate::server::charts::file::FileAt;
use crate::server::charts::package::extract;
use crate::server::charts::templates::TemplatesAndValues;
use crate::server::error::{HttpError, JSON};

/// `GET /api/charts`.
pub async fn list(
    State(state): State<Arc<ServerState>>,
    Pull(tenant): Pull,
    RawQuery(query): RawQuery,
) -> Result<Response, HttpError> {
    let query = query.unwrap_or_default();
    let number = |wanted| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let (_, text) = pairs.find(|(name, _)| name == wanted)?;
        Some(text.parse::<usize>().ok())
    };
    let offset = match number("offset") {
        None => 0,
        Some(Some(offset)) => offset,
        Some(None) => {
            return Err(HttpError::BadQuery(
                "offset is not a valid non-negative integer",
            ));
        }
    };
    let limit = match number("limit") {
        None => usize::MAX,
        Some(Some(limit)) if limit > 0 => limit,
        Some(_) => return Err(HttpError::BadQuery("limit is not a valid positive integer")),
    };
    let charts = state.repository.charts(&tenant, offset, limit).await?;
    let charts = charts.into_iter().map(|(_, chart)| chart).collect();
    Ok(json_response(list::all(&state, charts).await?))
}

/// `GET /api/charts/{name}`.
pub async fn chart(
    State(state): State<Arc<ServerState>>,
    Pull(tenant): Pull,
    Path(name): Path<String>,
) -> Result<Response, HttpError> {
    let chart = state.repository.chart(&tenant, &name).await?;
    let chart = chart.ok_or(HttpError::ChartNotFound)?;
    Ok(json_response(list::one(&state, chart).await?))
}

/// `GET /api/charts/{name}/{version}`.
pub async fn version(
    State(state): State<Arc<ServerState>>,
    Pull(tenant): Pull,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    let entry = state.repository.resolve(&tenant, &name, &version).await?;
    let room = state.room(entry.api_json_len()).await?;
    let mut out = Vec::with_capacity(entry.api_json_len());
    entry.write_api_json(&mut out);
    Ok(json_response(room.hold(out).into()))
}

/// `GET /api/charts/{name}/{version}/templates` (docs/chartmuseum.md 3.6).
pub async fn templates(
    State(state): State<Arc<ServerState>>,
    Pull(tenant): Pull,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    let shown = extract(&state, &tenant, (&name, &version), TemplatesAndValues).await?;
    let shown = shown.ok_or(HttpError::ObjectNotFound)?;
    Ok(json_response(shown.body))
}

/// `GET /api/charts/{name}/{version}/values`.
pub async fn values(
    State(state): State<Arc<ServerState>>,
    Pull(tenant): Pull,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    let mut response = file_at(&state, &tenant, (&name, &version), "values.yaml").await?;
    let headers = response.headers_mut();
    headers.remove(X_CONTENT_TYPE_OPTIONS);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/yaml"));
    Ok(response)
}

/// `GET /api/charts/{name}/{version}/files/{path}`.
pub async fn file(
    State(state): State<Arc<ServerState>>,
    Pull(tenant): Pull,
    Path((name, version, path)): Path<(String, String, String)>,
) -> Result<Response, HttpError> {
    file_at(&state, &tenant, (&name, &version), &path).await
}

async fn file_at(
    state: &ServerState,
    tenant: &Tenant,
    version: (&str, &str),
    path: &str,
) -> Result<Response, HttpError> {
    let file = extract(state, tenant, version, FileAt(path.to_owned())).await?;
    let file = file.ok_or_else(|| HttpError::FileNotFound(path.to_owned()))?;
    // a chart's file is somebody else's text: it is shown as text, never run as a page
    let content_type = match file.is_text {
        true => HeaderValue::from_static("text/plain; charset=utf-8"),
        false => HeaderValue::from_static("application/octet-stream"),
    };
    let mut response = Response::new(file.body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

fn json_response(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}
