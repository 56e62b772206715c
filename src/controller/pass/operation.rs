//! One Helm operation: the intent is written, Helm runs, and the release's own Secrets say what came of it
//! (docs/components.md 4.1 and 5.3).

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::SignedDuration;
use serde_json::Value;
use tokio::time::Instant;
use tracing::{Instrument as _, info, info_span};

use crate::chart::digest::Sha256Hex;
use crate::component::conditions::{ConditionStatus, ConditionType, Reason};
use crate::component::spec_hash::SpecHash;
use crate::component::status::{Operation, OperationKind, Revision as HistoryEntry};
use crate::component::{Component, CrdsPolicy, Phase};
use crate::controller::charts::FetchedChart;
use crate::controller::context::{Observed, PassError};
use crate::controller::crds::{self, CrdsError};
use crate::controller::decide::{self, Action, Decision, Wanted, Why};
use crate::controller::health;
use crate::controller::namespace::{self, NamespaceState};
use crate::controller::pass::removal::consists_of;
use crate::controller::pass::{Next, Pass, failed_reason, released_reason};
use crate::controller::report::find;
use crate::controller::slots::{ReleaseKey, Slot};
use crate::release::helm::{
    ActionKind, Ending, Failure, FailureClass, HelmAction, HelmCall, NO_LABEL, Outcome,
    RollbackCall, UninstallCall, UpgradeCall,
};
use crate::release::record::{Record, ReleaseStatus};
use crate::release::token::{Token, rollback_target};
use crate::release::{manifest, owner};
use crate::repository::chain;

/// Time for everything that is not waiting: rendering, applying, storing.
pub(super) const BESIDE_WAITING: Duration = Duration::from_secs(60);
/// How long definitions may take to be served.
const CRDS_ESTABLISHED: Duration = Duration::from_secs(60);
/// An installed release whose readiness nobody awaited is looked at after this long.
const HEALTH_SOON: Duration = Duration::from_secs(5);
/// The longest note of an event that quotes Helm, in bytes.
const MAX_QUOTE: usize = 1000;

/// What ended an operation.
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    /// The spec changed, or the Component is to go: the operation was ended for that.
    pub(super) superseded: bool,
}

/// What the release is made of by an operation.
pub(super) struct Inputs {
    package: std::path::PathBuf,
    values: Vec<u8>,
    /// The hash of it all; `None` if nobody knows any more.
    hash: Option<SpecHash>,
}

