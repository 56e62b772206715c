//! Observing: each look is answered from the site's values.

use super::{Broken, Seen, Site};
use crate::chart::digest::Sha256Hex;
use crate::component::names::{annotation, label};
use crate::component::spec_hash::SpecHash;
use crate::component::{Component, DriftMode};
use crate::controller::reconcile::call::Material;
use crate::controller::reconcile::decide::{Look, Read, moved};
use crate::controller::reconcile::implicit::{is_as_made, is_claimed};
use crate::controller::reconcile::memory::OfComponent;
use crate::controller::reconcile::observation::{
    Drift, GoodRevision, Installed, Newest, Observation, OldRelease, PlanPosition, Readiness,
    Release, Rival, SlotState, taken_in,
};
use crate::controller::reconcile::observe::installed::awaited;
use crate::controller::slots::Urgency;
use crate::node_key::NodeKey;
use crate::planner::{Available, Lookup, Planner, handed_down};
use crate::release::manifest::ObjectKey;
use crate::release::operation::ReleaseKey;
use crate::release::owner;
use crate::release::record::{ReleaseStatus, Revision};
use crate::release::token::Token;
use std::sync::Arc;
use std::time::Duration;

/// How long an implicit Component may be unneeded.
const GRACE: Duration = Duration::from_secs(5 * 60);

impl Site {
    /// A Component, and what can be said of it without asking anybody.
    pub(super) fn observe(&mut self, key: &NodeKey, component: &Component) -> Seen {
        let planner = self.planner();
        let owner = planner.release_owner(key);
        let memory = |look: &mut dyn FnMut(&mut OfComponent)| self.memory.of(key, look);
        let mut came = false;
        let taken = taken_in(component, owner.is_some(), || {
            memory(&mut |memory| came = std::mem::take(&mut memory.definition_came));
            came
        });
        let status = &taken.status;
        let target = component.release();
        let is_preinstalled = component.is_marked(annotation::PRE_INSTALLED);
        let old = moved(status, target.clone()).filter(|_| !is_preinstalled);
        let plan = PlanPosition {
            required_by: planner.required_by(key),
            release_owner: owner,
            removal: planner.removal(key),
            old: old.map(|key| OldRelease {
                newest: self.revisions(&key).first().map(|newest| newest.status),
                claimant: self.claimant(&key),
                key,
            }),
            has_release: !self.revisions(&target).is_empty(),
            unneeded: self.unneeded(&planner, key, component),
        };
        let holder = self.holder.clone();
        let mut o = Observation::of(self.now, 0.0, key, component, &taken, holder, plan);
        let (forced, generation) = (o.force_request().is_some(), o.generation());
        let now = self.instant();
        o.memory = (self.memory).of(key, |memory| {
            memory.remembered(&taken, forced, generation, now)
        });
        Seen {
            o,
            requires: Vec::new(),
            material: Material::default(),
            slot: None,
            drifted: None,
        }
    }

    fn claimant(&self, release: &ReleaseKey) -> Option<NodeKey> {
        let mut wants = self.components.iter().filter(|(_, component)| {
            component.release() == *release
                && component.spec.enabled
                && !component.is_left_alone()
                && component.metadata.deletion_timestamp.is_none()
        });
        wants.next().map(|(key, _)| key.clone())
    }

    fn unneeded(
        &self,
        planner: &Planner,
        key: &NodeKey,
        component: &Component,
    ) -> Option<(Duration, Duration)> {
        let labels = component.metadata.labels.as_ref()?;
        let is_implicit = labels.contains_key(label::IMPLICIT);
        if !is_implicit || component.metadata.deletion_timestamp.is_some() {
            return None;
        }
        let (now, is_unneeded) = (
            self.instant(),
            planner.unneeded(key) && is_as_made(component),
        );
        self.memory.of(key, |memory| {
            memory.unneeded = is_unneeded.then(|| memory.unneeded.unwrap_or(now));
            Some((now - memory.unneeded?, GRACE))
        })
    }

