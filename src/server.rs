//! The HTTP surface: a request's tenant is split off its path, and the [router](routes) answers for the rest.

pub mod auth;
pub mod charts;
pub mod error;
pub mod helm_repo;
pub mod multipart;
pub mod oci;
pub mod readers;
pub mod request_log;
pub mod routes;
pub mod server_info;
pub mod tenancy;
pub mod upload;
pub mod welcome;

use std::any::Any;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::MatchedPath;
use axum::response::{IntoResponse as _, Response};
use axum::{BoxError, Router};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{ALLOW, CONTENT_LENGTH, HOST, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, StatusCode, Uri, Version};
use http_body::Body as HttpBody;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::sync::watch;
use tower::Service;

use crate::listener::{Reservation, ResponseBudget};
use crate::metrics::{Metrics, Served};
use crate::oci::route;
use crate::repository::ChartRepository;
use crate::repository::key::Tenant;
use crate::server::auth::Authorizer;
use crate::server::error::HttpError;
use crate::server::readers::Readers;
use crate::server::request_log::RequestLog;
use crate::server::tenancy::PathRules;
use crate::server::upload::UploadRules;
use crate::server::welcome::Welcome;

/// What the handlers share.
#[derive(Debug)]
pub struct ServerState {
    /// The charts.
    pub repository: Arc<ChartRepository>,
    /// Which paths there are.
    pub paths: PathRules,
    /// Who may do what.
    pub authorizer: Authorizer,
    /// What may be uploaded.
    pub uploads: UploadRules,
    /// The memory of all answers on their way.
    pub budget: ResponseBudget,
    /// Threads to read through a package for an answer.
    pub readers: Readers,
    /// The distribution API, if it is served.
    pub oci: Option<oci::OciState>,
    /// The rest of what may be shown.
    pub site: Site,
}

impl ServerState {
    /// Room in memory for an answer, or for a part of it.
    ///
    /// # Errors
    /// Those who read slowly have taken it all for a while.
    pub(crate) async fn room(&self, bytes: usize) -> Result<Reservation, HttpError> {
        if let Some(room) = self.budget.try_reserve(bytes) {
            return Ok(room);
        }
        let room = tokio::time::timeout(ROOM_PATIENCE, self.budget.reserve(bytes)).await;
        room.map_err(|_| HttpError::Busy)
    }
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

/// How long an answer waits for room in memory. Readers that take nothing are cut much sooner when somebody waits.
const ROOM_PATIENCE: Duration = Duration::from_secs(20);

/// What a path of the router may hold only escaped.
const NOT_IN_A_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// The whole server. It never fails: whatever goes wrong is an answer too.
pub fn service<B>(
    state: impl Into<Arc<ServerState>>,
    log: RequestLog,
) -> impl Service<Request<B>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let door = Arc::new(Door::new(state, log));
    tower::service_fn(move |request: Request<B>| {
        let door = Arc::clone(&door);
        async move { Ok(door.answer(request).await) }
    })
}

/// What a port of its own for probes answers: health, readiness, and the metrics if they are on.
pub fn probes(state: &Arc<ServerState>) -> Router {
    routes::probes(state)
}

/// Stands in front of the router.
struct Door {
    router: Router,
    state: Arc<ServerState>,
    log: RequestLog,
}

impl Door {
    fn new(state: impl Into<Arc<ServerState>>, log: RequestLog) -> Self {
        let state = state.into();
        Self {
            router: routes::router(&state),
            state,
            log,
        }
    }

    /// Answers one request and accounts for it.
    async fn answer<B>(&self, request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let logged = self.log.begin(&request);
        let (started, method) = (Instant::now(), request.method().clone());
        let request_size = approximate_size(&request, self.state.uploads.max_size);
        let (mut response, tenant) = match self.enter(request) {
            Ok((request, tenant)) => (self.route(request).await, tenant),
            Err(refusal) => (refusal.into_response(), Tenant::root()),
        };
        let route = response.extensions_mut().remove::<MatchedPath>();
        if let (Some(metrics), Some(route)) = (&self.state.site.metrics, route) {
            metrics.served(Served {
                method: &method,
                url: &routes::url_label(&method, route.as_str(), &tenant),
                status: response.status(),
                duration: started.elapsed(),
                request_size,
                response_size: response.body().size_hint().exact().unwrap_or(0),
            });
        }
        self.log.end(logged, &mut response);
        response
    }

