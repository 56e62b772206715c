//! Retries and the ways back (docs/components.md 6.4).

use super::*;
use ReleaseStatus as S;

/// `b` was tried over a good `a` and failed at revision 2; the next attempt is due at `due`.
pub(super) fn failed_once(due: i64) -> Case {
    Case::wanting("b")
        .ours(S::Deployed, "op1", "a")
        .installed("a")
        .our_failure("op2", "b")
        .attempted("b")
        .failed_upgrades(1, due)
}

/// And the release is back at `a`, as revision 3.
pub(super) fn rolled_back(failures: i64, due: i64) -> Case {
    failed_once(due)
        .failed_upgrades(failures, due)
        .revision(S::Deployed, Some(("op1", "a")), "Rollback to 1")
        .remembered(S::Deployed, "a")
        .says("Released", "True", "RollbackSucceeded", "back at 1")
        .says(
            "Ready",
            "False",
            "UpgradeFailed",
            "pod web-0: ErrImagePull; back at 1",
        )
}

/// The rollback failed too: revision 3.
fn rollback_failed(due: i64) -> Case {
    failed_once(due)
        .with(|case| case.revisions[0].status = S::Superseded)
        .revision(
            S::Failed,
            Some(("op1", "a")),
            "Rollback \"web\" failed: original object not found",
        )
        .remembered(S::Failed, "a")
}

/// And so did the other way: revision 4.
pub(super) fn reapply_failed(due: i64) -> Case {
    rollback_failed(due)
        .revision(
            S::Failed,
            Some(("op4", "a")),
            "Upgrade \"web\" failed: timeout",
        )
        .remembered(S::Failed, "a")
}

pub(super) fn keep(case: Case) -> Case {
    case.with(|case| case.wanted.upgrade_on_failure = UpgradeFailure::Keep)
}

#[test]
fn after_a_failed_upgrade() {
    check(vec![
        (
            "go back at once, due or not",
            failed_once(10_010),
            "Run(Rollback { to: 1 }, LastAttemptFailed)",
        ),
        (
            "the way back could not reach the cluster: a second later",
            failed_once(10_001).with(|case| {
                case.status.failures = Some(Failures {
                    upgrade: 1,
                    transient: 1,
                    ..Failures::default()
                });
            }),
            "Wait(Timeout, Transient, Some(10001))",
        ),
        (
            "the way back failed before it left a revision: not at once again",
            failed_once(10_010)
                .with(|case| case.status.retry_count = Some(2))
                .says("Remediated", "False", "RollbackFailed", "no"),
            "Wait(RollbackFailed, Attempt, Some(10010))",
        ),
        (
            "the way back only could not reach the cluster: again",
            failed_once(10_010).says("Remediated", "False", "RollbackFailed", "refused"),
            "Run(Rollback { to: 1 }, LastAttemptFailed)",
        ),
        (
            "onFailure Keep, not due: wait",
            keep(failed_once(10_010)),
            "Wait(Timeout, Attempt, Some(10010))",
        ),
        (
            "onFailure Keep, due: try again",
            keep(failed_once(9_990)),
            "Run(Upgrade, Retry)",
        ),
        (
            "onFailure Keep, no attempts left: stay",
            keep(failed_once(9_990).failed_upgrades(4, 9_990)),
            "Hold(RetriesExceeded, 11800)",
        ),
        (
            "what is wanted changed: upgrade, whatever else",
            failed_once(10_010).with(|case| case.wanted.hash = hash("c")),
            "Run(Upgrade, Changed)",
        ),
        (
            "resetAt: try again at once",
            failed_once(10_010).reset(),
            "Run(Upgrade, Retry)",
        ),
        (
            "forceAt: try again at once",
            failed_once(10_010).forced(),
            "Run(Upgrade, Forced)",
        ),
        (
            "Helm was cut off: go on at once, not back",
            failed_once(9_990).with(|case| {
                let record = case.record.as_mut().unwrap();
                record.description = "interrupted: gone".to_owned();
                record.last_deployed = Some(at(9_970));
            }),
            "Run(Upgrade, Interrupted)",
        ),
        (
            "Helm was told to stop because its time was over, and that was counted: go back",
            failed_once(9_990).with(|case| {
                let record = case.record.as_mut().unwrap();
                record.description = "context canceled".to_owned();
                record.last_deployed = Some(at(9_900));
            }),
            "Run(Rollback { to: 1 }, LastAttemptFailed)",
        ),
        (
            "no revision is known to be good: nothing is rolled back",
            failed_once(10_010)
                .with(|case| case.status.history.retain(|entry| entry.revision != 1)),
            "Wait(MissingRollbackTarget, Attempt, Some(10010))",
        ),
        (
            "the same, due",
            failed_once(9_990).with(|case| case.status.history.retain(|entry| entry.revision != 1)),
            "Run(Upgrade, Retry)",
        ),
        (
            "the good revision's Secret was deleted",
            failed_once(10_010).with(|case| case.revisions.truncate(1)),
            "Wait(MissingRollbackTarget, Attempt, Some(10010))",
        ),
        (
            "somebody's upgrade failed, our labels inherited: ours is next",
            Case::wanting("a")
                .ours(S::Deployed, "op1", "a")
                .installed("a")
                .revision(S::Failed, Some(("op1", "a")), "Upgrade \"web\" failed"),
            "Run(Upgrade, Foreign)",
        ),
        (
            "the same while ours failed and is not due: go back",
            rolled_back(1, 10_010).revision(
                S::Failed,
                Some(("op1", "a")),
                "Upgrade \"web\" failed",
            ),
            "Run(Rollback { to: 3 }, LastAttemptFailed)",
        ),
        (
            "the status was lost: try again, for nothing is known to be good",
            failed_once(10_010).with(|case| case.status = ComponentStatus::default()),
            "Run(Upgrade, Retry)",
        ),
    ]);
}

