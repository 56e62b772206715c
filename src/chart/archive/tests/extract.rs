use super::super::testdata::{Tar, chart_with, package};
use super::super::{ArchiveError, Limits, read_file, templates};

fn file(package: &[u8], path: &str) -> Option<String> {
    let bytes = read_file(package, path, &Limits::default()).unwrap();
    bytes.map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn a_file_is_read_by_its_path_in_the_chart() {
    let package = package(&[
        ("x/README.md", "first"),
        ("x/charts/s/README.md", "of a subchart"),
        ("x/docs/empty", ""),
        (r"x\win\dows", "backslashes"),
        ("y/README.md", "\u{feff}last"),
    ]);
    for (path, content) in [
        ("README.md", Some("last")),
        ("charts/s/README.md", Some("of a subchart")),
        ("docs/empty", Some("")),
        ("win/dows", Some("backslashes")),
        ("docs", None),
        ("x/README.md", None),
        ("/README.md", None),
        ("./README.md", None),
        ("../README.md", None),
        ("docs/../README.md", None),
        ("", None),
    ] {
        assert_eq!(file(&package, path).as_deref(), content, "{path}");
    }
}

#[test]
fn a_file_is_looked_for_only_in_an_archive_that_reads_to_its_end() {
    let package = package(&[("x/README.md", "text"), ("x//abs", "")]);
    let refusal = read_file(&package, "README.md", &Limits::default()).unwrap_err();
    assert!(matches!(refusal, ArchiveError::AbsolutePath));
    let cut = &chart_with(&[("README.md", "text")])[..60];
    assert!(read_file(cut, "README.md", &Limits::default()).is_err());
}

#[test]
fn templates_come_in_archive_order_with_their_path_and_exact_bytes() {
    let package = chart_with(&[
        ("templates/z.yaml", "z\r\n"),
        ("README.md", "no template"),
        ("templates.yaml", "no template"),
        ("templates/tests/a.yaml", "\u{feff}a"),
        ("charts/s/templates/s.yaml", "of a subchart"),
        ("templates/_helpers.tpl", ""),
        ("values.yaml", "\u{feff}# comment\na: b"),
    ]);
    let found = templates(&package, &Limits::default()).unwrap();
    let names: Vec<_> = found
        .templates
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    assert_eq!(
        names,
        [
            ("templates/z.yaml", &b"z\r\n"[..]),
            ("templates/tests/a.yaml", b"a"),
            ("templates/_helpers.tpl", b""),
        ]
    );
    assert_eq!(found.values.as_deref(), Some(&b"# comment\na: b"[..]));
}

#[test]
fn missing_values_are_told_from_empty_ones() {
    for (files, values) in [(&[][..], None), (&[("values.yaml", "")], Some(Vec::new()))] {
        let found = templates(&chart_with(files), &Limits::default()).unwrap();
        assert!(found.templates.is_empty());
        assert_eq!(found.values, values);
    }
}

#[test]
fn templates_and_values_share_one_bound() {
    let limits = Limits {
        templates: 10,
        ..Limits::default()
    };
    let of = |template: &str, values: &str| {
        let package = chart_with(&[("templates/a", template), ("values.yaml", values)]);
        templates(&package, &limits)
    };
    assert!(of("12345", "12345").is_ok());
    let refusal = of("12345", "123456").unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "templates of the chart are larger than the maximum size 10"
    );
    let other = Tar::default().file("x/README.md", [b'x'; 100]).tgz();
    assert!(
        templates(&other, &limits).is_ok(),
        "other files are not kept"
    );
}
