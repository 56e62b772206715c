//! What is told of a Component whose release moves (docs/components.md 12.3).

use k8s_openapi::jiff::Timestamp;

use crate::component::Phase;
use crate::component::conditions::{ConditionType, Reason};
use crate::component::status::OperationKind;
use crate::controller::reconcile::decide::{self, title};
use crate::controller::reconcile::observation::Observation;
use crate::controller::reconcile::outcome::Outcome;
use crate::controller::reconcile::status::{Count, Draft, Next, Notice, Report, stalled_reason};
use crate::release::helm::{Failure, FailureClass};

/// The old release is gone, or another's: the new one comes next.
pub(super) fn moved(o: &Observation, mut draft: Draft, note: &str) -> Report {
    draft.forget_release();
    let message = format!("{note}; {} comes next", title(&o.target()));
    draft.progressing(Reason::Progressing, &message);
    let notice = Notice::normal(Reason::Progressing, "Move", &message);
    draft.tells(notice).end(Next::Now)
}

/// Helm was asked whether the new release could be installed.
pub(super) fn tried(o: &Observation, mut draft: Draft, outcome: &Outcome) -> Report {
    let Outcome::Tried { now, failure } = outcome else {
        return draft.end(Next::Never);
    };
    draft.advance(*now);
    let Some(failure) = failure else {
        draft.remembers.tried = true;
        return draft.end(Next::Now);
    };
    let Failure {
        class,
        reason,
        message,
    } = failure;
    let next = match class {
        FailureClass::Interrupted | FailureClass::DecideAgain | FailureClass::Transient => {
            draft.remembers.pauses = true;
            draft.count(Count::Retry(*class));
            Next::Transient(None)
        }
        FailureClass::Attempt | FailureClass::Terminal => {
            let next = draft.schedule_retry(*class, OperationKind::Install, o.jitter);
            Next::In(draft.until(next))
        }
    };
    let message = decide::stays(&o.target(), message);
    cannot_move(o, draft, *class, *reason, &message, next)
}

/// The new release cannot come, for a reason that is looked at again then; without a time, as after something that could
/// not be reached.
pub(super) fn stays(
    o: &Observation,
    draft: Draft,
    (class, reason, message): (FailureClass, Reason, &str),
    until: Option<Timestamp>,
) -> Report {
    let next = match until {
        Some(until) => Next::In(o.until(until)),
        None => Next::Transient(None),
    };
    cannot_move(o, draft, class, reason, message, next)
}

/// The old release stays and runs on; what is in the way of the new one is told.
fn cannot_move(
    o: &Observation,
    mut draft: Draft,
    class: FailureClass,
    reason: Reason,
    message: &str,
    next: Next,
) -> Report {
    if !o.says(ConditionType::Ready, reason, message) {
        draft.tell(Notice::warning(reason, "Move", message));
    }
    if class == FailureClass::Terminal {
        draft.stalled(stalled_reason(reason), message);
        draft.is_false(ConditionType::Ready, reason, message);
    } else {
        draft.waiting(reason, Reason::ProgressingWithRetry, message);
    }
    draft.phase(Phase::Degraded, message);
    draft.end(next)
}
