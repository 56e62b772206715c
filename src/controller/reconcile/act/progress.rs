//! While Helm runs: what it waits for, a hook or an object that is to go, is told where people look, long before Helm
//! gives up.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::debug;

use crate::causes::chain;
use crate::component::Component;
use crate::controller::health;
use crate::controller::objects::leftovers;
use crate::controller::reconcile::context::{Context, ReconcileError, now};
use crate::controller::reconcile::decide::{FIRST_WORDS, WORDS_EVERY};
use crate::controller::reconcile::observe::{Observed, describe};
use crate::controller::reconcile::status::{Draft, progress};
use crate::node_key::NodeKey;
use crate::release::manifest::{self, Object, ObjectKey};
use crate::release::operation::{Call, Operation, ReleaseKey};
use crate::release::record::ReleaseStatus;

/// How long a write may take: whoever ends Helm waits for one that is on its way.
const WRITE: Duration = Duration::from_secs(5);

/// Tells what a running Helm waits for, beside it.
pub struct Progress {
    // ends the task, however this ends
    guard: DropGuard,
    task: JoinHandle<Option<Component>>,
}

impl Progress {
    /// Ends it; the Component as it was written last, if it was.
    pub async fn end(self) -> Option<Component> {
        drop(self.guard);
        self.task.await.unwrap_or_default()
    }
}

/// What is waited for.
enum Awaited {
    /// The objects of the revision that is being made, after this one, are to become ready.
    Ready { after: i64 },
    /// These objects are to go.
    Gone(Vec<(ObjectKey, bool)>),
}

struct Teller {
    context: Arc<Context>,
    key: NodeKey,
    component: Component,
    draft: Draft,
    /// What is being done, as it was told at its beginning.
    doing: String,
    release: ReleaseKey,
    awaited: Awaited,
}

impl Progress {
    /// Begins to tell what this operation waits for. The intent must have been written: nothing else of the status changes
    /// meanwhile.
    pub fn of(context: &Arc<Context>, seen: &Observed, operation: &Operation) -> Progress {
        let o = &seen.observation;
        let begun = o.status.operation.as_ref();
        let awaited = match &operation.call {
            Call::Upgrade(_) | Call::Rollback(_) => Awaited::Ready {
                after: begun.map_or(0, |begun| begun.from_revision),
            },
            Call::Uninstall(_) => {
                let known = (context.memory).of(&o.key, |memory| memory.release.inventory.clone());
                Awaited::Gone(known.unwrap_or_default())
            }
        };
        let status = o.component.status.clone().unwrap_or_default();
        let teller = Teller {
            context: Arc::clone(context),
            key: o.key.clone(),
            component: o.component.clone(),
            doing: status.message.clone().unwrap_or_default(),
            draft: Draft::new(status, o.generation(), now()),
            release: (operation.namespace.clone(), operation.release.clone()),
            awaited,
        };
        let stop = context.work.stop.child_token();
        let task = tokio::spawn(teller.tell(stop.clone()));
        let guard = stop.drop_guard();
        Progress { guard, task }
    }
}

impl Teller {
    /// Looks and writes until it is told to stop; what is being written then is waited for.
    async fn tell(mut self, stop: CancellationToken) -> Option<Component> {
        let mut latest = None;
        let mut pause = FIRST_WORDS;
        loop {
            let looked = stop.run_until_cancelled(async {
                sleep(pause).await;
                self.look().await
            });
            let Some(waits_for) = looked.await else {
                return latest;
            };
            pause = WORDS_EVERY;
            if !progress(&mut self.draft, &self.doing, waits_for.as_deref()) {
                continue;
            }
            match timeout(WRITE, self.write()).await {
                Ok(Ok(written)) => latest = Some(written),
                Ok(Err(cause)) => {
                    debug!(component = %self.key, error = chain(&cause), "Progress is not told");
                    // it is said again
                    self.draft.status = self.component.status.clone().unwrap_or_default();
                }
                // whether it was written shows in the next write
                Err(_) => return latest,
            }
        }
    }

    /// Writes the draft. What somebody else has written meanwhile is kept, if it is not about what is being done.
    async fn write(&mut self) -> Result<Component, ReconcileError> {
        let status = self.draft.status.clone();
        let mut wanted = self.component.clone();
        wanted.status = Some(status.clone());
        let written = match self.context.cluster.write_status(&wanted).await {
            Err(ReconcileError::Conflict) => {
                let fresh = self.context.cluster.components(&self.key.namespace);
                let mut fresh = fresh.get(&self.key.name).await?;
                let is_same = fresh.status == self.component.status
                    && fresh.metadata.generation == self.component.metadata.generation;
                if !is_same {
                    return Err(ReconcileError::Conflict);
                }
                fresh.status = Some(status);
                self.context.cluster.write_status(&fresh).await?
            }
            written => written?,
        };
        self.component = written.clone();
        Ok(written)
    }

    async fn look(&self) -> Option<String> {
        match &self.awaited {
            Awaited::Ready { after } => self.not_ready(*after).await,
            Awaited::Gone(inventory) => {
                let objects = self.context.objects_of(&self.component);
                let mut left = leftovers(&objects, inventory, &self.release.0).await;
                left.retain(|leftover| leftover.deleting_since.is_some());
                (!left.is_empty()).then(|| format!("{} to go", describe(&left)))
            }
        }
    }

    /// The hook that runs, else the objects that are not ready.
    async fn not_ready(&self, after: i64) -> Option<String> {
        let context = &self.context.cluster;
        let revisions = context.store.revisions(&self.release);
        let newest = revisions.first().filter(|newest| {
            let pending = [
                ReleaseStatus::PendingInstall,
                ReleaseStatus::PendingUpgrade,
                ReleaseStatus::PendingRollback,
            ];
            newest.number > after && pending.contains(&newest.status)
        })?;
        // what cannot be read now is told at the end
        let record = context.record(&self.release, newest.number).await;
        let record = record.ok()??.ok()?;
        let hooks: Vec<Object> = (record.hooks.iter())
            .filter(|hook| !hook.events.iter().any(|event| event == "test"))
            .flat_map(|hook| manifest::read(&hook.manifest).objects)
            .collect();
        let namespace = &self.release.0;
        let by = self.context.objects_of(&self.component);
        let mut running = health::unready(&by, by.client(), &hooks, namespace).await;
        // a hook before or after its turn is not there
        running.retain(|hook| !hook.is_missing);
        if !running.is_empty() {
            return Some(format!("hook {}", health::name_three(&running)));
        }
        let objects = manifest::read(&record.manifest).objects;
        let unready = health::unready(&by, by.client(), &objects, namespace).await;
        (!unready.is_empty()).then(|| health::name_three(&unready))
    }
}
