//! The address of a repository or one of its files. It shows no credentials. Pure.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use hyper::header::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Characters that need no escape in a path segment (RFC 3986, "unreserved").
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An HTTP address with its credentials. Displays and debugs without credentials and query.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    secure: bool,
    /// `host` or `host:port`, as written.
    authority: String,
    /// With a leading and without a trailing slash; empty at the root.
    path: String,
    /// With its question mark; may be empty.
    query: String,
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
    /// Parses an `http` or `https` URL, with or without `user:password@`. A trailing slash is ignored.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        if url.starts_with("oci://") {
            return Err(AddressError::Oci);
        }
        let uri: Uri = url.trim().parse().map_err(|_| AddressError::NotHttp)?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(AddressError::NotHttp),
        };
        let authority = uri.authority().ok_or(AddressError::NotHttp)?.as_str();
        let (credentials, authority) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, authority),
        };
        if uri.host().is_none_or(str::is_empty) {
            return Err(AddressError::NotHttp);
        }
        let credentials = credentials.filter(|text| !text.is_empty()).map(|text| {
            let decoded: Vec<u8> = percent_decode_str(text).collect();
            // a user name alone is sent with an empty password
            let colon = if decoded.contains(&b':') { "" } else { ":" };
            basic(&[&decoded, colon.as_bytes()].concat())
        });
        Ok(Self {
            secure,
            authority: authority.to_owned(),
            path: uri.path().trim_end_matches('/').to_owned(),
            query: uri
                .query()
                .map(|query| format!("?{query}"))
                .unwrap_or_default(),
            credentials,
        })
    }

    /// Resolves `reference` in a document directly below this address (RFC 3986 section 5, as
    /// far as indexes use it). Credentials are kept only for the same scheme, host and port.
    ///
    /// # Errors
    /// The result is not an address.
    pub fn join(&self, reference: &str) -> Result<Self, AddressError> {
        let origin = format!("{}://{}", self.scheme(), self.authority);
        let url = if reference.contains("://") {
            reference.to_owned()
        } else if reference.starts_with("//") {
            format!("{}:{reference}", self.scheme())
        } else if reference.starts_with('/') {
            format!("{origin}{reference}")
        } else {
            format!(
                "{origin}{}/{}",
                self.path,
                reference.trim_start_matches("./")
            )
        };
        let mut joined = Self::parse(&url)?;
        if joined.credentials.is_none() && self.has_origin_of(&joined) {
            joined.credentials.clone_from(&self.credentials);
        }
        Ok(joined)
    }

    /// The addresses at which the chart API may list the versions of `chart`, most likely first: in `/a/b`, the whole
    /// path may be the server's context path, or the tenant, or a part of each.
    pub fn api_candidates(&self, chart: &str) -> Vec<Self> {
        let segments: Vec<&str> = self.path.split('/').skip(1).collect();
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
                let path = format!("{}/api{}/charts/{chart}", part(context), part(tenant));
                Self {
                    path,
                    query: String::new(),
                    ..self.clone()
                }
            })
            .collect()
    }

    /// The address of `index.yaml` in the repository at this address, which may already be that of the file.
    pub fn index(&self) -> Self {
        let path = match self.path.ends_with("/index.yaml") {
            true => self.path.clone(),
            false => format!("{}/index.yaml", self.path),
        };
        Self {
            path,
            ..self.clone()
        }
    }

    /// The address of the repository, also if this one is that of its `index.yaml`.
    pub fn repository(mut self) -> Self {
        if let Some(path) = self.path.strip_suffix("/index.yaml") {
            self.path = path.to_owned();
        }
        self
    }

    /// The base of relative references in a document at this address.
    pub(super) fn directory(&self) -> Self {
        let path = self
            .path
            .rsplit_once('/')
            .map_or("", |(directory, _)| directory);
        Self {
            path: path.to_owned(),
            query: String::new(),
            ..self.clone()
        }
    }

    /// The text that [`parse`](Self::parse) reads back, without credentials but with the query.
    pub fn without_credentials(&self) -> String {
        format!("{self}{}", self.query)
    }

    /// The URI for a request, without credentials.
    pub(super) fn uri(&self) -> Result<Uri, AddressError> {
        let path = if self.path.is_empty() {
            "/"
        } else {
            &self.path
        };
        Uri::builder()
            .scheme(self.scheme())
            .authority(self.authority.as_str())
            .path_and_query(format!("{path}{}", self.query))
            .build()
            .map_err(|_| AddressError::NotHttp)
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
        self.secure
    }

    fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// The host, IPv6 in brackets.
    pub fn host(&self) -> &str {
        self.host_and_port().0
    }

    /// The port: the scheme's own if none is written.
    pub fn port(&self) -> u16 {
        let default = if self.secure { 443 } else { 80 };
        self.host_and_port().1.unwrap_or(default)
    }

    fn host_and_port(&self) -> (&str, Option<u16>) {
        match self.authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
            _ => (&*self.authority, None),
        }
    }

    /// True if both have one scheme, host and port.
    pub fn has_origin_of(&self, other: &Self) -> bool {
        let origin = |address: &Self| {
            let host = address.host().to_ascii_lowercase();
            (address.secure, host, address.port())
        };
        origin(self) == origin(other)
    }

    /// True if the path of `other` is this one's, or below it. No matter of origins.
    pub fn is_above(&self, other: &Self) -> bool {
        let below = other.path.strip_prefix(self.path.as_str());
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The most splits of a path into context and tenant that are tried.
const MOST_CANDIDATES: usize = 6;

fn basic(user_and_password: &[u8]) -> HeaderValue {
    let text = format!("Basic {}", STANDARD.encode(user_and_password));
    let mut value = HeaderValue::try_from(text).expect("base64 can stand in a header");
    value.set_sensitive(true);
    value
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority, self.path)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// `url` without user, password and query, for messages; also for a text that is not an address.
pub fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let authority = rest.split('/').next().unwrap_or_default();
            let bare = (authority.rsplit_once('@')).map_or(authority, |(_, host)| host);
            format!("{scheme}://{bare}{}", &rest[authority.len()..])
        }
        None => url
            .rsplit_once('@')
            .map_or(url, |(_, host)| host)
            .to_owned(),
    }
}

#[cfg(test)]
mod tests;
