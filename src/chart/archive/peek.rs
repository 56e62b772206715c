//! What the first file of a package says, without unpacking the rest: Helm writes the root chart's `Chart.yaml` first.

use std::io::{BufReader, Read as _};

use flate2::bufread::MultiGzDecoder;

use super::budget::{Budget, Limits};
use super::tarball::TarReader;
use super::{ChartPackage, contents, path, without_bom};
use crate::chart::digest::Sha256Hex;
use crate::chart::metadata::Metadata;
use crate::chart::version::Version;

/// Entries looked at. Some tools write the directory before the files in it, or `.helmignore`.
const ENTRIES: usize = 8;
/// Decompressed bytes looked at.
const BYTES: u64 = 64 << 10;
/// What is decompressed at a time: a `Chart.yaml` has one or two kilobytes.
const STEP: usize = 4 << 10;

/// The package as [`open`](super::open) would most likely find it: its metadata is that of the first root `Chart.yaml`,
/// if that comes early and is valid. What comes after it may say otherwise (a second `Chart.yaml`, a
/// `requirements.yaml`, a broken end), so the answer holds only until the package is opened whole.
pub fn peek(package: &[u8], limits: &Limits) -> Option<ChartPackage> {
    let limits = Limits {
        total: limits.total.min(BYTES),
        ..*limits
    };
    let mut budget = Budget::new(&limits);
    let decompressed = MultiGzDecoder::new(package);
    let mut tar = TarReader::new(BufReader::with_capacity(STEP, decompressed));
    for _ in 0..ENTRIES {
        let entry = tar.next(&mut budget).ok()??;
        budget.take_bytes(entry.size).ok()?;
        if entry.is_directory || path::in_chart_path(&entry.name).ok()? != "Chart.yaml" {
            continue;
        }
        budget.take_metadata(entry.size).ok()?;
        let mut text = Vec::new();
        tar.read_to_end(&mut text).ok()?;
        let mut metadata = Metadata::default();
        contents::merge(&mut metadata, without_bom(&text)).ok()?;
        metadata.sanitize_and_validate().ok()?;
        let version = Version::parse(&metadata.version)?;
        return Some(ChartPackage {
            metadata,
            version,
            digest: Sha256Hex::of(package),
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testdata::{CHART_YAML, Tar, chart_with, package};
    use super::*;

    fn version(package: &[u8]) -> Option<String> {
        let peeked = peek(package, &Limits::default())?;
        assert_eq!(peeked.digest, Sha256Hex::of(package));
        Some(peeked.metadata.version)
    }

    #[test]
    fn the_first_root_chart_yaml_counts() {
        let whole = chart_with(&[
            ("templates/x.yaml", "a: 1"),
            ("charts/y/Chart.yaml", "name: y"),
        ]);
        assert_eq!(version(&whole).as_deref(), Some("1.0.0"));
        let second = package(&[
            ("x/Chart.yaml", CHART_YAML),
            ("x/Chart.yaml", "name: x\nversion: 2.0.0\n"),
        ]);
        assert_eq!(version(&second).as_deref(), Some("1.0.0"));
        let later = package(&[
            ("x/.helmignore", "*.bak"),
            ("x/charts/y/Chart.yaml", "name: y"),
            ("x/Chart.yaml", CHART_YAML),
        ]);
        assert_eq!(version(&later).as_deref(), Some("1.0.0"));
    }

    #[test]
    fn the_end_is_not_looked_at() {
        let noise: String = (0..20_000u32)
            .map(|n| char::from(b'a' + (n.wrapping_mul(2_654_435_761) >> 24) as u8 % 26))
            .collect();
        let whole = chart_with(&[("noise", &noise)]);
        assert_eq!(version(&whole[..whole.len() / 2]).as_deref(), Some("1.0.0"));
    }

    #[test]
    fn what_is_invalid_late_or_large_is_left_to_opening() {
        let many: Vec<(String, &str)> = (0..ENTRIES).map(|n| (format!("x/{n}"), "")).collect();
        let late = many
            .iter()
            .fold(Tar::default(), |tar, (name, body)| tar.file(name, body));
        for package in [
            Vec::new(),
            b"no gzip".to_vec(),
            package(&[("x/values.yaml", "a: 1")]),
            package(&[("x/Chart.yaml", "name: x")]),
            package(&[("x/Chart.yaml", "name: [")]),
            package(&[("Chart.yaml", CHART_YAML)]),
            package(&[
                ("x/big", &"x".repeat(BYTES as usize)),
                ("x/Chart.yaml", CHART_YAML),
            ]),
            late.file("x/Chart.yaml", CHART_YAML).tgz(),
        ] {
            assert_eq!(version(&package), None);
        }
    }
}
