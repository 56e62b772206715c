use serde_json::json;

use super::*;

mod each;
mod helm;
mod hostile;

fn read(text: &str) -> Result<Yaml, String> {
    parse(text.as_bytes(), Limits::default()).map_err(|error| error.to_string())
}

fn json_of(text: &str) -> serde_json::Value {
    read(text)
        .unwrap_or_else(|error| panic!("{text:?}: {error}"))
        .to_json()
}

#[test]
fn a_chart_yaml_is_a_tree() {
    let yaml =
        read("\u{feff}apiVersion: v2\nname: demo # a comment\nversion: 1.10\nkeywords: [a, 'b']\n")
            .expect("sound");
    assert_eq!(yaml.get("name").and_then(Yaml::as_str), Some("demo"));
    assert_eq!(yaml.get("version"), Some(&Yaml::Float(1.1)));
    assert_eq!(
        yaml.get("keywords")
            .and_then(Yaml::as_sequence)
            .map(<[Yaml]>::len),
        Some(2)
    );
    assert_eq!(yaml.get("absent"), None);
}

#[test]
fn values_become_the_json_that_helm_makes() {
    for (text, json) in [
        ("", json!(null)),
        ("---\n", json!(null)),
        ("# only a comment\n", json!(null)),
        ("{}", json!({})),
        (
            "image:\n  tag: latest\nreplicas: 2\n",
            json!({"image": {"tag": "latest"}, "replicas": 2}),
        ),
        ("yes: on", json!({"true": true})),
        (
            "1: a\n0x10: b\n1.50: c\n.inf: d",
            json!({"1": "a", "16": "b", "1.5": "c", ".inf": "d"}),
        ),
        (
            "when: 2020-01-01\nat: 12:30:45",
            json!({"when": "2020-01-01", "at": "12:30:45"}),
        ),
        (
            "a: 9007199254740993",
            json!({"a": 9_007_199_254_740_992_u64}),
        ),
        (
            "a: 12345678901234567890",
            json!({"a": 12_345_678_901_234_567_000_u64}),
        ),
        (
            "a: 1.0\nb: -3\nc: 0.5\nd: .nan",
            json!({"a": 1, "b": -3, "c": 0.5, "d": null}),
        ),
        (
            "a: \"yes\"\nb: '1'\nc: |\n  1\nd: >-\n  no\n",
            json!({"a": "yes", "b": "1", "c": "1\n", "d": "no"}),
        ),
        (
            "a: !!str 1\nb: !!float 2\nc: !mine 3\nd: ! '4'",
            json!({"a": "1", "b": 2, "c": "3", "d": "4"}),
        ),
        ("a: 1\na: 2", json!({"a": 2})),
        ("a: 1\n---\nb: 2", json!({"a": 1})),
        ("a: 1\n...\n@ not yaml", json!({"a": 1})),
        ("a: 1\n---\n@ not yaml", json!({"a": 1})),
        ("%YAML 1.1\n---\na: 1", json!({"a": 1})),
        ("a:\n- 1\n-\n- x: z\n", json!({"a": [1, null, {"x": "z"}]})),
        (
            "name:\tdemo\nversion:\t\t-1",
            json!({"name": "demo", "version": -1}),
        ),
        ("a: b\r\nc: d\r\n", json!({"a": "b", "c": "d"})),
        (
            "{\"a\":{\"b\":[1,\"x\",null,true]}}",
            json!({"a": {"b": [1, "x", null, true]}}),
        ),
        ("? a\n: b", json!({"a": "b"})),
        ("a: &x 1\n*x : b", json!({"a": 1, "1": "b"})),
        (
            "a: &x [1, {b: c}]\nd: *x",
            json!({"a": [1, {"b": "c"}], "d": [1, {"b": "c"}]}),
        ),
        ("a: &x 1\nb: &x 2\nc: *x", json!({"a": 1, "b": 2, "c": 2})),
    ] {
        assert_eq!(json_of(text), json, "{text:?}");
        assert_eq!(json_of(text).to_string(), json.to_string(), "{text:?}");
    }
}

