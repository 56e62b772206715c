//! The address of a repository or one of its files. It shows no credentials and no query. Pure.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use http::header::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

/// Characters that need no escape in a path segment (RFC 3986, "unreserved").
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The file that lists a repository.
const INDEX: &str = "/index.yaml";

/// An HTTP address with its credentials. Displays and debugs without credentials and query.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Without user, password and fragment.
    url: Url,
    /// The value of the header `Authorization`.
    credentials: Option<HeaderValue>,
}

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is neither HTTP nor HTTPS, has no host, or has invalid characters.
    #[error("it is not an address; write http://HOST:PORT or https://HOST/PATH")]
    NotHttp,
    /// It is an OCI registry.
    #[error(
        "oci:// registries are not supported; give the http or https address of a chart repository"
    )]
    Oci,
}

impl Address {
    /// Parses an `http` or `https` URL, with or without `user:password@`. Blanks around it do not count; other scripts
    /// and blanks in it are sent as RFC 3986 and IDNA have them.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        let url = written(url)?;
        let (scheme, rest) = url.split_once("://").ok_or(AddressError::NotHttp)?;
        if scheme.eq_ignore_ascii_case("oci") {
            return Err(AddressError::Oci);
        }
        // a browser looks for a host behind more slashes
        if rest.starts_with('/') {
            return Err(AddressError::NotHttp);
        }
        Self::of(Url::parse(&url).map_err(|_| AddressError::NotHttp)?)
    }

    fn of(mut url: Url) -> Result<Self, AddressError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(AddressError::NotHttp);
        }
        let decoded = |text: &str| -> Vec<u8> { percent_decode_str(text).collect() };
        // a user name alone is sent with an empty password
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some(basic(
                &[
                    &decoded(user),
                    &b":"[..],
                    &decoded(password.unwrap_or_default()),
                ]
                .concat(),
            )),
        };
        let bare = url.set_username("").and_then(|()| url.set_password(None));
        bare.map_err(|()| AddressError::NotHttp)?;
        url.set_fragment(None);
        Ok(Self { url, credentials })
    }

    /// Resolves `reference` in the index of the repository at this address, as Helm does: by RFC 3986 section 5, and the
    /// query of the repository (a signature, a token) goes along, but only to its own scheme, host and port; so do the
    /// credentials, where the reference has none.
    ///
    /// # Errors
    /// The result is not an address.
    pub fn join(&self, reference: &str) -> Result<Self, AddressError> {
        let mut base = self.url.clone();
        base.set_path(&format!("{}/", self.path()));
        let mut joined = self.resolve(&base, reference)?;
        let takes_query = !has_scheme(reference.trim()) && self.has_origin_of(&joined);
        if let Some(query) = self.url.query().filter(|_| takes_query) {
            joined.url.set_query(Some(query));
        }
        Ok(joined)
    }

    /// The target of a redirect from this address.
    ///
    /// # Errors
    /// It is not an address.
    pub(super) fn redirected(&self, location: &str) -> Result<Self, AddressError> {
        self.resolve(&self.url, location)
    }

    /// What `reference` is where `base` is. Credentials are kept only for the same scheme, host and port.
    fn resolve(&self, base: &Url, reference: &str) -> Result<Self, AddressError> {
        let reference = written(reference)?;
        let mut resolved = match has_scheme(&reference) {
            true => Self::parse(&reference)?,
            false => Self::of(base.join(&reference).map_err(|_| AddressError::NotHttp)?)?,
        };
        if resolved.credentials.is_none() && self.has_origin_of(&resolved) {
            resolved.credentials.clone_from(&self.credentials);
        }
        Ok(resolved)
    }

    /// The addresses at which the chart API may list the versions of `chart`, most likely first: in `/a/b`, the whole
    /// path may be the server's context path, or the tenant, or a part of each.
    pub fn api_candidates(&self, chart: &str) -> Vec<Self> {
        let segments: Vec<&str> = self.path().split('/').skip(1).collect();
        let chart = utf8_percent_encode(chart, SEGMENT);
        (0..=segments.len())
            .rev()
            .take(MOST_CANDIDATES)
            .map(|at| {
                let (context, tenant) = segments.split_at(at);
                let part = |segments: &[&str]| -> String {
                    segments
                        .iter()
                        .map(|segment| format!("/{segment}"))
                        .collect()
                };
                self.with_path(&format!(
                    "{}/api{}/charts/{chart}",
                    part(context),
                    part(tenant)
                ))
            })
            .collect()
    }

    /// The address of `index.yaml` in the repository at this address, which may already be that of the file.
    pub fn index(&self) -> Self {
        match self.url.path().ends_with(INDEX) {
            true => self.clone(),
            false => self.with_path(&format!("{}{INDEX}", self.path())),
        }
    }

    /// The address of the repository, also if this one is that of its `index.yaml`.
    pub fn repository(self) -> Self {
        let path = self.path();
        let path = path.strip_suffix(INDEX).unwrap_or(path).to_owned();
        self.with_path(&path)
    }

    /// The text that [`parse`](Self::parse) reads back, without credentials but with the query.
    pub fn without_credentials(&self) -> String {
        self.url.to_string()
    }

    /// The URI for a request, without credentials.
    pub(super) fn uri(&self) -> Result<Uri, AddressError> {
        (self.url.as_str().parse()).map_err(|_| AddressError::NotHttp)
    }

    /// The value of `Authorization`, if the address has credentials.
    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.credentials.as_ref()
    }

    /// True if the address has credentials.
    pub fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }

    /// True for HTTPS.
    pub fn is_secure(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Without a slash at its end, of which Helm ignores one; empty at the root.
    fn path(&self) -> &str {
        let path = self.url.path();
        path.strip_suffix('/').unwrap_or(path)
    }

    fn with_path(&self, path: &str) -> Self {
        let mut other = self.clone();
        other.url.set_path(path);
        other
    }

    /// The host in lower case, IPv6 in brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The port: the scheme's own if none is written.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// True if both have one scheme, host and port.
    pub fn has_origin_of(&self, other: &Self) -> bool {
        self.url.origin() == other.url.origin()
    }

    /// True if the path of `other` is this one's, or below it. No matter of origins.
    pub fn is_above(&self, other: &Self) -> bool {
        let below = other.path().strip_prefix(self.path());
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The most splits of a path into context and tenant that are tried.
const MOST_CANDIDATES: usize = 6;

/// `text` without blanks around it, so that it is read by RFC 3986: browsers leave control characters out and take a
/// backslash for a slash.
fn written(text: &str) -> Result<String, AddressError> {
    let text = text.trim();
    if text.contains(char::is_control) {
        return Err(AddressError::NotHttp);
    }
    Ok(text.replace('\\', "%5C"))
}

/// True if it begins with a scheme (RFC 3986 section 3.1).
fn has_scheme(reference: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    reference.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(is_inner)
    })
}

fn basic(user_and_password: &[u8]) -> HeaderValue {
    let text = format!("Basic {}", STANDARD.encode(user_and_password));
    let mut value = HeaderValue::try_from(text).expect("base64 can stand in a header");
    value.set_sensitive(true);
    value
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.url.clone();
        url.set_query(None);
        f.write_str(url.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// `url` without user, password and query, for messages; also for a text that is not an address.
pub fn shown(url: &str) -> String {
    if let Ok(address) = Address::parse(url) {
        return address.to_string();
    }
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    // a password may hold anything where it is not encoded
    let bare = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let bare = bare.split(['?', '#']).next().unwrap_or_default();
    match scheme {
        "" => bare.to_owned(),
        _ => format!("{scheme}://{bare}"),
    }
}

#[cfg(test)]
mod tests;
