//! The distribution API's HTTP surface: a path below `/v2/` is read, the caller judged, the
//! [registry](crate::oci::registry) asked.

mod answers;
mod blobs;
mod door;
mod lists;
mod manifests;
mod realm;
mod token;
mod uploads;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{Method, StatusCode};

use crate::config::ApiRoutes;
use crate::oci::error::OciError;
use crate::oci::name::RepositoryName;
use crate::oci::registry::Registry;
use crate::oci::route::{self, Route, Within};
use crate::oci::token::{Claims, Key};
use crate::server::ServerState;
use crate::server::tenancy;

/// What the handlers need.
#[derive(Debug)]
pub struct OciState {
    /// What is pushed and pulled.
    pub registry: Arc<Registry>,
    /// Which operations are served.
    pub routes: ApiRoutes,
    /// How clients are asked who they are.
    pub auth: OciAuth,
}

/// How clients are asked who they are. Credentials that are sent with a request count either way.
#[derive(Debug)]
pub enum OciAuth {
    /// By their password.
    Basic,
    /// By a token, which this server hands out.
    Token {
        /// What tokens are signed with.
        key: Key,
        /// Clients reach this server by HTTPS, unless a proxy says otherwise.
        is_https: bool,
    },
}

/// What a handler knows of the request beside its body.
struct Call<'a> {
    state: &'a ServerState,
    oci: &'a OciState,
    head: &'a Parts,
}

impl Call<'_> {
    /// A header, if it is text.
    fn header(&self, name: http::HeaderName) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// What a token says, if it is one of this server's.
    fn claims(&self, token: &str) -> Option<Claims> {
        match &self.oci.auth {
            OciAuth::Basic => None,
            OciAuth::Token { key, .. } => key.verify(token, token::now()),
        }
    }

    /// The values of a query parameter, decoded.
    fn query(&self, wanted: &str) -> Vec<String> {
        let query = self.head.uri.query().unwrap_or_default();
        form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
            .collect()
    }

    fn query_one(&self, wanted: &str) -> Option<String> {
        self.query(wanted).into_iter().next()
    }

    fn is_head(&self) -> bool {
        self.head.method == Method::HEAD
    }

    /// The names that a repository may have here for a mirror's client, who says whose it means (`?ns=`): below the
    /// registry's host first, so that two registries' repositories of one name are two.
    fn names(&self, name: &RepositoryName) -> Vec<RepositoryName> {
        let namespace = self.query_one("ns").map(|ns| namespace(&ns));
        let below = namespace.and_then(|namespace| name.below(&namespace));
        below.into_iter().chain([name.clone()]).collect()
    }
}

/// The component that a mirrored registry's repositories lie below.
fn namespace(ns: &str) -> String {
    match ns {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        other => other.replace(':', "_"),
    }
}

/// Everything below `/v2`.
pub async fn answer(State(state): State<Arc<ServerState>>, request: Request) -> Response {
    let Some(oci) = &state.oci else {
        return answers::refusal(&OciError::NoSuchPath);
    };
    let (head, body) = request.into_parts();
    let call = Call {
        state: &state,
        oci,
        head: &head,
    };
    let answered = match enter(&call) {
        Ok(route) => dispatch(&call, route, body).await,
        Err(refused) => {
            door::drain(body, call.header(CONTENT_LENGTH)).await;
            Err(refused)
        }
    };
    let mut response = answered.unwrap_or_else(|error| answers::refusal(&error));
    answers::sign(&mut response, call.query_one("ns").as_deref());
    response
}

/// What is asked for, if the caller may ask for it.
fn enter(call: &Call<'_>) -> Result<Route, OciError> {
    let path = tenancy::decode(call.head.uri.path()).map_err(|_| OciError::NoSuchPath)?;
    let route = route::parse(&path)?;
    let wanted = |name| door::Wanted::by(&call.head.method, name);
    match &route {
        Route::Base | Route::Token => {}
        Route::Catalog | Route::Extensions => door::authorize(call, wanted(None))?,
        Route::Of(name, _) => door::authorize(call, wanted(Some(name)))?,
    }
    refuse_switched_off(call, &route)?;
    Ok(route)
}

/// `--disable-api` and `--disable-delete` mean here what they mean for charts.
fn refuse_switched_off(call: &Call<'_>, route: &Route) -> Result<(), OciError> {
    let is_write = !matches!(call.head.method, Method::GET | Method::HEAD);
    let cancels = matches!(route, Route::Of(_, Within::Upload(_)));
    match call.oci.routes {
        ApiRoutes::None if is_write && matches!(route, Route::Of(..)) => Err(
            OciError::SwitchedOff("this server takes no pushes (--disable-api)"),
        ),
        ApiRoutes::WithoutDelete if call.head.method == Method::DELETE && !cancels => Err(
            OciError::SwitchedOff("this server deletes nothing (--disable-delete)"),
        ),
        ApiRoutes::None | ApiRoutes::WithoutDelete | ApiRoutes::All => Ok(()),
    }
}

async fn dispatch(call: &Call<'_>, route: Route, body: Body) -> Result<Response, OciError> {
    use Method as M;
    let method = &call.head.method;
    let is_read = matches!(*method, M::GET | M::HEAD);
    match route {
        Route::Base if is_read => door::base(call),
        Route::Catalog if is_read => lists::catalog(call).await,
        Route::Extensions if is_read => Ok(lists::extensions()),
        Route::Token => token::answer(call, body).await,
        Route::Base | Route::Catalog | Route::Extensions => {
            Err(OciError::NoSuchMethod("GET, HEAD"))
        }
        Route::Of(name, within) => match within {
            Within::Tags if is_read => lists::tags(call, &name).await,
            Within::Referrers(digest) if is_read => lists::referrers(call, &name, &digest).await,
            Within::Tags | Within::Referrers(_) => Err(OciError::NoSuchMethod("GET, HEAD")),
            Within::Manifest(reference) => match *method {
                M::GET | M::HEAD => manifests::get(call, &name, &reference).await,
                M::PUT => manifests::put(call, &name, &reference, body).await,
                M::DELETE => manifests::delete(call, &name, &reference).await,
                _ => Err(OciError::NoSuchMethod("GET, HEAD, PUT, DELETE")),
            },
            Within::Blob(digest) => match *method {
                M::GET | M::HEAD => blobs::get(call, &name, &digest).await,
                M::DELETE => blobs::delete(call, &name, &digest).await,
                _ => Err(OciError::NoSuchMethod("GET, HEAD, DELETE")),
            },
            Within::Uploads => match *method {
                M::POST => uploads::begin(call, &name, body).await,
                _ => Err(OciError::NoSuchMethod("POST")),
            },
            Within::Upload(id) => match *method {
                M::GET | M::HEAD => uploads::status(call, &name, &id).await,
                M::PATCH => uploads::append(call, &name, &id, body).await,
                M::PUT => uploads::finish(call, &name, &id, body).await,
                M::DELETE => uploads::cancel(call, &name, &id).await,
                _ => Err(OciError::NoSuchMethod("GET, HEAD, PATCH, PUT, DELETE")),
            },
        },
    }
}

/// An answer without a body.
fn empty(status: StatusCode) -> Response {
    let mut response = status.into_response();
    if status != StatusCode::NO_CONTENT {
        response
            .headers_mut()
            .insert(CONTENT_LENGTH, http::HeaderValue::from_static("0"));
    }
    response
}
