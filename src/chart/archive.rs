//! Opening a chart package: a stranger's bytes in, a [`ChartPackage`] or a named refusal out.

use crate::chart::digest::Sha256Hex;
use crate::chart::metadata::Metadata;
use crate::chart::version::Version;

/// What a package may cost to open.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Decompressed bytes in all.
    pub total: u64,
    /// Decompressed bytes of one file.
    pub file: u64,
    /// Entries of any kind in one tar.
    pub entries: usize,
}

/// A package that opened: the metadata is sanitised and valid.
#[derive(Clone, Debug)]
pub struct ChartPackage {
    /// What `Chart.yaml` (and `requirements.yaml`) say.
    pub metadata: Metadata,
    /// `metadata.version`, parsed.
    pub version: Version,
    /// Digest of the package's bytes.
    pub digest: Sha256Hex,
}

/// Why a package does not open. Displayed texts are those of contract sections 2.2 and 2.3.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Nothing at all.
    #[error("EOF")]
    Empty,
}

/// What `GET …/templates` shows of a package (contract section 4.4).
#[derive(Clone, Debug, Default)]
pub struct Templates {
    /// Files under the root chart's `templates/`, in archive order: in-chart path and bytes.
    pub templates: Vec<(String, Vec<u8>)>,
    /// `values.yaml`, if there is one; without a byte-order mark.
    pub values: Option<Vec<u8>>,
}

/// Opens and checks a whole package.
pub fn open(package: &[u8], limits: &Limits) -> Result<ChartPackage, ArchiveError> {
    let _ = (package, limits);
    todo!()
}

/// The bytes of one file of the root chart (`path` as in the chart, such as `README.md`), `None` if it has none such.
pub fn read_file(
    package: &[u8],
    path: &str,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, ArchiveError> {
    let _ = (package, path, limits);
    todo!()
}

/// The templates and values of the root chart.
pub fn templates(package: &[u8], limits: &Limits) -> Result<Templates, ArchiveError> {
    let _ = (package, limits);
    todo!()
}
