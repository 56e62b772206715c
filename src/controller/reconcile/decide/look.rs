//! What runs is looked at each interval, whatever is in the way of the next version (docs/components.md 8 and 9).

use std::time::Duration;

use k8s_openapi::jiff::SignedDuration;

use crate::component::ComponentStatus;
use crate::component::conditions::{ConditionStatus, ConditionType, find};
use crate::controller::reconcile::decide::release::{is_managed, was_good};
use crate::controller::reconcile::decide::{Decision, Look, Read};
use crate::controller::reconcile::observation::{Observation, Release};
use crate::release::operation::ReleaseKey;
use crate::release::record::ReleaseStatus;

/// An unhealthy release is looked at again after this long.
const UNHEALTHY: Duration = Duration::from_secs(5);
/// One that has been unhealthy for this long is looked at as rarely as any other.
const UNHEALTHY_FOR: SignedDuration = SignedDuration::from_mins(2);

/// What runs while a decision is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Runs {
    /// It is being changed: nobody looks.
    Changes,
    /// Nothing, or nothing of this Component.
    Nothing,
    /// The release has to be read to know.
    Unknown(ReleaseKey),
    /// This is to be looked at when it is time.
    Deployed(Look),
}

/// When what runs is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Now.
    Now,
    /// After this time.
    In(Duration),
    /// After this time: this process has not looked yet, and after a start all at once would be too many.
    Spread(Duration),
}

/// What has to be read before this decision, because it is time to look at what runs.
pub(super) fn due(o: &Observation, decision: &Decision) -> Option<Read> {
    if o.installed.is_some() || o.next_check() != Check::Now {
        return None;
    }
    match runs(o, decision) {
        Runs::Changes | Runs::Nothing => None,
        Runs::Unknown(key) => Some(Read::Release { key, fresh: false }),
        Runs::Deployed(look) => Some(Read::Installed(look)),
    }
}

/// What runs while this decision is carried out.
pub fn runs(o: &Observation, decision: &Decision) -> Runs {
    if !rests(decision) {
        return Runs::Changes;
    }
    let key = match &o.plan.old {
        Some(old) if old.claimant.is_some() => return Runs::Nothing,
        Some(old) => old.key.clone(),
        None if o.plan.release_owner.is_some() => return Runs::Nothing,
        None => o.target(),
    };
    let Some(release) = o.release(&key) else {
        return Runs::Unknown(key);
    };
    let look = |revision, unfinished, corrects| {
        Runs::Deployed(Look {
            release: key.clone(),
            revision,
            unfinished,
            corrects,
        })
    };
    if let Decision::InSync { .. } = decision {
        return look(release.number(), None, true);
    }
    let is_left_alone = o.component.is_left_alone();
    if !is_left_alone && is_at_work(o, release) {
        return Runs::Changes;
    }
    let is_ours = is_managed(&o.status, &release.revisions, release.is_anothers);
    if !is_left_alone && (!is_ours || release.rival.is_some()) {
        return Runs::Nothing;
    }
    let newest = release.number();
    let mut revisions = release.revisions.iter();
    let deployed = revisions.find(|revision| revision.status == ReleaseStatus::Deployed);
    match deployed.map(|revision| revision.number) {
        Some(number) if number == newest => look(number, None, !is_left_alone),
        Some(number) => look(number, Some(newest), !is_left_alone),
        // it was applied as a whole, and marked as failed because it was not ready in time
        None if was_good(&o.status) && is_newest(release, ReleaseStatus::Failed) => {
            look(newest, None, false)
        }
        None => Runs::Nothing,
    }
}

/// True if this decision leaves the release as it is.
fn rests(decision: &Decision) -> bool {
    match decision {
        Decision::LeaveAlone
        | Decision::Stall { .. }
        | Decision::RefuseChart { .. }
        | Decision::AwaitChart { .. }
        | Decision::Block { .. }
        | Decision::Pause(_)
        | Decision::InSync { .. }
        | Decision::Wait { .. }
        | Decision::Hold { .. }
        | Decision::AwaitDependents { .. }
        | Decision::KeepForDependents { .. }
        | Decision::CannotMove { .. } => true,
        Decision::Read(_)
        | Decision::Queue { .. }
        | Decision::AddFinalizer
        | Decision::RemoveFinalizer { .. }
        | Decision::Nothing
        | Decision::Disown
        | Decision::Collect
        | Decision::AwaitReady { .. }
        | Decision::Succeed { .. }
        | Decision::FailUnready { .. }
        | Decision::Interrupt { .. }
        | Decision::Run { .. }
        | Decision::Unlock { .. }
        | Decision::CountFailure { .. }
        | Decision::RecordRollback { .. }
        | Decision::SetAside { .. }
        | Decision::Uninstall { .. }
        | Decision::QueueUninstall
        | Decision::AwaitUninstall { .. }
        | Decision::AwaitGone { .. }
        | Decision::ForgetOld
        | Decision::Disabled { .. }
        | Decision::StayDisabled { .. }
        | Decision::TryNew
        | Decision::Moved { .. } => false,
    }
}

/// True if an operation on the release may be going on, ours or somebody else's.
fn is_at_work(o: &Observation, release: &Release) -> bool {
    let newest = release.revisions.first();
    o.status.operation.is_some() && !release.holder_is_gone
        || newest.is_some_and(|newest| newest.status.is_pending())
}

fn is_newest(release: &Release, status: ReleaseStatus) -> bool {
    let newest = release.revisions.first();
    newest.is_some_and(|newest| newest.status == status)
}

impl Observation {
    /// How often what runs is looked at (docs/components.md 4.5).
    pub fn period(&self, status: &ComponentStatus) -> Duration {
        let interval = self.component.spec.interval.get();
        let healthy = find(&status.conditions, ConditionType::Healthy);
        let is_lately_unwell = healthy.is_some_and(|healthy| {
            let since = self.now.duration_since(healthy.last_transition_time.0);
            healthy.status == "False" && since < UNHEALTHY_FOR
        });
        if is_lately_unwell {
            interval.min(UNHEALTHY)
        } else {
            interval
        }
    }

    /// When what runs is to be looked at.
    pub fn next_check(&self) -> Check {
        match self.memory.checked {
            Some(checked) => match self.period(&self.status).checked_sub(checked) {
                Some(rest) if !rest.is_zero() => Check::In(rest),
                _ => Check::Now,
            },
            None if self.is_well_known() => {
                let share = (self.jitter + 1.0) / 2.0;
                let interval = self.component.spec.interval.get();
                Check::Spread(interval.mul_f64(1.0 - share).max(Duration::from_millis(10)))
            }
            None => Check::Now,
        }
    }

    /// True if the object says that all is well with this generation, and nobody asks for a look.
    fn is_well_known(&self) -> bool {
        let status = self.component.status.as_ref();
        let requested = status.and_then(|status| status.last_handled_reconcile_at.as_ref());
        let ready = find(&self.status.conditions, ConditionType::Ready);
        status.and_then(|status| status.observed_generation) == self.component.metadata.generation
            && requested == self.status.last_handled_reconcile_at.as_ref()
            && ready.is_some_and(|ready| ready.status == ConditionStatus::True.as_str())
    }
}
