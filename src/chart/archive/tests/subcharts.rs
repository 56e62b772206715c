use super::super::testdata::{CHART_YAML, Tar, chart_with};
use super::{opened, refused};

const SUBCHART_YAML: &str = "name: s\nversion: 2.0.0\n";

/// A chart with a subchart archive at `charts/<name>`.
fn with_archive(name: &str, archive: &[u8]) -> Vec<u8> {
    let tar = Tar::default().file("x/Chart.yaml", CHART_YAML);
    tar.file(&format!("x/charts/{name}"), archive).tgz()
}

#[test]
fn sound_subcharts_are_accepted_as_directories_and_as_archives() {
    let subchart = Tar::default().file("s/Chart.yaml", SUBCHART_YAML).tgz();
    opened(&with_archive("s-2.0.0.tgz", &subchart));
    opened(&with_archive("t.tgz", &with_archive("s.tgz", &subchart)));
    opened(&chart_with(&[
        ("charts/s/values.yaml", "a: b"),
        ("charts/s/Chart.yaml", SUBCHART_YAML),
        ("charts/s/charts/t/Chart.yaml", SUBCHART_YAML),
    ]));
}

#[test]
fn what_is_no_subchart_by_its_name_is_passed_over() {
    opened(&chart_with(&[
        ("charts/_s/Chart.yaml", "["),
        ("charts/.s/Chart.yaml", "["),
        ("charts/.tgz", "no archive"),
        ("charts/_s.tgz", "no archive"),
        ("charts/s.tgz.prov", "signature"),
        ("charts/s/s.prov", "signature"),
    ]));
}

#[test]
fn a_subchart_that_is_refused_is_named_with_its_parent() {
    for (files, text) in [
        (
            &[("charts/README.md", "no chart")][..],
            "error unpacking subchart README.md in x: Chart.yaml file is missing",
        ),
        (
            &[("charts/s/Chart.yaml", "name: s")],
            "error unpacking subchart s in x: validation: chart.metadata.version is required",
        ),
        (
            &[
                ("charts/s/Chart.yaml", SUBCHART_YAML),
                ("charts/s/charts/t/README.md", ""),
            ],
            "error unpacking subchart s in x: \
             error unpacking subchart t in s: Chart.yaml file is missing",
        ),
        (
            &[("charts/s.tgz", "no archive")],
            "error unpacking subchart s.tgz in x: gzip: invalid header",
        ),
        (
            &[("charts/s.tgz", "")],
            "error unpacking subchart s.tgz in x: EOF",
        ),
        (
            &[("charts/s.tgz/Chart.yaml", SUBCHART_YAML)],
            "error unpacking subchart tar in x: expected s.tgz, got s.tgz/Chart.yaml",
        ),
    ] {
        assert_eq!(refused(&chart_with(files)), text);
    }
    let values = refused(&chart_with(&[
        ("charts/s/Chart.yaml", SUBCHART_YAML),
        ("charts/s/values.yaml", "- a"),
    ]));
    let start = "error unpacking subchart s in x: cannot load values.yaml: ";
    assert!(values.starts_with(start), "{values}");
}

#[test]
fn a_truncated_subchart_archive_is_refused_at_every_length() {
    let archive = Tar::default().file("s/Chart.yaml", SUBCHART_YAML).tgz();
    // 8 bytes of trailer, some of the deflate stream's end, and the zeros behind the file
    let content = archive.len() - 40;
    for length in 0..content {
        let text = refused(&with_archive("s.tgz", &archive[..length]));
        let start = "error unpacking subchart s.tgz in x: ";
        assert!(
            text.starts_with(start) && text.ends_with("EOF"),
            "{length}: {text}"
        );
    }
}

#[test]
fn files_of_the_same_subchart_need_not_stand_together() {
    opened(&chart_with(&[
        ("charts/s/values.yaml", ""),
        ("charts/t/Chart.yaml", SUBCHART_YAML),
        ("charts/s/Chart.yaml", SUBCHART_YAML),
    ]));
}
