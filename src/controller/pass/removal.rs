//! Deleting and disabling: dependents first, then Helm's uninstall, then proof that nothing is left
//! (docs/components.md 12.1, 12.2 and 12.4).

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, OwnerReference, Time};
use k8s_openapi::jiff::SignedDuration;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use tracing::info;

use crate::component::conditions::{ConditionStatus, ConditionType, Reason};
use crate::component::names::{FINALIZER, annotation};
use crate::component::status::{Operation, OperationKind};
use crate::component::{DeletionPolicy, Phase};
use crate::controller::context::{Observed, PassError, is_conflict, is_not_found};
use crate::controller::decide::{self, RemovalStep};
use crate::controller::members;
use crate::controller::objects::{Leftover, leftovers};
use crate::controller::pass::operation::new_operation;
use crate::controller::pass::{Next, Pass};
use crate::controller::report::find;
use crate::controller::slots::ReleaseKey;
use crate::node_key::NodeKey;
use crate::planner::Removal;
use crate::release::helm::{ActionKind, FailureClass, HelmAction, HelmCall, judge};
use crate::release::manifest::ObjectKey;
use crate::release::record::{Record, ReleaseStatus};

/// Time for Helm's uninstall beside its waiting.
const BESIDE_WAITING: Duration = Duration::from_secs(60);
/// Where an inventory stands in its ConfigMap.
const INVENTORY_KEY: &str = "inventory.json";
/// Pauses while somebody else has to delete something first: they grow to the longest.
const WAIT_FIRST: Duration = Duration::from_secs(5);
/// See [`WAIT_FIRST`].
const WAIT_LONGEST: Duration = Duration::from_secs(30);

/// An object of a release, and whether it is to stay.
pub(super) type Kept = (ObjectKey, bool);

/// How a removal stands.
pub(super) enum Removed {
    /// Nothing of it is left.
    Gone,
    /// There was nothing, or nothing of this Component.
    Nothing,
    /// Not yet.
    Later(Next),
}

