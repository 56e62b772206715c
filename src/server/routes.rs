//! The route table. Paths come without context path and tenant: [`tenancy`](super::tenancy) has split them off.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, delete, get, post};
use http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use http::{HeaderMap, Method, StatusCode};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::repository::key::Tenant;
use crate::server::error::HttpError;
use crate::server::tenancy::NotFound;
use crate::server::{ServerState, charts, helm_repo, oci, server_info, upload, welcome};

/// Every route there is. `HEAD` is answered wherever `GET` is; who may ask is written in the handlers' arguments, as
/// [`Pull`](super::auth::Pull) and [`Push`](super::auth::Push).
pub fn router(state: &Arc<ServerState>) -> Router {
    let (delete_chart, delete_version) = if state.uploads.delete {
        (delete(upload::delete_chart), delete(upload::delete_version))
    } else {
        (delete(deletion_is_off), delete(deletion_is_off))
    };
    let api = Router::new()
        .route("/api/charts", get(charts::list).post(upload::chart))
        .route("/api/prov", post(upload::provenance))
        .route("/api/charts/{name}", get(charts::chart).merge(delete_chart))
        .route(
            "/api/charts/{name}/{version}",
            get(charts::version).merge(delete_version),
        )
        .route(
            "/api/charts/{name}/{version}/templates",
            get(charts::templates),
        )
        .route("/api/charts/{name}/{version}/values", get(charts::values))
        .route(
            "/api/charts/{name}/{version}/files/{*path}",
            get(charts::file),
        );
    let api = allow_origin(api, state).method_not_allowed_fallback(preflight);

    let mut routes = Router::new()
        .route("/", get(welcome::page))
        .route("/info", get(server_info::info))
        .route("/health", get(server_info::health))
        .route("/readyz", get(server_info::ready))
        .route("/index.yaml", get(helm_repo::index))
        .route("/charts/{filename}", get(helm_repo::download))
        .route("/static/{*path}", get(welcome::static_file))
        .merge(api);
    if state.oci.is_some() {
        for path in ["/v2", "/v2/", "/v2/{*path}"] {
            routes = routes.route(path, any(oci::answer));
        }
    }
    if !state.site.artifact_hub_ids.is_empty() {
        routes = routes.route("/artifacthub-repo.yml", get(server_info::artifact_hub));
    }
    if state.site.metrics.is_some() {
        // whoever asks for the metrics is not counted
        routes = routes
            .route_layer(middleware::from_fn(name_route))
            .route("/metrics", get(server_info::metrics));
    }
    routes
        .method_not_allowed_fallback(not_found)
        .fallback(not_found)
        .with_state(Arc::clone(state))
}

/// The routes of a port of its own for probes, the same at any context path.
pub(super) fn probes(state: &Arc<ServerState>) -> Router {
    Router::new()
        .route("/health", get(server_info::health))
        .route("/readyz", get(server_info::ready))
        .route("/metrics", get(server_info::metrics))
        .fallback(not_found)
        .with_state(Arc::clone(state))
}

/// Lets pages of another origin see the answers, if one is configured. A 401 stays hidden from them.
fn allow_origin(api: Router<Arc<ServerState>>, state: &ServerState) -> Router<Arc<ServerState>> {
    let Some(origin) = state.site.cors_allow_origin.clone() else {
        return api;
    };
    let visible = move |response: &Response| {
        (response.status() != StatusCode::UNAUTHORIZED).then(|| origin.clone())
    };
    api.route_layer(SetResponseHeaderLayer::overriding(
        ACCESS_CONTROL_ALLOW_ORIGIN,
        visible,
    ))
}

/// ChartMuseum knows no 405.
async fn not_found() -> HttpError {
    HttpError::NotFound(NotFound::default())
}

async fn deletion_is_off() -> HttpError {
    HttpError::NotFound(NotFound::because(
        "this server does not delete charts (--disable-delete)",
    ))
}

/// What is asked of a path of the API with none of its methods: `OPTIONS`, or in vain.
async fn preflight(
    State(state): State<Arc<ServerState>>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    if method == Method::OPTIONS {
        Ok(server_info::preflight(&state, &headers))
    } else {
        Err(not_found().await)
    }
}

/// Tells the metrics which route it was.
async fn name_route(path: MatchedPath, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.extensions_mut().insert(path);
    response
}

/// A route as the `url` label of the metrics: the path with its parameters' names in place of their values, without the
/// context path. docs/chartmuseum.md 10, with a slash behind `:repo` and without it in the root tenant.
pub(super) fn url_label<'a>(method: &Method, route: &'a str, tenant: &Tenant) -> Cow<'a, str> {
    if *method == Method::OPTIONS {
        return "/api".into();
    }
    if route.starts_with("/static/") {
        return "/static".into();
    }
    if tenant.is_root() && !route.contains('{') {
        return route.into();
    }
    let named = route.replace("{*", ":").replace('{', ":").replace('}', "");
    let label = match (tenant.is_root(), named.strip_prefix("/api")) {
        (true, _) => named,
        (false, Some(below)) => format!("/api/:repo{below}"),
        (false, None) => format!("/:repo{named}").trim_end_matches('/').to_owned(),
    };
    label.into()
}
