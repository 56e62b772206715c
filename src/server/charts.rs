//! The chart API's reading half: lists, versions, templates, values, files.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http::header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use serde_json::{Value, json};

use crate::chart::archive::{self, ArchiveError};
use crate::repository::index::Chart;
use crate::repository::key::Tenant;
use crate::server::ServerState;
use crate::server::auth::Pull;
use crate::server::error::{HttpError, JSON};
use crate::yaml;

/// Bytes of a list made at once while it is sent.
const PIECE: usize = 64 * 1024;
/// A larger `values.yaml` is not turned into JSON.
const VALUES_LIMITS: yaml::Limits = yaml::Limits {
    nodes: 200_000,
    depth: 100,
};

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
    let pieces = pieces(charts).map(Ok::<_, Infallible>);
    Ok(json_response(Body::from_stream(stream::iter(pieces))))
}

/// The object of name to versions, in pieces.
fn pieces(charts: Vec<(String, Arc<Chart>)>) -> impl Iterator<Item = Bytes> + Send {
    let mut charts = charts.into_iter().peekable();
    let mut state = Some(b"{".to_vec());
    std::iter::from_fn(move || {
        let mut piece = state.take()?;
        while piece.len() < PIECE {
            let Some((name, chart)) = charts.next() else {
                piece.push(b'}');
                return Some(piece.into());
            };
            piece.extend_from_slice(Value::String(name).to_string().as_bytes());
            piece.push(b':');
            write_versions(&mut piece, &chart);
            if charts.peek().is_some() {
                piece.push(b',');
            }
        }
        state = Some(Vec::with_capacity(PIECE));
        Some(piece.into())
    })
}

fn write_versions(out: &mut Vec<u8>, chart: &Chart) {
    out.push(b'[');
    for (i, entry) in chart.versions().iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        entry.write_api_json(out);
    }
    out.push(b']');
}

/// `GET /api/charts/{name}`.
pub async fn chart(
    State(state): State<Arc<ServerState>>,
    Pull(tenant): Pull,
    Path(name): Path<String>,
) -> Result<Response, HttpError> {
    let chart = state
        .repository
        .chart(&tenant, &name)
        .await?
        .ok_or(HttpError::ChartNotFound)?;
    let mut out = Vec::new();
    write_versions(&mut out, &chart);
    Ok(json_response(out.into()))
}

/// `GET /api/charts/{name}/{version}`.
pub async fn version(
    State(state): State<Arc<ServerState>>,
    Pull(tenant): Pull,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    let entry = state.repository.resolve(&tenant, &name, &version).await?;
    let mut out = Vec::new();
    entry.write_api_json(&mut out);
    Ok(json_response(out.into()))
}

/// `GET /api/charts/{name}/{version}/templates` (docs/chartmuseum.md 3.6).
pub async fn templates(
    State(state): State<Arc<ServerState>>,
    Pull(tenant): Pull,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    let body = read_package(&state, &tenant, &name, &version, |package, limits| {
        let archive::Templates { templates, values } = archive::templates(package, limits)?;
        let templates: Option<Vec<Value>> = (!templates.is_empty()).then(|| {
            templates
                .iter()
                .map(|(name, data)| json!({ "name": name, "data": STANDARD.encode(data) }))
                .collect()
        });
        let values = match values {
            None => Value::Null,
            // one that cannot be shown as JSON was refused at upload
            Some(text) => yaml::values(&text, VALUES_LIMITS)
                .map_or_else(|_| json!({}), |values| values.to_json()),
        };
        let templates = serde_json::to_string(&templates).expect("strings serialise");
        Ok(format!(r#"{{"templates":{templates},"values":{values}}}"#))
    })
    .await?;
    Ok(json_response(body.into()))
}

/// `GET /api/charts/{name}/{version}/values`.
pub async fn values(
    State(state): State<Arc<ServerState>>,
    Pull(tenant): Pull,
    Path((name, version)): Path<(String, String)>,
) -> Result<Response, HttpError> {
    let values = read_package(&state, &tenant, &name, &version, |package, limits| {
        archive::read_file(package, "values.yaml", limits)
    });
    let values = values
        .await?
        .ok_or_else(|| HttpError::FileNotFound("values.yaml".into()))?;
    let mut response = Response::new(Body::from(values));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/yaml"));
    Ok(response)
}

/// `GET /api/charts/{name}/{version}/files/{path}`.
pub async fn file(
    State(state): State<Arc<ServerState>>,
    Pull(tenant): Pull,
    Path((name, version, path)): Path<(String, String, String)>,
) -> Result<Response, HttpError> {
    let wanted = path.clone();
    let file = read_package(&state, &tenant, &name, &version, move |package, limits| {
        archive::read_file(package, &wanted, limits)
    });
    let file = file.await?.ok_or_else(|| HttpError::FileNotFound(path))?;
    // a chart's file is somebody else's text: it is shown as text, never run as a page
    let content_type = match std::str::from_utf8(&file) {
        Ok(_) => HeaderValue::from_static("text/plain; charset=utf-8"),
        Err(_) => HeaderValue::from_static("application/octet-stream"),
    };
    let mut response = Response::new(Body::from(file));
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
        .headers_mut()
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

/// Resolves a version, fetches its package and reads something from it on a thread that may take its time.
async fn read_package<T: Send + 'static>(
    state: &ServerState,
    tenant: &Tenant,
    name: &str,
    version: &str,
    read: impl FnOnce(&[u8], &archive::Limits) -> Result<T, ArchiveError> + Send + 'static,
) -> Result<T, HttpError> {
    let entry = state.repository.resolve(tenant, name, version).await?;
    let _slot = state.repository.opening_slot().await;
    let package = state.repository.package(tenant, &entry).await?;
    let package = package.ok_or(HttpError::ObjectNotFound)?;
    let limits = archive::Limits::default();
    let read = tokio::task::spawn_blocking(move || read(&package, &limits)).await;
    read.expect("reading a package does not panic")
        .map_err(HttpError::StoredPackage)
}

fn json_response(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}
