//! What the API server has told us: the Components and the revisions of releases, kept up by two watches.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, PoisonError, RwLock};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::sync::watch;

use crate::component::Component;
use crate::component::conditions::{ConditionType, find};
use crate::component::names::annotation;
use crate::component::nulls;
use crate::node_key::NodeKey;
use crate::planner::{Node, Planner};
use crate::release::operation::ReleaseKey;
use crate::release::record::{Revision, newest_first};

/// A Component as the API server has it.
#[derive(Debug)]
pub enum Seen {
    /// It can be read.
    Usable(Box<Component>),
    /// It cannot: an older definition let something through that has no meaning.
    Broken {
        /// Its metadata.
        metadata: Box<ObjectMeta>,
        /// Why not.
        error: String,
    },
}

impl Seen {
    fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Usable(component) => &component.metadata,
            Self::Broken { metadata, .. } => metadata,
        }
    }

    /// The Component, if it can be read.
    pub fn usable(&self) -> Option<&Component> {
        match self {
            Self::Usable(component) => Some(component),
            Self::Broken { .. } => None,
        }
    }
}

/// The key of an object with this metadata.
pub fn key_of(metadata: &ObjectMeta) -> NodeKey {
    NodeKey::new(
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}

/// What is known. One lock, held for moments.
pub struct Store {
    inner: RwLock<Inner>,
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    components: BTreeMap<NodeKey, Arc<Seen>>,
    revisions: HashMap<ReleaseKey, BTreeMap<i64, Revision>>,
    /// Of the Components that can be read; `None` until somebody asks after a change of their edges.
    planner: Option<Arc<Planner>>,
    /// The uids of objects that went lately: an answer to a write that arrives late must not bring them back.
    gone: VecDeque<String>,
}

/// Who may care about a change of a Component, besides itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// Who.
    pub keys: Vec<NodeKey>,
    /// True if the change may let them go on, or keep them from it; false if it is only news for their status.
    pub at_once: bool,
}

/// So many of them are remembered.
const GONE: usize = 1024;

