use proptest::prelude::*;
use serde_json::json;

use super::*;

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

/// Far more than the default limits allow, whatever it is made of.
const FILE: usize = 2 << 20;

#[test]
fn hostile_texts_are_refused() {
    let fill = |unit: &str| unit.repeat(FILE / unit.len());
    let laughs: String = (1..=40)
        .map(|n| format!("a{n}: &a{n} [{}]\n", format!("*a{},", n - 1).repeat(9)))
        .collect();
    let chain: String = (1..=90)
        .map(|n| {
            format!(
                "b{n}: &b{n} {}*b{}{}\n",
                "[".repeat(50),
                n - 1,
                "]".repeat(50)
            )
        })
        .collect();
    let wide = format!(
        "[{}{}{}",
        "a,".repeat(100_000),
        "[".repeat(250),
        "a,".repeat(FILE / 2)
    );
    let keys = format!(
        "[{}{}a{}",
        "a,".repeat(120_000),
        "[".repeat(250),
        "]:a".repeat(250)
    );
    for (name, text) in [
        ("open sequences", fill("[")),
        ("open mappings", fill("{")),
        ("open pairs", fill("{a: ")),
        ("block sequences", fill("- ")),
        ("block keys", fill("? ")),
        (
            "deep indentation",
            (0..3000)
                .map(|n| format!("{}a:\n", " ".repeat(n)))
                .collect(),
        ),
        ("one long sequence", format!("[{}]", fill("a,"))),
        ("one long mapping", format!("{{{}}}", fill("a: b,"))),
        ("a sequence as key", format!("[{}]: a", fill("a,"))),
        (
            "aliases without commas",
            format!("a: &a 1\nb: [{}]", fill("*a ")),
        ),
        ("tags without commas", format!("[{}]", fill("!a "))),
        ("anchors", format!("[{}]", fill("&a "))),
        ("many short items", fill("- a\n")),
        ("many small mappings", fill("- a: \n")),
        ("billion laughs", format!("a0: &a0 [x]\n{laughs}")),
        ("a chain of nested aliases", format!("b0: &b0 x\n{chain}")),
        (
            "merges inside merges",
            format!(
                "{}{{{}}}{}",
                "{<<: ".repeat(98),
                "a: 1,".repeat(2_000),
                "}".repeat(98)
            ),
        ),
        ("wide before deep", wide),
        ("keys inside keys", keys),
        ("commas", format!("[{}", fill(","))),
        ("an open quote", format!("a: \"{}", fill("a "))),
        ("percent signs", fill("%")),
        (
            "many handles of tags",
            (0..60_000).map(|n| format!("%TAG !{n}! tag:x\n")).collect(),
        ),
        ("colons", fill(": ")),
    ] {
        let limits = Limits::default();
        assert!(parse(text.as_bytes(), limits).is_err(), "{name}");
        assert!(is_mapping(text.as_bytes(), limits).is_err(), "{name}");
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
fn large_texts_in_good_faith_are_read() {
    let fill = |unit: &str| unit.repeat(FILE / unit.len() - 10);
    for (name, text) in [
        (
            "a literal block",
            format!("a: |\n{}", fill("  some [text], and {more}\n")),
        ),
        (
            "a quoted string",
            format!(
                "a: \"{}\"",
                fill("MIIFazCCA1OgAwIBAgIRAIIQz7DSQONZRGPgu2OCiwAwDQYJKoZIhvcN")
            ),
        ),
        (
            "a plain string",
            format!(
                "a: {}",
                fill("MIIFazCCA1OgAwIBAgIRAIIQz7DSQONZRGPgu2OCiwAwDQYJKoZIhvcN")
            ),
        ),
        (
            "comments",
            format!("{}a: b", fill("# a comment, [with] *things* &in it\n")),
        ),
        ("line breaks", format!("{}a: b", fill("\n"))),
        (
            "90,000 fields",
            (0..90_000)
                .map(|n| format!("field{n}: some longer value {n}\n"))
                .collect(),
        ),
        (
            "90,000 JSON fields",
            format!(
                "{{{}}}",
                (0..90_000)
                    .map(|n| format!("\"f{n}\":{n},"))
                    .collect::<String>()
            ),
        ),
    ] {
        assert!(
            is_mapping(text.as_bytes(), Limits::default()).expect(name),
            "{name}"
        );
        assert!(parse(text.as_bytes(), Limits::default()).is_ok(), "{name}");
    }
}

/// Text that is likely to get far into the parser.
fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[\\[\\]{},:?&*!|>%@`#'\"~ \t\n-]{1,3}",
        "(a|<<|\\*a|&a|!!int|!!str|!<x>|---|\\.\\.\\.|%TAG|- |: |\\? |\n  |\n |\n|\\\\x4|\u{feff}|é)",
        "[a-z0-9._+-]{1,4}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// JSON holds it.
fn is_finite(tree: &Yaml) -> bool {
    match tree {
        Yaml::Float(value) => value.is_finite(),
        Yaml::Sequence(items) => items.iter().all(is_finite),
        Yaml::Mapping(fields) => fields.values().all(is_finite),
        _ => true,
    }
}

fn readers_agree(text: &[u8]) -> Result<(), TestCaseError> {
    let limits = Limits {
        nodes: 200,
        depth: 20,
    };
    match (parse(text, limits), is_mapping(text, limits)) {
        (Ok(tree), Ok(is_mapping)) => {
            prop_assert_eq!(is_mapping, tree.is_null() || tree.as_mapping().is_some());
        }
        (Err(_), Err(_)) => {}
        (Ok(tree), Err(_)) if !is_finite(&tree) => {}
        (tree, shape) => prop_assert!(false, "{tree:?} but {shape:?}"),
    }
    match (values(text, limits), are_values(text, limits)) {
        (Ok(_), Ok(true)) | (Err(_), Ok(false) | Err(_)) => {}
        (Ok(tree), Err(_)) if !is_finite(&tree) => {}
        (tree, shape) => prop_assert!(false, "values: {tree:?} but {shape:?}"),
    }
    // with more room, so that the end is reached
    let _ = parse_all(text, Limits::default());
    if let Ok(text) = str::from_utf8(text) {
        for place in places(text, "a", limits).unwrap_or_default() {
            prop_assert!(text.get(place.range.clone()).is_some(), "{place:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_text_makes_it_panic_and_both_readers_agree(text in yaml_like()) {
        readers_agree(text.as_bytes())?;
    }

    #[test]
    fn no_bytes_make_it_panic_either(mut text in yaml_like().prop_map(String::into_bytes), odd in any::<[u8; 4]>(), at in any::<prop::sample::Index>()) {
        text.splice(..0, [[0xff, 0xfe], [0xfe, 0xff], [0xef, 0xbb]].get(usize::from(odd[0])).into_iter().flatten().copied());
        let at = at.index(text.len() + 1);
        text.splice(at..at, odd);
        readers_agree(&text)?;
    }

    #[test]
    fn what_json_writes_is_read_back(keys in proptest::collection::btree_map("[^\\pC\\p{Zl}\\p{Zp}]{0,8}", any::<i32>(), 0..5), text in "[^\\pC\\p{Zl}\\p{Zp}]{0,20}") {
        // but for U+2028 and U+2029, which end lines in YAML 1.1
        let json = json!({"numbers": keys, "text": text});
        prop_assert_eq!(json_of(&json.to_string()), json);
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
