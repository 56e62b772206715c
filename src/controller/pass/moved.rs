//! A spec that names another release, or another namespace for it: the old release goes before the new one comes, and
//! it goes only when the new one can come (docs/components.md 19, scenario 44).

use std::sync::Arc;
use std::time::Duration;

use tracing::info;

use crate::component::conditions::{ConditionType, Reason};
use crate::component::names::annotation;
use crate::component::status::OperationKind;
use crate::component::{ComponentStatus, Phase};
use crate::controller::charts::FetchedChart;
use crate::controller::context::{Observed, PassError};
use crate::controller::decide::{Action, Decision, RIVAL_RECHECK, Situation, Wanted, decide};
use crate::controller::namespace::{self, NamespaceState};
use crate::controller::pass::operation::{BESIDE_WAITING, new_operation};
use crate::controller::pass::removal::Removed;
use crate::controller::pass::{AFTER_CONFLICT, Next, Pass, stalled_reason, until_then};
use crate::controller::report::find;
use crate::controller::slots::ReleaseKey;
use crate::planner::DependencyCheck;
use crate::release::helm::{
    ActionKind, Failure, FailureClass, HelmAction, HelmCall, Outcome, UpgradeCall, judge,
};
use crate::release::record::ReleaseStatus;

/// Namespaces whose names begin like this are Kubernetes' own: what a cluster stands on lives there, its network, its
/// DNS, its storage.
const PROTECTED: &str = "kube-";

