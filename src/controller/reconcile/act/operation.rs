//! One operation: the intent is written, the installer runs, and the release's own Secrets say what came of it
//! (docs/components.md 4.1 and 5.3).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tracing::{Instrument as _, info_span};

use crate::component::status::OperationKind;
use crate::controller::namespace;
use crate::controller::reconcile::act::progress::Progress;
use crate::controller::reconcile::act::{
    clean_up, definitions, inventory, prepare, relayed, rewriting, rights,
};
use crate::controller::reconcile::call;
use crate::controller::reconcile::context::{Context, ReconcileError, now};
use crate::controller::reconcile::decide::{Action, Decision, Why};
use crate::controller::reconcile::effects::{self, took_in};
use crate::controller::reconcile::observation::{Observation, Release};
use crate::controller::reconcile::observe::{self, Observed, made, readiness_of_record, unready};
use crate::controller::reconcile::outcome::{Outcome, Ran, may_be_unready, unproved};
use crate::controller::reconcile::status::begin;
use crate::release::helm::{self, Ending, Failure};
use crate::release::manifest;
use crate::release::operation::{Call, Operation};
use crate::release::record::Record;

/// How an operation ended.
pub struct Ended {
    /// How Helm ended.
    pub outcome: helm::HelmOutcome,
    /// True if it was ended because the Component changed.
    pub superseded: bool,
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
    let material = seen.material();
    let mut operation = call::operation(o, &material, action, &before, hash);
    let made_of = call::made_of(o, &material, action, hash);
    let intent = call::intent(o, &operation, before.number(), Some((made_of, digest)));
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
        let values: Value = serde_json::from_slice(&upgrade.values).unwrap_or_default();
        if let Some(failure) = rights::lacking(context, seen, &operation, &values).await? {
            let mut ran = Ran::of(now(), kind, Some(action), before.number(), before);
            ran.failure = Some(failure);
            return Ok(Outcome::Ran(Box::new(ran)));
        }
        if let Err(failure) = prepare::prepare(context, seen, namespace?, values).await? {
            return Ok(could_not_run(kind, action, before, failure));
        }
    }
    if let Err(failure) = definitions::keep_needed(context, seen, &before, action).await? {
        return Ok(could_not_run(kind, action, before, failure));
    }
    let to = match action {
        Action::Rollback { to } => Some(to),
        _ => None,
    };
    let lost = rewriting::keep_records_served(context, seen, &before, to).await?;
    let relay = relayed::relay(context, &seen.observation, &before, &operation).await;
    operation.api_server = relay.as_ref().map(|relay| relay.address().to_owned());
    let ended = run_installer(context, seen, &operation).await?;
    drop(relay);
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
    let mut ran = Ran::of(now(), kind, Some(action), before.number(), after);
    if is_proved {
        applied(context, seen, &operation, record, &mut ran).await?;
    } else {
        judge(context, seen, &ended, &mut ran).await?;
        failed(context, seen, &ran).await?;
    }
    Ok(Outcome::Ran(Box::new(ran)))
}

/// Helm was not run, for this reason.
fn could_not_run(
    kind: OperationKind,
    action: Action,
    before: Release,
    failure: Failure,
) -> Outcome {
    let mut ran = Ran::of(now(), kind, Some(action), before.number(), before);
    ran.failure = Some(failure);
    Outcome::Ran(Box::new(ran))
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
        if call::is_superseded(o, seen.as_deref().and_then(|seen| seen.usable())) {
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
    inventory::note_record(context, seen, &record).await?;
    definitions::settle(context, seen, &record).await;
    context
        .memory
        .of(&seen.observation.key, |memory| memory.waiting.unready = 0);
    let o = &seen.observation;
    if call::is_awaited(o, operation, number) {
        ran.readiness = readiness_of_record(context, o, &record).await;
    }
    Ok(())
}

/// What a failed run has left is put in order, as far as it can be.
async fn failed(context: &Context, seen: &mut Observed, ran: &Ran) -> Result<(), ReconcileError> {
    let (release, number) = (&ran.release, ran.release.number());
    if !seen.observation.marked.is_empty()
        && let Some(Ok(record)) = context.cluster.record(&release.key, number).await?
    {
        definitions::settle(context, seen, &record).await;
    }
    if number > ran.before {
        clean_up::clean_up_or_tell(context, seen, ran.kind, &release.revisions).await;
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
    let failure = unproved(judged, ended.superseded);
    if may_be_unready(&failure) {
        let (target, number) = (seen.observation.target(), ran.release.number());
        let record = context.cluster.record(&target, number).await?;
        let objects = record.and_then(Result::ok);
        let objects = objects.map(|record| manifest::read(&record.manifest).objects);
        let objects = objects.unwrap_or_default();
        let all: Vec<_> = objects.iter().collect();
        let by = context.objects_of(&seen.observation.component);
        ran.unready = unready(&by, &all, &target.0).await;
    }
    ran.failure = Some(failure);
    Ok(())
}

/// Counts a run of Helm.
fn count(
    context: &Context,
    o: &Observation,
    kind: OperationKind,
    outcome: &helm::HelmOutcome,
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
