use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::yaml::{Limits, parse};

/// What several documents say, one laid over the other.
fn merged(documents: &[&str]) -> Result<Metadata, String> {
    let mut metadata = Metadata::default();
    for document in documents {
        let yaml =
            parse(document.as_bytes(), Limits::default()).map_err(|error| error.to_string())?;
        metadata.merge(&yaml).map_err(|error| error.to_string())?;
    }
    Ok(metadata)
}

fn json_of(documents: &[&str]) -> serde_json::Value {
    serde_json::to_value(merged(documents).unwrap_or_else(|error| panic!("{documents:?}: {error}")))
        .expect("plain data")
}

fn validated(chart_yaml: &str) -> Result<Metadata, String> {
    let mut metadata = merged(&[chart_yaml])?;
    metadata
        .sanitize_and_validate()
        .map_err(|error| error.to_string())?;
    Ok(metadata)
}

#[test]
fn strings_take_what_yaml_makes_of_them() {
    for (chart_yaml, json) in [
        ("version: 1.10", json!({"version": "1.1"})),
        ("version: 0x1", json!({"version": "1"})),
        ("version: 1.2.3", json!({"version": "1.2.3"})),
        ("version: '1.10'", json!({"version": "1.10"})),
        ("appVersion: 1.10", json!({"appVersion": "1.1"})),
        (
            "appVersion: 2020-01-01",
            json!({"appVersion": "2020-01-01"}),
        ),
        ("appVersion: 1e6", json!({"appVersion": "1e+06"})),
        (
            "appVersion: 12345678901234567890",
            json!({"appVersion": "12345678901234567890"}),
        ),
        (
            "appVersion: 16777217.0",
            json!({"appVersion": "1.6777216e+07"}),
        ),
        ("appVersion: .inf", json!({"appVersion": "+Inf"})),
        ("appVersion: 1_000", json!({"appVersion": "1000"})),
        ("appVersion: 12:30:45", json!({"appVersion": "12:30:45"})),
        ("description: yes", json!({"description": "true"})),
        ("icon: 007", json!({"icon": "7"})),
        ("icon: 08", json!({"icon": "8"})),
        ("name: 123", json!({"name": "123"})),
        ("name: null\nhome: ~\nicon:", json!({})),
        (
            "maintainers:\n- name: n\n  email: 1\n  url: 1.50",
            json!({"maintainers": [{"name": "false", "email": "1", "url": "1.5"}]}),
        ),
        (
            "annotations: {a: 1, b: true, 3: no, d: null}",
            json!({"annotations": {"a": "1", "b": "true", "3": "false", "d": ""}}),
        ),
        (
            "keywords: [1, on, x, null]",
            json!({"keywords": ["1", "true", "x", ""]}),
        ),
        ("sources: []\nmaintainers: null\nannotations: {}", json!({})),
        ("deprecated: yes", json!({"deprecated": true})),
        ("deprecated: off", json!({})),
        ("deprecated: null", json!({})),
        (
            "NAME: a\nApiVersion: v2",
            json!({"name": "a", "apiVersion": "v2"}),
        ),
        ("name: exact\nNAME: other", json!({"name": "exact"})),
        ("engine: gotpl\nurls: [x]\ndigest: {}", json!({})),
        ("", json!({})),
        ("null", json!({})),
        (
            "dependencies:\n- name: a\n  version: 1.10\n  tags: [1]\n  enabled: yes\n  import-values: [data, {child: 1, parent: yes}]\n  condition: off\n- alias: b\n",
            json!({"dependencies": [
                {"name": "a", "version": "1.1", "repository": "", "condition": "false", "tags": ["1"], "enabled": true,
                 "import-values": ["data", {"child": 1, "parent": true}]},
                {"name": "", "repository": "", "alias": "b"},
            ]}),
        ),
    ] {
        assert_eq!(json_of(&[chart_yaml]), json, "{chart_yaml}");
    }
}

#[test]
fn later_documents_override_field_by_field() {
    for (documents, json) in [
        (
            ["name: a\nhome: h", "name: b"],
            json!({"name": "b", "home": "h"}),
        ),
        (
            ["name: a\ndeprecated: true", "name: null\ndeprecated: null"],
            json!({"name": "a", "deprecated": true}),
        ),
        (
            ["annotations: {a: x, b: y}", "annotations: {b: z}"],
            json!({"annotations": {"a": "x", "b": "z"}}),
        ),
        (
            [
                "annotations: {a: x}\nkeywords: [k]",
                "annotations: null\nkeywords: null",
            ],
            json!({}),
        ),
        (
            ["keywords: [a, b]", "keywords: [c]"],
            json!({"keywords": ["c"]}),
        ),
        (
            ["name: a", "dependencies:\n- name: d\n"],
            json!({"name": "a", "dependencies": [{"name": "d", "repository": ""}]}),
        ),
        (["name: a", ""], json!({"name": "a"})),
    ] {
        assert_eq!(json_of(&documents), json, "{documents:?}");
    }
}

