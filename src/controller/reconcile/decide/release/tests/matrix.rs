//! The restart matrix of docs/components.md 5.3: an upgrade to `b` was begun from revision 1 by a process that is gone.

use super::*;
use ReleaseStatus as S;

fn begun() -> Case {
    Case::wanting("b")
        .ours(S::Deployed, "op1", "a")
        .installed("a")
        .attempted("b")
        .begun("op2", OperationKind::Upgrade, 1, "b")
        .gone()
}

/// After `b` failed at revision 2, a rollback to 1 was begun.
fn rollback_begun() -> Case {
    Case::wanting("b")
        .ours(S::Deployed, "op1", "a")
        .installed("a")
        .our_failure("op2", "b")
        .attempted("b")
        .failed_upgrades(1, 9_960)
        .begun("op3", OperationKind::Rollback, 2, "a")
        .gone()
}

#[test]
fn found_at_restart() {
    let ours = Some(("op2", "b"));
    check(vec![
        (
            "N is newest: Helm never stored, run again",
            begun(),
            "Run(Upgrade, Interrupted)",
        ),
        (
            "N is none: an install is run again",
            Case::wanting("b")
                .attempted("b")
                .begun("op2", OperationKind::Install, 0, "b")
                .gone(),
            "Run(Install, Interrupted)",
        ),
        (
            "N+1 deployed with label and token: adopt the success",
            begun().revision(S::Deployed, ours, &token("op2", "b")),
            "InSync(AdoptSuccess)",
        ),
        (
            "the same, though the holder may live: Helm is done",
            begun()
                .revision(S::Deployed, ours, &token("op2", "b"))
                .with(|case| case.holder_is_gone = false),
            "InSync(AdoptSuccess)",
        ),
        (
            "N+1 failed with the label: count it",
            begun().revision(S::Failed, ours, "Upgrade \"web\" failed: no such image"),
            "CountFailure(2, Upgrade, Attempt)",
        ),
        (
            "N+1 failed because Helm was told to stop: it does not count",
            begun().revision(S::Failed, ours, "Upgrade \"web\" failed: context canceled"),
            "CountFailure(2, Upgrade, Interrupted)",
        ),
        (
            "N+1 was unlocked: it does not count",
            begun().revision(S::Failed, ours, "interrupted: its holder is gone"),
            "CountFailure(2, Upgrade, Interrupted)",
        ),
        (
            "N+1 pending, the holder gone: unlock",
            begun().revision(S::PendingUpgrade, ours, &token("op2", "b")),
            "Unlock(2)",
        ),
        (
            "N+1 pending, nobody knows of the holder: wait",
            begun()
                .revision(S::PendingUpgrade, ours, &token("op2", "b"))
                .with(|case| case.holder_is_gone = false),
            "Wait(PendingRelease, Transient, Some(12000))",
        ),
        (
            "N+1 pending, the deadline passed: unlock",
            begun()
                .revision(S::PendingUpgrade, ours, &token("op2", "b"))
                .at(12_000)
                .with(|case| case.holder_is_gone = false),
            "Unlock(2)",
        ),
        (
            "N is newest and the holder may live: its Helm may yet store, wait",
            begun().with(|case| case.holder_is_gone = false),
            "Wait(PendingRelease, Transient, Some(12000))",
        ),
        (
            "N+1 deployed, label inherited, no token: somebody upgraded",
            begun().revision(S::Deployed, Some(("op1", "a")), "Upgrade complete"),
            "Run(Upgrade, Foreign)",
        ),
        (
            "N+1 deployed, our label copied by somebody's rollback",
            begun().revision(S::Deployed, ours, "Rollback to 1"),
            "Run(Upgrade, Foreign)",
        ),
        (
            "N+2 on top of ours: somebody upgraded",
            begun()
                .revision(S::Superseded, ours, &token("op2", "b"))
                .revision(S::Deployed, ours, "Upgrade complete"),
            "Run(Upgrade, Foreign)",
        ),
        (
            "N+1 pending without the label: somebody's, by age",
            begun()
                .revision(S::PendingUpgrade, Some(("op1", "a")), "Preparing upgrade")
                .at(300),
            "Wait(PendingRelease, Transient, Some(800))",
        ),
        (
            "no intent, pending: the status was lost, by age",
            begun()
                .revision(S::PendingUpgrade, ours, &token("op2", "b"))
                .at(300)
                .with(|case| case.status.operation = None),
            "Wait(PendingRelease, Transient, Some(800))",
        ),
        (
            "the release is gone after an uninstall was begun: make sure, then install",
            Case::wanting("b")
                .begun("op2", OperationKind::Uninstall, 3, "b")
                .gone(),
            "Run(Reinstall, Unfinished)",
        ),
        (
            "the first revision after a reinstall, whose number is not N+1",
            Case::wanting("b")
                .attempted("b")
                .begun("op2", OperationKind::Install, 1, "b")
                .gone()
                .revision(S::PendingInstall, ours, &token("op2", "b")),
            "Unlock(1)",
        ),
    ]);
}

