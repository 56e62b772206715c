//! What is told of an operation that did what it should: it is awaited, done, or a way back (docs/components.md 4.6 and 5.3).

use std::time::Duration;

use crate::component::conditions::{ConditionStatus, ConditionType, Reason, find};
use crate::component::status::{OperationKind, Revision as HistoryEntry};
use crate::component::{Phase, Wait};
use crate::controller::reconcile::decide::Action;
use crate::controller::reconcile::decide::release::last_known_good;
use crate::controller::reconcile::observation::{
    ChartFacts, Observation, Readiness, whole_seconds_after,
};
use crate::controller::reconcile::outcome::Outcome;
use crate::controller::reconcile::status::history::entry_of;
use crate::controller::reconcile::status::operation::{doing, phase_of, progress};
use crate::controller::reconcile::status::{Count, Draft, Next, Notice, Report};
use crate::release::owner;
use crate::release::record::{Record, Revision};
use crate::release::token::rollback_target;

/// A release whose readiness nobody awaited is looked at after this long.
const HEALTH_SOON: Duration = Duration::from_secs(5);

/// How soon readiness is looked at again, in milliseconds, until it has been awaited for so many seconds.
const POLLS: [(u64, u64); 3] = [(10, 500), (60, 1000), (u64::MAX, 2000)];

/// Helm has applied what it should, and not all of it is ready.
pub(super) fn awaits(o: &Observation, mut draft: Draft, kind: OperationKind) -> Report {
    let Some(operation) = &mut draft.status.operation else {
        return draft.end(Next::Now);
    };
    let ready_by = (operation.ready_by)
        .get_or_insert_with(|| o.after(o.timeout(kind)))
        .0;
    let waited = o.waited(kind, ready_by);
    if let Some(Readiness::NotReady(Some(objects))) = &o.readiness {
        draft.awaits(o, kind, objects);
        draft.remembers.told_progress = true;
    }
    let poll = (POLLS.iter())
        .find(|(until, _)| waited.as_secs() < *until)
        .map_or(1000, |(_, poll)| *poll);
    let poll = Duration::from_millis(poll);
    draft.end(Next::In(poll.min(o.until(ready_by))))
}

/// What was applied is ready.
pub(super) fn became_ready(o: &Observation, draft: Draft, kind: OperationKind) -> Report {
    let release = o.release(&o.target());
    let Some(record) = release.and_then(|release| release.record()) else {
        return draft.end(Next::Now);
    };
    if kind == OperationKind::Rollback {
        let revisions = release.map_or(&[][..], |release| &release.revisions);
        let good = last_known_good(revisions, &draft.status);
        let to = rollback_target(&record.description).or(good);
        return draft.rolled_back(o, to.unwrap_or_default(), record);
    }
    draft.succeeded(o, kind, record)
}

/// A rollback succeeded that nobody saw end.
pub(super) fn record_rollback(o: &Observation, mut draft: Draft, to: i64) -> Report {
    draft.status.operation = None;
    match o.release(&o.target()).and_then(|release| release.record()) {
        Some(record) => draft.rolled_back(o, to, record),
        None => draft.end(Next::Now),
    }
}

/// How a run of Helm ended.
pub(super) fn ran(o: &Observation, mut draft: Draft, outcome: &Outcome) -> Report {
    let Outcome::Ran(ran) = outcome else {
        return draft.end(Next::Never);
    };
    // a failure is one of now, and the next attempt is due so much later
    draft.advance(ran.now);
    if let Some(failure) = &ran.failure {
        return draft.failed(o, ran, failure);
    }
    let record = ran.record();
    let Some(record) = record.filter(|_| ran.kind != OperationKind::Uninstall) else {
        // a removal before an install, which is next, as if for the first time
        draft.status.operation = None;
        draft.status.history.clear();
        draft.progressing(Reason::Progressing, "what a failed install left is removed");
        return draft.happened(Next::Now);
    };
    draft.status.release_version = Some(record.revision);
    if let Readiness::NotReady(objects) = &ran.readiness {
        let timeout = o.timeout(ran.kind);
        if let Some(operation) = &mut draft.status.operation {
            operation.ready_by = Some(whole_seconds_after(ran.now, timeout));
        }
        draft.awaits(o, ran.kind, objects.as_deref().unwrap_or_default());
        return draft.happened(Next::In(Duration::from_millis(POLLS[0].1)));
    }
    match ran.action {
        Some(Action::Rollback { to } | Action::Reapply { to }) => draft.rolled_back(o, to, record),
        _ => draft.succeeded(o, ran.kind, record),
    }
}

impl Draft {
    /// What is being done waits for these objects.
    pub(super) fn awaits(&mut self, o: &Observation, kind: OperationKind, objects: &str) {
        let chart = o.resolved().map(ChartFacts::title).unwrap_or_default();
        let mut doing = doing(kind, &chart, None);
        let failures = self.status.failures.unwrap_or_default();
        if kind != OperationKind::Rollback
            && failures.install + failures.upgrade > 0
            && self.has(ConditionType::Released, ConditionStatus::False)
            && let Some(cause) = self.message_of(ConditionType::Released)
        {
            doing = format!("{doing}; last time: {cause}");
        }
        // it may have been suspended meanwhile
        self.phase(phase_of(kind), &doing);
        progress(self, &doing, Some(objects).filter(|text| !text.is_empty()));
    }

