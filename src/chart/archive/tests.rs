use proptest::prelude::*;
use tar::EntryType;

use super::testdata::{CHART_YAML, Tarball, gzip};
use super::*;

mod hostile;

fn opened(package: &[u8]) -> Result<ChartPackage, String> {
    open(package, &Limits::default()).map_err(|error| error.to_string())
}

fn refused(tarball: Tarball) -> String {
    opened(&tarball.gzip()).expect_err("a refusal")
}

#[test]
fn a_package_opens_to_its_metadata_and_digest() {
    let package = Tarball::demo()
        .file("demo/values.yaml", "a: 1\n")
        .file("demo/templates/x.yaml", "x")
        .gzip();
    let chart = opened(&package).unwrap();
    assert_eq!(
        (
            chart.metadata.name.as_str(),
            chart.metadata.version.as_str()
        ),
        ("demo", "1.2.3")
    );
    assert_eq!(chart.version, Version::parse("1.2.3").unwrap());
    assert_eq!(chart.digest, Sha256Hex::of(&package));
}

#[test]
fn what_helm_tolerates_opens() {
    let pax = b"29 path=demo/charts/_long.md\n30 mtime=1350244992.023960108\n";
    let long = format!("demo/templates/{}.yaml", "x".repeat(300));
    for (what, tarball) in [
        (
            "a directory of another name",
            Tarball::default().file("other/Chart.yaml", CHART_YAML),
        ),
        (
            "no directory name at all",
            Tarball::default().file("/Chart.yaml", CHART_YAML),
        ),
        (
            "backslashes",
            Tarball::default().file(r"demo\Chart.yaml", CHART_YAML),
        ),
        (
            "a byte-order mark",
            Tarball::default().file("demo/Chart.yaml", format!("\u{feff}{CHART_YAML}")),
        ),
        (
            "directories, whatever their name",
            Tarball::demo().entry(EntryType::Directory, "../..", 0, b""),
        ),
        (
            "old directories",
            Tarball::demo()
                .entry(EntryType::Regular, "../x/", 0, b"")
                .last_as_old_directory(),
        ),
        (
            "a symbolic link",
            Tarball::demo().entry(EntryType::Symlink, "demo/passwd", 0, b""),
        ),
        (
            "a hard link",
            Tarball::demo().entry(EntryType::Link, "demo/values.yaml", 0, b""),
        ),
        (
            "a device",
            Tarball::demo().entry(EntryType::Char, "demo/tty", 0, b""),
        ),
        (
            "an empty values.yaml",
            Tarball::demo().file("demo/values.yaml", ""),
        ),
        ("an absolute entry", Tarball::demo().file("/abs/evil", "x")),
        (
            "unknown kinds of entries",
            Tarball::demo().entry(EntryType::new(b'V'), "demo/volume", 2, b"ab"),
        ),
        (
            "a long name",
            Tarball::demo().long_name(&long).file("short", "x"),
        ),
        (
            "an extended header",
            Tarball::demo().pax(pax).file("short", "x"),
        ),
        (
            "a global header",
            Tarball::default()
                .entry(EntryType::XGlobalHeader, "g", 14, b"14 comment=ab\n")
                .file("a/Chart.yaml", CHART_YAML),
        ),
        (
            "a chart of a subchart directory",
            Tarball::demo().file("demo/charts/sub/Chart.yaml", CHART_YAML),
        ),
        (
            "a chart of a subchart archive",
            Tarball::demo().file("demo/charts/sub-1.tgz", Tarball::demo().gzip()),
        ),
        (
            "hidden things under charts",
            Tarball::demo()
                .file("demo/charts/_x/y", "")
                .file("demo/charts/.z", ""),
        ),
        (
            "a provenance file under charts",
            Tarball::demo().file("demo/charts/sub-1.tgz.prov", "signed"),
        ),
    ] {
        assert_eq!(
            opened(&tarball.gzip()).map(|chart| chart.metadata.name),
            Ok("demo".to_owned()),
            "{what}"
        );
    }
}

