//! What to do about a Component: a function of what was observed (docs/components.md 4.1). Pure.
//!
//! A decision is one step: whoever acts on it observes again and decides again. What is not known yet is asked for with
//! [`Decision::Read`], so that nothing is read that no decision needs. Where a decision leaves the release as it is, what
//! runs is looked at beside it, when it is time.

mod await_ready;
mod decision;
mod leaving;
mod look;
mod moving;
pub mod release;

pub use self::await_ready::{FIRST_WORDS, WORDS_EVERY};
pub use self::decision::{Action, Decision, InSync, Look, Read, Why};
pub use self::look::{Check, Runs, runs};
pub use self::moving::{moved, stays, title};

use std::time::Duration;

use crate::component::conditions::Reason;
use crate::component::names::{annotation, label};
use crate::component::status::ComponentStatus;
use crate::controller::reconcile::observation::{
    ChartFacts, ChartState, Observation, ObstacleState, Release, SlotState,
};
use crate::controller::reconcile::retry::later;
use crate::planner::{DependencyCheck, Verdict};
use crate::release::helm::{Obstacle, obstacle};
use crate::release::operation::ReleaseKey;

use self::release::{Situation, Wanted, decide_release};

/// How soon it is looked again for an object that has to go, which nobody is told of.
const OBSTACLE_RECHECK: Duration = Duration::from_secs(10);

/// What to do next about a Component.
pub fn decide(o: &Observation) -> Decision {
    let decision = next_step(o);
    match look::due(o, &decision) {
        Some(read) => Decision::Read(read),
        None => decision,
    }
}

/// What the spec asks for next.
fn next_step(o: &Observation) -> Decision {
    let component = &o.component;
    if o.is_deleting() {
        return leaving::delete(o);
    }
    if component.is_left_alone() {
        return leave_alone(o);
    }
    // one that breaks a rule of the CRD may be changed only once it has a status
    if (o.problem.is_none() || component.status.is_some()) && !o.has_finalizer() {
        return Decision::AddFinalizer;
    }
    if let Some(problem) = &o.problem {
        return Decision::Stall {
            reason: Reason::InvalidSpec,
            message: problem.clone(),
        };
    }
    if !component.spec.enabled {
        return leaving::disable(o);
    }
    if let Some(owner) = &o.plan.release_owner {
        let (namespace, name) = o.target();
        return Decision::Stall {
            reason: Reason::ReleaseConflict,
            message: format!(
                "release {name} in namespace {namespace} belongs to Component {owner}, which is older; set \
                 spec.chart.releaseName or spec.chart.namespace to something else, or delete one of the two"
            ),
        };
    }
    if let Some(message) = &o.refusal {
        return Decision::Stall {
            reason: Reason::NotAllowed,
            message: message.clone(),
        };
    }
    if let Some(decision) = implicit(o) {
        return decision;
    }
    match &o.chart {
        None => Decision::Read(Read::Chart),
        Some(ChartState::Awaited { reason, message }) => Decision::AwaitChart {
            reason: *reason,
            message: message.clone(),
        },
        Some(ChartState::Refused { reason, message }) => Decision::RefuseChart {
            reason: *reason,
            message: message.clone(),
        },
        Some(ChartState::Resolved(chart)) => bring_to(o, chart),
    }
}

/// The release that is reported is the one that the Component has still, though the spec may name another by now.
fn leave_alone(o: &Observation) -> Decision {
    let old = o.plan.old.as_ref().map(|old| old.key.clone());
    let key = old.unwrap_or_else(|| o.target());
    match o.release(&key) {
        None => Decision::Read(Read::Release { key, fresh: false }),
        Some(_) => Decision::LeaveAlone,
    }
}

/// An implicit Component that nobody has required for a while is deleted; a user's edit makes it the user's own
/// (docs/components.md 11.6).
fn implicit(o: &Observation) -> Option<Decision> {
    let labels = o.component.metadata.labels.as_ref()?;
    if !labels.contains_key(label::IMPLICIT) {
        return None;
    }
    if !crate::controller::reconcile::implicit::is_as_made(&o.component) {
        return Some(Decision::Disown);
    }
    let (unneeded, grace) = o.plan.unneeded?;
    if unneeded < grace {
        // until then it is brought to what it should be
        return None;
    }
    Some(match o.is_claimed {
        None => Decision::Read(Read::Claims),
        Some(true) => Decision::Disown,
        Some(false) => Decision::Collect,
    })
}

/// Chart and dependencies are known: does the release have to change, and may it?
fn bring_to(o: &Observation, chart: &ChartFacts) -> Decision {
    let Some(gate) = &o.gate else {
        return Decision::Read(Read::Dependencies);
    };
    let wanted = o.wanted(chart);
    if let Some(old) = &o.plan.old {
        return moving::move_from(o, old, &wanted, gate);
    }
    let key = o.target();
    let Some(release) = o.release(&key) else {
        return Decision::Read(Read::Release { key, fresh: false });
    };
    let mut situation = o.situation(&wanted, release, &o.status);
    let mut decision = decide_release(&situation);
    if let Some(obstacle) = in_the_way(&decision) {
        match o.obstacle {
            None => return Decision::Read(Read::Obstacle(obstacle)),
            Some(ObstacleState::Gone) => {
                situation.unblocked = true;
                decision = decide_release(&situation);
            }
            Some(ObstacleState::Present) => look_soon(o, &mut decision),
            Some(ObstacleState::Unknown) => {}
        }
    }
    match decision {
        decision @ Decision::InSync { .. } => decision,
        Decision::AwaitReady { kind, revision } => await_ready::await_ready(o, kind, revision),
        decision => prepared(o, gate, release, &situation, decision),
    }
}

