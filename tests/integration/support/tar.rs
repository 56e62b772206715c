//! Tar archives with whatever a stranger may put into them: any name, any declared size, links, zeros without end.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

/// An archive under construction, compressed as it grows: a hundred megabytes of zeros take no memory.
pub struct Tar {
    out: GzEncoder<Vec<u8>>,
}

impl Tar {
    pub fn new() -> Tar {
        Tar {
            out: GzEncoder::new(Vec::new(), Compression::new(6)),
        }
    }

    /// A regular file; the name goes into the header as it is, `../` and all.
    pub fn file(self, name: &str, content: &[u8]) -> Tar {
        self.file_claiming(name, content.len() as u64, content)
    }

    /// A regular file whose header claims another size than its content has.
    pub fn file_claiming(mut self, name: &str, size: u64, content: &[u8]) -> Tar {
        self.header(name, size, EntryType::Regular, "");
        self.write(content);
        self.pad(content.len() as u64);
        self
    }

    /// A regular file of this many zero bytes.
    pub fn zeros(mut self, name: &str, size: u64) -> Tar {
        self.header(name, size, EntryType::Regular, "");
        let zeros = [0; 64 * 1024];
        let mut left = size;
        while left > 0 {
            let piece = left.min(zeros.len() as u64) as usize;
            self.write(&zeros[..piece]);
            left -= piece as u64;
        }
        self.pad(size);
        self
    }

    /// An entry without content: a directory, a link, a device.
    pub fn entry(mut self, name: &str, kind: EntryType, link: &str) -> Tar {
        self.header(name, 0, kind, link);
        self
    }

    /// Bytes as they are, in place of an entry.
    pub fn bytes(mut self, bytes: &[u8]) -> Tar {
        self.write(bytes);
        self
    }

    /// The compressed archive with its end marker.
    pub fn gzip(mut self) -> Vec<u8> {
        self.write(&[0; 1024]);
        self.gzip_without_end()
    }

    /// The compressed archive, cut off where a tar should say that it ends.
    pub fn gzip_without_end(self) -> Vec<u8> {
        self.out.finish().expect("memory takes all bytes")
    }

    fn header(&mut self, name: &str, size: u64, kind: EntryType, link: &str) {
        let mut header = Header::new_gnu();
        let old = header.as_old_mut();
        assert!(
            name.len() < old.name.len() && link.len() < old.linkname.len(),
            "a name longer than the header has room"
        );
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        old.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        self.write(header.as_bytes());
    }

    fn pad(&mut self, written: u64) {
        let rest = (512 - written % 512) % 512;
        self.write(&[0; 512][..rest as usize]);
    }

    fn write(&mut self, bytes: &[u8]) {
        self.out.write_all(bytes).expect("memory takes all bytes");
    }
}

/// Bytes as a gzip stream, for what is no tar.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    Tar::new().bytes(bytes).gzip_without_end()
}
