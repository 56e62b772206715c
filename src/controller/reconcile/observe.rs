//! Reading: what a decision about a Component depends on. Nothing is judged here.

mod chart;
mod dependencies;
pub(super) mod installed;
mod leftovers;
mod obstacle;
mod release;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::bounds;
use crate::component::Component;
use crate::component::names::label;
use crate::controller::charts::FetchedChart;
use crate::controller::namespace;
use crate::controller::objects::Leftover;
use crate::controller::reconcile::call::Material;
use crate::controller::reconcile::context::{Context, ReconcileError, jitter, now};
use crate::controller::reconcile::decide::{Read, moved};
use crate::controller::reconcile::implicit::{is_as_made, is_claimed};
use crate::controller::reconcile::observation::{
    GoodRevision, Observation, OldRelease, PlanPosition, SlotState, taken_in,
};
use crate::controller::slots::{Slot, Urgency};
use crate::node_key::NodeKey;
use crate::planner::{Planner, Removal};
use crate::release::operation::ReleaseKey;
use crate::release::record::ReleaseStatus;

pub use self::installed::{Uncorrected, readiness_of_record, unready};
pub use self::leftovers::{INVENTORY_KEY, describe, inventory};
pub use self::release::{fresh, made, manifest};

/// An observation, and what was taken hold of to make it.
pub struct Observed {
    /// What decisions are made upon.
    pub observation: Observation,
    /// The chart: its package stays in the cache as long as this is held.
    pub chart: Option<Arc<FetchedChart>>,
    /// What the last good revision was made of.
    pub good: Option<Good>,
    /// The right to run Helm.
    pub slot: Option<Slot>,
    /// Drifted objects, to be put right.
    pub drifted: Option<Uncorrected>,
    /// Objects of a removed release that are still there.
    pub left: Vec<Leftover>,
    /// The operation that this reconcile is about: one that it found begun, or begins.
    pub operation: Option<String>,
}

/// The last good revision.
pub struct Good {
    /// What it was made of.
    pub revision: GoodRevision,
    /// Holds its package in the cache.
    pub chart: Arc<FetchedChart>,
}

impl Observed {
    /// What a release can be made of.
    pub fn material(&self) -> Material {
        Material {
            package: (self.chart.as_ref())
                .map_or_else(Default::default, |chart| chart.path.clone()),
            good: self.good.as_ref().map(|good| good.revision.clone()),
        }
    }
}

/// A Component, and what can be said of it without asking anybody.
pub fn component(context: &Context, key: &NodeKey, component: &Component) -> Observed {
    let store = &context.cluster.store;
    let planner = store.planner();
    let release_owner = planner.release_owner(key);
    let taken = taken_in(component, release_owner.is_some(), || {
        // until a status was written that takes it in
        context.memory.of(key, |memory| memory.definition_came)
    });
    let status = &taken.status;
    let target = component.release();
    let is_preinstalled = component.is_marked(crate::component::names::annotation::PRE_INSTALLED);
    let old = moved(status, target.clone()).filter(|_| !is_preinstalled);
    let plan = PlanPosition {
        required_by: planner.required_by(key),
        release_owner,
        // who depends on whom is followed for those alone that are to go
        removal: match component.is_leaving() {
            true => planner.removal(key),
            false => Removal::Free,
        },
        old: old.map(|key| OldRelease {
            newest: store.revisions(&key).first().map(|newest| newest.status),
            claimant: store.claimants(&key).into_iter().next(),
            key,
        }),
        has_release: (store.revisions(&target).first())
            .is_some_and(|newest| newest.status != ReleaseStatus::Uninstalled),
        unneeded: unneeded(context, &planner, key, component),
    };
    let operation = status.operation.as_ref().map(|begun| begun.id.clone());
    let holder = context.work.identity.clone();
    let mut observation = Observation::of(now(), jitter(), key, component, &taken, holder, plan);
    let named = component.spec.service_account_name.as_deref();
    observation.user = context.config.bounds.user(&key.namespace, named);
    observation.refusal = refusal(context, key, component);
    let generation = observation.generation();
    let is_forced = observation.force_request().is_some();
    observation.memory = context.memory.of(key, |memory| {
        memory.remembered(&taken, is_forced, generation, Instant::now())
    });
    observation.marked = context.cluster.kept.of(key);
    Observed {
        observation,
        chart: None,
        good: None,
        slot: None,
        drifted: None,
        left: Vec::new(),
        operation,
    }
}