    pub(super) fn succeeded(
        mut self,
        o: &Observation,
        kind: OperationKind,
        record: &Record,
    ) -> Report {
        let Some(chart) = o.resolved() else {
            return self.end(Next::Now);
        };
        let wanted = o.wanted(chart);
        let (reason, word) = self.success(o, kind, record);
        self.status.operation = None;
        self.status.release_version = Some(record.revision);
        self.note_revision(o, record, chart, wanted.hash);
        let message = format!(
            "{} is installed (release {}, revision {})",
            chart.title(),
            record.name,
            record.revision
        );
        self.forget_failures();
        self.status.observed_hash = Some(wanted.hash.to_string());
        self.is_true(ConditionType::Released, reason, &message);
        self.clear(&[ConditionType::Remediated]);
        self.ready(reason, &message);
        self.phase(Phase::Deployed, &message);
        let is_awaited = wanted.waits.after(kind, record.revision);
        self.made_anew(o, is_awaited);
        let interval = o.component.spec.interval.get();
        self.count(Count::Operation(kind, true, reason));
        let action = format!("{word}/{}", &wanted.hash.short()[..8]);
        self.tell(Notice::normal(reason, action, &message));
        if is_awaited {
            // should the status not be written, the next reconcile finds it ready, and tells it then
            self.end(Next::About(interval))
        } else {
            self.happened(Next::In(HEALTH_SOON))
        }
    }

    /// All objects were applied: they are as installed, and ready if that was awaited; else that is soon looked at.
    fn made_anew(&mut self, o: &Observation, is_awaited: bool) {
        self.clear(&[ConditionType::Drifted]);
        self.remembers.made_anew = Some(is_awaited);
        if is_awaited {
            self.is_true(ConditionType::Healthy, Reason::Healthy, "");
        } else {
            let interval = o.component.spec.interval.get();
            // else it is due as after a start, at some time within the interval
            self.remembers.checked = Some(interval.saturating_sub(HEALTH_SOON));
        }
    }

    /// What a success is called: that of a release which nobody here managed before is an adoption.
    fn success(
        &self,
        o: &Observation,
        kind: OperationKind,
        record: &Record,
    ) -> (Reason, &'static str) {
        let older = (o.release(&o.target()).into_iter())
            .flat_map(|release| &release.revisions)
            .filter(|revision| revision.number < record.revision);
        let mark = owner::mark(&o.key);
        let is_ours = |revision: &Revision| {
            revision.operation.is_some() && (revision.owner.is_none() || revision.owner == mark)
        };
        let is_managed = !self.status.history.is_empty() || older.clone().any(is_ours);
        if !is_managed && older.count() > 0 {
            return (Reason::Adopted, "Adopt");
        }
        match kind {
            OperationKind::Install => (Reason::InstallSucceeded, "Install"),
            _ => (Reason::UpgradeSucceeded, "Upgrade"),
        }
    }

    /// Of what the upgrade failed, if it can only fail of that again until something changes.
    fn failed_of(&self) -> Reason {
        let released = find(&self.status.conditions, ConditionType::Released);
        let failed = released.filter(|released| released.status == "False");
        let mut reasons = Reason::ALL.iter().filter(|reason| {
            ConditionType::Stalled.permits(ConditionStatus::True, **reason)
                && failed.is_some_and(|failed| failed.reason == reason.as_str())
        });
        reasons.next().copied().unwrap_or(Reason::UpgradeFailed)
    }

    /// The last good revision runs again; what is wanted does not.
    pub(super) fn rolled_back(mut self, o: &Observation, to: i64, record: &Record) -> Report {
        self.status.operation = None;
        let message = format!(
            "release {} is back at what revision {to} was (now revision {})",
            record.name, record.revision
        );
        let told = format!("{}; {message}", self.failed_for());
        let failed = self.failed_of();
        let reason = Reason::RollbackSucceeded;
        self.is_true(ConditionType::Released, reason, &told);
        self.status.release_version = Some(record.revision);
        let mut history = self.status.history.iter();
        let made_of = history.find(|entry| entry.revision == to).cloned();
        self.remember(
            o,
            HistoryEntry {
                chart_digest: made_of.as_ref().and_then(|to| to.chart_digest.clone()),
                values_digest: made_of.as_ref().and_then(|to| to.values_digest.clone()),
                hash: made_of.and_then(|to| to.hash),
                ..entry_of(record)
            },
        );
        self.is_true(ConditionType::Remediated, reason, &message);
        self.made_anew(o, o.component.spec.rollback.wait != Wait::HookOnly);
        self.waiting(failed, Reason::ProgressingWithRetry, &told);
        self.phase(Phase::Degraded, &told);
        self.count(Count::Operation(OperationKind::Rollback, true, reason));
        let hash = o.resolved().map(|chart| o.wanted(chart).hash.short());
        let action = format!(
            "Rollback/{}",
            &hash.unwrap_or_default().get(..8).unwrap_or("")
        );
        self.tells(Notice::normal(reason, action, &message))
            .happened(Next::Now)
    }
}