#[test]
fn a_merge_key_brings_the_fields_of_other_mappings() {
    let base = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz: ";
    for (mapping, json) in [
        ("{<<: *x}", json!({"a": 1, "b": 2})),
        ("{<<: *x, b: 9}", json!({"a": 1, "b": 9})),
        ("{b: 9, <<: *x}", json!({"a": 1, "b": 2})),
        ("{<<: [*x, *y]}", json!({"a": 1, "b": 2, "c": 4})),
        ("{<<: {a: 7}, d: 8}", json!({"a": 7, "d": 8})),
        ("{'<<': *x}", json!({"<<": {"a": 1, "b": 2}})),
        ("[<<]", json!(["<<"])),
    ] {
        assert_eq!(json_of(&format!("{base}{mapping}"))["z"], json, "{mapping}");
    }
    for mapping in [
        "{<<: 1}",
        "{<<: [1]}",
        "{<<: [*x, [*y]]}",
        "{<<: }",
        "{a: &z [*x], <<: *z}",
    ] {
        let text = format!("{base}{mapping}");
        assert!(
            read(&text).is_err_and(|error| error.contains("map merge requires")),
            "{mapping}"
        );
        assert!(
            is_mapping(text.as_bytes(), Limits::default()).is_err(),
            "{mapping}"
        );
    }
}

#[test]
fn unsound_texts_are_refused() {
    for text in [
        "a: b: c",
        "a: [1",
        "a: {b",
        "\"open",
        "a: *missing",
        "a: &x [*x]",
        "? [a]\n: b",
        "{a: 1}: b",
        "~: a",
        ": a",
        "18446744073709551615: a",
        "a: !!int x",
        "a: \u{1}",
        "a: \u{0}",
        "a: 'x'y",
        "- a\nb: c",
        "a:\n\tb: c",
        "@",
        "%",
        "&x [1]: a",
        "a: &x [1]\n*x : b",
        "a: &x\n*x : b",
        "a: \u{7f}",
        "{]",
    ] {
        assert!(read(text).is_err(), "{text:?} is {:?}", read(text));
        assert!(
            is_mapping(text.as_bytes(), Limits::default()).is_err(),
            "{text:?}"
        );
    }
    assert!(parse(b"a: \xff", Limits::default()).is_err());
}

#[test]
fn values_are_a_mapping_or_nothing() {
    for (text, expected) in [
        ("", true),
        ("# nothing\n", true),
        ("~", true),
        ("{}", true),
        ("a: {b: [c, d]}", true),
        ("[]", false),
        ("- a", false),
        ("text", false),
        ("1", false),
        ("18446744073709551615", false),
    ] {
        assert_eq!(
            is_mapping(text.as_bytes(), Limits::default()).ok(),
            Some(expected),
            "{text:?}"
        );
    }
    for text in ["a: .nan", "a: -.inf"] {
        assert!(
            is_mapping(text.as_bytes(), Limits::default()).is_err(),
            "{text:?}"
        );
    }
}

#[test]
fn limits_are_exact() {
    for (text, nodes, depth) in [
        ("a", 1, 0),
        ("[]", 1, 1),
        ("a: b", 3, 1),
        ("[a, [b], {c: d}]", 7, 2),
        ("[&x [a, b], *x]", 10, 2),
        ("x: &x [[a]]\ny: [*x]", 13, 4),
    ] {
        let enough = Limits { nodes, depth };
        assert!(parse(text.as_bytes(), enough).is_ok(), "{text}");
        assert!(is_mapping(text.as_bytes(), enough).is_ok(), "{text}");
        for (short, error) in [
            (
                Limits {
                    nodes: nodes - 1,
                    depth,
                },
                "nodes",
            ),
            (
                Limits {
                    nodes,
                    depth: depth.saturating_sub(1),
                },
                "levels",
            ),
        ] {
            if depth == 0 && error == "levels" {
                continue;
            }
            let refusal = parse(text.as_bytes(), short).map_err(|refusal| refusal.to_string());
            assert!(
                refusal.as_ref().is_err_and(|text| text.contains(error)),
                "{text}: {refusal:?} for {short:?}"
            );
            assert!(
                is_mapping(text.as_bytes(), short).is_err(),
                "{text} {short:?}"
            );
        }
    }
}

