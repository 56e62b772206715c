//! Which kinds the cluster knows, asked per group and version when a kind is first met.
//!
//! Plain discovery: the aggregated form is unknown to old servers (contract section 6).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use kube::Client;
use kube::core::ApiResource;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{ObjectsError, within};
use crate::release::manifest::ObjectKey;

/// How often the server is asked again for a kind that it did not know.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// A kind of object, and where the server keeps its objects.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Group, version, kind and plural.
    pub resource: ApiResource,
    /// True if its objects live in namespaces.
    pub namespaced: bool,
}

/// The kinds of a cluster, as far as they were asked for.
pub struct Kinds {
    client: Client,
    known: Mutex<HashMap<String, Asked>>,
}

/// What the server said about one group and version.
#[derive(Clone)]
struct Asked {
    at: Instant,
    kinds: Arc<[Kind]>,
}

impl Asked {
    fn find(&self, kind: &str) -> Option<Kind> {
        let mut kinds = self.kinds.iter();
        kinds.find(|known| known.resource.kind == kind).cloned()
    }
}

impl Kinds {
    pub fn new(client: Client) -> Self {
        Self {
            client,
            known: Mutex::default(),
        }
    }

    /// The kind of a key.
    pub async fn of_key(&self, key: &ObjectKey) -> Result<Kind, ObjectsError> {
        let api_version = if key.group.is_empty() {
            key.version.clone()
        } else {
            format!("{}/{}", key.group, key.version)
        };
        self.find(&api_version, &key.kind).await
    }

    /// The kind of this name in `apps/v1` or `v1`.
    pub async fn find(&self, api_version: &str, kind: &str) -> Result<Kind, ObjectsError> {
        let before = self.known.lock().await.get(api_version).cloned();
        if let Some(asked) = before {
            if let Some(found) = asked.find(kind) {
                return Ok(found);
            }
            if asked.at.elapsed() < ASK_AGAIN {
                return Err(ObjectsError::unknown(api_version, kind));
            }
        }
        let asked = Asked {
            at: Instant::now(),
            kinds: self.ask(api_version).await?,
        };
        let found = asked.find(kind);
        self.known
            .lock()
            .await
            .insert(api_version.to_owned(), asked);
        found.ok_or_else(|| ObjectsError::unknown(api_version, kind))
    }

    /// Whether a kind that was known is so still.
    pub async fn ask_again(&self, kind: &Kind) -> Result<Kind, ObjectsError> {
        let resource = &kind.resource;
        self.known.lock().await.remove(&resource.api_version);
        self.find(&resource.api_version, &resource.kind).await
    }

    /// What the server knows in this group and version; nothing if it does not know that either.
    async fn ask(&self, api_version: &str) -> Result<Arc<[Kind]>, ObjectsError> {
        let what = format!("the kinds of {api_version}");
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let list = async {
            if group.is_empty() {
                self.client.list_core_api_resources(version).await
            } else {
                self.client.list_api_group_resources(api_version).await
            }
        };
        match within("listing", &what, list).await {
            Ok(list) => Ok(kinds(group, version, &list)),
            Err(error) if error.is_not_found() => Ok(Arc::default()),
            Err(error) => Err(error),
        }
    }
}

/// The kinds of a list, without sub-resources.
fn kinds(group: &str, version: &str, list: &APIResourceList) -> Arc<[Kind]> {
    let own = list.resources.iter().filter(|one| !one.name.contains('/'));
    own.map(|one| Kind {
        resource: ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: match group {
                "" => version.to_owned(),
                _ => format!("{group}/{version}"),
            },
            kind: one.kind.clone(),
            plural: one.name.clone(),
        },
        namespaced: one.namespaced,
    })
    .collect()
}