impl Store {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self {
            inner: RwLock::default(),
            changes: watch::Sender::new(0),
        }
    }

    /// Counts changes of Components.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The Component with this key.
    pub fn component(&self, key: &NodeKey) -> Option<Arc<Seen>> {
        self.read(|inner| inner.components.get(key).cloned())
    }

    /// All Components.
    pub fn components(&self) -> Vec<Arc<Seen>> {
        self.read(|inner| inner.components.values().cloned().collect())
    }

    /// The keys of all Components.
    pub fn keys(&self) -> Vec<NodeKey> {
        self.read(|inner| inner.components.keys().cloned().collect())
    }

    /// Who depends on whom among the Components; made anew after a change of their edges.
    pub fn planner(&self) -> Arc<Planner> {
        if let Some(planner) = self.read(|inner| inner.planner.clone()) {
            return planner;
        }
        self.write(|inner| {
            let usable = inner.components.values().filter_map(|seen| seen.usable());
            let make = || Arc::new(Planner::of(usable.map(Node::of)));
            Arc::clone(inner.planner.get_or_insert_with(make))
        })
    }

    /// Takes in a Component that was read or written. An older one than the known one is left out. Returns who else
    /// may care, besides itself; `None` if nothing is new.
    pub fn apply(&self, mut seen: Seen) -> Option<Affected> {
        strip(&mut seen);
        let key = key_of(seen.metadata());
        let is_news = self.read(|inner| {
            let before = inner.components.get(&key);
            before.is_none_or(|before| fingerprint(before) != fingerprint(&seen))
        });
        // who has an edge to it is known of the time before; what it adds itself is looked at beside
        let planner = is_news.then(|| self.planner());
        let concerned = self.write(|inner| {
            let before = inner.components.get(&key).cloned();
            inner.insert(&key, seen)?;
            let now = inner.components.get(&key).map(Arc::as_ref);
            let (old, new) = (
                before.as_deref().and_then(fingerprint),
                now.and_then(fingerprint),
            );
            let keys = match &planner {
                _ if before.is_some() && old == new => Vec::new(),
                Some(planner) => concerned(inner, planner, &key, [before.as_deref(), now]),
                // somebody else changed it in between
                None => inner.components.keys().cloned().collect(),
            };
            Some(Affected {
                keys,
                at_once: matters_at_once(old.as_ref(), new.as_ref()),
            })
        });
        if concerned.is_some() {
            self.changes.send_modify(|count| *count += 1);
        }
        concerned
    }

    /// Takes in one of many Components that are being listed, and does not ask who else may care: when the list is
    /// whole, everybody is looked at.
    pub fn insert(&self, mut seen: Seen) {
        strip(&mut seen);
        let key = key_of(seen.metadata());
        if self.write(|inner| inner.insert(&key, seen)).is_some() {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    /// A Component is gone. Returns who else may care.
    pub fn remove(&self, key: &NodeKey) -> Vec<NodeKey> {
        let planner = self.planner();
        let concerned = self.write(|inner| {
            let before = inner.components.remove(key);
            if let Some(uid) = before.as_ref().and_then(|seen| seen.metadata().uid.clone()) {
                inner.gone.push_front(uid);
                inner.gone.truncate(GONE);
            }
            inner.planner = None;
            concerned(inner, &planner, key, [before.as_deref(), None])
        });
        self.changes.send_modify(|count| *count += 1);
        concerned
    }

    /// Revisions of a release, newest first, as the watch has told so far.
    pub fn revisions(&self, release: &ReleaseKey) -> Vec<Revision> {
        self.read(|inner| {
            let known = inner.revisions.get(release);
            newest_first(
                known
                    .into_iter()
                    .flat_map(BTreeMap::values)
                    .cloned()
                    .collect(),
            )
        })
    }

    /// Takes in what the API server says of a release now.
    pub fn set_revisions(&self, release: &ReleaseKey, revisions: &[Revision]) {
        self.write(|inner| {
            if revisions.is_empty() {
                inner.revisions.remove(release);
            } else {
                let by_number = revisions
                    .iter()
                    .map(|revision| (revision.number, revision.clone()));
                inner.revisions.insert(release.clone(), by_number.collect());
            }
        });
    }

    /// A revision was made or changed.
    pub fn apply_revision(&self, release: &ReleaseKey, revision: Revision) {
        self.write(|inner| {
            let known = inner.revisions.entry(release.clone()).or_default();
            known.insert(revision.number, revision);
        });
    }

    /// A revision is gone.
    pub fn remove_revision(&self, release: &ReleaseKey, number: i64) {
        self.write(|inner| {
            if let Some(known) = inner.revisions.get_mut(release) {
                known.remove(&number);
                if known.is_empty() {
                    inner.revisions.remove(release);
                }
            }
        });
    }

    /// Everything that is known of releases is replaced: a watch began anew.
    pub fn replace_revisions(&self, all: HashMap<ReleaseKey, BTreeMap<i64, Revision>>) {
        self.write(|inner| inner.revisions = all);
    }

    /// Components with this release.
    pub fn owners(&self, release: &ReleaseKey) -> Vec<NodeKey> {
        self.read(|inner| owners(inner, release))
    }

    /// Components that want this release and may have it: enabled, not left alone, and not on their way out.
    pub fn claimants(&self, release: &ReleaseKey) -> Vec<NodeKey> {
        let is_claimant = |key: &NodeKey| {
            let seen = self.component(key);
            let component = seen.as_deref().and_then(Seen::usable);
            component.is_some_and(|component| {
                component.spec.enabled
                    && !component.is_left_alone()
                    && component.metadata.deletion_timestamp.is_none()
            })
        };
        let mut claimants = self.owners(release);
        claimants.retain(is_claimant);
        claimants
    }

    fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        look(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    /// `None` if it is known already, or gone.
    fn insert(&mut self, key: &NodeKey, seen: Seen) -> Option<()> {
        let uid = seen.metadata().uid.as_ref();
        if uid.is_some_and(|uid| self.gone.contains(uid)) {
            return None;
        }
        if let Some(before) = self.components.get(key)
            && before.metadata().uid == seen.metadata().uid
            && resource_version(before.metadata()) >= resource_version(seen.metadata())
        {
            return None;
        }
        // most news are of a state and leave all edges as they are
        let planner = self.planner.take();
        self.planner = planner.and_then(|planner| {
            let node = Node::of(seen.usable()?);
            planner.with(node).map(Arc::new)
        });
        self.components.insert(key.clone(), Arc::new(seen));
        Some(())
    }
}

fn owners(inner: &Inner, release: &ReleaseKey) -> Vec<NodeKey> {
    let usable = (inner.components.iter()).filter_map(|(key, seen)| Some((key, seen.usable()?)));
    usable
        .filter(|(_, component)| {
            component.target_namespace() == release.0 && component.release_name() == release.1
        })
        .map(|(key, _)| key.clone())
        .collect()
}

/// Dependents, dependencies, rivals over these, and those that want the same release.
fn concerned(
    inner: &Inner,
    planner: &Planner,
    key: &NodeKey,
    versions: [Option<&Seen>; 2],
) -> Vec<NodeKey> {
    let mut concerned = planner.concerned(key);
    for component in versions.into_iter().flatten().filter_map(Seen::usable) {
        concerned.extend(owners(inner, &component.release()));
        let depends_on = component.spec.depends_on.iter();
        concerned.extend(depends_on.map(|dependency| {
            let namespace = dependency.namespace.as_deref();
            NodeKey::new(namespace.unwrap_or(&key.namespace), &dependency.name)
        }));
        let recorded = component
            .status
            .iter()
            .flat_map(|status| &status.dependencies);
        concerned.extend(recorded.map(|found| NodeKey::new(&found.namespace, &found.name)));
    }
    concerned.sort();
    concerned.dedup();
    concerned.retain(|other| other != key && inner.components.contains_key(other));
    concerned
}

/// What others care about in a Component.
#[derive(PartialEq)]
struct Fingerprint {
    generation: Option<i64>,
    is_settled: bool,
    is_deleting: bool,
    ready: Option<(String, String)>,
    released: Option<String>,
    version: Option<String>,
    dependencies: Vec<(String, String)>,
    is_left_alone: bool,
    may_break: bool,
}

fn fingerprint(seen: &Seen) -> Option<Fingerprint> {
    let component = seen.usable()?;
    let status = component.status.as_ref();
    let condition = |about| status.and_then(|status| find(&status.conditions, about));
    Some(Fingerprint {
        generation: component.metadata.generation,
        is_settled: status.and_then(|status| status.observed_generation)
            == component.metadata.generation,
        is_deleting: component.metadata.deletion_timestamp.is_some(),
        ready: condition(ConditionType::Ready)
            .map(|ready| (ready.status.clone(), ready.reason.clone())),
        released: condition(ConditionType::Released).map(|released| released.status.clone()),
        version: status.and_then(|status| status.resolved_version.clone()),
        dependencies: (status.iter().flat_map(|status| &status.dependencies))
            .map(|found| (found.namespace.clone(), found.name.clone()))
            .collect(),
        is_left_alone: component.is_left_alone(),
        may_break: component.is_marked(annotation::ALLOW_BREAK_DEPENDENTS),
    })
}

/// True if others may have to do something else now, and not only to say something else: all but how far one got that
/// others cannot build on before or after.
fn matters_at_once(old: Option<&Fingerprint>, new: Option<&Fingerprint>) -> bool {
    let (Some(old), Some(new)) = (old, new) else {
        // a new one has to be looked at itself before anybody can build on it
        return old.is_some();
    };
    let is = |status: Option<&str>| status == Some("True");
    let is_ready = |one: &Fingerprint| is(one.ready.as_ref().map(|(status, _)| status.as_str()));
    let is_released = |one: &Fingerprint| is(one.released.as_deref());
    is_ready(old)
        || is_ready(new)
        || is_released(old) != is_released(new)
        || old.generation != new.generation
        || old.is_deleting != new.is_deleting
        || old.is_left_alone != new.is_left_alone
        || old.may_break != new.may_break
}

/// Versions of one object grow, which is all that is asked here: what we wrote ourselves is not replaced by what the
/// watch told before.
fn resource_version(metadata: &ObjectMeta) -> u64 {
    let text = metadata.resource_version.as_deref();
    text.and_then(|text| text.parse().ok()).unwrap_or(u64::MAX)
}

/// Leaves out what nobody reads and what is large.
fn strip(seen: &mut Seen) {
    let dropped = match seen {
        Seen::Usable(component) => dropped_nulls(component),
        Seen::Broken { .. } => None,
    };
    let metadata = match seen {
        Seen::Usable(component) => &mut component.metadata,
        Seen::Broken { metadata, .. } => metadata,
    };
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(nulls::LAST_APPLIED);
        annotations.extend(dropped.map(|places| (annotation::DROPPED_NULLS.to_owned(), places)));
    }
}

/// What is to be known of the largest annotation before it goes.
fn dropped_nulls(component: &Component) -> Option<String> {
    let annotations = component.metadata.annotations.as_ref()?;
    let places = nulls::dropped(
        annotations.get(nulls::LAST_APPLIED)?,
        &component.spec.values,
    );
    (!places.is_empty()).then(|| places.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn seen(name: &str, version: u64, spec: Value, status: Value) -> Seen {
        let component = json!({
            "apiVersion": "ext.theriseunion.io/v1alpha1", "kind": "Component",
            "metadata": {
                "name": name, "namespace": "edge", "uid": name, "generation": 1,
                "resourceVersion": version.to_string(),
            },
            "spec": spec, "status": status,
        });
        Seen::Usable(serde_json::from_value(component).unwrap())
    }

    fn ready(status: &str, reason: &str) -> Value {
        json!({"observedGeneration": 1, "conditions": [{
            "type": "Ready", "status": status, "reason": reason, "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]})
    }

    #[test]
    fn what_others_can_build_on_is_told_at_once_and_news_are_gathered() {
        let store = Store::new();
        store.insert(seen("base", 1, json!({}), json!({})));
        let above = json!({"dependsOn": [{"name": "base"}]});
        store.insert(seen("above", 2, above, json!({})));
        let key = NodeKey::new("edge", "above");
        let rows = [
            (3, ready("False", "DependencyNotReady"), false),
            (4, ready("Unknown", "Progressing"), false),
            (5, ready("True", "InstallSucceeded"), true),
            (6, ready("False", "Unhealthy"), true),
            (7, ready("False", "InstallFailed"), false),
        ];
        for (version, status, at_once) in rows {
            let told = store.apply(seen("base", version, json!({}), status));
            let keys = vec![key.clone()];
            assert_eq!(told, Some(Affected { keys, at_once }), "{version}");
        }
        let again = seen("base", 8, json!({}), ready("False", "InstallFailed"));
        assert!(store.apply(again).unwrap().keys.is_empty());
        let old = seen("base", 5, json!({}), ready("True", "InstallSucceeded"));
        assert_eq!(store.apply(old), None);
        assert_eq!(store.remove(&NodeKey::new("edge", "base")), [key]);
    }

    #[test]
    fn news_of_a_state_leave_the_planner_as_it_is() {
        let store = Store::new();
        let spec = json!({"dependsOn": [{"name": "base"}]});
        store.insert(seen("base", 1, json!({}), json!({})));
        store.insert(seen("above", 2, spec.clone(), json!({})));
        store.planner();
        let is_kept = || store.read(|inner| inner.planner.is_some());
        let mut status = ready("False", "DependencyNotReady");
        status["dependencies"] =
            json!([{"name": "base", "namespace": "edge", "state": "NotReady"}]);
        store.insert(seen("above", 3, spec.clone(), status.clone()));
        store.insert(seen("base", 4, json!({}), ready("True", "InSync")));
        assert!(is_kept());
        // what its chart requires is another edge
        status["dependencies"] = json!([{"name": "more", "namespace": "edge", "state": "Ready"}]);
        store.insert(seen("above", 5, spec, status));
        assert!(!is_kept());
    }

    #[test]
    fn a_long_list_is_taken_in_without_asking_who_cares() {
        let store = Store::new();
        for number in 0..3000 {
            let before = format!("one-{}", number / 2);
            let spec = json!({"dependsOn": [{"name": before}]});
            store.insert(seen(&format!("one-{number}"), number + 1, spec, json!({})));
        }
        assert_eq!(store.keys().len(), 3000);
        // made for the first time now
        assert!(store.read(|inner| inner.planner.is_none()));
        assert!(store.planner().depth(&NodeKey::new("edge", "one-2999")) > 5);
    }
}
