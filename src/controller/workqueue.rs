//! When which Component is looked at: never the same one twice at once, a few at a time, and again when something
//! happens or its time has come.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::controller::store::Affected;
use crate::node_key::NodeKey;

/// Several events about one Component in this time make one reconcile.
const DEBOUNCE: Duration = Duration::from_millis(5);

/// The same for news that change nothing but what is told (docs/components.md 4.4).
const NEWS: Duration = Duration::from_secs(2);

/// Pause after a reconcile that died of a defect.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// Asks for reconciles. Cheap to clone.
#[derive(Clone)]
pub struct WorkQueueHandle(UnboundedSender<(NodeKey, Duration)>);

impl WorkQueueHandle {
    /// A reconcile of `key`, soon.
    pub fn add(&self, key: &NodeKey) {
        self.add_in(key, DEBOUNCE);
    }

    /// A reconcile of `key` at once: it was waited for, and is worth one of its own.
    pub fn add_now(&self, key: &NodeKey) {
        self.add_in(key, Duration::ZERO);
    }

    /// A reconcile of all whom a change affects: soon if it may let them go on, else when there may be more news.
    pub fn add_affected(&self, affected: &Affected) {
        let delay = if affected.at_once { DEBOUNCE } else { NEWS };
        (affected.keys.iter()).for_each(|key| self.add_in(key, delay));
    }

    fn add_in(&self, key: &NodeKey, delay: Duration) {
        // nobody listens any more only when the program ends
        let _ = self.0.send((key.clone(), delay));
    }
}

/// What is due when.
pub struct WorkQueue {
    wakes: UnboundedReceiver<(NodeKey, Duration)>,
    due: BTreeSet<(Instant, NodeKey)>,
    at: HashMap<NodeKey, Instant>,
    running: HashSet<NodeKey>,
    /// Woken while they were reconciled.
    again: BTreeMap<NodeKey, Instant>,
}

/// A queue and the handle that feeds it.
pub fn work_queue() -> (WorkQueueHandle, WorkQueue) {
    let (sender, wakes) = unbounded_channel();
    let queue = WorkQueue {
        wakes,
        due: BTreeSet::new(),
        at: HashMap::new(),
        running: HashSet::new(),
        again: BTreeMap::new(),
    };
    (WorkQueueHandle(sender), queue)
}

impl WorkQueue {
    /// Reconciles until `stop`, then waits for what runs. A reconcile says when it wants to be run again without being
    /// woken; `None` is not at all.
    pub async fn run<F>(
        mut self,
        at_once: NonZeroUsize,
        stop: CancellationToken,
        reconcile: impl Fn(NodeKey) -> F,
    ) where
        F: Future<Output = Option<Duration>> + Send + 'static,
    {
        let mut running: JoinSet<(NodeKey, Option<Duration>)> = JoinSet::new();
        loop {
            while !stop.is_cancelled() && running.len() < at_once.get() {
                let Some(key) = self.take_due(Instant::now()) else {
                    break;
                };
                let work = reconcile(key.clone());
                running.spawn(async move {
                    let ended = AssertUnwindSafe(work).catch_unwind().await;
                    let again = ended.unwrap_or_else(|_| {
                        // one object that nobody thought of must not stop the work on all others
                        error!(component = %key, "A reconcile died: it is tried again later");
                        Some(AFTER_PANIC)
                    });
                    (key, again)
                });
            }
            let next = (self.due.first())
                .map(|(at, _)| *at)
                .filter(|_| running.len() < at_once.get() && !stop.is_cancelled());
            let timer = async {
                match next {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled(), if running.is_empty() => return,
                Some(ended) = running.join_next() => match ended {
                    Ok((key, again)) => self.ended(key, again, Instant::now()),
                    Err(cause) => std::panic::resume_unwind(cause.into_panic()),
                },
                Some((key, delay)) = self.wakes.recv(), if !stop.is_cancelled() => {
                    self.woken(key, Instant::now() + delay);
                }
                () = timer => {}
            }
        }
    }

    fn woken(&mut self, key: NodeKey, at: Instant) {
        if self.running.contains(&key) {
            let earliest = self.again.entry(key).or_insert(at);
            *earliest = at.min(*earliest);
        } else {
            self.schedule(key, at);
        }
    }

    fn ended(&mut self, key: NodeKey, again: Option<Duration>, now: Instant) {
        self.running.remove(&key);
        if let Some(at) = self.again.remove(&key) {
            self.schedule(key.clone(), at);
        }
        if let Some(delay) = again {
            self.schedule(key, now + delay);
        }
    }

    /// The earlier of two times counts.
    fn schedule(&mut self, key: NodeKey, at: Instant) {
        match self.at.get(&key) {
            Some(known) if *known <= at => return,
            Some(known) => {
                self.due.remove(&(*known, key.clone()));
            }
            None => {}
        }
        self.at.insert(key.clone(), at);
        self.due.insert((at, key));
    }

    fn take_due(&mut self, now: Instant) -> Option<NodeKey> {
        let (at, key) = self.due.first()?;
        if *at > now {
            return None;
        }
        let entry = (*at, key.clone());
        self.due.remove(&entry);
        self.at.remove(&entry.1);
        self.running.insert(entry.1.clone());
        Some(entry.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> NodeKey {
        NodeKey::new("edge", name)
    }

    fn empty() -> WorkQueue {
        work_queue().1
    }

    #[test]
    fn the_earliest_wish_counts_and_a_component_is_due_once() {
        let mut queue = empty();
        let now = Instant::now();
        queue.schedule(key("a"), now + Duration::from_secs(9));
        queue.schedule(key("a"), now);
        queue.schedule(key("a"), now + Duration::from_secs(5));
        assert_eq!(queue.take_due(now), Some(key("a")));
        assert_eq!(queue.take_due(now + Duration::from_secs(60)), None);
    }

    #[test]
    fn a_wake_during_a_reconcile_makes_one_more() {
        let mut queue = empty();
        let now = Instant::now();
        queue.woken(key("a"), now + DEBOUNCE);
        assert_eq!(queue.take_due(now + DEBOUNCE), Some(key("a")));
        queue.woken(key("a"), now + DEBOUNCE);
        queue.woken(key("a"), now + NEWS);
        assert_eq!(queue.take_due(now + Duration::from_secs(9)), None);
        queue.ended(key("a"), Some(Duration::from_secs(600)), now);
        assert_eq!(queue.take_due(now + DEBOUNCE), Some(key("a")));
        queue.ended(key("a"), None, now);
        assert_eq!(queue.take_due(now + Duration::from_secs(9000)), None);
    }
}
