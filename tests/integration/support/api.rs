//! A quick way to the API server: one request costs milliseconds, where kubectl has to be started first.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use hyper::Request;
use kube::client::{Client, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Config, Error};
use serde_json::Value;

use super::blocking::wait;

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long to wait before looking again.
const POLL: Duration = Duration::from_millis(50);

/// A client of one API server, as one user. Cheap to clone; calls block, also inside of async tests.
#[derive(Clone)]
pub struct Api {
    client: Client,
}

/// Why the API server refused, or did not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status; 0 when there was no answer.
    pub code: u16,
    /// The API server's words.
    pub message: String,
}

impl Api {
    /// As the user of this kubeconfig.
    #[track_caller]
    pub fn new(kubeconfig: &Path) -> Api {
        let read = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
        let client = wait(async move {
            let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
            let config = config.expect("a kubeconfig that says all");
            // made inside of the runtime, which its tasks then belong to
            let builder = ClientBuilder::try_from(config).expect("a usable kubeconfig");
            builder.build()
        });
        Api { client }
    }

    /// An object by its path, such as `/api/v1/namespaces/a/configmaps/b`; `None` when there is none.
    #[track_caller]
    pub fn get(&self, path: &str) -> Option<Value> {
        match self.send("GET", path, None) {
            Ok(object) => Some(object),
            Err(refusal) if refusal.code == 404 => None,
            Err(refusal) => panic!("GET {path}: {refusal:?}"),
        }
    }

    /// The items of a list, such as `/api/v1/namespaces/a/configmaps`.
    #[track_caller]
    pub fn list(&self, path: &str) -> Vec<Value> {
        let mut list = self.get(path).unwrap_or_default();
        match list["items"].take() {
            Value::Array(items) => items,
            other => panic!("GET {path}: no list but {other}"),
        }
    }

    /// Creates an object in the collection at this path.
    #[track_caller]
    pub fn create(&self, path: &str, object: &Value) -> Value {
        accepted("POST", path, self.send("POST", path, Some(object)))
    }

    /// Replaces an object; with a `resourceVersion` in it, only if it is still that one.
    #[track_caller]
    pub fn replace(&self, path: &str, object: &Value) -> Value {
        accepted("PUT", path, self.send("PUT", path, Some(object)))
    }

    /// Merges this into an object: RFC 7396, null removes.
    #[track_caller]
    pub fn merge(&self, path: &str, patch: &Value) -> Value {
        accepted("PATCH", path, self.send("PATCH", path, Some(patch)))
    }

    /// Deletes an object, which may be gone already.
    #[track_caller]
    pub fn delete(&self, path: &str) {
        match self.send("DELETE", path, None) {
            Ok(_) => {}
            Err(refusal) if refusal.code == 404 => {}
            Err(refusal) => panic!("DELETE {path}: {refusal:?}"),
        }
    }

    /// Any request; a PATCH is a merge patch.
    pub fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Refusal> {
        let content_type = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .body(body.into_bytes())
            .expect("a request");
        let client = self.client.clone();
        let answer = wait(async move {
            tokio::time::timeout(DEADLINE, client.request::<Value>(request)).await
        });
        match answer {
            Ok(Ok(object)) => Ok(object),
            Ok(Err(Error::Api(status))) => Err(Refusal {
                code: status.code,
                message: status.message,
            }),
            Ok(Err(error)) => Err(Refusal {
                code: 0,
                message: error.to_string(),
            }),
            Err(_) => Err(Refusal {
                code: 0,
                message: format!("no answer within {DEADLINE:?}"),
            }),
        }
    }
}

/// Asks again and again until there is an answer; `None` when there is none in time.
pub fn poll<T>(deadline: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        thread::sleep(POLL);
    }
}

#[track_caller]
fn accepted(method: &str, path: &str, answer: Result<Value, Refusal>) -> Value {
    answer.unwrap_or_else(|refusal| panic!("{method} {path}: {refusal:?}"))
}
