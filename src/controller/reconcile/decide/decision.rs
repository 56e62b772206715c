//! What can be decided, and why.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use crate::component::conditions::Reason;
use crate::component::status::OperationKind;
use crate::release::helm::{FailureClass, Obstacle};
use crate::release::operation::ReleaseKey;

/// What has to be read before a decision can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// The chart that the spec means.
    Chart,
    /// What the chart and the spec depend on.
    Dependencies,
    /// This release; from the API server if it must be `fresh`, else as the watch has told.
    Release {
        /// Which.
        key: ReleaseKey,
        /// True if a cache will not do.
        fresh: bool,
    },
    /// Whether a slot is free, which is taken then.
    Slot {
        /// The release that Helm is to run on.
        key: ReleaseKey,
        /// True for what goes before everything else: removals and rollbacks.
        is_urgent: bool,
    },
    /// Whether the last good revision can be made again from its package.
    Reapply {
        /// That revision.
        to: i64,
    },
    /// Whether what was applied is ready.
    Readiness {
        /// The revision that was applied.
        revision: i64,
        /// True if what is not ready is to be named.
        in_words: bool,
    },
    /// Health and drift of what runs.
    Installed(Look),
    /// Whether the object is there that the last operation could not get past.
    Obstacle(Obstacle),
    /// What is left of this release.
    Leftovers(ReleaseKey),
    /// Whether the Component's own namespace is being deleted.
    Namespace,
    /// Whether somebody else has said something about the Component's spec.
    Claims,
}

/// A look at what runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The release.
    pub release: ReleaseKey,
    /// The revision that runs.
    pub revision: i64,
    /// A newer one that was not finished: nobody knows how far it came, so only what both have is looked at, and only a
    /// missing object counts as drift.
    pub unfinished: Option<i64>,
    /// Whether what drifted may be put right; else it is told.
    pub corrects: bool,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Nothing can be decided before this was read.
    Read(Read),
    /// Nothing is done to the release, and its state is told (docs/components.md 12.5).
    LeaveAlone,
    /// Nobody can help but whoever changes the spec, or something else: it is told.
    Stall {
        /// What is wrong.
        reason: Reason,
        /// What to do about it.
        message: String,
    },
    /// There is no chart, and there will not be one until somebody changes something.
    RefuseChart {
        /// What is wrong with it.
        reason: Reason,
        /// What to do about it.
        message: String,
    },
    /// There is no chart yet.
    AwaitChart {
        /// What is missing.
        reason: Reason,
        /// What to do about it.
        message: String,
    },
    /// A dependency is in the way.
    Block {
        /// How.
        reason: Reason,
        /// Who waits for whom.
        message: String,
        /// True if that does not pass by itself.
        is_stuck: bool,
    },
    /// Everything is there but a slot.
    Queue {
        /// What the slot is for.
        why: String,
        /// How many slots there are.
        slots: usize,
    },
    /// Helm could not reach something: it is not run again for so long.
    Pause(Duration),
    /// The finalizer is added.
    AddFinalizer,
    /// The finalizer goes, and the Component with it.
    RemoveFinalizer {
        /// What became of its releases.
        note: String,
    },
    /// Nothing is to be done or told.
    Nothing,
    /// An implicit Component that somebody has edited is the user's from now on.
    Disown,
    /// An implicit Component that nobody requires is deleted.
    Collect,
    /// The release is as wanted: look after its objects.
    InSync {
        /// How that is known.
        how: InSync,
    },
    /// What was applied is not ready yet.
    AwaitReady {
        /// The operation.
        kind: OperationKind,
        /// The revision that it made.
        revision: i64,
    },
    /// What was applied is ready: the operation succeeded.
    Succeed {
        /// The operation.
        kind: OperationKind,
        /// The revision that it made.
        revision: i64,
    },
    /// What was applied was not ready when its time was over: the revision is marked as failed.
    FailUnready {
        /// The operation.
        kind: OperationKind,
        /// The revision that it made.
        revision: i64,
        /// What is not ready, and why.
        objects: String,
    },
    /// What is waited for is no longer wanted: the revision is marked as interrupted.
    Interrupt {
        /// The operation.
        kind: OperationKind,
        /// The revision that it made.
        revision: i64,
    },
    /// Run Helm.
    Run {
        /// What for.
        action: Action,
        /// Why, in one phrase by its `Display`.
        why: Why,
    },
    /// Mark the pending newest revision as failed, with a description that begins with [`super::release::INTERRUPTED`], on condition
    /// that its Secret is the one that was seen; then decide again.
    Unlock {
        /// The pending revision.
        revision: i64,
        /// What the event `Unlocked` says.
        event: String,
    },
    /// Our operation failed, and nobody wrote it down: do so as for a failure that was just seen, then decide again.
    CountFailure {
        /// The failed revision.
        revision: i64,
        /// What was being done.
        kind: OperationKind,
        /// Interrupted, or an attempt; the message may tell more.
        class: FailureClass,
        /// What Helm wrote into the revision: the cause.
        message: String,
    },
    /// Our rollback succeeded, and nobody wrote it down: do so, then decide again.
    RecordRollback {
        /// The revision that it made.
        revision: i64,
        /// The revision that it went back to.
        to: i64,
    },
    /// Move the unreadable newest revision out of Helm's sight: a renamed copy, then the original goes. Then decide
    /// again, still forced.
    SetAside {
        /// The unreadable revision.
        revision: i64,
    },
    /// Something passes by itself.
    Wait {
        /// What is waited for, or what failed.
        reason: Reason,
        /// A sentence; after a failure it begins with the cause.
        message: String,
        /// The class of what failed.
        class: FailureClass,
        /// When to decide again at the latest; without it, when something changes.
        until: Option<Timestamp>,
    },
    /// Nothing passes by itself: somebody must change something.
    Hold {
        /// What is wrong.
        reason: Reason,
        /// A sentence; after a failure it begins with the cause.
        message: String,
        /// When to decide again at the latest.
        recheck: Timestamp,
    },
    /// Who needs this Component goes first.
    AwaitDependents {
        /// They, as one phrase.
        names: String,
    },
    /// Who needs this Component stays, and so does this.
    KeepForDependents {
        /// They, as one phrase.
        names: String,
        /// `deleted` or `disabled`.
        what: &'static str,
    },
    /// The release is not wanted any more: run Helm's uninstall.
    Uninstall {
        /// The release.
        key: ReleaseKey,
        /// True if the chart's hooks are left out.
        without_hooks: bool,
    },
    /// All slots are taken: the uninstall waits for one.
    QueueUninstall,
    /// The uninstall is tried again later, or somebody else is at work on the release.
    AwaitUninstall {
        /// What is waited for, or what failed.
        reason: Reason,
        /// A sentence.
        message: String,
        /// When to decide again at the latest.
        until: Timestamp,
    },
    /// What was installed is still there: it is deleted, and waited for.
    AwaitGone {
        /// The release.
        key: ReleaseKey,
        /// What is left, and what holds it.
        left: String,
    },
    /// Nothing is left of the release that the Component had before; the one that its spec names is next.
    ForgetOld,
    /// Nothing is installed, as the spec wants it.
    Disabled {
        /// What was uninstalled for it, in a sentence.
        note: Option<String>,
    },
    /// Nothing is installed, as the status says already.
    StayDisabled {
        /// True if somebody else has made the release again.
        is_recreated: bool,
    },
    /// The release moves: Helm is asked whether the new one could be installed.
    TryNew,
    /// The old release stays, because the new one cannot come.
    CannotMove {
        /// Terminal if that does not pass by itself.
        class: FailureClass,
        /// What is in the way.
        reason: Reason,
        /// In a sentence.
        message: String,
        /// When to decide again; without it, as after something that could not be reached.
        until: Option<Timestamp>,
    },
    /// Nothing is left of the old release, or it is another's: the new one comes next.
    Moved {
        /// What became of the old one.
        note: String,
    },
}