#[test]
fn a_wrong_type_is_named() {
    for (chart_yaml, error) in [
        (
            "name: [a]",
            "cannot unmarshal array into Go struct field Metadata.name of type string",
        ),
        (
            "VERSION: {a: b}",
            "cannot unmarshal object into Go struct field Metadata.version of type string",
        ),
        (
            "sources: x",
            "cannot unmarshal string into Go struct field Metadata.sources of type []string",
        ),
        (
            "keywords: [[x]]",
            "cannot unmarshal array into Go struct field Metadata.keywords of type string",
        ),
        (
            "deprecated: 'true'",
            "cannot unmarshal string into Go struct field Metadata.deprecated of type bool",
        ),
        (
            "deprecated: 1",
            "cannot unmarshal number into Go struct field Metadata.deprecated of type bool",
        ),
        (
            "annotations: [a]",
            "cannot unmarshal array into Go struct field Metadata.annotations of type map[string]string",
        ),
        (
            "annotations: {a: {b: c}}",
            "cannot unmarshal object into Go struct field Metadata.annotations of type string",
        ),
        (
            "maintainers: {}",
            "cannot unmarshal object into Go struct field Metadata.maintainers of type []*chart.Maintainer",
        ),
        (
            "maintainers: [me]",
            "cannot unmarshal string into Go struct field Metadata.maintainers of type chart.Maintainer",
        ),
        (
            "maintainers: [{name: []}]",
            "cannot unmarshal array into Go struct field Maintainer.maintainers.name of type string",
        ),
        (
            "dependencies: [{tags: a}]",
            "cannot unmarshal string into Go struct field Dependency.dependencies.tags of type []string",
        ),
        (
            "dependencies: [{import-values: {}}]",
            "cannot unmarshal object into Go struct field Dependency.dependencies.import-values of type []interface {}",
        ),
        (
            "[]",
            "cannot unmarshal array into Go value of type chart.Metadata",
        ),
        (
            "text",
            "cannot unmarshal string into Go value of type chart.Metadata",
        ),
        (
            "1",
            "cannot unmarshal number into Go value of type chart.Metadata",
        ),
    ] {
        let expected = format!("error unmarshaling JSON: while decoding JSON: json: {error}");
        assert_eq!(merged(&[chart_yaml]), Err(expected), "{chart_yaml}");
    }
}

#[test]
fn metadata_is_valid_or_the_first_broken_rule_is_named() {
    for (chart_yaml, expected) in [
        ("name: a\nversion: 1.0.0", Ok(())),
        (
            "name: a\nversion: v1\napiVersion: banana\ntype: library",
            Ok(()),
        ),
        ("name: 'A b?%\\é'\nversion: 1.2.3-rc.1+b", Ok(())),
        (
            "name: a\nversion: 1\nkubeVersion: nonsense\ndependencies: [{name: d, version: nonsense}]",
            Ok(()),
        ),
        (
            "name: a\nversion: 1\ndependencies: [{name: d}, {name: d, alias: e}, {name: f, alias: A_-9}]",
            Ok(()),
        ),
        ("", Err("chart.metadata.name is required")),
        (
            "name: ''\nversion: latest",
            Err("chart.metadata.name is required"),
        ),
        (
            "name: \"\\x01\\u200b\"\nversion: 1",
            Err("chart.metadata.name is required"),
        ),
        (
            "name: .\nversion: 1",
            Err("chart.metadata.name \".\" is not allowed"),
        ),
        (
            "name: ..\nversion: latest",
            Err("chart.metadata.name \"..\" is not allowed"),
        ),
        ("name: a/b", Err("chart.metadata.name \"a/b\" is invalid")),
        (
            "name: /\nversion: 1",
            Err("chart.metadata.name \"/\" is invalid"),
        ),
        (
            "name: 'a\"/'",
            Err("chart.metadata.name \"a\\\"/\" is invalid"),
        ),
        ("name: a", Err("chart.metadata.version is required")),
        (
            "name: a\nversion: null",
            Err("chart.metadata.version is required"),
        ),
        (
            "name: a\nversion: latest",
            Err("chart.metadata.version \"latest\" is invalid"),
        ),
        (
            "name: a\nversion: ' 1.2.3'",
            Err("chart.metadata.version \" 1.2.3\" is invalid"),
        ),
        (
            "name: a\nversion: \"1.2.3\\n\"",
            Err("chart.metadata.version \"1.2.3\\n\" is invalid"),
        ),
        (
            "name: a\nversion: 1e6",
            Err("chart.metadata.version \"1e+06\" is invalid"),
        ),
        (
            "name: a\nversion: 1\ntype: other\nmaintainers: [null]",
            Err("chart.metadata.type must be application or library"),
        ),
        (
            "name: a\nversion: 1\nmaintainers: [{name: x}, null]\ndependencies: [null]",
            Err("maintainers must not contain empty or null nodes"),
        ),
        (
            "name: a\nversion: 1\ndependencies:\n-\n",
            Err("dependencies must not contain empty or null nodes"),
        ),
        (
            "name: a\nversion: 1\ndependencies: [{name: d, alias: a.b}]",
            Err("dependency \"d\" has disallowed characters in the alias"),
        ),
        (
            "name: a\nversion: 1\ndependencies: [{name: d}, {name: d}]",
            Err("more than one dependency with name or alias \"d\""),
        ),
        (
            "name: a\nversion: 1\ndependencies: [{name: d}, {name: e, alias: d}]",
            Err("more than one dependency with name or alias \"d\""),
        ),
    ] {
        let expected = expected.map_err(|text| format!("validation: {text}"));
        assert_eq!(validated(chart_yaml).map(|_| ()), expected, "{chart_yaml}");
    }
}

