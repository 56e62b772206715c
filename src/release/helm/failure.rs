//! What became of a run of Helm, and what follows from a bad end (contract sections 2.7 and 3.3).

use std::time::Duration;

use crate::component::conditions::Reason;

/// How a run of Helm ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The way it ended.
    pub ending: Ending,
    /// The end of what Helm wrote to standard error, at most 64 KiB.
    pub stderr: String,
    /// The most memory it had resident, in bytes, as far as it was seen: it is sampled.
    pub max_rss_bytes: Option<u64>,
    /// How long it ran.
    pub duration: Duration,
}

/// The way a run of Helm ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With exit code 0, even if it was asked to end early.
    Succeeded,
    /// With another exit code.
    Failed(i32),
    /// By a signal that was not ours.
    Killed(i32),
    /// It was ended because it took longer than its deadline.
    DeadlineExceeded,
    /// It was ended because whoever ran it asked for that.
    Stopped,
    /// It never ran; why.
    NotStarted(String),
}

/// What a failure means for what comes next (contract section 2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// Something could not be reached or was busy: try again soon, it does not count. Class A.
    Transient,
    /// The attempt failed and counts. Class B.
    Attempt,
    /// It fails again until something changes. Class C.
    Terminal,
    /// It was cut off: go on at once, it does not count. Class I.
    Interrupted,
    /// The release is not in the state that was assumed: look at its Secrets again.
    DecideAgain,
}

/// Helm's action, as it matters for what a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// `helm upgrade --install` without a release.
    Install,
    /// `helm upgrade --install` of a release.
    Upgrade,
    /// `helm rollback`.
    Rollback,
    /// `helm uninstall`.
    Uninstall,
}

/// A failure, for programs and for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it means for what comes next.
    pub class: FailureClass,
    /// The condition's reason.
    pub reason: Reason,
    /// The condition's message: one paragraph of about 1 KiB at most.
    pub message: String,
}

/// What a run's outcome means; `None` is success.
pub fn judge(action: ActionKind, outcome: &Outcome) -> Option<Failure> {
    todo!("{action:?} {outcome:?}")
}

/// The text without these secrets, as far as they are longer than 6 characters (contract section 2.13).
pub fn redact(text: &str, secrets: &[String]) -> String {
    todo!("{text} {secrets:?}")
}
