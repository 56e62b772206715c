//! One look at one Component: observe, decide, act, report (docs/components.md 4.1). At most one Helm operation per
//! pass; what follows from it is the next pass's business.

mod chart;
mod dependencies;
mod moved;
mod operation;
mod progress;
mod removal;
mod rewriting;
mod unlock;
mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::component::conditions::{ConditionStatus, ConditionType, Reason};
use crate::component::names::{FINALIZER, annotation};
use crate::component::spec_hash::{Ingredients, SpecHash};
use crate::component::status::{Attempt, Failures, OperationKind};
use crate::component::{Component, ComponentSpec, ComponentStatus, Phase, UpgradeFailure, rules};
use crate::controller::charts::FetchedChart;
use crate::controller::context::{
    Context, Observed, PassError, is_conflict, is_not_found, jitter, jittered,
};
use crate::controller::decide::{self, Action, Decision, Situation, Wanted, Why, decide};
use crate::controller::events::EventKind;
use crate::controller::report::{Draft, find};
use crate::controller::slots::{ReleaseKey, Slot, Urgency};
use crate::controller::world::{Seen, release_of};
use crate::controller::{holder, retry};
use crate::node_key::NodeKey;
use crate::planner::{DependencyCheck, Verdict};
use crate::release::helm::{FailureClass, UNKNOWN_KINDS};
use crate::release::record::ReleaseStatus;
use crate::release::token::Token;
use crate::repository::chain;

/// When the Component wants to be looked at again without being woken; `None` is not at all.
type Next = Option<Duration>;

/// Decisions that only change what is known (an unlock, a failure that was not yet counted) may follow each other so
/// often in one pass.
const MAX_STEPS: usize = 4;
/// What a Component waits for is written so often at most.
const NEWS: Duration = Duration::from_secs(2);
/// Pause after somebody else changed the object at the same time.
const AFTER_CONFLICT: Duration = Duration::from_millis(50);

/// Looks at a Component; says when to look again.
pub async fn pass(context: Arc<Context>, key: NodeKey) -> Option<Duration> {
    let started = Instant::now();
    let transient = context.remember(&key, |memory| memory.transient);
    let Some(seen) = context.world.component(&key) else {
        context.slots.forget(&key);
        context.forget(&key);
        return None;
    };
    let outcome = match &*seen {
        Seen::Usable(component) => {
            let draft = Draft::of(component, context.now());
            let begun = draft.status.operation.as_ref();
            let mut pass = Pass {
                context: &context,
                key: key.clone(),
                operation: begun.map(|operation| operation.id.clone()),
                component: Component::clone(component),
                draft,
            };
            pass.run().await
        }
        Seen::Broken { metadata, error } => {
            refuse_broken(&context, &key, metadata.generation, error).await
        }
    };
    let (result, next) = match outcome {
        Ok(next) => {
            // unless this pass, too, could not do what it should, or came too early to try
            context.remember(&key, |memory| {
                if memory.transient == transient && memory.pause.is_none() {
                    memory.transient = 0;
                }
            });
            ("success", next)
        }
        Err(PassError::Conflict) => ("conflict", Some(AFTER_CONFLICT)),
        Err(cause) => {
            context.metrics.retry(FailureClass::Transient);
            warn!(component = %key, error = chain(&cause), "Pass failed: it is tried again");
            ("error", Some(context.another_transient(&key)))
        }
    };
    context.metrics.reconciled(result, started.elapsed());
    debug!(component = %key, result, next = ?next, took = ?started.elapsed(), "Pass ended");
    next
}

/// A Component that an older definition let through: it is told what is wrong with it.
async fn refuse_broken(
    context: &Context,
    key: &NodeKey,
    generation: Option<i64>,
    error: &str,
) -> Result<Next, PassError> {
    let mut stand_in = Component::new(&key.name, crate::component::ComponentSpec::default());
    stand_in.metadata.generation = generation;
    let mut draft = Draft::of(&stand_in, context.now());
    let message = format!("the object cannot be read: {error}; correct it and apply it again");
    draft.stalled(Reason::InvalidSpec, &message);
    draft.phase(Phase::Stalled, &message);
    let patch = json!({"status": draft.status});
    let api: kube::Api<kube::api::DynamicObject> = kube::Api::namespaced_with(
        context.client.clone(),
        &key.namespace,
        &kube::api::ApiResource::erase::<Component>(&()),
    );
    let patched = api
        .patch_status(
            &key.name,
            &kube::api::PatchParams::default(),
            &kube::api::Patch::Merge(patch),
        )
        .await;
    match patched {
        Ok(_) => Ok(None),
        Err(cause) if is_not_found(&cause) => Ok(None),
        Err(cause) => Err(cause.into()),
    }
}

