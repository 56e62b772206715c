//! What is told before an operation begins and while it goes on (docs/components.md 4.2 and 5.3).

use crate::component::Phase;
use crate::component::conditions::{ConditionStatus, ConditionType, Reason};
use crate::component::spec_hash::SpecHash;
use crate::component::status::{Operation, OperationKind};
use crate::controller::reconcile::decide::{Action, Decision, Why};
use crate::controller::reconcile::observation::Observation;
use crate::controller::reconcile::status::{Draft, Next, Notice, Report, known};
use crate::release::operation::ReleaseKey;

/// What is written before Helm starts: the intent.
pub fn begin(
    o: &Observation,
    decision: &Decision,
    action: Action,
    why: Why,
    operation: Operation,
    hash: SpecHash,
) -> Report {
    let mut draft = known(o, decision);
    let kind = operation.kind;
    let Some(chart) = o.resolved() else {
        return draft.end(Next::Now);
    };
    let doing = doing(kind, &chart.title(), Some(why));
    // the cause stays where people look, across all attempts
    let cause = draft.message_of(ConditionType::Released);
    let doing = match (why, cause) {
        (Why::Retry, Some(cause)) => format!("{doing}; last time: {cause}"),
        _ => doing,
    };
    let from_revision = operation.from_revision;
    draft.status.operation = Some(operation);
    draft.release(&o.target());
    if let Some(value) = o.force_request() {
        draft.status.last_handled_force_at = Some(value);
    }
    if !matches!(action, Action::Rollback { .. } | Action::Reapply { .. }) {
        let attempt = o.attempt(chart, hash);
        let tried = draft.status.last_attempted.replace(attempt);
        if tried.and_then(|tried| tried.hash) != Some(hash.to_string()) {
            // failures of something else do not count
            draft.forget_failures();
        }
    }
    if kind == OperationKind::Rollback {
        // what failed stays to be read
        draft.is_true(ConditionType::Reconciling, Reason::Progressing, &doing);
    } else {
        draft.progressing(Reason::Progressing, &doing);
    }
    draft.phase(phase_of(kind), &doing);
    draft.remembers.begins = true;
    draft.tell(Notice::log(&doing));
    if matches!(why, Why::Foreign | Why::RemovedOutside) {
        let action = format!("{}/{from_revision}", kind.as_str());
        draft.tell(Notice::warning(Reason::Unmanaged, action, &why.to_string()));
    }
    draft.end(Next::Now)
}

/// What is written before an uninstall starts.
pub fn begin_uninstall(
    o: &Observation,
    decision: &Decision,
    operation: Operation,
    (_, name): &ReleaseKey,
) -> Report {
    let mut draft = known(o, decision);
    if let Some(value) = o.force_request() {
        draft.status.last_handled_force_at = Some(value);
    }
    let has_failed = (draft.status.conditions.iter())
        .any(|known| known.reason == Reason::UninstallFailed.as_str());
    if !has_failed {
        draft.forget_failures();
    }
    // failures of an earlier generation are behind us: from here on they are this removal's
    draft.status.last_attempted = None;
    draft.status.operation = Some(operation);
    let doing = format!("uninstalling release {name}");
    draft.progressing(Reason::Progressing, &doing);
    draft.phase(Phase::Uninstalling, &doing);
    draft.tells(Notice::log(&doing)).end(Next::Now)
}

/// What is written before a dry run of the release that the spec names.
pub fn begin_dry_run(o: &Observation, decision: &Decision) -> Report {
    let mut draft = known(o, decision);
    let Some(chart) = o.resolved() else {
        return draft.end(Next::Now);
    };
    let attempt = o.attempt(chart, o.wanted(chart).hash);
    let tried = draft.status.last_attempted.as_ref();
    let is_other = tried.and_then(|tried| tried.hash.as_ref()) != attempt.hash.as_ref();
    let force = o.force_request();
    if is_other || force.is_some() {
        draft.forget_failures();
    }
    if force.is_some() {
        draft.status.last_handled_force_at = force;
    }
    draft.status.last_attempted = Some(attempt);
    let title = crate::controller::reconcile::decide::title(&o.target());
    let doing = format!("finding out whether {title} can be installed");
    draft.progressing(Reason::Progressing, &doing);
    draft.phase(Phase::Upgrading, &doing);
    draft.tells(Notice::log(&doing)).end(Next::Now)
}

/// The status of an operation that waits for this; `None` if it says so already.
pub fn progress(draft: &mut Draft, doing: &str, waits_for: Option<&str>) -> bool {
    let message = match waits_for {
        Some(what) => format!("{doing}; waits for {what}"),
        None => doing.to_owned(),
    };
    let before = draft.status.clone();
    if draft.has(ConditionType::Ready, ConditionStatus::Unknown) {
        draft.progressing(Reason::Progressing, &message);
    } else {
        // after a failure Ready tells of that
        let about = ConditionType::Reconciling;
        draft.is_true(about, Reason::Progressing, &message);
    }
    if let Some(phase) = before.phase.clone() {
        draft.phase(phase, &message);
    }
    draft.status != before
}

/// What is being done, in words.
pub(super) fn doing(kind: OperationKind, chart: &str, why: Option<Why>) -> String {
    let what = match kind {
        OperationKind::Install => format!("installing {chart}"),
        OperationKind::Rollback => "going back to the last good revision".to_owned(),
        OperationKind::Uninstall => "removing what a failed install left".to_owned(),
        OperationKind::Upgrade | OperationKind::Test => format!("upgrading to {chart}"),
    };
    match why {
        Some(why) => format!("{what}: {why}"),
        None => what,
    }
}

pub(super) fn phase_of(kind: OperationKind) -> Phase {
    match kind {
        OperationKind::Install | OperationKind::Test => Phase::Installing,
        OperationKind::Upgrade => Phase::Upgrading,
        OperationKind::Rollback => Phase::RollingBack,
        OperationKind::Uninstall => Phase::Uninstalling,
    }
}
