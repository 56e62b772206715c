//! What runs is looked at, whatever is in the way of the next version.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::obstacles::THEIRS;
use super::{End, Row, play, row};
use crate::component::DriftMode;
use crate::controller::reconcile::observation::Drift;
use crate::controller::reconcile::tests::site::{Site, release};
use crate::node_key::NodeKey;

const NO: &str = "admission webhook \"policy\" denied the request: no bad data";

/// What can be in the way of the next version of `web`, and what Ready and the phase say of it.
type Way = (&'static str, fn(&mut Site), &'static str);

const WAYS: &[Way] = &[
    (
        "the upgrade is refused, and out of retries",
        Site::is_given_up,
        "Degraded Ready=False/UpgradeFailed Stalled=True/RetriesExceeded",
    ),
    (
        "the same, and it is not taken back",
        |site| {
            site.helm_ends("web", &[End::Fails(NO)]);
            let keeps = "{version: 2.0.0, upgrade: {retries: 0, onFailure: Keep}}";
            site.apply("web", keeps);
        },
        "Stalled Ready=False/UpgradeFailed Stalled=True/RetriesExceeded",
    ),
    (
        "the upgrade and both ways back fail",
        |site| {
            site.helm_ends("web", &[End::Fails(NO); 60]);
            site.apply("web", "{version: 2.0.0, upgrade: {retries: 20}}");
        },
        "Degraded Ready=False Remediated=False/RollbackFailed",
    ),
    (
        "the chart refuses the values",
        |site| {
            let refused = "execution error at (web/templates/a.yaml:5:11): x is needed";
            site.helm_ends("web", &[End::Refuses(refused); 9]);
            site.apply("web", "{version: 1.0.0, values: {a: 1}}");
        },
        "Degraded Ready=False/ValuesError Stalled=True",
    ),
    (
        "an object of the next version is somebody else's",
        |site| {
            site.helm_ends("web", &[End::Refuses(THEIRS)]);
            site.apply("web", "version: 2.0.0");
        },
        "Degraded Ready=False/OwnershipConflict Stalled=True/OwnershipConflict",
    ),
    (
        "a webhook does not answer",
        |site| {
            site.helm_ends("web", &[End::Refuses("failed calling webhook"); 60]);
            site.apply("web", "version: 2.0.0");
        },
        "Pending Ready=False/WebhookUnavailable",
    ),
    (
        "the chart has no such version",
        |site| site.apply("web", "version: 9.9.9"),
        "Blocked Ready=False/VersionNotFound ChartResolved=False",
    ),
    (
        "the chart of the next version is refused",
        |site| {
            let why = Some((crate::component::conditions::Reason::ChartInvalid, "no"));
            site.repository
                .change("web 2.0.0", |chart| chart.refused = why);
            site.apply("web", "version: 2.0.0");
        },
        "Stalled Ready=False/ChartInvalid Stalled=True",
    ),
    (
        "the repository does not answer",
        |site| {
            site.repository.is_away = true;
            site.apply("web", "version: 2.0.0");
        },
        "Blocked Ready=False/RepositoryUnavailable",
    ),
    (
        "a dependency is not there",
        |site| site.apply("web", "{version: 2.0.0, dependsOn: [{name: db}]}"),
        "Blocked Ready=False/DependencyMissing",
    ),
    (
        "the spec breaks a rule",
        |site| site.apply("web", "version: newest"),
        "Stalled Ready=False/InvalidSpec",
    ),
    (
        "it cannot move",
        |site| {
            for _ in 0..60 {
                site.helm.next_dry_run(End::Fails(NO));
            }
            site.apply("web", "{version: 1.0.0, chart: {releaseName: site}}");
        },
        "Degraded Ready=False",
    ),
    (
        "another Component has the release that it would move to",
        |site| {
            let elsewhere = NodeKey::new("elsewhere", "site");
            site.elsewhere.insert(elsewhere, release("site"));
            site.helm_upgrade_by_hand("site", "web 1.0.0", Some(Ok(())));
            site.by_hand("site", |history| {
                let mark = crate::release::owner::mark(&NodeKey::new("elsewhere", "site"));
                history.stored[0].revision.owner = mark;
            });
            site.apply("web", "{version: 1.0.0, chart: {releaseName: site}}");
        },
        "Degraded Ready=False/ReleaseConflict",
    ),
    (
        "it is to be deleted, and somebody needs it",
        |site| {
            let needs = "{version: 1.0.0, chart: {name: web}, dependsOn: [{name: web}]}";
            site.runs("api", needs);
            site.delete("web");
        },
        "Stalled=True/DependentsExist",
    ),
];

