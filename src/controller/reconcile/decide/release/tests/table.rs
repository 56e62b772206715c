//! The decision table of docs/components.md 6.1, row by row, with the scenarios of section 19 that it answers.

use super::*;
use ReleaseStatus as S;

/// Installed at revision 1 as `a`, and the status says so.
pub(super) fn installed() -> Case {
    Case::wanting("a")
        .ours(S::Deployed, "op1", "a")
        .installed("a")
}

#[test]
fn no_release() {
    check(vec![
        (
            "nothing was ever there: install",
            Case::wanting("a"),
            "Run(Install, NotInstalled)",
        ),
        (
            "the status knows of revisions, Helm of none: it was removed by others",
            installed().with(|case| {
                case.revisions.clear();
                case.record = None;
            }),
            "Run(Install, RemovedOutside)",
        ),
        (
            "an install could not reach the cluster and is not due yet",
            Case::wanting("a").attempted("a").with(|case| {
                case.status.failures = Some(Failures {
                    transient: 2,
                    ..Failures::default()
                });
                case.status.next_retry_time = Some(Time(at(10_004)));
            }),
            "Wait(InstallFailed, Transient, Some(10004))",
        ),
        (
            "an install that left no revision failed for good: it is looked at again later",
            Case::wanting("a")
                .attempted("a")
                .says("Stalled", "True", "ChartInvalid", "template: x")
                .with(|case| case.status.next_retry_time = Some(Time(at(11_800)))),
            "Hold(ChartInvalid, 11800)",
        ),
        (
            "the same, and the chart changed",
            Case::wanting("b")
                .attempted("a")
                .says("Stalled", "True", "ChartInvalid", "template: x")
                .with(|case| case.status.next_retry_time = Some(Time(at(11_800)))),
            "Run(Install, NotInstalled)",
        ),
        (
            "the same, and resetAt or a new generation",
            Case::wanting("a")
                .attempted("a")
                .reset()
                .with(|case| case.status.next_retry_time = Some(Time(at(11_800)))),
            "Run(Install, NotInstalled)",
        ),
    ]);
}

#[test]
fn deployed() {
    let foreign = |case: Case| case.revision(S::Deployed, None, "Upgrade complete");
    check(vec![
        ("ours and equal: nothing", installed(), "InSync(Ours)"),
        (
            "ours and equal, but the status was lost: it is written",
            installed().with(|case| case.status = ComponentStatus::default()),
            "InSync(AdoptSuccess)",
        ),
        (
            "ours and equal, and an operation was begun that came to nothing",
            installed()
                .begun("op2", OperationKind::Upgrade, 1, "b")
                .gone(),
            "InSync(AdoptSuccess)",
        ),
        (
            "the hash differs: upgrade",
            installed().with(|case| case.wanted.hash = hash("b")),
            "Run(Upgrade, Changed)",
        ),
        (
            "a new generation alone is nothing",
            installed().reset().with(|case| case.wanted.generation = 2),
            "InSync(Ours)",
        ),
        (
            "forceAt: one upgrade though equal",
            installed().forced(),
            "Run(Upgrade, Forced)",
        ),
        (
            "somebody upgraded, our labels inherited: back",
            installed().revision(S::Deployed, Some(("op1", "a")), "Upgrade complete"),
            "Run(Upgrade, Foreign)",
        ),
        (
            "somebody upgraded and removed our labels: back",
            foreign(installed()),
            "Run(Upgrade, Foreign)",
        ),
        (
            "somebody rolled back to what is no longer wanted: back",
            installed()
                .ours(S::Deployed, "op2", "b")
                .installed("b")
                .revision(S::Deployed, Some(("op1", "a")), "Rollback to 1")
                .with(|case| case.wanted.hash = hash("b")),
            "Run(Upgrade, Foreign)",
        ),
        (
            "a token that the label does not bear out proves nothing",
            installed().revision(S::Deployed, Some(("op1", "a")), &token("op9", "a")),
            "Run(Upgrade, Foreign)",
        ),
        (
            "half a token proves nothing",
            installed().revision(S::Deployed, Some(("op2", "a")), "op=op2"),
            "Run(Upgrade, Foreign)",
        ),
        (
            "the upgrade back failed without a revision and is not due",
            foreign(installed()).failed_upgrades(1, 10_010),
            "Wait(Timeout, Attempt, Some(10010))",
        ),
    ]);
}

