//! A site in memory: Components as users write them, a repository, Helm's releases, the objects in the cluster as far as
//! they are ready or drifted, a clock that jumps, and one controller that can die after each step.

mod act;
mod charts;
mod clock;
mod operation;
mod read;
mod says;
mod users;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::installer::FakeInstaller;
use crate::component::Component;
use crate::controller::reconcile::call::Material;
use crate::controller::reconcile::memory::Memory;
use crate::controller::reconcile::observation::{Drift, Observation};
use crate::controller::reconcile::status::Notice;
use crate::controller::slots::{Slot, Slots};
use crate::node_key::NodeKey;
use crate::planner::{Node, Planner, Requirement};
use crate::release::operation::ReleaseKey;

pub use self::charts::{Chart, Repository};
pub use self::operation::Death;

/// The namespace of the Components.
pub const HOME: &str = "chartroom";
/// How many releases may be worked on at once.
pub const SLOTS: usize = 3;

/// Where a reconcile stands when its controller dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is decided what to do.
    Decided,
    /// The intent is written, Helm has not begun.
    IntentWritten,
    /// Helm has ended, nobody has looked at what came of it.
    HelmEnded,
    /// What was to be done is done, the status is not written.
    Done,
    /// The status is written.
    StatusWritten,
}

/// Why a reconcile came to no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Somebody else was faster.
    Conflict,
    /// The API server does not answer, or the Lease is lost.
    Unreachable,
    /// The controller dies.
    Dies,
}

/// The objects of a release, as far as anybody asks for them.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// What is not ready, and why.
    pub unready: Option<String>,
    /// A Job that has started and not completed.
    pub job: Option<String>,
    /// What differs from what was installed.
    pub drift: Drift,
    /// One that somebody has deleted.
    pub deleted: Option<&'static str>,
    /// What of it cannot be put right, and why.
    pub stubborn: Vec<String>,
    /// What is left when the release is gone, and what holds it.
    pub left: Option<String>,
}

impl Objects {
    /// What is not ready, and why.
    pub fn unready(&self) -> Option<String> {
        let deleted = self.deleted.map(|object| format!("{object} is missing"));
        deleted.or_else(|| self.unready.clone())
    }

    /// What differs from what was installed.
    fn drift(&self) -> Drift {
        match (self.deleted, &self.drift) {
            (Some(object), _) => Drift::Found {
                unknown: None,
                digest: "fedcba9876543210".to_owned(),
                summary: format!("{object} is missing"),
            },
            (None, Drift::NotLooked) => Drift::None { unknown: None },
            (None, drift) => drift.clone(),
        }
    }

    /// Helm has applied all of them.
    fn are_applied(&mut self) {
        self.drift = Drift::NotLooked;
        self.deleted = None;
    }
}

/// What one reconcile has seen, and what it holds.
pub struct Seen {
    pub o: Observation,
    requires: Vec<Requirement>,
    material: Material,
    slot: Option<Slot>,
    drifted: Option<(ReleaseKey, Vec<String>)>,
}

/// A site in memory.
pub struct Site {
    pub now: Timestamp,
    began: (Timestamp, Instant),
    pub helm: Arc<FakeInstaller>,
    pub repository: Repository,
    components: BTreeMap<NodeKey, Component>,
    objects: BTreeMap<ReleaseKey, Objects>,
    /// Releases that Components elsewhere want.
    pub elsewhere: BTreeMap<NodeKey, ReleaseKey>,
    /// Objects of somebody else that are deleted.
    pub others_gone: BTreeSet<&'static str>,
    pub namespaces: BTreeSet<String>,
    pub ending_namespaces: BTreeSet<String>,
    memory: Memory,
    slots: Slots,
    woken: Arc<Mutex<Vec<NodeKey>>>,
    due: BTreeMap<NodeKey, Timestamp>,
    running: BTreeMap<NodeKey, operation::Run>,
    orphans: Vec<(Timestamp, ReleaseKey, super::installer::End)>,
    holder: String,
    lives: usize,
    pub is_leading: bool,
    pub api_is_away: bool,
    /// So many writes to come conflict.
    pub conflicts: usize,
    /// The controller dies at the next such step.
    pub dies_at: Option<Step>,
    /// The controller dies when so many more Helms have ended.
    pub dies_after_helm_number: Option<usize>,
    /// The controller dies once it has marked a revision as failed.
    pub dies_when_failed: bool,
    /// The controller dies after so many steps.
    pub dies_in: Option<usize>,
    pub events: Vec<(NodeKey, Notice)>,
    pub status_writes: usize,
    /// Of whom it was looked at what is installed.
    looks: Vec<NodeKey>,
    versions: usize,
    reconciles: usize,
}

