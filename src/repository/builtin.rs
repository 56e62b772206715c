//! Built-in charts: packages that are shipped with the program. The type has no method that writes.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::chart::archive::{self, ArchiveError, Limits};
use crate::chart::package::{PackageError, package_directory};
use crate::repository::entry::{Listing, Stamp};
use crate::repository::key::FileKind;
use crate::repository::store::Content;

/// The read-only layer of the root tenant.
#[derive(Debug, Default)]
pub struct BuiltinCharts {
    files: BTreeMap<String, BuiltinFile>,
    listings: Vec<Listing>,
}

#[derive(Debug)]
struct BuiltinFile {
    stamp: Stamp,
    content: BuiltinContent,
}

#[derive(Debug)]
enum BuiltinContent {
    /// Packaged at start from a chart directory.
    Packaged(Bytes),
    /// A package file in the image, which does not change.
    File(PathBuf),
}

/// Why one of the built-in charts is not served.
#[derive(Debug, thiserror::Error)]
pub enum BuiltinProblem {
    /// A chart directory that cannot be packaged.
    #[error("built-in chart {0} cannot be packaged")]
    Directory(PathBuf, #[source] PackageError),
    /// An invalid package.
    #[error("built-in chart {0} cannot be opened")]
    Package(PathBuf, #[source] ArchiveError),
    /// A file that cannot be read.
    #[error("built-in chart {0} cannot be read")]
    Unreadable(PathBuf, #[source] io::Error),
    /// Two sources give the same file.
    #[error("built-in chart {0} is there twice: {1} is not served")]
    Twice(String, PathBuf),
}

impl BuiltinCharts {
    /// Reads a directory of chart directories, packages and their provenance files. What cannot be served is left out
    /// and reported; it must not keep the rest from being served.
    pub fn load(directory: &Path, limits: &Limits) -> io::Result<(Self, Vec<BuiltinProblem>)> {
        let mut charts = Self::default();
        let mut problems = Vec::new();
        let mut paths: Vec<PathBuf> = std::fs::read_dir(directory)?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<_>>()?;
        paths.sort_unstable();
        for path in paths {
            if let Err(problem) = charts.add(&path, limits) {
                problems.push(problem);
            }
        }
        Ok((charts, problems))
    }

    fn add(&mut self, path: &Path, limits: &Limits) -> Result<(), BuiltinProblem> {
        if path.join("Chart.yaml").is_file() {
            let packaged = package_directory(path)
                .map_err(|error| BuiltinProblem::Directory(path.to_owned(), error))?;
            let modified = modified(&path.join("Chart.yaml"));
            let stamp = Stamp::new(packaged.bytes.len() as u64, modified, b"");
            let listing = Listing::new(&packaged.package, &packaged.file_name, stamp);
            return self.insert(
                path,
                packaged.file_name,
                stamp,
                BuiltinContent::Packaged(packaged.bytes),
                Some(listing),
            );
        }
        let Some(file_name) = path.file_name().and_then(|name| name.to_str()) else {
            return Ok(());
        };
        let Some(kind) = FileKind::of(file_name).filter(|_| path.is_file()) else {
            return Ok(());
        };
        let bytes = std::fs::read(path)
            .map_err(|error| BuiltinProblem::Unreadable(path.to_owned(), error))?;
        let stamp = Stamp::new(bytes.len() as u64, modified(path), b"");
        let listing = match kind {
            FileKind::Package => {
                let package = archive::open(&bytes, limits)
                    .map_err(|error| BuiltinProblem::Package(path.to_owned(), error))?;
                Some(Listing::new(&package, file_name, stamp))
            }
            FileKind::Provenance => None,
        };
        self.insert(
            path,
            file_name.to_owned(),
            stamp,
            BuiltinContent::File(path.to_owned()),
            listing,
        )
    }

    fn insert(
        &mut self,
        path: &Path,
        file_name: String,
        stamp: Stamp,
        content: BuiltinContent,
        listing: Option<Listing>,
    ) -> Result<(), BuiltinProblem> {
        let same_version = listing
            .as_ref()
            .is_some_and(|listing| self.has_version(&listing.name, &listing.version_text));
        if same_version || self.files.contains_key(&file_name) {
            return Err(BuiltinProblem::Twice(file_name, path.to_owned()));
        }
        self.files.insert(file_name, BuiltinFile { stamp, content });
        self.listings.extend(listing);
        Ok(())
    }

    /// Their index entries.
    pub fn listings(&self) -> &[Listing] {
        &self.listings
    }

    /// True if a built-in chart or provenance file has this name.
    pub fn has_file(&self, file_name: &str) -> bool {
        self.files.contains_key(file_name)
    }

    /// True if this version of this chart is built in.
    pub fn has_version(&self, name: &str, version: &str) -> bool {
        self.listings
            .iter()
            .any(|listing| *listing.name == *name && *listing.version_text == *version)
    }

    /// Size and time of a file, `None` if there is none of that name.
    pub fn stamp(&self, file_name: &str) -> Option<Stamp> {
        self.files.get(file_name).map(|file| file.stamp)
    }

    /// The bytes of a file that was packaged here and is in memory.
    pub fn packaged(&self, file_name: &str) -> Option<Bytes> {
        match &self.files.get(file_name)?.content {
            BuiltinContent::Packaged(bytes) => Some(bytes.clone()),
            BuiltinContent::File(_) => None,
        }
    }

    /// The bytes of a file, `None` if there is none of that name.
    pub fn get(&self, file_name: &str) -> Option<io::Result<Bytes>> {
        self.files.get(file_name).map(|file| match &file.content {
            BuiltinContent::Packaged(bytes) => Ok(bytes.clone()),
            BuiltinContent::File(path) => std::fs::read(path).map(Bytes::from),
        })
    }

    /// The same to be sent, `None` if there is none of that name. A file of the image is opened, which takes no longer than
    /// a system call.
    pub fn open(&self, file_name: &str) -> Option<io::Result<Content>> {
        self.files.get(file_name).map(|file| match &file.content {
            BuiltinContent::Packaged(bytes) => Ok(Content::Shared(bytes.clone())),
            BuiltinContent::File(path) => std::fs::File::open(path).map(Content::File),
        })
    }
}

fn modified(path: &Path) -> DateTime<Utc> {
    std::fs::metadata(path).map_or(DateTime::UNIX_EPOCH, |metadata| {
        Stamp::of(&metadata).modified
    })
}
