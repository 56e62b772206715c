//! `chartroom teardown`: deletes all Components and waits until they are gone.
//!
//! The controller does the work, in reverse order: it does not let a Component go before those that need it. This room
//! requests the deletions and reports progress and obstacles. With `--force`, when there is no controller any more, the
//! Components go and their releases stay.

mod cluster;
mod error;
pub mod left;
pub mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use self::cluster::Cluster;
pub use self::error::TeardownError;
use self::left::Left;
use self::words::Words;
use crate::node_key::NodeKey;
use crate::terminal::Style;

/// Between two listings: about the time that uninstalling a small release takes.
const PAUSE: Duration = Duration::from_millis(400);
/// After this long without a change, the output says where to look.
const QUIET: Duration = Duration::from_secs(30);

/// What `teardown` takes down, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeardownArguments {
    /// The kubeconfig file; `None` is the pod's account or the user's own file.
    pub kubeconfig: Option<PathBuf>,
    /// The only namespace whose Components go; `None` is all.
    pub namespace: Option<String>,
    /// The timeout.
    pub timeout: Duration,
    /// Without a controller: Components are deleted, releases stay.
    pub force: bool,
}

/// Deletes the Components that `arguments` name and waits until they are gone; `tell` gets each line of progress.
/// Returns the summary.
///
/// # Errors
/// The API server cannot be asked or refuses, or the time is up: the error says what is left, and why.
pub async fn run(
    cluster: kube::Config,
    arguments: &TeardownArguments,
    style: Style,
    tell: &mut impl FnMut(&str),
) -> Result<String, TeardownError> {
    let cluster = Cluster::new(cluster, arguments.namespace.clone())?;
    let mut work = Work {
        words: Words::new(style),
        cluster,
        force: arguments.force,
        seen: BTreeMap::new(),
        asked: BTreeSet::new(),
        staying: BTreeMap::new(),
        tell,
    };
    let end = Instant::now() + arguments.timeout;
    let mut changed = Instant::now();
    let mut is_unreachable = false;
    loop {
        match work.round().await {
            Ok(Round::Over) => return Ok(work.last_words()),
            Ok(Round::Moved) => changed = Instant::now(),
            Ok(Round::Still) => {}
            Err(error) if error.is_passing() => {
                if !std::mem::replace(&mut is_unreachable, true) {
                    (work.tell)(&work.words.trouble(&error));
                }
            }
            Err(error) => return Err(error),
        }
        if Instant::now() + PAUSE > end {
            return Err(work.time_is_up(arguments.timeout));
        }
        if changed.elapsed() > QUIET && !work.seen.is_empty() {
            changed = Instant::now();
            (work.tell)(&work.words.quiet(QUIET, arguments.force));
        }
        sleep(PAUSE).await;
    }
}

/// The result of one listing.
enum Round {
    /// None is left.
    Over,
    /// Something has changed.
    Moved,
    /// Nothing has changed.
    Still,
}

struct Work<'a, F> {
    words: Words,
    cluster: Cluster,
    force: bool,
    /// The Components that are left, as last listed.
    seen: BTreeMap<NodeKey, Left>,
    /// The uids of those whose deletion was asked for here.
    asked: BTreeSet<String>,
    /// Releases that stay, and why.
    staying: BTreeMap<(String, String), String>,
    tell: &'a mut F,
}

impl<F: FnMut(&str)> Work<'_, F> {
    async fn round(&mut self) -> Result<Round, TeardownError> {
        let found = self.cluster.list().await?;
        let now: BTreeMap<NodeKey, Left> = (found.into_iter())
            .map(|left| (left.key.clone(), left))
            .collect();
        let has_moved = self.compare(&now);
        self.seen = now;
        if self.seen.is_empty() {
            return Ok(Round::Over);
        }
        for key in left::order(self.seen.values()) {
            let left = self.seen[&key].clone();
            self.ask(&left).await?;
        }
        Ok(if has_moved {
            Round::Moved
        } else {
            Round::Still
        })
    }

    /// Reports what has changed.
    fn compare(&mut self, now: &BTreeMap<NodeKey, Left>) -> bool {
        let is_first = self.asked.is_empty() && self.seen.is_empty();
        if is_first && !now.is_empty() {
            (self.tell)(&self.words.begin(now.values()));
        }
        let mut has_moved = false;
        // Components that went between two listings went in this order
        let mut gone = left::order(self.seen.values());
        gone.retain(|key| {
            now.get(key)
                .is_none_or(|left| left.uid != self.seen[key].uid)
        });
        for (index, key) in gone.iter().enumerate() {
            has_moved = true;
            let left = now.len() + gone.len() - index - 1;
            (self.tell)(&self.words.gone(key, left));
        }
        for (key, left) in now {
            let before = self.seen.get(key).filter(|before| before.uid == left.uid);
            let is_new = !is_first && before.is_none();
            if is_new {
                (self.tell)(&self.words.meanwhile(key));
            }
            let says = left.state();
            if before.map(Left::state) != Some(says.clone()) && left.is_deleting && !self.force {
                has_moved = true;
                (self.tell)(&self.words.state(left, now.len()));
            }
        }
        has_moved
    }

    /// Deletes one, unless it is being deleted; with `--force` its finalizer is removed too.
    async fn ask(&mut self, left: &Left) -> Result<(), TeardownError> {
        if let Some(why) = left.stays() {
            self.staying.insert(left.release.clone(), why.to_owned());
        }
        if !left.is_deleting {
            self.cluster.delete(left).await?;
        }
        let is_first = self.asked.insert(left.uid.clone());
        if self.force && left.has_finalizer {
            if is_first && left.stays().is_none() && self.cluster.has_release(&left.release).await?
            {
                let why = "nobody uninstalled it".to_owned();
                self.staying.insert(left.release.clone(), why);
            }
            self.cluster.remove_finalizer(left).await?;
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        self.words.done(self.asked.len(), &self.staying)
    }

    fn time_is_up(&self, timeout: Duration) -> TeardownError {
        TeardownError::TimeIsUp {
            left: words::left_over(self.seen.values(), timeout, self.force),
        }
    }
}
