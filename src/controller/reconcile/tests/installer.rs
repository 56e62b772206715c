//! An installer that keeps its releases in memory, and ends as it is told.

mod run;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use k8s_openapi::jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::run::{begin, dry_run, finish, said, words};
use super::helm::History;
use crate::release::helm::{Ending, HelmOutcome};
use crate::release::installer::{Installer, Rendered};
use crate::release::operation::{Operation, ReleaseKey};

/// How a run of Helm ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It does what it should.
    Works,
    /// It says this, and its revision is failed; an uninstall changes nothing.
    Fails(&'static str),
    /// It says this before it makes a revision.
    Refuses(&'static str),
    /// It says this, has deleted its records, and not all objects are gone.
    LeavesObjects(&'static str),
    /// It is killed: its revision stays pending, a release that is uninstalled `uninstalling`.
    Killed,
    /// It is ended at its deadline.
    TooLong,
    /// It goes on until it is stopped, or told by [`FakeInstaller::go_on`] how to end.
    Hangs,
    /// It says that all is well, and has done nothing.
    Lies,
    /// It does not start.
    DoesNotStart,
}

/// An installer that keeps its releases in memory.
#[derive(Default)]
pub struct FakeInstaller {
    state: Mutex<State>,
    told: Notify,
}

#[derive(Default)]
struct State {
    now: Timestamp,
    releases: BTreeMap<ReleaseKey, History>,
    /// How the next runs on a release end; then they work.
    ends: BTreeMap<ReleaseKey, VecDeque<End>>,
    /// How the next dry runs end.
    dry_runs: VecDeque<End>,
    /// What a hanging run is told.
    told: BTreeMap<ReleaseKey, End>,
    running: BTreeSet<ReleaseKey>,
    /// Helms that outlive who has started them.
    orphans: BTreeSet<ReleaseKey>,
    /// Releases on which nobody can tell whether a Helm is at work.
    unclear: BTreeSet<ReleaseKey>,
    most_at_once: usize,
    runs: BTreeMap<ReleaseKey, Vec<String>>,
    starts: Vec<ReleaseKey>,
}

/// A Helm that is at work; it is gone when this is.
struct Running<'a> {
    installer: &'a FakeInstaller,
    release: ReleaseKey,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.installer
            .with(|state| state.running.remove(&self.release));
    }
}

impl FakeInstaller {
    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at a release, or changes it as somebody else would.
    pub fn release<T>(
        &self,
        key: &ReleaseKey,
        look: impl FnOnce(&mut History, Timestamp) -> T,
    ) -> T {
        self.with(|state| {
            let now = state.now;
            let new = || History::of(&key.0, &key.1);
            look(state.releases.entry(key.clone()).or_insert_with(new), now)
        })
    }

    pub fn set_time(&self, now: Timestamp) {
        // Helm writes times with the cluster's second
        self.with(|state| state.now = Timestamp::from_second(now.as_second()).unwrap_or(now));
    }

    /// The next runs on the release end like this, one after the other.
    pub fn next(&self, key: &ReleaseKey, ends: &[End]) {
        self.with(|state| state.ends.entry(key.clone()).or_default().extend(ends));
    }

    /// From now on everything works.
    pub fn forget_ends(&self) {
        self.with(|state| {
            state.ends.clear();
            state.dry_runs.clear();
        });
    }

    pub fn next_dry_run(&self, end: End) {
        self.with(|state| state.dry_runs.push_back(end));
    }

    /// A hanging run ends like this when it is looked at next.
    pub fn go_on(&self, key: &ReleaseKey, end: End) {
        self.with(|state| state.told.insert(key.clone(), end));
        self.told.notify_waiters();
    }

    /// True if a Helm may be at work on the release, as far as another controller can tell.
    pub fn may_be_running(&self, key: &ReleaseKey) -> bool {
        self.with(|state| {
            let sets = [&state.running, &state.orphans, &state.unclear];
            sets.iter().any(|set| set.contains(key))
        })
    }

    /// The Helm on this release outlives the controller that dies now.
    pub fn outlives(&self, key: &ReleaseKey) {
        self.with(|state| state.orphans.insert(key.clone()));
    }

