//! Splits a request's path into the tenant and what is asked of it: `/x/org1/index.yaml` is `/index.yaml` of `org1`
//! below the context path `/x`. The router behind it sees paths without tenants.
//!
//! docs/chartmuseum.md 2, with the "better ways" of their quirks: a wrong depth or context path is a 404 with a
//! hint instead of a page of HTML, and `HEAD` is allowed wherever `GET` is.

mod depth;
mod hint;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::config::Depth;
use crate::repository::key::Tenant;

/// What the configuration says about paths.
#[derive(Clone, Debug)]
pub struct PathRules {
    /// Prefix of every path except `/metrics`: empty, or with a leading and without a trailing slash (`/x/y`).
    pub context_path: String,
    /// Where a tenant's name ends.
    pub depth: Depth,
    /// Serve `/api`.
    pub api: bool,
    /// Serve `/static…` from the web template directory.
    pub static_files: bool,
    /// Serve `/metrics`.
    pub metrics: bool,
}

/// What a path asks for, and of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split<'a> {
    /// The tenant; the root for what belongs to none, `/health` for one.
    pub tenant: Tenant,
    /// The rest, as the router knows it: below `/api` and nowhere else for the API; `/static` before the whole path of
    /// a static file; `latest` for an empty version.
    pub path: Cow<'a, str>,
}

/// Nothing is served here: the path is unknown, has no such method, or the feature is switched off. Always a 404.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotFound {
    /// One sentence for whoever mistook the address; it never repeats what the client sent.
    pub hint: Option<String>,
}

impl NotFound {
    /// With a hint.
    pub fn because(hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
        }
    }
}

/// A path with its percent escapes decoded; `+` stays.
///
/// # Errors
/// [`NotFound`] for what cannot be a name of anything here: control characters, broken escapes, invalid UTF-8, and an
/// escaped slash, which a proxy in front may take for a part of a name: its rules for one tenant must hold here too.
pub fn decode(raw: &str) -> Result<Cow<'_, str>, NotFound> {
    if raw
        .as_bytes()
        .windows(3)
        .any(|escape| escape.eq_ignore_ascii_case(b"%2F"))
    {
        return Err(NotFound::because(
            "an escaped slash (%2F) separates nothing here: write / where one is meant",
        ));
    }
    let escapes_are_whole = raw.split('%').skip(1).all(|rest| {
        let rest = rest.as_bytes();
        rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_hexdigit)
    });
    let path = percent_decode_str(raw).decode_utf8().ok();
    path.filter(|path| {
        raw.starts_with('/') && escapes_are_whole && !path.chars().any(char::is_control)
    })
    .ok_or_else(NotFound::default)
}

/// Splits a [decoded](decode) path. Whether the rest is served, and with this method, is for the router to say.
///
/// # Errors
/// [`NotFound`] for what is the path of no route, whatever the tenant.
pub fn split<'a>(method: &Method, path: &'a str, rules: &PathRules) -> Result<Split<'a>, NotFound> {
    let is_read = match *method {
        Method::GET | Method::HEAD => true,
        Method::POST | Method::DELETE | Method::OPTIONS => false,
        _ => return Err(NotFound::default()),
    };
    let of_nobody = |path| {
        Ok(Split {
            tenant: Tenant::root(),
            path,
        })
    };
    if is_read && rules.metrics && path == "/metrics" {
        return of_nobody(path.into());
    }
    let path = below_context(path, &rules.context_path)
        .ok_or_else(|| NotFound::because(hint::other_context(&rules.context_path)))?;
    if is_read && matches!(path, "/" | "/health" | "/readyz" | "/info") {
        return of_nobody(path.into());
    }
    let static_file = |prefix: &str| {
        let is_static = is_read && rules.static_files && path.starts_with(prefix);
        is_static.then(|| Cow::from(format!("/static{path}")))
    };
    if let Some(file) = static_file("/static/") {
        return of_nobody(file);
    }
    let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    match depth::split(method, path, &segments, rules.depth) {
        Some(split) if split.is_api() && !rules.api => Err(NotFound::because(
            "the API of this server is switched off (--disable-api)",
        )),
        Some(split) => Ok(split),
        None => match static_file("/static") {
            // ChartMuseum serves every path that starts with these letters; a tenant `staticorg` comes first here
            Some(file) => of_nobody(file),
            None => Err(NotFound {
                hint: hint::other_depth(method, path, &segments, rules),
            }),
        },
    }
}

/// The path as if the server stood at the root; `None` outside the context path. `/xy` is not below `/x`.
fn below_context<'a>(path: &'a str, context_path: &str) -> Option<&'a str> {
    match path.strip_prefix(context_path)? {
        "" => Some("/"),
        rest if rest.starts_with('/') => Some(rest),
        _ => None,
    }
}

impl Split<'_> {
    /// True below `/api`: what `--disable-api` removes.
    fn is_api(&self) -> bool {
        self.path.starts_with("/api/")
    }
}
