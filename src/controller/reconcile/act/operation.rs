//! One operation: the intent is written, the installer runs, and the release's own Secrets say what came of it
//! (docs/components.md 4.1 and 5.3).

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use tokio::time::Instant;
use tracing::{Instrument as _, info_span};

use crate::component::conditions::Reason;
use crate::component::spec_hash::SpecHash;
use crate::component::status::{self, OperationKind};
use crate::component::{TakeOwnership, Wait};
use crate::controller::namespace;
use crate::controller::reconcile::act::progress::Progress;
use crate::controller::reconcile::act::{inventory, prepare, removal, rewriting};
use crate::controller::reconcile::context::{Context, ReconcileError, now};
use crate::controller::reconcile::decide::release::never_reached_helm;
use crate::controller::reconcile::decide::{Action, Decision, Why};
use crate::controller::reconcile::effects::{self, took_in};
use crate::controller::reconcile::observation::{Observation, Readiness, Release};
use crate::controller::reconcile::observe::{self, Observed, made, readiness_of_record, unready};
use crate::controller::reconcile::outcome::{Outcome, Ran};
use crate::controller::reconcile::status::{begin, superseded};
use crate::controller::store::still_goes;
use crate::release::helm::{self, Ending, Failure, FailureClass, NO_LABEL};
use crate::release::installer::{Call, Operation, Proof, RollbackCall, UpgradeCall};
use crate::release::record::Record;
use crate::release::token::Token;
use crate::release::{manifest, owner};

/// Time for everything that is not waiting: rendering, applying, storing.
pub const BESIDE_WAITING: Duration = Duration::from_secs(60);

/// How an operation ended.
pub struct Ended {
    /// How Helm ended.
    pub outcome: helm::Outcome,
    /// True if it was ended because the Component changed.
    pub superseded: bool,
}

/// A new operation's id: short enough for a label.
pub fn new_id() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// Runs the action: intent, preparation, Helm, proof.
pub async fn run(
    context: &Arc<Context>,
    seen: &mut Observed,
    decision: &Decision,
    action: Action,
    why: Why,
) -> Result<Outcome, ReconcileError> {
    let o = &seen.observation;
    let target = o.target();
    let Some((chart, before)) = o.resolved().zip(o.release(&target).cloned()) else {
        return Err(ReconcileError::Conflict);
    };
    let (hash, digest) = (o.wanted(chart).hash, chart.digest);
    let operation = operation(seen, action, &before, hash);
    let o = &seen.observation;
    let made_of = made_of(seen, action, hash);
    let intent = status::Operation {
        id: operation.id.clone(),
        kind: operation.kind,
        from_revision: before.number(),
        hash: made_of.map(|hash| hash.to_string()),
        chart_digest: Some(format!("sha256:{digest}")),
        holder: o.holder.clone(),
        started_at: Time(o.now),
        deadline: o.after(operation.deadline),
        ready_by: None,
    };
    let report = begin(o, decision, action, why, intent, hash);
    seen.operation = Some(operation.id.clone());
    // nothing starts that was not written down before; to look does no harm
    let client = context.cluster.client.clone();
    let (begun, namespace) = tokio::join!(
        effects::begin(context, seen, report),
        namespace::look(&client, &target.0)
    );
    begun?;
    let started = Instant::now();
    let kind = operation.kind;
    if let Call::Upgrade(upgrade) = &operation.call
        && kind != OperationKind::Rollback
    {
        let values = serde_json::from_slice(&upgrade.values).unwrap_or_default();
        if let Err(failure) = prepare::prepare(context, seen, namespace?, values).await? {
            return Ok(not_begun(kind, action, &before, failure));
        }
    }
    let to = match action {
        Action::Rollback { to } => Some(to),
        _ => None,
    };
    let lost = rewriting::keep_records_served(context, seen, &before, to).await?;
    let ended = run_installer(context, seen, &operation).await?;
    count(
        context,
        &seen.observation,
        kind,
        &ended.outcome,
        started.elapsed(),
    );
    if context.work.stop.is_cancelled() {
        // the intent stays: whoever works next sees from the release what came of it
        return Ok(Outcome::Stopped);
    }
    // the next one need not wait for what is looked at now
    seen.slot = None;
    let (after, record) = observe_after(context, seen, &operation, &ended, &before).await?;
    let newest = after.record().map(AsRef::as_ref);
    let is_proved = (operation.proof).holds(&operation.id, &after.revisions, newest);
    if !is_proved && after.number() == before.number() {
        rewriting::put_back(context, &target, lost).await?;
    }
    let mut ran = Ran {
        now: now(),
        kind,
        action: Some(action),
        before: before.number(),
        release: after,
        failure: None,
        said: String::new(),
        readiness: Readiness::Ready,
        unready: None,
    };
    if is_proved {
        applied(context, seen, &operation, record, &mut ran).await?;
    } else {
        judge(context, seen, &ended, &mut ran).await?;
    }
    Ok(Outcome::Ran(Box::new(ran)))
}

