//! Whether a release of a chart fits into the Secret in which Helm keeps it. Pure.

use std::io::{self, Read, Write};

use base64::engine::general_purpose::STANDARD;
use base64::write::EncoderWriter;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Bytes that the values of a Secret may have together (Kubernetes' `MaxSecretSize`).
pub const RELEASE_LIMIT: u64 = 1 << 20;
/// A margin, in per cent, for Helm's compressor doing better than ours; none was observed.
const DOUBT: u64 = 4;

/// Bytes that the chart's own files take in a release Secret, not more than Helm makes of them: each file in base64
/// inside JSON, all of it in gzip, and that in base64 again (docs/components.md 5.8, fact 9, and 17, item 5; the base64
/// of the Kubernetes API on top of it is not counted by the limit). Manifest, hooks, values and metadata come on top.
/// `files` are those of the root chart with their paths: Helm does not keep sub-charts in a release.
pub fn release_size_estimate<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> u64 {
    let mut size = ReleaseSize::default();
    for (path, mut bytes) in files {
        size.add(path, &mut bytes)
            .expect("bytes are read without fail");
    }
    size.finish()
}

/// An upper bound for files of this total size: below the limit no estimate is needed.
pub(super) fn upper_bound(bytes: u64, files: u64) -> u64 {
    (bytes * 4 / 3 + files * 300) * 4 / 3
}

/// The estimate, file by file.
pub(super) struct ReleaseSize {
    /// JSON with Helm's compression.
    json: GzEncoder<Count>,
}

/// Counts the bytes written to it.
#[derive(Default)]
struct Count(u64);

impl Default for ReleaseSize {
    fn default() -> Self {
        Self {
            json: GzEncoder::new(Count::default(), Compression::best()),
        }
    }
}

impl ReleaseSize {
    /// Adds one file of the chart, if Helm keeps it unchanged. `values.yaml` becomes JSON without its comments and so
    /// does not count, as do the files of metadata.
    pub(super) fn add(&mut self, path: &str, body: &mut dyn Read) -> io::Result<()> {
        if !is_kept(path) {
            return Ok(());
        }
        write!(self.json, r#"{{"name":"{path}","data":""#)?;
        let mut base64 = EncoderWriter::new(&mut self.json, &STANDARD);
        io::copy(body, &mut base64)?;
        base64.finish()?;
        drop(base64);
        self.json.write_all(br#""},"#)
    }

    /// A lower bound for the bytes in the Secret.
    pub(super) fn finish(self) -> u64 {
        let gzip = self.json.finish().expect("counting does not fail").0;
        gzip * 4 / 3 * (100 - DOUBT) / 100
    }
}

/// True for the root chart's files that a release keeps unchanged.
pub(super) fn is_kept(path: &str) -> bool {
    let is_metadata = matches!(path, "Chart.yaml" | "Chart.lock" | "values.yaml");
    !is_metadata && !path.starts_with("charts/")
}

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that do not compress, the same each time.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn what_was_measured_with_helm_is_told_apart() {
        for (megabytes, fits) in [
            (0.1, true),
            (0.61, true),
            (0.75, true),
            (0.9, false),
            (1.43, false),
        ] {
            let file = noise((megabytes * 1e6) as usize);
            let size = release_size_estimate([("files/noise", &*file)]);
            assert_eq!(size <= RELEASE_LIMIT, fits, "{megabytes} MB take {size}");
            assert!(upper_bound(file.len() as u64, 1) >= size);
        }
    }

    #[test]
    fn what_helm_does_not_keep_as_it_is_does_not_count() {
        let file = noise(2_000_000);
        for path in [
            "values.yaml",
            "Chart.yaml",
            "Chart.lock",
            "charts/sub/files/noise",
        ] {
            assert!(release_size_estimate([(path, &*file)]) < 100, "{path}");
        }
        for path in [
            "templates/a.yaml",
            "crds/a.yaml",
            "README.md",
            "values.schema.json",
        ] {
            assert!(
                release_size_estimate([(path, &*file)]) > RELEASE_LIMIT,
                "{path}"
            );
        }
    }

    #[test]
    fn what_compresses_well_fits() {
        let file = "a: b\n".repeat(1_000_000);
        let size = release_size_estimate([("templates/a.yaml", file.as_bytes())]);
        assert!(size < 100_000, "{size}");
    }
}
