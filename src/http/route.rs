//! Which operation a request asks for: method and path in, a [`Route`] or a [`NotFound`] with a hint out.
//!
//! Contract sections 1.2 and 1.3, with the "better ways" of their quirks: a wrong depth or context path is a 404 with a
//! hint instead of a page of HTML, and `HEAD` is allowed wherever `GET` is.

mod hint;
mod pattern;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use hyper::Method;
use percent_encoding::percent_decode_str;

use crate::repository::key::Tenant;

/// How many path segments name a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Exactly this many (`--depth`).
    Fixed(usize),
    /// As many as the path has (`--depth-dynamic`, contract section 1.3.1).
    Dynamic,
}

/// What the configuration says about routes.
#[derive(Clone, Debug)]
pub struct RouteRules {
    /// Prefix of every path except `/metrics`: empty, or with a leading and without a trailing slash (`/x/y`).
    pub context_path: String,
    /// Where a tenant's name ends.
    pub depth: Depth,
    /// Serve `/api`.
    pub api: bool,
    /// Serve `DELETE` under `/api`.
    pub delete: bool,
    /// Serve `artifacthub-repo.yml`.
    pub artifact_hub: bool,
    /// Serve `/static…` from the web template directory.
    pub static_files: bool,
    /// Serve `/metrics`.
    pub metrics: bool,
}

/// What a route does to a repository, which is what a user needs the right for (contract section 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read.
    Pull,
    /// Upload or delete.
    Push,
}

/// One operation of the server, with its parameters percent-decoded. `HEAD` gives the same route as `GET`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are the path parameters that the variant's path shows"
)]
pub enum Route {
    /// `GET /`, and `GET /{tenant}` at a fixed depth.
    Welcome { tenant: Tenant },
    /// `GET /info`, `GET /{tenant}/info`.
    Info,
    /// `GET /health`, `GET /{tenant}/health`.
    Health,
    /// `GET /readyz`: whether the index is complete. Ours.
    Ready,
    /// `GET /metrics`, never under the context path.
    Metrics,
    /// `GET /{tenant}/index.yaml`.
    Index { tenant: Tenant },
    /// `GET /{tenant}/charts/{file_name}`. The name is one segment and not empty; nothing else is checked.
    Download { tenant: Tenant, file_name: String },
    /// `GET /{tenant}/artifacthub-repo.yml`.
    ArtifactHub { tenant: Tenant },
    /// `GET /static…`. The path is relative to the web template directory, as sent: it may hold `..`.
    Static { path: String },
    /// `GET /api/{tenant}/charts`.
    ListCharts { tenant: Tenant },
    /// `GET /api/{tenant}/charts/{name}`.
    GetChart { tenant: Tenant, name: String },
    /// `GET /api/{tenant}/charts/{name}/{version}`. The version is empty for `…/{name}/`, which means `latest`.
    GetVersion {
        tenant: Tenant,
        name: String,
        version: String,
    },
    /// `GET /api/{tenant}/charts/{name}/{version}/templates`.
    Templates {
        tenant: Tenant,
        name: String,
        version: String,
    },
    /// `GET /api/{tenant}/charts/{name}/{version}/values`.
    Values {
        tenant: Tenant,
        name: String,
        version: String,
    },
    /// `GET /api/{tenant}/charts/{name}/{version}/files/{path…}`. Ours. The path has one or more segments, none of
    /// them empty, `.` or `..`.
    File {
        tenant: Tenant,
        name: String,
        version: String,
        path: String,
    },
    /// `POST /api/{tenant}/charts`.
    UploadChart { tenant: Tenant },
    /// `POST /api/{tenant}/prov`.
    UploadProvenance { tenant: Tenant },
    /// `DELETE /api/{tenant}/charts/{name}/{version}`.
    DeleteVersion {
        tenant: Tenant,
        name: String,
        version: String,
    },
    /// `DELETE /api/{tenant}/charts/{name}`: every version of the chart. Ours.
    DeleteChart { tenant: Tenant, name: String },
    /// `OPTIONS` on any path of the API. Ours.
    Preflight,
}

