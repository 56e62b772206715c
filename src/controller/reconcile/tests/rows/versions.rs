//! Which chart: uploads that come, change and go.

use super::{Row, play, row};
use crate::controller::reconcile::tests::site::Chart;

pub const ROWS: &[Row] = &[
    row(
        42,
        "an upload wakes the Component that waits for its chart",
        |mut site| {
            site.apply("api", "version: 1.0.0");
            site.settle();
            site.shows("api", "Blocked Ready=False/ChartNotFound");
            site.pass(60);
            site.repository_changes(|repository| repository.upload(Chart::of("api 1.0.0")));
            site.settle();
            site.shows("api", "Deployed");
        },
    ),
    row(
        43,
        "the same version with other bytes is an upgrade",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.repository_changes(|repository| {
                repository.change("web 1.0.0", |chart| chart.bytes = 2)
            });
            site.settle();
            site.ran("web", "upgrade web 1.0.0");
            site.shows("web", "Deployed");
        },
    ),
    row(43, "with its digest pinned, what runs stays", |mut site| {
        let digest = Chart::of("web 1.0.0").digest();
        let spec = format!("{{version: 1.0.0, chart: {{digest: \"sha256:{digest}\"}}}}");
        site.runs("web", &spec);
        site.repository_changes(|repository| {
            repository.change("web 1.0.0", |chart| chart.bytes = 2)
        });
        site.pass(3600);
        site.ran("web", "");
        site.shows("web", "Stalled=True/DigestMismatch");
        site.has_release("web", "1 deployed");
    }),
    row(
        66,
        "with an empty version a newer upload moves nobody",
        |mut site| {
            site.runs("web", "");
            site.repository_changes(|repository| repository.upload(Chart::of("web 3.0.0")));
            site.pass(1200);
            site.ran("web", "");
            assert_eq!(
                site.status("web").resolved_version.as_deref(),
                Some("2.0.0")
            );
        },
    ),
    row(66, "with autoUpgrade it does", |mut site| {
        site.runs("web", "autoUpgrade: true");
        site.repository_changes(|repository| repository.upload(Chart::of("web 3.0.0")));
        site.settle();
        site.ran("web", "upgrade web 3.0.0");
    }),
    row(
        66,
        "a range follows uploads inside itself only",
        |mut site| {
            site.runs("web", "version: ^1");
            site.repository_changes(|repository| {
                repository.upload(Chart::of("web 1.5.0"));
                repository.upload(Chart::of("web 3.0.0"));
            });
            site.settle();
            site.ran("web", "upgrade web 1.5.0");
        },
    ),
    row(
        108,
        "an installed version that is deleted from the repository stays, and it is said",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.repository_changes(|repository| repository.remove("web 1.0.0"));
            site.pass(1200);
            site.ran("web", "");
            site.shows(
                "web",
                "Deployed Ready=True ChartResolved=False/VersionNotFound",
            );
            site.says("web", "not in the repository any more");
        },
    ),
    row(
        109,
        "a repository that is away changes nothing for what is deployed",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.repository_changes(|repository| repository.is_away = true);
            site.pass(1200);
            site.ran("web", "");
            site.shows(
                "web",
                "Deployed Ready=True ChartResolved=False/RepositoryUnavailable",
            );
            site.repository_changes(|repository| repository.is_away = false);
            site.pass(60);
            site.shows("web", "Deployed ChartResolved=True");
        },
    ),
    row(
        109,
        "a chart that a repository which is away has is waited for",
        |mut site| {
            site.repository.is_away = true;
            site.apply("web", "version: 1.0.0");
            site.settle();
            site.shows("web", "Blocked Ready=False/RepositoryUnavailable");
            site.repository.is_away = false;
            site.pass(60);
            site.shows("web", "Deployed");
        },
    ),
];

#[test]
fn which_chart() {
    play(ROWS);
}