/// How it is known that a release is as wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InSync {
    /// The revision proves it, and `status` says so too.
    Ours,
    /// The revision proves it, but `status` does not say so yet, because its writing was lost: write it.
    AdoptSuccess,
}

/// What Helm is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `helm upgrade --install` of what was never deployed: no release, an uninstalled one, or a failed first install
    /// that is gone on from. Its failures count as an install's.
    Install,
    /// `helm upgrade --install` of what was deployed.
    Upgrade,
    /// Uninstall, wait until every object is gone, then install.
    Reinstall,
    /// `helm rollback`.
    Rollback {
        /// The revision to go back to.
        to: i64,
    },
    /// `helm upgrade` with the chart and values of an earlier revision, because Helm could not go back to it. Its intent
    /// is of the kind `Rollback`, and its token has that revision's hash.
    Reapply {
        /// The revision whose chart and values are used.
        to: i64,
    },
    /// `helm uninstall` of what is `uninstalling`.
    FinishUninstall,
}

impl Action {
    /// What it is called; of a release `is_new` that has no revision yet.
    pub fn kind(self, is_new: bool) -> OperationKind {
        match self {
            Self::Install => OperationKind::Install,
            Self::Upgrade if is_new => OperationKind::Install,
            Self::Upgrade => OperationKind::Upgrade,
            Self::Rollback { .. } | Self::Reapply { .. } => OperationKind::Rollback,
            Self::Reinstall | Self::FinishUninstall => OperationKind::Uninstall,
        }
    }
}

/// Why Helm is run. Displays as one phrase, for events and the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is no release.
    NotInstalled,
    /// There was one.
    RemovedOutside,
    /// Something else is wanted than what was made.
    Changed,
    /// Somebody else upgraded it or rolled it back.
    Foreign,
    /// `forceAt` asks for it.
    Forced,
    /// The last attempt failed, and this one is due.
    Retry,
    /// The object is gone that the last attempt could not get past.
    Unblocked,
    /// The release was there before the Component.
    Adopt,
    /// The newest revision is half of something: superseded, uninstalled or uninstalling.
    Unfinished,
    /// What was begun was cut off.
    Interrupted,
    /// The last attempt failed: go back.
    LastAttemptFailed,
    /// The way back failed: take the other one.
    RollbackFailed,
}
