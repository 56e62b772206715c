//! Whether an account may do all that an operation would: asked before anything is changed, so that nothing is installed
//! by half (docs/components.md 19.4).

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::component::CrdsPolicy;
use crate::component::conditions::Reason;
use crate::controller::crds::{self, CrdsError};
use crate::controller::objects::{Objects, ObjectsError};
use crate::controller::reconcile::act::prepare;
use crate::controller::reconcile::call;
use crate::controller::reconcile::context::{Context, ReconcileError};
use crate::controller::reconcile::observe::Observed;
use crate::release::helm::{Failure, FailureClass, said};
use crate::release::installer::Rendered;
use crate::release::manifest::{self, Object};
use crate::release::operation::Operation;
use crate::release::outcome::Ending;
use crate::release::record::Record;

/// How long all definitions of a chart may take to be tried.
const DEFINITIONS: Duration = Duration::from_secs(30);
/// How the API server says that a user may not do something, as Helm quotes it.
const FORBIDDEN: &str = "is forbidden: User \"";

/// Why the account that the operation acts as may not do it; `None` for the controller itself. What else is wrong shows
/// when it is done.
pub async fn lacking(
    context: &Arc<Context>,
    seen: &Observed,
    operation: &Operation,
    values: &Value,
) -> Result<Option<Failure>, ReconcileError> {
    let Some((user, rendering)) = operation.as_user.as_ref().zip(call::rendering(operation)) else {
        return Ok(None);
    };
    let by = context.objects_of(&seen.observation.component);
    if let Some(why) = definitions(&by, seen, values).await? {
        return Ok(Some(not_allowed(user, &why)));
    }
    let stop = context.work.stop.child_token();
    let Rendered { outcome, record } = context.work.installer.render(&rendering, &stop).await;
    if outcome.ending != Ending::Succeeded {
        // a template has looked something up
        let is_forbidden = outcome.stderr.contains(FORBIDDEN);
        return Ok(is_forbidden.then(|| not_allowed(user, &said(&outcome.stderr))));
    }
    let Some(Ok(record)) = record else {
        return Ok(None);
    };
    let why = objects(&by, &record, &operation.namespace).await;
    Ok(why.map(|why| not_allowed(user, &why)))
}

/// What the account may not apply of the chart's definitions.
async fn definitions(
    by: &Objects,
    seen: &Observed,
    values: &Value,
) -> Result<Option<String>, ReconcileError> {
    let policy = seen.observation.component.spec.crds;
    let chart = match &seen.chart {
        Some(chart) if !chart.crds.is_empty() && policy != CrdsPolicy::Skip => chart,
        _ => return Ok(None),
    };
    let Ok(files) = prepare::definitions(chart, values.clone()).await? else {
        return Ok(None);
    };
    let tried = crds::try_apply(by.client(), &files, policy, DEFINITIONS).await;
    Ok(match tried {
        Err(CrdsError::Api { source, .. }) => match *source {
            kube::Error::Api(status) if status.code == 403 => Some(status.message),
            _ => None,
        },
        _ => None,
    })
}

/// What the account may not apply of a revision.
async fn objects(by: &Objects, record: &Record, namespace: &str) -> Option<String> {
    let hooks = record.hooks.iter().map(|hook| hook.manifest.as_str());
    for manifest in hooks.chain([record.manifest.as_str()]) {
        for object in manifest::read(manifest).objects {
            if let Some(why) = object_of(by, &object, namespace).await {
                return Some(why);
            }
        }
    }
    None
}

async fn object_of(by: &Objects, object: &Object, namespace: &str) -> Option<String> {
    let tried = by.dry_run_apply(&object.value, namespace).await;
    let error = tried.err()?;
    if let Some(why) = error.forbidden() {
        return Some(format!("{object}: {why}"));
    }
    if !error.is_not_found() {
        return None;
    }
    // the namespace is not there yet: there is nothing to try it on
    match by.may_create(object, namespace).await {
        Ok(true) | Err(ObjectsError::UnknownKind { .. }) => None,
        Ok(false) => Some(format!("{object}: it may not be created")),
        Err(_) => None,
    }
}

fn not_allowed(user: &str, why: &str) -> Failure {
    Failure {
        class: FailureClass::Terminal,
        reason: Reason::NotAllowed,
        message: format!(
            "{user} may not install this, and nothing was changed: {why}. Give that account the right and set \
             the annotation resetAt, or take what needs it out of the chart or its values."
        ),
    }
}