    /// Reads what a decision asks for.
    pub(super) fn read(&mut self, seen: &mut Seen, read: Read) -> Result<(), Broken> {
        match read {
            Read::Chart => {
                let (state, chart) = self.resolve(&seen.o);
                seen.o.chart = Some(state);
                if let Some(chart) = chart {
                    seen.requires = Self::requirements(&chart);
                    seen.material.package = format!("{}.tgz", chart.title()).into();
                }
            }
            Read::Dependencies => {
                let requires = handed_down(&seen.requires, &seen.o.component.spec.values);
                let available = self.available(&seen.o, &requires);
                let gate = self.planner().check(&seen.o.key, &requires, &available);
                seen.o.gate = Some(gate);
            }
            Read::Release { key, fresh } => {
                if fresh {
                    self.reach()?;
                }
                let mut release = self.see(&seen.o.key, &key, fresh);
                if let Some(begun) = &seen.o.status.operation {
                    release.holder_is_gone =
                        begun.holder == self.holder || !self.helm.may_be_running(&key);
                }
                seen.o.saw(release);
            }
            Read::Slot { key, is_urgent } => self.take_slot(seen, &key, is_urgent),
            Read::Reapply { to } => self.read_for_good(seen, to),
            Read::Readiness { revision, in_words } => {
                let wait = awaited(&seen.o, revision);
                let objects = self.objects.entry(seen.o.target()).or_default();
                let job = objects.job.clone().filter(|_| wait.completes_jobs);
                seen.o.readiness = Some(match objects.unready().or(job) {
                    None => Readiness::Ready,
                    Some(words) => Readiness::NotReady(in_words.then_some(words)),
                });
            }
            Read::Installed(look) => self.read_installed(seen, &look),
            Read::Obstacle(asked) => {
                let name = format!("{} {}", asked.kind, asked.name);
                let is_gone = self.is_gone(&name);
                let found = (!is_gone).then(|| (ObjectKey::default(), "1".to_owned()));
                let is_requested = seen.o.memory.is_requested;
                let state = (self.memory).of(&seen.o.key, |memory| {
                    memory.obstacle.seen(&asked, found, is_requested)
                });
                seen.o.obstacle = Some(state);
            }
            Read::Leftovers(key) => {
                let objects = self.objects.entry(key).or_default();
                seen.o.leftovers = Some(objects.left.clone());
            }
            Read::Namespace => {
                seen.o.namespace_ends = Some(self.ending_namespaces.contains(super::HOME));
            }
            Read::Claims => seen.o.is_claimed = Some(is_claimed(&seen.o.component.metadata)),
        }
        Ok(())
    }

    fn is_gone(&self, object: &str) -> bool {
        let mut deleted = self.objects.values().filter_map(|objects| objects.deleted);
        self.others_gone.contains(object) || deleted.any(|deleted| deleted == object)
    }

    pub(super) fn reach(&self) -> Result<(), Broken> {
        if self.api_is_away {
            return Err(Broken::Unreachable);
        }
        Ok(())
    }

    pub(super) fn revisions(&self, key: &ReleaseKey) -> Vec<Revision> {
        self.helm.release(key, |history, _| history.revisions())
    }

    /// A release as its Secrets have it.
    pub(super) fn see(&self, of: &NodeKey, key: &ReleaseKey, is_fresh: bool) -> Release {
        let (revisions, newest) = self.helm.release(key, |history, _| {
            let newest = match history.newest() {
                None => Newest::None,
                Some(it) if it.is_unreadable => Newest::Unreadable("broken gzip".to_owned()),
                Some(it) => Newest::Readable(Arc::new(it.record.clone())),
            };
            (history.revisions(), newest)
        });
        let mark = revisions.first().and_then(|newest| newest.owner.as_deref());
        let other = mark.and_then(owner::marked).filter(|owner| owner != of);
        Release {
            key: key.clone(),
            is_anothers: other.is_some(),
            rival: other.and_then(|other| self.rival(key, other)),
            revisions,
            newest,
            holder_is_gone: false,
            is_fresh,
        }
    }

