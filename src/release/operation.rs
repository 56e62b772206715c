//! One change of one release, as it is asked for, and what must show that it was made. Pure.

use std::path::PathBuf;
use std::time::Duration;

use crate::component::{Cascade, ServerSideApply, Wait};
use crate::operation_kind::OperationKind;
use crate::release::record::{Record, ReleaseStatus, Revision};
use crate::release::token::{Token, rollback_target};

/// A release: its namespace and its name.
pub type ReleaseKey = (String, String);

/// As a label's value in an upgrade: Helm takes the label away (docs/components.md 5.5). An install takes it as it is.
pub const NO_LABEL: &str = "null";

/// One change of one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its id: short enough for a label.
    pub id: String,
    /// What it is called, in the status and in messages.
    pub kind: OperationKind,
    /// What is asked for.
    pub call: Call,
    /// What the release must show afterwards.
    pub proof: Proof,
    /// The release's name.
    pub release: String,
    /// The release's namespace.
    pub namespace: String,
    /// The user that Helm acts as, such as `system:serviceaccount:<namespace>:<name>`; `None` is the controller itself.
    pub as_user: Option<String>,
    /// The address of the API server, if it is not the one that is configured; who knows it may do what the controller
    /// may.
    pub api_server: Option<String>,
    /// Helm's own `--timeout`. It bounds each of Helm's steps (each hook, the wait), not the whole run.
    pub timeout: Duration,
    /// How long the whole run may take before it is ended.
    pub deadline: Duration,
}

/// What is asked of Helm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// `helm upgrade --install`.
    Upgrade(UpgradeCall),
    /// `helm rollback`.
    Rollback(RollbackCall),
    /// `helm uninstall`.
    Uninstall(UninstallCall),
}

impl Call {
    /// Helm's word for it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Upgrade(_) => "upgrade",
            Self::Rollback(_) => "rollback",
            Self::Uninstall(_) => "uninstall",
        }
    }

    /// True if nothing is changed.
    pub fn is_dry_run(&self) -> bool {
        matches!(self, Self::Upgrade(call) if call.dry_run.is_some())
    }

    /// What Helm reads from standard input: the values, which so never touch a disk.
    pub fn input(&self) -> Option<&[u8]> {
        match self {
            Self::Upgrade(call) => Some(&call.values),
            Self::Rollback(_) | Self::Uninstall(_) => None,
        }
    }
}

/// `helm upgrade --install`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeCall {
    /// The chart's package, an absolute path.
    pub package: PathBuf,
    /// The merged values, a JSON object.
    pub values: Vec<u8>,
    /// What Helm waits for.
    pub wait: Wait,
    /// Whether Jobs are waited for too.
    pub wait_for_jobs: bool,
    /// Whether the chart's hooks are left out.
    pub disable_hooks: bool,
    /// How many revisions are kept; 0 keeps all.
    pub history_limit: u32,
    /// The revision's description, which proves whose it is.
    pub token: String,
    /// The value of the label `hash` ([`crate::component::names::label::HASH`]).
    pub hash_label: String,
    /// The value of the label `owner` ([`crate::component::names::label::OWNER`]), or
    /// [`NO_LABEL`]; `None` leaves it as it is.
    pub owner: Option<String>,
    /// Whether objects of other releases may be taken over.
    pub take_ownership: bool,
    /// Whether the chart's schema is left out.
    pub skip_schema_validation: bool,
    /// How objects are written.
    pub server_side_apply: ServerSideApply,
    /// Whether objects are replaced rather than patched. This is never done server-side: Helm has no replacement there.
    pub force_replace: bool,
    /// Whether Helm changes nothing.
    pub dry_run: Option<DryRun>,
}

/// A call that changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// It finds out whether Helm could do it.
    Tried,
    /// It prints what Helm would make, Secrets and all.
    Rendered,
}

/// `helm rollback`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollbackCall {
    /// The revision to return to.
    pub revision: i64,
    /// What Helm waits for.
    pub wait: Wait,
    /// Whether Jobs are waited for too.
    pub wait_for_jobs: bool,
    /// Whether the chart's hooks are left out.
    pub disable_hooks: bool,
    /// How many revisions are kept; 0 keeps all.
    pub history_limit: u32,
    /// How objects are written.
    pub server_side_apply: ServerSideApply,
}

/// `helm uninstall`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UninstallCall {
    /// What Helm waits for.
    pub wait: Wait,
    /// Whether the chart's hooks are left out.
    pub disable_hooks: bool,
    /// How what belongs to a deleted object goes.
    pub cascade: Cascade,
    /// Whether the release's history stays.
    pub keep_history: bool,
    /// What a history that stays says about it.
    pub description: Option<String>,
}

/// What shows, in the release itself, that an operation did what it should (docs/components.md 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A deployed revision above this one, with the operation's id in its label and in its description.
    Made {
        /// The newest revision before.
        after: i64,
    },
    /// A deployed revision above `after` that says that it is what revision `to` was.
    WentBack {
        /// The newest revision before.
        after: i64,
        /// The revision gone back to.
        to: i64,
    },
    /// No revision, or a history that was kept.
    Gone,
    /// Nothing changes.
    DryRun,
}

impl Proof {
    /// True if a release with these revisions, newest first, and this newest record shows that `operation` succeeded.
    pub fn holds(&self, operation: &str, revisions: &[Revision], newest: Option<&Record>) -> bool {
        let deployed_after = |after: i64| {
            newest.filter(|record| {
                record.revision > after && record.status == ReleaseStatus::Deployed
            })
        };
        match self {
            Self::Gone => {
                (revisions.first()).is_none_or(|newest| newest.status == ReleaseStatus::Uninstalled)
            }
            Self::DryRun => true,
            Self::WentBack { after, to } => deployed_after(*after)
                .is_some_and(|record| rollback_target(&record.description) == Some(*to)),
            Self::Made { after } => deployed_after(*after).is_some_and(|record| {
                let label = revisions.first().and_then(|one| one.operation.as_deref());
                let token = Token::parse(&record.description);
                label == Some(operation) && token.is_some_and(|token| token.operation == operation)
            }),
        }
    }
}
