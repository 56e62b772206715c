//! The kinds that the cluster serves, discovered per group and version on first use. One that is not served in the
//! version that a manifest names is looked up in the others: it is the same kind.
//!
//! Plain discovery, one group and version at a time (docs/components.md 18): a release names few kinds, and the
//! aggregated form lists all that there are.

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
use crate::release::manifest::served::{ApiKind, Group, Served};

/// How often the server is asked again about a kind that it did not serve.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// A kind of object, and the path of its objects.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Group, version, kind and plural.
    pub resource: ApiResource,
    /// True if its objects are namespaced.
    pub namespaced: bool,
}

/// The kinds of a cluster, as far as they are discovered.
pub struct Kinds {
    client: Client,
    known: Mutex<HashMap<String, Asked>>,
    /// Each group's versions, the preferred one first, and when the server was asked.
    groups: Mutex<Option<(Instant, Arc<Versions>)>>,
}

type Versions = HashMap<String, Vec<String>>;

/// The discovered kinds of one group and version.
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
            groups: Mutex::default(),
        }
    }

    /// The kind of a key.
    pub async fn of_key(&self, key: &ObjectKey) -> Result<Kind, ObjectsError> {
        let api_version = api_version(&key.group, &key.version);
        self.find(&api_version, &key.kind).await
    }

    /// The kind of this name in `apps/v1` or `v1`, or in the version that is served instead.
    pub async fn find(&self, api_version: &str, kind: &str) -> Result<Kind, ObjectsError> {
        if let Some(found) = self.find_there(api_version, kind).await? {
            return Ok(found);
        }
        let asked = ApiKind::new(api_version, kind);
        let mut shown = Vec::new();
        for group in asked.groups() {
            shown.push(self.group(group).await?);
        }
        let found = match asked.served_in(&shown) {
            Served::At(served) => self.find_there(&served, kind).await?,
            Served::Nowhere => None,
        };
        found.ok_or_else(|| ObjectsError::unknown(&asked))
    }

    /// The API versions that serve a kind of this name, one of each group.
    pub async fn api_versions_of(&self, kind: &str) -> Result<Vec<String>, ObjectsError> {
        let mut serving = Vec::new();
        for (group, versions) in self.versions().await?.iter() {
            let Some(version) = versions.first() else {
                continue;
            };
            let api_version = api_version(group, version);
            if self.find_there(&api_version, kind).await?.is_some() {
                serving.push(api_version);
            }
        }
        Ok(serving)
    }

    /// The kind in just this version.
    async fn find_there(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<Kind>, ObjectsError> {
        let before = self.known.lock().await.get(api_version).cloned();
        if let Some(asked) = before {
            let found = asked.find(kind);
            if found.is_some() || asked.at.elapsed() < ASK_AGAIN {
                return Ok(found);
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
        Ok(found)
    }

    /// Discovers a known kind again.
    pub async fn ask_again(&self, kind: &Kind) -> Result<Kind, ObjectsError> {
        let resource = &kind.resource;
        self.forget(&resource.api_version).await;
        self.find(&resource.api_version, &resource.kind).await
    }

    /// The server is asked once more about a group and version.
    pub async fn forget(&self, api_version: &str) {
        self.known.lock().await.remove(api_version);
        *self.groups.lock().await = None;
    }

    /// A group with all its versions; without any if the server does not know it.
    async fn group(&self, name: &str) -> Result<Group, ObjectsError> {
        let mut group = Group {
            name: name.to_owned(),
            versions: Vec::new(),
        };
        for version in self.versions().await?.get(name).into_iter().flatten() {
            let api_version = api_version(name, version);
            let kinds = self.ask(&api_version).await?;
            let names = kinds.iter().map(|kind| kind.resource.kind.clone());
            group.versions.push((version.clone(), names.collect()));
        }
        Ok(group)
    }

    /// The versions of all groups.
    async fn versions(&self) -> Result<Arc<Versions>, ObjectsError> {
        if let Some((at, versions)) = &*self.groups.lock().await
            && at.elapsed() < ASK_AGAIN
        {
            return Ok(Arc::clone(versions));
        }
        let asked = Instant::now();
        let groups = within("listing", "the API groups", self.client.list_api_groups()).await?;
        let core = within(
            "listing",
            "the core API versions",
            self.client.list_core_api_versions(),
        );
        let mut versions = Versions::from([(String::new(), core.await?.versions)]);
        for group in groups.groups {
            let preferred = group.preferred_version.map(|preferred| preferred.version);
            let mut all: Vec<String> = (group.versions.into_iter())
                .map(|one| one.version)
                .collect();
            // the server's own order among the others
            all.sort_by_key(|version| Some(version) != preferred.as_ref());
            versions.insert(group.name, all);
        }
        let versions = Arc::new(versions);
        *self.groups.lock().await = Some((asked, Arc::clone(&versions)));
        Ok(versions)
    }

    /// The kinds of this group and version; empty if it is not served.
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

/// `apps/v1`, or `v1` of the core group.
fn api_version(group: &str, version: &str) -> String {
    match group {
        "" => version.to_owned(),
        _ => format!("{group}/{version}"),
    }
}

/// The kinds of a list, without sub-resources.
fn kinds(group: &str, version: &str, list: &APIResourceList) -> Arc<[Kind]> {
    let own = list.resources.iter().filter(|one| !one.name.contains('/'));
    own.map(|one| Kind {
        resource: ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version: api_version(group, version),
            kind: one.kind.clone(),
            plural: one.name.clone(),
        },
        namespaced: one.namespaced,
    })
    .collect()
}