impl Pass<'_> {
    /// The Component is to go, and its release before it.
    pub(super) async fn delete(&mut self) -> Result<Next, PassError> {
        let finalizers = self
            .component
            .metadata
            .finalizers
            .clone()
            .unwrap_or_default();
        if !finalizers.iter().any(|known| known == FINALIZER) {
            self.context.slots.forget(&self.key);
            return Ok(None);
        }
        let releases = self.releases();
        if members::is_left_alone(&self.component) {
            let note = format!("suspended: {} left as it is", titles(&releases));
            return self.let_go(&note).await;
        }
        if self.component.spec.deletion_policy == DeletionPolicy::Orphan {
            let note = format!(
                "deletionPolicy is Orphan: {} left as it is",
                titles(&releases)
            );
            return self.let_go(&note).await;
        }
        if let Some(next) = self.wait_for_dependents("deleted").await? {
            return Ok(Some(next));
        }
        let note = match self.take_all_down(&releases).await? {
            Removed::Later(next) => return Ok(next),
            Removed::Gone => format!("{} uninstalled", titles(&releases)),
            Removed::Nothing => "nothing of it is installed".to_owned(),
        };
        self.let_go(&note).await
    }

    /// One release after the other, as far as one pass goes.
    async fn take_all_down(&mut self, releases: &[ReleaseKey]) -> Result<Removed, PassError> {
        let own = self.release();
        let mut removed = Removed::Nothing;
        for release in releases {
            if *release == own && self.moved_from().is_some() {
                // what is known of the old one, now gone or another's, is no proof for this one
                self.drop_inventory().await?;
                self.forget_release();
                self.note_release(&own);
                self.save().await?;
            }
            match self.take_down(release).await? {
                Removed::Later(next) => return Ok(Removed::Later(next)),
                Removed::Gone => removed = Removed::Gone,
                Removed::Nothing => {}
            }
        }
        Ok(removed)
    }

    /// The Component stays, its release goes.
    pub(super) async fn disable(&mut self) -> Result<Next, PassError> {
        let release = self.release();
        let is_done = self.draft.status.observed_generation == Some(self.generation())
            && self.says_ready_for(Reason::Disabled);
        if is_done {
            if !self.context.world.revisions(&release).is_empty()
                && !self.context.remember(&self.key, |memory| {
                    std::mem::replace(&mut memory.told_recreated, true)
                })
            {
                let note = format!(
                    "release {} exists although this Component is disabled: somebody else installed it, and it is \
                     left alone",
                    release.1
                );
                self.warn(Reason::Disabled, "Check", &note).await;
            }
            self.save().await?;
            return Ok(self.interval());
        }
        if let Some(next) = self.wait_for_dependents("disabled").await? {
            return Ok(Some(next));
        }
        let releases = self.releases();
        let was_installed = match self.take_all_down(&releases).await? {
            Removed::Later(next) => return Ok(next),
            Removed::Gone => true,
            Removed::Nothing => false,
        };
        self.forget_release();
        self.draft.status.dependencies.clear();
        self.draft.clear(&[ConditionType::DependenciesReady]);
        let message = "spec.enabled is false, and nothing is installed";
        self.draft
            .is_false(ConditionType::Released, Reason::UninstallSucceeded, message);
        self.draft.ready(Reason::Disabled, message);
        self.draft.phase(Phase::Disabled, message);
        self.save().await?;
        if was_installed {
            let note = format!("{} uninstalled: spec.enabled is false", titles(&releases));
            self.tell(Reason::UninstallSucceeded, "Uninstall", &note)
                .await;
        }
        Ok(self.interval())
    }

    /// What was done to the release, how it was, and which it was, is no more: the next one begins anew.
    pub(super) fn forget_release(&mut self) {
        self.clear_failures();
        self.context
            .remember(&self.key, |memory| memory.tried = None);
        let status = &mut self.draft.status;
        status.release_name = None;
        status.release_namespace = None;
        status.release_version = None;
        status.operation = None;
        status.observed_hash = None;
        status.last_attempted = None;
        status.history.clear();
        self.draft.clear(&[
            ConditionType::Remediated,
            ConditionType::Healthy,
            ConditionType::Drifted,
            ConditionType::TestSuccess,
        ]);
        self.draft
            .is_false(ConditionType::Released, Reason::NotInstalled, "");
    }

    fn says_ready_for(&self, reason: Reason) -> bool {
        let ready = find(&self.draft.status.conditions, ConditionType::Ready);
        ready.is_some_and(|ready| ready.status == "True" && ready.reason == reason.as_str())
    }

    /// Who needs this Component goes first, or says no.
    async fn wait_for_dependents(&mut self, what: &str) -> Result<Option<Duration>, PassError> {
        let planner = self.context.world.planner();
        let (reason, names, is_refused) = match planner.removal(&self.key) {
            Removal::Free => {
                if self
                    .draft
                    .has(ConditionType::Stalled, ConditionStatus::True)
                {
                    self.draft.clear(&[ConditionType::Stalled]);
                }
                return Ok(None);
            }
            Removal::WaitFor(dependents) => {
                (Reason::WaitingForDeletion, self.names(&dependents), false)
            }
            Removal::Refused(dependents) => {
                (Reason::DependentsExist, self.names(&dependents), true)
            }
        };
        // everything in a namespace that ends has to go, in whatever order
        if is_refused && self.namespace_ends(&self.key.namespace).await? {
            return Ok(None);
        }
        self.context.slots.forget(&self.key);
        if !is_refused {
            let message = format!("waits for the deletion of what needs it: {names}");
            self.draft
                .is_true(ConditionType::Reconciling, reason, &message);
            self.draft.clear(&[ConditionType::Stalled]);
            self.draft.phase(Phase::Uninstalling, &message);
            self.save().await?;
            return Ok(Some(self.longer_wait()));
        }
        let message = format!(
            "cannot be {what}: needed by {names}; delete or disable what needs it first, or set the annotation \
             ext.theriseunion.io/allow-break-dependents to \"true\""
        );
        let is_new = !self.says(ConditionType::Stalled, reason, &message);
        self.draft.is_true(ConditionType::Stalled, reason, &message);
        self.draft.clear(&[ConditionType::Reconciling]);
        self.draft.settle();
        self.draft.status.message = Some(message.clone());
        self.save().await?;
        if is_new {
            self.warn(reason, "Uninstall", &message).await;
        }
        Ok(self.safety_poll())
    }

    fn names(&self, keys: &[NodeKey]) -> String {
        let named: Vec<String> = keys
            .iter()
            .map(|key| key.seen_from(&self.key.namespace))
            .collect();
        named.join(", ")
    }

    fn longer_wait(&self) -> Duration {
        let rounds = self.context.remember(&self.key, |memory| {
            memory.leftovers += 1;
            memory.leftovers - 1
        });
        WAIT_FIRST
            .saturating_mul(rounds.saturating_add(1))
            .min(WAIT_LONGEST)
    }

    async fn namespace_ends(&self, name: &str) -> Result<bool, PassError> {
        let namespaces: Api<Namespace> = Api::all(self.context.client.clone());
        let found = namespaces.get_opt(name).await?;
        Ok(found.is_none_or(|found| found.metadata.deletion_timestamp.is_some()))
    }

    /// Takes the release down, as far as one pass goes.
    pub(super) async fn take_down(&mut self, release: &ReleaseKey) -> Result<Removed, PassError> {
        let observed = self.context.observe_afresh(&self.key, release).await?;
        let holder_is_gone = self.holder_is_gone(release).await?;
        let without_hooks = match self.decide_removal(&observed, holder_is_gone) {
            RemovalStep::Uninstall => false,
            RemovalStep::UninstallWithoutHooks => true,
            RemovalStep::NothingThere => {
                self.context.slots.forget(&self.key);
                self.drop_inventory().await?;
                return Ok(Removed::Nothing);
            }
            RemovalStep::VerifyInventory => {
                self.context.slots.forget(&self.key);
                return self.verify(release).await;
            }
            RemovalStep::SetAside { revision } => {
                self.set_aside(release, revision, &observed).await?;
                return Err(PassError::Conflict);
            }
            RemovalStep::Wait {
                reason,
                message,
                until,
            } => {
                self.context.slots.forget(&self.key);
                self.draft
                    .is_false(ConditionType::Released, reason, &message);
                self.draft.is_true(
                    ConditionType::Reconciling,
                    Reason::ProgressingWithRetry,
                    &message,
                );
                self.draft.phase(Phase::Uninstalling, &message);
                self.save().await?;
                let until = super::until_then(self.draft.now(), until);
                return Ok(Removed::Later(Some(match reason {
                    // nobody says when the holder is gone
                    Reason::PendingRelease => until.min(self.another_transient()),
                    _ => until,
                })));
            }
        };
        let Some(_slot) = self.take_slot(release, true) else {
            let message = "other releases are being worked on";
            self.draft
                .is_true(ConditionType::Reconciling, Reason::WaitingForSlot, message);
            self.draft
                .phase(Phase::Uninstalling, "waits for a slot to uninstall");
            self.save().await?;
            return Ok(Removed::Later(self.safety_poll()));
        };
        if let Some(next) = self
            .uninstall_once(release, &observed, without_hooks)
            .await?
        {
            return Ok(Removed::Later(Some(next)));
        }
        self.verify(release).await
    }

    fn decide_removal(&self, observed: &Observed, holder_is_gone: bool) -> RemovalStep {
        let has_inventory = self.draft.status.inventory_ref.is_some()
            || self
                .context
                .remember(&self.key, |memory| memory.inventory.is_some());
        decide::decide_removal(&decide::Removal {
            now: self.draft.now(),
            revisions: &observed.revisions,
            newest: observed.newest.for_decision(),
            status: &self.draft.status,
            holder: &self.context.identity,
            holder_is_gone,
            forced: self.force_request().is_some(),
            is_anothers: observed.is_anothers,
            has_rival: observed.rival.is_some(),
            has_inventory,
        })
    }

    /// Runs Helm's uninstall; `None` if the release is gone afterwards.
    async fn uninstall_once(
        &mut self,
        release: &ReleaseKey,
        observed: &Observed,
        without_hooks: bool,
    ) -> Result<Option<Duration>, PassError> {
        let ends = self.namespace_ends(&release.0).await?;
        self.save_inventory(release, observed).await?;
        let timeout = self.component.spec.uninstall.timeout.as_ref();
        let timeout = timeout.unwrap_or(&self.component.spec.timeout).get();
        let deadline = timeout * 3 + BESIDE_WAITING;
        let id = new_operation();
        let now = self.draft.now();
        if let Some(value) = self.force_request() {
            self.draft.status.last_handled_force_at = Some(value);
        }
        let failed_before = |known: &Condition| known.reason == Reason::UninstallFailed.as_str();
        if !self.draft.status.conditions.iter().any(failed_before) {
            self.clear_failures();
        }
        self.operation = Some(id.clone());
        // failures of an earlier generation are behind us: from here on they are this removal's
        self.draft.status.last_attempted = None;
        self.draft.status.operation = Some(Operation {
            id: id.clone(),
            kind: OperationKind::Uninstall,
            from_revision: observed.number(),
            hash: None,
            chart_digest: None,
            holder: self.context.identity.clone(),
            started_at: Time(now),
            deadline: Time(now + SignedDuration::try_from(deadline).unwrap_or(SignedDuration::MAX)),
        });
        let doing = format!("uninstalling release {}", release.1);
        self.draft.progressing(Reason::Progressing, &doing);
        self.draft.phase(Phase::Uninstalling, &doing);
        self.save().await?;
        info!(component = %self.key, operation = id, message = doing, "Component");
        let call = HelmCall {
            action: HelmAction::Uninstall(self.uninstall_call(ends || without_hooks)),
            release: release.1.clone(),
            namespace: release.0.clone(),
            as_user: None,
            timeout,
            deadline,
        };
        self.keep_records_served(release, observed, None).await?;
        let outcome = self.uninstall(&call, &id).await?;
        if self.context.stop.is_cancelled() {
            return Ok(Some(Duration::from_secs(1)));
        }
        let after = self.context.observe_afresh(&self.key, release).await?;
        let is_gone = after
            .revisions
            .first()
            .is_none_or(|newest| newest.status == ReleaseStatus::Uninstalled);
        self.draft.status.operation = None;
        if is_gone {
            // Helm's word on leftovers does not count: they are looked for
            self.context.metrics.operation(
                "Uninstall",
                "success",
                Reason::UninstallSucceeded.as_str(),
            );
            let message = format!("release {} is uninstalled", release.1);
            self.draft.is_false(
                ConditionType::Released,
                Reason::UninstallSucceeded,
                &message,
            );
            self.clear_failures();
            self.context
                .remember(&self.key, |memory| memory.leftovers = 0);
            self.save().await?;
            return Ok(None);
        }
        let failure = judge(ActionKind::Uninstall, &outcome);
        let (class, reason, message) = match failure {
            Some(failure) => (failure.class, failure.reason, failure.message),
            None => (
                FailureClass::DecideAgain,
                Reason::UninstallFailed,
                "Helm reported success, and the release is still there".to_owned(),
            ),
        };
        self.context
            .metrics
            .operation("Uninstall", "failure", reason.as_str());
        let counted = match class {
            FailureClass::Attempt | FailureClass::Terminal => FailureClass::Attempt,
            other => other,
        };
        let next_retry = self.schedule_retry(counted, OperationKind::Uninstall);
        let failures = self.draft.status.retry_count.unwrap_or_default();
        let message = if failures < decide::UNINSTALLS_WITH_HOOKS {
            message
        } else {
            format!(
                "{message} (the annotation {} with a new value leaves the chart's hooks out now)",
                annotation::FORCE_AT
            )
        };
        let failed = Reason::UninstallFailed;
        self.draft
            .is_false(ConditionType::Released, failed, &message);
        self.draft
            .waiting(failed, Reason::ProgressingWithRetry, &message);
        self.draft.phase(Phase::Uninstalling, &message);
        self.save().await?;
        let action = format!("Uninstall/{}", observed.number());
        self.warn(failed, &action, &message).await;
        Ok(Some(super::until_then(self.draft.now(), next_retry)))
    }

    /// What the release consists of is written down before Helm forgets it (docs/components.md 5.8, fact 4).
    async fn save_inventory(
        &mut self,
        release: &ReleaseKey,
        observed: &Observed,
    ) -> Result<(), PassError> {
        let mut items = self.inventory().await?;
        for revision in observed.revisions.iter().take(2) {
            if let Some(Ok(record)) = self.context.record(release, revision.number).await? {
                items.extend(consists_of(&record));
            }
        }
        // an object is one in whatever version it is named, and what was said of it last holds
        let items: BTreeMap<(String, String, Option<String>, String), Kept> = (items.into_iter())
            .map(|(key, keep)| {
                let of = key.clone();
                ((of.group, of.kind, of.namespace, of.name), (key, keep))
            })
            .collect();
        let items: Vec<Kept> = items.into_values().collect();
        self.write_inventory(&items).await
    }

    /// What the release consists of now is written down: whoever ends its namespace takes Helm's record along, and not
    /// what lies elsewhere (docs/components.md 12.2).
    pub(super) async fn note_inventory(
        &mut self,
        release: &ReleaseKey,
        revision: i64,
    ) -> Result<(), PassError> {
        let items = match self.context.record(release, revision).await? {
            Some(Ok(record)) => consists_of(&record),
            _ => Vec::new(),
        };
        self.write_inventory(&items).await
    }

    pub(super) async fn write_inventory(&mut self, items: &[Kept]) -> Result<(), PassError> {
        let known = self
            .context
            .remember(&self.key, |memory| memory.inventory.replace(items.to_vec()));
        if self.draft.status.inventory_ref.is_some() && known.as_deref() == Some(items) {
            return Ok(());
        }
        let name = self.inventory_name();
        let mut config_map = ConfigMap::default();
        config_map.metadata.name = Some(name.clone());
        config_map.metadata.namespace = Some(self.key.namespace.clone());
        config_map.metadata.owner_references = self.component.metadata.uid.clone().map(|uid| {
            vec![OwnerReference {
                api_version: "ext.theriseunion.io/v1alpha1".to_owned(),
                kind: "Component".to_owned(),
                name: self.key.name.clone(),
                uid,
                ..OwnerReference::default()
            }]
        });
        let text = serde_json::to_string(items).unwrap_or_default();
        config_map.data = Some(BTreeMap::from([(INVENTORY_KEY.to_owned(), text)]));
        let api = self.config_maps();
        let written = match api.create(&PostParams::default(), &config_map).await {
            Err(cause) if is_conflict(&cause) => {
                api.replace(&name, &PostParams::default(), &config_map)
                    .await
            }
            written => written,
        };
        match written {
            Ok(_) => self.draft.status.inventory_ref = Some(name),
            // nothing can be made in a namespace that ends: it is remembered as long as this process lives
            Err(kube::Error::Api(status)) if status.code == 403 || status.code == 404 => {}
            Err(cause) => return Err(cause.into()),
        }
        Ok(())
    }

    /// A name that nobody else takes: charts and users have ConfigMaps in this namespace too.
    fn inventory_name(&self) -> String {
        let uid = self.component.metadata.uid.as_deref().unwrap_or_default();
        inventory_name(&self.key.name, uid)
    }

    fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.context.client.clone(), &self.key.namespace)
    }

    /// What was written down.
    async fn inventory(&self) -> Result<Vec<Kept>, PassError> {
        if let Some(items) = self
            .context
            .remember(&self.key, |memory| memory.inventory.clone())
        {
            return Ok(items);
        }
        let Some(name) = self.draft.status.inventory_ref.clone() else {
            return Ok(Vec::new());
        };
        let found = self.config_maps().get_opt(&name).await?;
        let text = found.and_then(|found| found.data?.remove(INVENTORY_KEY));
        Ok(text
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default())
    }

    /// Proof that nothing is left; what is left is named, and asked to go again.
    async fn verify(&mut self, release: &ReleaseKey) -> Result<Removed, PassError> {
        let inventory = self.inventory().await?;
        let mut left = leftovers(&self.context.objects, &inventory, &release.0).await;
        // what another release has taken over is its own
        left.retain(|one| one.release.as_ref().is_none_or(|owner| owner == release));
        if left.is_empty() {
            self.drop_inventory().await?;
            return Ok(Removed::Gone);
        }
        // what could not be looked at may be somebody else's by now
        for leftover in left
            .iter()
            .filter(|leftover| leftover.deleting_since.is_none() && leftover.unknown.is_none())
        {
            // a failure shows in the next look
            let _ = self.context.objects.delete(&leftover.key, &release.0).await;
        }
        let message = format!(
            "waits until what was installed is gone: {}",
            describe(&left)
        );
        self.draft.is_true(
            ConditionType::Reconciling,
            Reason::WaitingForDeletion,
            &message,
        );
        self.draft.phase(Phase::Uninstalling, &message);
        self.save().await?;
        Ok(Removed::Later(Some(self.longer_wait())))
    }

    pub(super) async fn drop_inventory(&mut self) -> Result<(), PassError> {
        self.context.remember(&self.key, |memory| {
            memory.inventory = None;
            memory.leftovers = 0;
        });
        if let Some(name) = self.draft.status.inventory_ref.take() {
            match self
                .config_maps()
                .delete(&name, &DeleteParams::default())
                .await
            {
                Ok(_) => {}
                Err(cause) if is_not_found(&cause) => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        Ok(())
    }

    /// The finalizer goes, and the Component with it.
    async fn let_go(&mut self, note: &str) -> Result<Next, PassError> {
        self.context.slots.forget(&self.key);
        let finalizers = self
            .component
            .metadata
            .finalizers
            .clone()
            .unwrap_or_default();
        let others: Vec<String> = finalizers
            .into_iter()
            .filter(|known| known != FINALIZER)
            .collect();
        self.patch_finalizers(&others).await?;
        self.tell(Reason::UninstallSucceeded, "Delete", note).await;
        Ok(None)
    }
}

/// The objects of a revision, without hooks, which go by their own rules.
pub(super) fn consists_of(record: &Record) -> Vec<Kept> {
    // what we cannot read, Helm cannot either, and says so
    let objects = crate::release::manifest::inventory(record).unwrap_or_default();
    let own = objects.into_iter().filter(|item| !item.hook);
    let items: BTreeMap<ObjectKey, bool> = own.map(|item| (item.key, item.keep)).collect();
    items.into_iter().collect()
}

/// Name and uid of a Component, as far as they fit.
fn inventory_name(name: &str, uid: &str) -> String {
    const LONGEST: usize = 200;
    let name = name.get(..LONGEST).unwrap_or(name);
    let uid = uid.get(..8).unwrap_or(uid);
    format!("{}.{uid}.inventory", name.trim_end_matches(['-', '.']))
}

/// Releases in a sentence, with their verb.
fn titles(releases: &[ReleaseKey]) -> String {
    match releases {
        [] => "nothing is".to_owned(),
        [(_, name)] => format!("release {name} is"),
        several => {
            let named = several
                .iter()
                .map(|(namespace, name)| format!("{name} in {namespace}"));
            let named: Vec<String> = named.collect();
            format!("releases {} are", named.join(" and "))
        }
    }
}

/// The first few leftovers, with what holds them.
pub(super) fn describe(left: &[Leftover]) -> String {
    let mut named: Vec<String> = (left.iter().take(3))
        .map(|leftover| match leftover.finalizers.as_slice() {
            [] => leftover.key.to_string(),
            finalizers => format!("{} (finalizer {})", leftover.key, finalizers.join(", ")),
        })
        .collect();
    if left.len() > 3 {
        named.push(format!("and {} more", left.len() - 3));
    }
    named.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inventory_has_a_name_of_its_own() {
        let uid = "1b2f0c5e-0d6c-4a4e-9d0e-0f6f6f2c7a11";
        assert_eq!(inventory_name("web", uid), "web.1b2f0c5e.inventory");
        // Kubernetes takes 253 characters, and a letter or digit before each dot
        let long = format!("{}.-{}", "a".repeat(199), "b".repeat(52));
        let shortened = inventory_name(&long, uid);
        assert_eq!(shortened, format!("{}.1b2f0c5e.inventory", "a".repeat(199)));
    }
}