/// Something that Helm needs is not there.
fn not_begun(kind: OperationKind, action: Action, before: &Release, failure: Failure) -> Outcome {
    Outcome::Ran(Box::new(Ran {
        now: now(),
        kind,
        action: Some(action),
        before: before.number(),
        release: before.clone(),
        failure: Some(failure),
        said: String::new(),
        readiness: Readiness::Ready,
        unready: None,
    }))
}

/// The hash of what an action makes the release of; `None` if nobody knows any more.
fn made_of(seen: &Observed, action: Action, wanted: SpecHash) -> Option<SpecHash> {
    let known = |to: i64| {
        let mut history = seen.observation.status.history.iter();
        let entry = history.find(|entry| entry.revision == to)?;
        SpecHash::parse(entry.hash.as_deref()?)
    };
    match action {
        Action::Rollback { to } => known(to),
        Action::Reapply { to } => {
            known(to).or_else(|| seen.good.as_ref().and_then(|good| good.hash))
        }
        Action::Install | Action::Upgrade | Action::Reinstall | Action::FinishUninstall => {
            Some(wanted)
        }
    }
}

/// What is asked of the installer.
fn operation(seen: &Observed, action: Action, before: &Release, wanted: SpecHash) -> Operation {
    let o = &seen.observation;
    let kind = action.kind(before.revisions.is_empty());
    let hash = made_of(seen, action, wanted);
    let id = same_operation(o, kind, before, hash).unwrap_or_else(new_id);
    let after = before.number();
    let (call, proof) = match action {
        Action::Rollback { to } => (
            Call::Rollback(rollback_call(o, to)),
            Proof::WentBack { after, to },
        ),
        Action::Reinstall | Action::FinishUninstall => {
            (Call::Uninstall(removal::call(o, false)), Proof::Gone)
        }
        Action::Install | Action::Upgrade | Action::Reapply { .. } => {
            let is_first = before.revisions.is_empty();
            let call = upgrade_call(seen, action, &id, hash.unwrap_or(wanted), is_first);
            (Call::Upgrade(call), Proof::Made { after })
        }
    };
    let timeout = o.timeout(kind);
    let has_install_hooks = o.resolved().is_some_and(|chart| chart.has_install_hooks);
    let steps = if has_install_hooks { 3 } else { 1 };
    let (namespace, release) = o.target();
    Operation {
        id,
        kind,
        call,
        proof,
        as_user: None,
        release,
        namespace,
        timeout,
        deadline: timeout * steps + BESIDE_WAITING,
    }
}

/// The id of the operation that was begun, if it never reached Helm: it is begun again as itself.
fn same_operation(
    o: &Observation,
    kind: OperationKind,
    before: &Release,
    hash: Option<SpecHash>,
) -> Option<String> {
    let hash = hash.map(|hash| hash.to_string());
    let known = o.status.operation.as_ref()?;
    let is_same = never_reached_helm(known, &before.revisions)
        && (known.kind, known.hash.as_ref()) == (kind, hash.as_ref());
    is_same.then(|| known.id.clone())
}

/// What Helm itself waits for: readiness is observed after it has ended, but hooks that come after an operation must
/// follow it (docs/components.md 4.6).
fn helms_own_wait(o: &Observation, wait: Wait) -> Wait {
    if o.resolved().is_some_and(|chart| chart.has_post_hooks) {
        wait
    } else {
        Wait::HookOnly
    }
}

