//! Calls of Helm and their exact command lines (docs/components.md 5.5). Pure.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::component::names::label;
use crate::component::{Cascade, Wait};

/// As a label's value in an upgrade: Helm takes the label away (docs/components.md 5.5). An install takes it as it is.
pub const NO_LABEL: &str = "null";

/// One run of Helm on one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelmCall {
    /// What is done.
    pub action: HelmAction,
    /// The release's name.
    pub release: String,
    /// The release's namespace.
    pub namespace: String,
    /// The user that Helm acts as, such as `system:serviceaccount:<namespace>:<name>`; `None` is the controller
    /// itself. No groups are given: the server adds those of the account then.
    pub as_user: Option<String>,
    /// Helm's own `--timeout`. It bounds each of Helm's steps (each hook, the wait), not the whole run.
    pub timeout: Duration,
    /// How long the whole run may take before it is ended.
    pub deadline: Duration,
}

/// What Helm does to a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelmAction {
    /// `helm upgrade --install`.
    Upgrade(UpgradeCall),
    /// `helm rollback`.
    Rollback(RollbackCall),
    /// `helm uninstall`.
    Uninstall(UninstallCall),
}

impl HelmAction {
    /// Helm's word for it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Upgrade(_) => "upgrade",
            Self::Rollback(_) => "rollback",
            Self::Uninstall(_) => "uninstall",
        }
    }

    /// The operation's id, where the command line carries one.
    pub fn operation(&self) -> Option<&str> {
        match self {
            Self::Upgrade(call) => Some(&call.operation),
            Self::Rollback(_) | Self::Uninstall(_) => None,
        }
    }

    /// True if Helm changes nothing.
    pub fn is_dry_run(&self) -> bool {
        matches!(self, Self::Upgrade(call) if call.dry_run)
    }

    /// Helm's standard input: the values, which are never written to a disk.
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
    /// What is waited for.
    pub wait: Wait,
    /// Whether Jobs are waited for too.
    pub wait_for_jobs: bool,
    /// Whether the chart's hooks are left out.
    pub disable_hooks: bool,
    /// How many revisions are kept; 0 keeps all.
    pub history_limit: u32,
    /// The operation's short id, the value of [`label::OPERATION`].
    pub operation: String,
    /// The revision's description, which proves its origin.
    pub token: String,
    /// The value of [`label::HASH`].
    pub hash_label: String,
    /// The value of [`label::OWNER`], or [`NO_LABEL`]; `None` leaves it unchanged.
    pub owner: Option<String>,
    /// Whether objects of other releases may be taken over.
    pub take_ownership: bool,
    /// Whether objects are replaced rather than patched. This is the one call that is not made server-side: Helm has
    /// no replacement there.
    pub force_replace: bool,
    /// Whether a failed upgrade deletes the objects that it created.
    pub cleanup_on_fail: bool,
    /// Whether it is a dry run.
    pub dry_run: bool,
}

/// `helm rollback`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollbackCall {
    /// The revision to return to.
    pub revision: i64,
    /// What is waited for.
    pub wait: Wait,
    /// Whether Jobs are waited for too.
    pub wait_for_jobs: bool,
    /// Whether the chart's hooks are left out.
    pub disable_hooks: bool,
    /// How many revisions are kept; 0 keeps all.
    pub history_limit: u32,
    /// Whether a failed rollback deletes the objects that it created.
    pub cleanup_on_fail: bool,
}

/// `helm uninstall`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UninstallCall {
    /// What is waited for.
    pub wait: Wait,
    /// Whether the chart's hooks are left out.
    pub disable_hooks: bool,
    /// The propagation policy for dependents of deleted objects.
    pub cascade: Cascade,
    /// Whether the release's history stays.
    pub keep_history: bool,
    /// The description in the history that stays.
    pub description: Option<String>,
}

