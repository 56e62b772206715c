//! The watches that keep the store up: Components, the metadata of Helm's release Secrets, and that of definitions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PartialObjectMeta;
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::causes::chain;
use crate::component::Component;
use crate::controller::crds::{self, kept};
use crate::controller::reconcile::context::Context;
use crate::controller::reconcile::observation::lacks_definitions;
use crate::controller::store::{Seen, Store, key_of};
use crate::controller::workqueue::WorkQueueHandle;
use crate::node_key::NodeKey;
use crate::release::operation::ReleaseKey;
use crate::release::record::{Revision, SECRET_TYPE};

/// How long a definition that came may take to be served.
const SERVED: Duration = Duration::from_secs(60);

/// Follows the Components of one namespace, or of all; tells `synced` when all that there were are known. Never ends.
pub async fn components(
    client: Client,
    namespace: Option<&str>,
    store: Arc<Store>,
    queue: WorkQueueHandle,
    synced: watch::Sender<bool>,
) {
    let api: Api<DeserializeGuard<Component>> = match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let open = |config| watcher(api.clone(), config);
    let mut listed: HashSet<NodeKey> = HashSet::new();
    let config = watcher::Config::default();
    each(open, config, "Components", |event| match event {
        Event::Init => listed.clear(),
        Event::InitApply(object) => {
            let (key, seen) = seen(object);
            store.insert(seen);
            listed.insert(key);
        }
        Event::InitDone => {
            let gone = store.keys().into_iter().filter(|key| !listed.contains(key));
            for key in gone.collect::<Vec<_>>() {
                leave(&store, &queue, &key);
            }
            synced.send_replace(true);
            store.keys().iter().for_each(|key| queue.add(key));
        }
        Event::Apply(object) => {
            let (key, seen) = seen(object);
            if let Some(concerned) = store.apply(seen) {
                queue.add(&key);
                queue.add_affected(&concerned);
            }
        }
        Event::Delete(object) => {
            let metadata = match &object.0 {
                Ok(component) => &component.metadata,
                Err(invalid) => &invalid.metadata,
            };
            leave(&store, &queue, &key_of(metadata));
        }
    })
    .await;
}

fn seen(object: DeserializeGuard<Component>) -> (NodeKey, Seen) {
    match object.0 {
        Ok(component) => (
            key_of(&component.metadata),
            Seen::Usable(Box::new(component)),
        ),
        Err(invalid) => (
            key_of(&invalid.metadata),
            Seen::Broken {
                metadata: Box::new(invalid.metadata),
                error: invalid.error,
            },
        ),
    }
}

fn leave(store: &Store, queue: &WorkQueueHandle, key: &NodeKey) {
    // its own reconcile forgets what is remembered of it
    queue.add(key);
    let concerned = store.remove(key);
    concerned.iter().for_each(|key| queue.add(key));
}

/// Follows Helm's release Secrets of all namespaces, by their metadata alone; tells `synced` when all that there were
/// are known. Never ends.
pub async fn releases(
    client: Client,
    store: Arc<Store>,
    queue: WorkQueueHandle,
    synced: watch::Sender<bool>,
) {
    let api: Api<PartialObjectMeta<Secret>> = Api::all(client);
    let config = watcher::Config::default()
        .labels("owner=helm")
        .fields(&format!("type={SECRET_TYPE}"));
    let open = |config| watcher(api.clone(), config);
    let mut listed: HashMap<ReleaseKey, BTreeMap<i64, Revision>> = HashMap::new();
    each(
        open,
        config,
        "Helm's release Secrets",
        |event| match event {
            Event::Init => listed.clear(),
            Event::InitApply(secret) => {
                if let Some((release, revision)) = revision_of(&secret) {
                    let of_release = listed.entry(release).or_default();
                    of_release.insert(revision.number, revision);
                }
            }
            Event::InitDone => {
                store.replace_revisions(std::mem::take(&mut listed));
                synced.send_replace(true);
                store.keys().iter().for_each(|key| queue.add(key));
            }
            Event::Apply(secret) => {
                if let Some((release, revision)) = revision_of(&secret) {
                    store.apply_revision(&release, revision);
                    add_owners(&store, &queue, &release);
                }
            }
            Event::Delete(secret) => {
                if let Some((release, revision)) = revision_of(&secret) {
                    store.remove_revision(&release, revision.number);
                    add_owners(&store, &queue, &release);
                }
            }
        },
    )
    .await;
}

fn add_owners(store: &Store, queue: &WorkQueueHandle, release: &ReleaseKey) {
    let owners = store.owners(release);
    owners.iter().for_each(|key| queue.add(key));
}

fn revision_of(secret: &PartialObjectMeta<Secret>) -> Option<(ReleaseKey, Revision)> {
    let metadata = &secret.metadata;
    let labels = metadata.labels.as_ref()?;
    let release = (metadata.namespace.clone()?, labels.get("name")?.clone());
    Some((release, Revision::of(metadata)?))
}

