//! `chartroom plan`: what a set of Component manifests would install, in which order, without a cluster.
//!
//! [`run`] reads files and repositories and calls the planner; `manifest`, `json` and `text` are pure.

mod arguments;
pub mod fetch;
mod images;
pub mod json;
pub mod manifest;
mod packages;
mod rendered;
pub mod sources;
pub mod text;

pub use self::arguments::{PlanArguments, PlanOutput};
pub use self::images::{ImagesError, images};
use crate::planner::{self, Manifest, Plan};
use crate::terminal::Style;
use sources::SourceError;

/// Plans the manifests that `arguments` name with the charts of the sources that they name.
///
/// # Errors
/// A manifest or a source of charts cannot be used. A plan with problems is no error: see [`Plan::works`].
pub async fn run(arguments: &PlanArguments) -> Result<Plan, SourceError> {
    Ok(planned(arguments).await?.0)
}

/// The plan, and the Components that it is of.
async fn planned(arguments: &PlanArguments) -> Result<(Plan, Vec<Manifest>), SourceError> {
    let mut manifests = sources::read_manifests(arguments)?;
    let catalog = sources::read_charts(arguments, &mut manifests.notes).await?;
    if catalog.is_none() {
        manifests.notes.push(
            "no charts are given: versions are open and what charts require is not known; name charts with \
             --repository, --builtin-charts or --storage-local-rootdir"
                .to_owned(),
        );
    }
    let mut plan = planner::solve(&manifests.components, catalog.as_ref());
    manifests.notes.append(&mut plan.notes);
    plan.notes = manifests.notes;
    Ok((plan, manifests.components))
}

/// The plan as it is printed.
pub fn render(plan: &Plan, output: PlanOutput, style: Style) -> String {
    match output {
        PlanOutput::Text => text::text(plan, style),
        PlanOutput::Json => json::json(plan),
    }
}