#[test]
fn refusals_have_helms_words() {
    let chart = |text: &str| Tarball::default().file("demo/Chart.yaml", text);
    let cannot_load = |file: &str| {
        refused(Tarball::demo().file(&format!("demo/{file}"), "a: b: c")).starts_with(&format!(
            "cannot load {file}: error converting YAML to JSON: yaml: "
        ))
    };
    for (tarball, text) in [
        (Tarball::default(), "no files in chart archive"),
        (
            Tarball::default().entry(EntryType::Directory, "demo/", 0, b""),
            "no files in chart archive",
        ),
        (
            Tarball::default().file("demo/values.yaml", ""),
            "Chart.yaml file is missing",
        ),
        (
            Tarball::default().file("demo/requirements.yaml", "a: 1"),
            "validation: chart.metadata.name is required",
        ),
        (
            chart("version: 1.2.3"),
            "validation: chart.metadata.name is required",
        ),
        (
            chart("name: demo\nversion: latest"),
            r#"validation: chart.metadata.version "latest" is invalid"#,
        ),
        (
            Tarball::demo().file("demo/../../etc/passwd", ""),
            "chart illegally references parent directory",
        ),
        (
            Tarball::demo().file("demo//etc/passwd", ""),
            "chart illegally contains absolute paths",
        ),
        (
            Tarball::demo().file("demo/c:/windows", ""),
            "chart contains illegally named files",
        ),
        (
            Tarball::demo().entry(EntryType::Symlink, "demo/../../x", 0, b""),
            "chart illegally references parent directory",
        ),
        (
            Tarball::demo().long_name("demo/../../x").file("demo/x", ""),
            "chart illegally references parent directory",
        ),
        (
            Tarball::demo()
                .pax(b"18 path=demo/../x\n")
                .file("demo/x", ""),
            "chart illegally references parent directory",
        ),
        (
            Tarball::default().file("Chart.yaml", CHART_YAML),
            "chart illegally contains content outside the base directory: \"Chart.yaml\"",
        ),
        (
            Tarball::demo().file("demo/charts/README.md", ""),
            "error unpacking subchart README.md in demo: Chart.yaml file is missing",
        ),
        (
            Tarball::demo().file("demo/charts/a.tgz", ""),
            "error unpacking subchart a.tgz in demo: EOF",
        ),
        (
            Tarball::demo().file("demo/charts/a.tgz", "plain"),
            "error unpacking subchart a.tgz in demo: gzip: invalid header",
        ),
        (
            Tarball::demo().file("demo/charts/a.tgz/b", ""),
            "error unpacking subchart tar in demo: expected a.tgz, got a.tgz/b",
        ),
        (
            Tarball::demo()
                .file("demo/charts/a/Chart.yaml", CHART_YAML)
                .file("demo/charts/a/charts/b/Chart.yaml", "name: b"),
            "error unpacking subchart a in demo: error unpacking subchart b in demo: validation: chart.metadata.version is required",
        ),
    ] {
        assert_eq!(refused(tarball), text);
    }
    for file in [
        "Chart.yaml",
        "values.yaml",
        "requirements.yaml",
        "Chart.lock",
        "requirements.lock",
    ] {
        assert!(cannot_load(file), "{file}");
    }
    assert!(
        refused(Tarball::demo().file("demo/values.yaml", "- a"))
            .starts_with("cannot load values.yaml: error unmarshaling JSON")
    );
}

#[test]
fn later_metadata_is_laid_over_earlier() {
    let requirements = "dependencies:\n- name: sub\n  version: 1.0.0\n  repository: http://x\n";
    let package = Tarball::default()
        .file("a/requirements.yaml", requirements)
        .file(
            "b/Chart.yaml",
            "apiVersion: v1\nname: first\ndescription: kept\n",
        )
        .file("c/Chart.yaml", "name: second\nversion: 1.0.0\n")
        .gzip();
    let metadata = opened(&package).unwrap().metadata;
    assert_eq!(
        (metadata.name.as_str(), metadata.description.as_str()),
        ("second", "kept")
    );
    assert_eq!(
        metadata.dependencies.len(),
        1,
        "requirements.yaml counts also when it comes before Chart.yaml"
    );
}

