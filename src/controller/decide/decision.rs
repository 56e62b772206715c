//! What can be decided, and why.

use k8s_openapi::jiff::Timestamp;

use crate::component::conditions::Reason;
use crate::component::status::OperationKind;
use crate::release::helm::FailureClass;

/// What is to be done next.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// The release is as wanted: look after its objects.
    InSync {
        /// How that is known.
        how: InSync,
    },
    /// Run Helm.
    Run {
        /// What for.
        action: Action,
        /// Why, in one phrase by its `Display`.
        why: Why,
    },
    /// Mark the pending newest revision as failed, with a description that begins with [`super::INTERRUPTED`], on condition
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
