use tar::EntryType;

use super::super::Limits;
use super::super::testdata::{CHART_YAML, Tar, gzip, read_file};
use super::{opened, refused};

fn chart() -> Tar {
    Tar::default().file("x/Chart.yaml", CHART_YAML)
}

#[test]
fn directories_links_and_global_headers_are_no_content() {
    let tar = Tar::default()
        .entry(
            EntryType::XGlobalHeader,
            b"pax_global_header",
            14,
            b"14 comment=ab\n",
        )
        .entry(EntryType::Directory, b"x//../..", 7, b"")
        .header(EntryType::Regular, b"../", 0, |header| {
            header.as_old_mut().linkflag = [0];
        })
        .header(EntryType::Regular, b"..", 0, |header| {
            header.set_mode(0o040_755)
        })
        .header(EntryType::Directory, b"x", 0, |header| {
            header.as_old_mut().size = [0; 12];
        })
        .file("x/Chart.yaml", CHART_YAML);
    opened(&tar.clone().tgz());
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
    ] {
        let link = tar.clone().entry(kind, b"x/values.yaml", 0, b"");
        opened(&link.file("x/README.md", "").tgz());
        let link = Tar::default().entry(kind, b"x/Chart.yaml", 0, b"");
        assert_eq!(
            refused(&link.tgz()),
            "validation: chart.metadata.name is required"
        );
        // Go would take what follows for the next header, others for a body
        let link = tar.clone().entry(kind, b"x/values.yaml", 4711, b"");
        assert_eq!(
            refused(&link.tgz()),
            r#"archive/tar: two sizes for "x/values.yaml""#
        );
    }
    let volume = tar.entry(EntryType::new(b'V'), b"x/volume", 2, b"ab");
    opened(&volume.file("x/README.md", "").tgz());
}

#[test]
fn extended_headers_name_the_entry_behind_them() {
    let long = format!("x/{}", "y/".repeat(200));
    let body = |name: &str| format!("{name}\0");
    let gnu = |tar: Tar, name: &str| {
        let name = body(name);
        tar.entry(
            EntryType::GNULongName,
            b"././@LongLink",
            name.len() as u64,
            name.as_bytes(),
        )
    };
    let chart = Tar::default().file("x/Chart.yaml", CHART_YAML);
    for (tar, path) in [
        (chart.clone().pax("path", "x/pax"), "pax"),
        (chart.clone().pax("path", ""), "plain"),
        (chart.clone().pax("mtime", "1.5"), "plain"),
        (gnu(chart.clone(), "x/gnu"), "gnu"),
        (gnu(chart.clone(), ""), "plain"),
        (gnu(chart.clone(), "x/gnu").pax("path", "x/pax"), "gnu"),
        (
            gnu(chart.clone(), &format!("{long}file")),
            &format!("{}file", &long[2..]),
        ),
        (chart.clone().pax("path", "x/a").pax("path", "x/b"), "b"),
    ] {
        let package = tar.file("x/plain", "here").tgz();
        let file = read_file(&package, path, &Limits::default()).unwrap();
        assert_eq!(file.as_deref(), Some(&b"here"[..]), "{path}");
    }
    let unnamed = gnu(chart.clone().pax("path", "x/pax"), "")
        .file("x/plain", "")
        .tgz();
    assert!(
        read_file(&unnamed, "pax", &Limits::default())
            .unwrap()
            .is_some()
    );
    let two = chart.pax("size", "7").file("x/plain", "here").tgz();
    assert_eq!(refused(&two), r#"archive/tar: two sizes for "x/plain""#);
}

#[test]
fn ustar_prefixes_belong_to_the_name() {
    let tar = Tar::default().header(EntryType::Regular, b"c/Chart.yaml", 23, |header| {
        let ustar = header.as_ustar_mut().unwrap();
        ustar.prefix[..7].copy_from_slice(b"x/../..");
    });
    let package = tar.body(CHART_YAML.as_bytes()).tgz();
    assert_eq!(
        refused(&package),
        "chart illegally references parent directory"
    );
}

#[test]
fn gzip_members_that_follow_each_other_are_one_stream() {
    let tar = Tar::default().file("x/Chart.yaml", CHART_YAML).tar();
    for cut in [0, 1, 511, 512, 700, tar.len()] {
        let (first, second) = tar.split_at(cut);
        opened(&[gzip(first), gzip(b""), gzip(second)].concat());
    }
}

#[test]
fn a_tar_may_end_before_its_last_padding_but_not_before_its_last_body() {
    let chart = Tar::default().file("x/Chart.yaml", CHART_YAML);
    let tar = chart.file("x/values.yaml", "a: 1").tar();
    let padding = tar.len() - 1024 - 508;
    for length in [tar.len() - 512, tar.len() - 1024, padding + 1, padding] {
        opened(&gzip(&tar[..length]));
    }
    for length in [padding - 1, padding - 4, padding - 5] {
        assert_eq!(refused(&gzip(&tar[..length])), "unexpected EOF", "{length}");
    }
}

#[test]
fn headers_that_are_malformed_are_refused() {
    for kind in [EntryType::XHeader, EntryType::XGlobalHeader] {
        let lie = Tar::default().entry(kind, b"h", 26, b"999999999999999999 path=x\n");
        assert_eq!(refused(&lie.tgz()), "archive/tar: invalid tar header");
    }
    let mut wrong_checksum = chart().tar();
    wrong_checksum[0] ^= 1;
    assert_eq!(
        refused(&gzip(&wrong_checksum)),
        "archive/tar: invalid tar header"
    );
    for size in [u64::MAX, 1 << 63] {
        let tar = chart().header(EntryType::Regular, b"x/y", size, |_| ());
        assert_eq!(refused(&tar.tgz()), "archive/tar: invalid tar header");
    }
}

#[test]
fn names_no_file_system_takes_are_refused_and_not_repeated() {
    let name = format!("x/{}", "y".repeat(5000));
    for key in ["comment", "GNU.sparse.major"] {
        let size = name.len() as u64;
        let tar = chart().entry(EntryType::GNULongName, b"l", size, name.as_bytes());
        assert_eq!(
            refused(&tar.pax(key, "1").file("y", "").tgz()),
            "path of 5002 bytes in chart archive is too long"
        );
    }
    assert_eq!(
        refused(&chart().pax("path", "x/a\0b").tgz()),
        "archive/tar: invalid tar header"
    );
    // in the old fields a NUL ends the name
    let package = chart()
        .header(EntryType::Regular, b"x/a\0/../../b", 0, |_| ())
        .tgz();
    assert!(
        read_file(&package, "a", &Limits::default())
            .unwrap()
            .is_some()
    );
}

#[test]
fn sparse_files_are_refused() {
    const TEXT: &str = r#"archive/tar: sparse file "x/hole" is not supported"#;
    let old = chart().entry(EntryType::GNUSparse, b"x/hole", 0, b"");
    assert_eq!(refused(&old.tgz()), TEXT);
    let new = chart()
        .pax("GNU.sparse.realsize", "1000000000000")
        .file("x/hole", "");
    assert_eq!(refused(&new.tgz()), TEXT);
}