/// `helm upgrade --install` of what is wanted, or of what was good.
pub fn upgrade_call(
    seen: &Observed,
    action: Action,
    operation: &str,
    hash: SpecHash,
    is_first: bool,
) -> UpgradeCall {
    let o = &seen.observation;
    let spec = &o.component.spec;
    let (wait, wait_for_jobs, disable_hooks) = if is_first {
        let install = &spec.install;
        (install.wait, install.wait_for_jobs, install.disable_hooks)
    } else {
        let upgrade = &spec.upgrade;
        (upgrade.wait, upgrade.wait_for_jobs, upgrade.disable_hooks)
    };
    let good = (seen.good.as_ref()).filter(|_| matches!(action, Action::Reapply { .. }));
    let (package, values) = match good {
        Some(good) => (good.package.clone(), good.values.clone()),
        None => (
            (seen.chart.as_ref()).map_or_else(Default::default, |chart| chart.path.clone()),
            serde_json::to_vec(&spec.values).unwrap_or_default(),
        ),
    };
    let token = Token {
        operation: operation.to_owned(),
        hash,
        generation: o.generation(),
    };
    let wait = if disable_hooks {
        Wait::HookOnly
    } else {
        helms_own_wait(o, wait)
    };
    UpgradeCall {
        package,
        values,
        wait,
        wait_for_jobs: wait_for_jobs && wait != Wait::HookOnly,
        disable_hooks,
        history_limit: spec.history_limit,
        token: token.to_string(),
        hash_label: hash.short(),
        // what another left there is taken away
        owner: owner::mark(&o.key).or((!is_first).then(|| NO_LABEL.to_owned())),
        take_ownership: spec.take_ownership == TakeOwnership::Always,
        force_replace: spec.upgrade.force_replace && !is_first,
        cleanup_on_fail: spec.upgrade.cleanup_on_fail && !is_first,
        dry_run: false,
    }
}

fn rollback_call(o: &Observation, revision: i64) -> RollbackCall {
    let spec = &o.component.spec;
    let wait = helms_own_wait(o, spec.rollback.wait);
    RollbackCall {
        revision,
        wait,
        wait_for_jobs: spec.rollback.wait_for_jobs && wait != Wait::HookOnly,
        disable_hooks: spec.rollback.disable_hooks,
        history_limit: spec.history_limit,
        cleanup_on_fail: spec.upgrade.cleanup_on_fail,
    }
}

/// Runs the installer to its end; ends it early when the Component changes.
pub async fn run_installer(
    context: &Arc<Context>,
    seen: &mut Observed,
    operation: &Operation,
) -> Result<Ended, ReconcileError> {
    if !context.work.is_leading() {
        // the intent stays: whoever works next sees that Helm was never reached
        return Err(ReconcileError::NotLeading);
    }
    let stop = context.work.stop.child_token();
    let (used, total) = context.work.slots.in_use();
    context.metrics.slots(used, total);
    let span = info_span!("operation", operation = operation.id, component = %seen.observation.key);
    let progress = (!operation.call.is_dry_run()).then(|| Progress::of(context, seen, operation));
    let run = context
        .work
        .installer
        .run(operation, &stop)
        .instrument(span);
    tokio::pin!(run);
    let ended = tokio::select! {
        outcome = &mut run => Ended { outcome, superseded: false },
        () = changed(context, &seen.observation) => {
            stop.cancel();
            let outcome = run.await;
            let superseded = outcome.ending != Ending::Succeeded;
            Ended { outcome, superseded }
        }
    };
    if let Some(progress) = progress
        && let Some(written) = progress.end().await
    {
        took_in(context, seen, written);
    }
    Ok(ended)
}

