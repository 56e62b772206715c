use super::*;
use crate::chart::index::ChartVersion;
use crate::yaml;

/// `grafana 7.0.1 prometheus ^25, loki` is a chart version with what it requires.
fn catalog(charts: &[&str]) -> Catalog {
    let mut catalog = Catalog::default();
    for chart in charts {
        let mut words = chart.splitn(3, ' ');
        let (name, text) = (words.next().unwrap(), words.next().unwrap());
        let version = ChartVersion {
            requires: Some(format!("[{}]", words.next().unwrap_or_default())),
            ..ChartVersion::bare(name, text)
        };
        catalog.add(name, version);
    }
    catalog
}

/// `grafana: {version: ^7}` is a Component and its spec.
fn manifests(lines: &[&str]) -> Vec<Manifest> {
    let read = |line: &&str| {
        let (name, spec) = line.split_once(": ").unwrap_or((line, "{}"));
        let spec = yaml::parse(spec.as_bytes(), yaml::Limits::default()).unwrap();
        let mut component = Component::new(name, serde_json::from_value(spec.to_json()).unwrap());
        component.metadata.namespace = Some("default".to_owned());
        Manifest {
            component,
            source: "m.yaml".to_owned(),
        }
    };
    lines.iter().map(read).collect()
}

/// The steps: `prometheus 25.1.0 | grafana 7.0.1`.
fn steps(plan: &Plan) -> String {
    let told = |key: &NodeKey| {
        let version = plan.components[key].version.as_deref().unwrap_or("?");
        format!("{} {version}", plan.name(key))
    };
    let steps = plan.steps.iter().map(|step| {
        let step: Vec<String> = step.iter().map(told).collect();
        step.join(", ")
    });
    steps.collect::<Vec<_>>().join(" | ")
}

/// The problems: `ChartNotFound on a b: message`.
fn problems(plan: &Plan) -> Vec<String> {
    let told = |problem: &Problem| {
        let on: Vec<String> = problem.on.iter().map(|key| plan.name(key)).collect();
        format!(
            "{} on {}: {}",
            problem.reason,
            on.join(" "),
            problem.message
        )
    };
    plan.problems.iter().map(told).collect()
}

struct Row {
    case: &'static str,
    components: &'static [&'static str],
    charts: &'static [&'static str],
    steps: &'static str,
    problems: &'static [&'static str],
}

#[track_caller]
fn assert_rows(rows: &[Row]) {
    for row in rows {
        let catalog = catalog(row.charts);
        let mut manifests = manifests(row.components);
        let plan = solve(&manifests, Some(&catalog));
        assert_eq!(steps(&plan), row.steps, "{}", row.case);
        assert_eq!(problems(&plan), row.problems, "{}", row.case);
        assert!(plan.problems.iter().all(|problem| !problem.help.is_empty()));
        manifests.reverse();
        assert_eq!(
            solve(&manifests, Some(&catalog)),
            plan,
            "{} in reverse",
            row.case
        );
    }
}