#[test]
fn found_after_a_rollback() {
    let copied = Some(("op1", "a"));
    check(vec![
        (
            "it never began: go back",
            rollback_begun(),
            "Run(Rollback { to: 1 }, LastAttemptFailed)",
        ),
        (
            "it succeeded: write it down",
            rollback_begun().revision(S::Deployed, copied, "Rollback to 1"),
            "RecordRollback(3, 1)",
        ),
        (
            "somebody was faster, to a revision of his own",
            rollback_begun().revision(S::Deployed, copied, "Rollback to 2"),
            "Run(Upgrade, Foreign)",
        ),
        (
            "it failed: count it as what it is",
            rollback_begun().revision(S::Failed, copied, "Rollback \"web\" failed: timeout"),
            "CountFailure(3, Rollback, Attempt)",
        ),
        (
            "it was cut off: unlock",
            rollback_begun().revision(S::PendingRollback, copied, "Rollback to 1"),
            "Unlock(3)",
        ),
        (
            "it was unlocked: it does not count",
            rollback_begun().revision(S::Failed, copied, "interrupted: its holder is gone"),
            "CountFailure(3, Rollback, Interrupted)",
        ),
        (
            "what was reapplied instead carries its own label",
            rollback_begun().revision(S::Failed, Some(("op3", "a")), "Upgrade \"web\" failed"),
            "CountFailure(3, Rollback, Attempt)",
        ),
        (
            "a rollback to it of which nothing was begun is somebody's",
            rollback_begun()
                .with(|case| case.status.operation = None)
                .revision(S::Deployed, copied, "Rollback to 1")
                .with(|case| case.status.next_retry_time = Some(Time(at(9_960)))),
            "Run(Upgrade, Foreign)",
        ),
    ]);
}

#[test]
fn an_operation_that_never_reached_helm_keeps_its_id() {
    let rows = [
        ("it is still what is wanted", begun(), Some("op2")),
        (
            "something else is wanted",
            begun().with(|case| case.wanted.hash = hash("c")),
            None,
        ),
        (
            "Helm stored it",
            begun().revision(S::Failed, Some(("op2", "b")), ""),
            None,
        ),
        ("it was a rollback", rollback_begun(), None),
        ("there is none", Case::wanting("a"), None),
    ];
    for (sentence, case, expected) in rows {
        assert_eq!(resumed_operation(&case.situation()), expected, "{sentence}");
    }
}

#[test]
fn what_is_counted_late_has_its_cause() {
    let case = begun().revision(
        S::Failed,
        Some(("op2", "b")),
        "Upgrade failed: no such image",
    );
    let Decision::CountFailure { message, .. } = case.decision() else {
        panic!("not counted");
    };
    assert_eq!(message, "Upgrade failed: no such image");
}
