//! What Helm takes and refuses.

use serde_json::json;

use super::*;

/// Each row was tried with helm 4.3.1 and 3.22.0, which take it and print the same JSON (4 leaves out what is null).
#[test]
fn what_helm_takes_is_taken() {
    for (text, json) in [
        // flow collections that close in the column of their key, or farther left
        (
            "a:\n  b: [\n'x',\n  z\n]\nc: 1\n",
            json!({"a": {"b": ["x", "z"]}, "c": 1}),
        ),
        (
            "a: {\n}\nb: {\n  c: 1\n}\n",
            json!({"a": {}, "b": {"c": 1}}),
        ),
        ("a: {b: 'c',\nd: e}\n", json!({"a": {"b": "c", "d": "e"}})),
        // quoted text that goes on in the column of its key, or farther left
        ("a: \"one\ntwo\"\n", json!({"a": "one two"})),
        ("x:\n  a: 'one\n\n  two'\n", json!({"x": {"a": "one\ntwo"}})),
        // comments right behind something
        ("a: \"b\"# c\n", json!({"a": "b"})),
        ("a: [b]# c\nd: {}# e\n", json!({"a": ["b"], "d": {}})),
        // tabs where no block collection may begin
        ("a: {\n\t\"b\": \"1\"\n\t}\n", json!({"a": {"b": "1"}})),
        ("a:\t1\t# b\nc: 'd'\t\n", json!({"a": 1, "c": "d"})),
        // a byte-order mark is a letter, but at the start of the text
        ("a: 1\n\u{feff}b: 2\n", json!({"a": 1, "\u{feff}b": 2})),
        ("a: \u{feff}b\u{feff}\n", json!({"a": "\u{feff}b\u{feff}"})),
        // the line ends of other scripts fold in quotes and stay in blocks
        ("a: \"b\u{2028}c\u{85}d\"\n", json!({"a": "b\u{2028}c d"})),
        (
            "a: |\n  b\u{2029}  c\u{85}  d\n",
            json!({"a": "b\u{2029}c\nd\n"}),
        ),
        // line ends of Windows and of the old Macintosh
        (
            "a: |\r\n  b\r\n\r\n  c\r\nd: >-\r\n  e\r\n  f\r\n",
            json!({"a": "b\n\nc\n", "d": "e f"}),
        ),
        ("a: 1\rb: 'c\r\rd'\r", json!({"a": 1, "b": "c\nd"})),
        // texts that end where they like
        // (without a line end in Helm 3, which adds none)
        ("a: |\n  b", json!({"a": "b\n"})),
        ("a: >+\n  b\n\n", json!({"a": "b\n\n"})),
        ("a: |2\n    b\n", json!({"a": "  b\n"})),
        ("a:", json!({"a": null})),
        // colons without a space in flow collections
        (
            "a: [b:c, d:, http://e:80]\n",
            json!({"a": ["b:c", "d:", "http://e:80"]}),
        ),
        ("a: {b:c, \"d\":e}\n", json!({"a": {"b:c": null, "d": "e"}})),
        (
            "a: [b: c, ? d : e]\n",
            json!({"a": [{"b": "c"}, {"d": "e"}]}),
        ),
        (
            "a: {b, c: , ? d}\n",
            json!({"a": {"b": null, "c": null, "d": null}}),
        ),
        ("a: [b, c,]\n", json!({"a": ["b", "c"]})),
        // sequences in the column of their key, and in one another
        (
            "a:\n- b\n- - c\n  - d\ne: f\n",
            json!({"a": ["b", ["c", "d"]], "e": "f"}),
        ),
        ("? a\n: - b\n", json!({"a": ["b"]})),
        (
            "a: !!str\nb: &c\nd: *c\n",
            json!({"a": "", "b": null, "d": null}),
        ),
        ("a: b #c\nd: b#c\n", json!({"a": "b", "d": "b#c"})),
        ("{}\na: 1\n", json!({})),
    ] {
        let read = values(text.as_bytes(), Limits::default());
        let read = read.map(|values| values.to_json());
        assert_eq!(
            read.map_err(|error| error.to_string()),
            Ok(json),
            "{text:?}"
        );
    }
}

/// As above; Helm says the same, with the number of the line before in some.
#[test]
fn what_helm_refuses_is_refused_with_its_reason() {
    for (text, reason) in [
        (
            "a: 1\nb: c\u{85}d: e\nf\n",
            "line 5: could not find expected ':'",
        ),
        (
            "a: 1\nb: c\u{2028}d\ne: f\n",
            "line 4: could not find expected ':'",
        ),
        (
            "%YAML 1.2\na: 1\n",
            "line 1: found incompatible YAML document",
        ),
        ("a: \u{7f}\n", "line 1: control characters are not allowed"),
        (
            "a: 1\nb: \"\u{fffe}\"\n",
            "line 2: control characters are not allowed",
        ),
        ("a: \"\\/\"\n", "line 1: found unknown escape character"),
        (
            "a: \"\\ud83d\\ude00\"\n",
            "line 1: found invalid Unicode character escape code",
        ),
        (
            "a: [http://x?y=z]\n",
            "line 1: did not find expected ',' or ']'",
        ),
        ("a: [!b,c]\n", "line 2: did not find expected ',' or ']'"),
        (
            "a:\n\tb: c\n",
            "line 2: found character that cannot start any token",
        ),
        (
            "a: b: c\n",
            "line 1: mapping values are not allowed in this context",
        ),
        ("a: \"b\n", "line 2: found unexpected end of stream"),
        ("a: [b\nc: d\n", "line 2: did not find expected ',' or ']'"),
        ("- a\nb: c\n", "line 2: did not find expected '-' indicator"),
        (
            "a: b\n c: d\n",
            "line 2: mapping values are not allowed in this context",
        ),
        ("a: 'b\n---\nc'\n", "line 2: found unexpected end of stream"),
        (
            "a: @b\n",
            "line 1: found character that cannot start any token",
        ),
        ("a: !x!y b\n", "line 1: found undefined tag handle"),
        ("a: !!int b\n", "line 1: cannot decode !!str `b` as a !!int"),
        ("a: .inf\n", "line 1: json: unsupported value: +Inf"),
        ("a: &b [*b]\n", "line 1: anchor 'b' value contains itself"),
    ] {
        let refusal = are_values(text.as_bytes(), Limits::default()).expect_err(text);
        assert_eq!(refusal.to_string(), format!("yaml: {reason}"), "{text:?}");
    }
}
