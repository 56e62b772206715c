use super::super::Limits;
use super::super::testdata::{CHART_YAML, Tar, chart_with};
use super::{opened, refused, with_limits};

const MIB: u64 = 1 << 20;

fn chart() -> Tar {
    Tar::default().file("x/Chart.yaml", CHART_YAML)
}

#[test]
fn yaml_that_is_deep_or_unfolds_without_end_is_refused() {
    let aliases = (1..12).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
        let alias = format!("*a{}, ", n - 1);
        format!("{text}a{n}: &a{n} [{}]\n", alias.repeat(10))
    });
    let indented: String = (0..2000)
        .map(|n| format!("{}a:\n", " ".repeat(n)))
        .collect();
    for bomb in [
        "[".repeat(1 << 20),
        "a: ".to_owned() + &"{a: ".repeat(9999),
        aliases,
        indented,
    ] {
        for file in [
            "values.yaml",
            "Chart.yaml",
            "requirements.yaml",
            "Chart.lock",
        ] {
            if file == "values.yaml" || bomb.len() < 1 << 20 {
                let text = refused(&chart_with(&[(file, &bomb)]));
                assert!(text.starts_with(&format!("cannot load {file}: ")), "{text}");
            }
        }
    }
}

#[test]
fn a_chart_whose_yaml_helm_takes_is_opened() {
    for (file, text) in [
        ("values.yaml", "banner: \"first line\nsecond line\"\n"),
        ("values.yaml", "args: [\n'a',\n'b'\n]\nenv: {\n}\n"),
        ("values.yaml", "image: \"nginx\"# pinned\nlist: [a]# none\n"),
        ("values.yaml", "x: {\n\t\"a\": \"1\"\n}\n"),
        ("values.yaml", "a: 1\n\u{feff}b: 2\n"),
        ("values.yaml", "a: 1\n---\na: 2\n---\n"),
        ("values.yaml", "# windows\r\na: |\r\n  b\r\n"),
        (
            "Chart.lock",
            "dependencies: [\n]\ndigest: \"sha256:\n  0\"\n",
        ),
        ("Chart.lock", "a: 1\n---\nb: [\n"),
        (
            "charts/s/Chart.yaml",
            "name: 's'# a comment\nversion: \"1\"\n",
        ),
    ] {
        opened(&chart_with(&[(file, text)]));
    }
    let chart_yaml = "apiVersion: v2\nname: \"x\"# a comment\nversion: 1.0.0\ndescription: 'one\n\ntwo'\nkeywords: [\n'a',\nb\n]\n";
    let metadata = opened(&chart_with(&[("Chart.yaml", chart_yaml)])).metadata;
    assert_eq!(metadata.keywords, ["a", "b"]);
}

#[test]
fn a_chart_whose_yaml_helm_refuses_is_refused_with_its_reason() {
    for (file, text, reason) in [
        (
            "values.yaml",
            "a: 1\n---\nb: [\n",
            "line 4: did not find expected node content",
        ),
        (
            "values.yaml",
            "a: 1\n---\n- b\n",
            "the document is not a mapping",
        ),
        (
            "values.yaml",
            "%YAML 1.2\n---\na: 1\n",
            "line 1: found incompatible YAML document",
        ),
        (
            "values.yaml",
            "a: b\u{2028}c\nd: e\n",
            "line 3: could not find expected ':'",
        ),
        (
            "values.yaml",
            "a: \"b\u{7f}\"\n",
            "control characters are not allowed",
        ),
        (
            "Chart.yaml",
            "name: \"a\\/b\"\nversion: 1\n",
            "line 1: found unknown escape character",
        ),
    ] {
        let refusal = refused(&chart_with(&[(file, text)]));
        assert!(
            refusal.starts_with(&format!("cannot load {file}: ")),
            "{refusal}"
        );
        assert!(refusal.contains(reason), "{refusal}");
    }
}

#[test]
fn metadata_of_all_charts_together_is_bounded() {
    const TEXT: &str =
        "metadata of the chart and its subcharts is larger than the maximum size 1048576";
    let large = format!(
        "name: x\nversion: 1.0.0\ndescription: {}",
        "x".repeat(600_000)
    );
    opened(&chart_with(&[("Chart.yaml", &large)]));
    for second in ["requirements.yaml", "charts/s/Chart.yaml", "Chart.yaml"] {
        assert_eq!(
            refused(&chart_with(&[("Chart.yaml", &large), (second, &large)])),
            TEXT
        );
    }
    let many = |name: &dyn Fn(usize) -> String| {
        (0..2000)
            .fold(chart(), |tar, n| tar.file(&name(n), ""))
            .tgz()
    };
    assert_eq!(refused(&many(&|n| format!("x/charts/{n}/README.md"))), TEXT);
    assert_eq!(refused(&many(&|n| format!("x{n}/requirements.yaml"))), TEXT);
    let long = "y".repeat(4000);
    let names = (0..400).fold(chart(), |tar, n| {
        let path = format!("x/charts/{n}-{long}/README.md");
        tar.pax("path", &path).file("long", "")
    });
    assert_eq!(refused(&names.tgz()), TEXT);
}

#[test]
fn values_and_locks_of_all_charts_share_one_bound() {
    let values = format!("a: '{}'\n", "x".repeat(5 * MIB as usize - 10));
    let charts = |count| {
        (0..count).fold(chart(), |tar, n| {
            tar.file(&format!("x/charts/{n}/Chart.yaml"), CHART_YAML)
                .file(&format!("x/charts/{n}/values.yaml"), &values)
        })
    };
    opened(&charts(3).tgz());
    assert_eq!(
        refused(&charts(5).tgz()),
        "values and locks of the chart and its subcharts are larger than the maximum size 20971520"
    );
}

#[test]
fn values_and_locks_count_until_the_first_fault() {
    let limits = |yaml| Limits {
        yaml,
        ..Limits::default()
    };
    let subchart = chart_with(&[("requirements.lock", "a: 1\n")]);
    let package = |values: &str| {
        chart()
            .file("x/values.yaml", values)
            .file("x/Chart.lock", "a: 1\n")
            .file("x/charts/s.tgz", &subchart)
            .tgz()
    };
    assert_eq!(with_limits(&package("a: 1\n"), &limits(15)), Ok(()));
    assert_eq!(
        with_limits(&package("a: 1\n"), &limits(14)).unwrap_err(),
        "values and locks of the chart and its subcharts are larger than the maximum size 14"
    );
    // a chart's own fault is told already, so its lock is not parsed
    let text = with_limits(&package("- a: 1"), &limits(11)).unwrap_err();
    assert!(text.starts_with("cannot load values.yaml"), "{text}");
}

#[test]
fn long_text_is_not_repeated_by_aliases_without_end() {
    let text = "x".repeat(100_000);
    let aliases = "*a, ".repeat(2_000);
    for bomb in [
        format!("b: &a {text}\nkeywords: [{aliases}]"),
        format!("b: &a {{c: {text}}}\nd: [{aliases}]"),
        format!("b: &a {{? {text} : c}}\nd: [{aliases}]"),
    ] {
        for (file, nodes) in [("Chart.yaml", 20_000), ("values.yaml", 200_000)] {
            let text = refused(&chart_with(&[(file, &bomb)]));
            assert!(text.starts_with(&format!("cannot load {file}: ")), "{text}");
            assert!(
                text.ends_with(&format!("more than {nodes} nodes")),
                "{text}"
            );
        }
    }
}
