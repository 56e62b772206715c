//! A small HTTP client: GET with bounds on time and size, credentials that stay with their host, a few redirects.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ACCEPT, AUTHORIZATION, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, USER_AGENT,
};
use hyper::{Request, Response, StatusCode};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{self, crypto::ring};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::remote::address::{Address, AddressError};
use crate::remote::resolver::{Resolver, is_inward_literal};

/// How many redirects are followed.
const MOST_REDIRECTS: usize = 5;
/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(20);

/// How long the client waits.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection to be made.
    pub connect: Duration,
    /// For the next byte: of the response's head, then of its body.
    pub silence: Duration,
    /// For the whole exchange.
    pub whole: Duration,
}

/// Why there is no complete response. Messages show addresses without credentials.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// A redirect's target is not an address.
    #[error("it answers with a redirect to something that is no address")]
    Redirect(#[source] AddressError),
    /// A redirect or an index leads where nobody may be led.
    #[error("it leads to {0}, which --allowed-repositories of the controller does not allow")]
    NotAllowed(String),
    /// A redirect or an index leads to this machine, its link or a cloud's metadata.
    #[error(
        "it leads to {0}, on this machine or its link, where no redirect and no index may lead"
    )]
    Inward(String),
    /// Redirects go in a circle.
    #[error("it answers with more than {MOST_REDIRECTS} redirects")]
    TooManyRedirects,
    /// The connection failed.
    #[error("cannot connect to {0}")]
    Connect(String, #[source] Cause),
    /// Somebody answers there, and not in TLS.
    #[error("{0} does not speak HTTPS; write http:// if that is what is served there")]
    NoTls(String),
    /// The server sends nothing.
    #[error("{0} says nothing for {seconds} seconds", seconds = .1.as_secs_f32())]
    Silent(String, Duration),
    /// The exchange takes too long.
    #[error("{0} takes more than {seconds} seconds for its answer", seconds = .1.as_secs_f32())]
    TooSlow(String, Duration),
    /// The exchange broke off.
    #[error("the answer of {0} broke off")]
    Broken(String, #[source] Cause),
    /// The response is too large.
    #[error("the answer of {0} is larger than {1} bytes")]
    TooLarge(String, u64),
    /// The authorities that are trusted cannot be read.
    #[error("cannot read certificate authorities from {}", .0.display())]
    Authorities(PathBuf, #[source] Cause),
}

/// An error of the layers below, shared by all callers that wait for one exchange.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Says whether an address may be asked.
pub type Guard = Arc<dyn Fn(&Address) -> Permission + Send + Sync>;

/// Whether an address may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Whoever names it.
    Always,
    /// Not if it is on this machine or its link and something else than the caller names it: a redirect, an index.
    Outward,
    /// Never.
    Never,
}

/// A client for concurrent use; connections are kept for a short time.
pub struct HttpClient {
    patience: Patience,
    authorities: Option<PathBuf>,
    guard: Option<Guard>,
    /// For addresses that somebody configured or wrote into a spec.
    named: Connections,
    /// For addresses that answers lead to, where there is a guard.
    led: Connections,
}

/// Connections that are kept, by their kinds.
struct Connections {
    plain: Client<HttpConnector<Resolver>, Empty<Bytes>>,
    /// Created for the first HTTPS address: the system's authorities take memory that most sites never need.
    secure: OnceLock<Client<HttpsConnector<HttpConnector<Resolver>>, Empty<Bytes>>>,
    outward_only: bool,
}

impl Connections {
    fn new(connect: Duration, outward_only: bool) -> Self {
        Self {
            plain: builder().build(connector(connect, true, outward_only)),
            secure: OnceLock::new(),
            outward_only,
        }
    }
}

/// A response whose head has been received.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its `ETag`, with quotes.
    pub etag: Option<String>,
    /// Its address, for messages.
    shown: String,
    body: Incoming,
    silence: Duration,
    whole: Duration,
    until: Instant,
}

