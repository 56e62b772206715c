//! Releases tampered with: Helm takes what the bed writes for what Helm writes.

use crate::support::chart_builder::ChartBuilder;
use crate::support::control_plane::ControlPlane;
use crate::support::helm::{HELM, HELM_3};
use crate::support::helm_release::Releases;

#[test]
fn helm_believes_that_a_pending_release_is_being_worked_on() {
    let releases = bed(HELM);
    let chart = ChartBuilder::new("app", "1.0.0");
    let rows = [
        ("pending-install", 1),
        ("pending-upgrade", 2),
        ("pending-rollback", 2),
    ];
    for (status, revision) in rows {
        releases.install(status, &chart, &[]).succeeded();
        let own = [("ext.theriseunion.io/op", "some-operation")];
        assert_eq!(releases.leave_pending(status, status, &own), revision);
        let newest = releases.newest(status).expect("a revision");
        assert_eq!((&newest.status[..], &newest.label[..]), (status, status));
        assert_eq!(newest.labels["ext.theriseunion.io/op"], "some-operation");
        let said = releases.upgrade(status, &chart, &[]).failed().stderr();
        assert!(said.contains("another operation"), "{status}: {said}");
        let shown = releases.history(status);
        assert_eq!(shown.last().expect("a revision")["status"], status);

        // what unlocks it: payload and label
        releases.rewrite(status, revision, |payload| {
            payload["info"]["status"] = "failed".into();
        });
        releases.upgrade(status, &chart, &[]).succeeded();
        let newest = releases.newest(status).expect("a revision");
        assert_eq!(newest.status, "deployed", "{status}");
    }
}

#[test]
fn a_helm_killed_in_its_wait_leaves_the_release_pending() {
    let releases = bed(HELM);
    let chart = ChartBuilder::new("app", "1.0.0").deployment();
    releases.interrupt_upgrade("new", &chart);
    assert_eq!(releases.statuses("new"), ["pending-install"]);
    releases.install("old", &chart, &[]).succeeded();
    releases.interrupt_upgrade("old", &chart);
    assert_eq!(releases.statuses("old"), ["deployed", "pending-upgrade"]);
    let newest = releases.newest("old").expect("a revision");
    assert_eq!(
        newest.description, "Preparing upgrade",
        "as the bed writes it"
    );
    let said = releases.upgrade("old", &chart, &[]).failed().stderr();
    assert!(said.contains("another operation"), "{said}");
}

#[test]
fn people_work_on_releases_with_either_helm() {
    for version in [HELM, "4.1.4", HELM_3, "3.18.0"] {
        let releases = bed(version);
        let chart = ChartBuilder::new("app", "1.0.0");
        releases
            .install("one", &chart, &["--set=greeting=first"])
            .succeeded();
        let second = ChartBuilder::new("app", "2.0.0");
        releases
            .upgrade("one", &second, &["--set=greeting=second"])
            .succeeded();
        releases.rollback("one", 1).succeeded();
        assert_eq!(releases.list(), ["one"], "{version}");
        assert_eq!(releases.history("one").len(), 3, "{version}");
        assert_eq!(releases.values("one")["greeting"], "first", "{version}");
        assert_eq!(
            releases.statuses("one"),
            ["superseded", "superseded", "deployed"]
        );
        let manifest = &releases.payload("one", 2)["manifest"];
        assert!(
            manifest.as_str().expect("a text").contains("second"),
            "{version}"
        );

        releases.forget("one", 2);
        assert_eq!(releases.revisions("one").len(), 2, "{version}");
        releases.corrupt("one", 3);
        let newest = releases.newest("one").expect("a revision");
        assert_eq!((&newest.label[..], &newest.status[..]), ("deployed", ""));
        releases
            .run(&["get", "manifest", "one", "--revision=3"])
            .failed();
        releases.forget_all("one");
        assert_eq!(releases.list(), [""; 0], "{version}");

        releases.install("two", &chart, &[]).succeeded();
        releases.uninstall("two", &[]).succeeded();
        assert!(releases.newest("two").is_none(), "{version}");
    }
}

fn bed(version: &'static str) -> Releases {
    let plane = ControlPlane::shared();
    Releases::with_helm(plane, plane.namespace().namespace(), version)
}
