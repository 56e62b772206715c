use flate2::{Decompress, FlushDecompress};
use tar::EntryType;

use super::super::Limits;
use super::super::testdata::{CHART_YAML, Tar, gzip, gzip_with_zeros};
use super::{opened, refused, small_package, with_limits};

const MIB: u64 = 1 << 20;

fn chart() -> Tar {
    Tar::default().file("x/Chart.yaml", CHART_YAML)
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
