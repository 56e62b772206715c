//! Objects of any kind: found by kind, read, applied and deleted. A version that the server no longer
//! serves names the same objects as the version that it serves.
//!
//! Only the discovered kinds are cached; every object is read from the API server.

mod error;
mod kinds;
mod leftovers;

use std::collections::BTreeSet;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::version::Info;
use kube::Client;
use kube::api::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PropagationPolicy};
use kube::core::{DynamicObject, Request, Resource};
use serde_json::Value;

pub use self::error::{ObjectsError, UnknownFields, unknown_fields};
use self::kinds::{Kind, Kinds};
pub use self::leftovers::{Leftover, leftovers};
use crate::release::manifest::ObjectKey;
use crate::release::manifest::served::{ApiKind, Served, Unserved};

/// Helm's own field manager: corrected fields stay Helm's (docs/components.md 8).
pub const HELM_FIELD_MANAGER: &str = "helm";

/// How long one request may take. kube's client has no limit by default (docs/components.md 18).
const DEADLINE: Duration = Duration::from_secs(30);

/// Objects of any kind, through one client and with its rights.
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

    /// The API versions that serve a kind of this name, one of each group.
    ///
    /// # Errors
    /// The API server refuses or does not answer.
    pub async fn api_versions_of(&self, kind: &str) -> Result<Vec<String>, ObjectsError> {
        self.kinds.api_versions_of(kind).await
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
        let request = |kind: &Kind| {
            at(kind, key.namespace.as_deref(), default_namespace)
                .get(&key.name, &GetParams::default())
        };
        match self
            .send_to("reading", &key.to_string(), &kind, request)
            .await
        {
            Ok(object) => Ok(Some(object)),
            // the object is missing, or the server does not name what is missing
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Which of these kinds the cluster does not serve in these versions, and which versions it serves instead; not
    /// cached. Kinds that cannot be determined now are not among them, nor kinds without a served version while the
    /// server has not read all definitions.
    pub async fn unserved(&self, named: &BTreeSet<ApiKind>) -> Unserved {
        let versions: BTreeSet<&str> = named.iter().map(|kind| &*kind.api_version).collect();
        for version in versions {
            self.kinds.forget(version).await;
        }
        let mut unserved = Unserved::new();
        for asked in named {
            let served = match self.kinds.find(&asked.api_version, &asked.kind).await {
                Ok(found) if found.resource.api_version == asked.api_version => continue,
                Ok(found) => Served::At(found.resource.api_version),
                Err(error) if error.is_unknown_kind() => Served::Nowhere,
                Err(_) => continue,
            };
            unserved.insert(asked.clone(), served);
        }
        if unserved.values().any(|served| *served == Served::Nowhere) && !self.is_ready().await {
            unserved.retain(|_, served| *served != Served::Nowhere);
        }
        unserved
    }

    /// True if the API server reports that its start is complete.
    async fn is_ready(&self) -> bool {
        let Ok(request) = hyper::Request::get("/readyz").body(Vec::new()) else {
            return false;
        };
        let answer = self.client.request_text(request);
        within("asking", "whether the API server is ready", answer)
            .await
            .is_ok()
    }

    /// The result of a server-side apply of the object, as Helm and by force, without doing it.
    ///
    /// # Errors
    /// The object has no kind or name, the cluster does not know the kind, or the API server refuses or does not
    /// answer.
    pub async fn dry_run_apply(
        &self,
        object: &Value,
        default_namespace: &str,
    ) -> Result<Value, ObjectsError> {
        let how = strict_apply().dry_run();
        self.patch("trying", object, default_namespace, &how).await
    }

    /// Server-side apply of the object, as Helm and by force; returns the new object.
    ///
    /// # Errors
    /// As [`Objects::dry_run_apply`].
    pub async fn apply(
        &self,
        object: &Value,
        default_namespace: &str,
    ) -> Result<Value, ObjectsError> {
        let how = strict_apply();
        self.patch("applying", object, default_namespace, &how)
            .await
    }

    /// Deletes the object, its dependents in the background. One that does not exist, or whose kind is not
    /// served any more, is no error.
    ///
    /// # Errors
    /// The API server refuses or does not answer.
    pub async fn delete(
        &self,
        key: &ObjectKey,
        default_namespace: &str,
    ) -> Result<(), ObjectsError> {
        let kind = match self.kinds.of_key(key).await {
            Err(error) if error.is_unknown_kind() => return Ok(()),
            found => found?,
        };
        let how = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            ..DeleteParams::default()
        };
        let request = |kind: &Kind| {
            at(kind, key.namespace.as_deref(), default_namespace).delete(&key.name, &how)
        };
        match self
            .send_to("deleting", &key.to_string(), &kind, request)
            .await
        {
            Err(error) if error.is_not_found() || error.is_unknown_kind() => Ok(()),
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

    /// The API server's version, such as `v1.37.2` in `git_version`.
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
        let request = |kind: &Kind| {
            let mut body = body.clone();
            body["apiVersion"] = kind.resource.api_version.as_str().into();
            at(kind, namespace.as_deref(), default_namespace).patch(
                &name,
                how,
                &Patch::Apply(&body),
            )
        };
        self.send_to(doing, &what, &kind, request).await
    }

    /// Sends a request for a kind to its known path, and again if that has moved: its definition may have changed, and
    /// the cluster may have been upgraded.
    async fn send_to(
        &self,
        doing: &'static str,
        what: &str,
        kind: &Kind,
        request: impl Fn(&Kind) -> Result<RawRequest, kube::core::request::Error>,
    ) -> Result<Value, ObjectsError> {
        let answer = self.send(doing, what, request(kind)).await;
        match answer {
            Err(error) if error.is_no_such_path() => {
                let now = self.kinds.ask_again(kind).await?;
                if now.resource == kind.resource {
                    return Err(error);
                }
                self.send(doing, what, request(&now)).await
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
            // not the client's own JSON decoding: it logs what it cannot decode, and this may be a Secret
            let text = self.client.request_text(request).await?;
            serde_json::from_str(&text).map_err(kube::Error::SerdeError)
        };
        within(doing, what, answer).await
    }
}

/// By force and with strict validation: an apply with a field that the server does not know is refused, by
/// whichever validation, so the object stays as Helm made it until the chart is corrected.
fn strict_apply() -> PatchParams {
    let how = PatchParams::apply(HELM_FIELD_MANAGER).force();
    how.validation_strict()
}

/// A request as kube's client takes it.
type RawRequest = hyper::Request<Vec<u8>>;

/// The path of objects of this kind, in this namespace if the kind is namespaced.
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
