//! Texts that want to cost more than they are worth, and texts that nobody would write.

use proptest::prelude::*;
use serde_json::json;

use super::*;

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
