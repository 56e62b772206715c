//! Controllers that die, are stopped or lose the Lease, and what is found half done.

use super::{Death, End, Row, play, row};
use crate::controller::reconcile::tests::site::{Site, Step, release};
use crate::release::record::ReleaseStatus;

/// `web` runs in version 1.0.0, and version 2.0.0 is wanted now.
pub fn upgrading(site: &mut Site, ends: &[End]) {
    site.runs("web", "version: 1.0.0");
    site.helm_ends("web", ends);
    site.apply("web", "version: 2.0.0");
}

fn newest(site: &Site) -> Option<ReleaseStatus> {
    (site.helm).release(&release("web"), |history, _| {
        history.newest().map(|it| it.record.status)
    })
}

pub const ROWS: &[Row] = &[
    row(
        6,
        "a pending install, upgrade or rollback whose holder is dead is unlocked, told, and goes on",
        |mut site| {
            site.helm_ends("web", &[End::Hangs]);
            site.apply("web", "version: 1.0.0");
            site.settle();
            assert_eq!(newest(&site), Some(ReleaseStatus::PendingInstall));
            site.controller_dies(Death::OfBoth);
            site.settle();
            site.has_release("web", "1 superseded, 2 deployed");
            site.helm_ends("web", &[End::Hangs]);
            site.apply("web", "version: 2.0.0");
            site.settle();
            assert_eq!(newest(&site), Some(ReleaseStatus::PendingUpgrade));
            site.controller_dies(Death::OfBoth);
            site.settle();
            site.shows("web", "Deployed");
            site.helm_ends("web", &[End::Fails("it is green"), End::Hangs]);
            site.apply("web", "version: 1.0.0");
            site.settle();
            assert_eq!(newest(&site), Some(ReleaseStatus::PendingRollback));
            site.controller_dies(Death::OfBoth);
            site.settle();
            site.shows("web", "Degraded Released=True/RollbackSucceeded");
            assert_eq!(site.told_of("web", "Unlocked"), 3);
        },
    ),
    row(
        7,
        "an unlock that conflicts does nothing, is tried again, and is done once",
        |mut site| {
            upgrading(&mut site, &[End::Hangs]);
            site.settle();
            site.controller_dies(Death::OfBoth);
            site.conflicts = 1;
            site.settle();
            assert_eq!(site.told_of("web", "Unlocked"), 1);
            site.shows("web", "Deployed");
        },
    ),
    row(
        8,
        "a pending release whose holder is alive is waited for and not unlocked",
        |mut site| {
            upgrading(&mut site, &[End::Hangs]);
            site.settle();
            site.controller_dies(Death::HelmGoesOn(60, End::Works));
            site.pass(50);
            assert_eq!(site.told_of("web", "Unlocked"), 0);
            assert_eq!(newest(&site), Some(ReleaseStatus::PendingUpgrade));
            site.pass(70);
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed");
            site.has_release("web", "1 superseded, 2 deployed");
        },
    ),
    row(
        58,
        "a new spec stops the Helm that works for the old one, counts nothing, and is tried",
        |mut site| {
            upgrading(&mut site, &[End::Hangs]);
            site.settle();
            site.shows("web", "Upgrading Ready=Unknown");
            site.apply("web", "{version: 2.0.0, values: {a: 1}}");
            site.settle();
            site.ran("web", "upgrade web 2.0.0, upgrade web 2.0.0");
            site.shows("web", "Deployed");
            assert_eq!(site.told_of("web", "Interrupted"), 1);
            assert_eq!(site.status("web").retry_count, None);
        },
    ),
    row(
        59,
        "killed before Helm, in Helm or after it, at most one more revision is made",
        |_| {
            for step in [
                Step::Decided,
                Step::IntentWritten,
                Step::HelmEnded,
                Step::Done,
                Step::StatusWritten,
            ] {
                let mut site = Site::new();
                upgrading(&mut site, &[]);
                site.dies_at = Some(step);
                site.settle();
                site.shows("web", "Deployed Ready=True");
                let (made, most) = (site.status("web").release_version, Some(3));
                assert!(made <= most, "{step:?}: {made:?}");
                site.ran("web", "upgrade web 2.0.0");
            }
            for death in [
                Death::OfBoth,
                Death::StopsHelm,
                Death::HelmGoesOn(30, End::Works),
                Death::HelmGoesOn(30, End::Fails("no")),
            ] {
                let mut site = Site::new();
                upgrading(&mut site, &[End::Hangs]);
                site.settle();
                site.controller_dies(death);
                site.pass(120);
                site.shows("web", "Deployed Ready=True");
                assert_eq!(site.counted("web"), (0, 0));
            }
        },
    ),
    row(
        60,
        "when the Lease moves while Helm runs the old Helm is gone before a new one starts",
        |mut site| {
            upgrading(&mut site, &[End::Hangs]);
            site.settle();
            site.controller_dies(Death::StopsHelm);
            site.settle();
            site.ran("web", "upgrade web 2.0.0, upgrade web 2.0.0");
            site.has_release("web", "1 superseded, 2 failed, 3 deployed");
            assert_eq!(site.helm.most_at_once(), 1);
        },
    ),
    row(
        102,
        "suspended while Helm runs: it is stopped, and not counted",
        |mut site| {
            upgrading(&mut site, &[End::Hangs]);
            site.settle();
            site.apply("web", "{version: 2.0.0, suspend: true}");
            site.settle();
            site.shows("web", "Suspended");
            site.ran("web", "upgrade web 2.0.0");
            assert_eq!(site.status("web").retry_count, None);
            site.apply("web", "version: 2.0.0");
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        103,
        "deleted while Helm installs: it is stopped, then uninstalled",
        |mut site| {
            site.helm_ends("web", &[End::Hangs]);
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.delete("web");
            site.settle();
            assert!(!site.is_there("web"));
            site.ran_on(&release("web"), "install web 1.0.0, uninstall");
        },
    ),
    row(
        104,
        "the Lease is lost before Helm starts: it is not started, and the intent stays",
        |mut site| {
            upgrading(&mut site, &[]);
            site.is_leading = false;
            site.settle();
            site.ran("web", "");
            assert!(site.status("web").operation.is_some());
        },
    ),
    row(
        105,
        "the intent's write conflicts: no Helm, and it is looked at again",
        |mut site| {
            upgrading(&mut site, &[]);
            site.conflicts = 1;
            let before = site.now;
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            assert!(site.now > before);
        },
    ),
];

#[test]
fn restarts() {
    play(ROWS);
}
