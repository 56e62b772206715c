//! A package file by file, at the pace of whoever reads: between two files, and in the middle of one, it can rest.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

use super::budget::{Budget, Limits};
use super::error::ArchiveError;
use super::path;
use super::tarball::{TarReader, refusal};

const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// What some editors put before a text: Helm drops it from every file.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The decompressed tar inside a package. It is read in large steps: the decompressor is slow at filling one tar block
/// at a time.
type Tar<R> = TarReader<BufReader<MultiGzDecoder<R>>>;

/// The files of the root chart, sub-charts included, in archive order. As a [`Read`] it yields the body of the current
/// file, byte-order mark included; what is not read of it is skipped.
///
/// At rest it takes a decompressor's state and its buffer, some 100 KiB, besides what `R` takes.
pub struct PackageFiles<R: BufRead> {
    tar: Tar<R>,
    budget: Budget,
    has_files: bool,
}

impl<R: BufRead> PackageFiles<R> {
    /// Starts at the beginning of the package in `compressed`.
    ///
    /// # Errors
    /// It is empty, or not gzipped.
    pub fn open(compressed: R, limits: &Limits) -> Result<Self, ArchiveError> {
        Ok(Self {
            tar: open_tar(compressed)?,
            budget: Budget::new(limits),
            has_files: false,
        })
    }

    /// Path in the chart and size of the next file; `None` at the end.
    ///
    /// # Errors
    /// The archive does not read on, is outside the limits, or ends without a file. The chart in it is not checked.
    pub fn next_file(&mut self) -> Result<Option<(String, u64)>, ArchiveError> {
        let next = next_file(&mut self.tar, &mut self.budget)?;
        self.has_files |= next.is_some();
        if self.has_files {
            Ok(next)
        } else {
            Err(ArchiveError::NoFiles)
        }
    }

    /// Reads the current file from its beginning until `buffer` is full or the file at its end, and says how much that
    /// was.
    ///
    /// # Errors
    /// The archive does not read on.
    pub fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.tar.read(&mut buffer[filled..]).map_err(refusal)? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }
}

impl<R: BufRead> Read for PackageFiles<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.tar.read(into)
    }
}

/// The tar in a gzipped file. Gzip members that follow each other are read as one stream, as in Go.
pub(super) fn open_tar<R: BufRead>(mut compressed: R) -> Result<Tar<R>, ArchiveError> {
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
    let tar = MultiGzDecoder::new(compressed);
    Ok(TarReader::new(BufReader::with_capacity(32 << 10, tar)))
}

/// Path in the chart and size of the next file; directories are passed over.
pub(super) fn next_file<R: Read>(
    tar: &mut TarReader<R>,
    budget: &mut Budget,
) -> Result<Option<(String, u64)>, ArchiveError> {
    while let Some(entry) = tar.next(budget)? {
        if entry.is_directory {
            // some spellings of a directory have a body, and reading past gigabytes of zeros takes time, too
            budget.take_bytes(entry.size)?;
            continue;
        }
        let path = path::in_chart_path(&entry.name)?.into_owned();
        budget.take_file(&entry.name, entry.size)?;
        return Ok(Some((path, entry.size)));
    }
    Ok(None)
}
