//! A spec that names another release, or another namespace for it: the old release goes before the new one comes, and it
//! goes only when the new one can come (contract section 4, scenario 44).

use std::sync::Arc;
use std::time::Duration;

use crate::component::ComponentStatus;
use crate::component::conditions::{ConditionType, Reason};
use crate::component::names::annotation;
use crate::component::status::OperationKind;
use crate::controller::charts::FetchedChart;
use crate::controller::context::{Observed, PassError};
use crate::controller::decide::{Decision, Situation, Wanted, decide};
use crate::controller::network::Gate;
use crate::controller::pass::removal::Removed;
use crate::controller::pass::{AFTER_CONFLICT, Next, Pass, until_then};
use crate::controller::report::find;
use crate::controller::slots::ReleaseKey;
use crate::release::helm::Failure;

/// Namespaces whose names begin like this are Kubernetes' own: what a cluster stands on lives there, its network, its
/// DNS, its storage.
const PROTECTED: &str = "kube-";

impl Pass<'_> {
    /// The release that the Component has, if its spec names another by now.
    pub(super) fn moved_from(&self) -> Option<ReleaseKey> {
        moved(&self.draft.status, self.release())
    }

    /// What goes when the Component does: the release it had before a move that is not done, and the one that its spec
    /// names; without any that is another Component's.
    pub(super) fn releases(&self) -> Vec<ReleaseKey> {
        let world = &self.context.world;
        let old = self.moved_from().filter(|old| world.owners(old).is_empty());
        let is_owner = world.network().release_owner(&self.key).is_none();
        let own = is_owner.then(|| self.release());
        old.into_iter().chain(own).collect()
    }

    /// Takes the old release down, once it is certain that the new one can be installed in its place.
    pub(super) async fn move_from(
        &mut self,
        old: &ReleaseKey,
        chart: &Arc<FetchedChart>,
        wanted: &Wanted,
        gate: &Gate,
    ) -> Result<Next, PassError> {
        let heirs = self.context.world.owners(old);
        let note = if let Some(heir) = heirs.first() {
            format!("{} stays: it is Component {heir}'s now", title(old))
        } else {
            if !self.has_begun_to_move()
                && let Some(next) = self.may_move(old, chart, wanted, gate).await?
            {
                return Ok(next);
            }
            if let Removed::Later(next) = self.take_down(old).await? {
                return Ok(next);
            }
            format!("{} is uninstalled: the spec names another", title(old))
        };
        self.forget_release();
        let release = self.release();
        let message = format!("{note}; {} comes next", title(&release));
        self.draft.progressing(Reason::Progressing, &message);
        self.has_release(&release);
        self.save().await?;
        self.tell(Reason::UninstallSucceeded, "Move", &message)
            .await;
        Ok(Some(Duration::ZERO))
    }

    /// Whether something is in the way of the new release; then the old one stays as it is.
    async fn may_move(
        &mut self,
        old: &ReleaseKey,
        chart: &Arc<FetchedChart>,
        wanted: &Wanted,
        gate: &Gate,
    ) -> Result<Option<Next>, PassError> {
        let is_protected = old.0.starts_with(PROTECTED);
        if is_protected && !self.component.is_marked(annotation::ALLOW_MOVE) {
            let message = format!(
                "the spec names {}, and {} would be uninstalled for it, in a namespace of Kubernetes' own: set the \
                 annotation {} to \"true\" if that may be, or spec.chart back to what it was",
                title(&self.release()),
                title(old),
                annotation::ALLOW_MOVE,
            );
            return self.stall(Reason::InvalidSpec, &message).await.map(Some);
        }
        self.provide(gate).await?;
        if let Some(next) = self.blocked_by(gate).await? {
            return Ok(Some(next));
        }
        let observed = (self.context)
            .observe_afresh(&self.key, &self.release())
            .await?;
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
            } => return (self.wait(reason, &message, class, until).await).map(Some),
            Decision::Hold {
                reason,
                message,
                recheck,
            } => return (self.hold(reason, &message, recheck, &observed).await).map(Some),
            _ => {}
        }
        self.try_new_release(chart, wanted, &observed).await
    }

    /// Whether Helm says that the new release can be installed; if not, that is told and tried again as any failure.
    async fn try_new_release(
        &mut self,
        chart: &Arc<FetchedChart>,
        wanted: &Wanted,
        observed: &Observed,
    ) -> Result<Option<Next>, PassError> {
        let next_retry = self.draft.status.next_retry_time.as_ref();
        let due = next_retry.map(|next| until_then(self.draft.now(), next.0));
        let rest = due.filter(|due| *due > AFTER_CONFLICT).or(self.pause());
        if let Some(rest) = rest {
            self.context.slots.forget(&self.key);
            self.draft.settle();
            self.save().await?;
            return Ok(Some(Some(rest)));
        }
        let Some(_slot) = self.take_slot(&self.release(), false) else {
            return self.queued("the release moves").await.map(Some);
        };
        self.draft.status.last_attempted = Some(self.attempt(chart, wanted.hash));
        let Some((failure, outcome)) = self.try_install(chart, wanted).await? else {
            return Ok(None);
        };
        let failure = Failure {
            message: format!(
                "{} cannot be installed, and the one before it stays: {}",
                title(&self.release()),
                failure.message
            ),
            ..failure
        };
        let install = OperationKind::Install;
        (self
            .failed(install, failure, outcome.as_ref(), observed)
            .await)
            .map(Some)
    }

    /// Half a release is no use: what has begun is brought to its end, whatever else happens.
    fn has_begun_to_move(&self) -> bool {
        let operation = self.draft.status.operation.as_ref();
        operation.is_some_and(|operation| operation.kind == OperationKind::Uninstall)
            || find(&self.draft.status.conditions, ConditionType::Released).is_some_and(
                |released| {
                    [Reason::UninstallSucceeded, Reason::UninstallFailed]
                        .iter()
                        .any(|reason| released.reason == reason.as_str())
                },
            )
    }
}

/// The release that the status tells of, if it is another than the spec's.
fn moved(status: &ComponentStatus, release: ReleaseKey) -> Option<ReleaseKey> {
    let name = status.release_name.clone()?;
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
}
