use super::super::testdata::{chart_with, package, read_file};
use super::super::{ArchiveError, Limits};

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