impl Pass<'_> {
    /// The release that the Component has, if its spec names another by now.
    pub(super) fn moved_from(&self) -> Option<ReleaseKey> {
        if self.component.is_marked(annotation::PRE_INSTALLED) {
            return None;
        }
        moved(&self.draft.status, self.release())
    }

    /// What goes when the Component does: the release it had before a move that is not done, and the one that its spec
    /// names. What another Component wants, or has the older claim to, is not among them.
    pub(super) fn releases(&self) -> Vec<ReleaseKey> {
        let world = &self.context.world;
        let old = self.moved_from().filter(|old| world.heirs(old).is_empty());
        let is_owner = world.planner().release_owner(&self.key).is_none();
        let own = is_owner.then(|| self.release());
        old.into_iter().chain(own).collect()
    }

    /// Takes the old release down, once it is certain that the new one can be installed in its place.
    pub(super) async fn move_from(
        &mut self,
        old: &ReleaseKey,
        chart: &Arc<FetchedChart>,
        wanted: &Wanted,
        gate: &DependencyCheck,
    ) -> Result<Next, PassError> {
        let heirs = self.context.world.heirs(old);
        let note = if let Some(heir) = heirs.first() {
            self.drop_inventory().await?;
            format!("{} stays: it is Component {heir}'s now", title(old))
        } else {
            if !self.has_begun_to_move(old)
                && let Some(next) = self.may_move(old, chart, wanted, gate).await?
            {
                return Ok(next);
            }
            match self.take_down(old).await? {
                Removed::Later(next) => return Ok(next),
                Removed::Gone => format!("{} is uninstalled: the spec names another", title(old)),
                Removed::Nothing => format!("{} is not this Component's any more", title(old)),
            }
        };
        self.forget_release();
        let message = format!("{note}; {} comes next", title(&self.release()));
        self.draft.progressing(Reason::Progressing, &message);
        self.save().await?;
        self.tell(Reason::Progressing, "Move", &message).await;
        Ok(Some(Duration::ZERO))
    }

    /// Half a release is no use: once the old one is not whole any more, it goes, whatever else is wrong.
    fn has_begun_to_move(&self, old: &ReleaseKey) -> bool {
        let operation = self.draft.status.operation.as_ref();
        if operation.is_some_and(|operation| operation.kind == OperationKind::Uninstall) {
            return true;
        }
        match self.context.world.revisions(old).first() {
            Some(newest) => {
                let gone = [ReleaseStatus::Uninstalling, ReleaseStatus::Uninstalled];
                gone.contains(&newest.status)
            }
            // Helm's record is gone; what it stood for goes only if that was our doing
            None => find(&self.draft.status.conditions, ConditionType::Released)
                .is_some_and(|released| released.reason == Reason::UninstallSucceeded.as_str()),
        }
    }

    /// Whether something is in the way of the new release; then the old one stays as it is.
    async fn may_move(
        &mut self,
        old: &ReleaseKey,
        chart: &Arc<FetchedChart>,
        wanted: &Wanted,
        gate: &DependencyCheck,
    ) -> Result<Option<Next>, PassError> {
        let release = self.release();
        let is_protected = old.0.starts_with(PROTECTED);
        if is_protected && !self.component.is_marked(annotation::ALLOW_MOVE) {
            let message = format!(
                "the spec names {}, and {} would be uninstalled for it, in a namespace of Kubernetes' own: set the \
                 annotation {} to \"true\" if that may be, or spec.chart back to what it was",
                title(&release),
                title(old),
                annotation::ALLOW_MOVE,
            );
            return self.stall(Reason::InvalidSpec, &message).await.map(Some);
        }
        self.provide(gate).await?;
        if let Some(next) = self.blocked_by(gate).await? {
            return Ok(Some(next));
        }
        let observed = self.context.observe_afresh(&self.key, &release).await?;
        if let Some(rival) = &observed.rival {
            let why = format!("it is Component {}'s, which names it still", rival.owner);
            let (class, reason) = (FailureClass::Terminal, Reason::ReleaseConflict);
            return (self.cannot_move(class, reason, &why, RIVAL_RECHECK).await).map(Some);
        }
        // what was done to the old release says nothing of the new one
        let nothing = ComponentStatus::default();
        let decision = decide(&Situation {
            status: &nothing,
            ..self.situation(wanted, &observed, false)
        });
        match decision {
            Decision::Wait {
                reason,
                message,
                class,
                until,
            } => {
                let until = until.map(|until| until_then(self.draft.now(), until));
                let delay = until.unwrap_or_else(|| self.another_transient());
                (self.cannot_move(class, reason, &message, delay).await).map(Some)
            }
            Decision::Hold {
                reason,
                message,
                recheck,
            } => {
                let delay = until_then(self.draft.now(), recheck);
                let class = FailureClass::Terminal;
                (self.cannot_move(class, reason, &message, delay).await).map(Some)
            }
            Decision::Unlock {
                revision, event, ..
            } => {
                self.unlock(&release, revision, &event, &observed).await?;
                Ok(Some(Some(Duration::ZERO)))
            }
            Decision::SetAside { revision } => {
                self.set_aside(&release, revision, &observed).await?;
                Ok(Some(Some(Duration::ZERO)))
            }
            Decision::Run {
                action: Action::Install | Action::Upgrade,
                ..
            } => (self.try_new_release(old, chart, wanted, &observed)).await,
            // Helm cannot try while something else has to be done first, and need not if nothing has
            Decision::Run { .. }
            | Decision::InSync { .. }
            | Decision::CountFailure { .. }
            | Decision::RecordRollback { .. } => Ok(None),
        }
    }

    /// Whether Helm says that the new release can be installed; if not, that is told, and tried again as any failure.
    async fn try_new_release(
        &mut self,
        old: &ReleaseKey,
        chart: &Arc<FetchedChart>,
        wanted: &Wanted,
        observed: &Observed,
    ) -> Result<Option<Next>, PassError> {
        let this = Some((wanted.hash, self.generation()));
        if self.context.remember(&self.key, |memory| memory.tried) == this {
            return Ok(None);
        }
        let tried = self.draft.status.last_attempted.as_ref();
        let is_other =
            tried.and_then(|tried| tried.hash.as_deref()) != Some(&wanted.hash.to_string());
        let force = self.force_request();
        if is_other || force.is_some() {
            self.clear_failures();
        }
        let next_retry = self.draft.status.next_retry_time.as_ref();
        let due = next_retry.map(|next| until_then(self.draft.now(), next.0));
        let rest = due.filter(|due| *due > AFTER_CONFLICT).or(self.pause());
        if let Some(rest) = rest {
            self.context.slots.forget(&self.key);
            self.draft.settle();
            self.save().await?;
            return Ok(Some(Some(rest)));
        }
        let release = self.release();
        let Some(_slot) = self.take_slot(&release, false) else {
            return self.queued("the release moves").await.map(Some);
        };
        if force.is_some() {
            self.draft.status.last_handled_force_at = force;
        }
        self.draft.status.last_attempted = Some(self.attempt(chart, wanted.hash));
        let doing = format!("finding out whether {} can be installed", title(&release));
        self.draft.progressing(Reason::Progressing, &doing);
        self.draft.phase(Phase::Upgrading, &doing);
        self.save().await?;
        if let Some(failure) = self.try_install(old, chart, wanted, observed).await? {
            let delay = self.after_failed_try(failure.class);
            let Failure {
                class,
                reason,
                message,
            } = failure;
            return (self.cannot_move(class, reason, &message, delay).await).map(Some);
        }
        self.context
            .remember(&self.key, |memory| memory.tried = this);
        Ok(None)
    }

    /// When Helm may try again what it could not.
    fn after_failed_try(&mut self, class: FailureClass) -> Duration {
        match class {
            FailureClass::Interrupted | FailureClass::DecideAgain | FailureClass::Transient => {
                self.pause_helm(class)
            }
            FailureClass::Attempt | FailureClass::Terminal => {
                let next = self.schedule_retry(class, OperationKind::Install);
                until_then(self.draft.now(), next)
            }
        }
    }

    /// The old release stays and runs on; what is in the way of the new one is told.
    async fn cannot_move(
        &mut self,
        class: FailureClass,
        reason: Reason,
        why: &str,
        delay: Duration,
    ) -> Result<Next, PassError> {
        self.context.slots.forget(&self.key);
        let message = format!(
            "{} cannot be installed, and the one before it stays: {why}",
            title(&self.release()),
        );
        let is_new = !self.says(ConditionType::Ready, reason, &message);
        if class == FailureClass::Terminal {
            self.draft.stalled(stalled_reason(reason), &message);
            self.draft.is_false(ConditionType::Ready, reason, &message);
        } else {
            self.draft
                .waiting(reason, Reason::ProgressingWithRetry, &message);
        }
        self.draft.phase(Phase::Degraded, &message);
        self.save().await?;
        if is_new {
            self.warn(reason, "Move", &message).await;
        }
        Ok(Some(delay))
    }

    /// Finds out, as far as Helm can tell without doing it, whether the release of the spec could be installed; the
    /// failure if it could not. What the old release has of its objects does not count. The chart's definitions are
    /// applied for that: Helm cannot tell without.
    async fn try_install(
        &mut self,
        old: &ReleaseKey,
        chart: &Arc<FetchedChart>,
        wanted: &Wanted,
        observed: &Observed,
    ) -> Result<Option<Failure>, PassError> {
        let namespace = namespace::look(&self.context.client, &self.release().0).await?;
        if let Some(NamespaceState::Terminating) = namespace {
            return Ok(Some(self.namespace_ends_first()));
        }
        let values = serde_json::to_value(&self.component.spec.values).unwrap_or_default();
        if let Err(failure) = self.prepare_definitions(chart, values).await? {
            return Ok(Some(failure));
        }
        let release = self.release();
        let lost = (self.keep_records_served(&release, observed, None)).await?;
        let mut tried = self.dry_run(chart, wanted, observed, false).await?;
        if judge(ActionKind::Install, &tried).is_some() && is_of(&tried.stderr, old) {
            // that object goes; whatever else is wrong shows without looking at whose they are
            tried = self.dry_run(chart, wanted, observed, true).await?;
        }
        self.put_back(&release, lost).await?;
        Ok(self.judged(ActionKind::Install, &tried).await)
    }

    async fn dry_run(
        &mut self,
        chart: &Arc<FetchedChart>,
        wanted: &Wanted,
        observed: &Observed,
        whoever_has_objects: bool,
    ) -> Result<Outcome, PassError> {
        let release = self.release();
        let inputs = self.wanted_inputs(chart, wanted);
        let id = new_operation();
        let call = self.upgrade_call(inputs, &id, wanted.hash, observed.revisions.is_empty());
        let tried = UpgradeCall {
            dry_run: true,
            take_ownership: call.take_ownership || whoever_has_objects,
            ..call
        };
        let call = HelmCall {
            action: HelmAction::Upgrade(tried),
            release: release.1,
            namespace: release.0,
            as_user: None,
            timeout: BESIDE_WAITING,
            deadline: BESIDE_WAITING,
        };
        info!(component = %self.key, operation = id, message = "dry run before the release moves", "Component");
        let ended = self.run_helm(&call, &id).await?;
        self.draft.advance(self.context.now());
        if ended.superseded || self.context.stop.is_cancelled() {
            return Err(PassError::Conflict);
        }
        Ok(ended.outcome)
    }
}

