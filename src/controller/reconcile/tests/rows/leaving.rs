//! Suspending, disabling and deleting.

use super::{End, Row, play, row};
use crate::controller::reconcile::tests::site::{HOME, release};

/// `api` needs `web`.
const NEEDS_WEB: &str = "{version: 1.0.0, chart: {name: web}, dependsOn: [{name: web}]}";

pub const ROWS: &[Row] = &[
    row(
        37,
        "what is deleted at once goes in the reverse order, and nothing is left",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.runs("api", NEEDS_WEB);
            site.runs(
                "page",
                "{version: 1.0.0, chart: {name: web}, dependsOn: [{name: api}]}",
            );
            site.helm.forget_starts();
            for name in ["web", "api", "page"] {
                site.delete(name);
            }
            site.pass(60);
            assert_eq!(site.helm.starts(), ["page", "api", "web"].map(release));
            assert!(
                !["web", "api", "page"]
                    .iter()
                    .any(|name| site.is_there(name))
            );
        },
    ),
    row(
        38,
        "a dependency in use survives its deletion, unless the annotation says otherwise",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.runs("api", NEEDS_WEB);
            site.delete("web");
            site.pass(120);
            site.ran("web", "");
            site.shows("web", "Stalled=True/DependentsExist");
            site.says("web", "needed by api");
            site.annotate("web", "allow-break-dependents", "true");
            site.pass(60);
            assert!(!site.is_there("web"));
        },
    ),
    row(
        45,
        "suspended, changed and resumed: nothing, then one upgrade",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.apply("web", "{version: 1.0.0, suspend: true}");
            site.settle();
            site.shows("web", "Suspended Ready=True");
            site.apply("web", "{version: 2.0.0, suspend: true}");
            site.pass(3600);
            site.ran("web", "");
            site.apply("web", "{version: 2.0.0, suspend: false}");
            site.settle();
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        46,
        "deleted while suspended: the finalizer goes, the release stays",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.apply("web", "{version: 1.0.0, suspend: true}");
            site.settle();
            site.delete("web");
            site.settle();
            assert!(!site.is_there("web"));
            site.ran_on(&release("web"), "");
        },
    ),
    row(47, "deleted without a release it is done", |mut site| {
        site.apply("api", "version: 1.0.0");
        site.settle();
        site.delete("api");
        site.settle();
        assert!(!site.is_there("api"));
        site.ran_on(&release("api"), "");
    }),
    row(
        47,
        "deleted when somebody has uninstalled the release it is done",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.apply("web", "{version: 1.0.0, suspend: true}");
            site.settle();
            site.by_hand("web", |history| history.stored.clear());
            site.apply("web", "version: 1.0.0");
            site.delete("web");
            site.settle();
            assert!(!site.is_there("web"));
            site.ran_on(&release("web"), "");
        },
    ),
    row(
        47,
        "deleted with the history kept it is done",
        |mut site| {
            site.runs("web", "{version: 1.0.0, uninstall: {keepHistory: true}}");
            site.delete("web");
            site.settle();
            assert!(!site.is_there("web"));
            site.ran_on(&release("web"), "uninstall --keep-history");
        },
    ),
    row(
        48,
        "an uninstall that fails is told, and tried again on schedule",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends("web", &[End::Fails("hook pre-delete failed"); 2]);
            site.delete("web");
            site.settle();
            site.ran("web", "uninstall");
            site.shows(
                "web",
                "Uninstalling Released=False/UninstallFailed Ready=False/UninstallFailed",
            );
            assert!(site.is_there("web"));
            site.pass(11);
            site.ran("web", "uninstall");
            site.pass(31);
            assert!(!site.is_there("web"));
        },
    ),
    row(
        49,
        "an object that somebody holds is named until it goes",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends("web", &[End::LeavesObjects("context deadline exceeded")]);
            site.objects("web").left =
                Some("ConfigMap web (finalizer example.com/hold)".to_owned());
            site.delete("web");
            site.pass(120);
            site.ran("web", "uninstall");
            site.shows("web", "Uninstalling");
            site.says("web", "example.com/hold");
            site.objects("web").left = None;
            site.pass(31);
            assert!(!site.is_there("web"));
        },
    ),
    row(
        50,
        "deleted while the namespace of the release ends: without hooks, and it ends",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.ending_namespaces.insert("edge-system".to_owned());
            site.delete("web");
            site.settle();
            assert!(!site.is_there("web"));
            site.ran_on(&release("web"), "uninstall --no-hooks");
        },
    ),
    row(
        51,
        "with the Component's own namespace it goes, whoever depends on it",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.runs("api", NEEDS_WEB);
            site.ending_namespaces.insert(HOME.to_owned());
            site.delete("web");
            site.settle();
            assert!(!site.is_there("web"));
        },
    ),
    row(
        64,
        "disabled, enabled and disabled at once is disabled, and nothing is left",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            for enabled in [false, true, false] {
                site.apply("web", &format!("{{version: 1.0.0, enabled: {enabled}}}"));
            }
            site.settle();
            site.ran("web", "uninstall");
            site.has_release("web", "");
            site.shows(
                "web",
                "Disabled Ready=True/Disabled Released=False/UninstallSucceeded",
            );
            assert!(site.status("web").history.is_empty());
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.ran("web", "install web 1.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        64,
        "enabled again while Helm uninstalls it is uninstalled, then installed",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends("web", &[End::Hangs]);
            site.apply("web", "{version: 1.0.0, enabled: false}");
            site.settle();
            site.ran("web", "uninstall");
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.ran("web", "uninstall, install web 1.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        111,
        "deletionPolicy Orphan leaves the release",
        |mut site| {
            site.runs("web", "{version: 1.0.0, deletionPolicy: Orphan}");
            site.delete("web");
            site.settle();
            assert!(!site.is_there("web"));
            site.ran_on(&release("web"), "");
        },
    ),
    row(
        112,
        "after three failed uninstalls forceAt is once more, without hooks",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends("web", &[End::Fails("hook pre-delete failed"); 3]);
            site.delete("web");
            site.pass(60);
            site.ran("web", "uninstall, uninstall, uninstall");
            site.says("web", "forceAt");
            site.annotate("web", "forceAt", "1");
            site.settle();
            assert!(!site.is_there("web"));
            site.ran_on(&release("web"), "uninstall --no-hooks");
        },
    ),
    row(
        113,
        "deleted when the release is another Component's by now: it stays",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.by_hand("web", |history| {
                history.stored[0].revision.owner = Some("elsewhere.other".to_owned());
            });
            let other = crate::node_key::NodeKey::new("elsewhere", "other");
            site.elsewhere.insert(other, release("web"));
            site.delete("web");
            site.settle();
            assert!(!site.is_there("web"));
            site.ran_on(&release("web"), "");
        },
    ),
];

#[test]
fn leaving() {
    play(ROWS);
}
