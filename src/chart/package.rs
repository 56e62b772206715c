//! Making a chart package from a chart directory, reproducibly: the same tree gives the same bytes on every machine.
//!
//! [`archive_of`] is pure; [`package_directory`] reads a directory for it and [`run`] writes what it made.

mod complete;
mod directory;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::{Compression, GzBuilder};

use crate::chart::archive::{self, ArchiveError, ChartPackage, Limits};
use crate::chart::ignore::IgnoreError;

/// The time of every entry: the first that all archive formats can hold (1980-01-01), as tar warns of the epoch itself.
const MODIFIED: u64 = 315_532_800;

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
pub enum PackageError {
    /// It has no `Chart.yaml`.
    #[error("{0} is not a chart directory: it has no Chart.yaml")]
    NotAChart(PathBuf),
    /// Something cannot be read.
    #[error("cannot read {0}")]
    Read(PathBuf, #[source] io::Error),
    /// A socket, a device, or a name that is not text.
    #[error(
        "{0} cannot be packaged: only regular files with UTF-8 names can; remove it or name it in .helmignore"
    )]
    Irregular(PathBuf),
    /// More than a package may hold.
    #[error("{0} does not fit into a chart package ({1}); remove it or name it in .helmignore")]
    TooLarge(PathBuf, &'static str),
    /// `.helmignore` has a line that Helm refuses.
    #[error("{0} cannot be packaged")]
    Ignore(PathBuf, #[source] IgnoreError),
    /// The chart is not valid.
    #[error("{0} is not a valid chart")]
    Invalid(PathBuf, #[source] ArchiveError),
    /// Sub-charts that `Chart.yaml` asks for are not there. Helm's words, and what to do.
    #[error(
        "{0} cannot be packaged: found in Chart.yaml, but missing in charts/ directory: {1}; fetch what is missing with `helm dependency update {dir}`",
        dir = .0.display()
    )]
    MissingDependencies(PathBuf, String),
    /// A schema that Helm cannot read, in the chart or in a sub-chart.
    #[error("{0} cannot be packaged: invalid JSON in {1}")]
    Schema(PathBuf, String, #[source] serde_json::Error),
    /// Two directories give one package.
    #[error("{0} and {1} both give {2}: change the name or the version of one")]
    SamePackage(PathBuf, PathBuf, String),
    /// The package cannot be written.
    #[error("cannot write {0}")]
    Write(PathBuf, #[source] io::Error),
}

/// Packages the chart in `dir`.
///
/// # Errors
/// [`PackageError`]: the directory is no chart, cannot be read, or holds what Helm would refuse to load or to package.
pub fn package_directory(dir: &Path) -> Result<Packaged, PackageError> {
    let limits = Limits::default();
    let files = directory::read_chart(dir, &limits)?;
    let invalid = |error| PackageError::Invalid(dir.to_owned(), error);
    // the directory inside the archive is named after the chart, which only the opened package tells
    let package = archive::open(&archive_of("chart", &files), &limits).map_err(invalid)?;
    let bytes = archive_of(&package.metadata.name, &files);
    let package = archive::open(&bytes, &limits).map_err(invalid)?;
    complete::check(dir, &package.metadata, &bytes, &limits)?;
    let file_name = format!("{}-{}.tgz", package.metadata.name, package.metadata.version);
    Ok(Packaged {
        package,
        file_name,
        bytes: bytes.into(),
    })
}

/// The archive of a chart called `name` from its files (path in the chart, bytes), which are taken in the order given.
pub fn archive_of(name: &str, files: &[(String, Vec<u8>)]) -> Vec<u8> {
    const IN_MEMORY: &str = "writing to memory does not fail";
    let gzip = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(MODIFIED);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, format!("{name}/{path}"), content.as_slice())
            .expect(IN_MEMORY);
    }
    tar.into_inner()
        .expect(IN_MEMORY)
        .finish()
        .expect(IN_MEMORY)
}

/// Packages chart directories into `destination`, which is made if it is missing. Nothing is written unless all of them
/// can be packaged. Returns what was written, in the order of the directories.
pub fn run(dirs: &[PathBuf], destination: &Path) -> Result<Vec<(PathBuf, Packaged)>, PackageError> {
    let mut packages: Vec<(&PathBuf, Packaged)> = Vec::with_capacity(dirs.len());
    for dir in dirs {
        let packaged = package_directory(dir)?;
        if let Some((other, _)) = packages
            .iter()
            .find(|(_, other)| other.file_name == packaged.file_name)
        {
            return Err(PackageError::SamePackage(
                (*other).clone(),
                dir.clone(),
                packaged.file_name,
            ));
        }
        packages.push((dir, packaged));
    }
    fs::create_dir_all(destination)
        .map_err(|error| PackageError::Write(destination.to_owned(), error))?;
    let mut written = Vec::with_capacity(packages.len());
    for (_, packaged) in packages {
        let path = destination.join(&packaged.file_name);
        write_atomically(&path, &packaged.bytes)
            .map_err(|error| PackageError::Write(path.clone(), error))?;
        written.push((path, packaged));
    }
    Ok(written)
}

/// Either the old file or the whole new one is there, also after a power cut.
fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".tmp");
    let temporary = PathBuf::from(temporary);
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let written = (|| {
        let mut file = fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        fs::File::open(parent)?.sync_all()
    })();
    if written.is_err() {
        // the first error is the one to report
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests;
