use flate2::{Decompress, FlushDecompress};
use proptest::prelude::*;
use tar::{EntryType, Header};

use super::super::testdata::{CHART_YAML, Tar, chart_with, gzip, gzip_with_zeros};
use super::super::{Limits, open, read_file, templates};
use super::{opened, refused};

const MIB: u64 = 1 << 20;

fn chart() -> Tar {
    Tar::default().file("x/Chart.yaml", CHART_YAML)
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
    let tar = chart()
        .pax("path", "x/values.yaml")
        .file("v", "a: {b: [1, 2]}\n");
    tar.file("x/charts/s.tgz", subchart)
        .file("x/templates/t", "t")
        .tgz()
}

#[test]
fn a_package_cut_anywhere_before_the_end_of_its_tar_is_refused() {
    let package = small_package();
    let mut tar = vec![0; 1 << 16];
    let mut inflate = Decompress::new(false);
    let finish = FlushDecompress::Finish;
    inflate
        .decompress(&package[10..], &mut tar, finish)
        .unwrap();
    let whole = inflate.total_out();
    for length in 0..package.len() {
        let cut = &package[..length];
        inflate.reset(false);
        // fails for want of the end; what came out before is counted
        let _ = inflate.decompress(
            cut.get(10..).unwrap_or_default(),
            &mut tar,
            FlushDecompress::None,
        );
        let has_end = inflate.total_out() == whole;
        match with_limits(cut, &Limits::default()) {
            Ok(()) => assert!(has_end, "{length}"),
            Err(text) => {
                assert!(!has_end, "{length}: {text}");
                assert!(text.ends_with("EOF"), "{length}: {text}");
            }
        }
    }
}

#[test]
fn what_stands_behind_the_tar_is_not_looked_at() {
    let mut package = small_package();
    package.extend_from_slice(b"garbage");
    opened(&package);
    let mut wrong_checksum = small_package();
    let length = wrong_checksum.len();
    wrong_checksum[length - 8..].fill(0x55);
    opened(&wrong_checksum);
    let behind = [chart().tar(), vec![b'x'; 5000]].concat();
    opened(&gzip(&behind));
    // not even a bomb, whose missing end would be noticed
    let bomb = gzip_with_zeros(&chart().tar(), 8 * MIB);
    opened(&bomb[..bomb.len() - 100]);
}

#[test]
fn five_mebibytes_pass_and_one_more_byte_does_not() {
    let five = 5 * MIB as usize;
    let tar = chart().file("x/values.yaml", format!("a: {}", "x".repeat(five - 3)));
    opened(&tar.file("x/big", vec![0; five]).tgz());
    // the header's claim is enough
    let tar = chart().entry(EntryType::Regular, b"x/big", 5 * MIB + 1, b"");
    assert_eq!(
        refused(&tar.tgz()),
        r#"decompressed chart file "x/big" is larger than the maximum file size 5242880"#
    );
}

#[test]
fn a_hundred_mebibytes_in_all_are_too_many() {
    const TEXT: &str = "decompressed chart is larger than the maximum file size 104857600";
    let tar = chart().entry(EntryType::Regular, b"x/big", 101 * MIB, b"");
    assert_eq!(
        refused(&tar.tgz()),
        TEXT,
        "comes before the bound of a file"
    );
    let five = vec![0; 5 * MIB as usize];
    let bomb = (0..20).fold(chart(), |tar, n| tar.file(&format!("x/{n}"), &five));
    assert_eq!(refused(&bomb.tgz()), TEXT);
    // a directory that is one by its mode bits, or by its slash, has a body, too
    let directory = Tar::default().header(EntryType::Regular, b"x/d", 1 << 40, |header| {
        header.set_mode(0o040_755);
    });
    assert_eq!(refused(&directory.tgz()), TEXT);
    let directory = Tar::default().header(EntryType::Regular, b"x/d/", 1 << 40, |header| {
        header.as_old_mut().linkflag = [0];
    });
    assert_eq!(refused(&directory.tgz()), TEXT);
}

#[test]
fn the_total_is_used_up_by_its_last_byte() {
    let size = CHART_YAML.len() as u64;
    let package = chart().file("x/a", [0; 100]).file("x/empty", "").tgz();
    let limits = |total| Limits {
        total,
        ..Limits::default()
    };
    assert_eq!(with_limits(&package, &limits(size + 101)), Ok(()));
    let text = with_limits(&package, &limits(size + 100)).unwrap_err();
    assert!(text.starts_with("decompressed chart is larger"), "{text}");
}

#[test]
fn archives_in_archives_share_the_total() {
    let five = vec![0; 5 * MIB as usize];
    let inner = (0..4).fold(Tar::default().file("s/Chart.yaml", CHART_YAML), |tar, n| {
        tar.file(&format!("s/{n}"), &five)
    });
    let inner = inner.tgz();
    opened(&chart().file("x/charts/0.tgz", &inner).tgz());
    let bomb = (0..5).fold(chart(), |tar, n| {
        tar.file(&format!("x/charts/{n}.tgz"), &inner)
    });
    assert_eq!(
        refused(&bomb.tgz()),
        "decompressed chart is larger than the maximum file size 104857600"
    );
}

