use proptest::prelude::*;
use tar::{EntryType, Header};

use super::super::testdata::{CHART_YAML, Tar, gzip, read_file};
use super::super::{Limits, open};
use super::small_package;

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
            let _ = read_file(&package, "values.yaml", &limits);
        }
    }

    /// With its checksum mended, a broken header gets past the first check.
    #[test]
    fn a_tar_with_changed_headers_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut tar = Tar::default()
            .file("x/Chart.yaml", CHART_YAML)
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
        let _ = read_file(&package, "values.yaml", &limits);
    }

    #[test]
    fn any_name_is_read_or_refused(name in "[xc:/\\\\.\0é]{0,30}") {
        let package = Tar::default().file(&name, "").tgz();
        let _ = open(&package, &Limits::default());
    }
}
