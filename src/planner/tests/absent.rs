//! What is not there: created, or asked for (docs/components.md 19, scenarios 31 and 32).

use super::*;

#[test]
fn what_is_missing_is_created_or_asked_for() {
    assert_rows(&[
        Row {
            case: "the repository has it",
            nodes: &["a"],
            requires: "prometheus ^25",
            world: &["prometheus 26.0.0 25.1.0"],
            verdict: "Waiting DependencyInstalling: waits for prometheus: being created for prometheus 25.1.0",
            deeds: &["+prometheus ^25"],
            states: "prometheus Installing",
        },
        Row {
            case: "in any version: the newest stable one, to stay there",
            nodes: &["a"],
            requires: "lib",
            world: &["lib 2.0.0-rc.1 1.0.0"],
            verdict: "Waiting DependencyInstalling: waits for lib: being created for lib 1.0.0",
            deeds: &["+lib "],
            states: "lib Installing",
        },
        Row {
            case: "the repository has no such chart",
            nodes: &["a"],
            requires: "loki >=2",
            world: &[],
            verdict: "Waiting DependencyMissing: waits for loki (not installed: the repository has no chart loki >=2; \
                      push it, or write a Component loki)",
            deeds: &[],
            states: "loki Missing",
        },
        Row {
            case: "the repository has other versions",
            nodes: &["a"],
            requires: "loki >=2",
            world: &["loki 1.9.0 1.8.0 1.7.0 1.6.0"],
            verdict: "Waiting DependencyMissing: waits for loki (not installed: the repository has no chart loki >=2, \
                      only 1.9.0, 1.8.0, 1.7.0, …; push one, or change the range)",
            deeds: &[],
            states: "loki Missing",
        },
        Row {
            case: "the repository has pre-releases only",
            nodes: &["a"],
            requires: "loki",
            world: &["loki 1.0.0-rc.1"],
            verdict: "Waiting DependencyMissing: waits for loki (not installed: the repository has no stable chart loki, \
                      only 1.0.0-rc.1; push one, or change the range)",
            deeds: &[],
            states: "loki Missing",
        },
        Row {
            case: "the repository does not answer",
            nodes: &["a"],
            requires: "loki",
            world: &["loki unknown"],
            verdict: "Waiting DependencyMissing: waits for loki (not installed: whether the repository has its chart loki \
                      is not known yet)",
            deeds: &[],
            states: "loki Missing",
        },
        Row {
            case: "nothing may be created",
            nodes: &["a alone"],
            requires: "loki",
            world: &["loki 1.0.0"],
            verdict: "Waiting DependencyMissing: waits for loki (not installed: autoInstallDependencies of a is false; \
                      write a Component loki)",
            deeds: &[],
            states: "loki Missing",
        },
        Row {
            case: "several are created at once, and what cannot be does not hold that up",
            nodes: &["a"],
            requires: "x, y, z",
            world: &["x 1.0.0", "y 1.0.0"],
            verdict: "Waiting DependencyMissing: waits for z (not installed: the repository has no chart z; push it, or \
                      write a Component z); waits for x: being created for x 1.0.0; waits for y: being created for y 1.0.0",
            deeds: &["+x ", "+y "],
            states: "x Installing, y Installing, z Missing",
        },
        Row {
            case: "nothing is created for one that goes nowhere",
            nodes: &["a", "b gone"],
            requires: "x, b",
            world: &["x 1.0.0"],
            verdict: "Stalled DependencyDisabled: b is disabled, but a needs it; set spec.enabled of b to true; waits for \
                      x: being created for x 1.0.0",
            deeds: &[],
            states: "x Installing, b Disabled",
        },
        Row {
            case: "several Components have the chart",
            nodes: &["a", "x ready chart=lib", "z ready chart=lib"],
            requires: "lib",
            world: &["lib 1.0.0"],
            verdict: "Waiting DependencyAmbiguous: no Component is named lib, and x and z all have the chart lib; name \
                      one of them in spec.dependsOn",
            deeds: &[],
            states: "lib Ambiguous",
        },
    ]);
}

#[test]
fn what_is_created_goes_beside_the_release_of_its_requirer() {
    let mut dependent = node("team/a");
    dependent.release = ("apps".to_owned(), "a".to_owned());
    let requires = [Requirement {
        name: "db".to_owned(),
        chart: Some("postgres".to_owned()),
        range: VersionRange::parse("~15.2").unwrap(),
        values: Some(serde_json::json!({"size": 3})),
        ..Requirement::default()
    }];
    let planner = Planner::of([dependent]);
    let gate = check(&planner, "team/a", &requires, &["postgres 15.2.1"]);
    let expected = ImplicitComponent {
        key: key("team/db"),
        chart: "postgres".to_owned(),
        target_namespace: "apps".to_owned(),
        version: "~15.2".to_owned(),
        values: Some(serde_json::json!({"size": 3})),
        required_by: key("team/a"),
    };
    assert_eq!(gate.create, [expected]);
    assert_eq!(gate.dependencies[0].wanted.as_deref(), Some("~15.2"));
}

#[test]
fn two_names_of_one_chart_are_created_once_and_one_name_of_two_charts_is_ambiguous() {
    let requirement = |name: &str, chart: &str| Requirement {
        name: name.to_owned(),
        chart: Some(chart.to_owned()),
        ..Requirement::default()
    };
    let world = ["mysql 8.0.0", "postgres 15.0.0"];
    let both = [
        requirement("db", "postgres"),
        requirement("postgres", "postgres"),
    ];
    let gate = check(&planner(&["a"]), "a", &both, &world);
    assert_eq!(deeds(&gate), ["+postgres "]);

    let other = [requirement("db", "postgres")];
    let gate = check(
        &planner(&["a", "db implicit ready chart=mysql"]),
        "a",
        &other,
        &world,
    );
    assert_eq!(
        told(&gate.verdict),
        "Waiting DependencyAmbiguous: db is needed of the chart postgres, but was created with the chart mysql for \
         others; write a Component with another name and the chart postgres"
    );
    // a user's Component of that name is what is meant
    let gate = check(
        &planner(&["a", "db ready chart=mysql"]),
        "a",
        &other,
        &world,
    );
    assert_eq!(told(&gate.verdict), "Ready DependenciesReady: db is ready");
}
