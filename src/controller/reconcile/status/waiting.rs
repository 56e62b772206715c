//! What is told of a Component for which nothing is done now: it waits, or somebody must help.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use crate::component::conditions::{ConditionStatus, ConditionType, Reason, find};
use crate::component::{Phase, UpgradeFailure};
use crate::controller::reconcile::decide::release::last_known_good;
use crate::controller::reconcile::observation::Observation;
use crate::controller::reconcile::retry;
use crate::controller::reconcile::status::{
    Count, Draft, Next, Notice, Report, released_reason, stalled_reason,
};
use crate::release::helm::FailureClass;
use crate::release::record::{Record, ReleaseStatus, secret_name};

/// How long nobody looks again, by himself, at what only a change can put right.
fn terminal(o: &Observation) -> Next {
    Next::In(retry::delay(FailureClass::Terminal, 0, o.jitter))
}

/// Stops until somebody changes something.
pub(super) fn stalled(o: &Observation, mut draft: Draft, reason: Reason, message: &str) -> Report {
    if !o.says(ConditionType::Stalled, reason, message) {
        draft.tell(Notice::warning(reason, "Check", message));
    }
    draft.stalled(reason, message);
    draft.phase(Phase::Stalled, message);
    draft.end(terminal(o))
}

/// There is no chart that could be installed.
pub(super) fn chart_refused(
    o: &Observation,
    mut draft: Draft,
    reason: Reason,
    message: &str,
) -> Report {
    let about = ConditionType::ChartResolved;
    if reason == Reason::ReleaseTooLarge {
        draft.is_false(ConditionType::Released, reason, message);
    } else {
        let is_its_own = about.permits(ConditionStatus::False, reason);
        let shown = if is_its_own {
            reason
        } else {
            Reason::ChartInvalid
        };
        draft.is_false(about, shown, message);
    }
    stalled(o, draft, reason, message)
}

/// What is installed stays as it is, and says so; what is not installed waits.
pub(super) fn chart_awaited(
    o: &Observation,
    mut draft: Draft,
    reason: Reason,
    message: &str,
) -> Report {
    let is_new = !o.says(ConditionType::ChartResolved, reason, message);
    draft.is_false(ConditionType::ChartResolved, reason, message);
    match as_it_should(o, &draft) {
        Some((success, installed)) => draft.runs_as_wanted(success, &installed),
        None => {
            draft.waiting(reason, Reason::WaitingForChart, message);
            draft.phase(Phase::Blocked, message);
        }
    }
    if reason == Reason::RepositoryUnavailable {
        return draft.end(Next::Transient(None));
    }
    if is_new {
        draft.tell(Notice::normal(reason, "Resolve", message));
    }
    draft.end(Next::SafetyPoll)
}

/// How Released tells that this generation was installed, if it was.
fn as_it_should(o: &Observation, draft: &Draft) -> Option<(Reason, String)> {
    let status = o.component.status.as_ref()?;
    let tried = status.last_attempted.as_ref()?;
    let is_of_this = status.observed_generation == o.component.metadata.generation
        && tried.generation == Some(o.generation());
    let ready = find(&status.conditions, ConditionType::Ready)?;
    let unsound = [Reason::Unhealthy, Reason::CorrectionFailed];
    let runs = ready.status == "True" || unsound.iter().any(|it| it.as_str() == ready.reason);
    let released = find(&draft.status.conditions, ConditionType::Released)?;
    let mut reasons = Reason::ALL.iter();
    let success = *reasons.find(|reason| reason.as_str() == released.reason)?;
    (is_of_this && runs).then(|| (success, released.message.clone()))
}

/// A dependency is in the way.
pub(super) fn blocked(
    o: &Observation,
    mut draft: Draft,
    reason: Reason,
    message: &str,
    is_stuck: bool,
) -> Report {
    draft.count(Count::Blocked(reason));
    if is_stuck {
        if !o.says(ConditionType::DependenciesReady, reason, message) {
            draft.tell(Notice::warning(reason, "Order", message));
        }
        draft.stalled(reason, message);
    } else {
        draft.waiting(reason, Reason::WaitingForDependencies, message);
    }
    draft.phase(Phase::Blocked, message);
    if is_stuck {
        draft.end(Next::SafetyPoll)
    } else {
        draft.news(Next::SafetyPoll)
    }
}

