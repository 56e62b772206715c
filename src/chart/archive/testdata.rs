//! Packages for tests, hostile ones included: a tar is put together header by header.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

/// The smallest valid `Chart.yaml`.
pub(super) const CHART_YAML: &str = "apiVersion: v2\nname: demo\nversion: 1.2.3\n";

/// A tar that is being written.
#[derive(Clone, Default)]
pub(super) struct Tarball(Vec<u8>);

impl Tarball {
    /// A chart called `demo` in the directory of that name, so far of `Chart.yaml` only.
    pub(super) fn demo() -> Self {
        Self::default().file("demo/Chart.yaml", CHART_YAML)
    }

    /// Adds a regular file.
    pub(super) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        self.entry(EntryType::Regular, name, content.len() as u64, content)
    }

    /// Adds an entry whose header claims `size` bytes, whatever the body is.
    pub(super) fn entry(self, kind: EntryType, name: &str, size: u64, body: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(size);
        header.set_cksum();
        self.raw(header.as_bytes()).raw(body).padded()
    }

    /// Adds a GNU long name for the entry that follows.
    pub(super) fn long_name(self, name: &str) -> Self {
        self.entry(
            EntryType::GNULongName,
            "././@LongLink",
            name.len() as u64 + 1,
            format!("{name}\0").as_bytes(),
        )
    }

    /// Adds an extended header for the entry that follows.
    pub(super) fn pax(self, records: &[u8]) -> Self {
        self.entry(EntryType::XHeader, "pax", records.len() as u64, records)
    }

    /// Rewrites the last entry, which has no body, as tars older than POSIX wrote directories.
    pub(super) fn last_as_old_directory(mut self) -> Self {
        let at = self.0.len() - 512;
        let mut header = Header::from_byte_slice(&self.0[at..]).clone();
        header.as_old_mut().linkflag = [0];
        header.set_cksum();
        self.0.truncate(at);
        self.raw(header.as_bytes())
    }

    /// Adds bytes as they are.
    pub(super) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn padded(mut self) -> Self {
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// The tar without its end.
    pub(super) fn unfinished(self) -> Vec<u8> {
        self.0
    }

    /// The tar with its end, compressed.
    pub(super) fn gzip(self) -> Vec<u8> {
        gzip(&self.raw(&[0; 1024]).unfinished())
    }
}

/// One gzip member.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
