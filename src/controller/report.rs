//! The new status of a Component: one draft per pass, written only if it differs from the old one.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

use crate::component::conditions::{ConditionStatus, ConditionType, Reason, condition};
use crate::component::{Component, ComponentStatus, Phase};
use crate::ellipsis::within_bytes;

/// A status under construction. It starts as the object's status, so that fields which a pass does not set stay.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The fields, to be set directly; conditions and phase are set by the methods.
    pub status: ComponentStatus,
    before: Vec<Condition>,
    generation: i64,
    now: Timestamp,
}

impl Draft {
    /// The draft that starts as the status of `component`.
    pub fn of(component: &Component, now: Timestamp) -> Self {
        let status = component.status.clone().unwrap_or_default();
        Self {
            before: status.conditions.clone(),
            generation: component.metadata.generation.unwrap_or_default(),
            status,
            now,
        }
    }

    /// The time of the pass: its start, or the end of the last Helm operation in it.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Advances the time of the pass: conditions that are set from now on have this time.
    pub fn advance(&mut self, now: Timestamp) {
        self.now = now;
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

    /// The pass for this generation is complete (docs/components.md 4.2).
    pub fn settle(&mut self) {
        self.status.observed_generation = Some(self.generation);
    }
}

/// The condition of this type, if it is there.
pub fn find(conditions: &[Condition], about: ConditionType) -> Option<&Condition> {
    let mut of_type = conditions.iter();
    of_type.find(|known| known.type_ == about.as_str())
}

/// The most bytes of the phase's message; the conditions have the full text.
const MAX_MESSAGE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn component() -> Component {
        let mut component = Component::new("web", crate::component::ComponentSpec::default());
        component.metadata.generation = Some(3);
        component
    }

    #[test]
    fn the_same_words_make_the_same_status() {
        let mut component = component();
        let mut first = Draft::of(&component, at(1));
        first.ready(Reason::InstallSucceeded, "installed");
        first.phase(Phase::Deployed, "installed");
        component.status = Some(first.status.clone());

        let mut second = Draft::of(&component, at(99));
        second.ready(Reason::InstallSucceeded, "installed");
        second.phase(Phase::Deployed, "installed");
        assert_eq!(second.status, first.status);
    }

    #[test]
    fn work_in_progress_is_not_observed_yet() {
        let mut draft = Draft::of(&component(), at(1));
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
        let mut draft = Draft::of(&component(), at(1));
        draft.phase(Phase::Failed, &"é".repeat(2000));
        let message = draft.status.message.unwrap();
        assert!(message.len() <= MAX_MESSAGE && message.ends_with('…'));
    }
}
