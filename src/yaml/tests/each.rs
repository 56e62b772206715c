//! A large document whose parts are handed over one by one.

use crate::yaml::{Limits, Yaml, YamlError, parse, parse_each};

fn taken(text: &str, nodes: usize) -> Result<(Vec<(String, Yaml)>, Yaml), YamlError> {
    let limits = Limits {
        nodes,
        ..Limits::default()
    };
    let mut taken = Vec::new();
    let rest = parse_each(text.as_bytes(), limits, "entries", &mut |key, value| {
        taken.push((key, value));
    })?;
    Ok((taken, rest))
}

/// What is handed over and what is left are together what [`parse`] reads.
#[test]
fn nothing_is_lost_and_nothing_is_read_otherwise() {
    for text in [
        "a: 1\nentries:\n  b: [1, 2]\n  c: {entries: {d: 1}}\n  ? 1\n  : x\nz: {entries: {y: 2}}\n",
        "x: &x {b: 1, c: 2}\nentries: *x\n",
        "x: &x {b: 1, c: 2}\nentries: {<<: *x, c: 3}\n",
        "x: &x {b: 1, c: 2}\nentries: {c: 3, <<: *x}\n",
        "entries: &e {b: 1}\nagain: *e\n",
        "entries: [1]\n",
        "entries:\n",
        "[{entries: {a: 1}}]\n",
        "",
    ] {
        let (taken, mut rest) = taken(text, 1000).unwrap();
        if let Yaml::Mapping(fields) = &mut rest
            && let Some(Yaml::Mapping(entries)) = fields.get_mut("entries")
        {
            assert!(entries.is_empty(), "{text}");
            entries.extend(taken);
        } else {
            assert!(taken.is_empty(), "{text}");
        }
        assert_eq!(
            rest,
            parse(text.as_bytes(), Limits::default()).unwrap(),
            "{text}"
        );
    }
}

#[test]
fn the_limit_is_for_each_part() {
    let part = |at: usize| format!("  part{at}: [aaaa, bbbb, cccc, dddd]\n");
    let many: String = (0..100).map(part).collect();
    let many = format!("entries:\n{many}");
    assert_eq!(taken(&many, 20).unwrap().0.len(), 100);
    for (text, why) in [
        (
            many.replace(
                "part99: [",
                "part99: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, ",
            ),
            "one",
        ),
        (
            many.replace("[aaaa", "[&x aaaa"),
            "what may be repeated is kept",
        ),
        (
            format!(
                "x: &x [a, b, c, d, e, f]\n{}",
                many.replace("[aaaa", "[*x, aaaa")
            ),
            "all",
        ),
    ] {
        let refused = taken(&text, 20);
        assert!(
            matches!(refused, Err(YamlError::TooManyNodes { .. })),
            "{why}: {refused:?}"
        );
    }
}
