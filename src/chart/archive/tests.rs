mod extract;
mod fuzz;
mod headers;
mod hostile;
mod subcharts;
mod yaml;

use tar::EntryType;

use super::testdata::{CHART_YAML, Tar, chart_with, gzip, package};
use super::*;

fn opened(package: &[u8]) -> ChartPackage {
    open(package, &Limits::default()).unwrap()
}

fn refused(package: &[u8]) -> String {
    let error = open(package, &Limits::default()).unwrap_err();
    error.to_string()
}

fn with_limits(package: &[u8], limits: &Limits) -> Result<(), String> {
    let opened = open(package, limits);
    opened.map(drop).map_err(|error| error.to_string())
}

/// A small package with everything in it that is read.
fn small_package() -> Vec<u8> {
    let subchart = Tar::default()
        .file("s/Chart.yaml", "name: s\nversion: 1")
        .tgz();
    let tar = Tar::default()
        .file("x/Chart.yaml", CHART_YAML)
        .pax("path", "x/values.yaml")
        .file("v", "a: {b: [1, 2]}\n");
    tar.file("x/charts/s.tgz", subchart)
        .file("x/templates/t", "t")
        .tgz()
}

#[test]
fn a_package_opens_to_its_metadata_version_and_digest() {
    let bytes = package(&[(
        "dir/Chart.yaml",
        "name: x\nversion: v1.10\nappVersion: 1.10\nunknown: {a: b}\nname: z\n",
    )]);
    let package = opened(&bytes);
    assert_eq!(package.metadata.name, "z", "the last of two keys wins");
    assert_eq!(package.metadata.version, "v1.10");
    assert_eq!(package.metadata.app_version, "1.1", "typed as YAML 1.1");
    assert_eq!(package.metadata.api_version, "v1");
    assert_eq!(package.version, Version::parse("v1.10").unwrap());
    assert_eq!(package.digest, Sha256Hex::of(&bytes));
}

#[test]
fn what_is_no_archive_of_files_is_refused() {
    let single_zero_block = {
        let tar = Tar::default().body(&[0; 512]);
        gzip(&tar.file("x/Chart.yaml", CHART_YAML).tar())
    };
    for (bytes, text) in [
        (&b""[..], "EOF"),
        (b"\x1f", "unexpected EOF"),
        (b"\x1f\x8b\x08", "unexpected EOF"),
        (b"PK\x03\x04 not gzip", "gzip: invalid header"),
        (&gzip(b""), "no files in chart archive"),
        (&Tar::default().tgz(), "no files in chart archive"),
        (
            &Tar::default()
                .entry(EntryType::Directory, b"x/", 0, b"")
                .tgz(),
            "no files in chart archive",
        ),
        (&gzip(&[b'x'; 1024]), "archive/tar: invalid tar header"),
        (&gzip(&[b'x'; 100]), "unexpected EOF"),
        (&single_zero_block, "archive/tar: invalid tar header"),
    ] {
        assert_eq!(refused(bytes), text, "{bytes:?}");
    }
    let mut bad_block = gzip(b"");
    bad_block[10] = 0xff;
    assert!(refused(&bad_block).starts_with("flate: corrupt input"));
}

#[test]
fn path_rules_hold_for_every_file_and_before_its_size() {
    for (name, text) in [
        (
            "Chart.yaml",
            r#"chart illegally contains content outside the base directory: "Chart.yaml""#,
        ),
        ("x//etc/passwd", "chart illegally contains absolute paths"),
        ("x/../../etc", "chart illegally references parent directory"),
        (r"x\c:\y", "chart contains illegally named files"),
        ("Chart.yaml/y", "chart yaml not in base directory"),
    ] {
        let tar = Tar::default().file("x/Chart.yaml", CHART_YAML);
        let package = tar
            .entry(EntryType::Regular, name.as_bytes(), 1 << 40, b"")
            .tgz();
        assert_eq!(refused(&package), text);
    }
    let chart = Tar::default().file("x/Chart.yaml", CHART_YAML);
    let long = b"x/../../long\0";
    for tar in [
        chart
            .clone()
            .entry(EntryType::Symlink, b"x/../../link", 0, b""),
        chart
            .clone()
            .entry(EntryType::GNULongName, b"l", long.len() as u64, long)
            .file("x/plain", ""),
        chart.clone().pax("path", "x/../../pax").file("x/plain", ""),
    ] {
        assert_eq!(
            refused(&tar.tgz()),
            "chart illegally references parent directory",
            "wherever the name comes from"
        );
    }
    opened(&chart.file("/abs/evil", "").file(r"x\README.md", "").tgz());
    opened(&package(&[("/Chart.yaml", CHART_YAML)]));
}

#[test]
fn a_byte_order_mark_is_dropped() {
    let package = opened(&chart_with(&[
        ("Chart.yaml", "\u{feff}version: 2.0.0"),
        ("values.yaml", "\u{feff}a: b"),
        ("requirements.yaml", "\u{feff}dependencies: [{name: d}]"),
    ]));
    assert_eq!(package.metadata.version, "2.0.0");
    assert_eq!(package.metadata.dependencies[0].name, "d");
}

