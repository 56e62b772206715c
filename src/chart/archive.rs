//! Opening a chart package: a stranger's bytes in, a [`ChartPackage`] or a named refusal out.
//!
//! The archive streams past: only what the answer needs is kept, and [`Limits`] bound what reading it may cost. At any
//! moment that is, for each archive inside the other, the decompressor's window and two read buffers (some 100 KiB),
//! the one file that is just being read (at most [`Limits::file`], and only files that are looked into), and what is
//! kept to the end (at most [`Limits::metadata`], as text and parsed).

mod budget;
mod contents;
mod error;
mod path;
mod pax;
mod peek;
mod tarball;
#[cfg(test)]
mod testdata;
#[cfg(test)]
mod tests;
mod walk;

use std::io::{self, BufRead, BufReader, Read};

use crate::chart::digest::Sha256Hex;
use crate::chart::metadata::Metadata;
use crate::chart::version::Version;

use budget::Budget;
pub use budget::Limits;
pub use error::{ArchiveError, FileError};
pub use peek::peek;
use tarball::refusal;
pub use walk::{BYTE_ORDER_MARK, PackageFiles};

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

/// Opens and checks a whole package, as Helm's loader does (docs/chartmuseum.md 6).
///
/// # Errors
/// Names the first thing that is wrong, in Helm's order and words.
pub fn open(package: &[u8], limits: &Limits) -> Result<ChartPackage, ArchiveError> {
    let metadata = contents::read(&mut &*package, &mut Budget::new(limits), 0)?.finish()?;
    let version = Version::parse(&metadata.version).expect("valid metadata has a valid version");
    Ok(ChartPackage {
        metadata,
        version,
        digest: Sha256Hex::of(package),
    })
}

/// Shows `see` every file of a package with its size: those of the archives of sub-charts too, at the archive's path and
/// theirs (`charts/sub-1.0.0.tgz/templates/x.yaml`), in archive order. What `see` does not read of a body is skipped. A
/// byte-order mark is not dropped.
///
/// # Errors
/// The archive does not read to its end, or is outside the limits, or `see` fails. The chart in it is not checked.
pub fn files(
    package: &[u8],
    limits: &Limits,
    see: &mut dyn FnMut(&str, u64, &mut dyn Read) -> io::Result<()>,
) -> Result<(), ArchiveError> {
    let mut all = AllFiles {
        prefix: String::new(),
        depth: 0,
        see,
    };
    each_file(&mut &*package, &mut Budget::new(limits), &mut all)
}

/// `path` without the sub-charts that it is in: `crds/x.yaml` of `charts/a/charts/b-1.tgz/crds/x.yaml`. As for Helm,
/// what starts with `_` or `.` directly in `charts/` is no sub-chart.
pub fn path_in_own_chart(mut path: &str) -> &str {
    while let Some((name, rest)) =
        (path.strip_prefix("charts/")).and_then(|path| path.split_once('/'))
        && !name.starts_with(['_', '.'])
    {
        path = rest;
    }
    path
}

/// Someone who looks at the files of a package one after the other.
trait FileVisitor {
    /// Sees a file of `size` bytes at `path` in the chart; `body` need not be read to its end.
    fn file(
        &mut self,
        path: &str,
        size: u64,
        body: &mut dyn Read,
        budget: &mut Budget,
    ) -> Result<(), ArchiveError>;
}

/// Shows `visitor` every file of a gzipped tar. Gzip members that follow each other are read as one stream, as in Go.
fn each_file(
    compressed: &mut dyn BufRead,
    budget: &mut Budget,
    visitor: &mut dyn FileVisitor,
) -> Result<(), ArchiveError> {
    let mut tar = walk::open_tar(compressed)?;
    let mut has_files = false;
    while let Some((path, size)) = walk::next_file(&mut tar, budget)? {
        visitor.file(&path, size, &mut tar, budget)?;
        has_files = true;
    }
    if has_files {
        Ok(())
    } else {
        Err(ArchiveError::NoFiles)
    }
}

struct AllFiles<'a> {
    /// Of the archive in the archive, with a slash; empty for the package itself.
    prefix: String,
    depth: usize,
    see: &'a mut dyn FnMut(&str, u64, &mut dyn Read) -> io::Result<()>,
}

impl FileVisitor for AllFiles<'_> {
    fn file(
        &mut self,
        path: &str,
        size: u64,
        body: &mut dyn Read,
        budget: &mut Budget,
    ) -> Result<(), ArchiveError> {
        let archive = path_in_own_chart(path).strip_prefix("charts/");
        if archive.is_some_and(|name| name.ends_with(".tgz") && !name.starts_with(['_', '.'])) {
            budget.check_nesting(self.depth + 1)?;
            let mut inner = AllFiles {
                prefix: format!("{}{path}/", self.prefix),
                depth: self.depth + 1,
                see: &mut *self.see,
            };
            return each_file(&mut BufReader::new(body), budget, &mut inner);
        }
        (self.see)(&format!("{}{path}", self.prefix), size, body).map_err(refusal)
    }
}

/// `bytes` without the UTF-8 byte-order mark that they may start with.
fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}
