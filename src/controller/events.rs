//! Events about Components, as `kubectl describe` and `kubectl get events` show them.
//!
//! Kubernetes folds what it takes for repetitions; here only what says the very same is one (contract section 0, fact
//! 11). Sending never fails the caller: what cannot be sent in time is dropped, and the log has it anyway.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client, Resource as _};
use tokio::time::Instant;
use tracing::debug;

use crate::component::Component;
use crate::component::conditions::Reason;
use crate::repository::chain;

/// Who sends them.
const CONTROLLER: &str = "chartroom.theriseunion.io/component-controller";
/// The longest note, in bytes: Kubernetes takes 1 kB.
const MAX_NOTE: usize = 1000;
/// The longest action, in bytes.
const MAX_ACTION: usize = 128;
/// The same is not said again for this long.
const QUIET: Duration = Duration::from_secs(600);
/// No event is worth more waiting than this.
const DEADLINE: Duration = Duration::from_secs(5);
/// So many sayings are remembered.
const REMEMBERED: usize = 4096;

/// How much an event is worth a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Something went as it should.
    Normal,
    /// Something did not.
    Warning,
}

/// Object, reason, action and note.
type Saying = (String, Reason, String, String);

/// Sends events.
pub struct Events {
    client: Client,
    instance: String,
    said: Mutex<HashMap<Saying, Instant>>,
}

impl Events {
    /// Events of the controller `instance`.
    pub fn new(client: Client, instance: &str) -> Self {
        Self {
            client,
            instance: cut(instance, MAX_ACTION),
            said: Mutex::default(),
        }
    }

    /// Says something about a Component: `action` is what was being done, `note` a sentence. The same is said once in
    /// ten minutes.
    pub async fn send(
        &self,
        component: &Component,
        kind: EventKind,
        reason: Reason,
        action: &str,
        note: &str,
    ) {
        let (action, note) = (cut(action, MAX_ACTION), cut(note, MAX_NOTE));
        let uid = component.metadata.uid.clone().unwrap_or_default();
        if !self.is_new((uid, reason, action.clone(), note.clone())) {
            return;
        }
        let namespace = component.metadata.namespace.clone().unwrap_or_default();
        let mut event = Event {
            action: Some(action),
            event_time: Some(MicroTime(Timestamp::now())),
            note: Some(note),
            reason: Some(reason.as_str().to_owned()),
            regarding: Some(component.object_ref(&())),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            type_: Some(format!("{kind:?}")),
            ..Event::default()
        };
        let unique = uuid::Uuid::new_v4().simple().to_string();
        // a name holds 253 characters
        event.metadata.name = Some(format!("{}.{}", cut(component.name(), 200), &unique[..16]));
        event.metadata.namespace = Some(namespace.clone());
        let events: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        let parameters = PostParams::default();
        match tokio::time::timeout(DEADLINE, events.create(&parameters, &event)).await {
            Ok(Ok(_)) => {}
            Ok(Err(cause)) => debug!(error = chain(&cause), "An event was not taken"),
            Err(_) => debug!("An event was not taken in time"),
        }
    }

    fn is_new(&self, saying: Saying) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if said.len() >= REMEMBERED {
            said.retain(|_, at| at.elapsed() < QUIET);
            if said.len() >= REMEMBERED {
                said.clear();
            }
        }
        match said.get(&saying) {
            Some(at) if at.elapsed() < QUIET => false,
            _ => {
                said.insert(saying, now);
                true
            }
        }
    }
}

/// At most `length` bytes, cut between characters.
fn cut(text: &str, length: usize) -> String {
    text[..text.floor_char_boundary(length)].to_owned()
}