#[test]
fn after_a_rollback() {
    check(vec![
        (
            "our own rollback is not somebody's: wait for the next attempt",
            rolled_back(1, 10_010),
            "Wait(UpgradeFailed, Attempt, Some(10010))",
        ),
        ("it is due", rolled_back(1, 9_990), "Run(Upgrade, Retry)"),
        (
            "the third retry is allowed",
            rolled_back(3, 9_990).at(10_100),
            "Run(Upgrade, Retry)",
        ),
        (
            "no attempt is left: stay at the good one",
            rolled_back(4, 9_990),
            "Hold(RetriesExceeded, 11800)",
        ),
        (
            "resetAt after that",
            rolled_back(4, 9_990).reset(),
            "Run(Upgrade, Changed)",
        ),
        (
            "forceAt after that",
            rolled_back(4, 9_990).forced(),
            "Run(Upgrade, Forced)",
        ),
        (
            "something else is wanted after that",
            rolled_back(4, 9_990).with(|case| case.wanted.hash = hash("c")),
            "Run(Upgrade, Changed)",
        ),
        (
            "what runs is wanted again: nothing to do",
            rolled_back(4, 9_990).with(|case| case.wanted.hash = hash("a")),
            "InSync(Ours)",
        ),
        (
            "a failure that only a change mends waits half an hour",
            rolled_back(1, 11_800).says("Stalled", "True", "ImmutableField", "spec.selector"),
            "Hold(ImmutableField, 11800)",
        ),
        (
            "somebody rolled back again: still no attempt is left",
            rolled_back(4, 9_990).revision(S::Deployed, Some(("op1", "a")), "Rollback to 1"),
            "Hold(RetriesExceeded, 11800)",
        ),
        (
            "a rollback that waited a second for the cluster does not bring the upgrade forward",
            rolled_back(3, 10_000)
                .with(|case| case.status.last_failure_time = Some(Time(at(9_990)))),
            // 54 s, a minute less a tenth
            "Wait(UpgradeFailed, Attempt, Some(10044))",
        ),
    ]);
}

#[test]
fn when_the_way_back_fails() {
    check(vec![
        (
            "the rollback failed: the other way",
            rollback_failed(10_010),
            "Run(Reapply { to: 1 }, RollbackFailed)",
        ),
        (
            "the rollback was cut off: again",
            rollback_failed(10_010).with(|case| {
                let record = case.record.as_mut().unwrap();
                record.description = "interrupted: gone".to_owned();
                record.last_deployed = Some(at(9_970));
            }),
            "Run(Rollback { to: 1 }, Interrupted)",
        ),
        (
            "both failed: wait",
            reapply_failed(10_010),
            "Wait(RollbackFailed, Attempt, Some(10010))",
        ),
        (
            "both failed, the next attempt is due",
            reapply_failed(9_990),
            "Run(Upgrade, Retry)",
        ),
        (
            "both failed, no attempt is left: back again, in its time",
            reapply_failed(9_990).failed_upgrades(4, 9_990).at(10_100),
            "Run(Rollback { to: 1 }, RollbackFailed)",
        ),
        (
            "the other way was cut off: again",
            reapply_failed(10_010).with(|case| {
                let record = case.record.as_mut().unwrap();
                record.description = "interrupted: gone".to_owned();
                record.last_deployed = Some(at(9_970));
            }),
            "Run(Reapply { to: 1 }, Interrupted)",
        ),
        (
            "the other way worked: it is ours, and not what is wanted",
            rollback_failed(10_010).ours(S::Deployed, "op4", "a"),
            "Wait(Timeout, Attempt, Some(10010))",
        ),
        (
            "the good revision is what is wanted: its turn is the next attempt",
            rollback_failed(10_010)
                .attempted("a")
                .with(|case| case.wanted.hash = hash("a")),
            "Wait(RollbackFailed, Attempt, Some(10010))",
        ),
    ]);
    let case = rollback_failed(10_010);
    assert_eq!(
        brief(&decide_without_reapply(&case.situation())),
        "Wait(RollbackFailed, Attempt, Some(10010))",
        "the other way cannot be begun"
    );
}
