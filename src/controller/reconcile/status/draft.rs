//! A report while it is worked out.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

use crate::component::conditions::{ConditionStatus, ConditionType, Reason, condition, find};
use crate::component::{ComponentStatus, Phase};
use crate::controller::reconcile::observation::until;
use crate::controller::reconcile::retry;
use crate::controller::reconcile::status::{Count, Next, Notice, Remembers, Report};
use crate::ellipsis::within_bytes;

/// A report in the making. Its status starts as what the object has, so that whatever is not touched stays.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The fields, to be set directly; conditions and phase are set by the methods.
    pub status: ComponentStatus,
    /// What is to be remembered.
    pub remembers: Remembers,
    before: Vec<Condition>,
    generation: i64,
    now: Timestamp,
    events: Vec<Notice>,
    counts: Vec<Count>,
}

impl Draft {
    /// What a Component of this generation, with this status, says of itself now.
    pub fn new(status: ComponentStatus, generation: i64, now: Timestamp) -> Self {
        Self {
            before: status.conditions.clone(),
            generation,
            status,
            now,
            remembers: Remembers::default(),
            events: Vec::new(),
            counts: Vec::new(),
        }
    }

    /// The moment that everything set is of.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// What is set from now on is of this moment.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// How long until then; at least a moment.
    pub fn until(&self, then: Timestamp) -> Duration {
        until(self.now, then)
    }

    /// Something is told.
    pub fn tell(&mut self, notice: Notice) {
        self.events.push(notice);
    }

    /// As [`tell`](Self::tell), to go on with.
    #[must_use]
    pub fn tells(mut self, notice: Notice) -> Self {
        self.tell(notice);
        self
    }

    /// Something is counted.
    pub fn count(&mut self, count: Count) {
        self.counts.push(count);
    }

    /// Failures do not count any more, and no pause holds.
    pub fn forget_failures(&mut self) {
        retry::forget_failures(&mut self.status);
        self.remembers.forgets_failures = true;
    }

    /// The report; its events are told once it is written.
    pub fn end(self, next: Next) -> Report {
        Report {
            status: Some(self.status),
            is_news: false,
            events: self.events,
            has_happened: false,
            counts: self.counts,
            next,
            look: Next::Never,
            remembers: self.remembers,
        }
    }

    /// The report of something that leaves the status as it is.
    pub fn untold(self, next: Next) -> Report {
        Report {
            status: None,
            ..self.happened(next)
        }
    }

    /// The report of something that was done.
    pub fn happened(self, next: Next) -> Report {
        Report {
            has_happened: true,
            ..self.end(next)
        }
    }

    /// The report of something that is waited for, which may be written a little later.
    pub fn news(self, next: Next) -> Report {
        Report {
            is_news: true,
            ..self.end(next)
        }
    }

    /// Sets a condition; it keeps the time of its last transition while its status stays the same.
    pub fn set(
        &mut self,
        about: ConditionType,
        status: ConditionStatus,
        reason: Reason,
        message: &str,
    ) {
        // an empty text is refused by some API servers where a text is required
        let message = if message.is_empty() {
            reason.sentence()
        } else {
            message
        };
        let new = condition(
            about,
            status,
            reason,
            message,
            self.generation,
            &self.before,
            &Time(self.now),
        );
        let known = (self.status.conditions.iter_mut()).find(|known| known.type_ == new.type_);
        match known {
            Some(known) => *known = new,
            None => self.status.conditions.push(new),
        }
    }

    /// The condition holds.
    pub fn is_true(&mut self, about: ConditionType, reason: Reason, message: &str) {
        self.set(about, ConditionStatus::True, reason, message);
    }

    /// The condition does not hold.
    pub fn is_false(&mut self, about: ConditionType, reason: Reason, message: &str) {
        self.set(about, ConditionStatus::False, reason, message);
    }

    /// Removes conditions.
    pub fn clear(&mut self, gone: &[ConditionType]) {
        let is_gone = |known: &Condition| gone.iter().any(|about| known.type_ == about.as_str());
        self.status.conditions.retain(|known| !is_gone(known));
    }