    /// A Helm that outlived its controller ends.
    pub fn orphan_ends(&self, key: &ReleaseKey, end: End) {
        self.with(|state| {
            if state.orphans.remove(key) {
                let newest = |history: &History| history.newest().map(|it| it.record.status);
                let history = state.releases.get_mut(key);
                let pending = history.filter(|it| newest(it).is_some_and(|it| it.is_pending()));
                match (pending, end) {
                    (Some(history), End::Works) => history.succeed(),
                    (Some(history), End::Fails(error)) => history.fail(error),
                    _ => {}
                }
            }
        });
    }

    /// What was run on the release since this was last asked.
    pub fn take_runs(&self, key: &ReleaseKey) -> Vec<String> {
        self.with(|state| state.runs.remove(key).unwrap_or_default())
    }

    /// On which releases Helm was started, in order.
    pub fn starts(&self) -> Vec<ReleaseKey> {
        self.with(|state| state.starts.clone())
    }

    /// From now on only what comes counts.
    pub fn forget_starts(&self) {
        self.with(|state| state.starts.clear());
    }

    /// Nobody can tell whether the Helm that was at work on the release is gone.
    pub fn cannot_be_judged(&self, key: &ReleaseKey) {
        self.with(|state| state.unclear.insert(key.clone()));
    }

    pub fn most_at_once(&self) -> usize {
        self.with(|state| state.most_at_once)
    }

    async fn work(&self, operation: &Operation, stop: &CancellationToken) -> HelmOutcome {
        let key = (operation.namespace.clone(), operation.release.clone());
        if stop.is_cancelled() {
            return HelmOutcome::without_a_run(Ending::Stopped);
        }
        if operation.call.is_dry_run() {
            return self.with(|state| {
                state.note(&key, words(operation, false));
                dry_run(state.dry_runs.pop_front().unwrap_or(End::Works))
            });
        }
        let end = self.with(|state| {
            let works = state.running.contains(&key) || state.orphans.contains(&key);
            assert!(!works, "two helms at once on {key:?}");
            let ends = state.ends.get_mut(&key);
            ends.and_then(VecDeque::pop_front).unwrap_or(End::Works)
        });
        if end == End::DoesNotStart {
            return HelmOutcome::without_a_run(Ending::NotStarted("no such file".to_owned()));
        }
        self.with(|state| state.start(&key, operation));
        let _running = Running {
            installer: self,
            release: key.clone(),
        };
        let begun = match end {
            End::Refuses(_) | End::Lies => Ok(()),
            _ => self.release(&key, |history, now| begin(history, operation, now)),
        };
        if let Err(error) = begun {
            return said(Ending::Failed(1), &error);
        }
        let end = match end {
            End::Hangs => loop {
                if let Some(told) = self.with(|state| state.told.remove(&key)) {
                    break told;
                }
                tokio::select! {
                    () = stop.cancelled() => break End::Hangs,
                    () = self.told.notified() => {}
                }
            },
            end => end,
        };
        self.release(&key, |history, _| finish(history, operation, end))
    }
}

impl Installer for FakeInstaller {
    fn run<'a>(
        &'a self,
        operation: &'a Operation,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, HelmOutcome> {
        self.work(operation, stop).boxed()
    }

    fn render<'a>(
        &'a self,
        operation: &'a Operation,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Rendered> {
        // nothing in memory has rights of its own
        let ended = self.work(operation, stop);
        ended
            .map(|outcome| Rendered {
                outcome,
                record: None,
            })
            .boxed()
    }
}

impl State {
    fn start(&mut self, key: &ReleaseKey, operation: &Operation) {
        let is_install = self.releases.get(key).is_none_or(History::is_absent);
        self.note(key, words(operation, is_install));
        self.running.insert(key.clone());
        self.starts.push(key.clone());
        self.most_at_once = self.most_at_once.max(self.running.len());
    }

    fn note(&mut self, key: &ReleaseKey, words: String) {
        self.runs.entry(key.clone()).or_default().push(words);
    }
}
