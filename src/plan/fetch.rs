//! Fetching the index of a chart repository by HTTP.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long the whole exchange may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// How large an index may be: some hundred thousand chart versions.
const MAX_INDEX: usize = 256 << 20;

/// Why there is no index.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The text is no address.
    #[error("it is not an address; write http://HOST:PORT or http://HOST/PATH")]
    Address,
    /// HTTPS was asked for.
    #[error(
        "https is not supported here yet; give an http address (a port-forward to the repository will do), or pull the \
         charts and name their directory with --storage-local-rootdir"
    )]
    Https,
    /// Nobody answers.
    #[error("cannot connect to {0}")]
    Connect(String, #[source] io::Error),
    /// The exchange broke off.
    #[error("the answer broke off")]
    Exchange(#[source] hyper::Error),
    /// The body broke off, or is too large.
    #[error("the index cannot be read to its end (it may have {} MiB)", MAX_INDEX >> 20)]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer is not 200.
    #[error("{0}")]
    Status(String),
    /// It takes too long.
    #[error("no whole answer within {} seconds", DEADLINE.as_secs())]
    Deadline,
}

/// Where an index is.
#[derive(Debug, PartialEq)]
struct Address {
    /// `host:port` to connect to, as in the URL.
    authority: String,
    host: String,
    port: u16,
    path: String,
    credentials: Option<String>,
}

/// GETs `index.yaml` of the repository at `url`.
///
/// # Errors
/// [`FetchError`]; it does not repeat the address, which may hold a password.
pub async fn fetch_index(url: &str) -> Result<Bytes, FetchError> {
    let address = Address::parse(url)?;
    tokio::time::timeout(DEADLINE, get(&address))
        .await
        .unwrap_or(Err(FetchError::Deadline))
}

/// `url` without user and password, for messages.
pub fn without_credentials(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let authority = rest.split('/').next().unwrap_or_default();
            let bare = authority
                .rsplit_once('@')
                .map_or(authority, |(_, host)| host);
            format!("{scheme}://{bare}{}", &rest[authority.len()..])
        }
        None => url.to_owned(),
    }
}

impl Address {
    fn parse(url: &str) -> Result<Self, FetchError> {
        let uri: Uri = url.parse().map_err(|_| FetchError::Address)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(FetchError::Https),
            _ => return Err(FetchError::Address),
        }
        let authority = uri.authority().ok_or(FetchError::Address)?.as_str();
        let (credentials, authority) = match authority.rsplit_once('@') {
            Some((credentials, host)) => (Some(credentials), host),
            None => (None, authority),
        };
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or(FetchError::Address)?;
        let path = uri.path().trim_end_matches('/');
        let path = match path.strip_suffix("/index.yaml") {
            Some(_) => path.to_owned(),
            None => format!("{path}/index.yaml"),
        };
        let decoded = credentials.map(|text| percent_encoding::percent_decode_str(text).collect());
        Ok(Self {
            authority: authority.to_owned(),
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(80),
            path,
            credentials: decoded.map(|bytes: Vec<u8>| STANDARD.encode(bytes)),
        })
    }
}

async fn get(address: &Address) -> Result<Bytes, FetchError> {
    let stream = TcpStream::connect((address.host.as_str(), address.port))
        .await
        .map_err(|error| FetchError::Connect(address.authority.clone(), error))?;
    let (mut sender, connection) =
        (http1::handshake(TokioIo::new(stream)).await).map_err(FetchError::Exchange)?;
    let mut request = Request::get(&address.path)
        .header(HOST, &address.authority)
        .header(USER_AGENT, concat!("chartroom/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "*/*");
    if let Some(credentials) = &address.credentials {
        request = request.header(AUTHORIZATION, format!("Basic {credentials}"));
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|_| FetchError::Address)?;
    // the connection is driven here, beside the exchange, and ends with it
    tokio::select! {
        answer = exchange(&mut sender, request) => answer,
        Err(error) = connection => Err(FetchError::Exchange(error)),
    }
}

async fn exchange(
    sender: &mut http1::SendRequest<Empty<Bytes>>,
    request: Request<Empty<Bytes>>,
) -> Result<Bytes, FetchError> {
    let response = sender
        .send_request(request)
        .await
        .map_err(FetchError::Exchange)?;
    let status = response.status();
    if status != StatusCode::OK {
        let location = response.headers().get(LOCATION).map(HeaderValue::to_str);
        let help = match (status, location) {
            (StatusCode::UNAUTHORIZED, _) => {
                "; it wants credentials: write http://USER:PASSWORD@HOST".to_owned()
            }
            (StatusCode::NOT_FOUND, _) => {
                "; is this the address that `helm repo add` takes?".to_owned()
            }
            (_, Some(Ok(location))) => format!("; it says to go to {location}: give that address"),
            _ => String::new(),
        };
        return Err(FetchError::Status(format!("it answers {status}{help}")));
    }
    let body = Limited::new(response.into_body(), MAX_INDEX)
        .collect()
        .await;
    Ok(body.map_err(FetchError::Body)?.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_that_helm_repo_add_takes() {
        for (url, authority, host, port, path) in [
            ("http://room", "room", "room", 80, "/index.yaml"),
            (
                "http://room:8080/",
                "room:8080",
                "room",
                8080,
                "/index.yaml",
            ),
            ("http://room/a/b", "room", "room", 80, "/a/b/index.yaml"),
            (
                "http://room/a/index.yaml",
                "room",
                "room",
                80,
                "/a/index.yaml",
            ),
            ("http://[::1]:80/x/", "[::1]:80", "::1", 80, "/x/index.yaml"),
        ] {
            let read = Address::parse(url).unwrap();
            assert_eq!(
                (
                    &*read.authority,
                    &*read.host,
                    read.port,
                    &*read.path,
                    read.credentials
                ),
                (authority, host, port, path, None),
                "{url}"
            );
        }
        let read = Address::parse("http://me:p%40ss@room/").unwrap();
        assert_eq!(read.authority, "room");
        assert_eq!(read.credentials.as_deref(), Some("bWU6cEBzcw=="));
    }

    #[test]
    fn what_is_no_http_address_is_refused() {
        assert!(matches!(
            Address::parse("https://room"),
            Err(FetchError::Https)
        ));
        for url in [
            "room",
            "room:8080",
            "/a",
            "ftp://room",
            "http://",
            "",
            "http://a b",
        ] {
            assert!(
                matches!(Address::parse(url), Err(FetchError::Address)),
                "{url}"
            );
        }
    }

    #[test]
    fn messages_show_no_password() {
        for (url, shown) in [
            ("http://me:secret@room:80/a@b", "http://room:80/a@b"),
            ("http://room/", "http://room/"),
            ("room", "room"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }
}
