//! The HTTP surface: the whole route table is the one `match` in `dispatch`.

pub mod auth;
pub mod body;
pub mod charts;
pub mod error;
pub mod helm_repo;
pub mod multipart;
pub mod query;
pub mod request_log;
pub mod route;
pub mod serve;
pub mod server_info;
pub mod upload;
pub mod welcome;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use http_body::Body as _;
use hyper::header::{ACCESS_CONTROL_ALLOW_ORIGIN, AUTHORIZATION, HeaderValue};
use hyper::{Request, Response};
use tokio::sync::watch;

use crate::http::auth::{Authorizer, Decision};
use crate::http::body::Body;
use crate::http::error::{Form, HttpError};
use crate::http::query::Query;
use crate::http::request_log::RequestLog;
use crate::http::route::{Route, RouteRules};
use crate::http::serve::RequestBody;
use crate::http::upload::UploadRules;
use crate::http::welcome::Welcome;
use crate::metrics::{Metrics, Served};
use crate::repository::ChartRepository;

/// What the handlers share.
#[derive(Debug)]
pub struct HttpState {
    /// The charts.
    pub repository: Arc<ChartRepository>,
    /// Which routes there are.
    pub rules: RouteRules,
    /// Who may do what.
    pub authorizer: Authorizer,
    /// What may be uploaded.
    pub uploads: UploadRules,
    /// The rest of what may be shown.
    pub site: Site,
}

/// What the server shows besides charts.
#[derive(Debug)]
pub struct Site {
    /// Value of `Access-Control-Allow-Origin` on API routes.
    pub cors_allow_origin: Option<HeaderValue>,
    /// The welcome page and its files.
    pub welcome: Welcome,
    /// Artifact Hub repository IDs by tenant.
    pub artifact_hub_ids: BTreeMap<String, String>,
    /// True once the index is complete.
    pub ready: watch::Receiver<bool>,
    /// Counters, if they are served.
    pub metrics: Option<Arc<Metrics>>,
    /// The version of Helm that the controller in this process runs, such as `4.3.1`; `None` while it looks for one, and
    /// where there is no controller.
    pub helm: watch::Receiver<Option<String>>,
}

/// Answers one request and accounts for it. Never fails: whatever goes wrong is an answer too.
pub async fn answer(
    state: &HttpState,
    log: &RequestLog,
    request: Request<RequestBody>,
) -> Response<Body> {
    let logged = log.begin(&request);
    let (started, method) = (Instant::now(), request.method().clone());
    let request_size = approximate_size(&request);
    let (mut response, url) = respond(state, request).await;
    if let (Some(metrics), Some(url)) = (&state.site.metrics, url) {
        metrics.served(Served {
            method: &method,
            url,
            status: response.status(),
            duration: started.elapsed(),
            request_size,
            response_size: response.body().size_hint().exact().unwrap_or(0),
        });
    }
    log.end(logged, &mut response);
    response
}

/// The answer, and the route's template for metrics if the request counts there: it has a route, and is not for the
/// metrics themselves (contract section 7).
async fn respond(
    state: &HttpState,
    request: Request<RequestBody>,
) -> (Response<Body>, Option<&'static str>) {
    let route = match route::resolve(request.method(), request.uri().path(), &state.rules) {
        Ok(route) => route,
        Err(not_found) => return (HttpError::NotFound(not_found).into_response(), None),
    };
    let template = (route != Route::Metrics).then(|| route.template());
    let credentials = request.headers().get(AUTHORIZATION);
    if let Decision::Deny { challenge } = state.authorizer.authorize(route.action(), credentials) {
        return (HttpError::Unauthorized(challenge).into_response(), template);
    }
    let is_api = route.is_api();
    let mut response = dispatch(state, route, request)
        .await
        .unwrap_or_else(HttpError::into_response);
    if let (true, Some(origin)) = (is_api, &state.site.cors_allow_origin) {
        response
            .headers_mut()
            .insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    (response, template)
}

/// Bytes of a request, roughly, as ChartMuseum counts them (contract section 7).
fn approximate_size(request: &Request<RequestBody>) -> u64 {
    let headers: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    let head = request.uri().path().len() + request.method().as_str().len() + headers;
    head as u64 + request.body().size_hint().exact().unwrap_or(0)
}

async fn dispatch(
    state: &HttpState,
    route: Route,
    request: Request<RequestBody>,
) -> Result<Response<Body>, HttpError> {
    let query = Query::of(request.uri());
    let headers = request.headers();
    match &route {
        Route::Welcome { .. } => Ok(state.site.welcome.page()),
        Route::Info => Ok(server_info::info(state)),
        Route::Health => Ok(server_info::health()),
        Route::Ready => Ok(server_info::ready(state)),
        Route::Metrics => Ok(server_info::metrics(state)),
        Route::ArtifactHub { tenant } => server_info::artifact_hub(state, tenant),
        Route::Static { path } => Ok(state
            .site
            .welcome
            .static_file(request.method(), path, headers)
            .await),
        Route::Preflight => Ok(server_info::preflight(headers)),

        Route::Index { tenant } => {
            helm_repo::index(state, tenant, headers, request.extensions().get()).await
        }
        Route::Download { tenant, file_name } => {
            helm_repo::download(state, request.method(), tenant, file_name, headers).await
        }

        Route::ListCharts { tenant } => charts::list(state, tenant, query).await,
        Route::GetChart { tenant, name } => charts::chart(state, tenant, name).await,
        Route::GetVersion {
            tenant,
            name,
            version,
        } => charts::version(state, tenant, name, version).await,
        Route::Templates {
            tenant,
            name,
            version,
        } => charts::templates(state, tenant, name, version).await,
        Route::Values {
            tenant,
            name,
            version,
        } => charts::values(state, tenant, name, version).await,
        Route::File {
            tenant,
            name,
            version,
            path,
        } => charts::file(state, tenant, name, version, path).await,

        Route::UploadChart { tenant } => upload::chart(state, tenant, request).await,
        Route::UploadProvenance { tenant } => {
            upload::raw(state, tenant, request, Form::RawProvenance).await
        }
        Route::DeleteVersion {
            tenant,
            name,
            version,
        } => upload::delete_version(state, tenant, name, version).await,
        Route::DeleteChart { tenant, name } => upload::delete_chart(state, tenant, name).await,
    }
}