#[test]
fn faults_are_told_in_helms_order_not_in_archive_order() {
    let bad_subchart = || Tarball::default().file("demo/charts/a.tgz", "plain");
    let bad_values = || bad_subchart().file("demo/values.yaml", "- a");
    assert_eq!(refused(bad_subchart()), "Chart.yaml file is missing");
    assert!(
        refused(bad_values().file("demo/Chart.yaml", CHART_YAML))
            .starts_with("cannot load values.yaml")
    );
    assert!(
        refused(bad_values().file("demo/Chart.yaml", "- a")).starts_with("cannot load Chart.yaml")
    );
}

#[test]
fn one_file_is_read_by_its_path_in_the_chart() {
    let package = Tarball::demo()
        .file("demo/README.md", "early")
        .file("demo/README.md", "late")
        .file("demo/values.yaml", "\u{feff}a: 1 # kept\n")
        .file("demo/charts/sub/README.md", "sub")
        .gzip();
    let read = |path| read_file(&package, path, &Limits::default()).unwrap();
    assert_eq!(read("README.md").unwrap(), b"late");
    assert_eq!(read("values.yaml").unwrap(), b"a: 1 # kept\n");
    assert_eq!(read("charts/sub/README.md").unwrap(), b"sub");
    for path in [
        "",
        "/README.md",
        "../README.md",
        "./README.md",
        "demo/README.md",
        "templates",
    ] {
        assert_eq!(read(path), None, "{path}");
    }
}

#[test]
fn templates_are_those_of_the_root_chart_in_archive_order() {
    let package = Tarball::demo()
        .file("demo/templates/b.yaml", "b")
        .file("demo/templates/a.yaml", "\u{feff}a")
        .file("demo/charts/sub/templates/c.yaml", "c")
        .file("demo/templates.yaml", "no")
        .gzip();
    let found = templates(&package, &Limits::default()).unwrap();
    let expected = [("templates/b.yaml", "b"), ("templates/a.yaml", "a")];
    assert_eq!(
        found.templates,
        expected.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
    );
    assert_eq!(found.values, None);
    let package = Tarball::demo().file("demo/values.yaml", "").gzip();
    assert_eq!(
        templates(&package, &Limits::default()).unwrap().values,
        Some(Vec::new())
    );
}

#[test]
fn gzip_members_and_what_stands_behind_the_tar_are_as_in_go() {
    let tar = Tarball::demo()
        .file("demo/values.yaml", "a: 1")
        .raw(&[0; 1024])
        .unfinished();
    let (one, other) = tar.split_at(700);
    assert!(
        opened(&[gzip(one), gzip(b""), gzip(other)].concat()).is_ok(),
        "members are one stream"
    );
    assert!(
        opened(&[gzip(&tar), b"garbage".to_vec()].concat()).is_ok(),
        "garbage behind the archive"
    );
    assert!(
        opened(&gzip(&[&tar[..], b"garbage"].concat())).is_ok(),
        "garbage behind the tar"
    );
    assert!(
        opened(&gzip(&tar[..tar.len() - 1024])).is_ok(),
        "a tar without its end"
    );
    assert!(
        opened(&gzip(&tar[..tar.len() - 1100])).is_ok(),
        "a tar that ends in its last padding"
    );
    assert_eq!(
        opened(&gzip(&tar[..tar.len() - 1024 - 509])).unwrap_err(),
        "unexpected EOF",
        "a tar that ends in its last body"
    );
    let lonely_zeros = [&tar[..1024], &[0; 512], &tar[1024..]].concat();
    assert_eq!(
        opened(&gzip(&lonely_zeros)).unwrap_err(),
        "archive/tar: invalid tar header"
    );
}
