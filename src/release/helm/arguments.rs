//! Calls of Helm and their exact command lines (docs/components.md 5.5). Pure.

use std::ffi::OsString;
use std::time::Duration;

use crate::component::names::label;
use crate::component::{Cascade, ServerSideApply, Wait};
use crate::release::operation::{
    Call, DryRun, Operation, RollbackCall, UninstallCall, UpgradeCall,
};

/// Helm's arguments for this operation, without the program's name.
///
/// Always `--reset-values` (without it an empty document keeps the last values), server-side always with
/// `--force-conflicts` and never `auto` (which fails so after a client-side revision), never `--rollback-on-failure`
/// (docs/components.md 5.8, facts 1 to 3).
pub fn arguments(operation: &Operation) -> Vec<OsString> {
    let (verb, release) = (operation.call.verb(), operation.release.clone());
    let mut list = Arguments(vec![verb.into(), release.into()]);
    match &operation.call {
        Call::Upgrade(upgrade) => list.upgrade(upgrade, &operation.id),
        Call::Rollback(rollback) => list.rollback(rollback),
        Call::Uninstall(uninstall) => list.uninstall(uninstall),
    }
    list.push(format!("--namespace={}", operation.namespace));
    list.push(format!("--timeout={}", go_duration(operation.timeout)));
    if let Some(user) = &operation.as_user {
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

    fn upgrade(&mut self, call: &UpgradeCall, operation: &str) {
        self.push(&call.package);
        self.push("--install");
        self.push("--values=-");
        self.push("--reset-values");
        if call.force_replace {
            self.server_side(ServerSideApply::Disabled);
            self.push("--force-replace");
        } else {
            self.server_side(call.server_side_apply);
        }
        self.push("--skip-crds");
        self.push(format!("--history-max={}", call.history_limit));
        self.wait(call.wait);
        self.push_if(call.wait_for_jobs, "--wait-for-jobs");
        self.push_if(call.disable_hooks, "--no-hooks");
        self.push_if(call.skip_schema_validation, "--skip-schema-validation");
        self.push_if(call.take_ownership, "--take-ownership");
        match call.dry_run {
            None => {}
            Some(DryRun::Tried) => {
                self.push("--dry-run=server");
                self.push("--hide-secret");
            }
            Some(DryRun::Rendered) => {
                self.push("--dry-run=server");
                self.push("--output=json");
            }
        }
        let owner = call.owner.as_ref();
        let owner = owner.map_or_else(String::new, |owner| format!(",{}={owner}", label::OWNER));
        self.push(format!(
            "--labels={}={},{}={}{owner}",
            label::OPERATION,
            operation,
            label::HASH,
            call.hash_label
        ));
        self.push(format!("--description={}", call.token));
    }

    fn rollback(&mut self, call: &RollbackCall) {
        self.push(call.revision.to_string());
        self.server_side(call.server_side_apply);
        self.push(format!("--history-max={}", call.history_limit));
        self.wait(call.wait);
        self.push_if(call.wait_for_jobs, "--wait-for-jobs");
        self.push_if(call.disable_hooks, "--no-hooks");
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

    fn server_side(&mut self, apply: ServerSideApply) {
        match apply {
            ServerSideApply::Enabled => {
                self.push("--server-side=true");
                self.push("--force-conflicts");
            }
            ServerSideApply::Disabled => self.push("--server-side=false"),
        }
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
