//! What the server says of itself: health, readiness, metrics.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_TYPE, HeaderMap, HeaderValue,
    RETRY_AFTER,
};
use serde_json::json;

use crate::metrics;
use crate::server::ServerState;
use crate::server::auth::Pull;
use crate::server::error::{HttpError, JSON};
use crate::server::request_log::HealthProbe;

/// `GET /info`: ChartMuseum's `version`, and `helm` where a controller runs one.
pub async fn info(State(state): State<Arc<ServerState>>) -> Response {
    let mut info = json!({ "version": env!("CARGO_PKG_VERSION") });
    if let Some(helm) = state.site.helm.borrow().as_deref() {
        info["helm"] = helm.into();
    }
    json_response(StatusCode::OK, &info)
}

/// `GET /health`: the program runs. Nothing else is looked at (docs/chartmuseum.md 2.5).
pub async fn health() -> Response {
    let mut response = json_response(StatusCode::OK, &json!({ "healthy": true }));
    response.extensions_mut().insert(HealthProbe);
    response
}

/// `GET /readyz`: the index of every tenant in storage is complete, and the storage is there.
pub async fn ready(State(state): State<Arc<ServerState>>) -> Response {
    let trouble = state
        .repository
        .store()
        .root()
        .and_then(|root| root.trouble());
    if *state.site.ready.borrow() && trouble.is_none() {
        let mut response = json_response(StatusCode::OK, &json!({ "ready": true }));
        response.extensions_mut().insert(HealthProbe);
        return response;
    }
    let reason = match trouble {
        Some(trouble) => trouble.to_string(),
        None => "the index is not complete yet; requests for it wait".into(),
    };
    let body = json!({ "ready": false, "reason": reason });
    let mut response = json_response(StatusCode::SERVICE_UNAVAILABLE, &body);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// `GET /metrics`.
pub async fn metrics(State(state): State<Arc<ServerState>>) -> Response {
    let Some(families) = &state.site.metrics else {
        return HttpError::NotFound(Default::default()).into_response();
    };
    let counts = state.repository.tenant_counts();
    families.set_tenants(
        counts
            .iter()
            .map(|of| (of.tenant.as_str(), of.charts, of.versions)),
    );
    families.set_index(
        counts
            .iter()
            .map(|of| (of.tenant.as_str(), of.index_bytes, of.unread)),
        state.repository.index_limit(),
    );
    let mut response = Response::new(Body::from(families.render()));
    let content_type = HeaderValue::from_static(metrics::CONTENT_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// `GET /artifacthub-repo.yml`.
pub async fn artifact_hub(
    State(state): State<Arc<ServerState>>,
    Pull(tenant): Pull,
) -> Result<Response, HttpError> {
    let id = state
        .site
        .artifact_hub_ids
        .get(tenant.as_str())
        .ok_or(HttpError::NoArtifactHubId)?;
    let mut response = Response::new(Body::from(format!("repositoryID: {id}\n")));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/x-yaml"));
    Ok(response)
}

/// `OPTIONS` on an API route: what a page of another origin may send, and whether it may see the answers.
pub fn preflight(state: &ServerState, request: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, HEAD, POST, DELETE"),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    if let Some(wanted) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    if let Some(origin) = &state.site.cors_allow_origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    response
}

fn json_response(status: StatusCode, body: &serde_json::Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}
