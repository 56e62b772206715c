//! The seam between the reconciler and what changes a release: one operation in, one outcome out.

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::release::operation::Operation;
use crate::release::outcome::HelmOutcome;
use crate::release::record::{Record, RecordError};

/// Changes releases. The driver is [`Helm`](crate::release::helm::Helm); tests have one that keeps its releases in
/// memory.
pub trait Installer: Send + Sync {
    /// Runs the operation once, to its end, which comes early when `stop` is cancelled. Nothing is retried and nothing
    /// is judged: what came of it is to be read in the release.
    fn run<'a>(
        &'a self,
        operation: &'a Operation,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, HelmOutcome>;

    /// What an operation would make that changes nothing ([`UpgradeCall::dry_run`](crate::release::operation::UpgradeCall)
    /// is [`DryRun::Rendered`](crate::release::operation::DryRun)).
    fn render<'a>(
        &'a self,
        operation: &'a Operation,
        stop: &'a CancellationToken,
    ) -> BoxFuture<'a, Rendered>;
}

/// What would be made.
#[derive(Debug)]
pub struct Rendered {
    /// How the run ended.
    pub outcome: HelmOutcome,
    /// The revision, if it could be rendered.
    pub record: Option<Result<Record, RecordError>>,
}
