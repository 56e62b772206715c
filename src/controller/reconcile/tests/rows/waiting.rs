//! Waiting for readiness is observing: Helm has ended, no slot is held, and the deadline stands in the status.

use super::{Row, play, row};
use crate::component::status::OperationKind;
use crate::controller::reconcile::tests::site::{SLOTS, Site};

const NOT_READY: &str = "pod web-0: ErrImagePull";

pub fn unready(site: &mut Site, name: &str) {
    site.objects(name).unready = Some(NOT_READY.to_owned());
}

pub fn ready(site: &mut Site, name: &str) {
    site.objects(name).unready = None;
}

/// `web` runs in version 1.0.0, version 2.0.0 is applied and not ready.
pub fn waits(site: &mut Site) {
    site.runs("web", "version: 1.0.0");
    unready(site, "web");
    site.apply("web", "version: 2.0.0");
    site.settle();
    site.ran("web", "upgrade web 2.0.0");
    site.shows("web", "Upgrading Ready=Unknown");
}

pub const ROWS: &[Row] = &[
    row(
        52,
        "a release that is applied and not ready is Installing, with a deadline and no slot",
        |mut site| {
            unready(&mut site, "web");
            site.apply("web", "{version: 1.0.0, timeout: 30s}");
            let began = site.now;
            site.settle();
            site.ran("web", "install web 1.0.0");
            site.has_release("web", "1 deployed");
            site.shows(
                "web",
                "Installing Ready=Unknown/Progressing Reconciling=True",
            );
            site.says("web", "ErrImagePull");
            let operation = site.status("web").operation.expect("it goes on");
            assert_eq!(operation.kind, OperationKind::Install);
            let ready_by = operation.ready_by.expect("it has a deadline").0;
            assert_eq!(ready_by.duration_since(began).as_secs(), 30);
            assert_eq!(site.slots_in_use(), 0);
        },
    ),
    row(
        52,
        "when it becomes ready it is Deployed, without Helm",
        |mut site| {
            unready(&mut site, "web");
            site.apply("web", "{version: 1.0.0, timeout: 30s}");
            site.pass(20);
            site.ran("web", "install web 1.0.0");
            ready(&mut site, "web");
            site.pass(2);
            site.ran("web", "");
            site.shows("web", "Deployed Ready=True/InstallSucceeded Healthy=True");
            assert_eq!(site.status("web").operation, None);
            assert_eq!(site.told_of("web", "InstallSucceeded"), 1);
        },
    ),
    row(
        52,
        "an install that is not ready in time has failed: its revision too, and it is tried again",
        |mut site| {
            unready(&mut site, "web");
            site.apply("web", "{version: 1.0.0, timeout: 10s}");
            site.pass(11);
            site.ran("web", "install web 1.0.0");
            site.shows("web", "Failed Ready=False/Timeout Released=False/Timeout");
            site.says("web", "not ready in time: pod web-0: ErrImagePull");
            site.has_release("web", "1 failed");
            assert_eq!(site.counted("web"), (1, 0));
            ready(&mut site, "web");
            site.pass(11);
            site.ran("web", "upgrade web 1.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        52,
        "of a chart with install hooks it is uninstalled before that",
        |mut site| {
            site.repository
                .change("web 1.0.0", |chart| chart.has_install_hooks = true);
            unready(&mut site, "web");
            site.apply("web", "{version: 1.0.0, timeout: 10s}");
            site.pass(11);
            ready(&mut site, "web");
            site.pass(11);
            site.ran("web", "install web 1.0.0, uninstall, install web 1.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        52,
        "an upgrade that is not ready in time goes back to the last good revision",
        |mut site| {
            waits(&mut site);
            site.pass(290);
            site.shows("web", "Upgrading");
            // what goes back is awaited too
            site.pass(3);
            site.shows("web", "RollingBack");
            ready(&mut site, "web");
            site.pass(4);
            site.ran("web", "rollback 1");
            site.has_release("web", "1 superseded, 2 failed, 3 deployed");
            site.shows(
                "web",
                "Degraded Released=True/RollbackSucceeded Ready=False/UpgradeFailed",
            );
            site.says("web", "not ready in time");
            assert_eq!(site.counted("web"), (0, 1));
        },
    ),
    row(
        52,
        "a rollback that does not become ready is followed by the other way back",
        |mut site| {
            waits(&mut site);
            site.pass(300);
            site.shows("web", "RollingBack");
            site.pass(301);
            site.ran("web", "rollback 1, upgrade web 1.0.0");
            ready(&mut site, "web");
            site.settle();
            site.shows("web", "Degraded Remediated=True/RollbackSucceeded");
            assert_eq!(site.counted("web"), (0, 1));
        },
    ),
    row(
        33,
        "three that never become ready hold up nobody",
        |mut site| {
            for name in ["a", "b", "c"] {
                unready(&mut site, name);
                site.apply(name, "{version: 1.0.0, chart: {name: web}}");
            }
            for number in 0..20 {
                site.apply(
                    &format!("sound-{number}"),
                    "{version: 1.0.0, chart: {name: web}}",
                );
            }
            site.settle();
            for number in 0..20 {
                site.shows(&format!("sound-{number}"), "Deployed");
            }
            site.shows("a", "Installing");
            assert!(site.helm.most_at_once() <= SLOTS);
        },
    ),
    row(
        122,
        "with wait hookOnly it is Deployed at once, and its health checked after 5 s",
        |mut site| {
            unready(&mut site, "web");
            site.apply("web", "{version: 1.0.0, install: {wait: hookOnly}}");
            site.pass(4);
            site.shows("web", "Deployed Ready=True !Healthy");
            site.pass(2);
            site.shows(
                "web",
                "Degraded Healthy=False/Unhealthy Ready=False/Unhealthy",
            );
            site.ran("web", "install web 1.0.0");
        },
    ),
    row(
        122,
        "Helm itself waits only for a chart whose hooks must follow readiness",
        |mut site| {
            site.repository
                .change("web 1.0.0", |chart| chart.has_post_hooks = true);
            site.apply("web", "{version: 1.0.0, install: {waitForJobs: true}}");
            site.settle();
            site.ran("web", "install web 1.0.0 --wait --wait-for-jobs");
            site.shows("web", "Deployed Ready=True");
        },
    ),
    row(
        122,
        "a Job that has started is waited for with waitForJobs only",
        |mut site| {
            for name in ["web", "api"] {
                site.objects(name).job = Some("Job setup: not completed".to_owned());
            }
            site.apply("web", "{version: 1.0.0, install: {waitForJobs: true}}");
            site.apply("api", "{version: 1.0.0, chart: {name: web}}");
            site.settle();
            site.shows("api", "Deployed");
            site.shows("web", "Installing");
            site.objects("web").job = None;
            site.pass(3);
            site.shows("web", "Deployed");
        },
    ),
    row(
        121,
        "installed objects that become unready: Degraded, looked at every 5 s, later every interval",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            unready(&mut site, "web");
            site.pass(660);
            site.shows(
                "web",
                "Degraded Healthy=False/Unhealthy Ready=False/Unhealthy",
            );
            assert_eq!(site.told_of("web", "Unhealthy"), 1);
            ready(&mut site, "web");
            site.pass(6);
            site.shows("web", "Deployed Ready=True Healthy=True");
            unready(&mut site, "web");
            site.pass(660);
            site.pass(180);
            ready(&mut site, "web");
            site.pass(30);
            site.shows("web", "Degraded");
            site.pass(660);
            site.shows("web", "Deployed");
            site.ran("web", "");
        },
    ),
];

#[test]
fn waiting_for_readiness() {
    play(ROWS);
}
