//! One run of Helm: what it does to a release, what it says, and how it was asked.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::End;
use crate::component::{ServerSideApply, Wait};
use crate::controller::reconcile::tests::helm::{History, LOCKED, Making};
use crate::release::helm::{Ending, HelmOutcome};
use crate::release::operation::{Call, Operation};
use crate::release::record::RecordedChart;
use crate::release::token::Token;

/// What a run does before it waits or ends.
pub fn begin(history: &mut History, operation: &Operation, now: Timestamp) -> Result<(), String> {
    match &operation.call {
        Call::Upgrade(call) => {
            let token = Token::parse(&call.token);
            let making = Making {
                chart: chart_of(&call.package),
                values: serde_json::from_slice(&call.values).expect("values are an object"),
                operation: token.map(|token| token.operation),
                hash: Some(call.hash_label.clone()),
                owner: call.owner.clone(),
                description: Some(call.token.clone()),
                limit: call.history_limit as usize,
            };
            history.upgrade(&making, now)
        }
        Call::Rollback(call) => history.roll_back(call.revision, call.history_limit as usize, now),
        Call::Uninstall(_) => {
            let is_locked = history.newest().is_some_and(|it| it.is_unreadable);
            if is_locked {
                return Err(LOCKED.to_owned());
            }
            Ok(())
        }
    }
}

pub fn finish(history: &mut History, operation: &Operation, end: End) -> HelmOutcome {
    let is_uninstall = matches!(operation.call, Call::Uninstall(_));
    match end {
        End::Works => {
            match &operation.call {
                Call::Upgrade(_) | Call::Rollback(_) => history.succeed(),
                Call::Uninstall(call) => history.uninstalled(call.keep_history),
            }
            said(Ending::Succeeded, "")
        }
        End::Lies => said(Ending::Succeeded, ""),
        End::Fails(error) => {
            if !is_uninstall {
                history.fail(error);
            }
            said(Ending::Failed(1), &format!("Error: {error}"))
        }
        End::Refuses(error) => said(Ending::Failed(1), &format!("Error: {error}")),
        End::LeavesObjects(error) => {
            history.uninstalled(false);
            said(Ending::Failed(1), &format!("Error: {error}"))
        }
        End::Killed => {
            if is_uninstall {
                history.is_uninstalling();
            }
            said(Ending::Killed(9), "")
        }
        End::TooLong | End::Hangs => {
            match is_uninstall {
                true => history.is_uninstalling(),
                false => history.fail("context canceled"),
            }
            let is_stopped = end == End::Hangs;
            let ending = if is_stopped {
                Ending::Stopped
            } else {
                Ending::DeadlineExceeded
            };
            said(ending, "Error: context canceled")
        }
        End::DoesNotStart => unreachable!("it has not begun"),
    }
}

pub fn dry_run(end: End) -> HelmOutcome {
    match end {
        End::Fails(error) | End::Refuses(error) => {
            said(Ending::Failed(1), &format!("Error: {error}"))
        }
        _ => said(Ending::Succeeded, ""),
    }
}

pub fn said(ending: Ending, stderr: &str) -> HelmOutcome {
    HelmOutcome {
        ending,
        stderr: stderr.to_owned(),
        max_rss_bytes: None,
        duration: Duration::from_secs(1),
    }
}

/// The chart of a package; the site names its files `<name> <version>.tgz`.
fn chart_of(package: &Path) -> RecordedChart {
    let stem = package.file_stem().unwrap_or_default().to_string_lossy();
    let (name, version) = stem.split_once(' ').unwrap_or((&stem, ""));
    RecordedChart {
        name: name.to_owned(),
        version: version.to_owned(),
        app_version: None,
    }
}

/// The run as its command line has it, without what always stands there.
pub fn words(operation: &Operation, is_install: bool) -> String {
    let mut words = Vec::new();
    let mut flag = |is_there: bool, flag: &str| {
        if is_there {
            words.push(format!(" {flag}"));
        }
    };
    let what = match &operation.call {
        Call::Upgrade(call) => {
            flag(call.wait != Wait::HookOnly, "--wait");
            flag(call.wait_for_jobs, "--wait-for-jobs");
            flag(call.disable_hooks, "--no-hooks");
            flag(call.take_ownership, "--take-ownership");
            flag(call.skip_schema_validation, "--skip-schema-validation");
            flag(
                call.server_side_apply == ServerSideApply::Disabled,
                "--server-side=false",
            );
            flag(call.force_replace, "--force-replace");
            flag(call.dry_run.is_some(), "--dry-run");
            let chart = chart_of(&call.package);
            let verb = if is_install { "install" } else { "upgrade" };
            format!("{verb} {} {}", chart.name, chart.version)
        }
        Call::Rollback(call) => {
            flag(call.wait != Wait::HookOnly, "--wait");
            flag(
                call.server_side_apply == ServerSideApply::Disabled,
                "--server-side=false",
            );
            format!("rollback {}", call.revision)
        }
        Call::Uninstall(call) => {
            flag(call.disable_hooks, "--no-hooks");
            flag(call.keep_history, "--keep-history");
            "uninstall".to_owned()
        }
    };
    format!("{what}{}", words.concat())
}