/// Follows the definitions of kinds, by their metadata alone: one that comes is what releases may wait for that failed
/// without it (docs/components.md 7.4). Never ends.
pub async fn crds(context: Arc<Context>) {
    let api: Api<PartialObjectMeta<CustomResourceDefinition>> =
        Api::all(context.cluster.client.clone());
    let open = |config| watcher(api.clone(), config);
    let config = watcher::Config::default();
    let mut listed = BTreeMap::new();
    each(open, config, "CustomResourceDefinitions", |event| {
        // those that were there at the start are nothing new
        let Some(definition) = follow_kept(&context, &mut listed, event) else {
            return;
        };
        let name = definition.name_any();
        let Some((_, group)) = name.split_once('.') else {
            return;
        };
        let of_group = format!("({group}/");
        if lacking(&context.cluster.store, &of_group).is_empty() {
            return;
        }
        let context = Arc::clone(&context);
        tokio::spawn(async move {
            match crds::await_served(&context.cluster.client, &name, SERVED).await {
                Ok(kind) => {
                    let of_kind = format!("{kind} {of_group}");
                    for key in lacking(&context.cluster.store, &of_kind) {
                        context
                            .memory
                            .of(&key, |memory| memory.definition_came = true);
                        context.queue.add(&key);
                    }
                }
                Err(cause) => debug!(definition = name, error = chain(&cause), "Not served"),
            }
        });
    })
    .await;
}

/// Notes which definitions were kept and for whom; returns one that came or changed.
fn follow_kept(
    context: &Context,
    listed: &mut BTreeMap<String, NodeKey>,
    event: Event<PartialObjectMeta<CustomResourceDefinition>>,
) -> Option<PartialObjectMeta<CustomResourceDefinition>> {
    let note = |name: &str, owner| {
        let concerned = context.cluster.kept.note(name, owner);
        concerned.iter().for_each(|key| context.queue.add(key));
    };
    match event {
        Event::Init => listed.clear(),
        Event::InitApply(definition) => {
            let owner = kept::owner(&definition.metadata);
            listed.extend(owner.map(|owner| (definition.name_any(), owner)));
        }
        Event::InitDone => context.cluster.kept.replace(std::mem::take(listed)),
        Event::Delete(definition) => note(&definition.name_any(), None),
        Event::Apply(definition) => {
            note(&definition.name_any(), kept::owner(&definition.metadata));
            return Some(definition);
        }
    }
    None
}

/// The Components whose last attempt failed for want of this: `(example.com/` is anything of a group,
/// `Widget (example.com/` a kind.
fn lacking(store: &Store, what: &str) -> Vec<NodeKey> {
    let components = store.components().into_iter();
    let lacking = components.filter_map(|seen| {
        let component = seen.usable()?;
        let message = lacks_definitions(component.status.as_ref()?)?;
        message.contains(what).then(|| key_of(&component.metadata))
    });
    lacking.collect()
}

/// Takes every event of the watch that `open` begins; one that fails is begun again, with growing pauses, and its
/// trouble is told once.
///
/// What there is at the start comes as a stream, object by object (Kubernetes' WatchList). An API server without it, or
/// where it is switched off, refuses the request, and from then on everything is listed first.
async fn each<K, S: Stream<Item = Result<Event<K>, watcher::Error>>>(
    open: impl Fn(watcher::Config) -> S,
    config: watcher::Config,
    what: &'static str,
    mut take: impl FnMut(Event<K>),
) {
    let mut trouble = Trouble::new(what);
    let streamed = config.clone().streaming_lists();
    // cached answers will do: what changes meanwhile comes by the watch
    let listed = config.any_semantic();
    for (config, is_streamed) in [(streamed, true), (listed, false)] {
        let mut events = pin!(open(config).default_backoff());
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    trouble.is_over();
                    take(event);
                }
                Err(cause) if is_streamed && is_no_stream(&cause) => {
                    debug!(what, error = chain(&cause), "No stream: listed instead");
                    break;
                }
                Err(cause) => trouble.tell(&cause),
            }
        }
    }
}

/// The trouble with one watch, told once until it is over.
struct Trouble {
    what: &'static str,
    is_told: bool,
}

impl Trouble {
    fn new(what: &'static str) -> Self {
        Self {
            what,
            is_told: false,
        }
    }

    fn is_over(&mut self) {
        self.is_told = false;
    }

    fn tell(&mut self, cause: &watcher::Error) {
        let what = self.what;
        if std::mem::replace(&mut self.is_told, true) {
            debug!(what, error = chain(cause), "Still cannot watch");
            return;
        }
        let advice = if is_missing(cause) {
            "apply the definition: chartroom crd | kubectl apply -f -"
        } else {
            "it is tried again until it works"
        };
        warn!(what, error = chain(cause), advice, "Cannot watch");
    }
}

/// True if the API server refuses to send what there is as a stream.
fn is_no_stream(cause: &watcher::Error) -> bool {
    match cause {
        watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 422,
        _ => false,
    }
}

/// True if the API server does not know the resource.
fn is_missing(cause: &watcher::Error) -> bool {
    match cause {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 404,
        _ => false,
    }
}
