//! What came of acting on a decision, as values.

use k8s_openapi::jiff::Timestamp;

use crate::component::conditions::Reason;
use crate::component::status::OperationKind;
use crate::controller::reconcile::decide::Action;
use crate::controller::reconcile::observation::{Readiness, Release};
use crate::release::helm::{Failure, FailureClass};
use crate::release::record::Record;

/// What came of acting on a decision.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// What the decision asks for was done, or it asks for nothing but words.
    Done,
    /// Helm ran, or could not.
    Ran(Box<Ran>),
    /// A dry run: why the new release cannot be installed, if it cannot.
    Tried {
        /// When it ended.
        now: Timestamp,
        /// Why not.
        failure: Option<Failure>,
    },
    /// Drifted objects were put right.
    Corrected {
        /// What could not be put right, and why.
        failed: Vec<String>,
        /// The first few objects that are not ready afterwards, and why.
        unready: Option<String>,
    },
    /// The program ends, or somebody else works from now on: what was begun stays as it is written.
    Stopped,
}

/// How a run of Helm ended, and what the release shows.
#[derive(Clone, Debug)]
pub struct Ran {
    /// When it ended.
    pub now: Timestamp,
    /// What was done.
    pub kind: OperationKind,
    /// For which decision; `None` for a removal.
    pub action: Option<Action>,
    /// The newest revision before.
    pub before: i64,
    /// The release afterwards.
    pub release: Release,
    /// Why it did not do what it should; `None` if the release shows that it did.
    pub failure: Option<Failure>,
    /// The end of what Helm said.
    pub said: String,
    /// Whether what was applied is ready, if that is awaited.
    pub readiness: Readiness,
    /// The first few objects that are not ready after a failure, and why.
    pub unready: Option<String>,
}

impl Ran {
    /// A run that did what it should, of something that need not be awaited.
    pub fn of(
        now: Timestamp,
        kind: OperationKind,
        action: Option<Action>,
        before: i64,
        release: Release,
    ) -> Self {
        Self {
            now,
            kind,
            action,
            before,
            release,
            failure: None,
            said: String::new(),
            readiness: Readiness::Ready,
            unready: None,
        }
    }

    /// The newest record, if it can be read.
    pub fn record(&self) -> Option<&Record> {
        self.release.record().map(AsRef::as_ref)
    }
}

/// Why an operation that the release does not prove failed: as Helm's end was `judged`, or because it was ended for
/// another.
pub fn unproved(judged: Option<Failure>, is_superseded: bool) -> Failure {
    if is_superseded {
        return superseded();
    }
    judged.unwrap_or(Failure {
        class: FailureClass::DecideAgain,
        reason: Reason::Interrupted,
        message: "Helm reported success, and the release does not show it".to_owned(),
    })
}

/// Why an uninstall that left its release failed, as Helm's end was `judged`.
pub fn not_gone(judged: Option<Failure>) -> Failure {
    judged.unwrap_or(Failure {
        class: FailureClass::DecideAgain,
        reason: Reason::UninstallFailed,
        message: "Helm reported success, and the release is still there".to_owned(),
    })
}

/// True if objects that are not ready may be why.
pub fn may_be_unready(failure: &Failure) -> bool {
    matches!(
        failure.reason,
        Reason::Timeout | Reason::InstallFailed | Reason::UpgradeFailed
    ) && matches!(
        failure.class,
        FailureClass::Attempt | FailureClass::Terminal
    )
}

/// Why an operation was ended for another.
pub fn superseded() -> Failure {
    Failure {
        class: FailureClass::Interrupted,
        reason: Reason::Interrupted,
        message: "interrupted: the Component changed".to_owned(),
    }
}