/// Nothing is served here: the path is unknown, has no such method, or the feature is switched off. Always a 404.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotFound {
    /// One sentence for whoever mistook the address; it never repeats what the client sent.
    pub hint: Option<String>,
}

/// A request's method, as far as routes tell methods apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Post,
    Delete,
    Options,
}

/// Finds the route of a request. `raw_path` is the path as sent: still percent-encoded, without the query.
///
/// # Errors
/// [`NotFound`] for everything that contract section 1.6 answers with `not found`, and for paths with control
/// characters, broken escapes or invalid UTF-8.
pub fn resolve(method: &Method, raw_path: &str, rules: &RouteRules) -> Result<Route, NotFound> {
    let nothing = NotFound::default();
    let verb = match *method {
        Method::GET | Method::HEAD => Verb::Get,
        Method::POST => Verb::Post,
        Method::DELETE => Verb::Delete,
        Method::OPTIONS => Verb::Options,
        _ => return Err(nothing),
    };
    let path = decode(raw_path).ok_or(nothing)?;
    if verb == Verb::Get && rules.metrics && path == "/metrics" {
        return Ok(Route::Metrics);
    }
    let path = below_context(&path, &rules.context_path).ok_or_else(|| NotFound {
        hint: Some(hint::other_context(&rules.context_path)),
    })?;
    if verb == Verb::Get {
        match path {
            "/" => {
                return Ok(Route::Welcome {
                    tenant: Tenant::root(),
                });
            }
            "/health" => return Ok(Route::Health),
            "/readyz" => return Ok(Route::Ready),
            "/info" => return Ok(Route::Info),
            _ => {}
        }
    }
    let is_static =
        |prefix: &str| verb == Verb::Get && rules.static_files && path.starts_with(prefix);
    if is_static("/static/") {
        return Ok(Route::Static {
            path: path.to_owned(),
        });
    }
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    match pattern::find(verb, path, &segments, rules.depth) {
        Some(route) => switched_on(route, rules),
        // the contract serves every path that starts with these letters; a tenant `staticorg` comes first here
        None if is_static("/static") => Ok(Route::Static {
            path: path.to_owned(),
        }),
        None => Err(NotFound {
            hint: hint::other_depth(verb, path, &segments, rules),
        }),
    }
}

/// Refuses the routes that the configuration switches off.
fn switched_on(route: Route, rules: &RouteRules) -> Result<Route, NotFound> {
    let off = |hint: &str| {
        Err(NotFound {
            hint: Some(hint.to_owned()),
        })
    };
    match route {
        Route::ArtifactHub { .. } if !rules.artifact_hub => Err(NotFound::default()),
        _ if route.is_api() && !rules.api => {
            off("the API of this server is switched off (--disable-api)")
        }
        Route::DeleteChart { .. } | Route::DeleteVersion { .. } if !rules.delete => {
            off("this server does not delete charts (--disable-delete)")
        }
        _ => Ok(route),
    }
}

/// Decodes the percent escapes; `+` stays. `None` for what cannot be a name of anything here.
fn decode(raw: &str) -> Option<Cow<'_, str>> {
    let escapes_are_whole = raw.split('%').skip(1).all(|rest| {
        let rest = rest.as_bytes();
        rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_hexdigit)
    });
    if !raw.starts_with('/') || !escapes_are_whole {
        return None;
    }
    let path = percent_decode_str(raw).decode_utf8().ok()?;
    (!path.chars().any(char::is_control)).then_some(path)
}

/// The path as if the server stood at the root; `None` outside the context path. `/xy` is not below `/x`.
fn below_context<'a>(path: &'a str, context_path: &str) -> Option<&'a str> {
    match path.strip_prefix(context_path)? {
        "" => Some("/"),
        rest if rest.starts_with('/') => Some(rest),
        _ => None,
    }
}