impl HttpClient {
    /// A client that trusts the authorities in `authorities` (PEM), or those of the system if it is `None`.
    ///
    /// # Errors
    /// The file cannot be read, or has no certificate.
    pub fn new(patience: Patience, authorities: Option<&Path>) -> Result<Self, ClientError> {
        let client = Self {
            patience,
            authorities: authorities.map(Path::to_owned),
            guard: None,
            named: Connections::new(patience.connect, false),
            led: Connections::new(patience.connect, true),
        };
        // an unusable file is a configuration error, reported at the start
        if authorities.is_some() {
            client.secure(&client.named)?;
        }
        Ok(client)
    }

    /// Asks only addresses that the guard lets through, and is led nowhere on this machine or its link.
    pub fn guarded(self, guard: Guard) -> Self {
        Self {
            guard: Some(guard),
            ..self
        }
    }

    /// GETs `address`, following redirects; with `known`, the entity tag of what the caller has, the answer may be 304.
    ///
    /// # Errors
    /// There is no response. One with an error status is no error here.
    pub async fn get(&self, address: &Address, known: Option<&str>) -> Result<Answer, ClientError> {
        self.get_for(address, address, known).await
    }

    /// As [`get`](Self::get), for an address that something at `origin` has named.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn get_for(
        &self,
        origin: &Address,
        address: &Address,
        known: Option<&str>,
    ) -> Result<Answer, ClientError> {
        let until = Instant::now() + self.patience.whole;
        let mut address = address.clone();
        for _ in 0..=MOST_REDIRECTS {
            let by = self.way(origin, &address)?;
            let response = match self.send(by, &address, known, until).await {
                // a connection that was kept may have ended since: the server was restarted, or did not wait any longer
                Err(ClientError::Broken(..)) => self.send(by, &address, known, until).await?,
                sent => sent?,
            };
            let location = response.headers().get(LOCATION);
            match (
                response.status().as_u16(),
                location.map(HeaderValue::to_str),
            ) {
                (301..=303 | 307 | 308, Some(Ok(location))) => {
                    address = (address.redirected(location)).map_err(ClientError::Redirect)?;
                }
                _ => return Ok(self.answer(&address, response, until)),
            }
        }
        Err(ClientError::TooManyRedirects)
    }

    /// How `address` may be asked, which came from `origin`.
    fn way(&self, origin: &Address, address: &Address) -> Result<&Connections, ClientError> {
        let Some(guard) = &self.guard else {
            return Ok(&self.named);
        };
        match guard(address) {
            Permission::Never => return Err(ClientError::NotAllowed(address.to_string())),
            Permission::Always => return Ok(&self.named),
            Permission::Outward if address.has_origin_of(origin) => return Ok(&self.named),
            Permission::Outward => {}
        }
        if is_inward_literal(address.host()) {
            return Err(ClientError::Inward(address.to_string()));
        }
        Ok(&self.led)
    }

    async fn send(
        &self,
        by: &Connections,
        address: &Address,
        known: Option<&str>,
        until: Instant,
    ) -> Result<Response<Incoming>, ClientError> {
        let uri = address.uri().map_err(ClientError::Redirect)?;
        let mut request = Request::get(uri)
            .header(USER_AGENT, concat!("chartroom/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "*/*");
        if let Some(authorization) = address.authorization() {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(Ok(known)) = known.map(HeaderValue::try_from) {
            request = request.header(IF_NONE_MATCH, known);
        }
        let request = request
            .body(Empty::new())
            .expect("an address and checked headers make a request");
        let answering = if address.is_secure() {
            self.secure(by)?.request(request)
        } else {
            by.plain.request(request)
        };
        let patience = self.patience.connect + self.patience.silence;
        match tokio::time::timeout_at(until.min(Instant::now() + patience), answering).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if address.is_secure() && speaks_no_tls(&error) => {
                Err(ClientError::NoTls(address.to_string()))
            }
            Ok(Err(error)) if error.is_connect() => {
                Err(ClientError::Connect(address.to_string(), innermost(error)))
            }
            Ok(Err(error)) => Err(ClientError::Broken(address.to_string(), innermost(error))),
            Err(_) if Instant::now() >= until => Err(ClientError::TooSlow(
                address.to_string(),
                self.patience.whole,
            )),
            Err(_) => Err(ClientError::Silent(address.to_string(), patience)),
        }
    }

    fn answer(&self, address: &Address, response: Response<Incoming>, until: Instant) -> Answer {
        let text = |name: HeaderName| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        Answer {
            status: response.status(),
            etag: text(ETAG),
            shown: address.to_string(),
            silence: self.patience.silence,
            whole: self.patience.whole,
            until,
            body: response.into_body(),
        }
    }

    fn secure<'a>(
        &self,
        by: &'a Connections,
    ) -> Result<&'a Client<HttpsConnector<HttpConnector<Resolver>>, Empty<Bytes>>, ClientError>
    {
        if let Some(client) = by.secure.get() {
            return Ok(client);
        }
        let config = self.tls()?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_only()
            .enable_http1()
            .wrap_connector(connector(self.patience.connect, false, by.outward_only));
        Ok(by.secure.get_or_init(|| builder().build(connector)))
    }

    /// As Helm's `--ca-file`: a file replaces the system's authorities.
    fn tls(&self) -> Result<ClientConfig, ClientError> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions");
        let Some(path) = &self.authorities else {
            let config = builder
                .with_native_roots()
                .map_err(|error| ClientError::Authorities("the system".into(), Arc::new(error)))?;
            return Ok(config.with_no_client_auth());
        };
        let unreadable = |cause: Cause| ClientError::Authorities(path.clone(), cause);
        let text = std::fs::read(path).map_err(|error| unreadable(Arc::new(error)))?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let certificate = certificate.map_err(|error| unreadable(Arc::new(error)))?;
            (roots.add(certificate)).map_err(|error| unreadable(Arc::new(error)))?;
        }
        if roots.is_empty() {
            let text = "it holds no certificate (a PEM block CERTIFICATE)";
            return Err(unreadable(Arc::new(io::Error::other(text))));
        }
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

impl Answer {
    /// The length of the body, if the head has it.
    pub fn length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// The next piece of the body, `None` at its end.
    ///
    /// # Errors
    /// The server sends nothing for too long, or the body ends early.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            let patience = self.until.min(Instant::now() + self.silence);
            let frame = match tokio::time::timeout_at(patience, self.body.frame()).await {
                Ok(None) => return Ok(None),
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => {
                    let cause: Cause = Arc::new(error);
                    return Err(ClientError::Broken(self.shown.clone(), cause));
                }
                Err(_) if Instant::now() >= self.until => {
                    return Err(ClientError::TooSlow(self.shown.clone(), self.whole));
                }
                Err(_) => return Err(ClientError::Silent(self.shown.clone(), self.silence)),
            };
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// It ends early, or has more than `limit` bytes.
    pub async fn whole(mut self, limit: u64) -> Result<Bytes, ClientError> {
        let too_large = || ClientError::TooLarge(self.shown.clone(), limit);
        if self.length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if (body.len() + chunk.len()) as u64 > limit {
                return Err(ClientError::TooLarge(self.shown, limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

fn builder() -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(2);
    builder
}

fn connector(timeout: Duration, http_alone: bool, outward_only: bool) -> HttpConnector<Resolver> {
    let mut connector = HttpConnector::new_with_resolver(Resolver::new(outward_only));
    connector.set_connect_timeout(Some(timeout));
    connector.set_nodelay(true);
    connector.enforce_http(http_alone);
    connector
}

/// True if what came back is no TLS: most often it is HTTP.
fn speaks_no_tls(error: &hyper_util::client::legacy::Error) -> bool {
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(inner) = cause {
        if let Some(rustls::Error::InvalidMessage(_)) = inner.downcast_ref() {
            return true;
        }
        // an error of I/O hides the one that it carries: its source is that one's
        let carried = inner
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        cause = match carried {
            Some(carried) => Some(carried),
            None => inner.source(),
        };
    }
    false
}

/// The error of the layers below, without their own prefixes ("client error (Connect)").
fn innermost(error: hyper_util::client::legacy::Error) -> Cause {
    let mut text = error.to_string();
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    Arc::new(io::Error::other(text))
}
