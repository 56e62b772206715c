//! Helm's texts and endings, by what follows from them.

use super::{End, Row, play, row};

/// Helm's words when an API server does not answer.
const UNREACHABLE: &str =
    "Kubernetes cluster unreachable: dial tcp 10.0.0.1:443: connect: connection refused";

pub const ROWS: &[Row] = &[
    row(
        25,
        "a chart that does not render makes no revision, counts as no attempt and is put off",
        |mut site| {
            site.helm_ends(
                "web",
                &[End::Refuses(
                    "parse error at (web/templates/x.yaml:1): unclosed action",
                )],
            );
            site.apply("web", "version: 1.0.0");
            site.pass(600);
            site.ran("web", "install web 1.0.0");
            site.has_release("web", "");
            site.shows(
                "web",
                "Stalled Stalled=True/ChartInvalid Ready=False/ChartInvalid",
            );
            assert_eq!(site.counted("web"), (0, 0));
            site.apply("web", "version: 2.0.0");
            site.settle();
            site.shows("web", "Deployed !Stalled");
        },
    ),
    row(
        54,
        "an object without Helm's annotations is not taken over, unless that is wanted",
        |mut site| {
            site.helm_ends("web", &[End::Fails(
            "Unable to continue with install: ConfigMap \"web\" in namespace \"edge-system\" exists and cannot be \
             imported into the current release: invalid ownership metadata; label validation error: missing key",
        )]);
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.shows("web", "Stalled=True/OwnershipConflict");
            site.ran("web", "install web 1.0.0");
            site.apply("web", "{version: 1.0.0, takeOwnership: Always}");
            site.settle();
            site.ran("web", "upgrade web 1.0.0 --take-ownership");
            site.shows("web", "Deployed");
        },
    ),
    row(
        62,
        "a chart too large for a release is refused before anything is applied",
        |mut site| {
            let why = "the release would have 2 MiB";
            site.repository.change("web 1.0.0", |chart| {
                chart.refused = Some((crate::component::conditions::Reason::ReleaseTooLarge, why));
            });
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.ran("web", "");
            site.shows("web", "Stalled Stalled=True/ReleaseTooLarge");
        },
    ),
    row(
        63,
        "a Helm that is killed for its memory is a failed attempt, and its revision is unlocked",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends("web", &[End::Killed]);
            site.apply("web", "version: 2.0.0");
            site.settle();
            site.says("web", "memory");
            assert_eq!(site.counted("web"), (0, 1));
            site.pass(60);
            site.shows("web", "Deployed");
            site.ran("web", "upgrade web 2.0.0, rollback 1, upgrade web 2.0.0");
        },
    ),
    row(
        95,
        "a webhook that does not answer is tried after 1, 2, 4 seconds, and nothing counts",
        |mut site| {
            let no =
                "Internal error occurred: failed calling webhook \"policy\": connection refused";
            site.helm_ends("web", &[End::Fails(no), End::Fails(no), End::Fails(no)]);
            let began = site.now;
            site.apply("web", "version: 1.0.0");
            site.pass(20);
            site.ran(
                "web",
                "install web 1.0.0, upgrade web 1.0.0, upgrade web 1.0.0, upgrade web 1.0.0",
            );
            site.shows("web", "Deployed");
            let history = site.status("web").history;
            let deployed = history[0].last_deployed.as_ref().expect("it has a time").0;
            assert_eq!(deployed.duration_since(began).as_secs(), 7);
        },
    ),
    row(
        96,
        "what cannot be reached after a counted failure does not hide its cause",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends(
                "web",
                &[
                    End::Fails("it is green"),
                    End::Works,
                    End::Refuses(UNREACHABLE),
                ],
            );
            site.apply("web", "version: 2.0.0");
            site.pass(10);
            site.ran("web", "upgrade web 2.0.0, rollback 1, upgrade web 2.0.0");
            site.says("web", "it is green");
            site.pass(60);
            site.shows("web", "Deployed");
        },
    ),
    row(
        97,
        "values against the chart's schema stall without a revision, and are looked at in 30 minutes",
        |mut site| {
            site.helm_ends("web", &[End::Refuses(
            "values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n- replicas: no",
        )]);
            site.apply("web", "version: 1.0.0");
            site.pass(29 * 60);
            site.ran("web", "install web 1.0.0");
            site.shows("web", "Stalled=True/SchemaInvalid");
            site.has_release("web", "");
            site.pass(2 * 60);
            site.ran("web", "install web 1.0.0");
            site.shows("web", "Deployed !Stalled");
        },
    ),
    row(
        98,
        "a quota that is used up is a failed attempt",
        |mut site| {
            site.helm_ends(
                "web",
                &[End::Fails(
                    "pods \"web\" is forbidden: exceeded quota: compute",
                )],
            );
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.shows("web", "Failed Ready=False/QuotaExceeded");
            assert_eq!(site.counted("web"), (1, 0));
        },
    ),
    row(
        99,
        "a kind that nobody defined is named, and tried at once when its definition comes",
        |mut site| {
            site.helm_ends("web", &[End::Refuses(
            "unable to build kubernetes objects from release manifest: resource mapping not found for name: \"w\" \
             namespace: \"\" from \"\": no matches for kind \"Widget\" in version \"example.com/v1\"\nensure CRDs are \
             installed first",
        )]);
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.shows("web", "Failed Ready=False/MissingCRDs");
            site.says("web", "Widget");
            assert_eq!(site.counted("web"), (1, 0));
            site.ran("web", "install web 1.0.0");
            site.definition_comes("web");
            site.settle();
            site.ran("web", "install web 1.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(
        100,
        "a Helm beyond its deadline is stopped, and counts as a timeout",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.helm_ends("web", &[End::TooLong]);
            site.apply("web", "version: 2.0.0");
            site.settle();
            site.ran("web", "upgrade web 2.0.0, rollback 1");
            site.shows("web", "Degraded Ready=False/UpgradeFailed");
            assert_eq!(site.counted("web"), (0, 1));
            assert_eq!(site.told_of("web", "Timeout"), 1);
        },
    ),
    row(
        101,
        "a success that the release does not show is decided again, with growing pauses",
        |mut site| {
            site.helm_ends("web", &[End::Lies; 3]);
            site.apply("web", "version: 1.0.0");
            site.pass(20);
            let runs = "install web 1.0.0";
            site.ran("web", &[runs; 4].join(", "));
            site.shows("web", "Deployed");
            assert_eq!(site.counted("web"), (0, 0));
        },
    ),
    row(
        110,
        "a library chart and one for another Kubernetes stall, each with its reason",
        |mut site| {
            use crate::component::conditions::Reason;
            for (reason, word) in [
                (Reason::ChartInvalid, "Stalled=True/ChartInvalid"),
                (
                    Reason::KubeVersionMismatch,
                    "Stalled=True/KubeVersionMismatch",
                ),
            ] {
                site.repository_changes(|repository| {
                    repository.change("web 1.0.0", |chart| chart.refused = Some((reason, "no")));
                });
                site.apply("web", "version: 1.0.0");
                site.settle();
                site.shows("web", word);
                site.ran("web", "");
            }
        },
    ),
    row(
        23,
        "a record that nobody can read is left until force is asked for",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.by_hand("web", |history| history.stored[0].is_unreadable = true);
            site.apply("web", "version: 2.0.0");
            site.pass(3600);
            site.ran("web", "");
            site.shows("web", "Failed Ready=False/StateError");
            site.has_release("web", "1 deployed");
            site.annotate("web", "forceAt", "1");
            site.settle();
            site.ran("web", "install web 2.0.0");
            site.shows("web", "Deployed");
            // that it cannot be read, and where it is kept
            assert_eq!(site.told_of("web", "StateError"), 2);
        },
    ),
    row(
        61,
        "an API server that is away for a minute counts nothing, and it goes on",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.api_is_away = true;
            site.apply("web", "version: 2.0.0");
            site.pass(60);
            site.ran("web", "");
            site.api_is_away = false;
            site.pass(61);
            site.ran("web", "upgrade web 2.0.0");
            site.shows("web", "Deployed");
            assert_eq!(site.counted("web"), (0, 0));
        },
    ),
    row(
        61,
        "a Helm that does not start is tried again, and counts nothing",
        |mut site| {
            site.helm_ends("web", &[End::DoesNotStart, End::DoesNotStart]);
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.ran("web", "install web 1.0.0");
            site.shows("web", "Deployed");
            assert_eq!(site.counted("web"), (0, 0));
        },
    ),
];

#[test]
fn what_helm_says() {
    play(ROWS);
}