#[test]
fn every_64_bytes_of_a_repeated_text_count_as_one_more_node() {
    let text = |length| "x".repeat(length);
    for (what, text, nodes) in [
        // mapping, key, text, its anchor, key, sequence, two aliases
        ("short text", format!("a: &a {}\nb: [*a, *a]", text(63)), 8),
        ("text", format!("a: &a {}\nb: [*a, *a]", text(64)), 11),
        ("long text", format!("a: &a {}\nb: [*a, *a]", text(640)), 38),
        // mapping, key, sequence, text, its anchor, key, sequence again
        (
            "text in a sequence",
            format!("a: &a [{}]\nb: *a", text(640)),
            29,
        ),
        ("a key", format!("a: &a {{{}: b}}\nb: *a", text(640)), 32),
        ("a key's text", format!("&a {} : b\nc: *a", text(640)), 26),
        ("a repeated key", format!("a: &a {}\n*a : b", text(640)), 26),
        (
            "a merged key",
            format!("a: &a {{{}: b}}\n<<: *a", text(640)),
            45,
        ),
        ("nothing repeated", format!("a: {}", text(640)), 3),
    ] {
        let limits = |nodes| Limits { nodes, depth: 10 };
        let counts = |nodes| {
            (
                parse(text.as_bytes(), limits(nodes)).is_ok(),
                is_mapping(text.as_bytes(), limits(nodes)).is_ok(),
            )
        };
        assert_eq!(counts(nodes), (true, true), "{what}");
        assert_eq!(counts(nodes - 1), (false, false), "{what}");
    }
}

#[test]
fn all_documents_are_read_in_their_order() {
    for (text, documents) in [
        ("", json!([])),
        ("# only a comment\n", json!([null])),
        ("a: 1", json!([{"a": 1}])),
        ("a: 1\n---\nb: 2\n", json!([{"a": 1}, {"b": 2}])),
        ("---\na: 1\n...\n---\nb: 2\n", json!([{"a": 1}, {"b": 2}])),
        (
            "a: 1\n...\nnot: [read\n---\nb: 2\n",
            json!([{"a": 1}, {"b": 2}]),
        ),
        ("---\n---\na: 1\n---\n", json!([null, {"a": 1}])),
        ("--- # first\na: 1\n---\nb: 2", json!([{"a": 1}, {"b": 2}])),
        (
            "a: |\n  ---\n  text\n---\nb: 2",
            json!([{"a": "---\ntext\n"}, {"b": 2}]),
        ),
        ("{\"a\": 1}\n---\n[2]", json!([{"a": 1}, [2]])),
    ] {
        let read = parse_all(text.as_bytes(), Limits::default())
            .unwrap_or_else(|error| panic!("{text:?}: {error}"));
        let read: Vec<_> = read.iter().map(Yaml::to_json).collect();
        assert_eq!(json!(read), documents, "{text:?}");
    }
}

#[test]
fn the_first_document_is_read_even_if_a_later_one_is_broken() {
    let text = "a: 1\n---\nb: [\n";
    assert_eq!(json_of(text), json!({"a": 1}));
    assert!(parse_all(text.as_bytes(), Limits::default()).is_err());
}

#[test]
fn documents_share_their_limits_but_not_their_anchors() {
    let limits = Limits { nodes: 5, depth: 5 };
    assert!(parse_all(b"a: 1\n---\nb: 2", limits).is_err(), "six nodes");
    assert!(parse_all(b"a: 1\n---\nb", limits).is_ok(), "four nodes");
    let other_document = b"a: &x 1\n---\nb: *x\n";
    assert!(parse_all(other_document, Limits::default()).is_err());
    let same_name = b"a: &x 1\nb: *x\n---\na: &x 2\nb: *x\n";
    let read = parse_all(same_name, Limits::default()).expect("sound");
    assert_eq!(read[1].to_json(), json!({"a": 2, "b": 2}));
}
