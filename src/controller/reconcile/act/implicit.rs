//! Components that others need: created where they are missing, moved to another range, and deleted when nobody needs
//! them (docs/components.md 11.6).

use std::sync::Arc;

use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::json;

use crate::api_error::{is_conflict, is_not_found};
use crate::component::ComponentSpec;
use crate::component::conditions::Reason;
use crate::component::names::{FIELD_MANAGER, label};
use crate::controller::reconcile::act::finalizer::patch_metadata;
use crate::controller::reconcile::context::{Context, ReconcileError, changed};
use crate::controller::reconcile::effects::tell;
use crate::controller::reconcile::implicit::{
    MADE_FROM, VALUES_FROM, component, is_as_made, made_from, note, with_values,
};
use crate::controller::reconcile::observe::Observed;
use crate::controller::reconcile::status::Notice;
use crate::controller::store::Seen;
use crate::planner::{ImplicitComponent, Retarget};

/// Creates what is missing and moves what was created before to a range that suits all. Only for who has something to
/// install: what runs already does not bring back what somebody took away on purpose.
pub async fn provide(context: &Arc<Context>, seen: &Observed) -> Result<(), ReconcileError> {
    let Some(gate) = &seen.observation.gate else {
        return Ok(());
    };
    for wanted in &gate.create {
        create(context, seen, wanted).await?;
    }
    for moved in &gate.retarget {
        retarget(context, moved).await?;
    }
    hand_down(context, seen).await
}

/// Tells implicit Components the values that their requirers want of them by now; who changed one itself has its own way.
pub async fn hand_down(context: &Context, seen: &Observed) -> Result<(), ReconcileError> {
    let wanted = seen
        .observation
        .gate
        .iter()
        .flat_map(|gate| &gate.hand_down);
    for wanted in wanted {
        let known = context.cluster.store.component(&wanted.key);
        let known = known.as_deref().and_then(Seen::usable);
        let Some(changed) = known.and_then(|known| with_values(known, wanted)) else {
            continue;
        };
        let api = context.cluster.components(&wanted.key.namespace);
        let parameters = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        match api.replace(&wanted.key.name, &parameters, &changed).await {
            Ok(_) => {}
            Err(cause) if is_conflict(&cause) || is_not_found(&cause) => {}
            Err(cause) => return Err(cause.into()),
        }
    }
    Ok(())
}

async fn create(
    context: &Arc<Context>,
    seen: &Observed,
    wanted: &ImplicitComponent,
) -> Result<(), ReconcileError> {
    let api = context.cluster.components(&wanted.key.namespace);
    let parameters = PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    };
    let account = seen
        .observation
        .component
        .spec
        .service_account_name
        .as_deref();
    match api.create(&parameters, &component(wanted, account)).await {
        Ok(created) => {
            let created = Seen::Usable(Box::new(created));
            context.cluster.store.apply(created);
            context.queue.add(&wanted.key);
            let action = format!("Create/{}", wanted.key.name);
            let notice = Notice::normal(Reason::DependencyCreated, action, &note(wanted));
            tell(context, seen, &notice);
            Ok(())
        }
        // another requirer was faster
        Err(cause) if is_conflict(&cause) => Ok(()),
        Err(cause) => Err(cause.into()),
    }
}

/// Moves an implicit Component to another range; one that its user changed is left alone.
async fn retarget(context: &Context, moved: &Retarget) -> Result<(), ReconcileError> {
    let Some(seen) = context.cluster.store.component(&moved.key) else {
        return Ok(());
    };
    let Some(component) = seen.usable() else {
        return Ok(());
    };
    if !is_as_made(component) || component.spec.version == moved.version {
        return Ok(());
    }
    let spec = ComponentSpec {
        version: moved.version.clone(),
        ..component.spec.clone()
    };
    let patch = json!({
        "metadata": {
            "resourceVersion": component.metadata.resource_version,
            "annotations": {MADE_FROM: made_from(&spec)},
        },
        "spec": {"version": moved.version},
    });
    let api = context.cluster.components(&moved.key.namespace);
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let patched = api
        .patch(&moved.key.name, &parameters, &Patch::Merge(patch))
        .await;
    match patched {
        Ok(_) => Ok(()),
        Err(cause) if is_conflict(&cause) || is_not_found(&cause) => Ok(()),
        Err(cause) => Err(cause.into()),
    }
}

/// Deletes this Component, if nobody has changed it since.
pub async fn collect(context: &Context, seen: &Observed) -> Result<(), ReconcileError> {
    let o = &seen.observation;
    let parameters = DeleteParams::default().preconditions(Preconditions {
        uid: o.component.metadata.uid.clone(),
        resource_version: o.component.metadata.resource_version.clone(),
    });
    let api = context.cluster.components(&o.key.namespace);
    let deleted = api.delete(&o.key.name, &parameters).await;
    deleted.map(drop).map_err(changed)
}

/// The label goes: a user has taken the Component over.
pub async fn disown(context: &Context, seen: &mut Observed) -> Result<(), ReconcileError> {
    let gone = json!({
        "labels": {label::IMPLICIT: null},
        "annotations": {MADE_FROM: null, VALUES_FROM: null},
    });
    patch_metadata(context, seen, gone).await
}