/// Everything is there but a slot.
pub(super) fn queued(o: &Observation, mut draft: Draft, why: &str, slots: usize) -> Report {
    draft.remembers.queued = true;
    // who was told to wait need not be told for each short while that it is for something else now
    let since = o.memory.queued.unwrap_or_default();
    let is_blocked = draft.status.phase == Some(Phase::Blocked);
    if let Some(rest) = super::NEWS.checked_sub(since).filter(|_| is_blocked) {
        return draft.untold(Next::In(rest));
    }
    let message = format!("{why}; {slots} other releases are being worked on");
    draft.progressing(Reason::WaitingForSlot, &message);
    draft.phase(Phase::Queued, &message);
    draft.news(Next::SafetyPoll)
}

/// The last attempt failed and the next is not due, or somebody else is working on the release.
pub(super) fn wait(
    o: &Observation,
    mut draft: Draft,
    reason: Reason,
    message: &str,
    class: FailureClass,
    until: Option<Timestamp>,
) -> Report {
    let until = until.map(|until| o.until(until));
    let next = match (class, until) {
        // nobody says when somebody else is done, or gone
        (FailureClass::Transient, until) => Next::Transient(until),
        (_, Some(until)) => Next::In(until),
        (_, None) => Next::In(retry::delay(class, 0, o.jitter)),
    };
    let failures = draft.status.failures.unwrap_or_default();
    let is_retry = failures.install + failures.upgrade > 0;
    let is_told = is_retry && draft.has(ConditionType::Ready, ConditionStatus::False);
    if is_told && reason != Reason::StateError {
        // what failed, and why, stays until the next attempt
        if reason == Reason::MissingRollbackTarget {
            draft.is_false(ConditionType::Remediated, reason, message);
        }
        draft.settle();
        return draft.end(next);
    }
    let has_failed = class == FailureClass::Attempt;
    if has_failed && !o.says(ConditionType::Ready, reason, message) {
        draft.tell(Notice::warning(reason, "Wait", message));
    }
    let otherwise = match draft.status.observed_hash {
        Some(_) => Reason::UpgradeFailed,
        None => Reason::InstallFailed,
    };
    let released = released_reason(reason, otherwise);
    draft.is_false(ConditionType::Released, released, message);
    draft.waiting(reason, Reason::Progressing, message);
    let phase = if has_failed {
        Phase::Failed
    } else {
        Phase::Pending
    };
    draft.phase(phase, message);
    draft.end(next)
}

/// Nothing more is tried by itself.
pub(super) fn held(
    o: &Observation,
    mut draft: Draft,
    reason: Reason,
    message: &str,
    recheck: Timestamp,
) -> Report {
    let release = o.release(&o.target());
    let record = release.and_then(|release| release.record());
    let runs = reason != Reason::ReleaseConflict
        && record.is_some_and(|record| record.status == ReleaseStatus::Deployed);
    let why_not_ready = find(&draft.status.conditions, ConditionType::Ready)
        .filter(|ready| ready.status == "False")
        .and_then(|ready| {
            let mut all = Reason::ALL.iter();
            let failed = *all.find(|known| known.as_str() == ready.reason)?;
            // the failure itself is worth more than that there were enough of them
            let is_of_this = reason == Reason::RetriesExceeded
                || stalled_reason(failed) == reason && ready.message == message;
            is_of_this.then(|| (failed, ready.message.clone()))
        });
    if !o.says(ConditionType::Stalled, reason, message) {
        draft.tell(Notice::warning(reason, "Hold", message));
    }
    draft.stalled(reason, message);
    if let Some((failed, cause)) = why_not_ready {
        draft.is_false(ConditionType::Ready, failed, &cause);
    }
    let goes_back = o.component.spec.upgrade.on_failure == UpgradeFailure::Rollback;
    let revisions = release.map_or(&[][..], |release| &release.revisions);
    let good = last_known_good(revisions, &draft.status);
    if reason == Reason::RetriesExceeded && goes_back && !runs && good.is_none() {
        draft.is_false(
            ConditionType::Remediated,
            Reason::MissingRollbackTarget,
            message,
        );
    }
    let phase = if runs {
        Phase::Degraded
    } else {
        Phase::Stalled
    };
    draft.phase(phase, message);
    draft.end(Next::In(o.until(recheck)))
}

