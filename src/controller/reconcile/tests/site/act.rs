//! Acting: what is done to objects and records; what Helm does is beside it, in `operation`.

use super::{Broken, Seen, Site};
use crate::component::conditions::Reason;
use crate::component::names::{FINALIZER, label};
use crate::controller::reconcile::act::records::HOLDER_GONE;
use crate::controller::reconcile::decide::{Decision, InSync};
use crate::controller::reconcile::implicit::{self, MADE_FROM, is_as_made, made_from};
use crate::controller::reconcile::outcome::Outcome;
use crate::controller::reconcile::outcome::superseded;
use crate::controller::reconcile::status::Notice;
use crate::planner::Retarget;
use crate::release::helm::not_ready;
use crate::release::operation::ReleaseKey;
use crate::release::owner;
use crate::release::record::ReleaseStatus;

/// How far acting has come.
pub(super) enum Acted {
    /// It has ended.
    Ended(Outcome),
    /// Helm is to run.
    Runs(Box<super::operation::Run>),
}

impl Site {
    /// Does what was decided.
    pub(super) fn act(&mut self, seen: &mut Seen, decision: &Decision) -> Result<Acted, Broken> {
        match decision {
            Decision::AddFinalizer => self.patch(seen, |component| {
                let finalizers = component.metadata.finalizers.get_or_insert_default();
                finalizers.push(FINALIZER.to_owned());
            })?,
            Decision::RemoveFinalizer { .. } => {
                self.drop_inventory(seen);
                self.patch(seen, |component| {
                    let finalizers = component.metadata.finalizers.get_or_insert_default();
                    finalizers.retain(|known| known != FINALIZER);
                })?;
            }
            Decision::Disown => self.patch(seen, |component| {
                component
                    .metadata
                    .labels
                    .get_or_insert_default()
                    .remove(label::IMPLICIT);
                component
                    .metadata
                    .annotations
                    .get_or_insert_default()
                    .remove(MADE_FROM);
            })?,
            Decision::Collect => {
                self.mine(&seen.o.component)?;
                let name = seen.o.key.name.clone();
                self.delete(&name);
            }
            Decision::Block { .. } | Decision::Queue { .. } => self.provide(seen)?,
            Decision::InSync { how } => {
                self.hand_down(seen);
                self.mark(seen, *how);
            }
            Decision::Succeed { .. } => self.note_inventory(seen),
            Decision::FailUnready {
                kind,
                revision,
                objects,
            } => self.fail(seen, *revision, &not_ready(*kind, objects).message)?,
            Decision::Interrupt { revision, .. } => {
                self.fail(seen, *revision, &superseded().message)?;
            }
            Decision::Unlock { revision, .. } => self.fail(seen, *revision, HOLDER_GONE)?,
            Decision::SetAside { revision } => {
                let key = self.seen_newest(seen, *revision)?;
                self.helm
                    .release(&key, |history, _| history.stored.remove(0));
            }
            Decision::Run { action, why } => {
                self.provide(seen)?;
                return self.begin_run(seen, decision, *action, *why);
            }
            Decision::Uninstall { key, without_hooks } => {
                return self.begin_uninstall(seen, decision, key, *without_hooks);
            }
            Decision::ForgetOld | Decision::Disabled { .. } | Decision::Moved { .. } => {
                self.drop_inventory(seen);
            }
            Decision::TryNew => {
                self.provide(seen)?;
                return self.try_new(seen, decision);
            }
            Decision::AwaitGone { .. }
            | Decision::Read(_)
            | Decision::Nothing
            | Decision::LeaveAlone
            | Decision::Stall { .. }
            | Decision::RefuseChart { .. }
            | Decision::AwaitChart { .. }
            | Decision::Pause(_)
            | Decision::AwaitReady { .. }
            | Decision::CountFailure { .. }
            | Decision::RecordRollback { .. }
            | Decision::Wait { .. }
            | Decision::Hold { .. }
            | Decision::AwaitDependents { .. }
            | Decision::KeepForDependents { .. }
            | Decision::QueueUninstall
            | Decision::AwaitUninstall { .. }
            | Decision::StayDisabled { .. }
            | Decision::CannotMove { .. } => {}
        }
        let drifted = seen.drifted.take();
        Ok(Acted::Ended(
            drifted.map_or(Outcome::Done, |(key, stubborn)| {
                self.put_right(&key, stubborn)
            }),
        ))
    }

