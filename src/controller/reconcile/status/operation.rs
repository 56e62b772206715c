//! What is told of an operation: that it begins, what it waits for, and how it ended (docs/components.md 5.3 and 7).

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;

use crate::component::Phase;
use crate::component::conditions::{ConditionStatus, ConditionType, Reason, find};
use crate::component::spec_hash::SpecHash;
use crate::component::status::{Failures, Operation, OperationKind, Revision as HistoryEntry};
use crate::controller::reconcile::decide::release::{is_cut_off, last_known_good, remember};
use crate::controller::reconcile::decide::{Action, Decision, Why};
use crate::controller::reconcile::observation::{
    ChartFacts, Observation, Readiness, whole_seconds_after,
};
use crate::controller::reconcile::outcome::{Ran, superseded};
use crate::controller::reconcile::retry;
use crate::controller::reconcile::status::{
    Count, Draft, Next, Report, Told, known, released_reason, stalled_reason,
};
use crate::release::helm::{Failure, FailureClass, failed, not_ready};
use crate::release::operation::ReleaseKey;
use crate::release::owner;
use crate::release::record::{Record, ReleaseStatus, Revision};
use crate::release::token::rollback_target;

/// The longest note of an event that quotes Helm, in bytes.
const MAX_QUOTE: usize = 1000;

/// An installed release whose readiness nobody awaited is looked at after this long.
const HEALTH_SOON: Duration = Duration::from_secs(5);

