//! What is told of a Component whose release goes (docs/components.md 12.1, 12.2 and 12.4).

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use crate::component::Phase;
use crate::component::conditions::{ConditionType, Reason};
use crate::component::names::annotation;
use crate::component::status::OperationKind;
use crate::controller::reconcile::decide::release::UNINSTALLS_WITH_HOOKS;
use crate::controller::reconcile::observation::Observation;
use crate::controller::reconcile::outcome::Outcome;
use crate::controller::reconcile::status::{Count, Draft, Level, Next, Notice, Report};
use crate::release::helm::{Failure, FailureClass};
use crate::release::operation::ReleaseKey;

/// An implicit Component was deleted.
pub(super) fn collected(draft: Draft) -> Report {
    let (reason, note) = (Reason::DependencyCollected, "nobody requires it any more");
    draft
        .tells(Notice::normal(reason, "Collect", note))
        .untold(Next::In(Duration::from_secs(1)))
}

/// The finalizer is gone, and the Component with it.
pub(super) fn deleted(draft: Draft, note: &str) -> Report {
    let notice = Notice::normal(Reason::UninstallSucceeded, "Delete", note);
    draft.tells(notice).untold(Next::Never)
}

/// Who needs this Component is going too.
pub(super) fn await_dependents(mut draft: Draft, names: &str) -> Report {
    let message = format!("waits for the deletion of what needs it: {names}");
    let (about, reason) = (ConditionType::Reconciling, Reason::WaitingForDeletion);
    draft.is_true(about, reason, &message);
    draft.clear(&[ConditionType::Stalled]);
    draft.phase(Phase::Uninstalling, &message);
    draft.end(Next::Patience)
}

/// Who needs this Component stays.
pub(super) fn keep_for_dependents(
    o: &Observation,
    mut draft: Draft,
    names: &str,
    what: &str,
) -> Report {
    let message = format!(
        "cannot be {what}: needed by {names}; delete or disable what needs it first, or set the annotation \
         ext.theriseunion.io/allow-break-dependents to \"true\""
    );
    let (about, reason) = (ConditionType::Stalled, Reason::DependentsExist);
    if !o.says(about, reason, &message) {
        draft.tell(Notice::warning(reason, "Uninstall", &message));
    }
    draft.is_true(about, reason, &message);
    draft.clear(&[ConditionType::Reconciling]);
    draft.settle();
    draft.status.message = Some(message);
    draft.end(Next::SafetyPoll)
}

/// All slots are taken.
pub(super) fn queued(mut draft: Draft) -> Report {
    draft.is_true(
        ConditionType::Reconciling,
        Reason::WaitingForSlot,
        "other releases are being worked on",
    );
    draft.phase(Phase::Uninstalling, "waits for a slot to uninstall");
    draft.end(Next::SafetyPoll)
}

/// The next attempt is not due, or somebody else is at work on the release.
pub(super) fn awaits_uninstall(
    o: &Observation,
    mut draft: Draft,
    reason: Reason,
    message: &str,
    until: Timestamp,
) -> Report {
    draft.is_false(ConditionType::Released, reason, message);
    draft.is_true(
        ConditionType::Reconciling,
        Reason::ProgressingWithRetry,
        message,
    );
    draft.phase(Phase::Uninstalling, message);
    let until = o.until(until);
    draft.end(match reason {
        // nobody says when the holder is gone
        Reason::PendingRelease => Next::Transient(Some(until)),
        _ => Next::In(until),
    })
}

/// Objects of the release are still there.
pub(super) fn awaits_gone(mut draft: Draft, left: &str) -> Report {
    let message = format!("waits until what was installed is gone: {left}");
    let (about, reason) = (ConditionType::Reconciling, Reason::WaitingForDeletion);
    draft.is_true(about, reason, &message);
    draft.phase(Phase::Uninstalling, &message);
    draft.end(Next::Patience)
}

