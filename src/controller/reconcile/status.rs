//! What a Component says of itself after a reconcile: a function of what was observed, decided and done
//! (docs/components.md 13). Pure, and the one place where a status is made.

mod draft;
mod failure;
mod history;
mod installed;
mod kept;
mod leaving;
mod look;
mod moving;
mod operation;
mod success;
mod waiting;

use std::time::Duration;

use crate::component::conditions::{ConditionStatus, ConditionType, Reason};
use crate::component::names::annotation;
use crate::component::status::OperationKind;
use crate::component::{Component, ComponentStatus};
use crate::controller::reconcile::decide::Decision;
use crate::controller::reconcile::observation::{ChartFacts, ChartState, Observation};
use crate::controller::reconcile::outcome::Outcome;
use crate::ellipsis::within_bytes;
use crate::planner::Verdict;
use crate::release::helm::FailureClass;

pub use self::draft::Draft;
pub use self::operation::{begin, begin_dry_run, begin_uninstall, progress};
pub use self::waiting::unreadable_name;

/// News about what is waited for are written so often at most.
pub const NEWS: Duration = Duration::from_secs(2);

/// What comes of one reconcile.
#[derive(Clone, Debug)]
pub struct Report {
    /// The status to write, if it says something new; `None` leaves it as it is.
    pub status: Option<ComponentStatus>,
    /// True if it only tells what is waited for: then it may be written a little later.
    pub is_news: bool,
    /// What happened, for events and the log.
    pub events: Vec<Notice>,
    /// True if the events are of something that was done, and so are sent even if the status cannot be written.
    pub has_happened: bool,
    /// For the metrics.
    pub counts: Vec<Count>,
    /// When to look again without being woken.
    pub next: Next,
    /// When to look at what runs, should that be earlier.
    pub look: Next,
    /// What this process is to remember of it.
    pub remembers: Remembers,
}

/// What a process remembers of a Component because of a report.
#[derive(Clone, Debug, Default)]
pub struct Remembers {
    /// A dry run of the wanted release went well.
    pub tried: bool,
    /// An operation begins.
    pub begins: bool,
    /// Nothing of what was done to the release counts any more.
    pub forgets_release: bool,
    /// Failures do not count any more, so that no pause holds.
    pub forgets_failures: bool,
    /// The release was made anew: nothing is known of drift, and health is known from the wait if `true`.
    pub made_anew: Option<bool>,
    /// Drift and health count as looked at this long ago.
    pub checked: Option<Duration>,
    /// No drift is there that was told.
    pub drift_is_over: bool,
    /// It was told what is waited for.
    pub told_progress: bool,
    /// Helm is not run again before the pause is over.
    pub pauses: bool,
    /// The Component waits for a slot.
    pub queued: bool,
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Not by itself.
    Never,
    /// At once.
    Now,
    /// After this time.
    In(Duration),
    /// After this time, give or take a tenth.
    About(Duration),
    /// After `--safety-poll`, give or take a tenth.
    SafetyPoll,
    /// Something could not be reached: pauses grow, up to this one.
    Transient(Option<Duration>),
    /// Somebody else has to delete something first: pauses grow.
    Patience,
}

/// Something to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Something failed, and is tried again.
    Retry(FailureClass),
    /// An operation ended.
    Operation(OperationKind, bool, Reason),
    /// A dependency is in the way.
    Blocked(Reason),
    /// Drift, in this mode, with this result.
    Drift(&'static str, &'static str),
}

/// A line of the log, and mostly an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// Why, in a word.
    pub reason: Reason,
    /// What was being done.
    pub action: String,
    /// What happened.
    pub note: String,
    /// If it is said only once: what it is said of. It is said again when that is another.
    pub once: Option<String>,
}

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Somebody should look.
    Warning,
    /// An event.
    Normal,
    /// In the log alone.
    Log,
}

impl Notice {
    fn new(level: Level, reason: Reason, action: impl Into<String>, note: &str) -> Self {
        Self {
            level,
            reason,
            action: action.into(),
            note: note.to_owned(),
            once: None,
        }
    }

