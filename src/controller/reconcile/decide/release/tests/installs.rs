//! First installs that fail (docs/components.md 6.3).

use super::failures::failed_once;
use super::*;
use ReleaseStatus as S;

/// `a` never worked.
fn never_worked() -> Case {
    Case::wanting("a")
        .our_failure("op1", "a")
        .attempted("a")
        .failed_installs(1, 9_960)
}

#[test]
fn first_installs() {
    let with_hooks = |case: Case| case.with(|case| case.wanted.has_install_hooks = true);
    let policy = |case: Case, policy| case.with(|case| case.wanted.install_on_failure = policy);
    check(vec![
        (
            "Auto without install hooks: go on from what there is",
            never_worked(),
            "Run(Install, Retry)",
        ),
        (
            "Auto with install hooks: start again, for an upgrade would not run them",
            with_hooks(never_worked()),
            "Run(Reinstall, Retry)",
        ),
        (
            "Keep: go on, hooks or not",
            policy(with_hooks(never_worked()), InstallFailure::Keep),
            "Run(Install, Retry)",
        ),
        (
            "Reinstall: start again, hooks or not",
            policy(never_worked(), InstallFailure::Reinstall),
            "Run(Reinstall, Retry)",
        ),
        (
            "not due yet",
            with_hooks(never_worked().failed_installs(3, 10_030)),
            "Wait(Timeout, Attempt, Some(10030))",
        ),
        (
            "a hundred failures later it is still tried",
            never_worked().failed_installs(100, 9_999).at(11_000),
            "Run(Install, Retry)",
        ),
        (
            "no upgrade's retries count here",
            never_worked().failed_upgrades(9, 9_999).at(11_000),
            "Run(Install, Retry)",
        ),
        (
            "the values were mended: at once",
            never_worked()
                .failed_installs(3, 10_500)
                .with(|case| case.wanted.hash = hash("b")),
            "Run(Install, Changed)",
        ),
        (
            "cut off: at once",
            never_worked().with(|case| {
                let record = case.record.as_mut().unwrap();
                record.description = "interrupted: gone".to_owned();
                record.last_deployed = Some(at(9_990));
            }),
            "Run(Install, Interrupted)",
        ),
        (
            "it was deployed once, by its label: nothing is removed",
            with_hooks(
                Case::wanting("b")
                    .revision(S::Superseded, Some(("op1", "a")), &token("op1", "a"))
                    .our_failure("op2", "b")
                    .attempted("b")
                    .failed_upgrades(1, 9_990),
            ),
            "Run(Upgrade, Retry)",
        ),
        (
            "it was deployed once, by the status, whose Secret somebody deleted: nothing is removed",
            with_hooks(failed_once(9_990).with(|case| case.revisions.truncate(1))),
            "Run(Upgrade, Retry)",
        ),
        (
            "what was deployed was uninstalled since",
            with_hooks(
                Case::wanting("a")
                    .revision(S::Superseded, Some(("op0", "a")), "")
                    .revision(S::Uninstalled, Some(("op0", "a")), "")
                    .our_failure("op1", "a")
                    .attempted("a")
                    .failed_installs(1, 9_960),
            ),
            "Run(Reinstall, Retry)",
        ),
    ]);
}
