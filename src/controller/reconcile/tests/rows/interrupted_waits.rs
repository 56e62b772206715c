//! What ends a wait for readiness, or takes it over: other specs, removal, others' upgrades, controllers that die.

use super::waiting::{ready, unready, waits};
use super::{Death, End, Row, play, row};
use crate::controller::reconcile::tests::site::{Site, Step, release};

pub const ROWS: &[Row] = &[
    row(
        58,
        "a changed spec ends the wait at once, and counts nothing",
        |mut site| {
            waits(&mut site);
            site.pass(60);
            site.apply("web", "{version: 2.0.0, values: {a: 1}}");
            ready(&mut site, "web");
            let changed = site.now;
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed Ready=True");
            assert_eq!(site.told_of("web", "Interrupted"), 1);
            assert_eq!(site.status("web").retry_count, None);
            assert!(site.now.duration_since(changed).as_secs_f64() < 0.5);
            site.has_release("web", "1 superseded, 2 superseded, 3 deployed");
        },
    ),
    row(
        58,
        "so does a spec that is set back to what ran before",
        |mut site| {
            waits(&mut site);
            site.apply("web", "version: 1.0.0");
            ready(&mut site, "web");
            site.settle();
            site.ran("web", "upgrade web 1.0.0");
            site.shows("web", "Deployed Ready=True");
        },
    ),
    row(
        58,
        "what was interrupted is nothing to go back to",
        |mut site| {
            waits(&mut site);
            site.helm_ends("web", &[End::Fails("it is green")]);
            site.apply("web", "{version: 2.0.0, values: {a: 1}}");
            ready(&mut site, "web");
            site.settle();
            site.ran("web", "upgrade web 2.0.0, rollback 1");
        },
    ),
    row(
        58,
        "however many waits are interrupted, the last good revision stays to go back to",
        |mut site| {
            waits(&mut site);
            for letter in 0..8 {
                site.apply(
                    "web",
                    &format!("{{version: 2.0.0, values: {{a: {letter}}}}}"),
                );
                site.settle();
            }
            site.helm.take_runs(&release("web"));
            site.helm_ends("web", &[End::Fails("it is green")]);
            site.apply("web", "{version: 2.0.0, values: {a: 9}}");
            ready(&mut site, "web");
            site.settle();
            site.ran("web", "upgrade web 2.0.0, rollback 1");
            site.shows("web", "Degraded Released=True/RollbackSucceeded");
        },
    ),
    row(
        103,
        "deleted during the wait it is uninstalled",
        |mut site| {
            unready(&mut site, "web");
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.delete("web");
            site.settle();
            assert!(!site.is_there("web"));
            site.ran_on(&release("web"), "install web 1.0.0, uninstall");
        },
    ),
    row(
        64,
        "disabled during the wait it is uninstalled, and Disabled",
        |mut site| {
            waits(&mut site);
            site.apply("web", "{version: 2.0.0, enabled: false}");
            site.settle();
            site.ran("web", "uninstall");
            site.shows("web", "Disabled Ready=True/Disabled");
            site.has_release("web", "");
        },
    ),
    row(
        102,
        "suspended during the wait nobody looks any more, and its time begins anew afterwards",
        |mut site| {
            waits(&mut site);
            site.apply("web", "{version: 2.0.0, suspend: true}");
            site.pass(3600);
            site.shows("web", "Suspended");
            site.ran("web", "");
            site.apply("web", "version: 2.0.0");
            site.pass(60);
            site.shows("web", "Upgrading");
            ready(&mut site, "web");
            site.pass(3);
            site.shows("web", "Deployed");
            site.ran("web", "");
            assert_eq!(site.counted("web"), (0, 0));
        },
    ),
    row(
        59,
        "killed anywhere in the wait it goes on to wait, with the same deadline",
        |mut site| {
            waits(&mut site);
            let deadline = site
                .status("web")
                .operation
                .and_then(|operation| operation.ready_by);
            for step in [Step::Decided, Step::Done, Step::StatusWritten] {
                site.dies_at = Some(step);
                site.pass(5);
            }
            let now = site
                .status("web")
                .operation
                .and_then(|operation| operation.ready_by);
            assert_eq!(now, deadline);
            ready(&mut site, "web");
            site.pass(3);
            site.ran("web", "");
            site.shows("web", "Deployed Ready=True");
        },
    ),
    row(
        59,
        "killed between any two steps of an upgrade that is not ready in time it goes back, and counts once",
        |_| {
            for step in 0..60 {
                let mut site = Site::new();
                site.runs("web", "{version: 1.0.0, timeout: 10s}");
                unready(&mut site, "web");
                site.apply("web", "{version: 2.0.0, timeout: 10s}");
                site.dies_in = Some(step);
                site.pass(13);
                ready(&mut site, "web");
                site.pass(4);
                site.shows("web", "Degraded Released=True/RollbackSucceeded");
                site.says("web", "not ready in time");
                assert_eq!(site.counted("web"), (0, 1), "step {step}");
                site.ran("web", "upgrade web 2.0.0, rollback 1");
            }
        },
    ),
    row(
        59,
        "killed between Helm's end and the first word of the wait it waits all the same",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            unready(&mut site, "web");
            site.dies_at = Some(Step::HelmEnded);
            site.apply("web", "version: 2.0.0");
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Upgrading Ready=Unknown");
            ready(&mut site, "web");
            site.pass(3);
            site.shows("web", "Deployed Ready=True");
            site.ran("web", "");
        },
    ),
    row(
        59,
        "killed after its revision was marked as failed the failure counts once",
        |mut site| {
            waits(&mut site);
            site.pass(285);
            site.shows("web", "Upgrading");
            let almost = site
                .status("web")
                .operation
                .and_then(|operation| operation.ready_by);
            let rest = almost
                .expect("it has a deadline")
                .0
                .duration_since(site.now);
            // the reconcile of the deadline is the next one
            site.pass(rest.as_secs() - 1);
            site.dies_when_failed = true;
            site.pass(3);
            ready(&mut site, "web");
            site.pass(3);
            site.ran("web", "rollback 1");
            assert_eq!(site.counted("web"), (0, 1));
            site.says("web", "not ready in time");
        },
    ),
    row(
        10,
        "an upgrade by hand during the wait is upgraded back",
        |mut site| {
            waits(&mut site);
            site.helm_upgrade_by_hand("web", "web 1.0.0", Some(Ok(())));
            ready(&mut site, "web");
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed");
            assert_eq!(site.counted("web"), (0, 0));
        },
    ),
    row(
        60,
        "a second controller takes a wait over as it stands",
        |mut site| {
            waits(&mut site);
            site.controller_dies(Death::StopsHelm);
            site.settle();
            site.shows("web", "Upgrading");
            site.ran("web", "");
            ready(&mut site, "web");
            site.pass(3);
            site.shows("web", "Deployed");
        },
    ),
];

#[test]
fn interrupted_waits() {
    play(ROWS);
}