    pub(super) fn warning(reason: Reason, action: impl Into<String>, note: &str) -> Self {
        Self::new(Level::Warning, reason, action, note)
    }

    pub(super) fn normal(reason: Reason, action: impl Into<String>, note: &str) -> Self {
        Self::new(Level::Normal, reason, action, note)
    }

    fn log(note: &str) -> Self {
        Self::new(Level::Log, Reason::Progressing, "", note)
    }
}

/// What is told of a Component after this decision and its outcome.
pub fn report(o: &Observation, decision: &Decision, outcome: &Outcome) -> Report {
    let mut draft = known(o, decision);
    let look = draft.look(o, decision, outcome);
    let report = told(o, decision, outcome, draft);
    Report {
        // what a look showed is told now
        is_news: report.is_news && o.installed.is_none(),
        has_happened: report.has_happened || matches!(outcome, Outcome::Corrected { .. }),
        look,
        ..report
    }
}

/// What is told of this decision.
fn told(o: &Observation, decision: &Decision, outcome: &Outcome, draft: Draft) -> Report {
    match decision {
        Decision::Read(_) | Decision::Nothing => draft.untold(Next::Never),
        Decision::AddFinalizer | Decision::Disown => draft.untold(Next::Now),
        Decision::Collect => leaving::collected(draft),
        Decision::LeaveAlone => waiting::left_alone(o, draft),
        Decision::Stall { reason, message } => waiting::stalled(o, draft, *reason, message),
        Decision::RefuseChart { reason, message } => {
            waiting::chart_refused(o, draft, *reason, message)
        }
        Decision::AwaitChart { reason, message } => {
            waiting::chart_awaited(o, draft, *reason, message)
        }
        Decision::Block {
            reason,
            message,
            is_stuck,
        } => waiting::blocked(o, draft, *reason, message, *is_stuck),
        Decision::Queue { why, slots } => waiting::queued(o, draft, why, *slots),
        Decision::Pause(rest) => waiting::paused(draft, *rest),
        Decision::Wait {
            reason,
            message,
            class,
            until,
        } => waiting::wait(o, draft, *reason, message, *class, *until),
        Decision::Hold {
            reason,
            message,
            recheck,
        } => waiting::held(o, draft, *reason, message, *recheck),
        Decision::Unlock { revision, event } => waiting::unlocked(draft, *revision, event),
        Decision::SetAside { revision } => waiting::set_aside(o, draft, *revision),
        Decision::InSync { how } => installed::in_sync(o, draft, *how),
        Decision::AwaitReady { kind, .. } => success::awaits(o, draft, *kind),
        Decision::Succeed { kind, .. } => success::became_ready(o, draft, *kind),
        Decision::FailUnready { kind, objects, .. } => {
            failure::not_ready_in_time(o, draft, *kind, objects)
        }
        Decision::Interrupt { kind, .. } => failure::interrupted(o, draft, *kind),
        Decision::CountFailure {
            kind,
            class,
            message,
            ..
        } => failure::count_failure(o, draft, *kind, *class, message),
        Decision::RecordRollback { to, .. } => success::record_rollback(o, draft, *to),
        Decision::Run { .. } => success::ran(o, draft, outcome),
        Decision::AwaitDependents { names } => leaving::await_dependents(draft, names),
        Decision::KeepForDependents { names, what } => {
            leaving::keep_for_dependents(o, draft, names, what)
        }
        Decision::Uninstall { key, .. } => leaving::uninstalled(o, draft, key, outcome),
        Decision::QueueUninstall => leaving::queued(draft),
        Decision::AwaitUninstall {
            reason,
            message,
            until,
        } => leaving::awaits_uninstall(o, draft, *reason, message, *until),
        Decision::AwaitGone { left, .. } => leaving::awaits_gone(draft, left),
        Decision::RemoveFinalizer { note } => leaving::deleted(draft, note),
        Decision::ForgetOld => leaving::forgets_old(o, draft),
        Decision::Disabled { note } => leaving::disabled(o, draft, note.as_deref()),
        Decision::StayDisabled { is_recreated } => leaving::stays_disabled(o, draft, *is_recreated),
        Decision::TryNew => moving::tried(o, draft, outcome),
        Decision::CannotMove {
            class,
            reason,
            message,
            until,
        } => moving::stays(o, draft, (*class, *reason, message), *until),
        Decision::Moved { note, .. } => moving::moved(o, draft, note),
    }
}

