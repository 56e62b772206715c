//! Packages for the tests: a tar builder that checks nothing, and what goes into gzip.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

use super::{ArchiveError, Limits, PackageFiles, without_bom};

/// The smallest valid `Chart.yaml`.
pub(super) const CHART_YAML: &str = "name: x\nversion: 1.0.0\n";

/// A tar as its entries come: any name, any claimed size.
#[derive(Clone, Default)]
pub(super) struct Tar(Vec<u8>);

impl Tar {
    /// One file with honest header and body.
    pub(super) fn file(self, name: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        self.entry(EntryType::Regular, name.as_bytes(), body.len() as u64, body)
    }

    /// A directory, a link, an extended header …: `size` is what the header claims, `body` what follows it.
    pub(super) fn entry(self, kind: EntryType, name: &[u8], size: u64, body: &[u8]) -> Self {
        self.header(kind, name, size, |_| ()).body(body)
    }

    /// A header to which `change` is done before its checksum is made.
    pub(super) fn header(
        mut self,
        kind: EntryType,
        name: &[u8],
        size: u64,
        change: impl FnOnce(&mut Header),
    ) -> Self {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_mode(0o644);
        header.set_size(size);
        header.set_entry_type(kind);
        change(&mut header);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self
    }

    /// Bytes as they are, filled up to a whole block with zeros.
    pub(super) fn body(mut self, body: &[u8]) -> Self {
        self.0.extend_from_slice(body);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// An extended header with one record.
    pub(super) fn pax(self, key: &str, value: &str) -> Self {
        let rest = format!(" {key}={value}\n").len();
        let length = (rest..).find(|length| length.to_string().len() + rest == *length);
        let record = format!("{} {key}={value}\n", length.expect("it fits sometime"));
        self.entry(
            EntryType::XHeader,
            b"x/PaxHeaders/y",
            record.len() as u64,
            record.as_bytes(),
        )
    }

    /// The tar with its two blocks of zeros.
    pub(super) fn tar(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }

    /// The package.
    pub(super) fn tgz(self) -> Vec<u8> {
        gzip(&self.tar())
    }
}

/// The package of these files.
pub(super) fn package(files: &[(&str, &str)]) -> Vec<u8> {
    let tar = files.iter().fold(Tar::default(), |tar, (name, body)| {
        tar.file(name, body.as_bytes())
    });
    tar.tgz()
}

/// A chart `x` 1.0.0 that has these files besides its `Chart.yaml`.
pub(super) fn chart_with(files: &[(&str, &str)]) -> Vec<u8> {
    let files = files.iter().map(|(name, body)| (format!("x/{name}"), body));
    let tar = Tar::default().file("x/Chart.yaml", CHART_YAML);
    files
        .fold(tar, |tar, (name, body)| tar.file(&name, body.as_bytes()))
        .tgz()
}

/// One gzip member.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One gzip member of `bytes` and then so many zeros.
pub(super) fn gzip_with_zeros(bytes: &[u8], zeros: u64) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    std::io::copy(
        &mut std::io::Read::take(std::io::repeat(0), zeros),
        &mut encoder,
    )
    .unwrap();
    encoder.finish().unwrap()
}

/// The last file at `path`, of an archive that reads to its end.
pub(super) fn read_file(
    package: &[u8],
    path: &str,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, ArchiveError> {
    let mut files = PackageFiles::open(package, limits)?;
    let mut found = None;
    while let Some((name, size)) = files.next_file()? {
        if name == path {
            let mut bytes = Vec::new();
            files
                .read_to_end(&mut bytes)
                .map_err(super::tarball::refusal)?;
            assert_eq!(bytes.len() as u64, size);
            found = Some(without_bom(&bytes).to_vec());
        }
    }
    Ok(found)
}
