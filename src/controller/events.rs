//! Events about Components, in the words of their conditions (docs/components.md 14). kube's own recorder takes two
//! events that differ in their note for the same one and loses the second, so this one is ours.

mod body;
mod fold;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource as _};

use self::fold::{EventKey, Folded, Sent};
use crate::api_error::is_not_found;
use crate::component::Component;
use crate::component::conditions::Reason;

/// The API server's time for an event: no reconcile should wait for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// For information.
    Normal,
    /// A user may want to act.
    Warning,
}

impl EventKind {
    /// The event's `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// What an event can be about.
pub trait Regarding {
    /// The object, as an event names it.
    fn reference(&self) -> ObjectReference;
}

impl Regarding for Component {
    fn reference(&self) -> ObjectReference {
        self.object_ref(&())
    }
}

impl Regarding for ObjectReference {
    fn reference(&self) -> ObjectReference {
        self.clone()
    }
}

/// The sender of events.
pub struct Events {
    client: Client,
    instance: String,
    sent: Mutex<Sent>,
}

impl Events {
    /// `instance` is this replica's name, as the Lease has it.
    pub fn new(client: Client, instance: &str) -> Self {
        Self {
            client,
            instance: body::cut(instance, body::SHORT).to_owned(),
            sent: Mutex::default(),
        }
    }

    /// Sends an event about `regarding`, with its `reason`, the `action` (such as `Install` or
    /// `Upgrade/1a2b3c4d`) and a note, of which the first kilobyte is sent. The same event within ten minutes is
    /// counted, not sent again. Never fails, and takes 2 s at most: an event that cannot be sent is dropped.
    pub async fn send(
        &self,
        regarding: &(impl Regarding + ?Sized),
        kind: EventKind,
        reason: Reason,
        action: &str,
        note: &str,
    ) {
        let reference = regarding.reference();
        let key = body::key(&reference, kind, reason, action, note);
        match tokio::time::timeout(PATIENCE, self.write(&reference, &key)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => dropped(&reference, &key, &error.to_string()),
            Err(_) => dropped(&reference, &key, "the API server does not answer"),
        }
    }

    async fn write(&self, reference: &ObjectReference, key: &EventKey) -> Result<(), kube::Error> {
        // events about cluster-scoped objects belong there
        let namespace = reference.namespace.as_deref().unwrap_or("default");
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let folded = self.sent().fold(key, Instant::now());
        match folded {
            Folded::Counted => return Ok(()),
            Folded::Again { name, count } => {
                let patch = Patch::Merge(body::series(count, Timestamp::now()));
                match api.patch(&name, &PatchParams::default(), &patch).await {
                    Ok(_) => return Ok(()),
                    // the API server keeps events for an hour
                    Err(error) if is_not_found(&error) => self.sent().forget(key),
                    Err(error) => return Err(error),
                }
            }
            Folded::New => {}
        }
        let event = body::event(reference, namespace, key, &self.instance, Timestamp::now());
        let name = event.metadata.name.clone().unwrap_or_default();
        api.create(&PostParams::default(), &event).await?;
        self.sent().remember(key.clone(), name, Instant::now());
        Ok(())
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        // forgetting sent events does no harm
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn dropped(reference: &ObjectReference, key: &EventKey, error: &str) {
    tracing::debug!(
        component.name = reference.name,
        component.namespace = reference.namespace,
        reason = key.reason,
        note = key.note,
        error,
        "An event was dropped"
    );
}