    fn rival(&self, key: &ReleaseKey, owner: NodeKey) -> Option<Rival> {
        let (wants, is_known) = match self.components.get(&owner) {
            Some(component) => (component.release() == *key, true),
            None => (self.elsewhere.get(&owner) == Some(key), false),
        };
        wants.then_some(Rival { owner, is_known })
    }

    fn available(&self, o: &Observation, requires: &[crate::planner::Requirement]) -> Available {
        let mut available = Available::default();
        for lookup in self.planner().lookups(&o.key, requires) {
            match lookup {
                Lookup::Chart(chart) => {
                    if let Some(versions) = self.repository.versions(&chart) {
                        available.charts.insert(&chart, versions);
                    }
                }
                Lookup::Release(namespace, name) => {
                    let places = [&namespace, &o.target().0].map(|it| (it.clone(), name.clone()));
                    let version = places.iter().find_map(|key| {
                        let seen = self.see(&o.key, key, false);
                        let deployed = seen.record()?;
                        (deployed.status == ReleaseStatus::Deployed)
                            .then(|| deployed.chart.version.clone())
                    });
                    if let Some(version) = version {
                        available.releases.insert((namespace, name), version);
                    }
                }
            }
        }
        available
    }

    fn take_slot(&mut self, seen: &mut Seen, release: &ReleaseKey, is_urgent: bool) {
        let o = &mut seen.o;
        let created = o.component.metadata.creation_timestamp.as_ref();
        let urgency = Urgency {
            class: u8::from(!is_urgent),
            depth: self.planner().depth(&o.key),
            created: created.map(|time| time.0),
        };
        seen.slot = self.slots.take(&o.key, urgency, release);
        o.slot = Some(match seen.slot {
            Some(_) => SlotState::Taken,
            None => SlotState::Busy(super::SLOTS),
        });
    }

    fn read_for_good(&self, seen: &mut Seen, to: i64) {
        let o = &mut seen.o;
        let known = o.status.history.iter().find(|entry| entry.revision == to);
        let hash = known.and_then(|entry| SpecHash::parse(entry.hash.as_deref()?));
        let digest = known.and_then(|entry| Sha256Hex::parse_named(entry.chart_digest.as_deref()?));
        let Some(chart) = digest.and_then(|digest| self.repository.cached(digest)) else {
            o.reapply = Some(Some(format!(
                "the package of revision {to} is no longer in the cache"
            )));
            return;
        };
        let record = (self.helm).release(&o.target(), |history, _| history.record(to).cloned());
        let Some(record) = record else {
            o.reapply = Some(Some(format!("revision {to} can no longer be read")));
            return;
        };
        let proved = || Token::parse(&record.description).map(|token| token.hash);
        seen.material.good = Some(GoodRevision {
            package: format!("{}.tgz", chart.title()).into(),
            values: serde_json::to_vec(&record.config).expect("they are JSON"),
            hash: hash.or_else(proved),
        });
        o.reapply = Some(None);
    }

    fn read_installed(&mut self, seen: &mut Seen, look: &Look) {
        self.looks.push(seen.o.key.clone());
        let now = Some((seen.o.generation(), self.instant()));
        (self.memory).of(&seen.o.key, |memory| memory.drift.checked = now);
        let objects = self
            .objects
            .entry(look.release.clone())
            .or_default()
            .clone();
        let mode = seen.o.component.spec.drift_detection.mode;
        let mut installed = Installed {
            drift: match mode {
                DriftMode::Disabled => Drift::NotLooked,
                DriftMode::Enabled | DriftMode::Warn => objects.drift(),
            },
            ..Installed::default()
        };
        let is_found = matches!(installed.drift, Drift::Found { .. });
        if is_found && mode == DriftMode::Enabled && look.corrects {
            seen.drifted = Some((look.release.clone(), objects.stubborn));
        } else {
            installed.unready = objects.unready();
        }
        seen.o.installed = Some(installed);
    }
}