#[test]
fn what_works_is_ordered_with_the_newest_versions_that_all_accept() {
    assert_rows(&[
        Row {
            case: "a chart requires what no manifest has",
            components: &["grafana"],
            charts: &[
                "grafana 7.0.1 prometheus ^25",
                "prometheus 25.1.0",
                "prometheus 26.0.0",
            ],
            steps: "prometheus 25.1.0 | grafana 7.0.1",
            problems: &[],
        },
        Row {
            case: "what is added requires more",
            components: &["a"],
            charts: &["a 1.0.0 b", "b 1.0.0 c", "c 1.0.0"],
            steps: "c 1.0.0 | b 1.0.0 | a 1.0.0",
            problems: &[],
        },
        Row {
            case: "ranges of a diamond are intersected",
            components: &["a"],
            charts: &[
                "a 1.0.0 b, c",
                "b 1.0.0 d >=1.2",
                "c 1.0.0 d <2",
                "d 2.0.0",
                "d 1.5.0",
                "d 1.0.0",
            ],
            steps: "d 1.5.0 | b 1.0.0, c 1.0.0 | a 1.0.0",
            problems: &[],
        },
        Row {
            case: "an older version that is chosen for a requirer requires other things",
            components: &["a", "b"],
            charts: &[
                "a 1.0.0 lib",
                "b 1.0.0 lib ^1",
                "lib 2.0.0 new",
                "lib 1.0.0 old",
                "new 1.0.0",
                "old 1.0.0",
            ],
            steps: "old 1.0.0 | lib 1.0.0 | a 1.0.0, b 1.0.0",
            problems: &[],
        },
        Row {
            case: "a Component with another name has the chart",
            components: &["grafana", "prom: {chart: {name: prometheus}}"],
            charts: &["grafana 7.0.1 prometheus ^25", "prometheus 25.1.0"],
            steps: "prom 25.1.0 | grafana 7.0.1",
            problems: &[],
        },
        Row {
            case: "two names of one chart are added once",
            components: &["a", "b: {dependsOn: [{name: postgres}]}"],
            charts: &[
                "a 1.0.0 {name: db, chart: postgres}",
                "b 1.0.0",
                "postgres 15.0.0",
            ],
            steps: "postgres 15.0.0 | a 1.0.0, b 1.0.0",
            problems: &[],
        },
        Row {
            case: "the user overrules the chart",
            components: &["a: {dependsOn: [{name: lib, version: ^2}]}"],
            charts: &["a 1.0.0 lib ^1", "lib 1.0.0", "lib 2.0.0"],
            steps: "lib 2.0.0 | a 1.0.0",
            problems: &[],
        },
        Row {
            case: "optional: not added, but ordered after if it is there",
            components: &[
                "a: {dependsOn: [{name: b, optional: true}, {name: absent, optional: true}]}",
                "b",
            ],
            charts: &["a 1.0.0", "b 1.0.0", "absent 1.0.0"],
            steps: "b 1.0.0 | a 1.0.0",
            problems: &[],
        },
        Row {
            case: "disabled Components and what only they require are left out",
            components: &["a: {enabled: false}", "b"],
            charts: &["a 1.0.0 lib", "b 1.0.0", "lib 1.0.0"],
            steps: "b 1.0.0",
            problems: &[],
        },
        Row {
            case: "an optional dependency that is disabled is as good as none",
            components: &[
                "a: {dependsOn: [{name: b, optional: true}]}",
                "b: {enabled: false}",
            ],
            charts: &["a 1.0.0"],
            steps: "a 1.0.0",
            problems: &[],
        },
        Row {
            case: "another namespace",
            components: &["a: {dependsOn: [{name: b, namespace: other}]}"],
            charts: &["a 1.0.0", "b 1.0.0"],
            steps: "other/b 1.0.0 | a 1.0.0",
            problems: &[],
        },
        Row {
            case: "spec.version decides even over newer ones",
            components: &[
                "a: {version: 1.0.0}",
                "b: {version: ~1.2}",
                "c: {version: latest}",
            ],
            charts: &[
                "a 1.0.0",
                "a 2.0.0",
                "b 1.2.9",
                "b 1.3.0",
                "c 3.0.0-rc.1",
                "c 2.0.0",
            ],
            steps: "a 1.0.0, b 1.2.9, c 2.0.0",
            problems: &[],
        },
    ]);
}