/// True if what Helm refuses to take over belongs to this release, by the annotations that Helm quotes.
fn is_of(stderr: &str, (namespace, name): &ReleaseKey) -> bool {
    let mut owners = stderr.split("current value is \"").skip(1).peekable();
    let is_old = |quoted: &str| {
        let value = quoted.split('"').next();
        value == Some(namespace) || value == Some(name)
    };
    owners.peek().is_some() && owners.all(is_old) && !stderr.contains("missing key")
}

/// The release that the status tells of, if it is another than the spec's. A name alone is no proof that there is one: it
/// is noted of what others installed too.
fn moved(status: &ComponentStatus, release: ReleaseKey) -> Option<ReleaseKey> {
    let has_worked =
        !status.history.is_empty() || status.operation.is_some() || status.observed_hash.is_some();
    let name = status.release_name.clone().filter(|_| has_worked)?;
    // controllers before this one wrote the name alone
    let namespace = status.release_namespace.clone();
    let old = (namespace.unwrap_or_else(|| release.0.clone()), name);
    (old != release).then_some(old)
}

fn title((namespace, name): &ReleaseKey) -> String {
    format!("release {name} in namespace {namespace}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(namespace: Option<&str>, name: Option<&str>) -> ComponentStatus {
        ComponentStatus {
            release_name: name.map(str::to_owned),
            release_namespace: namespace.map(str::to_owned),
            observed_hash: Some("of what was installed".to_owned()),
            ..ComponentStatus::default()
        }
    }

    fn key(namespace: &str, name: &str) -> ReleaseKey {
        (namespace.to_owned(), name.to_owned())
    }

    #[test]
    fn a_release_has_moved_when_the_spec_names_another_than_the_status() {
        let from = |namespace, name| moved(&status(namespace, name), key("apps", "web"));
        assert_eq!(from(None, None), None, "there was none yet");
        assert_eq!(from(Some("apps"), Some("web")), None);
        assert_eq!(from(Some("apps"), Some("old")), Some(key("apps", "old")));
        assert_eq!(from(Some("then"), Some("web")), Some(key("then", "web")));
        assert_eq!(from(None, Some("web")), None, "a name alone");
        assert_eq!(from(None, Some("old")), Some(key("apps", "old")));
    }

    #[test]
    fn helm_says_whose_an_object_is() {
        let old = key("shop", "web");
        let refused = |values: &[&str]| {
            let quoted: Vec<_> = (values.iter())
                .map(|value| format!("annotation validation error: key \"k\" must equal \"n\": current value is \"{value}\""))
                .collect();
            format!(
                "ClusterRole \"x\" exists and cannot be imported: {}",
                quoted.join("; ")
            )
        };
        assert!(is_of(&refused(&["web"]), &old));
        assert!(is_of(&refused(&["web", "shop"]), &old));
        assert!(!is_of(&refused(&["other", "shop"]), &old));
        assert!(!is_of(
            "label validation error: missing key \"app.kubernetes.io/managed-by\"",
            &old
        ));
        assert!(!is_of("Error: something else", &old));
    }

    #[test]
    fn what_was_only_looked_at_does_not_move() {
        let mut status = status(Some("apps"), Some("old"));
        status.observed_hash = None;
        // as of a release that others installed
        status.release_version = Some(3);
        assert_eq!(moved(&status, key("apps", "web")), None);
    }
}
