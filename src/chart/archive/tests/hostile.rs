//! What a stranger may send: every refusal is quick, bounded in memory, and never a panic.

use super::*;

const MIB: usize = 1 << 20;

#[test]
fn an_archive_cut_anywhere_is_refused_or_whole() {
    let whole = Tarball::demo()
        .file("demo/values.yaml", "a: 1\n")
        .file("demo/charts/sub.tgz", Tarball::demo().gzip())
        .gzip();
    for length in 0..whole.len() {
        match opened(&whole[..length]) {
            // the tar has ended, only gzip's own trailer is cut
            Ok(chart) => assert!(
                length + 16 > whole.len() && chart.metadata.name == "demo",
                "{length}"
            ),
            Err(text) if length == 0 => assert_eq!(text, "EOF"),
            Err(text) => assert_eq!(text, "unexpected EOF", "{length}"),
        }
    }
}

#[test]
fn one_file_may_have_five_mebibytes_and_not_a_byte_more() {
    let with = |size| opened(&Tarball::demo().file("demo/big", vec![0; size]).gzip());
    assert!(with(5 * MIB).is_ok());
    let text = "decompressed chart file \"demo/big\" is larger than the maximum file size 5242880";
    assert_eq!(with(5 * MIB + 1).unwrap_err(), text);
}

#[test]
fn all_files_together_have_less_than_a_hundred_mebibytes() {
    let text = "decompressed chart is larger than the maximum file size 104857600";
    let files = |count| {
        (0..count).fold(Tarball::demo(), |tar, i| {
            tar.file(&format!("demo/{i}"), vec![0; 5 * MIB])
        })
    };
    assert!(opened(&files(19).gzip()).is_ok());
    assert_eq!(refused(files(20)), text);
    let claim = 1 << 40;
    assert_eq!(
        refused(Tarball::demo().entry(EntryType::Regular, "demo/x", claim, b"")),
        text,
        "a mere claim"
    );
}

#[test]
fn a_bomb_in_a_subchart_does_not_multiply() {
    let inner = (0..9)
        .fold(Tarball::demo(), |tar, i| {
            tar.file(&format!("demo/{i}"), vec![0; 5 * MIB])
        })
        .gzip();
    let outer = |copies| {
        (0..copies)
            .fold(Tarball::demo(), |tar, i| {
                tar.file(&format!("demo/charts/{i}.tgz"), &inner)
            })
            .gzip()
    };
    assert!(opened(&outer(2)).is_ok());
    assert_eq!(
        opened(&outer(3)).unwrap_err(),
        "decompressed chart is larger than the maximum file size 104857600"
    );
}

#[test]
fn a_directory_cannot_hide_a_bomb_in_its_body() {
    let claim = 1 << 40;
    let directory = Tarball::demo()
        .entry(EntryType::Regular, "demo/x/", claim, b"")
        .last_as_old_directory();
    let text = "decompressed chart is larger than the maximum file size 104857600";
    assert_eq!(refused(directory), text);
}

#[test]
fn archives_in_archives_end_at_sixteen_levels() {
    let nested = |levels| {
        (0..levels).fold(Tarball::demo().gzip(), |inner, _| {
            Tarball::demo().file("demo/charts/x.tgz", inner).gzip()
        })
    };
    assert!(opened(&nested(16)).is_ok());
    assert_eq!(
        opened(&nested(17)).unwrap_err(),
        "subcharts are nested more than 16 levels deep"
    );
    let directories = Tarball::demo()
        .long_name(&format!("demo/{}Chart.yaml", "charts/a/".repeat(17)))
        .file("x", CHART_YAML);
    assert_eq!(
        refused(directories),
        "subcharts are nested more than 16 levels deep"
    );
}

#[test]
fn a_million_empty_entries_are_refused_before_they_are_read() {
    let one = Tarball::default().file("demo/x", "").unfinished();
    let package = gzip(&one.repeat(1_000_000));
    assert_eq!(
        opened(&package).unwrap_err(),
        "chart archive has more than 50000 entries"
    );
    let extensions = Tarball::default().pax(b"").unfinished().repeat(60_000);
    assert_eq!(
        opened(&gzip(&extensions)).unwrap_err(),
        "chart archive has more than 50000 entries"
    );
}

#[test]
fn what_describes_an_entry_is_bounded() {
    let gib = 1 << 30;
    for kind in [
        EntryType::GNULongName,
        EntryType::GNULongLink,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
    ] {
        let text = refused(
            Tarball::demo()
                .entry(kind, "x", gib, b"")
                .file("demo/y", ""),
        );
        assert_eq!(text, "archive/tar: header field too long", "{kind:?}");
    }
    let long = "x".repeat(MIB / 2);
    assert_eq!(
        refused(Tarball::demo().long_name(&long).file("y", "")),
        "path of 524288 bytes in chart archive is too long"
    );
    let names = (0..400).fold(Tarball::demo(), |tar, i| {
        tar.long_name(&format!("demo/charts/{i}-{}/x", "y".repeat(4000)))
            .file("x", "")
    });
    assert_eq!(
        refused(names),
        "metadata of the chart and its subcharts is larger than the maximum size 1048576"
    );
}