#[test]
fn subcharts_nest_sixteen_levels_deep() {
    let archives = |levels| {
        (0..levels).fold(chart().tgz(), |inner, _| {
            chart().file("x/charts/s.tgz", inner).tgz()
        })
    };
    opened(&archives(16));
    assert_eq!(
        refused(&archives(17)),
        "subcharts are nested more than 16 levels deep"
    );
    let directories = |levels| {
        let tar = (1..=levels).fold(chart(), |tar, level| {
            let path = format!("x/{}Chart.yaml", "charts/s/".repeat(level));
            tar.pax("path", &path).file("long", CHART_YAML)
        });
        tar.tgz()
    };
    opened(&directories(16));
    assert_eq!(
        refused(&directories(17)),
        "subcharts are nested more than 16 levels deep"
    );
}

#[test]
fn a_million_empty_entries_are_refused_before_they_are_all_read() {
    for kind in [
        EntryType::Regular,
        EntryType::Directory,
        EntryType::Symlink,
        EntryType::XHeader,
    ] {
        let entry = chart().entry(kind, b"x/templates/e", 0, b"").tar();
        let (files, empty) = entry.split_at(1024);
        let thousand = gzip(&empty[..512].repeat(1000));
        let package = [gzip(files), thousand.repeat(1000)].concat();
        // that the end is missing goes unnoticed
        let package = &package[..package.len() / 2];
        assert_eq!(
            refused(package),
            "chart archive has more than 50000 entries"
        );
        let limits = Limits {
            entries: 2,
            ..Limits::default()
        };
        let two = chart().entry(kind, b"x/e", 0, b"").tgz();
        assert_eq!(with_limits(&two, &limits), Ok(()), "exactly as many");
    }
}

#[test]
fn headers_that_claim_a_gigabyte_are_refused_before_it_is_read() {
    for kind in [
        EntryType::XHeader,
        EntryType::XGlobalHeader,
        EntryType::GNULongName,
        EntryType::GNULongLink,
    ] {
        let tar = Tar::default().entry(kind, b"h", 1 << 30, b"short");
        assert_eq!(refused(&tar.tgz()), "archive/tar: header field too long");
        // within the bound they count as bytes
        let header = Tar::default().entry(kind, b"h", 600, &[b'x'; 600]).tgz();
        let limits = Limits {
            total: 600,
            ..Limits::default()
        };
        let text = with_limits(&header, &limits).unwrap_err();
        assert!(text.starts_with("decompressed chart is larger"), "{text}");
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(open(&bytes, &Limits::default()).is_err());
        prop_assert!(open(&gzip(&bytes), &Limits::default()).is_err());
    }

    #[test]
    fn a_package_with_flipped_bytes_never_panics(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4),
    ) {
        let flipped = |mut bytes: Vec<u8>| {
            for (index, flip) in &flips {
                let index = index.index(bytes.len());
                bytes[index] ^= flip;
            }
            bytes
        };
        let mut tar = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&small_package()[..]), &mut tar)
            .unwrap();
        // outside, where the decompressor meets them, and inside, where the tar reader does
        for package in [flipped(small_package()), gzip(&flipped(tar))] {
            let limits = Limits::default();
            let _ = open(&package, &limits);
            let _ = templates(&package, &limits);
            let _ = read_file(&package, "values.yaml", &limits);
        }
    }

    /// With its checksum mended, a broken header gets past the first check.
    #[test]
    fn a_tar_with_changed_headers_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut tar = chart()
            .entry(EntryType::GNULongName, b"l", 16, b"x/templates/long")
            .file("short", "y")
            .pax("path", "x/values.yaml")
            .file("v", "a: b")
            .file("x/charts/s/Chart.yaml", CHART_YAML)
            .tar();
        let headers: Vec<_> = (0..tar.len())
            .step_by(512)
            .filter(|block| tar[block + 257..].starts_with(b"ustar"))
            .collect();
        prop_assert_eq!(headers.len(), 6);
        for (index, byte) in &changes {
            let index = index.index(headers.len() * 512);
            let header = &mut tar[headers[index / 512]..][..512];
            header[index % 512] = *byte;
            let mut mended = Header::from_byte_slice(header).clone();
            mended.set_cksum();
            header.copy_from_slice(mended.as_bytes());
        }
        let package = gzip(&tar);
        let limits = Limits::default();
        let _ = open(&package, &limits);
        let _ = templates(&package, &limits);
        let _ = read_file(&package, "values.yaml", &limits);
    }

    #[test]
    fn any_name_is_read_or_refused(name in "[xc:/\\\\.\0é]{0,30}") {
        let package = Tar::default().file(&name, "").tgz();
        let _ = open(&package, &Limits::default());
    }
}