/// Completes when what is being done is no longer wanted.
async fn changed(context: &Context, o: &Observation) {
    let mut changes = context.cluster.store.changes();
    loop {
        changes.mark_unchanged();
        let seen = context.cluster.store.component(&o.key);
        let Some(component) = seen.as_deref().and_then(|seen| seen.usable()) else {
            return;
        };
        // an uninstall that makes room for another release is one too
        let begun = o.status.operation.as_ref();
        let is_removal = o.is_deleting()
            || !o.component.spec.enabled
            || begun.is_some_and(|begun| begun.kind == OperationKind::Uninstall);
        let is_other = component.metadata.generation != o.component.metadata.generation
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

/// The release after Helm has ended, and the whole record of what it made if that was read on the way.
async fn observe_after(
    context: &Context,
    seen: &Observed,
    operation: &Operation,
    ended: &Ended,
    before: &Release,
) -> Result<(Release, Option<Record>), ReconcileError> {
    let key = &seen.observation.key;
    if ended.outcome.ending == Ending::Succeeded
        && let Some((after, record)) = made(context, key, before, &operation.id).await?
    {
        return Ok((after, Some(record)));
    }
    let after = observe::fresh(context, key, &before.key).await?;
    Ok((after, None))
}

/// Helm has done its part: what it applied is written down, and awaited if it has to be.
async fn applied(
    context: &Context,
    seen: &mut Observed,
    operation: &Operation,
    record: Option<Record>,
    ran: &mut Ran,
) -> Result<(), ReconcileError> {
    let number = ran.release.number();
    if number == 0 {
        return Ok(());
    }
    let record = match record {
        Some(record) => Some(record),
        None => {
            let key = &ran.release.key;
            context
                .cluster
                .record(key, number)
                .await?
                .and_then(Result::ok)
        }
    };
    let Some(record) = record else {
        return Ok(());
    };
    inventory::write(context, seen, &inventory::consists_of(&record)).await?;
    context
        .memory
        .of(&seen.observation.key, |memory| memory.waiting.unready = 0);
    let o = &seen.observation;
    let waits = o.resolved().map(|chart| o.wanted(chart).waits);
    let helm_has_waited = match &operation.call {
        Call::Upgrade(call) => call.wait != Wait::HookOnly,
        Call::Rollback(call) => call.wait != Wait::HookOnly,
        Call::Uninstall(_) => true,
    };
    if !helm_has_waited && waits.is_some_and(|waits| waits.after(operation.kind, number)) {
        ran.readiness = match readiness_of_record(context, o, &record).await {
            // Helm had no trouble with it
            Readiness::Unknown => Readiness::Ready,
            readiness => readiness,
        };
    }
    Ok(())
}

/// Why Helm did not do what it should, and what is not ready if that may be why.
async fn judge(
    context: &Context,
    seen: &Observed,
    ended: &Ended,
    ran: &mut Ran,
) -> Result<(), ReconcileError> {
    ran.said.clone_from(&ended.outcome.stderr);
    let judged = rewriting::judged(context, ran.kind, &ended.outcome).await;
    let failure = judged.unwrap_or(Failure {
        class: FailureClass::DecideAgain,
        reason: Reason::Interrupted,
        message: "Helm reported success, and the release does not show it".to_owned(),
    });
    let failure = if ended.superseded {
        superseded()
    } else {
        failure
    };
    let may_be_unready = matches!(
        failure.reason,
        Reason::Timeout | Reason::InstallFailed | Reason::UpgradeFailed
    ) && matches!(
        failure.class,
        FailureClass::Attempt | FailureClass::Terminal
    );
    if may_be_unready {
        let (target, number) = (seen.observation.target(), ran.release.number());
        let record = context.cluster.record(&target, number).await?;
        let objects = record.and_then(Result::ok);
        let objects = objects.and_then(|record| manifest::objects(&record.manifest).ok());
        let objects = objects.unwrap_or_default();
        let all: Vec<_> = objects.iter().collect();
        ran.unready = unready(context, &all, &target.0).await;
    }
    ran.failure = Some(failure);
    Ok(())
}

/// Deletes what an upgrade created that never became ready, as Helm does when it waits itself (`--cleanup-on-fail`).
pub async fn clean_up(
    context: &Context,
    seen: &Observed,
    kind: OperationKind,
    revision: i64,
) -> Result<(), ReconcileError> {
    let o = &seen.observation;
    let begun = o.status.operation.as_ref().map(|begun| begun.from_revision);
    let before = match begun {
        Some(before) if before > 0 && kind != OperationKind::Install => before,
        _ => return Ok(()),
    };
    if !o.component.spec.upgrade.cleanup_on_fail {
        return Ok(());
    }
    let target = o.target();
    let old = context
        .cluster
        .record(&target, before)
        .await?
        .and_then(Result::ok);
    let new = context
        .cluster
        .record(&target, revision)
        .await?
        .and_then(Result::ok);
    let Some((old, new)) = old.zip(new) else {
        return Ok(());
    };
    let old: std::collections::BTreeSet<_> = inventory::consists_of(&old)
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    for (key, keeps) in inventory::consists_of(&new) {
        if !keeps && !old.contains(&key) {
            // one that stays is an object of the failed revision still, and goes with the next
            let _ = context.cluster.objects.delete(&key, &target.0).await;
        }
    }
    Ok(())
}

/// Counts a run of Helm.
fn count(
    context: &Context,
    o: &Observation,
    kind: OperationKind,
    outcome: &helm::Outcome,
    took: Duration,
) {
    let result = match outcome.ending {
        Ending::Succeeded => "success",
        Ending::Stopped => "stopped",
        _ => "failure",
    };
    let metrics = &context.metrics;
    metrics.install_duration(
        &o.key.to_string(),
        kind.as_str(),
        result,
        took.as_secs_f64(),
    );
    if let Some(bytes) = outcome.max_rss_bytes {
        metrics.helm_max_rss(bytes);
    }
}
