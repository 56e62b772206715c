//! What is told of a release that is as wanted.

use crate::component::Phase;
use crate::component::conditions::{ConditionType, Reason, find};
use crate::controller::reconcile::decide::InSync;
use crate::controller::reconcile::observation::Observation;
use crate::controller::reconcile::status::{Draft, Next, Notice, Report};

/// Nothing has to be done to the release.
pub(super) fn in_sync(o: &Observation, mut draft: Draft, how: InSync) -> Report {
    let release = o.release(&o.target());
    let (Some(record), Some(chart)) = (release.and_then(|seen| seen.record()), o.resolved()) else {
        return draft.end(Next::Now);
    };
    let wanted = o.wanted(chart);
    let adopts = how == InSync::AdoptSuccess;
    if adopts || draft.status.observed_hash.as_deref() != Some(&wanted.hash.to_string()) {
        draft.note_revision(o, record, chart, wanted.hash);
    }
    draft.status.operation = None;
    draft.release(&o.target());
    draft.status.release_version = Some(record.revision);
    draft.status.observed_hash = Some(wanted.hash.to_string());
    draft.status.last_attempted = Some(o.attempt(chart, wanted.hash));
    draft.forget_failures();
    let message = format!(
        "{} is installed (release {}, revision {})",
        chart.title(),
        record.name,
        record.revision
    );
    if adopts {
        draft.tell(Notice::log(&message));
    }
    let reason = draft.success_reason(o, record.revision);
    draft.is_true(ConditionType::Released, reason, &message);
    draft.clear(&[ConditionType::Remediated]);
    draft.runs_as_wanted(reason, &message);
    draft.end(Next::Never)
}

impl Draft {
    /// The reason that stood for the success, or what it must have been.
    fn success_reason(&self, o: &Observation, revision: i64) -> Reason {
        let released = find(&self.status.conditions, ConditionType::Released);
        let is_of_this = o.status.release_version == Some(revision);
        let known = released.filter(|released| released.status == "True" && is_of_this);
        let known = known.and_then(|released| {
            let successes = [
                Reason::InstallSucceeded,
                Reason::UpgradeSucceeded,
                Reason::Adopted,
            ];
            let mut successes = successes.into_iter();
            successes.find(|reason| reason.as_str() == released.reason)
        });
        known.unwrap_or(if revision == 1 {
            Reason::InstallSucceeded
        } else {
            Reason::UpgradeSucceeded
        })
    }

    /// What is wanted runs, as `message` says for this reason: that is Ready, unless the last look at it found something.
    pub(super) fn runs_as_wanted(&mut self, reason: Reason, message: &str) {
        let about_health = self.told_of(ConditionType::Healthy, Reason::Unhealthy);
        let about_drift = self.told_of(ConditionType::Drifted, Reason::CorrectionFailed);
        let (matter, why) = match (about_health, about_drift) {
            (Some(named), _) => (Reason::Unhealthy, format!("not ready: {named}")),
            (None, Some(failures)) => {
                let why = format!("drift could not be put right: {failures}");
                (Reason::CorrectionFailed, why)
            }
            (None, None) => {
                self.ready(reason, message);
                self.phase(Phase::Deployed, message);
                return;
            }
        };
        let told = format!("{message}, but {why}");
        self.is_false(ConditionType::Ready, matter, &told);
        self.clear(&[ConditionType::Reconciling, ConditionType::Stalled]);
        self.settle();
        self.phase(Phase::Degraded, &told);
    }

    /// The message of a condition, if it is there for this reason.
    fn told_of(&self, about: ConditionType, reason: Reason) -> Option<String> {
        let known = find(&self.status.conditions, about);
        let known = known.filter(|known| known.reason == reason.as_str());
        known.map(|known| known.message.clone())
    }
}