    /// Changes the object, if nobody else has.
    fn patch(
        &mut self,
        seen: &mut Seen,
        change: impl FnOnce(&mut crate::component::Component),
    ) -> Result<(), Broken> {
        let mut component = self.mine(&seen.o.component)?;
        change(&mut component);
        let written = self.put(component);
        seen.o.wrote(written);
        Ok(())
    }

    /// Marks the newest revision as failed, if it is still the one that was seen.
    fn fail(&mut self, seen: &mut Seen, number: i64, why: &str) -> Result<(), Broken> {
        let key = self.seen_newest(seen, number)?;
        (self.helm).release(&key, |history, _| {
            history.set_newest(ReleaseStatus::Failed, why)
        });
        if std::mem::take(&mut self.dies_when_failed) {
            return Err(Broken::Dies);
        }
        Ok(())
    }

    /// The release whose newest revision this is, if nobody has written it since it was seen.
    fn seen_newest(&mut self, seen: &Seen, number: i64) -> Result<ReleaseKey, Broken> {
        self.reach()?;
        if self.conflicts > 0 {
            self.conflicts -= 1;
            return Err(Broken::Conflict);
        }
        let mut fresh = seen.o.releases.iter().filter(|release| release.is_fresh);
        let found = fresh.find(|release| release.number() == number);
        let release = found.ok_or(Broken::Conflict)?;
        let is_same = self.revisions(&release.key).first() == release.revisions.first();
        is_same.then(|| release.key.clone()).ok_or(Broken::Conflict)
    }

    /// What the newest revision consists of is written down.
    pub(super) fn note_inventory(&mut self, seen: &mut Seen) {
        let inventory = |memory: &mut crate::controller::reconcile::memory::OfComponent| {
            memory.release.inventory = Some(Vec::new());
        };
        self.memory.of(&seen.o.key, inventory);
        seen.o.status.inventory_ref = Some(format!("{}.inventory", seen.o.key.name));
    }

    fn drop_inventory(&mut self, seen: &mut Seen) {
        self.memory.of(&seen.o.key, |memory| {
            memory.release.inventory = None;
            memory.waiting.patience = 0;
        });
        seen.o.status.inventory_ref = None;
    }

    /// A release that is as wanted is marked, and has an inventory.
    fn mark(&mut self, seen: &mut Seen, how: InSync) {
        let (o, target) = (&seen.o, seen.o.target());
        let mark = owner::mark(&o.key);
        self.helm.release(&target, |history, _| {
            if let Some(newest) = history.stored.first_mut() {
                newest.revision.owner = mark;
            }
        });
        if how == InSync::AdoptSuccess {
            self.note_inventory(seen);
        }
    }

    /// What drifted is put right, as far as it can be.
    fn put_right(&mut self, release: &ReleaseKey, stubborn: Vec<String>) -> Outcome {
        let objects = self.objects.entry(release.clone()).or_default();
        if stubborn.is_empty() {
            objects.are_applied();
        }
        Outcome::Corrected {
            failed: stubborn,
            unready: objects.unready(),
        }
    }

    /// Tells what was created before the values that are wanted of it.
    fn hand_down(&mut self, seen: &Seen) {
        let gate = seen.o.gate.clone();
        for wanted in gate.iter().flat_map(|gate| &gate.hand_down) {
            let known = self.components.get(&wanted.key);
            if let Some(changed) = known.and_then(|known| implicit::with_values(known, wanted)) {
                self.respecified(changed);
            }
        }
    }

    /// Creates what is missing and moves what was created before to a range that suits all.
    fn provide(&mut self, seen: &Seen) -> Result<(), Broken> {
        self.reach()?;
        let Some(gate) = seen.o.gate.clone() else {
            return Ok(());
        };
        for wanted in &gate.create {
            if self.components.contains_key(&wanted.key) {
                continue;
            }
            self.create(implicit::component(wanted, None));
            let note = implicit::note(wanted);
            let notice = Notice::normal(Reason::DependencyCreated, "Create", &note);
            self.events.push((seen.o.key.clone(), notice));
        }
        for Retarget { key, version } in &gate.retarget {
            let Some(mut component) = self.components.get(key).cloned() else {
                continue;
            };
            if !is_as_made(&component) || component.spec.version == *version {
                continue;
            }
            component.spec.version.clone_from(version);
            let made = made_from(&component.spec);
            let annotations = component.metadata.annotations.get_or_insert_default();
            annotations.insert(MADE_FROM.to_owned(), made);
            self.respecified(component);
        }
        self.hand_down(seen);
        Ok(())
    }
}