/// Helm is not run again before something that it could not reach may be back.
pub(super) fn paused(mut draft: Draft, rest: Duration) -> Report {
    draft.settle();
    draft.end(Next::In(rest))
}

/// A revision that its holder left pending was marked as failed.
pub(super) fn unlocked(draft: Draft, revision: i64, event: &str) -> Report {
    let notice = Notice::normal(Reason::Unlocked, format!("Unlock/{revision}"), event);
    draft.tells(notice).untold(Next::Now)
}

/// A record that nobody can read was moved out of Helm's sight.
pub(super) fn set_aside(o: &Observation, draft: Draft, revision: i64) -> Report {
    let mut releases = o.releases.iter();
    let unreadable = releases.find(|release| release.is_unreadable(revision));
    let (_, name) = unreadable.map_or_else(|| o.target(), |release| release.key.clone());
    let aside = unreadable_name(&name, revision);
    let note = format!("revision {revision} cannot be read; it is kept as Secret {aside}");
    let notice = Notice::warning(Reason::StateError, format!("SetAside/{revision}"), &note);
    draft.tells(notice).untold(Next::Now)
}

/// The name of the Secret that keeps a record which cannot be read.
pub fn unreadable_name(release: &str, revision: i64) -> String {
    format!("{}.unreadable", secret_name(release, revision))
}

/// Nothing is done to the release; what is true of it is reported (docs/components.md 12.5).
pub(super) fn left_alone(o: &Observation, mut draft: Draft) -> Report {
    let old = o.plan.old.as_ref().map(|old| old.key.clone());
    let key = old.unwrap_or_else(|| o.target());
    draft.release(&key);
    let record = o.release(&key).and_then(|release| release.record());
    let deployed = record
        .map(AsRef::as_ref)
        .filter(|record| record.status == ReleaseStatus::Deployed);
    if let Some(record) = deployed {
        draft.status.release_version = Some(record.revision);
    }
    if o.is_preinstalled() {
        preinstalled(o, &mut draft, deployed);
    } else {
        draft.clear(&[ConditionType::Reconciling, ConditionType::Stalled]);
        let how = if o.component.spec.suspend {
            "spec.suspend is true"
        } else {
            "the annotation skip-reconcile is set"
        };
        let mut message = match deployed {
            Some(record) => format!(
                "{how}: release {} revision {} is left as it is",
                key.1, record.revision
            ),
            None => format!("{how}: nothing is installed or changed"),
        };
        if draft.has(ConditionType::Healthy, ConditionStatus::False)
            && let Some(named) = draft.message_of(ConditionType::Healthy)
        {
            message = format!("{message}; not ready: {named}");
        }
        let ready = find(&draft.status.conditions, ConditionType::Ready);
        if ready.is_none_or(|ready| ready.status == "Unknown") {
            let unknown = ConditionStatus::Unknown;
            draft.set(ConditionType::Ready, unknown, Reason::Progressing, &message);
        }
        draft.phase(Phase::Suspended, &message);
    }
    draft.end(Next::Never)
}

/// A release that was installed by other means counts as what it is.
fn preinstalled(o: &Observation, draft: &mut Draft, deployed: Option<&Record>) {
    let message = match deployed {
        Some(record) => {
            draft.status.resolved_version = Some(record.chart.version.clone());
            draft.status.app_version = record.chart.app_version.clone();
            format!(
                "release {} {} was installed by other means and is left alone",
                record.name, record.chart.version
            )
        }
        None => {
            let spec_version = o.component.spec.version.clone();
            if !spec_version.is_empty() {
                draft.status.resolved_version = Some(spec_version);
            }
            "marked as installed by other means; there is no Helm release of it, and the word of the annotation is taken"
                .to_owned()
        }
    };
    draft.ready(Reason::Preinstalled, &message);
    draft.phase(Phase::Suspended, &message);
}
