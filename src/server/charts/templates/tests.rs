use serde_json::{Value, json};

use super::*;
use crate::server::charts::package::tests::{answer, outline, package};

fn shown(files: &[(&str, &str)], room: usize) -> String {
    let package = package(files);
    let text = answer(TemplatesAndValues, &package, room).expect("an answer");
    String::from_utf8(text).expect("JSON is text")
}

fn template(name: &str, data: &[u8]) -> Value {
    json!({ "name": name, "data": STANDARD.encode(data) })
}

#[test]
fn templates_come_in_archive_order_with_their_path_and_exact_bytes() {
    let long = "0123456789".repeat(10_000);
    let files = [
        ("x/templates/z.yaml", "z\r\n"),
        ("x/README.md", "no template"),
        ("x/templates.yaml", "no template"),
        ("x/templates/tests/a.yaml", "\u{feff}a"),
        ("x/templates/mark", "\u{feff}"),
        ("x/charts/s/templates/s.yaml", "of a subchart"),
        ("x/templates/_helpers.tpl", ""),
        ("x/templates/\"long\"", &long),
        ("x/templates/two", "ab"),
        ("x/values.yaml", "\u{feff}# comment\na: b"),
    ];
    let expected = json!({
        "templates": [
            template("templates/z.yaml", b"z\r\n"),
            template("templates/tests/a.yaml", b"a"),
            template("templates/mark", b""),
            template("templates/_helpers.tpl", b""),
            template("templates/\"long\"", long.as_bytes()),
            template("templates/two", b"ab"),
        ],
        "values": { "a": "b" },
    });
    for room in [1, 7, 1000, 1 << 20] {
        let text = shown(&files, room);
        assert_eq!(
            serde_json::from_str::<Value>(&text).expect("JSON"),
            expected
        );
        let said = outline(TemplatesAndValues, &package(&files)).expect("an answer");
        assert_eq!(said.0, text.len() as u64, "{room}");
    }
}

#[test]
fn missing_values_and_templates_are_null() {
    for (files, expected) in [
        (&[("x/a", "")][..], r#"{"templates":null,"values":null}"#),
        (
            &[("x/values.yaml", "")],
            r#"{"templates":null,"values":{}}"#,
        ),
        (
            &[("x/templates/a", "")],
            r#"{"templates":[{"data":"","name":"templates/a"}],"values":null}"#,
        ),
    ] {
        assert_eq!(shown(files, 10), expected);
    }
}

#[test]
fn templates_and_values_share_one_bound() {
    let limits = Limits {
        templates: 10,
        ..Limits::default()
    };
    let of = |template: &str, values: &str, other: &str| {
        let files = [
            ("x/templates/a", template),
            ("x/values.yaml", values),
            ("x/README.md", other),
        ];
        let files = package(&files).reader(None).files(&limits)?;
        TemplatesAndValues.look(files, &limits).map(drop)
    };
    assert!(of("12345", "'345'", &"x".repeat(100)).is_ok());
    let refusal = of("12345", "'3456'", "").expect_err("too much");
    assert_eq!(
        refusal.to_string(),
        "templates of the chart are larger than the maximum size 10"
    );
}