/// How soon readiness is looked at again, by how long it has been awaited.
const POLLS: [(u64, u64); 3] = [(10, 500), (60, 1000), (u64::MAX, 2000)];

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
    draft.tell(Told::log(&doing));
    if matches!(why, Why::Foreign | Why::RemovedOutside) {
        let action = format!("{}/{from_revision}", kind.as_str());
        draft.tell(Told::warning(Reason::Unmanaged, action, &why.to_string()));
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
    draft.tells(Told::log(&doing)).end(Next::Now)
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
    draft.tells(Told::log(&doing)).end(Next::Now)
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
fn doing(kind: OperationKind, chart: &str, why: Option<Why>) -> String {
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

fn phase_of(kind: OperationKind) -> Phase {
    match kind {
        OperationKind::Install | OperationKind::Test => Phase::Installing,
        OperationKind::Upgrade => Phase::Upgrading,
        OperationKind::Rollback => Phase::RollingBack,
        OperationKind::Uninstall => Phase::Uninstalling,
    }
}

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

/// What was applied was not ready in time; its revision is marked as failed.
pub(super) fn not_ready_in_time(
    o: &Observation,
    mut draft: Draft,
    kind: OperationKind,
    objects: &str,
) -> Report {
    draft.status.operation = None;
    let release = o.release(&o.target());
    let record = release.and_then(|release| release.record());
    let number = record.map_or(0, |record| record.revision);
    if let Some(record) = record {
        draft.note_failed(o, record);
    }
    draft.failed_attempt(o, kind, &not_ready(kind, objects), number, "")
}

/// What was waited for is no longer wanted; its revision is marked as interrupted.
pub(super) fn interrupted(o: &Observation, mut draft: Draft, kind: OperationKind) -> Report {
    draft.status.operation = None;
    let record = o.release(&o.target()).and_then(|release| release.record());
    if let Some(record) = record {
        draft.note_failed(o, record);
    }
    draft.put_off(kind, &superseded())
}

/// An operation failed that nobody saw end.
pub(super) fn count_failure(
    o: &Observation,
    mut draft: Draft,
    kind: OperationKind,
    class: FailureClass,
    message: &str,
) -> Report {
    draft.status.operation = None;
    let record = o.release(&o.target()).and_then(|release| release.record());
    if let Some(record) = record.filter(|record| record.status == ReleaseStatus::Failed) {
        draft.note_failed(o, record);
    }
    draft.tell(Told::log(message));
    if class == FailureClass::Interrupted {
        draft.progressing(Reason::Progressing, message);
    } else {
        draft.count_failure(o, class, kind, failed(kind), message);
    }
    draft.end(Next::Now)
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
pub(super) fn ran(o: &Observation, mut draft: Draft, ran: &Ran) -> Report {
    // a failure is one of now, and the next attempt is due so much later
    draft.advance(ran.now);
    if let Some(failure) = &ran.failure {
        return draft.failed(o, ran, failure);
    }
    let Some(record) = ran.record() else {
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

/// What a record says of a revision.
fn entry_of(record: &Record) -> HistoryEntry {
    let app_version = record.chart.app_version.clone();
    HistoryEntry {
        revision: record.revision,
        chart_version: record.chart.version.clone(),
        app_version: app_version.filter(|text| !text.is_empty()),
        chart_digest: None,
        values_digest: None,
        hash: None,
        status: record.status.as_str().to_owned(),
        first_deployed: record.first_deployed.map(Time),
        last_deployed: record.last_deployed.map(Time),
    }
}

impl Draft {
    /// What is being done waits for these objects.
    fn awaits(&mut self, o: &Observation, kind: OperationKind, objects: &str) {
        let chart = o.resolved().map(ChartFacts::title).unwrap_or_default();
        let mut doing = doing(kind, &chart, None);
        if kind != OperationKind::Rollback
            && self.has(ConditionType::Released, ConditionStatus::False)
            && let Some(cause) = self.message_of(ConditionType::Released)
        {
            doing = format!("{doing}; last time: {cause}");
        }
        // it may have been suspended meanwhile
        self.phase(phase_of(kind), &doing);
        progress(self, &doing, Some(objects).filter(|text| !text.is_empty()));
    }

    fn succeeded(mut self, o: &Observation, kind: OperationKind, record: &Record) -> Report {
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
        self.clear(&[ConditionType::Remediated, ConditionType::Drifted]);
        self.ready(reason, &message);
        self.phase(Phase::Deployed, &message);
        let is_awaited = wanted.waits.after(kind, record.revision);
        if is_awaited {
            self.is_true(ConditionType::Healthy, Reason::Healthy, "");
        }
        self.remembers.made_anew = Some(is_awaited);
        let interval = o.component.spec.interval.get();
        if !is_awaited {
            // else it is due as after a start, at some time within the interval
            self.remembers.checked = Some(interval.saturating_sub(HEALTH_SOON));
        }
        self.count(Count::Operation(kind, true, reason));
        let action = format!("{word}/{}", &wanted.hash.short()[..8]);
        self.tell(Told::normal(reason, action, &message));
        self.happened(if is_awaited {
            Next::About(interval)
        } else {
            Next::In(HEALTH_SOON)
        })
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

    /// The last good revision runs again; what is wanted does not.
    fn rolled_back(mut self, o: &Observation, to: i64, record: &Record) -> Report {
        self.status.operation = None;
        let message = format!(
            "release {} is back at what revision {to} was (now revision {})",
            record.name, record.revision
        );
        let told = format!("{}; {message}", self.failed_for());
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
        self.waiting(Reason::UpgradeFailed, Reason::ProgressingWithRetry, &told);
        self.phase(Phase::Degraded, &told);
        self.count(Count::Operation(OperationKind::Rollback, true, reason));
        let hash = o.resolved().map(|chart| o.wanted(chart).hash.short());
        let action = format!(
            "Rollback/{}",
            &hash.unwrap_or_default().get(..8).unwrap_or("")
        );
        self.tells(Told::normal(reason, action, &message))
            .happened(Next::Now)
    }

    /// Why the upgrade failed, in the words that it was told with.
    fn failed_for(&self) -> String {
        [ConditionType::Released, ConditionType::Ready]
            .into_iter()
            .filter(|about| self.has(*about, ConditionStatus::False))
            .find_map(|about| self.message_of(about))
            .unwrap_or("the upgrade failed")
            .to_owned()
    }

    /// The operation did not do what it should.
    fn failed(mut self, o: &Observation, ran: &Ran, failure: &Failure) -> Report {
        let began = self.status.operation.take();
        let newest = ran.record();
        let cut_off =
            newest.filter(|record| is_cut_off(began.as_ref(), &ran.release.revisions, record));
        if let Some(record) = cut_off {
            // Helm ended without a word in the release: it is known to be ours, and over
            self.note_failed(o, record);
        }
        match failure.class {
            FailureClass::Interrupted | FailureClass::DecideAgain => {
                self.put_off(ran.kind, failure)
            }
            FailureClass::Transient => self.unreachable(ran.kind, failure),
            FailureClass::Attempt | FailureClass::Terminal => {
                if let Some(record) = newest.filter(|it| it.status == ReleaseStatus::Failed) {
                    self.note_failed(o, record);
                }
                let named = match &ran.unready {
                    Some(unready) => Failure {
                        message: format!("{}; not ready: {unready}", failure.message),
                        ..failure.clone()
                    },
                    None => failure.clone(),
                };
                self.failed_attempt(o, ran.kind, &named, ran.release.number(), &ran.said)
            }
        }
    }

    /// The operation is decided on again.
    fn put_off(mut self, kind: OperationKind, failure: &Failure) -> Report {
        let Failure {
            class,
            reason,
            message,
        } = failure;
        self.count(Count::Operation(kind, false, *reason));
        self.progressing(Reason::Progressing, message);
        self.tells(Told::normal(*reason, kind.as_str(), message))
            .happened(if *class == FailureClass::DecideAgain {
                // a state that stays another than Helm thinks must not keep a core busy
                Next::Transient(None)
            } else {
                Next::In(Duration::from_millis(100))
            })
    }

    /// Something could not be reached.
    fn unreachable(mut self, kind: OperationKind, failure: &Failure) -> Report {
        let Failure {
            class,
            reason,
            message,
        } = failure;
        self.count(Count::Operation(kind, false, *reason));
        self.count(Count::Retry(*class));
        self.remembers.pauses = true;
        if kind == OperationKind::Rollback {
            // why there is a rollback at all is still to be read
            let about = ConditionType::Remediated;
            self.is_false(about, Reason::RollbackFailed, message);
            self.phase(Phase::Degraded, message);
        } else {
            if !self.tells_of_an_attempt() {
                let released = released_reason(*reason, failed(kind));
                self.is_false(ConditionType::Released, released, message);
            }
            self.waiting(*reason, Reason::Progressing, message);
            self.phase(Phase::Pending, message);
        }
        self.tells(Told::warning(*reason, kind.as_str(), message))
            .happened(Next::Transient(None))
    }

    /// The attempt failed, and counts.
    fn failed_attempt(
        mut self,
        o: &Observation,
        kind: OperationKind,
        failure: &Failure,
        revision: i64,
        said: &str,
    ) -> Report {
        let Failure {
            class,
            reason,
            message,
        } = failure;
        self.count(Count::Operation(kind, false, *reason));
        self.count_failure(o, *class, kind, *reason, message);
        let action = format!("{}/{revision}", kind.as_str());
        self.tell(Told::warning(*reason, action.clone(), message));
        let said = said.trim();
        if !said.is_empty() {
            let start = said.ceil_char_boundary(said.len().saturating_sub(MAX_QUOTE));
            self.tell(Told::warning(Reason::HelmOutput, action, &said[start..]));
        }
        self.happened(Next::In(Duration::from_millis(10)))
    }

    /// True if the condition Released says why an attempt failed: what could not be reached later must not hide that.
    fn tells_of_an_attempt(&self) -> bool {
        let failures = self.status.failures.unwrap_or_default();
        let released = find(&self.status.conditions, ConditionType::Released);
        failures.install + failures.upgrade > 0
            && released.is_some_and(|released| {
                released.status == "False" || released.reason == Reason::RollbackSucceeded.as_str()
            })
    }

    /// Notes a failed attempt: counters, times and conditions.
    fn count_failure(
        &mut self,
        o: &Observation,
        class: FailureClass,
        kind: OperationKind,
        reason: Reason,
        message: &str,
    ) {
        self.schedule_retry(class, kind, o.jitter);
        if kind == OperationKind::Rollback {
            self.is_false(ConditionType::Remediated, Reason::RollbackFailed, message);
            let told = self.failed_for();
            self.waiting(Reason::UpgradeFailed, Reason::ProgressingWithRetry, &told);
            self.phase(Phase::Degraded, message);
            return;
        }
        let released = released_reason(reason, failed(kind));
        self.is_false(ConditionType::Released, released, message);
        // what became of an earlier way back says nothing of the next
        self.clear(&[ConditionType::Remediated]);
        if class == FailureClass::Terminal {
            self.stalled(stalled_reason(reason), message);
            self.is_false(ConditionType::Ready, reason, message);
            self.phase(Phase::Stalled, message);
        } else {
            self.waiting(reason, Reason::ProgressingWithRetry, message);
            self.phase(Phase::Failed, message);
        }
    }

    /// Notes that something failed, and when it is tried again.
    pub(super) fn schedule_retry(
        &mut self,
        class: FailureClass,
        kind: OperationKind,
        jitter: f64,
    ) -> Timestamp {
        let update = retry::after_failure(&self.status, class, kind, self.now(), jitter);
        self.count(Count::Retry(class));
        let status = &mut self.status;
        status.failures = Some(update.failures).filter(|failures| *failures != Failures::default());
        status.retry_count = Some(update.retry_count).filter(|count| *count > 0);
        status.next_retry_time = Some(Time(update.next_retry));
        status.last_failure_time = update.last_failure.map(Time);
        update.next_retry
    }

    /// Writes a finished revision into the history.
    pub(super) fn note_revision(
        &mut self,
        o: &Observation,
        record: &Record,
        chart: &ChartFacts,
        hash: SpecHash,
    ) {
        let values = crate::component::spec_hash::values_digest(&o.component.spec.values);
        self.remember(
            o,
            HistoryEntry {
                chart_digest: Some(format!("sha256:{}", chart.digest)),
                values_digest: Some(format!("sha256:{values}")),
                hash: Some(hash.to_string()),
                ..entry_of(record)
            },
        );
    }

    /// Writes a revision that did not end well into the history, so that nobody takes it for a good one later.
    fn note_failed(&mut self, o: &Observation, record: &Record) {
        self.remember(
            o,
            HistoryEntry {
                status: ReleaseStatus::Failed.as_str().to_owned(),
                ..entry_of(record)
            },
        );
    }

    fn remember(&mut self, o: &Observation, entry: HistoryEntry) {
        let limit = o.component.spec.history_limit.clamp(1, 100) as usize;
        self.status.history = remember(&self.status.history, entry, limit);
    }
}
