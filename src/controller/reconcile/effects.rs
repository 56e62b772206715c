//! What a report asks for: the status is written, events are sent, the log and the metrics told, and it is remembered
//! what is worth it.

use std::sync::Arc;
use std::time::Duration;

use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::api_error::is_not_found;
use crate::component::conditions::Reason;
use crate::component::{Component, ComponentSpec, Phase};
use crate::controller::events::EventKind;
use crate::controller::reconcile::context::{Context, ReconcileError, jitter, now};
use crate::controller::reconcile::decide::Decision;
use crate::controller::reconcile::observe::Observed;
use crate::controller::reconcile::status::{Count, Draft, Level, NEWS, Notice, Remembers, Report};
use crate::controller::store::Seen;
use crate::node_key::NodeKey;

/// Carries out a report; says when to reconcile again.
pub async fn carry_out(
    context: &Arc<Context>,
    seen: &mut Observed,
    decision: &Decision,
    report: Report,
) -> Result<Option<Duration>, ReconcileError> {
    let key = seen.observation.key.clone();
    // the next one need not wait for the words
    seen.slot = None;
    if !matches!(decision, Decision::Queue { .. } | Decision::QueueUninstall) {
        context.work.slots.forget(&key);
    }
    count(context, &report);
    remember(context, seen, &report.remembers);
    // also if the status cannot be written: a pause holds
    let safety_poll = context.config.safety_poll;
    let mut next = (context.memory).of(&key, |memory| {
        memory.after(&report, safety_poll, jitter(), Instant::now())
    });
    if report.has_happened {
        tell_all(context, seen, &report.events);
        written(context, seen, report).await?;
    } else if let Some(rest) = news_that_can_wait(context, seen, &report) {
        next = Some(rest);
    } else {
        let events = report.events.clone();
        written(context, seen, report).await?;
        tell_all(context, seen, &events);
    }
    Ok(earlier(next, seen))
}

/// Writes a report before something begins: its status, events and log lines.
pub async fn begin(
    context: &Arc<Context>,
    seen: &mut Observed,
    report: Report,
) -> Result<(), ReconcileError> {
    let events = report.events.clone();
    remember(context, seen, &report.remembers);
    write(context, seen, report).await?;
    tell_all(context, seen, &events);
    Ok(())
}

/// Writes the status; what a look showed that could not be written is looked at again.
async fn written(
    context: &Context,
    seen: &mut Observed,
    report: Report,
) -> Result<(), ReconcileError> {
    let written = write(context, seen, report).await;
    let o = &seen.observation;
    if written.is_err() && o.installed.is_some() {
        (context.memory).of(&o.key, |memory| memory.drift.checked = None);
    }
    written
}

/// Writes the status, if it says something new.
async fn write(
    context: &Context,
    seen: &mut Observed,
    report: Report,
) -> Result<(), ReconcileError> {
    let o = &mut seen.observation;
    let Some(status) = report.status else {
        return Ok(());
    };
    if o.component.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let mut wanted = o.component.clone();
    wanted.status = Some(status);
    let written = context.cluster.write_status(&wanted).await?;
    let status = written.status.as_ref();
    let phase = status.and_then(|status| status.phase.as_ref().map(ToString::to_string));
    let note = status.and_then(|status| status.message.as_deref());
    debug!(component = %o.key, phase, note, "Status written");
    let awaits = written_awaits(&written);
    context.memory.of(&o.key, |memory| {
        memory.definition_came = false;
        memory.waiting.applied.take_if(|_| !awaits);
        if report.is_news {
            memory.waiting.told_news = Some(Instant::now());
        }
    });
    took_in(context, seen, written);
    Ok(())
}

/// True if the Component says that readiness is awaited.
fn written_awaits(component: &Component) -> bool {
    let status = component.status.as_ref();
    let operation = status.and_then(|status| status.operation.as_ref());
    operation.is_some_and(|operation| operation.ready_by.is_some())
}

/// What the API server answered is what we go on from, and what everybody else here sees.
pub fn took_in(context: &Context, seen: &mut Observed, written: Component) {
    let copy = Seen::Usable(Box::new(written.clone()));
    if let Some(affected) = context.cluster.store.apply(copy) {
        context.queue.add_affected(&affected);
    }
    seen.observation.wrote(written);
}

/// How long news can wait: while one dependency after the other gets further, they are not written again and again. What
/// is left out is looked at again in a moment, which is the answer then.
fn news_that_can_wait(context: &Context, seen: &Observed, report: &Report) -> Option<Duration> {
    let o = &seen.observation;
    if !report.is_news || o.component.status == report.status {
        return None;
    }
    let told = context
        .memory
        .of(&o.key, |memory| memory.waiting.told_news)?;
    NEWS.checked_sub(told.elapsed())
        .filter(|rest| !rest.is_zero())
}