/// `web` runs in version 1.0.0, that is in the way of the next, and then somebody deletes an object.
fn held(site: &mut Site, (_, holds, shows): &Way, mode: DriftMode) {
    site.runs("web", "version: 1.0.0");
    holds(site);
    site.had_from_the_start("web", |spec| spec.drift_detection.mode = mode);
    site.pass(120);
    site.shows("web", shows);
    site.objects("web").deleted = Some("ConfigMap web");
}

/// Each way on a site of its own; all that fail are named.
fn each(plays: fn(Site, &Way)) {
    let fails = |way: &&Way| {
        let played = catch_unwind(AssertUnwindSafe(|| plays(Site::new(), way)));
        played.is_err()
    };
    let failed: Vec<&str> = WAYS.iter().filter(fails).map(|way| way.0).collect();
    assert!(
        failed.is_empty(),
        "it fails while {}",
        failed.join("; while ")
    );
}

const LEFT_ALONE: [fn(&mut Site); 3] = [
    |site| site.apply("web", "{version: 1.0.0, suspend: true}"),
    |site| site.annotate("web", "skip-reconcile", "true"),
    |site| site.annotate("web", "pre-installed", "true"),
];

pub const ROWS: &[Row] = &[
    row(
        140,
        "what is deleted is put right within the interval, whatever is in the way",
        |_| {
            each(|mut site, way| {
                held(&mut site, way, DriftMode::Enabled);
                site.pass(660);
                let deleted = site.objects("web").deleted;
                assert_eq!(deleted, None, "{}", site.told("web"));
                site.shows("web", "Drifted=False/DriftCorrected Healthy=True");
                site.shows("web", way.2);
                assert_eq!(site.told_of("web", "DriftCorrected"), 1);
            });
        },
    ),
    row(140, "requestedAt puts it right now, and is noted", |_| {
        each(|mut site, way| {
            held(&mut site, way, DriftMode::Enabled);
            site.annotate("web", "requestedAt", "now");
            site.settle();
            let deleted = site.objects("web").deleted;
            assert_eq!(deleted, None, "{}", site.told("web"));
            site.shows("web", way.2);
            let noted = site.status("web").last_handled_reconcile_at;
            assert_eq!(noted.as_deref(), Some("now"));
        });
    }),
    row(
        141,
        "what is not put right is told, and what is in the way still is",
        |_| {
            each(|mut site, way| {
                held(&mut site, way, DriftMode::Warn);
                site.pass(660);
                site.shows("web", "Healthy=False/Unhealthy Drifted=True/DriftDetected");
                site.says("web", "ConfigMap web is missing");
                site.shows("web", way.2);
                site.objects("web").deleted = None;
                site.pass(660);
                site.shows("web", "Healthy=True Drifted=False");
                site.shows("web", way.2);
            });
        },
    ),
    row(
        141,
        "what cannot be put right is told beside it",
        |mut site| {
            held(&mut site, &WAYS[0], DriftMode::Enabled);
            site.objects("web").stubborn = vec!["ConfigMap web: forbidden".to_owned()];
            site.pass(660);
            site.shows("web", "Healthy=False Drifted=True/CorrectionFailed");
            site.shows("web", WAYS[0].2);
        },
    ),
    row(
        140,
        "it is looked at once in an interval, however often somebody wakes it",
        |_| {
            each(|mut site, way| {
                held(&mut site, way, DriftMode::Enabled);
                site.pass(660);
                site.take_looks("web");
                for minute in 0..60 {
                    site.annotate("web", "poked", &minute.to_string());
                    site.pass(60);
                }
                let looks = site.take_looks("web");
                assert!((5..=7).contains(&looks), "{looks}: {}", site.told("web"));
            });
        },
    ),
    row(142, "what is left alone is told of, and left", |_| {
        for leaves in LEFT_ALONE {
            let mut site = Site::new();
            site.runs("web", "version: 1.0.0");
            leaves(&mut site);
            site.settle();
            site.shows("web", "Suspended Healthy=True");
            site.objects("web").deleted = Some("ConfigMap web");
            site.pass(660);
            site.shows("web", "Suspended Ready=True Healthy=False/Unhealthy");
            site.shows("web", "Drifted=True/DriftDetected");
            site.says("web", "ConfigMap web is missing");
            assert!(site.objects("web").deleted.is_some());
            assert_eq!(site.told_of("web", "DriftCorrected"), 0);
            site.pass(120);
            site.take_looks("web");
            site.pass(6000);
            assert_eq!(site.take_looks("web"), 10, "{}", site.told("web"));
            site.ran("web", "");
        }
    }),
    row(
        142,
        "what is left alone is looked at now if requestedAt asks for it",
        |_| {
            for leaves in LEFT_ALONE {
                let mut site = Site::new();
                site.runs("web", "version: 1.0.0");
                leaves(&mut site);
                site.settle();
                site.objects("web").deleted = Some("ConfigMap web");
                site.annotate("web", "requestedAt", "now");
                site.settle();
                site.shows("web", "Suspended Healthy=False/Unhealthy");
            }
        },
    ),
    row(
        142,
        "what was left alone is put right when it is resumed",
        |mut site| {
            site.runs("web", "{version: 1.0.0, suspend: false}");
            site.apply("web", "{version: 1.0.0, suspend: true}");
            site.objects("web").deleted = Some("ConfigMap web");
            site.pass(660);
            site.apply("web", "{version: 1.0.0, suspend: false}");
            site.settle();
            site.shows("web", "Deployed Ready=True Drifted=False/DriftCorrected");
        },
    ),
    row(
        143,
        "what is gone before a rollback is back after it, and told so",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.objects("web").drift = Drift::NotLooked;
            site.objects("web").unready = Some("Deployment web: 0/1".to_owned());
            site.pass(660);
            site.shows("web", "Healthy=False");
            site.objects("web").unready = None;
            site.helm_ends("web", &[End::Fails(NO)]);
            site.apply("web", "version: 2.0.0");
            site.settle();
            site.shows("web", "Released=True/RollbackSucceeded Healthy=True");
        },
    ),
    row(
        144,
        "nothing is told of what is no longer there",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.shows("web", "Healthy=True");
            site.apply("web", "version: 9.9.9");
            site.settle();
            site.by_hand("web", |history| history.stored.clear());
            site.pass(660);
            site.shows("web", "Blocked !Healthy !Drifted");
        },
    ),
    row(
        144,
        "while the repository is away, what is as wanted is Degraded when it is not healthy, and Deployed again",
        |mut site| {
            site.runs("web", "{version: 1.0.0, driftDetection: {mode: warn}}");
            site.repository.is_away = true;
            site.objects("web").deleted = Some("ConfigMap web");
            site.pass(660);
            site.shows("web", "Degraded Ready=False/Unhealthy Healthy=False");
            site.objects("web").deleted = None;
            site.pass(660);
            site.shows("web", "Deployed Ready=True/InstallSucceeded Healthy=True");
        },
    ),
    row(
        144,
        "what somebody else is working on is not looked at",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_upgrade_by_hand("web", "web 2.0.0", None);
            site.objects("web").deleted = Some("ConfigMap web");
            site.pass(500);
            site.shows("web", "Pending Ready=False/PendingRelease");
            assert!(site.objects("web").deleted.is_some());
        },
    ),
];
#[test]
fn held_releases_are_looked_at() {
    play(ROWS);
}
