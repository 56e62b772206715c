//! A streaming tar reader for strangers' bytes: headers are parsed by the `tar` crate, the stream is walked here,
//! because that crate's own walk reads long names, extended headers and sparse maps without a bound.

use std::borrow::Cow;
use std::io::{self, Read};

use tar::{EntryType, Header};

use super::budget::Budget;
use super::error::ArchiveError;
use super::pax::Pax;

const BLOCK: usize = 512;

/// Go's tar reader has the same bound for what describes an entry.
const LONGEST_EXTENSION: u64 = 1 << 20;

/// Bytes of a name: no file system takes longer paths. Names are repeated in error texts and kept for subcharts.
const LONGEST_NAME: usize = 4096;

/// Reads the entries of a tar one after the other. As a [`Read`] it yields the body of the current entry.
pub(super) struct TarReader<R> {
    input: R,
    /// Bytes of the current body that are still to be read.
    body: u64,
    /// Zeros behind the current body.
    padding: u64,
}

/// One entry: a file, or what Helm takes for one.
pub(super) struct Entry {
    /// Name as the archive spells it.
    pub(super) name: String,
    /// Bytes of the body; for some spellings of a directory, too.
    pub(super) size: u64,
    /// True for what Helm skips.
    pub(super) is_directory: bool,
}

