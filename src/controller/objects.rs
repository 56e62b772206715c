//! Objects of any kind: found by kind, read, applied and deleted. A version that the server no longer
//! serves names the same objects as the version that it serves.
//!
//! Only the discovered kinds are cached; every object is read from the API server.

mod error;
mod kinds;
mod leftovers;
mod request;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::HeaderValue;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::apimachinery::pkg::version::Info;
use kube::api::{
    DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, PropagationPolicy,
};
use kube::client::Body;
use kube::{Api, Client};
use serde_json::Value;

pub use self::error::{ObjectsError, UnknownFields, unknown_fields};
use self::kinds::{Kind, Kinds};
pub use self::leftovers::{Leftover, leftovers};
use self::request::{RawRequest, at, json_patch, segment, strict_apply};
use crate::component::names::annotation::DRIFT_DETECTION;
use crate::release::manifest::served::{ApiKind, Served, Unserved};
use crate::release::manifest::{Object, ObjectKey};
use crate::yaml::escaped;

/// Helm's own field manager: corrected fields stay Helm's (docs/components.md 8).
pub const HELM_FIELD_MANAGER: &str = "helm";

/// How long one request may take. kube's client has no limit by default (docs/components.md 18).
const DEADLINE: Duration = Duration::from_secs(30);

/// Objects of any kind, through one client and with its rights.
pub struct Objects {
    client: Client,
    kinds: Arc<Kinds>,
}

impl Objects {
    /// Objects as this client may see and change them.
    pub fn new(client: Client) -> Self {
        Self {
            kinds: Arc::new(Kinds::new(client.clone())),
            client,
        }
    }

    /// The same objects with the rights of another user, whom this client's may impersonate.
    pub fn acting_as(&self, user: &str) -> Self {
        let value = HeaderValue::try_from(user).expect("names of accounts are DNS names");
        let own = self.client.clone();
        let send = move |mut request: hyper::Request<Body>| {
            request
                .headers_mut()
                .insert("impersonate-user", value.clone());
            let own = own.clone();
            async move { own.send(request).await }
        };
        Self {
            client: Client::new(tower::service_fn(send), self.client.default_namespace()),
            kinds: Arc::clone(&self.kinds),
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
                .get(&segment(&key.name), &GetParams::default())
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

    /// Changes an object by a JSON patch (RFC 6902), as Helm, or finds out what that would make of it.
    ///
    /// # Errors
    /// As [`Objects::dry_run_apply`].
    pub async fn patch_fields(
        &self,
        key: &ObjectKey,
        default_namespace: &str,
        patch: &Value,
        is_dry_run: bool,
    ) -> Result<Value, ObjectsError> {
        let kind = self.kinds.of_key(key).await?;
        let how = PatchParams {
            dry_run: is_dry_run,
            field_manager: Some(HELM_FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let how = how.validation_strict();
        let request = |kind: &Kind| {
            json_patch(
                &at(kind, key.namespace.as_deref(), default_namespace),
                &key.name,
                &how,
                patch,
            )
        };
        let doing = if is_dry_run { "trying" } else { "patching" };
        self.send_to(doing, &key.to_string(), &kind, request).await
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
            at(kind, key.namespace.as_deref(), default_namespace).delete(&segment(&key.name), &how)
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

    /// True if the user of this client may create the object, as far as its kind, namespace and name decide.
    ///
    /// # Errors
    /// The cluster does not know the kind, or the API server refuses or does not answer.
    pub async fn may_create(
        &self,
        object: &Object,
        default_namespace: &str,
    ) -> Result<bool, ObjectsError> {
        let kind = self.kinds.find(&object.api_version, &object.kind).await?;
        let namespace = object.namespace.as_deref().unwrap_or(default_namespace);
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    group: Some(kind.resource.group.clone()),
                    resource: Some(kind.resource.plural.clone()),
                    namespace: kind.namespaced.then(|| namespace.to_owned()),
                    name: Some(object.name.clone()),
                    verb: Some("create".to_owned()),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let api: Api<SelfSubjectAccessReview> = Api::all(self.client.clone());
        let how = PostParams::default();
        let what = format!("whether {object} may be created");
        let answer = within("asking", &what, api.create(&how, &review)).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
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
            let request = at(kind, namespace.as_deref(), default_namespace);
            // the API server reads it as YAML
            let request = request.patch(&segment(&name), how, &Patch::Apply(&body))?;
            Ok(request.map(escaped))
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

/// True if the object's annotation exempts it from drift detection.
pub fn is_exempt(object: &Value) -> bool {
    object["metadata"]["annotations"][DRIFT_DETECTION] == "disabled"
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_annotation_exempts_only_when_it_says_disabled() {
        let annotated = |value: &str| json!({"metadata": {"annotations": {"ext.theriseunion.io/driftDetection": value}}});
        assert!(is_exempt(&annotated("disabled")));
        assert!(!is_exempt(&annotated("enabled")));
        assert!(!is_exempt(&json!({})));
    }
}