#[test]
fn strings_are_sanitised_except_the_version() {
    let metadata = validated(concat!(
        "name: \"a\\tb\\u00a0c\\x07\"\nversion: '1.0.0'\ndescription: \"line\\nnext\\u2028\\u200bé\"\n",
        "sources: [\"s\\r\"]\nmaintainers: [{name: \"m\\u3000\", email: \"\\x1be\"}]\n",
        "dependencies: [{name: \"d\\n\", version: \"\\t1\", tags: [\"t\\n\"]}]\nannotations: {a: \"x\\ny\"}\n",
    ))
    .expect("valid after cleaning");
    assert_eq!(metadata.name, "a b c");
    assert_eq!(metadata.description, "line next é");
    assert_eq!(metadata.sources, ["s "]);
    assert_eq!(
        (
            metadata.maintainers[0].name.as_str(),
            metadata.maintainers[0].email.as_str()
        ),
        ("m ", "e")
    );
    let dependency = &metadata.dependencies[0];
    assert_eq!(
        (
            &*dependency.name,
            &*dependency.version,
            &*dependency.tags[0]
        ),
        ("d ", " 1", "t ")
    );
    assert_eq!(metadata.annotations["a"], "x\ny");
    assert_eq!(metadata.api_version, "v1");
}

#[test]
fn keys_are_written_in_the_order_of_the_api() {
    let metadata = merged(&[concat!(
        "type: library\ndependencies: [{alias: x, import-values: [v], enabled: true, tags: [t], condition: c, version: v, name: d, repository: r}]\n",
        "kubeVersion: k\nannotations: {b: '2', a: '1'}\ndeprecated: true\nappVersion: av\ntags: t\ncondition: c\napiVersion: v2\nicon: i\n",
        "maintainers: [{url: u, email: e, name: n1}]\nkeywords: [kw]\ndescription: <d>\nversion: v\nsources: [s]\nhome: h\nname: n1\n",
    )])
    .expect("well typed");
    let expected = concat!(
        r#"{"name":"n1","home":"h","sources":["s"],"version":"v","description":"<d>","keywords":["kw"],"#,
        r#""maintainers":[{"name":"n1","email":"e","url":"u"}],"icon":"i","apiVersion":"v2","condition":"c","tags":"t","#,
        r#""appVersion":"av","deprecated":true,"annotations":{"a":"1","b":"2"},"kubeVersion":"k","dependencies":[{"name":"d","#,
        r#""version":"v","repository":"r","condition":"c","tags":["t"],"enabled":true,"import-values":["v"],"alias":"x"}],"#,
        r#""type":"library"}"#,
    );
    assert_eq!(
        serde_json::to_string(&metadata).expect("plain data"),
        expected
    );
}

proptest! {
    #[test]
    fn what_is_valid_stays_so_and_unchanged(name in "\\PC{1,8}", description in any::<String>()) {
        let mut metadata = Metadata { name, description, version: "1.0.0".to_owned(), ..Metadata::default() };
        if metadata.sanitize_and_validate().is_ok() {
            let once = metadata.clone();
            prop_assert!(metadata.sanitize_and_validate().is_ok());
            prop_assert_eq!(metadata, once);
        }
    }
}
