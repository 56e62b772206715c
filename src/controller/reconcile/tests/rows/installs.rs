//! Installs and upgrades that work, what changes nothing, and specs that cannot be.

use super::{Row, play, row};
use crate::controller::reconcile::tests::site::{key, release};

pub const ROWS: &[Row] = &[
    row(
        1,
        "a valid spec without a release is installed once",
        |mut site| {
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.ran("web", "install web 1.0.0");
            site.has_release("web", "1 deployed");
            site.shows(
                "web",
                "Deployed Ready=True/InstallSucceeded Released=True/InstallSucceeded",
            );
            assert_eq!(site.status("web").history.len(), 1);
            assert_eq!(site.slots_in_use(), 0);
        },
    ),
    row(
        2,
        "in sync, ten more intervals run no Helm and write no status",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            let writes = site.status_writes;
            site.pass(10 * 660);
            site.ran("web", "");
            site.has_release("web", "1 deployed");
            assert_eq!(site.status_writes, writes);
        },
    ),
    row(3, "another chart version is an upgrade", |mut site| {
        site.runs("web", "version: 1.0.0");
        site.apply("web", "version: 2.0.0");
        site.settle();
        site.ran("web", "upgrade web 2.0.0");
        site.has_release("web", "1 superseded, 2 deployed");
        site.shows("web", "Deployed Ready=True/UpgradeSucceeded");
    }),
    row(
        4,
        "other values are an upgrade, another style of the same is none",
        |mut site| {
            site.runs("web", "{version: 1.0.0, values: {a: 1, b: {c: x}}}");
            site.apply("web", "{version: 1.0.0, values: {b: {c: \"x\"}, a: 1.0}}");
            site.settle();
            site.ran("web", "");
            site.apply("web", "{version: 1.0.0, values: {a: 2}}");
            site.settle();
            site.ran("web", "upgrade web 1.0.0");
        },
    ),
    row(5, "values that are taken away are gone", |mut site| {
        site.runs("web", "{version: 1.0.0, values: {a: 1}}");
        site.apply("web", "version: 1.0.0");
        site.settle();
        assert_eq!(site.values("web"), "{}");
    }),
    row(
        20,
        "forceAt in sync is one upgrade for each value",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.annotate("web", "forceAt", "1");
            site.settle();
            site.ran("web", "upgrade web 1.0.0");
            site.pass(3000);
            site.ran("web", "");
            site.annotate("web", "forceAt", "2");
            site.settle();
            site.ran("web", "upgrade web 1.0.0");
            site.has_release("web", "1 superseded, 2 superseded, 3 deployed");
        },
    ),
    row(
        55,
        "a namespace that is missing is made when Helm is to run, and not before",
        |mut site| {
            site.repository.is_away = true;
            site.apply("web", "{version: 1.0.0, chart: {namespace: shop}}");
            site.settle();
            assert!(!site.namespaces.contains("shop"));
            site.repository_changes(|repository| repository.is_away = false);
            site.pass(60);
            assert!(site.namespaces.contains("shop"));
            site.shows("web", "Deployed");
        },
    ),
    row(
        55,
        "a namespace that is being deleted is waited for, and nothing counts",
        |mut site| {
            site.ending_namespaces.insert("shop".to_owned());
            site.apply("web", "{version: 1.0.0, chart: {namespace: shop}}");
            site.settle();
            site.shows("web", "Pending Ready=False/NamespaceTerminating");
            assert_eq!(site.counted("web"), (0, 0));
            site.ending_namespaces.clear();
            site.pass(60);
            site.shows("web", "Deployed");
        },
    ),
    row(
        57,
        "a version that is none is refused until it is another",
        |mut site| {
            site.apply("web", "version: newest please");
            site.settle();
            site.shows(
                "web",
                "Stalled Stalled=True/InvalidSpec Ready=False/InvalidSpec",
            );
            site.ran("web", "");
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.shows("web", "Deployed !Stalled");
        },
    ),
    row(
        65,
        "a release name has 53 characters at most",
        |mut site| {
            let longest = "a".repeat(53);
            site.apply(
                "web",
                &format!("{{version: 1.0.0, chart: {{releaseName: {longest}}}}}"),
            );
            site.settle();
            site.shows("web", "Deployed");
            site.apply(
                "api",
                &format!("{{version: 1.0.0, chart: {{name: web, releaseName: {longest}a}}}}"),
            );
            site.settle();
            site.shows("api", "Stalled Stalled=True/InvalidSpec");
        },
    ),
    row(68, "values reach the chart unchanged", |mut site| {
        let values = r#"{"big":9007199254740993,"name":"图表","none":null,"word":"yes"}"#;
        site.apply(
            "web",
            &format!("{{\"version\": \"1.0.0\", \"values\": {values}}}"),
        );
        site.settle();
        assert_eq!(site.values("web"), values);
    }),
    row(
        69,
        "a controller that starts anew over 200 Components runs no Helm",
        |mut site| {
            for number in 0..200 {
                site.apply(
                    &format!("web-{number}"),
                    "{version: 1.0.0, chart: {name: web}}",
                );
            }
            site.pass(60);
            let started = site.helm.starts().len();
            assert_eq!(started, 200);
            assert!(site.helm.most_at_once() <= 3);
            let writes = site.status_writes;
            site.controller_dies(super::Death::OfBoth);
            site.pass(30);
            assert_eq!(
                (site.helm.starts().len(), site.status_writes),
                (started, writes)
            );
        },
    ),
    row(
        106,
        "of two Components with one release the older has it, the other waits for its turn",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.pass(1);
            site.apply(
                "api",
                "{version: 2.0.0, chart: {name: web, releaseName: web}}",
            );
            site.settle();
            site.shows("api", "Stalled Stalled=True/ReleaseConflict");
            site.says("api", "chartroom/web");
            site.ran("web", "");
            site.delete("web");
            site.settle();
            assert!(!site.is_there("web"));
            site.shows("api", "Deployed");
        },
    ),
    row(
        67,
        "what others installed is never touched, and says its version",
        |mut site| {
            site.helm_upgrade_by_hand("web", "web 1.0.0", Some(Ok(())));
            site.apply("web", "version: 2.0.0");
            site.annotate("web", "pre-installed", "true");
            site.settle();
            site.ran("web", "");
            site.shows("web", "Suspended Ready=True/Preinstalled");
            assert_eq!(
                site.status("web").resolved_version.as_deref(),
                Some("1.0.0")
            );
        },
    ),
    row(
        26,
        "stale Remediated, Stalled and Reconciling are corrected while in sync",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.spoils_status("web", &["Remediated", "Stalled", "Reconciling"]);
            site.shows("web", "Stalled=True");
            site.pass(660);
            site.shows(
                "web",
                "Deployed Ready=True !Remediated !Stalled !Reconciling",
            );
            site.ran("web", "");
        },
    ),
    row(
        123,
        "requestedAt in sync looks at drift and health once, without Helm",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.objects("web").unready = Some("pod web-0: ErrImagePull".to_owned());
            site.pass(60);
            site.shows("web", "Deployed");
            site.annotate("web", "requestedAt", "now");
            site.settle();
            site.shows("web", "Degraded Ready=False/Unhealthy");
            assert_eq!(
                site.status("web").last_handled_reconcile_at.as_deref(),
                Some("now")
            );
            site.ran("web", "");
        },
    ),
    row(
        107,
        "a spec that breaks a rule stalls its Component, and the others go on",
        |mut site| {
            site.apply("api", "{version: 1.0.0, test: {enable: true}}");
            site.runs("web", "version: 1.0.0");
            site.shows("api", "Stalled Stalled=True/InvalidSpec");
            assert!(
                site.helm.take_runs(&release("api")).is_empty(),
                "{:?}",
                key("api")
            );
        },
    ),
];

#[test]
fn installs_and_upgrades() {
    play(ROWS);
}