#[test]
fn what_cannot_work_names_who_and_why_and_the_rest_is_ordered() {
    assert_rows(&[
        Row {
            case: "a chart that nobody has",
            components: &["a", "b: {dependsOn: [{name: a}]}", "c"],
            charts: &["b 1.0.0", "c 1.0.0"],
            steps: "c 1.0.0",
            problems: &["ChartNotFound on a: a needs the chart a, which no source has"],
        },
        Row {
            case: "an added chart that nobody has",
            components: &["a"],
            charts: &["a 1.0.0 loki >=2"],
            steps: "",
            problems: &[
                "ChartNotFound on loki: loki is required by a (>=2); it needs the chart loki, which no source has",
            ],
        },
        Row {
            case: "a version that is not there",
            components: &["a: {version: ^3}", "b"],
            charts: &["a 1.0.0", "a 2.0.0", "b 1.0.0-rc.1"],
            steps: "",
            problems: &[
                "VersionNotFound on a: the chart a of a has no version ^3, there are 2.0.0, 1.0.0",
                "VersionNotFound on b: the chart b of b has no stable version, there is 1.0.0-rc.1",
            ],
        },
        Row {
            case: "a range that no version of an added chart is in",
            components: &["a"],
            charts: &["a 1.0.0 b ^9", "b 1.0.0"],
            steps: "",
            problems: &[
                "VersionNotFound on b: the chart b has no version for a (^9), there is 1.0.0",
            ],
        },
        Row {
            case: "two requirers that no version satisfies",
            components: &["a", "b", "c: {dependsOn: [{name: a}]}"],
            charts: &[
                "a 1.0.0 lib ^1",
                "b 1.0.0 lib >=2",
                "c 1.0.0",
                "lib 1.5.0",
                "lib 2.0.0",
            ],
            steps: "",
            problems: &[
                "DependencyVersionConflict on lib: a wants lib ^1 and b wants lib >=2: no version is good for all, there \
                 are 2.0.0, 1.5.0",
            ],
        },
        Row {
            case: "a manifest whose version a requirer does not accept",
            components: &["a", "lib"],
            charts: &["a 1.0.0 lib ^1", "lib 1.5.0", "lib 2.0.0"],
            steps: "lib 2.0.0",
            problems: &[
                "DependencyVersionMismatch on a: a wants lib ^1, but lib is 2.0.0 (its newest version, as spec.version is \
                 empty)",
            ],
        },
        Row {
            case: "a cycle, and who waits for it",
            components: &["a", "b", "c", "d: {dependsOn: [{name: a}]}", "e"],
            charts: &["a 1.0.0 b", "b 1.0.0 c", "c 1.0.0 a", "d 1.0.0", "e 1.0.0"],
            steps: "e 1.0.0",
            problems: &["DependencyCycle on a b c: a → b → c → a"],
        },
        Row {
            case: "itself",
            components: &["a: {dependsOn: [{name: a}]}"],
            charts: &["a 1.0.0"],
            steps: "",
            problems: &["DependencyCycle on a: a → a"],
        },
        Row {
            case: "a disabled dependency",
            components: &["a: {dependsOn: [{name: b}]}", "b: {enabled: false}"],
            charts: &["a 1.0.0", "b 1.0.0"],
            steps: "",
            problems: &["DependencyDisabled on a: a requires b, which has enabled: false"],
        },
        Row {
            case: "nothing may be added",
            components: &["a: {autoInstallDependencies: false}"],
            charts: &["a 1.0.0 b", "b 1.0.0"],
            steps: "",
            problems: &[
                "DependencyMissing on a: a requires b, which is in no manifest, and its autoInstallDependencies is false",
            ],
        },
        Row {
            case: "two Components of the chart",
            components: &["a", "x: {chart: {name: lib}}", "z: {chart: {name: lib}}"],
            charts: &["a 1.0.0 lib", "lib 1.0.0"],
            steps: "x 1.0.0, z 1.0.0",
            problems: &[
                "DependencyAmbiguous on a: a requires lib: no Component has that name, and x and z all have the chart lib",
            ],
        },
        Row {
            case: "one name, two charts",
            components: &["a", "b"],
            charts: &[
                "a 1.0.0 {name: db, chart: mysql}",
                "b 1.0.0 {name: db, chart: postgres}",
                "mysql 8.0.0",
                "postgres 15.0.0",
            ],
            steps: "db 8.0.0 | a 1.0.0",
            problems: &[
                "DependencyAmbiguous on b: b requires db of the chart postgres, others require it of another chart",
            ],
        },
        Row {
            case: "one release, two owners",
            components: &[
                "a: {chart: {releaseName: x}}",
                "b: {chart: {releaseName: x}}",
            ],
            charts: &["a 1.0.0", "b 1.0.0"],
            steps: "",
            problems: &[
                "ReleaseConflict on a b: a and b would all own the release x in namespace edge-system",
            ],
        },
        Row {
            case: "no version and no range",
            components: &["a: {version: newest}"],
            charts: &["a 1.0.0"],
            steps: "",
            problems: &[
                "InvalidSpec on a: spec.version \"newest\" of a is neither a version nor a range",
            ],
        },
        Row {
            case: "there twice",
            components: &["a", "a"],
            charts: &["a 1.0.0"],
            steps: "",
            problems: &["InvalidSpec on a: Component a is twice in m.yaml"],
        },
        Row {
            case: "versions that change what is required of each other",
            components: &["a"],
            charts: &["a 1.0.0 p", "p 2.0.0 q", "p 1.0.0", "q 1.0.0 p ^1"],
            steps: "",
            problems: &[
                "DependencyVersionConflict on p: no choice of versions for p lasts: each changes what is required of the \
                 others",
            ],
        },
    ]);
}