/// Why a Component may not have what it asks for.
fn refusal(context: &Context, key: &NodeKey, component: &Component) -> Option<String> {
    let spec = &component.spec;
    let dependencies: Vec<&str> = (spec.depends_on.iter())
        .filter_map(|dependency| dependency.namespace.as_deref())
        .collect();
    let asked = bounds::Request {
        home: &key.namespace,
        target: component.target_namespace(),
        dependencies: &dependencies,
        repository: (spec.chart.repository.as_deref()).filter(|url| !url.is_empty()),
    };
    context.config.bounds.refusal(asked, context.charts.own())
}

/// For how long nobody has required an implicit Component, and for how long that may be.
fn unneeded(
    context: &Context,
    planner: &Planner,
    key: &NodeKey,
    component: &Component,
) -> Option<(Duration, Duration)> {
    let labels = component.metadata.labels.as_ref()?;
    if !labels.contains_key(label::IMPLICIT) || component.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let is_unneeded = planner.unneeded(key) && is_as_made(component);
    let since = context.memory.of(key, |memory| {
        if is_unneeded {
            Some(*memory.unneeded.get_or_insert_with(Instant::now))
        } else {
            memory.unneeded = None;
            None
        }
    });
    since.map(|since| (since.elapsed(), context.config.implicit_grace))
}

/// Reads what a decision asks for.
pub async fn read(
    context: &Arc<Context>,
    seen: &mut Observed,
    read: Read,
) -> Result<(), ReconcileError> {
    let key = seen.observation.key.clone();
    match read {
        Read::Chart => chart::resolve(context, seen).await,
        Read::Dependencies => {
            let Some(chart) = seen.chart.clone() else {
                return Err(ReconcileError::Conflict);
            };
            let gate = dependencies::gate(context, &seen.observation, &chart.requires).await?;
            seen.observation.gate = Some(gate);
        }
        Read::Release { key, fresh } => {
            let o = &seen.observation;
            let release = release::observe(context, o, &key, fresh).await?;
            seen.observation.saw(release);
        }
        Read::Slot { key, is_urgent } => take_slot(context, seen, &key, is_urgent),
        Read::Reapply { to } => release::good(context, seen, to).await?,
        Read::Readiness { revision, in_words } => {
            let o = &seen.observation;
            let readiness = installed::readiness(context, o, revision, in_words).await?;
            seen.observation.readiness = Some(readiness);
        }
        Read::Installed(look) => installed::read(context, seen, &look).await?,
        Read::Obstacle(object) => obstacle::read(context, seen, &object).await,
        Read::Leftovers(release) => leftovers::read(context, seen, &release).await?,
        Read::Namespace => {
            let ends = namespace::ends(&context.cluster.client, &key.namespace).await?;
            seen.observation.namespace_ends = Some(ends);
        }
        Read::Claims => {
            let api = context.cluster.components(&key.namespace);
            let now = api.get_metadata_opt(&key.name).await?;
            let now = now.ok_or(ReconcileError::Conflict)?;
            seen.observation.is_claimed = Some(is_claimed(&now.metadata));
        }
    }
    Ok(())
}

/// Whether a slot is free; it is taken then.
fn take_slot(context: &Context, seen: &mut Observed, release: &ReleaseKey, is_urgent: bool) {
    let (slots, o) = (&context.work.slots, &mut seen.observation);
    let urgency = Urgency {
        class: u8::from(!is_urgent),
        depth: context.cluster.store.planner().depth(&o.key),
        created: (o.component.metadata.creation_timestamp.as_ref()).map(|time| time.0),
    };
    seen.slot = slots.take(&o.key, urgency, release);
    let (used, total) = slots.in_use();
    context.metrics.slots(used, total);
    context.metrics.queue_depth(slots.waiting());
    o.slot = Some(match seen.slot {
        Some(_) => SlotState::Taken,
        None => SlotState::Busy(total),
    });
}
