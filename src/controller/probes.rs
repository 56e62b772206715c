//! Health, readiness and metrics over HTTP, each on its own address, for kubelets and Prometheus.

use std::convert::Infallible;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tracing::{debug, info};

use crate::config::BindAddress;
use crate::controller::metrics::ControllerMetrics;
use crate::metrics;

/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(5);
/// How long one connection may last.
const CONNECTION: Duration = Duration::from_secs(60);
/// Connections at once on each address.
const CONNECTIONS: usize = 32;
/// Pause after a connection could not be accepted.
const RECOVER: Duration = Duration::from_millis(100);

/// Whether the controller can do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadyState {
    /// It works, or stands by for the replica that works.
    Ready,
    /// Not yet, and why.
    NotYet(String),
}

/// Bound listeners that are not served yet.
pub struct Probes {
    health: Option<TcpListener>,
    metrics: Option<TcpListener>,
    answers: Answers,
}

#[derive(Clone)]
struct Answers {
    readiness: watch::Receiver<ReadyState>,
    families: Arc<ControllerMetrics>,
}

/// What a listener answers.
#[derive(Clone, Copy, Debug)]
enum Door {
    Health,
    Metrics,
}

/// Binds the given addresses; requests are answered from [`Probes::serve`] on.
///
/// # Errors
/// An address cannot be listened on; the flag is named.
pub async fn bind(
    health: Option<&BindAddress>,
    metrics: Option<&BindAddress>,
    readiness: watch::Receiver<ReadyState>,
    families: Arc<ControllerMetrics>,
) -> anyhow::Result<Probes> {
    Ok(Probes {
        health: listen(health, "--health-probe-bind-address").await?,
        metrics: listen(metrics, "--metrics-bind-address").await?,
        answers: Answers {
            readiness,
            families,
        },
    })
}

async fn listen(address: Option<&BindAddress>, flag: &str) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = address else {
        return Ok(None);
    };
    let bound = match &address.host {
        Some(host) => TcpListener::bind((host.as_str(), address.port)).await,
        // both families where there are both
        None => match TcpListener::bind((Ipv6Addr::UNSPECIFIED, address.port)).await {
            Ok(listener) => Ok(listener),
            Err(_) => TcpListener::bind(("0.0.0.0", address.port)).await,
        },
    };
    let listener = bound.with_context(|| {
        format!("cannot listen on {address} ({flag}); set it to another port, or to 0 for none")
    })?;
    let address = listener
        .local_addr()
        .context("the listener has no address")?;
    let what = if flag.contains("metrics") {
        "metrics"
    } else {
        "health"
    };
    info!(
        address = address.to_string(),
        "Controller: listening for {what} requests"
    );
    Ok(Some(listener))
}

impl Probes {
    /// Serves until the future is dropped.
    pub async fn serve(self) {
        let answers = self.answers;
        tokio::join!(
            serve(self.health, Door::Health, answers.clone()),
            serve(self.metrics, Door::Metrics, answers),
        );
    }
}

async fn serve(listener: Option<TcpListener>, door: Door, answers: Answers) {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        let place = place.expect("the semaphore is never closed");
        let (stream, peer): (_, SocketAddr) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(cause) => {
                debug!(error = %cause, ?door, "A connection was not accepted");
                tokio::time::sleep(RECOVER).await;
                continue;
            }
        };
        let answers = answers.clone();
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(move |request| {
                let response = answer(door, &answers, &request);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .serve_connection(TokioIo::new(stream), service);
            match tokio::time::timeout(CONNECTION, connection).await {
                Ok(Ok(())) | Err(_) => {}
                Ok(Err(cause)) => debug!(error = %cause, %peer, "A connection failed"),
            }
        });
    }
}

fn answer(door: Door, answers: &Answers, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, kind, text) = match (door, request.uri().path()) {
        _ if !is_reading => refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "GET is what is answered here\n",
        ),
        (Door::Health, "/healthz" | "/livez" | "/") => plain(StatusCode::OK, "ok\n".to_owned()),
        (Door::Health, "/readyz") => match &*answers.readiness.borrow() {
            ReadyState::Ready => plain(StatusCode::OK, "ok\n".to_owned()),
            ReadyState::NotYet(why) => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("not ready: {why}\n"),
            ),
        },
        (Door::Metrics, "/metrics") => (
            StatusCode::OK,
            metrics::CONTENT_TYPE,
            answers.families.render(),
        ),
        (Door::Health, _) => refusal(StatusCode::NOT_FOUND, "there are /healthz and /readyz\n"),
        (Door::Metrics, _) => refusal(StatusCode::NOT_FOUND, "there is /metrics\n"),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

type Answer = (StatusCode, &'static str, String);

fn plain(status: StatusCode, text: String) -> Answer {
    (status, "text/plain; charset=utf-8", text)
}

fn refusal(status: StatusCode, text: &str) -> Answer {
    plain(status, text.to_owned())
}

#[cfg(test)]
mod tests;
