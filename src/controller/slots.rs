//! Who may run Helm now: a few at a time, never two on one release, the most urgent first (docs/components.md 4.3).
//! Nobody holds a slot while waiting for something else.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::jiff::Timestamp;

use crate::node_key::NodeKey;
use crate::release::operation::ReleaseKey;

/// Who goes first: removal and rollback, then what others wait for, then the oldest. Smaller goes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Urgency {
    /// 0 for removal and rollback, 1 for everything else.
    pub class: u8,
    /// How many levels of dependencies are below.
    pub depth: usize,
    /// When the Component was created.
    pub created: Option<Timestamp>,
}

/// The slots. Cloning gives another handle on the same ones.
#[derive(Clone)]
pub struct Slots {
    state: Arc<Mutex<State>>,
    total: usize,
    wake: Arc<dyn Fn(&NodeKey) + Send + Sync>,
}

#[derive(Default)]
struct State {
    busy: BTreeSet<ReleaseKey>,
    waiting: BTreeMap<NodeKey, (Urgency, ReleaseKey)>,
}

/// The right to run Helm on one release, until it is dropped.
pub struct Slot {
    slots: Slots,
    release: ReleaseKey,
}

impl Slots {
    /// So many at a time; `wake` is called for who waits when its turn may have come.
    pub fn new(total: NonZeroUsize, wake: Arc<dyn Fn(&NodeKey) + Send + Sync>) -> Self {
        Self {
            state: Arc::default(),
            total: total.get(),
            wake,
        }
    }

    /// A slot, if one is free and nobody more urgent waits for it; otherwise `key` is noted as waiting and woken later.
    pub fn take(&self, key: &NodeKey, urgency: Urgency, release: &ReleaseKey) -> Option<Slot> {
        let mut state = self.lock();
        let free = self.total.saturating_sub(state.busy.len());
        let ahead = (state.waiting.iter())
            .filter(|(other, (their, on))| {
                *other != key && (their, *other) < (&urgency, key) && !state.busy.contains(on)
            })
            .count();
        if free <= ahead || state.busy.contains(release) {
            state
                .waiting
                .insert(key.clone(), (urgency, release.clone()));
            return None;
        }
        state.waiting.remove(key);
        state.busy.insert(release.clone());
        Some(Slot {
            slots: self.clone(),
            release: release.clone(),
        })
    }

    /// `key` does not want a slot any more.
    pub fn forget(&self, key: &NodeKey) {
        let was_waiting = self.lock().waiting.remove(key).is_some();
        if was_waiting {
            self.wake_next();
        }
    }

    /// How many are in use, and how many there are.
    pub fn in_use(&self) -> (usize, usize) {
        (self.lock().busy.len(), self.total)
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    fn wake_next(&self) {
        let next: Vec<NodeKey> = {
            let state = self.lock();
            let free = self.total.saturating_sub(state.busy.len());
            let mut able: Vec<(&Urgency, &NodeKey)> = (state.waiting.iter())
                .filter(|(_, (_, release))| !state.busy.contains(release))
                .map(|(key, (urgency, _))| (urgency, key))
                .collect();
            able.sort();
            able.into_iter()
                .take(free)
                .map(|(_, key)| key.clone())
                .collect()
        };
        next.iter().for_each(|key| (self.wake)(key));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // every change is one step, so what a panic left is whole
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.lock().busy.remove(&self.release);
        self.slots.wake_next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> NodeKey {
        NodeKey::new("edge", name)
    }

    fn release(name: &str) -> ReleaseKey {
        ("edge".to_owned(), name.to_owned())
    }

    fn depth(depth: usize) -> Urgency {
        Urgency {
            class: 1,
            depth,
            created: None,
        }
    }

    struct Site {
        slots: Slots,
        woken: Arc<Mutex<Vec<String>>>,
    }

    impl Site {
        fn with(total: usize) -> Self {
            let woken = Arc::new(Mutex::new(Vec::new()));
            let log = Arc::clone(&woken);
            let wake = move |key: &NodeKey| log.lock().unwrap().push(key.name.clone());
            Self {
                slots: Slots::new(NonZeroUsize::new(total).unwrap(), Arc::new(wake)),
                woken,
            }
        }

        fn take(&self, name: &str, urgency: Urgency) -> Option<Slot> {
            self.slots.take(&key(name), urgency, &release(name))
        }

        fn woken(&self) -> Vec<String> {
            std::mem::take(&mut self.woken.lock().unwrap())
        }
    }

    #[test]
    fn there_are_so_many_slots_and_a_free_one_wakes_the_most_urgent() {
        let site = Site::with(1);
        let first = site.take("a", depth(0)).expect("it is free");
        assert!(site.take("deep", depth(5)).is_none());
        assert!(site.take("shallow", depth(1)).is_none());
        drop(first);
        assert_eq!(site.woken(), ["shallow"]);
        // the less urgent one does not jump the queue
        assert!(site.take("deep", depth(5)).is_none());
        let second = site.take("shallow", depth(1)).expect("its turn");
        drop(second);
        assert_eq!(site.woken(), ["deep"]);
    }

    #[test]
    fn two_never_work_on_one_release() {
        let site = Site::with(3);
        let one = (site.slots).take(&key("a"), depth(0), &release("same"));
        assert!(one.is_some());
        assert!(
            (site.slots)
                .take(&key("b"), depth(0), &release("same"))
                .is_none()
        );
        // a waiter that cannot go yet is in nobody's way
        assert!(site.take("c", depth(9)).is_some());
        drop(one);
        assert!(site.woken().contains(&"b".to_owned()));
    }

    #[test]
    fn removal_goes_first_and_who_gives_up_is_in_nobodys_way() {
        let site = Site::with(1);
        let busy = site.take("a", depth(0)).unwrap();
        let removal = Urgency {
            class: 0,
            depth: 9,
            created: None,
        };
        assert!(site.take("install", depth(0)).is_none());
        assert!(site.take("removal", removal).is_none());
        drop(busy);
        assert_eq!(site.woken(), ["removal"]);
        site.slots.forget(&key("removal"));
        assert_eq!(site.woken(), ["install"]);
        assert!(site.take("install", depth(0)).is_some());
    }
}