impl<R: Read> TarReader<R> {
    /// A reader of the tar in `input`.
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            body: 0,
            padding: 0,
        }
    }

    /// The next entry, `None` at the end of the tar. What stands behind the end is not looked at.
    pub(super) fn next(&mut self, budget: &mut Budget) -> Result<Option<Entry>, ArchiveError> {
        let mut long_name = None;
        let mut pax = Pax::default();
        loop {
            self.skip_body()?;
            let Some(header) = self.next_header()? else {
                return Ok(None);
            };
            budget.take_entry()?;
            let size = size_of(&header)?;
            match header.entry_type() {
                EntryType::GNULongName => {
                    let mut name = self.read_extension(size, budget)?;
                    let end = name.iter().position(|byte| *byte == 0);
                    name.truncate(end.unwrap_or(name.len()));
                    long_name = Some(name).filter(|name| !name.is_empty());
                }
                EntryType::XHeader => pax = Pax::parse(&self.read_extension(size, budget)?)?,
                EntryType::GNULongLink => self.start_extension(size, budget)?,
                // what it says of all entries is not applied, as in Go, but it must be well-formed
                EntryType::XGlobalHeader => {
                    Pax::parse(&self.read_extension(size, budget)?)?;
                }
                _ => return self.entry(&header, size, long_name, pax).map(Some),
            }
        }
    }

    fn entry(
        &mut self,
        header: &Header,
        size: u64,
        long_name: Option<Vec<u8>>,
        pax: Pax,
    ) -> Result<Entry, ArchiveError> {
        let name = long_name.or(pax.path).map(Cow::Owned);
        let name = name.unwrap_or_else(|| header.path_bytes());
        if name.len() > LONGEST_NAME {
            return Err(ArchiveError::PathTooLong(name.len()));
        }
        let name = String::from_utf8_lossy(&name).into_owned();
        let kind = header.entry_type();
        if kind.is_gnu_sparse() || pax.sparse {
            return Err(ArchiveError::Sparse(name));
        }
        if pax.size.is_some_and(|pax_size| pax_size != size) {
            return Err(ArchiveError::TwoSizes(name));
        }
        let has_body = !matches!(
            kind,
            EntryType::Link
                | EntryType::Symlink
                | EntryType::Char
                | EntryType::Block
                | EntryType::Directory
                | EntryType::Fifo
        );
        if !has_body && !kind.is_dir() && size > 0 {
            return Err(ArchiveError::TwoSizes(name));
        }
        let size = if has_body { size } else { 0 };
        // a directory in the two old spellings: a name that ends in a slash, and the mode bits of stat(2)
        let is_directory = kind.is_dir()
            || header.as_old().linkflag == [0] && name.ends_with('/')
            || header
                .mode()
                .is_ok_and(|mode| mode & 0o170_000 == 0o040_000);
        self.start_body(size);
        Ok(Entry {
            name,
            size,
            is_directory,
        })
    }

    /// A header whose checksum is right; `None` at the end: two blocks of zeros, or no more bytes.
    fn next_header(&mut self) -> Result<Option<Header>, ArchiveError> {
        let mut header = Header::new_old();
        if !self.read_block(header.as_mut_bytes())? {
            return Ok(None);
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            let more = self.read_block(header.as_mut_bytes())?;
            let end = !more || header.as_bytes().iter().all(|byte| *byte == 0);
            return if end {
                Ok(None)
            } else {
                Err(ArchiveError::TarHeader)
            };
        }
        let (before, rest) = header.as_bytes().split_at(148);
        let bytes = || before.iter().chain(&[b' '; 8]).chain(&rest[8..]);
        let unsigned: i64 = bytes().map(|byte| i64::from(*byte)).sum();
        let written = i64::from(header.cksum().map_err(|_| ArchiveError::TarHeader)?);
        // some old tars sum signed bytes; Go takes both
        if written != unsigned && written != bytes().map(|byte| i64::from(*byte as i8)).sum::<i64>()
        {
            return Err(ArchiveError::TarHeader);
        }
        Ok(Some(header))
    }

    /// Fills `block`; false if there is not a byte left.
    fn read_block(&mut self, block: &mut [u8; BLOCK]) -> Result<bool, ArchiveError> {
        let mut filled = 0;
        while filled < BLOCK {
            match self.input.read(&mut block[filled..]).map_err(refusal)? {
                0 if filled == 0 => return Ok(false),
                0 => return Err(ArchiveError::Truncated),
                read => filled += read,
            }
        }
        Ok(true)
    }

    fn start_body(&mut self, size: u64) {
        self.body = size;
        self.padding = size.next_multiple_of(BLOCK as u64) - size;
    }

    /// Makes what describes the next entry the current body, within bounds: a header can claim a gigabyte of name.
    fn start_extension(&mut self, size: u64, budget: &mut Budget) -> Result<(), ArchiveError> {
        if size > LONGEST_EXTENSION {
            return Err(ArchiveError::HeaderTooLong);
        }
        budget.take_bytes(size)?;
        self.start_body(size);
        Ok(())
    }

    fn read_extension(&mut self, size: u64, budget: &mut Budget) -> Result<Vec<u8>, ArchiveError> {
        self.start_extension(size, budget)?;
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes).map_err(refusal)?;
        Ok(bytes)
    }

    /// Reads past what is left of the current body. Padding may be missing at the end of the tar, as in Go.
    fn skip_body(&mut self) -> Result<(), ArchiveError> {
        if self.skip(self.body)? < self.body {
            return Err(ArchiveError::Truncated);
        }
        self.body = 0;
        self.skip(self.padding)?;
        self.padding = 0;
        Ok(())
    }

    fn skip(&mut self, count: u64) -> Result<u64, ArchiveError> {
        if count == 0 {
            return Ok(0);
        }
        io::copy(&mut self.input.by_ref().take(count), &mut io::sink()).map_err(refusal)
    }
}

impl<R: Read> Read for TarReader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.body)
            .unwrap_or(usize::MAX)
            .min(into.len());
        if want == 0 {
            return Ok(0);
        }
        let read = self.input.read(&mut into[..want])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.body -= read as u64;
        Ok(read)
    }
}

/// The size that a header states. As in Go, a field that was left blank says zero, and no size has a 64th bit.
fn size_of(header: &Header) -> Result<u64, ArchiveError> {
    if header
        .as_old()
        .size
        .iter()
        .all(|byte| matches!(byte, 0 | b' '))
    {
        return Ok(0);
    }
    let size = header.entry_size().ok();
    size.filter(|size| *size <= i64::MAX as u64)
        .ok_or(ArchiveError::TarHeader)
}

/// The refusal for what the decompressor says.
pub(super) fn refusal(error: io::Error) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ArchiveError::Truncated,
        _ => ArchiveError::Corrupt(error.to_string()),
    }
}