impl Route {
    /// What a user needs the right for; `None` if the route is open to everyone.
    pub fn action(&self) -> Option<Action> {
        match self {
            Self::Info | Self::Health | Self::Ready | Self::Metrics | Self::Preflight => None,
            Self::UploadChart { .. }
            | Self::UploadProvenance { .. }
            | Self::DeleteVersion { .. }
            | Self::DeleteChart { .. } => Some(Action::Push),
            Self::Welcome { .. }
            | Self::Index { .. }
            | Self::Download { .. }
            | Self::ArtifactHub { .. }
            | Self::Static { .. }
            | Self::ListCharts { .. }
            | Self::GetChart { .. }
            | Self::GetVersion { .. }
            | Self::Templates { .. }
            | Self::Values { .. }
            | Self::File { .. } => Some(Action::Pull),
        }
    }

    /// True below `/api`: the routes that `--disable-api` removes and CORS headers are for.
    pub fn is_api(&self) -> bool {
        match self {
            Self::Welcome { .. }
            | Self::Info
            | Self::Health
            | Self::Ready
            | Self::Metrics
            | Self::Index { .. }
            | Self::Download { .. }
            | Self::ArtifactHub { .. }
            | Self::Static { .. } => false,
            Self::ListCharts { .. }
            | Self::GetChart { .. }
            | Self::GetVersion { .. }
            | Self::Templates { .. }
            | Self::Values { .. }
            | Self::File { .. }
            | Self::UploadChart { .. }
            | Self::UploadProvenance { .. }
            | Self::DeleteVersion { .. }
            | Self::DeleteChart { .. }
            | Self::Preflight => true,
        }
    }

    /// The path with its parameters' names in place of their values: the `url` label of the metrics, without the
    /// context path. Contract section 7, with a slash behind `:repo` and without it in the root tenant.
    pub fn template(&self) -> &'static str {
        let pick = |tenant: &Tenant, root: &'static str, nested: &'static str| {
            if tenant.is_root() { root } else { nested }
        };
        match self {
            Self::Welcome { tenant } => pick(tenant, "/", "/:repo"),
            Self::Info => "/info",
            Self::Health => "/health",
            Self::Ready => "/readyz",
            Self::Metrics => "/metrics",
            Self::Index { tenant } => pick(tenant, "/index.yaml", "/:repo/index.yaml"),
            Self::Download { tenant, .. } => {
                pick(tenant, "/charts/:filename", "/:repo/charts/:filename")
            }
            Self::ArtifactHub { tenant } => pick(
                tenant,
                "/artifacthub-repo.yml",
                "/:repo/artifacthub-repo.yml",
            ),
            Self::Static { .. } => "/static",
            Self::ListCharts { tenant } | Self::UploadChart { tenant } => {
                pick(tenant, "/api/charts", "/api/:repo/charts")
            }
            Self::GetChart { tenant, .. } | Self::DeleteChart { tenant, .. } => {
                pick(tenant, "/api/charts/:name", "/api/:repo/charts/:name")
            }
            Self::GetVersion { tenant, .. } | Self::DeleteVersion { tenant, .. } => pick(
                tenant,
                "/api/charts/:name/:version",
                "/api/:repo/charts/:name/:version",
            ),
            Self::Templates { tenant, .. } => pick(
                tenant,
                "/api/charts/:name/:version/templates",
                "/api/:repo/charts/:name/:version/templates",
            ),
            Self::Values { tenant, .. } => pick(
                tenant,
                "/api/charts/:name/:version/values",
                "/api/:repo/charts/:name/:version/values",
            ),
            Self::File { tenant, .. } => pick(
                tenant,
                "/api/charts/:name/:version/files/:path",
                "/api/:repo/charts/:name/:version/files/:path",
            ),
            Self::UploadProvenance { tenant } => pick(tenant, "/api/prov", "/api/:repo/prov"),
            Self::Preflight => "/api",
        }
    }
}
