//! The outcome of a run of Helm, and the meaning of a failure (docs/components.md 7).

mod message;
mod obstacle;
mod redact;
mod rules;
mod verdict;

pub use self::message::said;
pub use self::obstacle::{Obstacle, obstacle};
pub use self::redact::redact;
pub use self::verdict::{UNKNOWN_KINDS, not_ready, of_unserved, unknown_kinds};
use crate::component::conditions::Reason;
use crate::operation_kind::OperationKind;
pub use crate::release::outcome::{Ending, HelmOutcome};

/// The class of a failure, which decides the next step (docs/components.md 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// Something was unreachable or busy: retry soon, the attempt does not count. Class A.
    Transient,
    /// The attempt failed and counts. Class B.
    Attempt,
    /// It fails again until an input changes. Class C.
    Terminal,
    /// It was interrupted: retry at once, the attempt does not count. Class I.
    Interrupted,
    /// The release is not in the assumed state: read its Secrets again.
    DecideAgain,
}

/// The reason of a failed operation that has no better one.
pub fn failed(kind: OperationKind) -> Reason {
    match kind {
        OperationKind::Install | OperationKind::Test => Reason::InstallFailed,
        OperationKind::Upgrade => Reason::UpgradeFailed,
        OperationKind::Rollback => Reason::RollbackFailed,
        OperationKind::Uninstall => Reason::UninstallFailed,
    }
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

/// The failure of an outcome; `None` is success.
///
/// The release's Secrets come first: this explains what they show (docs/components.md 7.3). Only Helm's own error, from
/// the last line that begins with `Error: `, is judged, not the logs of hooks before it. A text that no rule knows is a
/// failed attempt, never a terminal failure. Take secrets out first, with [`HelmOutcome::redacted`].
pub fn judge(action: OperationKind, outcome: &HelmOutcome) -> Option<Failure> {
    let subject = action.subject();
    let of_the_process = |class, reason, message: String| {
        let message = message::bounded(&message, message::LIMIT);
        Some(Failure {
            class,
            reason,
            message,
        })
    };
    match &outcome.ending {
        Ending::Succeeded => None,
        Ending::Failed(KILLED) => judge_signal(action, SIGKILL),
        Ending::Failed(TERMINATED) => judge_signal(action, SIGTERM),
        Ending::Killed(signal) => judge_signal(action, *signal),
        Ending::Failed(code) => verdict::judge(action, *code, &outcome.stderr),
        Ending::Stopped => of_the_process(
            FailureClass::Interrupted,
            Reason::Interrupted,
            format!("{subject} was interrupted; it will be taken up again."),
        ),
        Ending::DeadlineExceeded => {
            let seconds = outcome.duration.as_secs();
            let said = message::said(&outcome.stderr);
            let end = if said.is_empty() { "." } else { ": " };
            of_the_process(
                FailureClass::Attempt,
                Reason::Timeout,
                format!(
                    "{subject} had not ended after {seconds} s, and Helm was stopped{end}{said}"
                ),
            )
        }
        Ending::NotStarted(why) => of_the_process(
            FailureClass::Transient,
            failed(action),
            format!("{subject} did not begin, because Helm did not start: {why}"),
        ),
    }
}

/// The exit codes of a shell for SIGKILL and SIGTERM, if Helm is wrapped in one.
const KILLED: i32 = 128 + SIGKILL;
const TERMINATED: i32 = 128 + SIGTERM;
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;
/// SIGHUP and SIGINT, which end Helm as SIGTERM does.
const HANGUP_OR_CTRL_C: [i32; 2] = [1, 2];

fn judge_signal(action: OperationKind, signal: i32) -> Option<Failure> {
    let subject = action.subject();
    let (class, reason, message) = if signal == SIGKILL {
        (
            FailureClass::Attempt,
            failed(action),
            format!(
                "{subject} was cut off: Helm was killed (SIGKILL), most likely because memory ran out. \
                 Raise the memory limit of the controller, or let it work on fewer releases at once."
            ),
        )
    } else if signal == SIGTERM || HANGUP_OR_CTRL_C.contains(&signal) {
        (
            FailureClass::Interrupted,
            Reason::Interrupted,
            format!("{subject} was interrupted by signal {signal}; it will be taken up again."),
        )
    } else {
        (
            FailureClass::Attempt,
            failed(action),
            format!("{subject} was cut off: Helm was ended by signal {signal}."),
        )
    };
    Some(Failure {
        class,
        reason,
        message,
    })
}

#[cfg(test)]
mod tests;
