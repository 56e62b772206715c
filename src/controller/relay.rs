//! Helm's way to the API server for a release with fields that belong to others: each apply is passed on with these as
//! they are in the cluster, everything else as it is (docs/components.md 5.10).
//!
//! Helm has no way to leave a field of a manifest to its owner: with `--force-conflicts` an upgrade or a rollback would set
//! `replicas` back under an autoscaler, and pods would end before anybody could correct it.

mod apply;

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue, TRANSFER_ENCODING,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use tracing::{debug, warn};

use crate::controller::objects::Objects;

/// The content type of a server-side apply.
const APPLY: &[u8] = b"application/apply-patch+yaml";

/// A relay on the loopback interface, for one run of Helm; it ends when this is dropped.
pub struct Relay {
    address: String,
    task: AbortHandle,
}

impl Relay {
    /// Listens. Only who knows the address is heard: it has a secret in its path, as Helm sends no token over plain HTTP.
    ///
    /// # Errors
    /// There is no port to listen on.
    pub async fn start(client: Client) -> std::io::Result<Self> {
        let objects = Objects::new(client);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let secret = format!("/{}", uuid::Uuid::new_v4().simple());
        let address = format!("http://{}{secret}", listener.local_addr()?);
        let passes = Arc::new(Passes { objects, secret });
        let task = tokio::spawn(accept(listener, passes)).abort_handle();
        Ok(Self { address, task })
    }

    /// The API server's address for Helm.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one connection after the other, each in a task that ends with this one.
async fn accept(listener: TcpListener, passes: Arc<Passes>) {
    let mut connections = JoinSet::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "A connection of Helm could not be accepted");
                return;
            }
        };
        while connections.try_join_next().is_some() {}
        let passes = Arc::clone(&passes);
        connections.spawn(async move {
            let service = service_fn(|request| {
                let passes = Arc::clone(&passes);
                async move { Ok::<_, Infallible>(passes.answer(request).await) }
            });
            let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = served.await {
                debug!(%error, "A connection of Helm ended");
            }
        });
    }
}

type Answer = Response<UnsyncBoxBody<Bytes, kube::Error>>;

/// What is passed on, and how.
struct Passes {
    objects: Objects,
    secret: String,
}

impl Passes {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let Some(uri) = beyond(&self.secret, request.uri()) else {
            return refusal(
                StatusCode::FORBIDDEN,
                "Forbidden",
                "this address is Helm's alone",
            );
        };
        match self.pass_on(request, uri).await {
            Ok(answer) => answer.map(|body| body.boxed_unsync()),
            Err(error) => {
                // as Helm itself would say it
                let message = format!("connection refused by the API server: {error}");
                refusal(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "ServiceUnavailable",
                    &message,
                )
            }
        }
    }

    async fn pass_on(
        &self,
        request: Request<Incoming>,
        uri: Uri,
    ) -> Result<Response<Body>, Box<dyn std::error::Error + Send + Sync>> {
        let (mut head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        head.uri = uri;
        for name in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            head.headers.remove(name);
        }
        let kind = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        if head.method == Method::PATCH && kind == Some(APPLY) {
            return Ok(apply::pass_on(&self.objects, head, body).await?);
        }
        let client = self.objects.client();
        Ok(client.send(Request::from_parts(head, body.into())).await?)
    }
}

/// The path and query at the API server; `None` if the asker does not know the secret.
fn beyond(secret: &str, asked: &Uri) -> Option<Uri> {
    let rest = asked.path_and_query()?.as_str().strip_prefix(secret)?;
    rest.starts_with('/').then(|| rest.parse().ok())?
}

/// An answer of the relay's own, in the form of the API server's.
fn refusal(code: StatusCode, reason: &str, message: &str) -> Answer {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code.as_u16(), "reason": reason, "message": message,
    });
    let body = Full::new(Bytes::from(status.to_string()));
    let mut answer = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = code;
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_knows_the_secret_reaches_the_api_server() {
        let rows = [
            ("/secret/api/v1/pods?watch=1", Some("/api/v1/pods?watch=1")),
            ("/secret/a%20b", Some("/a%20b")),
            ("/secretapi", None),
            ("/secret", None),
            ("/other/api/v1/pods", None),
            ("/api/v1/pods", None),
            ("/", None),
        ];
        for (asked, expected) in rows {
            let uri = beyond("/secret", &Uri::from_static(asked));
            let expected = expected.map(Uri::from_static);
            assert_eq!(uri, expected, "{asked}");
        }
    }
}
