//! Objects of any kind: where the API server keeps them, read, applied and deleted.
//!
//! Nothing here is cached but where kinds live: each answer is the API server's own of that moment.

mod error;
mod kinds;
mod leftovers;

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::version::Info;
use kube::Client;
use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PropagationPolicy};
use kube::core::{DynamicObject, Request, Resource};
use serde_json::Value;

pub use self::error::ObjectsError;
use self::kinds::{Kind, Kinds};
pub use self::leftovers::{Leftover, leftovers};
use crate::release::manifest::ObjectKey;

/// Helm's own field manager: what is put right stays Helm's (contract section 2.15).
pub const HELM_FIELD_MANAGER: &str = "helm";

/// How long one request may take. kube's client waits for ever by itself (contract section 6).
const DEADLINE: Duration = Duration::from_secs(30);

/// Objects of any kind, by one client and with its rights.
pub struct Objects {
    client: Client,
    kinds: Kinds,
}

impl Objects {
    /// Objects as this client may see and change them.
    pub fn new(client: Client) -> Self {
        Self {
            kinds: Kinds::new(client.clone()),
            client,
        }
    }

    /// The client behind it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The object as it is now, or `None` if there is none. `default_namespace` is for keys of namespaced kinds that
    /// name no namespace.
    ///
    /// # Errors
    /// The cluster does not know the kind, or the API server refuses or does not answer.
    pub async fn get(
        &self,
        key: &ObjectKey,
        default_namespace: &str,
    ) -> Result<Option<Value>, ObjectsError> {
        let kind = self.kinds.of_key(key).await?;
        let request = at(&kind, key.namespace.as_deref(), default_namespace)
            .get(&key.name, &GetParams::default());
        match self.send("reading", &key.to_string(), request).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_no_such_path() => {
                // either the kind went with its definition, or the server is not one to name what it misses
                self.kinds.ask_again(&kind).await.map(|_| None)
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What server-side apply would make of the object, as Helm and by force, without doing it.
    ///
    /// # Errors
    /// The object has no kind or name, the cluster does not know the kind, or the API server refuses or does not
    /// answer.
    pub async fn dry_run_apply(
        &self,
        object: &Value,
        default_namespace: &str,
    ) -> Result<Value, ObjectsError> {
        let how = PatchParams::apply(HELM_FIELD_MANAGER).force().dry_run();
        self.patch("trying", object, default_namespace, &how).await
    }

    /// Server-side apply of the object, as Helm and by force; returns what came of it.
    ///
    /// # Errors
    /// As [`Objects::dry_run_apply`].
    pub async fn apply(
        &self,
        object: &Value,
        default_namespace: &str,
    ) -> Result<Value, ObjectsError> {
        let how = PatchParams::apply(HELM_FIELD_MANAGER).force();
        self.patch("applying", object, default_namespace, &how)
            .await
    }

    /// Asks for the object to be deleted, what belongs to it after it. One that is not there, or of a kind that is not
    /// there any more, is fine.
    ///
    /// # Errors
    /// The API server refuses or does not answer.
    pub async fn delete(
        &self,
        key: &ObjectKey,
        default_namespace: &str,
    ) -> Result<(), ObjectsError> {
        let kind = match self.kinds.of_key(key).await {
            Err(ObjectsError::UnknownKind { .. }) => return Ok(()),
            found => found?,
        };
        let how = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        let request =
            at(&kind, key.namespace.as_deref(), default_namespace).delete(&key.name, &how);
        match self.send("deleting", &key.to_string(), request).await {
            Err(error) if error.is_not_found() => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// True if objects of this kind live in namespaces.
    ///
    /// # Errors
    /// The cluster does not know the kind, or the API server refuses or does not answer.
    pub async fn is_namespaced(&self, key: &ObjectKey) -> Result<bool, ObjectsError> {
        Ok(self.kinds.of_key(key).await?.namespaced)
    }

    /// All objects of a kind in a namespace, at most `limit` of them; `labels` is a label selector, or empty for all.
    ///
    /// # Errors
    /// The cluster does not know the kind, or the API server refuses or does not answer.
    pub async fn list(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        labels: &str,
        limit: u32,
    ) -> Result<Vec<Value>, ObjectsError> {
        let kind = self.kinds.find(api_version, kind).await?;
        let mut which = ListParams::default().limit(limit);
        if !labels.is_empty() {
            which = which.labels(labels);
        }
        let what = format!("{} of namespace {namespace}", kind.resource.plural);
        let request = at(&kind, None, namespace).list(&which);
        let mut list = self.send("listing", &what, request).await?;
        Ok(match list["items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        })
    }

    /// The API server's version, such as `v1.20.2` in `git_version`.
    ///
    /// # Errors
    /// The API server refuses or does not answer.
    pub async fn server_version(&self) -> Result<Info, ObjectsError> {
        let what = "the server's version";
        within("reading", what, self.client.apiserver_version()).await
    }

    async fn patch(
        &self,
        doing: &'static str,
        object: &Value,
        default_namespace: &str,
        how: &PatchParams,
    ) -> Result<Value, ObjectsError> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let metadata = &object["metadata"];
        let (Some(api_version), Some(kind), Some(name)) = (
            text(&object["apiVersion"]),
            text(&object["kind"]),
            text(&metadata["name"]),
        ) else {
            return Err(ObjectsError::NotAnObject);
        };
        let kind = self.kinds.find(&api_version, &kind).await?;
        let namespace = text(&metadata["namespace"]).filter(|namespace| !namespace.is_empty());
        let mut body = object.clone();
        if let Some(metadata) = body["metadata"].as_object_mut() {
            if kind.namespaced {
                let namespace = namespace.as_deref().unwrap_or(default_namespace);
                metadata.insert("namespace".to_owned(), namespace.into());
            } else {
                metadata.remove("namespace");
            }
        }
        let what = format!("{} {name}", kind.resource.kind);
        let request = at(&kind, namespace.as_deref(), default_namespace).patch(
            &name,
            how,
            &Patch::Apply(&body),
        );
        match self.send(doing, &what, request).await {
            Err(error) if error.is_no_such_path() => {
                self.kinds.ask_again(&kind).await?;
                Err(error)
            }
            answer => answer,
        }
    }

    async fn send(
        &self,
        doing: &'static str,
        what: &str,
        request: Result<RawRequest, kube::core::request::Error>,
    ) -> Result<Value, ObjectsError> {
        let answer = async {
            let request = request.map_err(kube::Error::BuildRequest)?;
            // not the client's own reading as JSON: it logs what it cannot read, and this may be a Secret
            let text = self.client.request_text(request).await?;
            serde_json::from_str(&text).map_err(kube::Error::SerdeError)
        };
        within(doing, what, answer).await
    }
}

/// A request as kube's client takes it.
type RawRequest = hyper::Request<Vec<u8>>;

/// Where objects of this kind are, in this namespace if they live in namespaces.
fn at(kind: &Kind, namespace: Option<&str>, default_namespace: &str) -> Request {
    let namespace = namespace
        .filter(|namespace| !namespace.is_empty())
        .unwrap_or(default_namespace);
    let namespace = kind.namespaced.then_some(namespace);
    Request::new(DynamicObject::url_path(&kind.resource, namespace))
}

/// The answer, if it comes in time.
async fn within<T>(
    doing: &'static str,
    what: &str,
    answer: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, ObjectsError> {
    match tokio::time::timeout(DEADLINE, answer).await {
        Ok(answer) => answer.map_err(|source| ObjectsError::api(doing, what, source)),
        Err(_) => Err(ObjectsError::TooSlow {
            doing,
            what: what.to_owned(),
            seconds: DEADLINE.as_secs(),
        }),
    }
}
