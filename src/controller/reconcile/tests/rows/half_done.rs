//! What is found half done, by docs/components.md 5.3 and 6.2.

use super::restarts::upgrading;
use super::{Death, End, Row, play, row};
use crate::controller::reconcile::tests::site::{Step, release};

pub const ROWS: &[Row] = &[
    row(
        71,
        "an intent whose Helm never started runs under the same id",
        |mut site| {
            upgrading(&mut site, &[]);
            site.dies_at = Some(Step::IntentWritten);
            let before = site.status("web").operation;
            assert_eq!(before, None);
            site.is_leading = false;
            site.settle();
            let begun = site.status("web").operation.expect("it is begun");
            site.is_leading = true;
            site.pass(60);
            let made = site.helm.release(&release("web"), |history, _| {
                history.stored[0].revision.operation.clone()
            });
            assert_eq!(made, Some(begun.id));
            site.ran("web", "upgrade web 2.0.0");
        },
    ),
    row(
        72,
        "a success whose status was lost is recorded without Helm",
        |mut site| {
            upgrading(&mut site, &[]);
            site.dies_at = Some(Step::HelmEnded);
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed Ready=True");
            assert_eq!(site.status("web").operation, None);
            assert_eq!(site.status("web").history[0].revision, 2);
        },
    ),
    row(
        73,
        "a failure whose status was lost is counted once",
        |mut site| {
            upgrading(&mut site, &[End::Fails("it is green")]);
            site.dies_at = Some(Step::HelmEnded);
            site.settle();
            site.ran("web", "upgrade web 2.0.0, rollback 1");
            assert_eq!(site.counted("web"), (0, 1));
            site.says("web", "it is green");
        },
    ),
    row(
        74,
        "one that was stopped is not counted, and tried at once",
        |mut site| {
            upgrading(&mut site, &[End::Hangs]);
            site.settle();
            site.controller_dies(Death::StopsHelm);
            site.settle();
            site.shows("web", "Deployed");
            assert_eq!(site.status("web").retry_count, None);
        },
    ),
    row(
        75,
        "a pending revision whose deadline has passed is unlocked, whoever its holder is",
        |mut site| {
            upgrading(&mut site, &[End::Hangs]);
            site.settle();
            site.controller_dies(Death::HelmGoesOn(100_000, End::Works));
            site.pass(300);
            assert_eq!(site.told_of("web", "Unlocked"), 0);
            site.shows("web", "Pending");
            // it is gone, and nobody can tell
            site.helm.orphan_ends(&release("web"), End::Killed);
            site.helm.cannot_be_judged(&release("web"));
            site.pass(100);
            assert_eq!(site.told_of("web", "Unlocked"), 1);
        },
    ),
    row(
        76,
        "a rollback whose status was lost is recorded without Helm",
        |mut site| {
            upgrading(&mut site, &[End::Fails("it is green")]);
            // the second Helm to end is the rollback's
            site.dies_after_helm_number = Some(2);
            site.settle();
            site.ran("web", "upgrade web 2.0.0, rollback 1");
            site.has_release("web", "1 superseded, 2 failed, 3 deployed");
            site.shows(
                "web",
                "Degraded Released=True/RollbackSucceeded Remediated=True",
            );
            assert_eq!(site.status("web").operation, None);
        },
    ),
    row(
        81,
        "no release, an uninstall was cut off: uninstalled once more, then installed",
        |mut site| {
            site.repository
                .change("web 1.0.0", |chart| chart.has_install_hooks = true);
            site.helm_ends(
                "web",
                &[
                    End::Fails("failed pre-install: no"),
                    End::LeavesObjects("timed out"),
                ],
            );
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.ran("web", "install web 1.0.0");
            site.dies_at = Some(Step::HelmEnded);
            site.pass(11);
            site.ran("web", "uninstall, uninstall, install web 1.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        82,
        "somebody else's pending revision is waited for while it is nine minutes old",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_upgrade_by_hand("web", "web 2.0.0", None);
            site.pass(9 * 60);
            site.ran("web", "");
            site.shows("web", "Pending Ready=False/PendingRelease");
            assert_eq!(site.told_of("web", "Unlocked"), 0);
        },
    ),
    row(
        83,
        "and is unlocked when it is older than twice the timeout and ten minutes, and told",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_upgrade_by_hand("web", "web 2.0.0", None);
            site.pass(11 * 60);
            assert_eq!(site.told_of("web", "Unlocked"), 1);
            site.has_release("web", "1 superseded, 2 failed, 3 deployed");
            site.shows("web", "Deployed");
        },
    ),
];

#[test]
fn half_done() {
    play(ROWS);
}