fn remember(context: &Context, seen: &Observed, remembers: &Remembers) {
    let o = &seen.observation;
    let wanted = o.resolved().map(|chart| o.wanted(chart).hash);
    context.memory.of(&o.key, |memory| {
        memory.take_in(remembers, wanted, o.generation(), Instant::now());
    });
}

/// An implicit Component that nobody requires is looked at again when its grace is over.
fn earlier(next: Option<Duration>, seen: &Observed) -> Option<Duration> {
    let rest = seen.observation.plan.unneeded;
    let rest = rest.map(|(since, grace)| grace.saturating_sub(since) + Duration::from_millis(100));
    match (next, rest) {
        (Some(next), Some(rest)) => Some(next.min(rest)),
        (next, rest) => next.or(rest),
    }
}

fn count(context: &Context, report: &Report) {
    let metrics = &context.metrics;
    for count in &report.counts {
        match *count {
            Count::Retry(class) => metrics.retry(class),
            Count::Operation(kind, is_good, reason) => {
                let result = if is_good { "success" } else { "failure" };
                metrics.operation(kind.as_str(), result, reason.as_str());
            }
            Count::Blocked(reason) => metrics.dependency_blocked(reason),
            Count::Drift(mode, result) => metrics.drift(mode, result),
        }
    }
}

fn tell_all(context: &Arc<Context>, seen: &Observed, events: &[Notice]) {
    events.iter().for_each(|notice| tell(context, seen, notice));
}

/// Tells something, if it was not told before that is told once.
pub fn tell(context: &Arc<Context>, seen: &Observed, notice: &Notice) {
    let key = &seen.observation.key;
    if !(context.memory).of(key, |memory| memory.is_news(notice)) {
        return;
    }
    let (operation, reason) = (seen.operation.as_deref(), notice.reason.as_str());
    let (action, message) = (notice.action.as_str(), notice.note.as_str());
    match notice.level {
        Level::Warning => {
            warn!(component = %key, operation, reason, action, message, "Component");
            send(context, seen, EventKind::Warning, notice);
        }
        Level::Normal => {
            info!(component = %key, operation, reason, action, message, "Component");
            send(context, seen, EventKind::Normal, notice);
        }
        Level::Log if operation.is_some() => {
            // a decision has no reason, an outcome has one
            let reason = Some(reason).filter(|_| !action.is_empty());
            info!(component = %key, operation, reason, message, "Component");
        }
        Level::Log => {}
    }
}

/// Sends an event beside the work: nobody waits for it, and nothing depends on it.
fn send(context: &Arc<Context>, seen: &Observed, kind: EventKind, notice: &Notice) {
    let events = Arc::clone(&context.events);
    // what the event is about, without what may be large
    let component = &seen.observation.component;
    let mut about = Component::new(component.name(), ComponentSpec::default());
    about.metadata = component.metadata.clone();
    let notice = notice.clone();
    tokio::spawn(async move {
        events
            .send(&about, kind, notice.reason, &notice.action, &notice.note)
            .await;
    });
}

/// A Component that an older CRD let through: it is told what is wrong with it.
pub async fn refuse_unreadable(
    context: &Context,
    key: &NodeKey,
    generation: Option<i64>,
    error: &str,
) -> Result<Option<Duration>, ReconcileError> {
    let mut draft = Draft::new(Default::default(), generation.unwrap_or_default(), now());
    let message = format!("the object cannot be read: {error}; correct it and apply it again");
    let reason = Reason::InvalidSpec.as_str();
    let told = format!("{generation:?} {error}");
    if context
        .memory
        .of(key, |memory| memory.told.get(reason) == Some(&told))
    {
        return Ok(None);
    }
    draft.stalled(Reason::InvalidSpec, &message);
    draft.phase(Phase::Stalled, &message);
    let patch = json!({"status": draft.status});
    let api: kube::Api<kube::api::DynamicObject> = kube::Api::namespaced_with(
        context.cluster.client.clone(),
        &key.namespace,
        &kube::api::ApiResource::erase::<Component>(&()),
    );
    let parameters = PatchParams::default();
    match api
        .patch_status(&key.name, &parameters, &Patch::Merge(patch))
        .await
    {
        Ok(_) => {
            (context.memory).of(key, |memory| memory.told.insert(reason, told));
            Ok(None)
        }
        Err(cause) if is_not_found(&cause) => Ok(None),
        Err(cause) => Err(cause.into()),
    }
}
