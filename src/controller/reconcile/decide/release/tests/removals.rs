//! Removals (docs/components.md 12.1, 12.2 and 12.4).

use super::*;
use ReleaseStatus as S;

fn step(case: &Case, has_inventory: bool) -> RemovalStep {
    decide_removal(&RemovalSituation {
        now: case.now,
        revisions: &case.revisions,
        newest: case.newest(),
        status: &case.status,
        holder: HOLDER,
        holder_is_gone: case.holder_is_gone,
        forced: case.forced,
        is_anothers: case.rival.is_some(),
        has_rival: case.rival.is_some(),
        has_inventory,
    })
}

fn installed() -> Case {
    Case::wanting("a")
        .ours(S::Deployed, "op1", "a")
        .installed("a")
}

fn hook_failed(times: i64, due: i64) -> Case {
    installed()
        .with(|case| {
            case.revisions[0].status = S::Uninstalling;
            case.record.as_mut().unwrap().status = S::Uninstalling;
            case.status.retry_count = Some(times);
            case.status.next_retry_time = Some(Time(at(due)));
        })
        .says(
            "Released",
            "False",
            "UninstallFailed",
            "pre-delete hook failed",
        )
}

#[test]
fn steps() {
    use RemovalStep as R;
    let pending = |status| installed().revision(status, Some(("op2", "b")), "");
    let failed = |until| R::Wait {
        reason: Reason::UninstallFailed,
        message: "pre-delete hook failed".to_owned(),
        until: at(until),
    };
    let rows = [
        ("it is installed", installed(), false, R::Uninstall),
        (
            "it is pending: no unlock is needed",
            pending(S::PendingUpgrade),
            false,
            R::Uninstall,
        ),
        (
            "a first install failed",
            Case::wanting("a").our_failure("op1", "a"),
            false,
            R::Uninstall,
        ),
        (
            "it was never installed",
            Case::wanting("a"),
            false,
            R::NothingThere,
        ),
        (
            "it is another controller's Component's by now",
            installed().with(|case| case.rival = Some(NodeKey::new("elsewhere", "web"))),
            true,
            R::NothingThere,
        ),
        (
            "the release is gone, its objects were saved",
            Case::wanting("a"),
            true,
            R::VerifyInventory,
        ),
        (
            "an uninstall was begun and the release is gone",
            Case::wanting("a")
                .begun("op2", OperationKind::Uninstall, 1, "a")
                .gone(),
            false,
            R::VerifyInventory,
        ),
        (
            "it is uninstalled and its history kept",
            installed().revision(S::Uninstalled, Some(("op1", "a")), ""),
            false,
            R::NothingThere,
        ),
        (
            "an uninstall was cut off",
            installed().revision(S::Uninstalling, Some(("op1", "a")), ""),
            true,
            R::Uninstall,
        ),
        (
            "it is a stranger's release that was never adopted",
            Case::wanting("a").revision(S::Deployed, None, "Install complete"),
            false,
            R::NothingThere,
        ),
        (
            "a hook failed, not due",
            hook_failed(1, 10_010),
            true,
            failed(10_010),
        ),
        (
            "a hook failed, due",
            hook_failed(1, 9_990),
            true,
            R::Uninstall,
        ),
        (
            "a hook failed twice, forced: with hooks, at once",
            hook_failed(2, 10_010).forced(),
            true,
            R::Uninstall,
        ),
        (
            "a hook failed three times, not forced",
            hook_failed(3, 10_060),
            true,
            failed(10_060),
        ),
        (
            "a hook failed three times, forced: without hooks",
            hook_failed(3, 10_060).forced(),
            true,
            R::UninstallWithoutHooks,
        ),
        (
            "an upgrade's backoff does not hold a removal up",
            installed().failed_upgrades(2, 10_500),
            false,
            R::Uninstall,
        ),
        (
            "unreadable and forced",
            installed().forced().with(|case| case.unreadable = true),
            false,
            R::SetAside { revision: 1 },
        ),
        (
            "a stranger's and unreadable",
            Case::wanting("a")
                .revision(S::Deployed, None, "")
                .with(|case| case.unreadable = true),
            false,
            R::NothingThere,
        ),
    ];
    for (sentence, case, has_inventory, expected) in rows {
        assert_eq!(step(&case, has_inventory), expected, "{sentence}");
    }
}

#[test]
fn what_cannot_be_read_or_is_worked_on_waits() {
    let broken = installed().with(|case| case.unreadable = true);
    let live = installed().begun("op2", OperationKind::Upgrade, 1, "b");
    for (case, expected) in [
        (broken, Reason::StateError),
        (live.clone(), Reason::PendingRelease),
    ] {
        let RemovalStep::Wait { reason, until, .. } = step(&case, false) else {
            panic!("{expected}: no wait");
        };
        assert_eq!(reason, expected);
        assert!(until > case.now);
    }
    assert_eq!(step(&live.at(12_000), false), RemovalStep::Uninstall);
}
