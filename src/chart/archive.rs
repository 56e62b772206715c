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

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use crate::chart::digest::Sha256Hex;
use crate::chart::metadata::Metadata;
use crate::chart::version::Version;

use budget::Budget;
pub use budget::Limits;
pub use error::{ArchiveError, FileError};
pub use peek::peek;
use tarball::{TarReader, refusal};

const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

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

/// What `GET …/templates` shows of a package (docs/chartmuseum.md 3.6).
#[derive(Clone, Debug, Default)]
pub struct Templates {
    /// Files under the root chart's `templates/`, in archive order: in-chart path and bytes.
    pub templates: Vec<(String, Vec<u8>)>,
    /// `values.yaml`, if there is one; without a byte-order mark.
    pub values: Option<Vec<u8>>,
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

/// The bytes of one file of the root chart (`path` as in the chart, such as `README.md`), `None` if it has none such.
/// A path that is absolute or climbs is simply not found. Of two files at one path the later counts, as in Helm; a
/// byte-order mark is dropped, as Helm drops it from every file.
///
/// # Errors
/// The archive does not read to its end, or is outside the limits. The chart in it is not checked.
pub fn read_file(
    package: &[u8],
    path: &str,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, ArchiveError> {
    let mut wanted = OneFile { path, found: None };
    each_file(&mut &*package, &mut Budget::new(limits), &mut wanted)?;
    Ok(wanted.found)
}

/// The templates and values of the root chart.
///
/// # Errors
/// The archive does not read to its end, or is outside the limits. The chart in it is not checked.
pub fn templates(package: &[u8], limits: &Limits) -> Result<Templates, ArchiveError> {
    let mut wanted = TemplateFiles {
        found: Templates::default(),
        left: limits.templates,
        limit: limits.templates,
    };
    each_file(&mut &*package, &mut Budget::new(limits), &mut wanted)?;
    Ok(wanted.found)
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
    let head = compressed.fill_buf().map_err(refusal)?;
    if head.is_empty() {
        return Err(ArchiveError::Empty);
    }
    if head
        .iter()
        .zip(GZIP_MAGIC)
        .any(|(byte, magic)| *byte != magic)
    {
        return Err(ArchiveError::NotGzip);
    }
    // reading in large steps: the decompressor is slow at filling one tar block at a time
    let mut tar = TarReader::new(BufReader::with_capacity(
        32 << 10,
        MultiGzDecoder::new(compressed),
    ));
    let mut has_files = false;
    while let Some(entry) = tar.next(budget)? {
        if entry.is_directory {
            // some spellings of a directory have a body, and reading past gigabytes of zeros takes time, too
            budget.take_bytes(entry.size)?;
            continue;
        }
        let path = path::in_chart_path(&entry.name)?;
        budget.take_file(&entry.name, entry.size)?;
        visitor.file(&path, entry.size, &mut tar, budget)?;
        has_files = true;
    }
    if has_files {
        Ok(())
    } else {
        Err(ArchiveError::NoFiles)
    }
}

struct OneFile<'a> {
    path: &'a str,
    found: Option<Vec<u8>>,
}

impl FileVisitor for OneFile<'_> {
    fn file(
        &mut self,
        path: &str,
        _size: u64,
        body: &mut dyn Read,
        _budget: &mut Budget,
    ) -> Result<(), ArchiveError> {
        if path == self.path {
            self.found = Some(read_body(body)?);
        }
        Ok(())
    }
}

struct TemplateFiles {
    found: Templates,
    left: u64,
    limit: u64,
}

impl FileVisitor for TemplateFiles {
    fn file(
        &mut self,
        path: &str,
        size: u64,
        body: &mut dyn Read,
        _budget: &mut Budget,
    ) -> Result<(), ArchiveError> {
        let is_values = path == "values.yaml";
        if is_values || path.starts_with("templates/") {
            self.left = self
                .left
                .checked_sub(size)
                .ok_or(ArchiveError::TemplatesTooLarge(self.limit))?;
            let bytes = read_body(body)?;
            if is_values {
                self.found.values = Some(bytes);
            } else {
                self.found.templates.push((path.to_owned(), bytes));
            }
        }
        Ok(())
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

fn read_body(body: &mut dyn Read) -> Result<Vec<u8>, ArchiveError> {
    let mut bytes = Vec::new();
    body.read_to_end(&mut bytes).map_err(refusal)?;
    let mark = bytes.len() - without_bom(&bytes).len();
    bytes.drain(..mark);
    Ok(bytes)
}

/// `bytes` without the UTF-8 byte-order mark that they may start with.
fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}