    /// The request as the router gets it: with a path that has no tenant, and with the tenant as an extension.
    fn enter<B>(&self, mut request: Request<B>) -> Result<(Request<B>, Tenant), HttpError> {
        refuse_hosts(&request)?;
        let path = tenancy::decode(request.uri().path()).map_err(HttpError::NotFound)?;
        if self.state.oci.is_some() && route::is_oci(&path) {
            // at the host's root, whatever the context path: clients can be told no other place
            request.extensions_mut().insert(Tenant::root());
            return Ok((request, Tenant::root()));
        }
        let split = tenancy::split(request.method(), &path, &self.state.paths)
            .map_err(HttpError::NotFound)?;
        let routed =
            (split.path != request.uri().path()).then(|| with_path(request.uri(), &split.path));
        let tenant = split.tenant;
        if let Some(uri) = routed {
            *request.uri_mut() = uri;
        }
        request.extensions_mut().insert(tenant.clone());
        Ok((request, tenant))
    }

    /// What the router answers, without what it adds of its own accord: ChartMuseum sends no `Allow`, and an answer that
    /// cannot have a body has no length.
    async fn route<B>(&self, request: Request<B>) -> Response
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let is_oci = self.state.oci.is_some() && route::is_oci(request.uri().path());
        // most requests have no body, and an empty one costs nothing to hand on
        let request = match request.body().is_end_stream() {
            true => request.map(|_| Body::empty()),
            false => request.map(Body::new),
        };
        let mut response = unless_it_panics(self.router.clone().call(request)).await;
        let status = response.status();
        let headers = response.headers_mut();
        if !is_oci {
            headers.remove(ALLOW);
        }
        if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            headers.remove(CONTENT_LENGTH);
        }
        response
    }
}

/// RFC 9112 section 3.2: a request of HTTP/1.1 names its host exactly once. Who sends two hopes that a proxy and this
/// server choose different ones.
fn refuse_hosts<B>(request: &Request<B>) -> Result<(), HttpError> {
    let hosts = request.headers().get_all(HOST).iter().count();
    match (request.version(), hosts) {
        (Version::HTTP_11, 0) | (_, 2..) => Err(HttpError::Host),
        _ => Ok(()),
    }
}

/// The answer, or a 500 in its place: a fault in one handler must not cut the connection.
async fn unless_it_panics(answer: impl Future<Output = Result<Response, Infallible>>) -> Response {
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(Ok(response)) => response,
        Err(panic) => HttpError::Panic(text_of(&*panic)).into_response(),
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a text")
        .to_owned()
}

/// The same with another path, which is not escaped yet.
fn with_path(uri: &Uri, path: &str) -> Uri {
    let mut escaped = utf8_percent_encode(path, NOT_IN_A_PATH).to_string();
    if let Some(query) = uri.query() {
        escaped.push('?');
        escaped.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query =
        Some(PathAndQuery::try_from(escaped).expect("an escaped path, and a query as it came"));
    Uri::from_parts(parts).expect("only the path has changed")
}

/// Bytes of a request, roughly, as ChartMuseum counts them (docs/chartmuseum.md 10).
///
/// A body that announces more than `largest` is refused and never comes, so no more than that is counted: otherwise a
/// single header could spoil the sum.
fn approximate_size(request: &Request<impl HttpBody>, largest: u64) -> u64 {
    let headers: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    let head = request.uri().path().len() + request.method().as_str().len() + headers;
    let body = request.body().size_hint().exact().unwrap_or(0);
    (head as u64).saturating_add(body.min(largest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::request_log::ErrorCause;

    #[tokio::test]
    async fn a_panic_is_a_500_whose_cause_the_client_does_not_see() {
        let response = unless_it_panics(async { panic!("disk {}", "on fire") }).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let cause = response.extensions().get::<ErrorCause>();
        assert_eq!(cause, Some(&ErrorCause("disk on fire".to_owned())));
        let body = axum::body::to_bytes(response.into_body(), 1 << 10).await;
        let body = String::from_utf8(body.expect("a body").to_vec()).expect("text");
        assert!(body.starts_with(r#"{"error":""#), "{body}");
        assert!(!body.contains("fire"), "{body}");
    }
}