impl Site {
    /// An empty site with the chart `web` in the versions 1.0.0 and 2.0.0.
    pub fn new() -> Self {
        let now = Timestamp::from_second(1_900_000_000).expect("it is a time");
        let (slots, woken) = slots();
        let site = Self {
            now,
            began: (now, Instant::now()),
            helm: Arc::default(),
            repository: Repository::default(),
            components: BTreeMap::new(),
            objects: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
            others_gone: BTreeSet::new(),
            namespaces: BTreeSet::from(["edge-system".to_owned()]),
            ending_namespaces: BTreeSet::new(),
            memory: Memory::default(),
            slots,
            woken,
            due: BTreeMap::new(),
            running: BTreeMap::new(),
            orphans: Vec::new(),
            holder: "pod-1".to_owned(),
            lives: 1,
            is_leading: true,
            api_is_away: false,
            conflicts: 0,
            dies_at: None,
            dies_after_helm_number: None,
            dies_when_failed: false,
            dies_in: None,
            events: Vec::new(),
            status_writes: 0,
            looks: Vec::new(),
            versions: 0,
            reconciles: 0,
        };
        site.helm.set_time(now);
        site.with_charts(&["web 1.0.0", "web 2.0.0"])
    }

    /// The same with these charts in its repository, each as `<name> <version>`.
    pub fn with_charts(mut self, charts: &[&str]) -> Self {
        for chart in charts {
            self.repository.upload(Chart::of(chart));
        }
        self
    }

    /// The moment as the memory has it.
    fn instant(&self) -> Instant {
        let (timestamp, instant) = self.began;
        let passed = self.now.duration_since(timestamp);
        instant + passed.unsigned_abs()
    }

    fn planner(&self) -> Planner {
        Planner::of(self.components.values().map(Node::of))
    }

    /// The objects of the release that a Component of this name has by default.
    pub fn objects(&mut self, name: &str) -> &mut Objects {
        self.objects.entry(release(name)).or_default()
    }

    fn dies(&mut self, step: Step) -> Result<(), Broken> {
        if step == Step::HelmEnded
            && let Some(left) = &mut self.dies_after_helm_number
        {
            *left -= 1;
            if *left == 0 {
                self.dies_after_helm_number = None;
                return Err(Broken::Dies);
            }
        }
        let now = self.dies_in == Some(0) || self.dies_at == Some(step);
        self.dies_in = self.dies_in.and_then(|steps| steps.checked_sub(1));
        if !now {
            return Ok(());
        }
        self.dies_at = None;
        Err(Broken::Dies)
    }

    /// The controller is there anew: whatever it knew is gone.
    fn restart(&mut self) {
        self.lives += 1;
        self.holder = format!("pod-{}", self.lives);
        self.memory = Memory::default();
        (self.slots, self.woken) = slots();
        self.running.clear();
        self.dies_in = None;
        self.dies_at = None;
        self.due = (self.components.keys())
            .map(|key| (key.clone(), self.now))
            .collect();
    }

    fn later(&self, duration: std::time::Duration) -> Timestamp {
        let duration = SignedDuration::try_from(duration).expect("it is no age");
        self.now.checked_add(duration).expect("it is no age")
    }

    fn take_woken(&self) -> Vec<NodeKey> {
        std::mem::take(&mut self.woken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

type Woken = Arc<Mutex<Vec<NodeKey>>>;

fn slots() -> (Slots, Woken) {
    let woken: Woken = Arc::default();
    let wakes = Arc::clone(&woken);
    let wake = move |key: &NodeKey| {
        let mut woken = wakes.lock().unwrap_or_else(PoisonError::into_inner);
        woken.push(key.clone());
    };
    let total = NonZeroUsize::new(SLOTS).expect("it is not zero");
    (Slots::new(total, Arc::new(wake)), woken)
}

/// The Component of this name.
pub fn key(name: &str) -> NodeKey {
    NodeKey::new(HOME, name)
}

/// The release that a Component of this name has by default.
pub fn release(name: &str) -> ReleaseKey {
    ("edge-system".to_owned(), name.to_owned())
}
