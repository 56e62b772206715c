//! Making a chart package from a chart directory, reproducibly.

use std::path::Path;

use bytes::Bytes;

use crate::chart::archive::ChartPackage;

/// A package made from a directory.
#[derive(Clone, Debug)]
pub struct Packaged {
    /// What it is.
    pub package: ChartPackage,
    /// `<name>-<version>.tgz`.
    pub file_name: String,
    /// The archive.
    pub bytes: Bytes,
}

/// Why a directory cannot be packaged.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {}

/// Packages the chart in `dir`. The same tree gives the same bytes on every machine.
pub fn package_directory(dir: &Path) -> Result<Packaged, PackageError> {
    let _ = dir;
    todo!()
}

/// Packages each chart directory into `destination`.
pub fn run(dirs: &[std::path::PathBuf], destination: &Path) -> Result<(), PackageError> {
    let _ = (dirs, destination);
    todo!()
}