#[test]
fn several_top_level_directories_merge_field_by_field() {
    let package = opened(&package(&[
        ("a/Chart.yaml", "name: a\nversion: 1.0.0\ndescription: of a"),
        ("b/Chart.yaml", "name: b\nappVersion: b"),
        ("c/README.md", ""),
    ]));
    let metadata = package.metadata;
    assert_eq!(
        [
            metadata.name,
            metadata.version,
            metadata.description,
            metadata.app_version
        ],
        ["b", "1.0.0", "of a", "b"]
    );
}

#[test]
fn requirements_are_laid_over_the_metadata_wherever_they_stand() {
    let package = opened(&package(&[
        (
            "x/requirements.yaml",
            "dependencies: [{name: old, version: 1.x.x}]",
        ),
        (
            "x/Chart.yaml",
            "name: x\nversion: 1.0.0\ndependencies: [{name: new}]",
        ),
        ("y/requirements.yaml", "home: of y"),
    ]));
    let metadata = package.metadata;
    assert_eq!(metadata.dependencies.len(), 1);
    assert_eq!(metadata.dependencies[0].name, "old");
    assert_eq!(metadata.home, "of y");
}

#[test]
fn files_that_must_parse_name_themselves_when_they_do_not() {
    for file in [
        "requirements.yaml",
        "Chart.lock",
        "requirements.lock",
        "values.yaml",
    ] {
        for broken in ["a: b: c", "[", "- a", "text"] {
            let text = refused(&chart_with(&[(file, broken)]));
            assert!(
                text.starts_with(&format!("cannot load {file}: error ")),
                "{text}"
            );
        }
        for sound in ["", "# nothing", "null", "{}", "a: 1"] {
            opened(&chart_with(&[(file, sound)]));
        }
        // only the root's own
        opened(&chart_with(&[(&format!("templates/{file}"), "[")]));
    }
    let text = refused(&chart_with(&[("Chart.yaml", "a: b: c")]));
    assert!(text.starts_with("cannot load Chart.yaml: error converting YAML to JSON: yaml: "));
}

#[test]
fn faults_are_told_in_helms_order() {
    let bad = "a: b: c";
    for (files, start) in [
        // Chart.yaml comes first wherever it stands
        (
            &[("x/values.yaml", bad), ("x/Chart.yaml", bad)][..],
            "cannot load Chart.yaml",
        ),
        (
            &[("x/Chart.lock", bad), ("x/values.yaml", bad)],
            "cannot load Chart.lock",
        ),
        (&[("x/README.md", "")], "Chart.yaml file is missing"),
        // a bad file before bad metadata, bad metadata before a bad subchart
        (
            &[("x/Chart.yaml", ""), ("x/values.yaml", bad)],
            "cannot load values.yaml",
        ),
        (
            &[("x/Chart.yaml", ""), ("x/charts/s/values.yaml", "")],
            "validation: chart.metadata.name is required",
        ),
        (
            &[("x/requirements.yaml", "")],
            "validation: chart.metadata.name is required",
        ),
        (
            &[("x/charts/s.tgz", "no archive")],
            "Chart.yaml file is missing",
        ),
    ] {
        let text = refused(&package(files));
        assert!(text.starts_with(start), "{text}");
    }
}

#[test]
fn metadata_rules_have_helms_texts() {
    for (yaml, text) in [
        ("version: 1", "chart.metadata.name is required"),
        (
            "name: ..\nversion: 1",
            r#"chart.metadata.name ".." is not allowed"#,
        ),
        (
            "name: a/b\nversion: 1",
            r#"chart.metadata.name "a/b" is invalid"#,
        ),
        ("name: x", "chart.metadata.version is required"),
        ("name: x\nversion: ~", "chart.metadata.version is required"),
        (
            "name: x\nversion: latest",
            r#"chart.metadata.version "latest" is invalid"#,
        ),
        (
            "name: x\nversion: 1\ntype: lib",
            "chart.metadata.type must be application or library",
        ),
        (
            "name: x\nversion: 1\nmaintainers: [~]",
            "maintainers must not contain empty or null nodes",
        ),
        (
            "name: x\nversion: 1\ndependencies: [~]",
            "dependencies must not contain empty or null nodes",
        ),
        (
            "name: x\nversion: 1\ndependencies: [{name: a, alias: b.c}]",
            r#"dependency "a" has disallowed characters in the alias"#,
        ),
        (
            "name: x\nversion: 1\ndependencies: [{name: a}, {name: b, alias: a}]",
            r#"more than one dependency with name or alias "a""#,
        ),
    ] {
        let package = package(&[("x/Chart.yaml", yaml)]);
        assert_eq!(refused(&package), format!("validation: {text}"));
    }
    let text = refused(&package(&[("x/Chart.yaml", "name: [x]")]));
    assert!(
        text.starts_with("cannot load Chart.yaml: error unmarshaling JSON"),
        "{text}"
    );
}