impl Pass<'_> {
    /// Runs Helm once and reports what came of it.
    pub(super) async fn operate(
        &mut self,
        action: Action,
        why: &Why,
        chart: &Arc<FetchedChart>,
        wanted: &Wanted,
        observed: &Observed,
        slot: Option<Slot>,
    ) -> Result<Next, PassError> {
        let release = self.release();
        let inputs = match self.inputs(&action, chart, wanted).await? {
            Ok(inputs) => inputs,
            Err(message) => {
                return (self.without_reapply(&message, chart, wanted, observed, slot)).await;
            }
        };
        let given = serde_json::from_slice(&inputs.values).unwrap_or_default();
        let kind = kind_of(&action, observed);
        let timeout = self.timeout(kind);
        let hooks = if chart.has_install_hooks { 2 } else { 0 };
        let deadline = timeout * (1 + hooks) + BESIDE_WAITING;
        let operation = self.intent(kind, chart, inputs.hash, observed, deadline);
        let id = operation.id.clone();
        let call = HelmCall {
            action: match &action {
                Action::Rollback { to } => HelmAction::Rollback(self.rollback_call(*to)),
                Action::Reinstall | Action::FinishUninstall => {
                    HelmAction::Uninstall(self.uninstall_call(false))
                }
                Action::Install | Action::Upgrade | Action::Reapply { .. } => {
                    let is_first = observed.revisions.is_empty();
                    let hash = inputs.hash.unwrap_or(wanted.hash);
                    HelmAction::Upgrade(self.upgrade_call(inputs, &id, hash, is_first))
                }
            },
            release: release.1.clone(),
            namespace: release.0.clone(),
            as_user: None,
            timeout,
            deadline,
        };
        let what = format!("{} {}", chart.name, chart.version);
        let doing = match kind {
            OperationKind::Install => format!("installing {what}: {why}"),
            OperationKind::Rollback => format!("going back to the last good revision: {why}"),
            OperationKind::Uninstall => format!("removing what a failed install left: {why}"),
            _ => format!("upgrading to {what}: {why}"),
        };
        // the cause stays where people look, across all attempts
        let cause = self.draft.message_of(ConditionType::Released);
        let doing = match (why, cause) {
            (Why::Retry, Some(cause)) => format!("{doing}; last time: {cause}"),
            _ => doing,
        };
        self.draft.status.operation = Some(operation);
        self.operation = Some(id.clone());
        self.note_release(&release);
        if let Some(value) = self.force_request() {
            self.draft.status.last_handled_force_at = Some(value);
        }
        if !matches!(action, Action::Rollback { .. } | Action::Reapply { .. }) {
            let attempt = self.attempt(chart, wanted.hash);
            let tried = self.draft.status.last_attempted.replace(attempt);
            if tried.and_then(|tried| tried.hash) != Some(wanted.hash.to_string()) {
                // failures of something else do not count
                self.clear_failures();
            }
        }
        if kind == OperationKind::Rollback {
            // what failed stays to be read
            self.draft
                .is_true(ConditionType::Reconciling, Reason::Progressing, &doing);
        } else {
            self.draft.progressing(Reason::Progressing, &doing);
        }
        self.draft.phase(phase_of(kind), &doing);
        // nothing starts that was not written down before; to look does no harm
        let client = self.context.client.clone();
        let (saved, namespace) = tokio::join!(self.save(), namespace::look(&client, &release.0));
        saved?;
        info!(component = %self.key, operation = id, message = doing, "Component");
        if matches!(why, Why::Foreign | Why::RemovedOutside) {
            let word = format!("{}/{}", word_of(kind), observed.number());
            self.warn(Reason::Unmanaged, &word, &why.to_string()).await;
        }

        let started = Instant::now();
        if kind != OperationKind::Uninstall
            && kind != OperationKind::Rollback
            && let Err(failure) = self.prepare(&release, namespace?, chart, given).await?
        {
            return self.failed(kind, failure, None, observed).await;
        }
        let target = match &action {
            Action::Rollback { to } => Some(*to),
            _ => None,
        };
        let lost = (self.keep_records_served(&release, observed, target)).await?;
        let ended = self.run_helm(&call, &id).await?;
        // a failure is one of now, and the next attempt is due so much later
        self.draft.advance(self.context.now());
        self.count(kind, &ended.outcome, started.elapsed());
        if self.context.stop.is_cancelled() {
            // the intent stays: whoever works next sees from the release what came of it
            return Ok(None);
        }
        // the next one need not wait for the words
        drop(slot);
        let (after, made) = self.observe_after(&ended, &id, observed).await?;
        if self.is_done(&action, &id, observed, &after) {
            return (self.succeeded(&action, why, chart, wanted, &after, made)).await;
        }
        if after.number() == observed.number() {
            self.put_back(&release, lost).await?;
        }
        let judged = self.judged(judged_as(kind), &ended.outcome).await;
        let failure = judged.unwrap_or(Failure {
            class: FailureClass::DecideAgain,
            reason: Reason::Interrupted,
            message: "Helm reported success, and the release does not show it".to_owned(),
        });
        let failure = if ended.superseded {
            Failure {
                class: FailureClass::Interrupted,
                reason: Reason::Interrupted,
                message: "interrupted: the Component changed".to_owned(),
            }
        } else {
            failure
        };
        self.failed(kind, failure, Some(&ended.outcome), &after)
            .await
    }

    /// The release after Helm has ended, and the whole record of what it made if that was read on the way.
    async fn observe_after(
        &self,
        ended: &Ended,
        id: &str,
        before: &Observed,
    ) -> Result<(Observed, Option<Record>), PassError> {
        let (context, release) = (self.context, self.release());
        if ended.outcome.ending == Ending::Succeeded
            && let Some((after, made)) =
                (context.observe_made(&self.key, &release, before, id)).await?
        {
            return Ok((after, Some(made)));
        }
        let after = context.observe_afresh(&self.key, &release).await?;
        Ok((after, None))
    }

    /// What a release of what is wanted is made of.
    pub(super) fn wanted_inputs(&self, chart: &FetchedChart, wanted: &Wanted) -> Inputs {
        Inputs {
            package: chart.path.clone(),
            values: serde_json::to_vec(&self.component.spec.values).unwrap_or_default(),
            hash: Some(wanted.hash),
        }
    }

    /// What an action makes the release of; an error says why an older revision cannot be made again.
    async fn inputs(
        &self,
        action: &Action,
        chart: &FetchedChart,
        wanted: &Wanted,
    ) -> Result<Result<Inputs, String>, PassError> {
        let (Action::Reapply { to } | Action::Rollback { to }) = action else {
            return Ok(Ok(self.wanted_inputs(chart, wanted)));
        };
        let known = self.known(*to);
        let hash = known
            .and_then(|entry| entry.hash.as_deref())
            .and_then(SpecHash::parse);
        if matches!(action, Action::Rollback { .. }) {
            // Helm has them
            return Ok(Ok(Inputs {
                package: std::path::PathBuf::new(),
                values: Vec::new(),
                hash,
            }));
        }
        let digest = known
            .and_then(|entry| entry.chart_digest.as_deref())
            .and_then(Sha256Hex::parse_named);
        let package = match digest {
            Some(digest) => self.context.charts.cached(digest).await,
            None => None,
        };
        let Some(package) = package else {
            return Ok(Err(format!(
                "the package of revision {to} is no longer in the cache; push a good version of the chart"
            )));
        };
        let release = self.release();
        match self.context.record(&release, *to).await? {
            Some(Ok(record)) => {
                let proved = || Token::parse(&record.description).map(|token| token.hash);
                Ok(Ok(Inputs {
                    package: package.path.clone(),
                    values: serde_json::to_vec(&record.config).unwrap_or_default(),
                    hash: hash.or_else(proved),
                }))
            }
            _ => Ok(Err(format!("revision {to} can no longer be read"))),
        }
    }

    fn intent(
        &self,
        kind: OperationKind,
        chart: &FetchedChart,
        hash: Option<SpecHash>,
        observed: &Observed,
        deadline: Duration,
    ) -> Operation {
        let now = self.draft.now();
        let hash = hash.map(|hash| hash.to_string());
        let from_revision = observed.number();
        // one that never reached Helm is begun again as itself
        let same = self.draft.status.operation.as_ref().filter(|known| {
            decide::never_reached_helm(known, &observed.revisions)
                && (known.kind, known.hash.as_ref()) == (kind, hash.as_ref())
        });
        Operation {
            id: same.map_or_else(new_operation, |known| known.id.clone()),
            kind,
            from_revision,
            hash,
            chart_digest: Some(format!("sha256:{}", chart.digest)),
            holder: self.context.identity.clone(),
            started_at: Time(now),
            deadline: Time(now + SignedDuration::try_from(deadline).unwrap_or(SignedDuration::MAX)),
        }
    }

    fn timeout(&self, kind: OperationKind) -> Duration {
        let spec = &self.component.spec;
        let own = match kind {
            OperationKind::Install => &spec.install.timeout,
            OperationKind::Upgrade => &spec.upgrade.timeout,
            OperationKind::Rollback => &spec.rollback.timeout,
            OperationKind::Uninstall => &spec.uninstall.timeout,
            OperationKind::Test => &spec.test.timeout,
        };
        own.as_ref().unwrap_or(&spec.timeout).get()
    }

    pub(super) fn upgrade_call(
        &self,
        inputs: Inputs,
        operation: &str,
        hash: SpecHash,
        is_first: bool,
    ) -> UpgradeCall {
        let spec = &self.component.spec;
        let (wait, wait_for_jobs, disable_hooks) = if is_first {
            let install = &spec.install;
            (install.wait, install.wait_for_jobs, install.disable_hooks)
        } else {
            let upgrade = &spec.upgrade;
            (upgrade.wait, upgrade.wait_for_jobs, upgrade.disable_hooks)
        };
        UpgradeCall {
            package: inputs.package,
            values: inputs.values,
            wait,
            wait_for_jobs,
            disable_hooks,
            history_limit: spec.history_limit,
            operation: operation.to_owned(),
            token: self.token(operation, hash).to_string(),
            hash_label: hash.short(),
            // what another left there is taken away
            owner: owner::mark(&self.key).or((!is_first).then(|| NO_LABEL.to_owned())),
            take_ownership: spec.take_ownership == crate::component::TakeOwnership::Always,
            force_replace: spec.upgrade.force_replace && !is_first,
            cleanup_on_fail: spec.upgrade.cleanup_on_fail && !is_first,
            dry_run: false,
        }
    }

    fn rollback_call(&self, revision: i64) -> RollbackCall {
        let spec = &self.component.spec;
        RollbackCall {
            revision,
            wait: spec.rollback.wait,
            wait_for_jobs: spec.rollback.wait_for_jobs,
            disable_hooks: spec.rollback.disable_hooks,
            history_limit: spec.history_limit,
            cleanup_on_fail: spec.upgrade.cleanup_on_fail,
        }
    }

    pub(super) fn uninstall_call(&self, without_hooks: bool) -> UninstallCall {
        let uninstall = &self.component.spec.uninstall;
        UninstallCall {
            wait: uninstall.wait,
            disable_hooks: uninstall.disable_hooks || without_hooks,
            cascade: uninstall.cascade,
            keep_history: uninstall.keep_history,
            description: None,
        }
    }

    /// The namespace and the chart's definitions, which must be there before Helm runs.
    async fn prepare(
        &self,
        release: &ReleaseKey,
        namespace: Option<NamespaceState>,
        chart: &Arc<FetchedChart>,
        values: Value,
    ) -> Result<Result<(), Failure>, PassError> {
        let labels = &self.context.config.namespace_labels;
        let namespace = match namespace {
            Some(namespace) => namespace,
            None => namespace::create(&self.context.client, &release.0, labels).await?,
        };
        match namespace {
            NamespaceState::Existed | NamespaceState::Created => {}
            NamespaceState::Terminating => return Ok(Err(self.namespace_ends_first())),
        }
        self.prepare_definitions(chart, values).await
    }

    /// The namespace has to go before it can be made again.
    pub(super) fn namespace_ends_first(&self) -> Failure {
        Failure {
            class: FailureClass::Transient,
            reason: Reason::NamespaceTerminating,
            message: format!(
                "namespace {} is being deleted; it is made again when it is gone",
                self.release().0
            ),
        }
    }

    /// The chart's definitions, which Helm does not bring up to date.
    pub(super) async fn prepare_definitions(
        &self,
        chart: &Arc<FetchedChart>,
        values: Value,
    ) -> Result<Result<(), Failure>, PassError> {
        let policy = self.component.spec.crds;
        if chart.crds.is_empty() || policy == CrdsPolicy::Skip {
            return Ok(Ok(()));
        }
        let definitions = match definitions(chart, values).await? {
            Ok(definitions) => definitions,
            Err(failure) => return Ok(Err(failure)),
        };
        match crds::apply(&self.context.client, &definitions, policy, CRDS_ESTABLISHED).await {
            Ok(_) => Ok(Ok(())),
            Err(cause) => Ok(Err(definitions_failure(&cause))),
        }
    }

    /// Runs Helm to its end; ends it early when the Component changes.
    pub(super) async fn run_helm(
        &mut self,
        call: &HelmCall,
        operation: &str,
    ) -> Result<Ended, PassError> {
        if !self.context.is_leading() {
            // the intent stays: whoever works next sees that Helm was never reached
            return Err(PassError::NotLeading);
        }
        let stop = self.context.stop.child_token();
        let (used, total) = self.context.slots.in_use();
        self.context.metrics.slots(used, total);
        let span = info_span!("operation", operation, component = %self.key);
        let progress = (!call.action.is_dry_run()).then(|| self.tell_progress(call));
        let run = self.context.helm.run(call, &stop).instrument(span);
        tokio::pin!(run);
        let ended = tokio::select! {
            outcome = &mut run => Ended { outcome, superseded: false },
            () = self.changed() => {
                stop.cancel();
                let outcome = run.await;
                let superseded = outcome.ending != Ending::Succeeded;
                Ended { outcome, superseded }
            }
        };
        if let Some(progress) = progress
            && let Some(written) = progress.end().await
        {
            self.took_in(written);
        }
        Ok(ended)
    }

    /// Completes when what is being done is no longer wanted.
    async fn changed(&self) {
        let mut changes = self.context.world.changes();
        loop {
            changes.mark_unchanged();
            let seen = self.context.world.component(&self.key);
            let Some(component) = seen.as_deref().and_then(|seen| seen.usable()) else {
                return;
            };
            // an uninstall that makes room for another release is one too
            let begun = self.draft.status.operation.as_ref();
            let is_removal = self.component.metadata.deletion_timestamp.is_some()
                || !self.component.spec.enabled
                || begun.is_some_and(|begun| begun.kind == OperationKind::Uninstall);
            let is_other = component.metadata.generation != self.component.metadata.generation
                || component.metadata.deletion_timestamp.is_some()
                || component.is_left_alone();
            if is_other && !(is_removal && still_goes(component)) {
                return;
            }
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Runs Helm's uninstall for a removal.
    pub(super) async fn uninstall(
        &mut self,
        call: &HelmCall,
        operation: &str,
    ) -> Result<Outcome, PassError> {
        let started = Instant::now();
        let ended = self.run_helm(call, operation).await?;
        self.count(OperationKind::Uninstall, &ended.outcome, started.elapsed());
        Ok(ended.outcome)
    }

    fn count(&self, kind: OperationKind, outcome: &Outcome, took: Duration) {
        let (action, result) = (word_of(kind), result_of(outcome));
        let metrics = &self.context.metrics;
        metrics.install_duration(&self.key.to_string(), action, result, took.as_secs_f64());
        if let Some(bytes) = outcome.max_rss_bytes {
            metrics.helm_max_rss(bytes);
        }
    }

    /// Whether the release shows that the operation did what it should.
    fn is_done(&self, action: &Action, id: &str, before: &Observed, after: &Observed) -> bool {
        match action {
            Action::Reinstall | Action::FinishUninstall => after.revisions.is_empty(),
            Action::Rollback { to } => after.record().is_some_and(|record| {
                record.revision > before.number()
                    && record.status == ReleaseStatus::Deployed
                    && rollback_target(&record.description) == Some(*to)
            }),
            Action::Install | Action::Upgrade | Action::Reapply { .. } => {
                let labelled = after
                    .revisions
                    .first()
                    .and_then(|newest| newest.operation.as_deref());
                after.record().is_some_and(|record| {
                    record.revision > before.number()
                        && record.status == ReleaseStatus::Deployed
                        && labelled == Some(id)
                        && Token::parse(&record.description)
                            .is_some_and(|token| token.operation == id)
                })
            }
        }
    }

    async fn succeeded(
        &mut self,
        action: &Action,
        why: &Why,
        chart: &FetchedChart,
        wanted: &Wanted,
        after: &Observed,
        made: Option<Record>,
    ) -> Result<Next, PassError> {
        self.draft.status.operation = None;
        let Some(record) = after.record().cloned() else {
            // a removal before an install: the next pass installs, as if for the first time
            self.draft.status.history.clear();
            self.draft
                .progressing(Reason::Progressing, "what a failed install left is removed");
            self.save().await?;
            return Ok(Some(Duration::ZERO));
        };
        self.draft.status.release_version = Some(record.revision);
        if let Action::Rollback { to } | Action::Reapply { to } = action {
            return self.rolled_back(*to, &record, wanted).await;
        }
        self.note_revision(&record, chart, wanted);
        let (reason, word) = match (action, why) {
            (_, Why::Adopt) => (Reason::Adopted, "Adopt"),
            (Action::Install, _) => (Reason::InstallSucceeded, "Install"),
            _ => (Reason::UpgradeSucceeded, "Upgrade"),
        };
        let message = format!(
            "{} {} is installed (release {}, revision {})",
            chart.name, chart.version, record.name, record.revision
        );
        self.clear_failures();
        self.draft.status.observed_hash = Some(wanted.hash.to_string());
        self.draft
            .is_true(ConditionType::Released, reason, &message);
        self.draft
            .clear(&[ConditionType::Remediated, ConditionType::Drifted]);
        self.draft.ready(reason, &message);
        self.draft.phase(Phase::Deployed, &message);
        let spec = &self.component.spec;
        let wait = if record.revision == 1 {
            spec.install.wait
        } else {
            spec.upgrade.wait
        };
        let is_awaited = wait != crate::component::Wait::HookOnly;
        if is_awaited {
            self.draft
                .is_true(ConditionType::Healthy, Reason::Healthy, "");
        }
        self.context.remember(&self.key, |memory| {
            memory.checked = is_awaited.then(Instant::now);
            memory.drift = None;
            memory.corrections.clear();
        });
        match made {
            Some(made) => self.write_inventory(&consists_of(&made)).await?,
            None => {
                self.note_inventory(&self.release(), record.revision)
                    .await?;
            }
        }
        self.save().await?;
        self.context
            .metrics
            .operation(word, "success", reason.as_str());
        let action = format!("{word}/{}", &wanted.hash.short()[..8]);
        self.tell(reason, &action, &message).await;
        Ok(if is_awaited {
            self.interval()
        } else {
            Some(HEALTH_SOON)
        })
    }

    /// The last good revision runs again; what was wanted does not.
    pub(super) async fn rolled_back(
        &mut self,
        to: i64,
        record: &Record,
        wanted: &Wanted,
    ) -> Result<Next, PassError> {
        let message = format!(
            "release {} is back at what revision {to} was (now revision {})",
            record.name, record.revision
        );
        let told = format!("{}; {message}", self.failed_for());
        self.draft
            .is_true(ConditionType::Released, Reason::RollbackSucceeded, &told);
        self.draft.status.release_version = Some(record.revision);
        let made_of = self.known(to).cloned();
        self.remember(HistoryEntry {
            chart_digest: made_of.as_ref().and_then(|to| to.chart_digest.clone()),
            values_digest: made_of.as_ref().and_then(|to| to.values_digest.clone()),
            hash: made_of.and_then(|to| to.hash),
            ..entry_of(record)
        });
        self.draft.is_true(
            ConditionType::Remediated,
            Reason::RollbackSucceeded,
            &message,
        );
        self.draft
            .waiting(Reason::UpgradeFailed, Reason::ProgressingWithRetry, &told);
        self.draft.phase(Phase::Degraded, &told);
        self.save().await?;
        self.context
            .metrics
            .operation("Rollback", "success", Reason::RollbackSucceeded.as_str());
        let action = format!("Rollback/{}", &wanted.hash.short()[..8]);
        self.tell(Reason::RollbackSucceeded, &action, &message)
            .await;
        Ok(Some(Duration::ZERO))
    }

    /// Why the upgrade failed, in the words that it was told with.
    pub(super) fn failed_for(&self) -> String {
        [ConditionType::Released, ConditionType::Ready]
            .into_iter()
            .filter(|about| self.draft.has(*about, ConditionStatus::False))
            .find_map(|about| self.draft.message_of(about))
            .unwrap_or("the upgrade failed")
            .to_owned()
    }

    /// What the status says of a revision.
    fn known(&self, number: i64) -> Option<&HistoryEntry> {
        let mut history = self.draft.status.history.iter();
        history.find(|entry| entry.revision == number)
    }

    /// The second way back cannot be begun: what was wanted has its turn again, when it is due.
    async fn without_reapply(
        &mut self,
        message: &str,
        chart: &Arc<FetchedChart>,
        wanted: &Wanted,
        observed: &Observed,
        slot: Option<Slot>,
    ) -> Result<Next, PassError> {
        let decision = decide::decide_without_reapply(&self.situation(wanted, observed, false));
        let (about, reason) = (ConditionType::Remediated, Reason::RollbackFailed);
        let is_new = !self.says(about, reason, message);
        self.draft.is_false(about, reason, message);
        self.draft.phase(Phase::Degraded, message);
        if is_new {
            self.save().await?;
            self.warn(reason, "Rollback", message).await;
        }
        match decision {
            // it never says to reapply again
            Decision::Run { action, why } => {
                Box::pin(self.operate(action, &why, chart, wanted, observed, slot)).await
            }
            Decision::Wait {
                reason,
                message,
                class,
                until,
            } => self.wait(reason, &message, class, until).await,
            Decision::Hold {
                reason,
                message,
                recheck,
            } => self.hold(reason, &message, recheck, observed).await,
            _ => Err(PassError::Conflict),
        }
    }

    /// The operation did not do what it should.
    async fn failed(
        &mut self,
        kind: OperationKind,
        failure: Failure,
        outcome: Option<&Outcome>,
        after: &Observed,
    ) -> Result<Next, PassError> {
        let Failure {
            class,
            reason,
            message,
        } = failure;
        let began = self.draft.status.operation.take();
        let cut_off = (after.record().cloned())
            .filter(|record| decide::is_cut_off(began.as_ref(), &after.revisions, record));
        if let Some(record) = cut_off {
            // Helm ended without a word in the release: it is known to be ours, and over
            self.remember(HistoryEntry {
                status: ReleaseStatus::Failed.as_str().to_owned(),
                ..entry_of(&record)
            });
        }
        self.context
            .metrics
            .operation(word_of(kind), "failure", reason.as_str());
        match class {
            FailureClass::Interrupted | FailureClass::DecideAgain => {
                self.draft.progressing(Reason::Progressing, &message);
                // said first: the write finds a Component that has changed, if that was the interruption
                self.tell(reason, word_of(kind), &message).await;
                self.save().await?;
                return Ok(Some(if class == FailureClass::DecideAgain {
                    // a state that stays another than Helm thinks must not keep a core busy
                    self.another_transient()
                } else {
                    Duration::from_millis(100)
                }));
            }
            FailureClass::Transient => {
                let delay = self.pause_helm(class);
                if kind == OperationKind::Rollback {
                    // why there is a rollback at all is still to be read
                    self.draft.is_false(
                        ConditionType::Remediated,
                        Reason::RollbackFailed,
                        &message,
                    );
                    self.draft.phase(Phase::Degraded, &message);
                } else {
                    if !self.tells_of_an_attempt() {
                        let released = released_reason(reason, failed_reason(kind));
                        self.draft
                            .is_false(ConditionType::Released, released, &message);
                    }
                    self.draft.waiting(reason, Reason::Progressing, &message);
                    self.draft.phase(Phase::Pending, &message);
                }
                self.save().await?;
                self.warn(reason, word_of(kind), &message).await;
                return Ok(Some(delay));
            }
            FailureClass::Attempt | FailureClass::Terminal => {}
        }
        let message = self.with_unready(reason, message, after).await?;
        self.note_failed(after);
        self.count_failure(class, kind, reason, &message);
        self.save().await?;
        let action = format!("{}/{}", word_of(kind), after.number());
        self.warn(reason, &action, &message).await;
        if let Some(outcome) = outcome.filter(|outcome| !outcome.stderr.trim().is_empty()) {
            let said = outcome.stderr.trim();
            let start = said.ceil_char_boundary(said.len().saturating_sub(MAX_QUOTE));
            self.warn(Reason::HelmOutput, &action, &said[start..]).await;
        }
        Ok(Some(Duration::from_millis(10)))
    }

    /// True if the condition Released says why an attempt failed: what could not be reached later must not hide that.
    fn tells_of_an_attempt(&self) -> bool {
        let failures = self.draft.status.failures.unwrap_or_default();
        let released = find(&self.draft.status.conditions, ConditionType::Released);
        failures.install + failures.upgrade > 0
            && released.is_some_and(|released| {
                released.status == "False" || released.reason == Reason::RollbackSucceeded.as_str()
            })
    }

    /// The message of a timeout names what is not ready, and why.
    async fn with_unready(
        &self,
        reason: Reason,
        message: String,
        after: &Observed,
    ) -> Result<String, PassError> {
        if !matches!(
            reason,
            Reason::Timeout | Reason::InstallFailed | Reason::UpgradeFailed
        ) {
            return Ok(message);
        }
        let release = self.release();
        let Some(Ok(record)) = self.context.record(&release, after.number()).await? else {
            return Ok(message);
        };
        let Ok(objects) = manifest::objects(&record.manifest) else {
            return Ok(message);
        };
        let context = self.context;
        let unready =
            health::unready(&context.objects, &context.client, &objects, &release.0).await;
        if unready.is_empty() {
            return Ok(message);
        }
        Ok(format!(
            "{message}; not ready: {}",
            health::name_three(&unready)
        ))
    }

    /// Writes a finished revision into the status.
    pub(super) fn note_revision(&mut self, record: &Record, chart: &FetchedChart, wanted: &Wanted) {
        let values = crate::component::spec_hash::values_digest(&self.component.spec.values);
        self.remember(HistoryEntry {
            chart_digest: Some(format!("sha256:{}", chart.digest)),
            values_digest: Some(format!("sha256:{values}")),
            hash: Some(wanted.hash.to_string()),
            ..entry_of(record)
        });
    }

    /// Writes a revision that failed into the status, so that nobody takes it for a good one later.
    pub(super) fn note_failed(&mut self, newest: &Observed) {
        let failed = newest
            .record()
            .filter(|record| record.status == ReleaseStatus::Failed);
        if let Some(record) = failed.cloned() {
            self.remember(entry_of(&record));
        }
    }

    fn remember(&mut self, entry: HistoryEntry) {
        let limit = self.component.spec.history_limit.clamp(1, 100) as usize;
        let history = &mut self.draft.status.history;
        *history = decide::remember(history, entry, limit);
    }
}

/// The definitions of a chart and of the sub-charts that these values leave switched on.
async fn definitions(
    chart: &Arc<FetchedChart>,
    values: Value,
) -> Result<Result<Vec<(String, Vec<u8>)>, Failure>, PassError> {
    if !chart
        .crds
        .iter()
        .any(|(path, _)| path.starts_with("charts/"))
    {
        return Ok(Ok(chart.crds.clone()));
    }
    let held = Arc::clone(chart);
    // reading and inflating take a while
    let enabled = tokio::task::spawn_blocking(move || {
        let package = std::fs::read(&held.path).map_err(|error| error.to_string())?;
        crds::of_enabled(&package, &held.crds, &values).map_err(|error| error.to_string())
    });
    Ok(enabled.await?.map_err(|why| Failure {
        class: FailureClass::Transient,
        reason: Reason::InstallFailed,
        message: format!(
            "the package of {} in the cache cannot be read: {why}",
            chart.title()
        ),
    }))
}

/// What it means that a chart's definitions could not be applied.
fn definitions_failure(cause: &CrdsError) -> Failure {
    let (class, reason) = match cause {
        CrdsError::Unreadable { .. } => (FailureClass::Terminal, Reason::ChartInvalid),
        CrdsError::Api { source, .. } => match source.as_ref() {
            kube::Error::Api(status) if status.code == 403 => {
                (FailureClass::Attempt, Reason::Forbidden)
            }
            kube::Error::Api(status) if matches!(status.code, 400 | 405 | 415 | 422) => {
                (FailureClass::Attempt, Reason::MissingCRDs)
            }
            _ => (FailureClass::Transient, Reason::ClusterUnreachable),
        },
        CrdsError::NamesRefused { .. } | CrdsError::NotServed { .. } => {
            (FailureClass::Attempt, Reason::MissingCRDs)
        }
    };
    Failure {
        class,
        reason,
        message: format!(
            "the chart's definitions cannot be applied: {}",
            chain(cause)
        ),
    }
}

/// What a record says of a revision.
fn entry_of(record: &Record) -> HistoryEntry {
    let app_version = record.chart.app_version.clone();
    HistoryEntry {
        revision: record.revision,
        chart_version: record.chart.version.clone(),
        app_version: app_version.filter(|text| !text.is_empty()),
        chart_digest: None,
        values_digest: None,
        hash: None,
        status: record.status.as_str().to_owned(),
        first_deployed: record.first_deployed.map(Time),
        last_deployed: record.last_deployed.map(Time),
    }
}

/// True if a Component is on its way out still, whatever else changed.
fn still_goes(component: &Component) -> bool {
    (component.metadata.deletion_timestamp.is_some() || !component.spec.enabled)
        && !component.is_left_alone()
}

/// A new operation's id: short enough for a label.
pub(super) fn new_operation() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

fn kind_of(action: &Action, observed: &Observed) -> OperationKind {
    match action {
        Action::Install => OperationKind::Install,
        Action::Rollback { .. } => OperationKind::Rollback,
        Action::Reinstall | Action::FinishUninstall => OperationKind::Uninstall,
        Action::Reapply { .. } => OperationKind::Rollback,
        Action::Upgrade if observed.revisions.is_empty() => OperationKind::Install,
        Action::Upgrade => OperationKind::Upgrade,
    }
}

fn judged_as(kind: OperationKind) -> ActionKind {
    match kind {
        OperationKind::Install | OperationKind::Test => ActionKind::Install,
        OperationKind::Upgrade => ActionKind::Upgrade,
        OperationKind::Rollback => ActionKind::Rollback,
        OperationKind::Uninstall => ActionKind::Uninstall,
    }
}

fn phase_of(kind: OperationKind) -> Phase {
    match kind {
        OperationKind::Install | OperationKind::Test => Phase::Installing,
        OperationKind::Upgrade => Phase::Upgrading,
        OperationKind::Rollback => Phase::RollingBack,
        OperationKind::Uninstall => Phase::Uninstalling,
    }
}

/// The word of an operation in events and metrics.
pub(super) fn word_of(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Install => "Install",
        OperationKind::Upgrade => "Upgrade",
        OperationKind::Rollback => "Rollback",
        OperationKind::Uninstall => "Uninstall",
        OperationKind::Test => "Test",
    }
}

fn result_of(outcome: &Outcome) -> &'static str {
    match outcome.ending {
        Ending::Succeeded => "success",
        Ending::Stopped => "stopped",
        _ => "failure",
    }
}
