use serde_json::json;

use super::*;

#[test]
fn annotations_are_lists_of_requirements_in_long_and_short_form() {
    for text in [
        "- name: prometheus\n  version: ^25\n- name: loki\n",
        r#"[{"name": "prometheus", "version": "^25"}, {"name": "loki"}]"#,
        "- prometheus ^25\n- loki",
        "['prometheus  ^25', {name: loki, version: '', namespace: null}]",
    ] {
        let read = Requirement::parse_annotation(text).unwrap();
        let told: Vec<String> = read
            .iter()
            .map(|requirement| format!("{} {}", requirement.name, requirement.range))
            .collect();
        assert_eq!(told, ["prometheus ^25", "loki any version"], "{text}");
    }
    for empty in ["", "[]", "null", "# none"] {
        assert_eq!(Requirement::parse_annotation(empty).unwrap(), []);
    }
    for single in ["loki >=2 <4", "{name: loki, version: '>=2 <4'}"] {
        let read = Requirement::parse_annotation(single).unwrap();
        assert_eq!((read.len(), &*read[0].name), (1, "loki"));
        assert_eq!(read[0].range.to_string(), ">=2 <4");
    }
}

#[test]
fn a_requirement_has_all_the_fields_of_the_contract() {
    let text = "[{name: db, version: ^15, chart: postgresql, namespace: data, optional: true, \
                values: {replicas: 2}, later: 1}]";
    let read = &Requirement::parse_annotation(text).unwrap()[0];
    assert_eq!(read.name, "db");
    assert_eq!(read.chart(), "postgresql");
    assert_eq!(read.namespace.as_deref(), Some("data"));
    assert!(read.is_optional());
    assert_eq!(read.values, Some(json!({"replicas": 2})));
}

#[test]
fn a_broken_annotation_says_where() {
    for (text, message) in [
        ("[{version: ^1}]", "requires[0] needs a name"),
        ("[a, '']", "requires[1] needs a name"),
        (
            "[{name: a, version: 1.10}]",
            "requires[0].version must be a text: put it in quotes",
        ),
        (
            "[{name: a, version: soon}]",
            "requires[0].version \"soon\" is not a version range; write one such as \"^1.2\" or \">=1 <3\"",
        ),
        (
            "[a, b soon]",
            "requires[1].version \"soon\" is not a version range; write one such as \"^1.2\" or \">=1 <3\"",
        ),
        ("[{name: [a]}]", "requires[0].name must be a text"),
        (
            "[{name: a, optional: maybe}]",
            "requires[0].optional must be true or false",
        ),
        (
            "[{name: a, values: 1}]",
            "requires[0].values must be a mapping",
        ),
        (
            "[1]",
            "requires[0] must be a mapping with a name, or \"NAME RANGE\"",
        ),
        ("[", "it is not YAML"),
    ] {
        let error = Requirement::parse_annotation(text).unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }
}

#[test]
fn the_users_word_counts_over_the_charts() {
    let read = |text: &str| Requirement::parse_annotation(text).unwrap();
    let told = |spec: &str, chart: &str| -> Vec<String> {
        let all = union("home", &read(spec), &read(chart));
        let tell = |declared: &Declared| {
            let requirement = &declared.requirement;
            let optional = if requirement.is_optional() {
                " optional"
            } else {
                ""
            };
            let (name, range, by) = (&requirement.name, &requirement.range, declared.by);
            format!("{name} {range}{optional} by {by:?}")
        };
        all.iter().map(tell).collect()
    };
    let rows: &[(&str, &str, &[&str])] = &[
        ("[]", "[a ^1]", &["a ^1 by Chart"]),
        (
            "[a ^2]",
            "[a ^1, b]",
            &["a ^2 by Component", "b any version by Chart"],
        ),
        ("[a]", "[a ^1]", &["a ^1 by Component"]),
        (
            "[a]",
            "[{name: a, optional: true}]",
            &["a any version optional by Component"],
        ),
        (
            "[{name: a, optional: false}]",
            "[{name: a, optional: true}]",
            &["a any version by Component"],
        ),
        (
            "[{name: a, namespace: home}]",
            "[a ^1]",
            &["a ^1 by Component"],
        ),
        (
            "[{name: a, namespace: other}]",
            "[a ^1]",
            &["a any version by Component", "a ^1 by Chart"],
        ),
        (
            "[a ^1, a ^1, a <1.5]",
            "[]",
            &["a ^1 by Component", "a <1.5 by Component"],
        ),
    ];
    for (spec, chart, expected) in rows {
        assert_eq!(told(spec, chart), *expected, "{spec} over {chart}");
    }
}

#[test]
fn depends_on_has_the_fields_of_the_definition_only() {
    let read = |text: &str| {
        let list = yaml::parse(text.as_bytes(), Limits::default()).unwrap();
        Requirement::parse_depends_on(&list).map_err(|error| error.to_string())
    };
    let text = "[{name: a, namespace: b, version: ^1, optional: true, chart: c, values: {d: 1}, inherit: false}]";
    let expected = Requirement {
        name: "a".to_owned(),
        namespace: Some("b".to_owned()),
        range: VersionRange::parse("^1").unwrap(),
        chart: None,
        optional: Some(true),
        values: None,
        withholds: false,
    };
    assert_eq!(read(text), Ok(vec![expected]));
    assert_eq!(read(""), Ok(vec![]));
    for (text, message) in [
        ("a", "spec.dependsOn must be a list"),
        ("[a ^1]", "spec.dependsOn[0] must be a mapping with a name"),
        (
            "[{name: a}, {version: ^1}]",
            "spec.dependsOn[1] needs a name",
        ),
    ] {
        assert_eq!(read(text), Err(message.to_owned()));
    }
}