#[test]
fn headers_that_lie_are_refused() {
    let sparse = Tarball::demo().entry(EntryType::GNUSparse, "demo/x", 0, b"");
    assert_eq!(
        refused(sparse),
        "archive/tar: sparse file \"demo/x\" is not supported"
    );
    let sparse = Tarball::demo()
        .pax(b"22 GNU.sparse.major=1\n")
        .file("demo/x", "");
    assert_eq!(
        refused(sparse),
        "archive/tar: sparse file \"demo/x\" is not supported"
    );
    let two_sizes = Tarball::demo().pax(b"12 size=512\n").file("demo/x", "");
    assert_eq!(refused(two_sizes), "archive/tar: two sizes for \"demo/x\"");
    let link = Tarball::demo().entry(EntryType::Link, "demo/x", 77, b"");
    assert_eq!(refused(link), "archive/tar: two sizes for \"demo/x\"");
    let global = Tarball::demo().entry(EntryType::XGlobalHeader, "g", 3, b"???");
    assert_eq!(
        refused(global.file("demo/x", "")),
        "archive/tar: invalid tar header"
    );
    let mut tar = Tarball::demo().raw(&[0; 1024]).unfinished();
    tar[0] ^= 1;
    assert_eq!(
        opened(&gzip(&tar)).unwrap_err(),
        "archive/tar: invalid tar header",
        "checksum"
    );
    let beyond_i64 = Tarball::demo().entry(EntryType::Regular, "demo/x", u64::MAX, b"");
    assert_eq!(refused(beyond_i64), "archive/tar: invalid tar header");
}

#[test]
fn yaml_that_costs_too_much_is_refused() {
    let bombs = [
        "a: ".to_owned() + &"[".repeat(100_000),
        (0..1_000)
            .map(|i| format!("{}a:\n", " ".repeat(i)))
            .collect(),
        (1..20).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, i| {
            text + &format!(
                "a{i}: &a{i} [*a{0},*a{0},*a{0},*a{0},*a{0},*a{0},*a{0},*a{0}]\n",
                i - 1
            )
        }),
    ];
    for bomb in &bombs {
        for file in [
            "Chart.yaml",
            "values.yaml",
            "requirements.yaml",
            "Chart.lock",
        ] {
            let text = refused(Tarball::demo().file(&format!("demo/{file}"), bomb));
            assert!(text.starts_with(&format!("cannot load {file}: ")), "{text}");
        }
    }
    let huge = format!("{CHART_YAML}description: {}\n", "x".repeat(MIB));
    let text = refused(Tarball::default().file("demo/Chart.yaml", huge));
    assert_eq!(
        text,
        "metadata of the chart and its subcharts is larger than the maximum size 1048576"
    );
}

#[test]
fn values_of_many_subcharts_share_one_bound() {
    let values = format!("a: '{}'\n", "x".repeat(5 * MIB - 10));
    let charts = |count| {
        (0..count).fold(Tarball::demo(), |tar, i| {
            tar.file(&format!("demo/charts/{i}/Chart.yaml"), CHART_YAML)
                .file(&format!("demo/charts/{i}/values.yaml"), &values)
        })
    };
    assert!(opened(&charts(3).gzip()).is_ok());
    let text =
        "values and locks of the chart and its subcharts are larger than the maximum size 20971520";
    assert_eq!(refused(charts(5)), text);
}

#[test]
fn templates_of_a_bomb_are_not_collected() {
    let package = (0..5)
        .fold(Tarball::demo(), |tar, i| {
            tar.file(&format!("demo/templates/{i}"), vec![0; 5 * MIB])
        })
        .gzip();
    let error = templates(&package, &Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "templates of the chart are larger than the maximum size 20971520"
    );
}

/// A package with a bit of everything that is parsed.
fn rich() -> Tarball {
    Tarball::demo()
        .pax(b"29 path=demo/templates/a.yaml\n")
        .file("short", "x")
        .long_name("demo/templates/b.yaml")
        .file("short", "y")
        .file("demo/values.yaml", "a: {b: [1, 2]}\n")
        .file("demo/charts/a/Chart.yaml", CHART_YAML)
        .file("demo/charts/b.tgz", Tarball::demo().gzip())
        .raw(&[0; 1024])
}

fn opens_or_refuses(package: &[u8]) {
    let limits = Limits::default();
    let _ = (
        open(package, &limits),
        read_file(package, "values.yaml", &limits),
        templates(package, &limits),
    );
}

proptest! {
    #[test]
    fn random_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        prop_assert!(opened(&bytes).is_err());
        prop_assert!(opened(&gzip(&bytes)).is_err());
    }

    #[test]
    fn changed_bytes_of_a_package_never_panic(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut package = gzip(&rich().unfinished());
        for (at, byte) in &changes {
            let at = at.index(package.len());
            package[at] = *byte;
        }
        opens_or_refuses(&package);
    }

    /// Behind an intact gzip, where headers, records and YAML are what is hit.
    #[test]
    fn changed_bytes_of_a_tar_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        mend in any::<bool>(),
    ) {
        let mut tar = rich().unfinished();
        for (at, byte) in &changes {
            let at = at.index(tar.len());
            tar[at] = *byte;
            let block = at / 512 * 512;
            // with its checksum mended, a broken header gets past the first check
            if mend && tar[block + 257..].starts_with(b"ustar") {
                let mut header = tar::Header::from_byte_slice(&tar[block..block + 512]).clone();
                header.set_cksum();
                tar[block..block + 512].copy_from_slice(header.as_bytes());
            }
        }
        opens_or_refuses(&gzip(&tar));
    }
}