/// Helm's arguments for this call, without the program's name.
///
/// Always `--reset-values` (without it an empty document keeps the last values), always server-side with
/// `--force-conflicts` (`auto` fails after a client-side revision), never `--rollback-on-failure`
/// (docs/components.md 5.8, facts 1 to 3).
pub fn arguments(call: &HelmCall) -> Vec<OsString> {
    let mut list = Arguments(vec![call.action.verb().into(), call.release.clone().into()]);
    match &call.action {
        HelmAction::Upgrade(upgrade) => list.upgrade(upgrade),
        HelmAction::Rollback(rollback) => list.rollback(rollback),
        HelmAction::Uninstall(uninstall) => list.uninstall(uninstall),
    }
    list.push(format!("--namespace={}", call.namespace));
    list.push(format!("--timeout={}", go_duration(call.timeout)));
    if let Some(user) = &call.as_user {
        list.push(format!("--kube-as-user={user}"));
    }
    list.0
}

struct Arguments(Vec<OsString>);

impl Arguments {
    fn push(&mut self, argument: impl Into<OsString>) {
        self.0.push(argument.into());
    }

    fn push_if(&mut self, condition: bool, argument: &str) {
        if condition {
            self.push(argument);
        }
    }

    fn upgrade(&mut self, call: &UpgradeCall) {
        self.push(&call.package);
        self.push("--install");
        self.push("--values=-");
        self.push("--reset-values");
        if call.force_replace {
            self.push("--server-side=false");
            self.push("--force-replace");
        } else {
            self.server_side();
        }
        self.push("--skip-crds");
        self.push(format!("--history-max={}", call.history_limit));
        self.wait(call.wait);
        self.push_if(call.wait_for_jobs, "--wait-for-jobs");
        self.push_if(call.disable_hooks, "--no-hooks");
        self.push_if(call.take_ownership, "--take-ownership");
        self.push_if(call.cleanup_on_fail, "--cleanup-on-fail");
        if call.dry_run {
            self.push("--dry-run=server");
            self.push("--hide-secret");
        }
        let owner = call.owner.as_ref();
        let owner = owner.map_or_else(String::new, |owner| format!(",{}={owner}", label::OWNER));
        self.push(format!(
            "--labels={}={},{}={}{owner}",
            label::OPERATION,
            call.operation,
            label::HASH,
            call.hash_label
        ));
        self.push(format!("--description={}", call.token));
    }

    fn rollback(&mut self, call: &RollbackCall) {
        self.push(call.revision.to_string());
        self.server_side();
        self.push(format!("--history-max={}", call.history_limit));
        self.wait(call.wait);
        self.push_if(call.wait_for_jobs, "--wait-for-jobs");
        self.push_if(call.disable_hooks, "--no-hooks");
        self.push_if(call.cleanup_on_fail, "--cleanup-on-fail");
    }

    fn uninstall(&mut self, call: &UninstallCall) {
        self.push("--ignore-not-found");
        self.push(match call.cascade {
            Cascade::Background => "--cascade=background",
            Cascade::Foreground => "--cascade=foreground",
            Cascade::Orphan => "--cascade=orphan",
        });
        self.wait(call.wait);
        self.push_if(call.disable_hooks, "--no-hooks");
        self.push_if(call.keep_history, "--keep-history");
        if let Some(description) = &call.description {
            self.push(format!("--description={description}"));
        }
    }

    fn server_side(&mut self) {
        self.push("--server-side=true");
        self.push("--force-conflicts");
    }

    fn wait(&mut self, wait: Wait) {
        self.push(match wait {
            Wait::Watcher => "--wait=watcher",
            Wait::HookOnly => "--wait=hookOnly",
            Wait::Legacy => "--wait=legacy",
        });
    }
}

/// Go's spelling in whole seconds where that is exact, else in milliseconds, rounded up so that it is never zero.
fn go_duration(duration: Duration) -> String {
    if duration.subsec_nanos() == 0 {
        format!("{}s", duration.as_secs())
    } else {
        format!("{}ms", duration.as_nanos().div_ceil(1_000_000))
    }
}

#[cfg(test)]
mod tests;
