//! Definitions that a release drops while others need them stay (docs/components.md 10.2). Which it drops shows when Helm
//! has rendered the next revision: before Helm runs all that are needed are marked, and when it has ended the mark goes
//! from those that the release has still. A kill in between leaves marks that do no harm, and that the next look takes off.

use std::collections::BTreeSet;

use tracing::warn;

use crate::causes::chain;
use crate::component::conditions::Reason;
use crate::controller::crds::keep::Keeper;
use crate::controller::crds::{self, CrdsError, keep};
use crate::controller::reconcile::act::prepare::definitions_failure;
use crate::controller::reconcile::act::rewriting;
use crate::controller::reconcile::context::{Context, ReconcileError};
use crate::controller::reconcile::decide::Action;
use crate::controller::reconcile::observation::Release;
use crate::controller::reconcile::observe::Observed;
use crate::release::helm::Failure;
use crate::release::manifest;
use crate::release::record::{Record, ReleaseStatus};

/// Marks what Helm must not delete of the release as it is. The inner error says why Helm cannot run.
pub async fn keep_needed(
    context: &Context,
    seen: &mut Observed,
    before: &Release,
    action: Action,
) -> Result<Result<(), Failure>, ReconcileError> {
    let names = of_release(context, before).await?;
    if names.is_empty() {
        return Ok(Ok(()));
    }
    if !context.work.is_leading() {
        return Err(ReconcileError::NotLeading);
    }
    let chart = match action {
        Action::Rollback { .. } => None,
        Action::Reapply { .. } => seen.good.as_ref().map(|good| &good.chart),
        _ => seen.chart.as_ref(),
    };
    let held = chart.map_or_else(BTreeSet::new, |chart| crds::names(&chart.crds));
    let keeper = Keeper {
        component: &seen.observation.key.clone(),
        release: &before.key,
        held: &held,
        spares_objects: true,
        successor: None,
    };
    let marked = match mark(context, seen, &names, keeper).await {
        Ok(marked) => marked,
        Err(cause) => return Ok(Err(not_kept(&cause))),
    };
    if matches!(action, Action::Reinstall | Action::FinishUninstall) {
        rewriting::leave_out_definitions(context, before, &marked).await?;
    }
    Ok(Ok(()))
}

/// As [`keep_needed`], before the release is uninstalled: it is removed as somebody asked, or comes anew elsewhere. Helm
/// looks for the policy in its record alone then, and not on the live object.
pub async fn keep_at_uninstall(
    context: &Context,
    seen: &mut Observed,
    before: &Release,
) -> Result<(), ReconcileError> {
    let names = of_release(context, before).await?;
    if names.is_empty() {
        return Ok(());
    }
    let o = &seen.observation;
    let target = o.target();
    let moves = !o.component.is_leaving() && before.key != target;
    let keeper = Keeper {
        component: &o.key.clone(),
        release: &before.key,
        held: &BTreeSet::new(),
        spares_objects: moves,
        successor: moves.then_some(&target),
    };
    match mark(context, seen, &names, keeper).await {
        Ok(marked) => rewriting::leave_out_definitions(context, before, &marked).await,
        Err(CrdsError::Api { source, .. }) => Err((*source).into()),
        Err(_) => Err(ReconcileError::Conflict),
    }
}

async fn mark(
    context: &Context,
    seen: &mut Observed,
    names: &BTreeSet<String>,
    keeper: Keeper<'_>,
) -> Result<BTreeSet<String>, CrdsError> {
    let marked = keep::keep(&context.cluster.client, names, keeper).await?;
    for name in &marked {
        (context.cluster.kept).note(name, Some(keeper.component.clone()));
    }
    seen.observation.marked = context.cluster.kept.of(keeper.component);
    Ok(marked)
}

/// The mark goes from what the newest revision has, whoever it was kept for.
pub async fn settle(context: &Context, seen: &mut Observed, newest: &Record) {
    let o = &mut seen.observation;
    let has = keep::in_manifest(&manifest::read(&newest.manifest));
    let taken_back = context.cluster.kept.among(&has);
    if !taken_back.is_empty() {
        match keep::let_go(&context.cluster.client, &taken_back).await {
            Ok(()) => {
                for name in &taken_back {
                    context.cluster.kept.note(name, None);
                }
            }
            // the next look takes them off
            Err(cause) => warn!(component = %o.key, error = chain(&cause), "Marks stay"),
        }
    }
    o.marked = context.cluster.kept.of(&o.key);
    o.kept = Some(o.marked.difference(&has).cloned().collect());
}

/// As [`settle`], if somebody who was killed may not have come to it.
pub async fn settle_what_was_left(
    context: &Context,
    seen: &mut Observed,
    release: &Release,
) -> Result<(), ReconcileError> {
    let o = &seen.observation;
    let told = o.status.kept_definitions.iter().map(|kept| &kept.name);
    if o.marked.iter().eq(told) {
        return Ok(());
    }
    let record = (context.cluster)
        .record(&release.key, release.number())
        .await?;
    if let Some(Ok(record)) = record {
        settle(context, seen, &record).await;
    }
    Ok(())
}

/// The definitions that Helm may delete: those of the newest revision, and of the one that it calls deployed.
async fn of_release(
    context: &Context,
    release: &Release,
) -> Result<BTreeSet<String>, ReconcileError> {
    let revisions = &release.revisions;
    let deployed = revisions
        .iter()
        .find(|one| one.status == ReleaseStatus::Deployed);
    let numbers = revisions.first().into_iter().chain(deployed);
    let numbers: BTreeSet<i64> = numbers.map(|one| one.number).collect();
    let mut names = BTreeSet::new();
    for number in numbers {
        if let Some(Ok(record)) = context.cluster.record(&release.key, number).await? {
            names.append(&mut keep::in_manifest(&manifest::read(&record.manifest)));
        }
    }
    Ok(names)
}

fn not_kept(cause: &CrdsError) -> Failure {
    let failure = definitions_failure(cause);
    let reason = match failure.reason {
        Reason::MissingCRDs => Reason::Forbidden,
        reason => reason,
    };
    Failure {
        reason,
        message: format!(
            "definitions of the release cannot be marked to be kept, and Helm may delete them: {}",
            chain(cause)
        ),
        ..failure
    }
}
