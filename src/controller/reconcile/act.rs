//! Acting: what a decision asks for is done, once (docs/components.md 4.1). What came of it is judged by others.

mod clean_up;
mod definitions;
mod finalizer;
mod implicit;
mod installed;
mod inventory;
mod moving;
mod operation;
pub(super) mod prepare;
mod progress;
pub(super) mod records;
mod relayed;
mod removal;
mod rewriting;
mod rights;

use std::sync::Arc;

use crate::controller::reconcile::context::{Context, ReconcileError};
use crate::controller::reconcile::decide::Decision;
use crate::controller::reconcile::observe::Observed;
use crate::controller::reconcile::outcome::Outcome;
use crate::controller::reconcile::outcome::superseded;
use crate::release::helm::not_ready;

/// Does what was decided.
pub async fn act(
    context: &Arc<Context>,
    seen: &mut Observed,
    decision: &Decision,
) -> Result<Outcome, ReconcileError> {
    match decision {
        Decision::AddFinalizer => finalizer::add(context, seen).await?,
        Decision::RemoveFinalizer { .. } => {
            inventory::drop(context, seen).await?;
            finalizer::remove(context, seen).await?;
        }
        Decision::Disown => implicit::disown(context, seen).await?,
        Decision::Collect => implicit::collect(context, seen).await?,
        Decision::Block { .. } | Decision::Queue { .. } => implicit::provide(context, seen).await?,
        Decision::InSync { how } => {
            implicit::hand_down(context, seen).await?;
            installed::note(context, seen, *how).await?;
        }
        Decision::Succeed { revision, .. } => inventory::note(context, seen, *revision).await?,
        Decision::FailUnready {
            kind,
            revision,
            objects,
        } => {
            let why = not_ready(*kind, objects).message;
            records::fail(context, seen, *revision, &why).await?;
            let o = &seen.observation;
            let revisions = (o.release(&o.target())).map_or(&[][..], |release| &release.revisions);
            clean_up::clean_up_or_tell(context, seen, *kind, revisions).await;
        }
        Decision::Interrupt { revision, .. } => {
            records::fail(context, seen, *revision, &superseded().message).await?;
        }
        Decision::Unlock { revision, .. } => {
            records::fail(context, seen, *revision, records::HOLDER_GONE).await?;
        }
        Decision::SetAside { revision } => records::set_aside(context, seen, *revision).await?,
        Decision::Run { action, why } => {
            implicit::provide(context, seen).await?;
            return operation::run(context, seen, decision, *action, *why).await;
        }
        Decision::Uninstall { key, without_hooks } => {
            return removal::uninstall(context, seen, decision, key, *without_hooks).await;
        }
        Decision::AwaitGone { key, .. } => removal::delete_left(context, seen, key).await,
        Decision::ForgetOld | Decision::Disabled { .. } | Decision::Moved { .. } => {
            inventory::drop(context, seen).await?;
        }
        Decision::TryNew => return moving::try_new(context, seen, decision).await,
        Decision::Read(_)
        | Decision::Nothing
        | Decision::LeaveAlone
        | Decision::Stall { .. }
        | Decision::RefuseChart { .. }
        | Decision::AwaitChart { .. }
        | Decision::Pause(_)
        | Decision::AwaitReady { .. }
        | Decision::CountFailure { .. }
        | Decision::RecordRollback { .. }
        | Decision::Wait { .. }
        | Decision::Hold { .. }
        | Decision::AwaitDependents { .. }
        | Decision::KeepForDependents { .. }
        | Decision::QueueUninstall
        | Decision::AwaitUninstall { .. }
        | Decision::StayDisabled { .. }
        | Decision::CannotMove { .. } => {}
    }
    Ok(match seen.drifted.take() {
        Some(drifted) => installed::put_right(context, seen, &drifted).await,
        None => Outcome::Done,
    })
}
