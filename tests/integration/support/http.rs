//! A small HTTP/1.1 client: a connection a request, the whole answer in memory, a deadline on each.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http1;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::form::Form;

/// How long one exchange may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// A client of one server.
#[derive(Clone)]
pub struct Http {
    address: SocketAddr,
    tls: Option<TlsConnector>,
    basic_auth: Option<String>,
}

impl Http {
    pub fn new(address: SocketAddr) -> Http {
        Http {
            address,
            tls: None,
            basic_auth: None,
        }
    }

    /// Over TLS, trusting the certificates in this PEM file only.
    pub fn over_tls(address: SocketAddr, ca_cert: &Path) -> Http {
        let mut roots = RootCertStore::empty();
        for cert in CertificateDer::pem_file_iter(ca_cert).expect("a PEM file") {
            roots
                .add(cert.expect("a certificate"))
                .expect("a certificate authority");
        }
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Http {
            address,
            tls: Some(TlsConnector::from(Arc::new(config))),
            basic_auth: None,
        }
    }

    /// The same client with credentials on every request.
    pub fn with_basic_auth(mut self, user: &str, password: &str) -> Http {
        use base64::Engine;
        let credentials =
            base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        self.basic_auth = Some(format!("Basic {credentials}"));
        self
    }

    pub async fn get(&self, path: &str) -> Response {
        self.request("GET", path).send().await
    }

    pub async fn head(&self, path: &str) -> Response {
        self.request("HEAD", path).send().await
    }

    pub async fn delete(&self, path: &str) -> Response {
        self.request("DELETE", path).send().await
    }

    /// POST of a raw body without a content type, as `curl --data-binary` of a package.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Response {
        self.request("POST", path).body(body).send().await
    }

    /// POST of a form with its length in a header.
    pub async fn post_form(&self, path: &str, form: &Form) -> Response {
        self.request("POST", path)
            .header("content-type", &form.content_type())
            .body(form.body())
            .send()
            .await
    }

    /// POST of a form in chunks without a length, as `helm cm-push` sends it (docs/chartmuseum.md 12.1).
    pub async fn post_form_chunked(&self, path: &str, form: &Form) -> Response {
        let request = self
            .request("POST", path)
            .header("content-type", &form.content_type());
        request
            .header("user-agent", "Go-http-client/1.1")
            .chunked_body(form.body())
            .send()
            .await
    }

    /// A request to fill in and `send`. `path` goes on the wire as it is written, with its query.
    pub fn request(&self, method: &str, path: &str) -> Request {
        let mut request = Request {
            http: self.clone(),
            method: method.to_owned(),
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Full::new(Bytes::new()).boxed(),
        };
        if let Some(credentials) = &self.basic_auth {
            request = request.header("authorization", credentials);
        }
        request
    }
}

/// A request that has not been sent.
pub struct Request {
    http: Http,
    method: String,
    path: String,
    headers: HeaderMap,
    body: BoxBody<Bytes, Infallible>,
}

impl Request {
    pub fn header(mut self, name: &str, value: &str) -> Request {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
        self.headers.insert(
            name,
            HeaderValue::from_bytes(value.as_bytes()).expect("a header value"),
        );
        self
    }

    /// A body whose length is sent.
    pub fn body(mut self, body: impl Into<Bytes>) -> Request {
        self.body = Full::new(body.into()).boxed();
        self
    }

    /// A body sent with `Transfer-Encoding: chunked`.
    pub fn chunked_body(mut self, body: impl Into<Bytes>) -> Request {
        let body: Bytes = body.into();
        let chunks: Vec<_> = (0..body.len())
            .step_by(4096)
            .map(|from| Ok(Frame::data(body.slice(from..body.len().min(from + 4096)))))
            .collect();
        self.body = BodyExt::boxed(StreamBody::new(stream::iter(chunks)));
        self
    }

    /// The answer; a connection that breaks, or no answer in time, fails the test.
    pub async fn send(self) -> Response {
        let shown = format!("{} {}", self.method, self.path);
        self.try_send()
            .await
            .unwrap_or_else(|error| panic!("{shown}: {error}"))
    }

    /// The answer, or why there is none: for servers that are being killed.
    pub async fn try_send(self) -> Result<Response, String> {
        match tokio::time::timeout(DEADLINE, self.exchange()).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {DEADLINE:?}")),
        }
    }

    async fn exchange(self) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(self.http.address).await?;
        stream.set_nodelay(true)?;
        match self.http.tls.clone() {
            Some(tls) => {
                let name = ServerName::IpAddress(self.http.address.ip().into());
                self.exchange_over(TokioIo::new(tls.connect(name, stream).await?))
                    .await
            }
            None => self.exchange_over(TokioIo::new(stream)).await,
        }
    }

    async fn exchange_over<S>(
        self,
        stream: S,
    ) -> Result<Response, Box<dyn std::error::Error + Send + Sync>>
    where
        S: Read + Write + Unpin + Send + 'static,
    {
        let shown = format!("{} {}", self.method, self.path);
        let mut request = hyper::Request::builder()
            .method(self.method.as_str())
            .uri(&self.path)
            .body(self.body)?;
        *request.headers_mut() = self.headers;
        let host = HeaderValue::from_str(&self.http.address.to_string())?;
        request.headers_mut().entry("host").or_insert(host);
        let (mut sender, connection) = http1::handshake(stream).await?;
        let connection = tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        drop(sender);
        connection.abort();
        Ok(Response {
            request: shown,
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        })
    }
}

/// A whole answer.
#[derive(Debug)]
pub struct Response {
    request: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Response {
    /// The answer itself, or a panic that shows it when its status is another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Response {
        let text: String = self.text().chars().take(2000).collect();
        assert_eq!(
            self.status, status,
            "status of {}; body: {text}",
            self.request
        );
        self
    }

    /// The answer itself, when it is `{"error":"…"}` with this status and text.
    #[track_caller]
    pub fn expect_error(self, status: u16, error: &str) -> Response {
        let response = self.expect(status);
        let body = response.json();
        assert_eq!(
            body,
            serde_json::json!({ "error": error }),
            "body of {}",
            response.request
        );
        response
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!(
                "{} answered no JSON ({error}): {}",
                self.request,
                self.text()
            )
        })
    }

    /// A header as text; `None` when it is absent.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .get(name)
            .map(|value| value.to_str().expect("a header of ASCII text"))
    }
}
