//! Installs and upgrades that fail, and the ways back.

use super::{End, Row, play, row};
use crate::controller::reconcile::tests::site::release;

/// An upgrade, a rollback and an uninstall can all fail of it.
const NO: &str = "admission webhook \"policy\" denied the request: no such image";

pub const ROWS: &[Row] = &[
    row(
        14,
        "a failed first install stays with Keep, and is tried again on schedule",
        |mut site| {
            site.helm_ends("web", &[End::Fails(NO), End::Fails(NO)]);
            site.apply("web", "{version: 1.0.0, install: {onFailure: Keep}}");
            site.settle();
            site.ran("web", "install web 1.0.0");
            site.has_release("web", "1 failed");
            site.shows(
                "web",
                "Failed Ready=False/InstallFailed Released=False/InstallFailed",
            );
            site.says("web", "no such image");
            site.pass(11);
            site.ran("web", "upgrade web 1.0.0");
            assert_eq!(site.counted("web"), (2, 0));
            site.pass(31);
            site.ran("web", "upgrade web 1.0.0");
            site.shows("web", "Deployed Ready=True/InstallSucceeded");
            assert_eq!(site.counted("web"), (0, 0));
        },
    ),
    row(
        15,
        "a failed first install of a chart with install hooks is uninstalled, then installed",
        |mut site| {
            site.repository
                .change("web 1.0.0", |chart| chart.has_install_hooks = true);
            site.helm_ends("web", &[End::Fails("failed pre-install: job setup failed")]);
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.ran("web", "install web 1.0.0");
            site.pass(11);
            site.ran("web", "uninstall, install web 1.0.0");
            site.has_release("web", "1 deployed");
            site.shows("web", "Deployed");
        },
    ),
    row(
        16,
        "a failed upgrade goes back to the last good revision",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends("web", &[End::Fails(NO)]);
            site.apply("web", "version: 2.0.0");
            site.settle();
            site.ran("web", "upgrade web 2.0.0, rollback 1");
            site.has_release("web", "1 superseded, 2 failed, 3 deployed");
            site.shows(
                "web",
                "Degraded Released=True/RollbackSucceeded Ready=False/UpgradeFailed",
            );
            site.shows("web", "Remediated=True/RollbackSucceeded");
            site.says("web", "no such image");
            assert_eq!(site.counted("web"), (0, 1));
        },
    ),
    row(
        17,
        "an upgrade that fails until the retries are used up is given up",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            let ends = [End::Fails(NO), End::Works];
            site.helm_ends("web", &ends.repeat(4));
            site.apply("web", "version: 2.0.0");
            site.pass(300);
            assert_eq!(site.helm.take_runs(&release("web")).len(), 8);
            site.shows(
                "web",
                "Degraded Stalled=True/RetriesExceeded Ready=False/UpgradeFailed",
            );
            site.pass(3 * 660);
            site.ran("web", "");
            site.says("web", "no such image");
        },
    ),
    row(
        18,
        "other inputs after that are tried with new counters",
        |mut site| {
            site.is_given_up();
            site.helm_ends("web", &[End::Fails(NO)]);
            site.apply("web", "{version: 2.0.0, values: {a: 1}}");
            site.settle();
            site.ran("web", "upgrade web 2.0.0, rollback 9");
            assert_eq!(site.counted("web"), (0, 1));
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.shows("web", "Deployed Ready=True");
        },
    ),
    row(
        19,
        "resetAt after that gives one more go, and is noted",
        |mut site| {
            site.is_given_up();
            site.annotate("web", "resetAt", "monday");
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed");
            assert_eq!(
                site.status("web").last_handled_reset_at.as_deref(),
                Some("monday")
            );
            site.pass(3 * 660);
            site.ran("web", "");
        },
    ),
    row(20, "forceAt after that is one upgrade", |mut site| {
        site.is_given_up();
        site.helm_ends("web", &[End::Fails(NO)]);
        site.annotate("web", "forceAt", "1");
        site.pass(3000);
        site.ran("web", "upgrade web 2.0.0, rollback 9");
        site.shows("web", "Degraded Stalled=True/RetriesExceeded");
    }),
    row(
        21,
        "a failed upgrade without a good revision destroys nothing",
        |mut site| {
            site.helm_upgrade_by_hand("web", "web 1.0.0", Some(Ok(())));
            site.helm_ends("web", &[End::Fails(NO)]);
            site.apply("web", "version: 2.0.0");
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            site.shows(
                "web",
                "Failed Remediated=False/MissingRollbackTarget Ready=False/UpgradeFailed",
            );
            site.has_release("web", "1 deployed, 2 failed");
            site.pass(11);
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        22,
        "what Helm cannot roll back is upgraded with the good revision's package and values",
        |mut site| {
            site.runs("web", "{version: 1.0.0, values: {a: 1}}");
            site.helm_ends("web", &[End::Fails(NO), End::Fails("field is gone")]);
            site.apply("web", "{version: 2.0.0, values: {a: 2}}");
            site.settle();
            site.ran("web", "upgrade web 2.0.0, rollback 1, upgrade web 1.0.0");
            assert_eq!(site.values("web"), "{\"a\":1}");
            site.shows(
                "web",
                "Degraded Remediated=True/RollbackSucceeded Ready=False/UpgradeFailed",
            );
        },
    ),
    row(
        87,
        "a rollback that fails with its package gone waits for the next attempt",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends("web", &[End::Fails(NO), End::Fails("field is gone")]);
            site.repository.forget_packages();
            site.apply("web", "version: 2.0.0");
            site.settle();
            site.ran("web", "upgrade web 2.0.0, rollback 1");
            site.shows("web", "Degraded Remediated=False/RollbackFailed");
            site.says("web", "no longer in the cache");
            site.pass(60);
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed !Remediated");
        },
    ),
    row(
        88,
        "when both ways back fail the next upgrade comes when it is due",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends(
                "web",
                &[End::Fails(NO), End::Fails("gone"), End::Fails("gone too")],
            );
            site.apply("web", "version: 2.0.0");
            site.settle();
            site.ran("web", "upgrade web 2.0.0, rollback 1, upgrade web 1.0.0");
            site.shows("web", "Degraded Remediated=False/RollbackFailed");
            site.pass(70);
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        89,
        "with onFailure Keep there is no way back, only retries",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends("web", &[End::Fails(NO), End::Fails(NO)]);
            site.apply("web", "{version: 2.0.0, upgrade: {onFailure: Keep}}");
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            site.pass(60);
            site.ran("web", "upgrade web 2.0.0, upgrade web 2.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        90,
        "with no retries there is one attempt, and its way back",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends("web", &[End::Fails(NO)]);
            site.apply("web", "{version: 2.0.0, upgrade: {retries: 0}}");
            site.pass(3600);
            site.ran("web", "upgrade web 2.0.0, rollback 1");
            site.shows("web", "Degraded Stalled=True/RetriesExceeded");
        },
    ),
    row(
        91,
        "after a rollback the spec is set back to what runs: in sync",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends("web", &[End::Fails(NO)]);
            site.apply("web", "version: 2.0.0");
            site.settle();
            site.ran("web", "upgrade web 2.0.0, rollback 1");
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.ran("web", "");
            site.shows("web", "Deployed Ready=True !Remediated");
            assert_eq!(
                (site.counted("web"), site.status("web").retry_count),
                ((0, 0), None)
            );
        },
    ),
    row(
        92,
        "a failed first install with Keep is upgraded in place, hooks or not",
        |mut site| {
            site.repository
                .change("web 1.0.0", |chart| chart.has_install_hooks = true);
            site.helm_ends("web", &[End::Fails(NO)]);
            site.apply("web", "{version: 1.0.0, install: {onFailure: Keep}}");
            site.pass(20);
            site.ran("web", "install web 1.0.0, upgrade web 1.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        93,
        "a failed first install with Reinstall is uninstalled first, without hooks too",
        |mut site| {
            site.helm_ends("web", &[End::Fails(NO)]);
            site.apply("web", "{version: 1.0.0, install: {onFailure: Reinstall}}");
            site.pass(20);
            site.ran("web", "install web 1.0.0, uninstall, install web 1.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        93,
        "and it is installed again where its history is kept: the uninstall is no success of what is wanted",
        |mut site| {
            site.helm_ends("web", &[End::Fails(NO)]);
            site.apply(
                "web",
                "{version: 1.0.0, install: {onFailure: Reinstall}, uninstall: {keepHistory: true}}",
            );
            site.pass(20);
            site.ran(
                "web",
                "install web 1.0.0, uninstall --keep-history, install web 1.0.0",
            );
            site.shows("web", "Deployed");
        },
    ),
    row(
        94,
        "a failed first install that somebody else made is never uninstalled",
        |mut site| {
            site.helm_upgrade_by_hand("web", "web 1.0.0", Some(Err("no")));
            site.helm_ends("web", &[End::Fails(NO)]);
            site.apply("web", "{version: 1.0.0, install: {onFailure: Reinstall}}");
            site.pass(60);
            site.ran("web", "upgrade web 1.0.0, upgrade web 1.0.0");
            site.shows("web", "Deployed");
        },
    ),
];

#[test]
fn failures_and_ways_back() {
    play(ROWS);
}