#[test]
fn without_charts_manifests_alone_are_ordered() {
    let read = manifests(&[
        "a: {dependsOn: [{name: b}, {name: c, version: ^1}]}",
        "b",
        "c: {version: 2.0.0}",
    ]);
    let plan = solve(&read, None);
    assert_eq!(steps(&plan), "b ?, c 2.0.0");
    assert_eq!(
        problems(&plan),
        [
            "DependencyVersionMismatch on a: a wants c ^1, but c is 2.0.0 (by its spec.version \"2.0.0\")"
        ]
    );
    let read = manifests(&["a: {dependsOn: [{name: b}]}"]);
    let plan = solve(&read, None);
    assert_eq!(steps(&plan), "b ? | a ?");
    assert!(plan.works());
}

/// As in a cluster, where [`Planner::check`](crate::planner::Planner::check) judges.
#[test]
fn an_optional_dependency_that_could_be_several_is_in_nobodys_way() {
    let with = |optional: bool| {
        let own = format!("a: {{dependsOn: [{{name: lib, optional: {optional}}}]}}");
        let lines = [&*own, "x: {chart: {name: lib}}", "z: {chart: {name: lib}}"];
        let plan = solve(
            &manifests(&lines),
            Some(&catalog(&["a 1.0.0", "lib 1.0.0"])),
        );
        let reasons: Vec<Reason> = plan.problems.iter().map(|problem| problem.reason).collect();
        reasons
    };
    assert_eq!(with(false), [Reason::DependencyAmbiguous]);
    assert_eq!(with(true), []);
}

#[test]
fn a_component_that_is_not_touched_counts_as_a_dependency() {
    let mut manifests = manifests(&[
        "a: {dependsOn: [{name: base, version: ^1}]}",
        "base: {version: 1.2.0}",
    ]);
    let base = &mut manifests[1].component;
    let marks = base.metadata.annotations.get_or_insert_default();
    marks.insert(annotation::PRE_INSTALLED.to_owned(), "true".to_owned());
    let plan = solve(&manifests, Some(&catalog(&["a 1.0.0"])));
    assert_eq!(steps(&plan), "a 1.0.0");
    assert!(plan.works(), "{:?}", plan.problems);
    manifests[1].component.spec.version = "2.0.0".to_owned();
    let plan = solve(&manifests, Some(&catalog(&["a 1.0.0"])));
    assert_eq!(plan.problems[0].reason, Reason::DependencyVersionMismatch);
}
