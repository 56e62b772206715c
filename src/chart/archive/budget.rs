//! What opening a package may cost, and how much of that is left.

use super::error::ArchiveError;

/// What a package may cost to open. All of it is shared with the archives inside the archive, so that nesting bombs
/// does not multiply them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Decompressed bytes in all. Helm's bound: 100 MiB.
    pub total: u64,
    /// Decompressed bytes of one file. Helm's bound: 5 MiB, and exactly that passes.
    pub file: u64,
    /// Entries of any kind, directories and extended headers included. Ours: 50,000, far above any real chart.
    pub entries: usize,
    /// Levels of subcharts in subcharts. Ours: 16.
    pub nesting: usize,
    /// Bytes of what is kept until the end of the archive: every `Chart.yaml` and `requirements.yaml`, and the names
    /// of subcharts. Ours: 1 MiB, because the index repeats them for every version.
    pub metadata: u64,
    /// Bytes of YAML that is parsed, in all: values and locks of the chart and its subcharts. Ours: 20 MiB, because
    /// parsing is what takes time.
    pub yaml: u64,
    /// Bytes of templates and values that the API shows of a package. Ours: 20 MiB.
    pub templates: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            total: 100 << 20,
            file: 5 << 20,
            entries: 50_000,
            nesting: 16,
            metadata: 1 << 20,
            yaml: 20 << 20,
            templates: 20 << 20,
        }
    }
}

/// What is left of the [`Limits`] of one package.
pub(super) struct Budget {
    limits: Limits,
    total: u64,
    entries: usize,
    metadata: u64,
    yaml: u64,
}

impl Budget {
    /// A full budget.
    pub(super) fn new(limits: &Limits) -> Self {
        let Limits {
            total,
            entries,
            metadata,
            yaml,
            ..
        } = *limits;
        Self {
            limits: *limits,
            total,
            entries,
            metadata,
            yaml,
        }
    }

    /// Takes one tar header. Together with the padding behind its body that is at most 1 KiB of stream, which is why
    /// headers need no bytes of their own in `total`.
    pub(super) fn take_entry(&mut self) -> Result<(), ArchiveError> {
        self.entries = self
            .entries
            .checked_sub(1)
            .ok_or(ArchiveError::TooManyEntries(self.limits.entries))?;
        Ok(())
    }

    /// Takes the declared size of a body before a byte of it is read. Using up the last byte is already too much, as
    /// in Helm.
    pub(super) fn take_bytes(&mut self, size: u64) -> Result<(), ArchiveError> {
        if size > 0 {
            let left = self.total.checked_sub(size).filter(|left| *left > 0);
            self.total = left.ok_or(ArchiveError::TotalTooLarge(self.limits.total))?;
        }
        Ok(())
    }

    /// Takes the declared size of a file.
    pub(super) fn take_file(&mut self, name: &str, size: u64) -> Result<(), ArchiveError> {
        if size > self.total {
            return Err(ArchiveError::TotalTooLarge(self.limits.total));
        }
        if size > self.limits.file {
            return Err(ArchiveError::FileTooLarge {
                name: name.to_owned(),
                limit: self.limits.file,
            });
        }
        self.take_bytes(size)
    }

    /// Takes bytes that will be kept until the end of the archive.
    pub(super) fn take_metadata(&mut self, size: u64) -> Result<(), ArchiveError> {
        let left = self.metadata.checked_sub(size);
        self.metadata = left.ok_or(ArchiveError::MetadataTooLarge(self.limits.metadata))?;
        Ok(())
    }

    /// Takes bytes that will be parsed as YAML.
    pub(super) fn take_yaml(&mut self, size: u64) -> Result<(), ArchiveError> {
        self.yaml = self
            .yaml
            .checked_sub(size)
            .ok_or(ArchiveError::YamlTooLarge(self.limits.yaml))?;
        Ok(())
    }

    /// Refuses subcharts that are more than so many levels deep.
    pub(super) fn check_nesting(&self, depth: usize) -> Result<(), ArchiveError> {
        if depth > self.limits.nesting {
            Err(ArchiveError::TooDeep(self.limits.nesting))
        } else {
            Ok(())
        }
    }
}