/// How a run of Helm's uninstall ended. Its word on leftovers does not count: they are looked for.
pub(super) fn uninstalled(
    o: &Observation,
    mut draft: Draft,
    (_, name): &ReleaseKey,
    outcome: &Outcome,
) -> Report {
    let Outcome::Ran(ran) = outcome else {
        return draft.end(Next::Never);
    };
    draft.advance(ran.now);
    draft.status.operation = None;
    let kind = OperationKind::Uninstall;
    let Some(failure) = &ran.failure else {
        let (about, reason) = (ConditionType::Released, Reason::UninstallSucceeded);
        draft.count(Count::Operation(kind, true, reason));
        let message = format!("release {name} is uninstalled");
        draft.is_false(about, reason, &message);
        draft.tell(Notice {
            level: Level::Log,
            ..Notice::normal(reason, "Uninstall", &message)
        });
        draft.forget_failures();
        return draft.happened(Next::Now);
    };
    let Failure {
        class,
        reason,
        message,
    } = failure;
    draft.count(Count::Operation(kind, false, *reason));
    let counted = match class {
        FailureClass::Attempt | FailureClass::Terminal => FailureClass::Attempt,
        other => *other,
    };
    let next_retry = draft.schedule_retry(counted, kind, o.jitter);
    let failures = draft.status.retry_count.unwrap_or_default();
    let message = if failures < UNINSTALLS_WITH_HOOKS {
        message.clone()
    } else {
        format!(
            "{message} (the annotation {} with a new value leaves the chart's hooks out now)",
            annotation::FORCE_AT
        )
    };
    let failed = Reason::UninstallFailed;
    draft.is_false(ConditionType::Released, failed, &message);
    draft.waiting(failed, Reason::ProgressingWithRetry, &message);
    draft.phase(Phase::Uninstalling, &message);
    let action = format!("Uninstall/{}", ran.before);
    let next = Next::In(draft.until(next_retry));
    draft
        .tells(Notice::warning(failed, action, &message))
        .happened(next)
}

/// Nothing is left of the release that the Component had before: the one that its spec names is next.
pub(super) fn forgets_old(o: &Observation, mut draft: Draft) -> Report {
    draft.forget_release();
    draft.release(&o.target());
    draft.end(Next::Now)
}

/// Nothing is installed, as the spec wants it.
pub(super) fn disabled(o: &Observation, mut draft: Draft, note: Option<&str>) -> Report {
    draft.forget_release();
    draft.status.dependencies.clear();
    draft.clear(&[ConditionType::DependenciesReady]);
    let message = "spec.enabled is false, and nothing is installed";
    draft.is_false(ConditionType::Released, Reason::UninstallSucceeded, message);
    draft.ready(Reason::Disabled, message);
    draft.phase(Phase::Disabled, message);
    if let Some(note) = note {
        draft.tell(Notice::normal(
            Reason::UninstallSucceeded,
            "Uninstall",
            note,
        ));
    }
    draft.end(Next::About(o.component.spec.interval.get()))
}

/// Nothing is installed, and the status says so.
pub(super) fn stays_disabled(o: &Observation, mut draft: Draft, is_recreated: bool) -> Report {
    if is_recreated {
        let note = format!(
            "release {} exists although this Component is disabled: somebody else installed it, and it is left alone",
            o.target().1
        );
        draft.tell(Notice {
            once: Some(note.clone()),
            ..Notice::warning(Reason::Disabled, "Check", &note)
        });
    }
    draft.end(Next::About(o.component.spec.interval.get()))
}

impl Draft {
    /// What was done to the release, how it was, and which it was, is no more: the next one begins anew.
    pub(super) fn forget_release(&mut self) {
        self.forget_failures();
        self.remembers.forgets_release = true;
        let status = &mut self.status;
        status.release_name = None;
        status.release_namespace = None;
        status.release_version = None;
        status.operation = None;
        status.observed_hash = None;
        status.last_attempted = None;
        status.inventory_ref = None;
        status.history.clear();
        self.clear(&[
            ConditionType::Remediated,
            ConditionType::Healthy,
            ConditionType::Drifted,
            ConditionType::TestSuccess,
        ]);
        self.is_false(ConditionType::Released, Reason::NotInstalled, "");
    }

    /// From now on this is the release that the status tells of.
    pub(super) fn release(&mut self, (namespace, name): &ReleaseKey) {
        self.status.release_namespace = Some(namespace.clone());
        self.status.release_name = Some(name.clone());
    }
}
