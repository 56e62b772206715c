//! One line in the log per request, a number and an id for each, and the one place where the cause of a 5xx is written
//! down (docs/chartmuseum.md 11).

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use uuid::Uuid;

use crate::go_syntax::FormatDuration;
use crate::listener::ClientAddress;

/// The header that carries a request's id, both ways.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why a request failed, for the log and never for the client: an extension of responses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorCause(pub String);

/// Marks responses about the server's health, whose success is not worth a line: an extension of responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthProbe;

/// Numbers requests and logs them. A clone counts on with the original.
#[derive(Clone, Debug)]
pub struct RequestLog {
    requests: Arc<AtomicU64>,
    /// What makes the ids of this process's requests its own.
    ids: RandomState,
    /// Log successful health requests too (`--log-health`).
    log_health: bool,
    /// Write latencies as integer nanoseconds (`--log-latency-integer`).
    latency_integer: bool,
}

/// A request between its arrival and its line in the log.
#[derive(Debug)]
pub struct LoggedRequest {
    number: u64,
    start: Instant,
    id: HeaderValue,
    method: Method,
    uri: Uri,
    client: Option<IpAddr>,
}

impl RequestLog {
    /// Starts counting at 1. See `--log-health` and `--log-latency-integer`.
    pub fn new(log_health: bool, latency_integer: bool) -> Self {
        Self {
            requests: Arc::default(),
            ids: RandomState::new(),
            log_health,
            latency_integer,
        }
    }

    /// Numbers a request, gives it an id unless the client did, and logs its arrival at debug level.
    pub fn begin<B>(&self, request: &Request<B>) -> LoggedRequest {
        let given = request
            .headers()
            .get(X_REQUEST_ID)
            .filter(|id| !id.is_empty());
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let logged = LoggedRequest {
            number,
            start: Instant::now(),
            id: given.cloned().unwrap_or_else(|| self.fresh_id(number)),
            method: request.method().clone(),
            uri: request.uri().clone(),
            client: request
                .extensions()
                .get::<ClientAddress>()
                .map(|client| client.0.ip()),
        };
        tracing::debug!(
            reqID = %Id(&logged.id),
            "[{}] Incoming request: {}", logged.number, logged.uri.path()
        );
        logged
    }

    /// A UUID of version 4. Ids must differ, not be hard to guess: a keyed hash of the number costs no system call.
    fn fresh_id(&self, number: u64) -> HeaderValue {
        let (high, low) = (
            self.ids.hash_one((number, 0)),
            self.ids.hash_one((number, 1)),
        );
        let bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
        let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
        let mut text = Uuid::encode_buffer();
        HeaderValue::from_str(uuid.hyphenated().encode_lower(&mut text)).expect("a UUID is ASCII")
    }

    /// Sets the response's `X-Request-Id` and writes the line. An [`ErrorCause`] of the response becomes the comment.
    pub fn end<B>(&self, request: LoggedRequest, response: &mut Response<B>) {
        let status = response.status();
        let latency = request.start.elapsed();
        let cause = response.extensions_mut().remove::<ErrorCause>();
        let is_probe = response.extensions().get::<HealthProbe>().is_some();
        if !is_probe || self.log_health || !status.is_success() {
            let comment = cause.as_ref().map_or("", |cause| cause.0.as_str());
            self.line(&request, status, latency, comment);
        }
        response.headers_mut().insert(X_REQUEST_ID, request.id);
    }

    fn line(&self, request: &LoggedRequest, status: StatusCode, latency: Duration, comment: &str) {
        // the level of an event is part of its call site, so each level needs its own; the latency's type differs too
        macro_rules! served {
            ($level:ident, $latency:expr) => {
                tracing::$level!(
                    path = request.uri.path(),
                    comment,
                    clientIP = request.client.map(tracing::field::display),
                    method = request.method.as_str(),
                    statusCode = status.as_u16(),
                    latency = $latency,
                    reqID = %Id(&request.id),
                    "[{}] Request served", request.number
                )
            };
        }
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        match (Severity::of(status), self.latency_integer) {
            (Severity::Fine, false) => {
                served!(info, tracing::field::display(FormatDuration(latency)))
            }
            (Severity::Fine, true) => served!(info, nanoseconds),
            (Severity::ClientsFault, false) => {
                served!(warn, tracing::field::display(FormatDuration(latency)))
            }
            (Severity::ClientsFault, true) => served!(warn, nanoseconds),
            (Severity::OurFault, false) => {
                served!(error, tracing::field::display(FormatDuration(latency)))
            }
            (Severity::OurFault, true) => served!(error, nanoseconds),
        }
    }
}

/// Which level a status is logged at. ChartMuseum logs every client's mistake but 404 as an error; its users complain.
#[derive(Debug, PartialEq, Eq)]
enum Severity {
    Fine,
    ClientsFault,
    OurFault,
}

impl Severity {
    fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            0..400 => Self::Fine,
            400..500 => Self::ClientsFault,
            _ => Self::OurFault,
        }
    }
}

/// A header value as text: bytes that are not ASCII are escaped.
struct Id<'a>(&'a HeaderValue);

impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.to_str() {
            Ok(text) => f.write_str(text),
            Err(_) => write!(f, "{}", self.0.as_bytes().escape_ascii()),
        }
    }
}

#[cfg(test)]
mod tests;
