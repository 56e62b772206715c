//! The requests to the API server.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions,
};
use kube::{Api, Client};
use serde_json::json;

use crate::api_error::{is_conflict, is_forbidden, is_not_found};
use crate::component::Component;
use crate::component::names::FINALIZER;
use crate::release::record::selector;
use crate::teardown::error::TeardownError;
use crate::teardown::left::Left;

/// The Components of a cluster, or of one of its namespaces.
pub struct Cluster {
    client: Client,
    namespace: Option<String>,
}

impl Cluster {
    /// Connects to the cluster.
    pub fn new(config: kube::Config, namespace: Option<String>) -> Result<Self, TeardownError> {
        let client = Client::try_from(config).map_err(TeardownError::Client)?;
        Ok(Self { client, namespace })
    }

    /// Lists the Components, whatever they hold: an invalid one has to be deleted too.
    pub async fn list(&self) -> Result<Vec<Left>, TeardownError> {
        let resource = resource();
        let api: Api<DynamicObject> = match &self.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        };
        match api.list(&ListParams::default()).await {
            Ok(list) => Ok(list.items.iter().map(Left::of).collect()),
            // a cluster without the definition has no Components
            Err(cause) if is_not_found(&cause) => Ok(Vec::new()),
            Err(cause) => Err(failed("listing Components", cause)),
        }
    }

    /// Deletes exactly this object.
    pub async fn delete(&self, left: &Left) -> Result<(), TeardownError> {
        let only_this = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(left.uid.clone()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let deleted = self.one(left).delete(&left.key.name, &only_this).await;
        match deleted {
            Ok(_) => Ok(()),
            // it is gone, or replaced by another: the next listing shows it
            Err(cause) if is_not_found(&cause) || is_conflict(&cause) => Ok(()),
            Err(cause) => Err(failed(&format!("deleting Component {}", left.key), cause)),
        }
    }

    /// Removes the controller's finalizer and no other.
    pub async fn remove_finalizer(&self, left: &Left) -> Result<(), TeardownError> {
        let patch = json!({"metadata": {
            "finalizers": left.other_finalizers,
            "uid": left.uid,
            // another client may be removing another finalizer
            "resourceVersion": left.version,
        }});
        let patched = self
            .one(left)
            .patch(
                &left.key.name,
                &PatchParams::default(),
                &Patch::Merge(patch),
            )
            .await;
        match patched {
            Ok(_) => Ok(()),
            Err(cause) if is_not_found(&cause) || is_conflict(&cause) => Ok(()),
            Err(cause) => {
                let what = format!(
                    "taking the finalizer {FINALIZER} from Component {}",
                    left.key
                );
                Err(failed(&what, cause))
            }
        }
    }

    /// True if Helm has a release of this namespace and name.
    pub async fn has_release(&self, release: &(String, String)) -> Result<bool, TeardownError> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &release.0);
        let Some(labels) = selector(&release.1) else {
            return Ok(false);
        };
        let which = ListParams::default().labels(&labels).limit(1);
        match secrets.list_metadata(&which).await {
            Ok(list) => Ok(!list.items.is_empty()),
            // unknown counts as present
            Err(cause) if is_forbidden(&cause) => Ok(true),
            Err(cause) => {
                let what = format!(
                    "looking for release {} in namespace {}",
                    release.1, release.0
                );
                Err(failed(&what, cause))
            }
        }
    }

    fn one(&self, left: &Left) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &left.key.namespace, &resource())
    }
}

fn resource() -> ApiResource {
    ApiResource::erase::<Component>(&())
}

fn failed(what: &str, source: kube::Error) -> TeardownError {
    TeardownError::Api {
        what: what.to_owned(),
        source: Box::new(source),
    }
}