/// The status of the Component with what is known of it, whatever is decided.
fn known(o: &Observation, decision: &Decision) -> Draft {
    let mut draft = Draft::new(o.status.clone(), o.generation(), o.now);
    draft.kept_definitions(o);
    let is_deleting = o.is_deleting();
    if !is_deleting && (o.component.is_left_alone() || o.is_acted_on()) {
        draft.status.required_by.clone_from(&o.plan.required_by);
    }
    if (o.plan.old.is_some() || *decision == Decision::LeaveAlone)
        && let Some(operation) = &mut draft.status.operation
    {
        // nobody looks whether it becomes ready: who looks again begins anew
        operation.ready_by = None;
    }
    if let Some(ChartState::Resolved(chart)) = &o.chart {
        draft.chart(chart);
        draft.values(&o.component);
    }
    if let Some(gate) = &o.gate {
        draft.status.dependencies.clone_from(&gate.dependencies);
        let about = ConditionType::DependenciesReady;
        match &gate.verdict {
            Verdict::Ready { reason, message } => draft.is_true(about, *reason, message),
            Verdict::Waiting { reason, message } | Verdict::Stalled { reason, message } => {
                draft.is_false(about, *reason, message);
            }
        }
    }
    let is_freed =
        matches!(o.plan.removal, crate::planner::Removal::Free) || o.namespace_ends == Some(true);
    let is_leaving = is_deleting || !o.component.spec.enabled;
    if is_leaving
        && is_freed
        && !matches!(
            decision,
            Decision::StayDisabled { .. } | Decision::Stall { .. }
        )
    {
        draft.clear(&[ConditionType::Stalled]);
    }
    // the second way back cannot be begun
    if let Some(Some(why)) = &o.reapply {
        let (about, reason) = (ConditionType::Remediated, Reason::RollbackFailed);
        if !o.says(about, reason, why) {
            draft.tell(Notice::warning(reason, "Rollback", why));
        }
        draft.is_false(about, reason, why);
        draft.phase(crate::component::Phase::Degraded, why);
    }
    draft
}

impl Draft {
    /// Where the values are from, and what kubectl has lost of them on their way.
    fn values(&mut self, component: &Component) {
        let annotations = component.metadata.annotations.as_ref();
        let dropped = annotations.and_then(|all| all.get(annotation::DROPPED_NULLS));
        let mut message = "values are those of spec.values".to_owned();
        if let Some(places) = dropped {
            let places = within_bytes(places, 256);
            message += &format!(
                "; kubectl apply has dropped the null of {places}, so that the chart's default stays: use kubectl apply \
                 --server-side"
            );
        }
        let about = ConditionType::ValuesResolved;
        self.is_true(about, Reason::ValuesResolved, &message);
    }

    /// The chart that the spec means.
    fn chart(&mut self, chart: &ChartFacts) {
        let about = ConditionType::ChartResolved;
        match &chart.instead {
            None => {
                let message = format!("{} (sha256:{})", chart.title(), chart.digest);
                self.is_true(about, Reason::ChartResolved, &message);
            }
            Some((reason, message)) => self.is_false(about, *reason, message),
        }
        self.status.resolved_version = Some(chart.version.clone());
        self.status.chart_digest = Some(format!("sha256:{}", chart.digest));
        self.status.app_version = Some(chart.app_version.clone()).filter(|text| !text.is_empty());
    }
}

/// Reasons that the condition Released knows; `otherwise` in the place of one that it does not.
fn released_reason(reason: Reason, otherwise: Reason) -> Reason {
    if ConditionType::Released.permits(ConditionStatus::False, reason) {
        reason
    } else {
        otherwise
    }
}

/// Reasons that may stand in Stalled; others are spelled as the spec's.
fn stalled_reason(reason: Reason) -> Reason {
    if ConditionType::Stalled.permits(ConditionStatus::True, reason) {
        reason
    } else {
        Reason::InvalidSpec
    }
}
