//! Who waits for whom, and what is made for others.

use super::{End, Row, play, row};
use crate::controller::reconcile::tests::site::{Chart, SLOTS, Site, release};

fn needs(needs: &[&str]) -> String {
    let names: Vec<String> = needs
        .iter()
        .map(|name| format!("{{name: {name}}}"))
        .collect();
    format!(
        "{{version: 1.0.0, chart: {{name: web}}, dependsOn: [{}]}}",
        names.join(", ")
    )
}

/// The chart `app 1.0.0` requires this.
fn app_requires(site: &mut Site, requires: &'static str) {
    let mut chart = Chart::of("app 1.0.0");
    chart.requires = Some(requires);
    site.repository.upload(chart);
}

pub const ROWS: &[Row] = &[
    row(
        31,
        "a dependency that is missing blocks, with the reason, no slot and no namespace",
        |mut site| {
            let spec =
                "{version: 1.0.0, chart: {name: web, namespace: shop}, dependsOn: [{name: db}]}";
            site.apply("api", spec);
            site.settle();
            site.shows(
                "api",
                "Blocked Ready=False/DependencyMissing DependenciesReady=False",
            );
            assert_eq!(site.slots_in_use(), 0);
            assert!(!site.namespaces.contains("shop"));
        },
    ),
    row(
        31,
        "one that is on its way or not ready blocks, and lets go when it is",
        |mut site| {
            site.objects("web").unready = Some("pod web-0: Pending".to_owned());
            site.apply("web", "version: 1.0.0");
            site.apply("api", &needs(&["web"]));
            site.settle();
            site.shows("api", "Blocked Ready=False/DependencyInstalling");
            site.ran("api", "");
            site.objects("web").unready = None;
            site.pass(10);
            site.shows("api", "Deployed");
        },
    ),
    row(
        32,
        "a missing dependency that the repository has is created and installed first",
        |mut site| {
            site.repository.upload(Chart::of("db 1.2.0"));
            app_requires(&mut site, "db ^1");
            site.apply("app", "version: 1.0.0");
            site.pass(40);
            site.shows("app", "Deployed");
            site.shows("db", "Deployed");
            assert_eq!(site.helm.starts(), ["db", "app"].map(release));
            assert_eq!(site.status("db").required_by, ["chartroom/app"]);
            assert_eq!(site.told_of("app", "DependencyCreated"), 1);
        },
    ),
    row(
        33,
        "two levels and a diamond are installed in order, never more than three at once",
        |mut site| {
            site.apply("top", &needs(&["left", "right"]));
            site.apply("left", &needs(&["base"]));
            site.apply("right", &needs(&["base"]));
            site.apply("base", &needs(&[]));
            site.pass(40);
            let starts = site.helm.starts();
            assert_eq!(
                (&starts[0], &starts[3]),
                (&release("base"), &release("top"))
            );
            assert_eq!(starts.len(), 4);
            site.shows("top", "Deployed");
        },
    ),
    row(
        33,
        "independent ones overlap, and the fourth is Queued",
        |mut site| {
            for name in ["a", "b", "c", "d"] {
                site.helm_ends(name, &[End::Hangs]);
                site.apply(name, &needs(&[]));
            }
            site.settle();
            assert_eq!(site.helm.most_at_once(), SLOTS);
            site.shows("d", "Queued Reconciling=True/WaitingForSlot");
            site.helm.go_on(&release("a"), End::Works);
            site.settle();
            site.shows("d", "Installing");
            site.shows("a", "Deployed");
        },
    ),
    row(
        34,
        "a cycle is told to each member, who depends on it waits, and one edge less frees all",
        |mut site| {
            site.apply("a", &needs(&["b"]));
            site.apply("b", &needs(&["c"]));
            site.apply("c", &needs(&["a"]));
            site.apply("outside", &needs(&["a"]));
            site.pass(60);
            for name in ["a", "b", "c"] {
                site.shows(name, "Blocked Stalled=True/DependencyCycle");
                site.says(name, "a → b → c → a");
            }
            site.shows("outside", "Blocked");
            site.apply("c", &needs(&[]));
            site.pass(60);
            for name in ["a", "b", "c", "outside"] {
                site.shows(name, "Deployed");
            }
        },
    ),
    row(
        35,
        "ranges that no version meets are told with both requirers",
        |mut site| {
            site.repository.upload(Chart::of("db 1.2.0"));
            site.repository.upload(Chart::of("db 2.1.0"));
            let wants = |range: &str| {
                format!(
                    "{{version: 1.0.0, chart: {{name: web}}, dependsOn: [{{name: db, version: \"{range}\"}}]}}"
                )
            };
            site.apply("old", &wants("^1"));
            site.pass(60);
            site.shows("old", "Deployed");
            site.apply("new", &wants(">=2"));
            site.pass(60);
            site.shows("new", "Blocked Ready=False/DependencyVersionConflict");
            site.says("new", "old");
            site.says("new", ">=2");
        },
    ),
    row(
        36,
        "when a dependency fails its dependents wait, and others go on",
        |mut site| {
            site.helm_ends("web", &[End::Fails("it is green")]);
            site.apply("web", "version: 1.0.0");
            site.apply("api", &needs(&["web"]));
            site.apply("other", &needs(&[]));
            site.settle();
            site.shows("web", "Failed");
            site.shows("api", "Blocked Ready=False/DependencyNotReady");
            site.shows("other", "Deployed");
            site.pass(60);
            site.shows("api", "Deployed");
        },
    ),
    row(
        67,
        "what others installed counts as a dependency",
        |mut site| {
            site.helm_upgrade_by_hand("db", "db 1.0.0", Some(Ok(())));
            site.apply("db", "version: 1.0.0");
            site.annotate("db", "pre-installed", "true");
            site.apply("api", &needs(&["db"]));
            site.settle();
            site.shows("api", "Deployed");
            site.ran("db", "");
        },
    ),
    row(
        116,
        "an optional dependency that is missing is skipped",
        |mut site| {
            let spec =
                "{version: 1.0.0, chart: {name: web}, dependsOn: [{name: db, optional: true}]}";
            site.apply("api", spec);
            site.settle();
            site.shows("api", "Deployed");
            let state = site.status("api").dependencies[0].state;
            assert_eq!(state, crate::component::status::DependencyState::Skipped);
        },
    ),
    row(
        117,
        "a release without a Component counts if its version is in range",
        |mut site| {
            site.helm_upgrade_by_hand("db", "db 1.5.0", Some(Ok(())));
            let wants = |range: &str| {
                format!(
                    "{{version: 1.0.0, chart: {{name: web}}, dependsOn: [{{name: db, version: \"{range}\"}}]}}"
                )
            };
            site.apply("api", &wants("^1"));
            site.apply("page", &wants("^2"));
            site.settle();
            site.shows("api", "Deployed");
            let state = site.status("api").dependencies[0].state;
            assert_eq!(state, crate::component::status::DependencyState::External);
            site.shows("page", "Blocked Ready=False/DependencyVersionMismatch");
        },
    ),
    row(
        118,
        "with autoInstallDependencies off a missing dependency is only told",
        |mut site| {
            site.repository.upload(Chart::of("db 1.2.0"));
            let spec = "{version: 1.0.0, chart: {name: web}, autoInstallDependencies: false, dependsOn: [{name: db}]}";
            site.apply("api", spec);
            site.pass(120);
            site.shows("api", "Blocked Ready=False/DependencyMissing");
            assert!(!site.is_there("db"));
        },
    ),
    row(
        119,
        "an implicit Component that is edited is the user's, and stays",
        |mut site| {
            site.repository.upload(Chart::of("db 1.2.0"));
            site.runs_with_db();
            site.respecify("db", |spec| {
                spec.interval = "1h".parse().expect("it is a duration")
            });
            site.pass(60);
            let labels = site.component("db").metadata.labels.unwrap_or_default();
            assert!(!labels.contains_key(crate::component::names::label::IMPLICIT));
            site.delete("api");
            site.pass(600);
            site.shows("db", "Deployed");
        },
    ),
    row(
        119,
        "one that nobody has needed for five minutes is deleted",
        |mut site| {
            site.repository.upload(Chart::of("db 1.2.0"));
            site.runs_with_db();
            site.delete("api");
            site.pass(290);
            assert!(!site.is_there("api"));
            assert!(site.is_there("db"));
            site.pass(60);
            assert!(!site.is_there("db"));
            site.ran_on(&release("db"), "uninstall");
        },
    ),
    row(
        120,
        "a user's own dependency in another version is named, and never changed",
        |mut site| {
            site.repository.upload(Chart::of("db 1.2.0"));
            site.repository.upload(Chart::of("db 2.1.0"));
            site.runs("db", "version: 1.2.0");
            let spec =
                "{version: 1.0.0, chart: {name: web}, dependsOn: [{name: db, version: \">=2\"}]}";
            site.apply("api", spec);
            site.pass(120);
            site.shows("api", "Blocked Ready=False/DependencyVersionMismatch");
            site.says("api", "2.1.0");
            site.ran("db", "");
        },
    ),
    row(
        36,
        "what is deployed does not become Blocked because a dependency flaps",
        |mut site| {
            site.runs("web", "version: 1.0.0");
            site.runs("api", &needs(&["web"]));
            site.objects("web").unready = Some("pod web-0: NotReady".to_owned());
            site.pass(660);
            site.shows("web", "Degraded");
            site.shows("api", "Deployed Ready=True DependenciesReady=False");
        },
    ),
];

#[test]
fn dependencies() {
    play(ROWS);
}