    /// True if the condition is there with this status.
    pub fn has(&self, about: ConditionType, status: ConditionStatus) -> bool {
        find(&self.status.conditions, about).is_some_and(|known| known.status == status.as_str())
    }

    /// The message of a condition, if it is there.
    pub fn message_of(&self, about: ConditionType) -> Option<&str> {
        find(&self.status.conditions, about).map(|known| known.message.as_str())
    }

    /// Sets the phase and its message.
    pub fn phase(&mut self, phase: Phase, message: &str) {
        if self.status.phase.as_ref() != Some(&phase) {
            self.status.last_transition_time = Some(Time(self.now));
        }
        self.status.phase = Some(phase);
        self.status.message =
            Some(within_bytes(message, MAX_MESSAGE)).filter(|message| !message.is_empty());
    }

    /// Everything is as wanted: Ready for this reason, neither Reconciling nor Stalled.
    pub fn ready(&mut self, reason: Reason, message: &str) {
        self.is_true(ConditionType::Ready, reason, message);
        self.clear(&[ConditionType::Reconciling, ConditionType::Stalled]);
        self.settle();
    }

    /// Work is in progress: Ready is Unknown, and the generation not yet observed.
    pub fn progressing(&mut self, reason: Reason, message: &str) {
        let unknown = ConditionStatus::Unknown;
        self.set(ConditionType::Ready, unknown, Reason::Progressing, message);
        self.is_true(ConditionType::Reconciling, reason, message);
        self.clear(&[ConditionType::Stalled]);
    }

    /// It waits for something else, or for a retry: not Ready for `reason`, Reconciling for `waiting`.
    pub fn waiting(&mut self, reason: Reason, waiting: Reason, message: &str) {
        self.is_false(ConditionType::Ready, reason, message);
        self.is_true(ConditionType::Reconciling, waiting, message);
        self.clear(&[ConditionType::Stalled]);
        self.settle();
    }

    /// Stalled: nothing will happen until a user changes something.
    pub fn stalled(&mut self, reason: Reason, message: &str) {
        self.is_false(ConditionType::Ready, reason, message);
        self.is_true(ConditionType::Stalled, reason, message);
        self.clear(&[ConditionType::Reconciling]);
        self.settle();
    }

    /// The reconcile for this generation came to an end (docs/components.md 4.2).
    pub fn settle(&mut self) {
        self.status.observed_generation = Some(self.generation);
    }
}

/// The longest message beside the phase, in bytes: the conditions have the rest.
const MAX_MESSAGE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn draft(status: ComponentStatus, seconds: i64) -> Draft {
        Draft::new(status, 3, at(seconds))
    }

    #[test]
    fn the_same_words_make_the_same_status() {
        let mut first = draft(ComponentStatus::default(), 1);
        first.ready(Reason::InstallSucceeded, "installed");
        first.phase(Phase::Deployed, "installed");
        let mut second = draft(first.status.clone(), 99);
        second.ready(Reason::InstallSucceeded, "installed");
        second.phase(Phase::Deployed, "installed");
        assert_eq!(second.status, first.status);
    }

    #[test]
    fn work_in_progress_is_not_observed_yet() {
        let mut draft = draft(ComponentStatus::default(), 1);
        draft.progressing(Reason::WaitingForSlot, "waits for a slot");
        assert_eq!(draft.status.observed_generation, None);
        assert!(draft.has(ConditionType::Ready, ConditionStatus::Unknown));
        assert!(draft.has(ConditionType::Reconciling, ConditionStatus::True));
        draft.stalled(Reason::InvalidSpec, "");
        assert_eq!(draft.status.observed_generation, Some(3));
        assert!(!draft.has(ConditionType::Reconciling, ConditionStatus::True));
        assert_eq!(
            draft.message_of(ConditionType::Stalled),
            Some(Reason::InvalidSpec.sentence())
        );
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        let mut draft = draft(ComponentStatus::default(), 1);
        draft.phase(Phase::Failed, &"é".repeat(2000));
        let message = draft.status.message.unwrap();
        assert!(message.len() <= MAX_MESSAGE && message.ends_with('…'));
    }
}