/// One look at one Component.
struct Pass<'a> {
    context: &'a Arc<Context>,
    key: NodeKey,
    /// As it was last read or written.
    component: Component,
    /// Its status, as far as it has been worked out.
    draft: Draft,
    /// The operation that this pass is about, from the decision to the outcome: one that it found begun, or begins.
    operation: Option<String>,
}

impl Pass<'_> {
    async fn run(&mut self) -> Result<Next, PassError> {
        if self.component.metadata.deletion_timestamp.is_some() {
            return self.delete().await;
        }
        if self.component.is_left_alone() {
            return self.leave_alone().await;
        }
        let problem = rules::problem(&self.component);
        // one that breaks a rule of the definition may be changed only once it has a status
        if problem.is_none() || self.component.status.is_some() {
            self.ensure_finalizer().await?;
        }
        if let Some(problem) = problem {
            return self.stall(Reason::InvalidSpec, &problem).await;
        }
        let planner = self.context.world.planner();
        if !self.component.spec.enabled {
            self.take_requests();
            self.draft.status.required_by = planner.required_by(&self.key);
            return self.disable().await;
        }
        if let Some(owner) = planner.release_owner(&self.key) {
            let (namespace, name) = self.release();
            let message = format!(
                "release {name} in namespace {namespace} belongs to Component {owner}, which is older; set \
                 spec.chart.releaseName or spec.chart.namespace to something else, or delete one of the two"
            );
            return self.stall(Reason::ReleaseConflict, &message).await;
        }
        self.take_requests();
        self.draft.status.required_by = planner.required_by(&self.key);
        if let Some(next) = self.collect_if_unneeded(&planner).await? {
            return Ok(Some(next));
        }
        let chart = match self.resolve_chart().await? {
            Ok(chart) => chart,
            Err(next) => return Ok(next),
        };
        self.bring_to(&chart).await
    }

    /// The release of this Component.
    fn release(&self) -> ReleaseKey {
        release_of(&self.component)
    }

    /// From now on this is the release that the status tells of.
    fn note_release(&mut self, (namespace, name): &ReleaseKey) {
        self.draft.status.release_namespace = Some(namespace.clone());
        self.draft.status.release_name = Some(name.clone());
    }

    fn generation(&self) -> i64 {
        self.component.metadata.generation.unwrap_or_default()
    }

    /// Every `spec.interval`, give or take a tenth.
    fn interval(&self) -> Next {
        Some(jittered(self.component.spec.interval.get()))
    }

    fn safety_poll(&self) -> Next {
        Some(jittered(self.context.config.safety_poll))
    }

    /// Writes the status, if it says something new.
    async fn save(&mut self) -> Result<(), PassError> {
        if self.component.status.as_ref() == Some(&self.draft.status) {
            return Ok(());
        }
        let mut wanted = self.component.clone();
        wanted.status = Some(self.draft.status.clone());
        let written = self.context.write_status(&wanted).await?;
        let phase = self.draft.status.phase.as_ref().map(ToString::to_string);
        debug!(component = %self.key, phase, note = self.draft.status.message, "Status written");
        self.took_in(written);
        Ok(())
    }

    /// Writes that there is something to wait for, if it says something new, but not again and again while one dependency
    /// after the other gets further: what is left out is looked at again in a moment, which is the answer then.
    async fn save_news(&mut self, next: Next) -> Result<Next, PassError> {
        if self.component.status.as_ref() == Some(&self.draft.status) {
            return Ok(next);
        }
        let told = self.context.remember(&self.key, |memory| memory.told_news);
        let rest = told.and_then(|told| NEWS.checked_sub(told.elapsed()));
        if let Some(rest) = rest.filter(|rest| !rest.is_zero()) {
            return Ok(Some(rest));
        }
        self.save().await?;
        self.context.remember(&self.key, |memory| {
            memory.told_news = Some(Instant::now());
        });
        Ok(next)
    }

    /// What the API server answered is what we go on from, and what everybody else here sees.
    fn took_in(&mut self, written: Component) {
        let seen = Seen::Usable(Box::new(written.clone()));
        if let Some(concerned) = self.context.world.apply(seen) {
            self.context.waker.wake_concerned(&concerned);
        }
        self.component = written;
        let status = self.component.status.clone().unwrap_or_default();
        self.draft.status = status;
    }

    async fn ensure_finalizer(&mut self) -> Result<(), PassError> {
        let mut finalizers = self
            .component
            .metadata
            .finalizers
            .clone()
            .unwrap_or_default();
        if finalizers.iter().any(|known| known == FINALIZER) {
            return Ok(());
        }
        finalizers.push(FINALIZER.to_owned());
        self.patch_finalizers(&finalizers).await
    }

    async fn patch_finalizers(&mut self, finalizers: &[String]) -> Result<(), PassError> {
        let patched = self.patch_metadata(json!({"finalizers": finalizers})).await;
        match patched {
            // it went while we looked
            Err(PassError::Kube(cause)) if is_not_found(&cause) => Ok(()),
            patched => patched,
        }
    }

    /// Changes the object's metadata, if nobody else has changed the object meanwhile. The draft stays.
    async fn patch_metadata(&mut self, mut metadata: serde_json::Value) -> Result<(), PassError> {
        metadata["resourceVersion"] = json!(self.component.metadata.resource_version);
        let api = self.context.components(&self.key.namespace);
        let patched = api
            .patch(
                &self.key.name,
                &kube::api::PatchParams::default(),
                &kube::api::Patch::Merge(json!({"metadata": metadata})),
            )
            .await;
        match patched {
            Ok(patched) => {
                let status = self.draft.status.clone();
                self.took_in(patched);
                self.draft.status = status;
                Ok(())
            }
            Err(cause) if is_conflict(&cause) => Err(PassError::Conflict),
            Err(cause) => Err(cause.into()),
        }
    }

    /// Stops until somebody changes something.
    async fn stall(&mut self, reason: Reason, message: &str) -> Result<Next, PassError> {
        self.context.slots.forget(&self.key);
        let is_new = !self.says(ConditionType::Stalled, reason, message);
        self.draft.stalled(reason, message);
        self.draft.phase(Phase::Stalled, message);
        self.save().await?;
        if is_new {
            self.warn(reason, "Check", message).await;
        }
        Ok(Some(retry::delay(FailureClass::Terminal, 0, jitter())))
    }

    /// True if the object says just this already.
    fn says(&self, about: ConditionType, reason: Reason, message: &str) -> bool {
        let status = self.component.status.as_ref();
        let known = status.and_then(|status| find(&status.conditions, about));
        known.is_some_and(|known| known.reason == reason.as_str() && known.message == message)
    }

    async fn warn(&self, reason: Reason, action: &str, note: &str) {
        let operation = self.operation.as_deref();
        warn!(component = %self.key, operation, reason = reason.as_str(), action, message = note, "Component");
        self.send(EventKind::Warning, reason, action, note);
    }

    async fn tell(&self, reason: Reason, action: &str, note: &str) {
        let operation = self.operation.as_deref();
        info!(component = %self.key, operation, reason = reason.as_str(), action, message = note, "Component");
        self.send(EventKind::Normal, reason, action, note);
    }

    /// How an operation ended that an earlier process began, or an earlier pass: nobody who saw it told so.
    fn log_outcome(&self, message: &str) {
        if let Some(operation) = &self.operation {
            info!(component = %self.key, operation, message, "Component");
        }
    }

    /// Sends an event beside the work: nobody waits for it, and nothing depends on it.
    fn send(&self, kind: EventKind, reason: Reason, action: &str, note: &str) {
        let events = Arc::clone(&self.context.events);
        // what the event is about, without what may be large
        let mut about = Component::new(self.component.name(), ComponentSpec::default());
        about.metadata = self.component.metadata.clone();
        let (action, note) = (action.to_owned(), note.to_owned());
        tokio::spawn(async move { events.send(&about, kind, reason, &action, &note).await });
    }

    /// Annotations that ask for something once (docs/components.md 2.2).
    fn take_requests(&mut self) {
        let asked = |key: &str| {
            let annotations = self.component.metadata.annotations.as_ref();
            annotations.and_then(|all| all.get(key)).cloned()
        };
        if let Some(value) = asked(annotation::REQUESTED_AT)
            && self.draft.status.last_handled_reconcile_at.as_ref() != Some(&value)
        {
            self.draft.status.last_handled_reconcile_at = Some(value);
            self.context
                .remember(&self.key, |memory| memory.checked = None);
        }
        if let Some(value) = asked(annotation::RESET_AT)
            && self.draft.status.last_handled_reset_at.as_ref() != Some(&value)
        {
            self.draft.status.last_handled_reset_at = Some(value);
            self.clear_failures();
        }
        let tried = self.draft.status.last_attempted.as_ref();
        if tried.is_some_and(|tried| tried.generation != Some(self.generation())) {
            self.clear_failures();
        }
        let came = self.context.remember(&self.key, |memory| {
            std::mem::take(&mut memory.definition_came)
        });
        if came && lacks_definitions(&self.draft.status).is_some() {
            self.clear_failures();
        }
    }

    fn clear_failures(&mut self) {
        self.draft.status.failures = None;
        self.draft.status.retry_count = None;
        self.draft.status.next_retry_time = None;
        self.context
            .remember(&self.key, |memory| memory.pause = None);
    }

    /// A value of the annotation forceAt that was not acted on yet.
    fn force_request(&self) -> Option<String> {
        let annotations = self.component.metadata.annotations.as_ref();
        let value = annotations.and_then(|all| all.get(annotation::FORCE_AT))?;
        (self.draft.status.last_handled_force_at.as_ref() != Some(value)).then(|| value.clone())
    }

    /// Nothing is done to the release; what is true of it is reported (docs/components.md 12.5).
    async fn leave_alone(&mut self) -> Result<Next, PassError> {
        self.context.slots.forget(&self.key);
        // one that it has still, though the spec names another by now
        let release = self.moved_from().unwrap_or_else(|| self.release());
        let observed = self.context.observe(&self.key, &release).await?;
        self.draft.status.required_by = self.context.world.planner().required_by(&self.key);
        self.note_release(&release);
        let deployed = observed
            .record()
            .filter(|record| record.status == ReleaseStatus::Deployed);
        if let Some(record) = deployed {
            self.draft.status.release_version = Some(record.revision);
        }
        if self.component.is_marked(annotation::PRE_INSTALLED) {
            self.report_preinstalled(deployed.cloned().as_deref());
        } else {
            self.draft
                .clear(&[ConditionType::Reconciling, ConditionType::Stalled]);
            let how = if self.component.spec.suspend {
                "spec.suspend is true"
            } else {
                "the annotation skip-reconcile is set"
            };
            let message = match deployed {
                Some(record) => format!(
                    "{how}: release {} revision {} is left as it is",
                    release.1, record.revision
                ),
                None => format!("{how}: nothing is installed or changed"),
            };
            let ready = find(&self.draft.status.conditions, ConditionType::Ready);
            if ready.is_none_or(|ready| ready.status == "Unknown") {
                let unknown = ConditionStatus::Unknown;
                self.draft
                    .set(ConditionType::Ready, unknown, Reason::Progressing, &message);
            }
            self.draft.phase(Phase::Suspended, &message);
        }
        self.save().await?;
        Ok(None)
    }

    /// A release that was installed by other means counts as what it is.
    fn report_preinstalled(&mut self, deployed: Option<&crate::release::record::Record>) {
        match deployed {
            Some(record) => {
                self.draft.status.resolved_version = Some(record.chart.version.clone());
                self.draft.status.app_version = record.chart.app_version.clone();
                let message = format!(
                    "release {} {} was installed by other means and is left alone",
                    record.name, record.chart.version
                );
                self.draft.ready(Reason::Preinstalled, &message);
                self.draft.phase(Phase::Suspended, &message);
            }
            None => {
                let spec_version = self.component.spec.version.clone();
                if !spec_version.is_empty() {
                    self.draft.status.resolved_version = Some(spec_version);
                }
                let message = "marked as installed by other means; there is no Helm release of it, and the word of \
                               the annotation is taken";
                self.draft.ready(Reason::Preinstalled, message);
                self.draft.phase(Phase::Suspended, message);
            }
        }
    }

    /// Chart, values and dependencies are known: does the release have to change, and may it?
    async fn bring_to(&mut self, chart: &Arc<FetchedChart>) -> Result<Next, PassError> {
        let release = self.release();
        let hash = self.hash(chart);
        let wanted = self.wanted(chart, hash);
        let gate = self.gate(chart).await?;
        if let Some(old) = self.moved_from() {
            return self.move_from(&old, chart, &wanted, &gate).await;
        }
        let mut observed = self.context.observe(&self.key, &release).await?;
        let mut is_fresh = false;
        let mut slot = None;
        for _ in 0..MAX_STEPS {
            let holder_is_gone = self.holder_is_gone(&release).await?;
            let decision = decide(&self.situation(&wanted, &observed, holder_is_gone));
            if let Decision::Run { action, why } = &decision
                && !gate.asks_for_more()
                && let Some(next) = self.admit(&gate, &release, action, why, &mut slot).await?
            {
                // whoever cannot go on yet need not look closer
                return Ok(next);
            }
            if !matches!(decision, Decision::InSync { .. }) && !is_fresh {
                // nothing is done, counted or awaited on the word of a cache
                observed = self.context.observe_afresh(&self.key, &release).await?;
                is_fresh = true;
                continue;
            }
            match decision {
                Decision::InSync { how } => {
                    return self.in_sync(chart, &wanted, &observed, how).await;
                }
                Decision::Unlock { revision, event } => {
                    self.unlock(&release, revision, &event, &observed).await?;
                    observed = self.context.observe_afresh(&self.key, &release).await?;
                }
                Decision::CountFailure {
                    kind,
                    class,
                    message,
                    ..
                } => {
                    self.draft.status.operation = None;
                    self.note_failed(&observed);
                    self.log_outcome(&message);
                    if class == FailureClass::Interrupted {
                        self.draft.progressing(Reason::Progressing, &message);
                    } else {
                        let reason = failed_reason(kind);
                        self.count_failure(class, kind, reason, &message);
                    }
                    self.save().await?;
                }
                Decision::RecordRollback { to, .. } => {
                    let Some(record) = observed.record().cloned() else {
                        return Err(PassError::Conflict);
                    };
                    self.draft.status.operation = None;
                    return self.rolled_back(to, &record, &wanted).await;
                }
                Decision::SetAside { revision } => {
                    self.set_aside(&release, revision, &observed).await?;
                    observed = self.context.observe_afresh(&self.key, &release).await?;
                }
                Decision::Wait {
                    reason,
                    message,
                    class,
                    until,
                } => {
                    return self.wait(reason, &message, class, until).await;
                }
                Decision::Hold {
                    reason,
                    message,
                    recheck,
                } => {
                    return self.hold(reason, &message, recheck, &observed).await;
                }
                Decision::Run { action, why } => {
                    if let Some(left) = self.pause() {
                        self.context.slots.forget(&self.key);
                        self.draft.settle();
                        self.save().await?;
                        return Ok(Some(left));
                    }
                    self.provide(&gate).await?;
                    let blocked = self.admit(&gate, &release, &action, &why, &mut slot);
                    if let Some(next) = blocked.await? {
                        return Ok(next);
                    }
                    // what was seen is of this pass, and nobody else here works on the release
                    return self
                        .operate(action, &why, chart, &wanted, &observed, slot)
                        .await;
                }
            }
        }
        Err(PassError::Conflict)
    }

    /// Helm could not do its work, through nobody's fault: it is not run again before this is over.
    fn pause_helm(&mut self, class: FailureClass) -> Duration {
        let delay = self.another_transient();
        let pause = (self.generation(), Instant::now() + delay);
        self.context
            .remember(&self.key, |memory| memory.pause = Some(pause));
        self.context.metrics.retry(class);
        delay
    }

    /// How long Helm is not run again because it could not reach something; what wakes a Component meanwhile, such as the
    /// news of its own status, does not cut that short. Another spec does, and so does whoever asks for it.
    fn pause(&self) -> Option<Duration> {
        let generation = self.generation();
        let is_asked_for = self.force_request().is_some();
        self.context.remember(&self.key, |memory| {
            let (of, until) = memory.pause?;
            let left = until.saturating_duration_since(Instant::now());
            if of == generation && !is_asked_for && !left.is_zero() {
                return Some(left);
            }
            memory.pause = None;
            None
        })
    }

    /// Whether the dependencies and a free slot, which is then taken, let Helm run; if not, when to look again.
    async fn admit(
        &mut self,
        gate: &DependencyCheck,
        release: &ReleaseKey,
        action: &Action,
        why: &Why,
        slot: &mut Option<Slot>,
    ) -> Result<Option<Next>, PassError> {
        if let Some(next) = self.blocked_by(gate).await? {
            return Ok(Some(next));
        }
        if slot.is_none() {
            *slot = self.take_slot(release, matches!(action, Action::Rollback { .. }));
        }
        if slot.is_none() {
            return self.queued(&why.to_string()).await.map(Some);
        }
        self.context
            .remember(&self.key, |memory| memory.queued = None);
        Ok(None)
    }

    /// When to look again, if a dependency is in the way.
    async fn blocked_by(&mut self, gate: &DependencyCheck) -> Result<Option<Next>, PassError> {
        match &gate.verdict {
            Verdict::Ready { .. } => Ok(None),
            Verdict::Waiting { reason, message } => {
                self.block(*reason, message, false).await.map(Some)
            }
            Verdict::Stalled { reason, message } => {
                self.block(*reason, message, true).await.map(Some)
            }
        }
    }

    fn hash(&self, chart: &FetchedChart) -> SpecHash {
        let spec = &self.component.spec;
        SpecHash::of(&Ingredients {
            release_name: self.component.release_name(),
            release_namespace: self.component.target_namespace(),
            chart_name: &chart.name,
            chart_version: &chart.version,
            chart_digest: chart.digest,
            values: &spec.values,
            crds: spec.crds,
            install_hooks: !spec.install.disable_hooks,
            upgrade_hooks: !spec.upgrade.disable_hooks,
            service_account: spec.service_account_name.as_deref(),
            force_replace: spec.upgrade.force_replace,
        })
    }

    fn wanted(&self, chart: &FetchedChart, hash: SpecHash) -> Wanted {
        let spec = &self.component.spec;
        Wanted {
            hash,
            generation: self.generation(),
            chart_name: chart.name.clone(),
            chart_version: chart.version.clone(),
            timeout: spec.timeout.get(),
            take_ownership: spec.take_ownership,
            install_on_failure: spec.install.on_failure,
            has_install_hooks: chart.has_install_hooks && !spec.install.disable_hooks,
            upgrade_retries: spec.upgrade.retries,
            upgrade_on_failure: spec.upgrade.on_failure,
        }
    }

    /// Whether nobody can be working on the operation that `status` has; false if it has none.
    async fn holder_is_gone(&self, release: &ReleaseKey) -> Result<bool, PassError> {
        let Some(operation) = &self.draft.status.operation else {
            return Ok(false);
        };
        let context = self.context;
        holder::is_gone(&context.client, &context.identity, operation, &release.1).await
    }

    fn situation<'a>(
        &'a self,
        wanted: &'a Wanted,
        observed: &'a Observed,
        holder_is_gone: bool,
    ) -> Situation<'a> {
        let status = &self.draft.status;
        let tried = status.last_attempted.as_ref();
        let reset = tried.is_none_or(|tried| {
            tried.generation != Some(wanted.generation)
                || tried.hash.as_deref() != Some(wanted.hash.to_string().as_str())
        });
        Situation {
            now: self.draft.now(),
            wanted,
            revisions: &observed.revisions,
            newest: observed.newest.for_decision(),
            status,
            holder: &self.context.identity,
            holder_is_gone,
            forced: self.force_request().is_some(),
            reset,
            is_anothers: observed.is_anothers,
            rival: (observed.rival.as_ref())
                .filter(|rival| !rival.is_known)
                .map(|rival| &rival.owner),
        }
    }

    fn take_slot(&self, release: &ReleaseKey, is_urgent: bool) -> Option<Slot> {
        let urgency = Urgency {
            class: u8::from(!is_urgent),
            depth: self.context.world.planner().depth(&self.key),
            created: self
                .component
                .metadata
                .creation_timestamp
                .as_ref()
                .map(|time| time.0),
        };
        let slot = self.context.slots.take(&self.key, urgency, release);
        let (used, total) = self.context.slots.in_use();
        self.context.metrics.slots(used, total);
        self.context
            .metrics
            .queue_depth(self.context.slots.waiting());
        slot
    }

    /// Everything is there but a slot.
    async fn queued(&mut self, why: &str) -> Result<Next, PassError> {
        // who was told to wait need not be told for each short while that it is for something else now
        let since = self.context.remember(&self.key, |memory| {
            *memory.queued.get_or_insert_with(Instant::now)
        });
        let is_blocked = self.draft.status.phase == Some(Phase::Blocked);
        if let Some(rest) = NEWS.checked_sub(since.elapsed()).filter(|_| is_blocked) {
            return Ok(Some(rest));
        }
        let (_, total) = self.context.slots.in_use();
        let message = format!("{why}; {total} other releases are being worked on");
        self.draft.progressing(Reason::WaitingForSlot, &message);
        self.draft.phase(Phase::Queued, &message);
        self.save_news(self.safety_poll()).await
    }

    /// A dependency is in the way.
    async fn block(
        &mut self,
        reason: Reason,
        message: &str,
        is_stuck: bool,
    ) -> Result<Next, PassError> {
        self.context.slots.forget(&self.key);
        self.context
            .remember(&self.key, |memory| memory.queued = None);
        self.context.metrics.dependency_blocked(reason);
        let is_new = !self.says(ConditionType::DependenciesReady, reason, message);
        if is_stuck {
            self.draft.stalled(reason, message);
        } else {
            self.draft
                .waiting(reason, Reason::WaitingForDependencies, message);
        }
        self.draft.phase(Phase::Blocked, message);
        if !is_stuck {
            return self.save_news(self.safety_poll()).await;
        }
        self.save().await?;
        if is_new {
            self.warn(reason, "Order", message).await;
        }
        Ok(self.safety_poll())
    }

    /// One more pass that could not do what it should, through nobody's fault: how long to wait.
    fn another_transient(&self) -> Duration {
        self.context.another_transient(&self.key)
    }

    /// The last attempt failed and the next is not due, or somebody else is working on the release.
    async fn wait(
        &mut self,
        reason: Reason,
        message: &str,
        class: FailureClass,
        until: Option<Timestamp>,
    ) -> Result<Next, PassError> {
        self.context.slots.forget(&self.key);
        let until = until.map(|until| until_then(self.draft.now(), until));
        let delay = match (class, until) {
            // nobody says when somebody else is done, or gone
            (FailureClass::Transient, until) => {
                let soon = self.another_transient();
                until.map_or(soon, |until| until.min(soon))
            }
            (_, Some(until)) => until,
            (_, None) => retry::delay(class, 0, jitter()),
        };
        let is_retry = (self.draft.status.failures)
            .is_some_and(|failures| failures.install + failures.upgrade > 0);
        let is_told = is_retry && self.draft.has(ConditionType::Ready, ConditionStatus::False);
        if is_told && reason != Reason::StateError {
            // what failed, and why, stays until the next attempt
            if reason == Reason::MissingRollbackTarget {
                self.draft
                    .is_false(ConditionType::Remediated, reason, message);
            }
            self.draft.settle();
            self.save().await?;
            return Ok(Some(delay));
        }
        let is_new = !self.says(ConditionType::Ready, reason, message);
        let released = released_reason(
            reason,
            match self.draft.status.observed_hash {
                Some(_) => Reason::UpgradeFailed,
                None => Reason::InstallFailed,
            },
        );
        self.draft
            .is_false(ConditionType::Released, released, message);
        self.draft.waiting(reason, Reason::Progressing, message);
        let has_failed = class == FailureClass::Attempt;
        self.draft.phase(
            if has_failed {
                Phase::Failed
            } else {
                Phase::Pending
            },
            message,
        );
        self.save().await?;
        if is_new && has_failed {
            self.warn(reason, "Wait", message).await;
        }
        Ok(Some(delay))
    }

    /// Nothing more is tried by itself.
    async fn hold(
        &mut self,
        reason: Reason,
        message: &str,
        recheck: Timestamp,
        observed: &Observed,
    ) -> Result<Next, PassError> {
        self.context.slots.forget(&self.key);
        let is_new = !self.says(ConditionType::Stalled, reason, message);
        let runs = reason != Reason::ReleaseConflict
            && observed
                .record()
                .is_some_and(|record| record.status == ReleaseStatus::Deployed);
        let why_not_ready = find(&self.draft.status.conditions, ConditionType::Ready)
            .filter(|ready| ready.status == "False")
            .and_then(|ready| {
                let mut all = Reason::ALL.iter();
                let failed = *all.find(|known| known.as_str() == ready.reason)?;
                // the failure itself is worth more than that there were enough of them
                let is_of_this = reason == Reason::RetriesExceeded
                    || stalled_reason(failed) == reason && ready.message == message;
                is_of_this.then(|| (failed, ready.message.clone()))
            });
        self.draft.stalled(reason, message);
        if let Some((failed, cause)) = why_not_ready {
            self.draft.is_false(ConditionType::Ready, failed, &cause);
        }
        let goes_back = self.component.spec.upgrade.on_failure == UpgradeFailure::Rollback;
        let good = decide::last_known_good(&observed.revisions, &self.draft.status);
        if reason == Reason::RetriesExceeded && goes_back && !runs && good.is_none() {
            self.draft.is_false(
                ConditionType::Remediated,
                Reason::MissingRollbackTarget,
                message,
            );
        }
        self.draft.phase(
            if runs {
                Phase::Degraded
            } else {
                Phase::Stalled
            },
            message,
        );
        self.save().await?;
        if is_new {
            self.warn(reason, "Hold", message).await;
        }
        Ok(Some(until_then(self.draft.now(), recheck)))
    }

    /// Notes a failed attempt in the draft: counters, times and conditions.
    fn count_failure(
        &mut self,
        class: FailureClass,
        kind: OperationKind,
        reason: Reason,
        message: &str,
    ) {
        self.schedule_retry(class, kind);
        if kind == OperationKind::Rollback {
            self.draft
                .is_false(ConditionType::Remediated, Reason::RollbackFailed, message);
            let told = self.failed_for();
            self.draft
                .waiting(Reason::UpgradeFailed, Reason::ProgressingWithRetry, &told);
            self.draft.phase(Phase::Degraded, message);
            return;
        }
        let released = released_reason(reason, failed_reason(kind));
        self.draft
            .is_false(ConditionType::Released, released, message);
        // what became of an earlier way back says nothing of the next
        self.draft.clear(&[ConditionType::Remediated]);
        if class == FailureClass::Terminal {
            self.draft.stalled(stalled_reason(reason), message);
            self.draft.is_false(ConditionType::Ready, reason, message);
            self.draft.phase(Phase::Stalled, message);
        } else {
            self.draft
                .waiting(reason, Reason::ProgressingWithRetry, message);
            self.draft.phase(Phase::Failed, message);
        }
    }

    /// Notes in the draft that something failed, and when it is tried again.
    fn schedule_retry(&mut self, class: FailureClass, kind: OperationKind) -> Timestamp {
        // the pause begins now, and not when Helm was started
        self.draft.advance(self.context.now());
        let update =
            retry::after_failure(&self.draft.status, class, kind, self.draft.now(), jitter());
        self.context.metrics.retry(class);
        let status = &mut self.draft.status;
        status.failures = Some(update.failures).filter(|failures| *failures != Failures::default());
        status.retry_count = Some(update.retry_count).filter(|count| *count > 0);
        status.next_retry_time = Some(Time(update.next_retry));
        status.last_failure_time = update.last_failure.map(Time);
        update.next_retry
    }

    fn attempt(&self, chart: &FetchedChart, hash: SpecHash) -> Attempt {
        let values = crate::component::spec_hash::values_digest(&self.component.spec.values);
        Attempt {
            hash: Some(hash.to_string()),
            chart_version: Some(chart.version.clone()),
            chart_digest: Some(format!("sha256:{}", chart.digest)),
            values_digest: Some(format!("sha256:{values}")),
            generation: Some(self.generation()),
        }
    }

    fn token(&self, operation: &str, hash: SpecHash) -> Token {
        Token {
            operation: operation.to_owned(),
            hash,
            generation: self.generation(),
        }
    }
}

/// What the last attempt says of the kinds that the cluster does not know, if it failed of that.
pub fn lacks_definitions(status: &ComponentStatus) -> Option<&str> {
    let released = find(&status.conditions, ConditionType::Released)?;
    // what was rolled back is told with why it was
    let is_rolled_back = released.reason == Reason::RollbackSucceeded.as_str()
        && released.message.contains(UNKNOWN_KINDS);
    let lacks = released.reason == Reason::MissingCRDs.as_str() || is_rolled_back;
    lacks.then_some(released.message.as_str())
}

/// The reason of a failure of which nothing more is known.
fn failed_reason(kind: OperationKind) -> Reason {
    match kind {
        OperationKind::Install | OperationKind::Test => Reason::InstallFailed,
        OperationKind::Upgrade => Reason::UpgradeFailed,
        OperationKind::Rollback => Reason::RollbackFailed,
        OperationKind::Uninstall => Reason::UninstallFailed,
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

fn until_then(now: Timestamp, then: Timestamp) -> Duration {
    let milliseconds = then.as_millisecond() - now.as_millisecond();
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0)).max(AFTER_CONFLICT)
}