/// The object that holds the release back.
fn in_the_way(decision: &Decision) -> Option<Obstacle> {
    match decision {
        Decision::Hold {
            reason: Reason::ImmutableField | Reason::OwnershipConflict,
            message,
            ..
        } => obstacle(message),
        _ => None,
    }
}

/// People are told to delete the object, and wait for what follows.
fn look_soon(o: &Observation, decision: &mut Decision) {
    if let Decision::Hold { recheck, .. } = decision {
        *recheck = later(o.now, OBSTACLE_RECHECK).min(*recheck);
    }
}

/// A decision that something is to be done, once all is there that it needs. Nothing is done, counted or awaited on the
/// word of a cache.
fn prepared(
    o: &Observation,
    gate: &DependencyCheck,
    release: &Release,
    situation: &Situation<'_>,
    decision: Decision,
) -> Decision {
    let run = match &decision {
        Decision::Run { action, why } => Some((*action, *why)),
        _ => None,
    };
    if let Some((action, why)) = run
        && !gate.asks_for_more()
        && let Some(other) = not_admitted(o, gate, &release.key, action, why)
    {
        // whoever cannot go on yet need not look closer
        return other;
    }
    if !release.is_fresh {
        let (key, fresh) = (release.key.clone(), true);
        return Decision::Read(Read::Release { key, fresh });
    }
    let Some((action, why)) = run else {
        return decision;
    };
    if let Action::Reapply { to } = action {
        match &o.reapply {
            None => return Decision::Read(Read::Reapply { to }),
            Some(Some(_)) => return without_reapply(o, gate, release, situation),
            Some(None) => {}
        }
    }
    not_admitted(o, gate, &release.key, action, why).unwrap_or(decision)
}

/// The second way back cannot be begun: what was wanted has its turn again, when it is due.
fn without_reapply(
    o: &Observation,
    gate: &DependencyCheck,
    release: &Release,
    situation: &Situation<'_>,
) -> Decision {
    match release::decide_without_reapply(situation) {
        Decision::Run { action, why } => not_admitted(o, gate, &release.key, action, why)
            .unwrap_or(Decision::Run { action, why }),
        decision => decision,
    }
}

/// What the dependencies or the slots let happen in the place of this action, if they do not let Helm run.
fn not_admitted(
    o: &Observation,
    gate: &DependencyCheck,
    key: &ReleaseKey,
    action: Action,
    why: Why,
) -> Option<Decision> {
    let is_urgent = matches!(action, Action::Rollback { .. });
    blocked(gate)
        .or_else(|| o.memory.pause.map(Decision::Pause))
        .or_else(|| without_slot(o, key, is_urgent, &why.to_string()))
}

/// What is decided when a dependency is in the way.
fn blocked(gate: &DependencyCheck) -> Option<Decision> {
    let (reason, message, is_stuck) = match &gate.verdict {
        Verdict::Ready { .. } => return None,
        Verdict::Waiting { reason, message } => (*reason, message, false),
        Verdict::Stalled { reason, message } => (*reason, message, true),
    };
    let message = message.clone();
    Some(Decision::Block {
        reason,
        message,
        is_stuck,
    })
}

/// What is decided while Helm may not run on the release.
fn without_slot(o: &Observation, key: &ReleaseKey, is_urgent: bool, why: &str) -> Option<Decision> {
    match o.slot {
        Some(SlotState::Taken) => None,
        Some(SlotState::Busy(slots)) => Some(Decision::Queue {
            why: why.to_owned(),
            slots,
        }),
        None => {
            let key = key.clone();
            Some(Decision::Read(Read::Slot { key, is_urgent }))
        }
    }
}

impl Observation {
    /// What a decision about a release that is wanted depends on; `status` is what was done to that release.
    pub fn situation<'a>(
        &'a self,
        wanted: &'a Wanted,
        release: &'a Release,
        status: &'a ComponentStatus,
    ) -> Situation<'a> {
        let tried = status.last_attempted.as_ref();
        let reset = tried.is_none_or(|tried| {
            tried.generation != Some(wanted.generation)
                || tried.hash.as_deref() != Some(wanted.hash.to_string().as_str())
        });
        Situation {
            now: self.now,
            wanted,
            revisions: &release.revisions,
            newest: release.newest.as_ref(),
            status,
            holder: &self.holder,
            holder_is_gone: release.holder_is_gone,
            forced: self.force_request().is_some(),
            reset,
            unblocked: false,
            is_anothers: release.is_anothers,
            rival: (release.rival.as_ref())
                .filter(|rival| !rival.is_known)
                .map(|rival| &rival.owner),
        }
    }

    /// True if the annotation of this name says so.
    fn is_marked(&self, key: &str) -> bool {
        self.component.is_marked(key)
    }

    /// True if the Component is marked as installed by other means.
    pub fn is_preinstalled(&self) -> bool {
        self.is_marked(annotation::PRE_INSTALLED)
    }
}
