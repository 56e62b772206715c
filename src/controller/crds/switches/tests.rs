//! Values in, charts out.

use serde_json::json;

use super::*;

fn charts(files: &[(&str, &str)]) -> Charts {
    let mut charts = Charts::default();
    for (path, text) in files {
        charts.add(path, archive::path_in_own_chart(path), text.as_bytes());
    }
    charts
}

/// A chart with one sub-chart `db` 1.2.0, on which it depends so.
fn with_db(dependency: &str, values: &str) -> Charts {
    let dependencies = format!("name: app\nversion: 1.0.0\ndependencies: [{dependency}]\n");
    charts(&[
        ("Chart.yaml", &dependencies),
        ("values.yaml", values),
        ("charts/db/Chart.yaml", "name: db\nversion: 1.2.0\n"),
    ])
}

#[test]
fn conditions_and_tags_decide_as_in_helm() {
    let both = "{name: db, version: 1.x, condition: 'db.use,x.use', tags: [a, b]}";
    let alias = "{name: db, version: 1.x, alias: store, condition: store.use}";
    for (case, dependency, own, given, expected) in [
        ("nobody depends on it", "", "", json!({}), true),
        ("nothing is said", both, "", json!({}), true),
        (
            "the chart says no",
            both,
            "db: {use: false}",
            json!({}),
            false,
        ),
        (
            "the values say yes",
            both,
            "db: {use: false}",
            json!({"db": {"use": true}}),
            true,
        ),
        (
            "the last document of the chart's values decides",
            both,
            "db: {use: false}\n---\ndb: {use: true}\n",
            json!({}),
            true,
        ),
        (
            "over all before it",
            both,
            "db: {use: true}\n--- # later\ndb: {use: false}\n---\nx: {}\n",
            json!({}),
            false,
        ),
        (
            "the first that is there decides",
            both,
            "",
            json!({"x": {"use": false}}),
            false,
        ),
        (
            "before the others",
            both,
            "",
            json!({"db": {"use": true}, "x": {"use": false}}),
            true,
        ),
        (
            "what is no truth value is passed over",
            both,
            "",
            json!({"db": {"use": "no"}, "x": {"use": false}}),
            false,
        ),
        ("a tag is off", both, "tags: {a: false}", json!({}), false),
        (
            "one tag that is on is enough",
            both,
            "tags: {a: false}",
            json!({"tags": {"b": true}}),
            true,
        ),
        (
            "conditions come before tags",
            both,
            "tags: {a: false}",
            json!({"db": {"use": true}}),
            true,
        ),
        (
            "by its alias",
            alias,
            "",
            json!({"store": {"use": false}}),
            false,
        ),
        (
            "not by its name, which it has no more",
            alias,
            "",
            json!({"db": {"use": false}}),
            true,
        ),
        (
            "another version is meant, and the name counts",
            "{name: db, version: 2.x, condition: db.use}",
            "",
            json!({"db": {"use": false}}),
            false,
        ),
    ] {
        let on = with_db(dependency, own).switched_on(&given);
        assert!(on.contains(""), "{case}");
        assert_eq!(on.contains("charts/db/"), expected, "{case}");
    }
}

#[test]
fn charts_in_charts_go_with_the_one_that_they_are_in() {
    let charts = charts(&[
        (
            "Chart.yaml",
            "name: app\ndependencies: [{name: mid, version: '*', condition: mid.use}]",
        ),
        (
            "charts/mid-1.0.0.tgz/Chart.yaml",
            "name: mid\nversion: 1.0.0\ndependencies: [{name: low, version: '*', condition: 'low.use,global.low'}]",
        ),
        ("charts/mid-1.0.0.tgz/values.yaml", "low: {use: false}"),
        (
            "charts/mid-1.0.0.tgz/charts/low/Chart.yaml",
            "name: low\nversion: 1.0.0",
        ),
    ]);
    let (mid, low) = ("charts/mid-1.0.0.tgz/", "charts/mid-1.0.0.tgz/charts/low/");
    for (case, values, expected) in [
        ("its chart's own values", json!({}), &["", mid][..]),
        (
            "values from above",
            json!({"mid": {"low": {"use": true}}}),
            &["", mid, low],
        ),
        (
            "global values",
            json!({"mid": {"low": {"use": null}}, "global": {"low": true}}),
            &["", mid, low],
        ),
        (
            "nothing of what is off",
            json!({"mid": {"use": false, "low": {"use": true}}}),
            &[""],
        ),
    ] {
        let on = charts.switched_on(&values);
        assert_eq!(on.iter().collect::<Vec<_>>(), expected, "{case}");
    }
}

#[test]
fn dependencies_stand_in_a_file_of_their_own_in_old_charts() {
    let charts = charts(&[
        ("Chart.yaml", "name: app\nversion: 1.0.0\n"),
        (
            "requirements.yaml",
            "dependencies: [{name: db, version: '*', condition: db.use}]",
        ),
        ("charts/db/Chart.yaml", "name: db\nversion: 1.2.0\n"),
    ]);
    let on = charts.switched_on(&json!({"db": {"use": false}}));
    assert_eq!(on.iter().collect::<Vec<_>>(), [""]);
}