#[test]
fn never_managed() {
    let foreign = || Case::wanting("a").revision(S::Deployed, None, "Install complete");
    let of_other_chart = || {
        foreign()
            .with(|case| case.record = Some(record(1, S::Deployed, "Install complete", "nginx")))
    };
    let taking = |case: Case, policy| case.with(|case| case.wanted.take_ownership = policy);
    check(vec![
        (
            "the same chart: adopt, even if nothing differs",
            foreign(),
            "Run(Upgrade, Adopt)",
        ),
        (
            "takeOwnership Never: the cluster stays untouched",
            taking(foreign(), TakeOwnership::Never),
            "Hold(OwnershipConflict, 11800)",
        ),
        (
            "not even by force",
            taking(foreign(), TakeOwnership::Never).forced(),
            "Hold(OwnershipConflict, 11800)",
        ),
        (
            "another chart under that name",
            of_other_chart(),
            "Hold(OwnershipConflict, 11800)",
        ),
        (
            "another controller's Component has it: nobody fights over it, whatever is asked for",
            taking(
                Case::wanting("a")
                    .ours(S::Deployed, "op1", "b")
                    .with(|case| case.rival = Some(NodeKey::new("elsewhere", "web"))),
                TakeOwnership::Always,
            )
            .forced(),
            "Hold(ReleaseConflict, 10120)",
        ),
        (
            "another chart, and takeOwnership Always",
            taking(of_other_chart(), TakeOwnership::Always),
            "Run(Upgrade, Adopt)",
        ),
        (
            "and a stranger's release stays locked",
            taking(
                Case::wanting("a").revision(S::PendingInstall, None, "Initial install underway"),
                TakeOwnership::Never,
            ),
            "Hold(OwnershipConflict, 11800)",
        ),
        (
            "somebody's failed first install, with install hooks: it is not ours to remove",
            Case::wanting("a")
                .revision(S::Failed, None, "Release \"web\" failed")
                .with(|case| case.wanted.has_install_hooks = true),
            "Run(Install, Adopt)",
        ),
        (
            "an older Component's, with its token: it counts",
            taking(installed(), TakeOwnership::Never)
                .with(|case| case.status = ComponentStatus::default()),
            "InSync(AdoptSuccess)",
        ),
    ]);
}

#[test]
fn neither_deployed_nor_failed() {
    check(vec![
        (
            "superseded is newest, for history was partly deleted: upgrade",
            Case::wanting("a")
                .ours(S::Superseded, "op1", "a")
                .installed("a"),
            "Run(Upgrade, Unfinished)",
        ),
        (
            "a state that nobody knows: upgrade",
            installed().revision(S::Unknown, Some(("op1", "a")), ""),
            "Run(Upgrade, Unfinished)",
        ),
        (
            "uninstalling: finish that first",
            installed().revision(S::Uninstalling, Some(("op1", "a")), "Deletion in progress"),
            "Run(FinishUninstall, Unfinished)",
        ),
        (
            "uninstalling failed and is not due",
            installed()
                .revision(S::Uninstalling, Some(("op1", "a")), "Deletion in progress")
                .failed_upgrades(1, 10_030),
            "Wait(Timeout, Attempt, Some(10030))",
        ),
        (
            "uninstalled with its history kept: install",
            installed().revision(
                S::Uninstalled,
                Some(("op1", "a")),
                "Uninstallation complete",
            ),
            "Run(Install, Unfinished)",
        ),
        (
            "somebody's, uninstalled: nothing of it is taken over",
            Case::wanting("a")
                .revision(S::Uninstalled, None, "Uninstallation complete")
                .with(|case| case.wanted.take_ownership = TakeOwnership::Never),
            "Run(Install, Unfinished)",
        ),
    ]);
}

#[test]
fn unreadable() {
    let broken = || installed().with(|case| case.unreadable = true);
    check(vec![
        (
            "it is treated as not ours and never deleted",
            broken(),
            "Wait(StateError, Attempt, Some(11800))",
        ),
        ("forceAt moves it aside", broken().forced(), "SetAside(1)"),
        (
            "forceAt does not move what may not be taken",
            broken().forced().with(|case| {
                case.status = ComponentStatus::default();
                case.revisions[0].operation = None;
                case.wanted.take_ownership = TakeOwnership::Never;
            }),
            "Wait(StateError, Attempt, Some(11800))",
        ),
        (
            "a holder that may still write it is waited for",
            broken()
                .forced()
                .begun("op2", OperationKind::Upgrade, 0, "a"),
            "Wait(PendingRelease, Transient, Some(12000))",
        ),
    ]);
    let Decision::Wait { message, .. } = broken().decision() else {
        panic!("not awaited");
    };
    assert!(
        message.contains("broken gzip") && message.contains("forceAt"),
        "{message}"
    );
}
