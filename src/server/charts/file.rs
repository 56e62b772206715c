//! One file of a package: the last at its path, as in Helm, without its byte-order mark.

use std::io;

use crate::chart::archive::{ArchiveError, BYTE_ORDER_MARK, Limits};
use crate::listener::Source;
use crate::server::charts::package::{Extract, Outline, PackageFiles};

/// The file at this path.
pub(super) struct FileAt(pub(super) String);

/// The file being read.
pub(super) struct FileBytes {
    files: PackageFiles,
    place: Place,
    began: bool,
}

/// Where in the archive it is.
#[derive(Clone, Copy)]
struct Place {
    /// Files before it.
    number: usize,
    /// Bytes before its text.
    mark: usize,
}

impl Extract for FileAt {
    type Answer = FileBytes;

    fn look(
        &self,
        mut files: PackageFiles,
        _: &Limits,
    ) -> Result<Option<Outline<FileBytes>>, ArchiveError> {
        let mut found = None;
        let mut number = 0;
        while let Some((path, size)) = files.next_file()? {
            if path == self.0 {
                let mark = read_mark(&mut files)?;
                let is_text = is_utf8(&mut files, mark.rest())?;
                let place = Place {
                    number,
                    mark: mark.len(),
                };
                found = Some((place, size - mark.len() as u64, is_text));
            }
            number += 1;
        }
        Ok(found.map(|(place, len, is_text)| Outline {
            answer: Box::new(move |files| FileBytes {
                files,
                place,
                began: false,
            }),
            len,
            kept: 0,
            is_text,
        }))
    }
}

impl Source for FileBytes {
    fn next(&mut self, room: usize) -> io::Result<Vec<u8>> {
        if !self.began {
            self.begin().map_err(io::Error::other)?;
            self.began = true;
        }
        let mut bytes = vec![0; room];
        let read = self.files.fill(&mut bytes).map_err(io::Error::other)?;
        bytes.truncate(read);
        Ok(bytes)
    }
}

impl FileBytes {
    fn begin(&mut self) -> Result<(), ArchiveError> {
        for _ in 0..=self.place.number {
            self.files.next_file()?;
        }
        let mut mark = [0; BYTE_ORDER_MARK.len()];
        self.files.fill(&mut mark[..self.place.mark])?;
        Ok(())
    }
}

/// The first bytes of a file, which may be a byte-order mark.
pub(super) struct Mark {
    bytes: [u8; BYTE_ORDER_MARK.len()],
    read: usize,
}

impl Mark {
    /// Bytes of the mark: none if it is none.
    pub(super) fn len(&self) -> usize {
        if self.bytes == *BYTE_ORDER_MARK {
            self.read
        } else {
            0
        }
    }

    /// What was read and is no mark.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.len()..self.read]
    }
}

pub(super) fn read_mark(files: &mut PackageFiles) -> Result<Mark, ArchiveError> {
    let mut bytes = [0; BYTE_ORDER_MARK.len()];
    let read = files.fill(&mut bytes)?;
    Ok(Mark { bytes, read })
}

/// True if the rest of the current file, which `begin` precedes, is UTF-8. A file that is not is not read on.
fn is_utf8(files: &mut PackageFiles, begin: &[u8]) -> Result<bool, ArchiveError> {
    let mut buffer = vec![0; 16 * 1024];
    buffer[..begin.len()].copy_from_slice(begin);
    // bytes at the beginning of the buffer that may go on
    let mut kept = begin.len();
    loop {
        let read = files.fill(&mut buffer[kept..])?;
        let text = &buffer[..kept + read];
        let (valid, is_broken) = match std::str::from_utf8(text) {
            Ok(text) => (text.len(), false),
            Err(error) => (error.valid_up_to(), error.error_len().is_some()),
        };
        let (len, is_last) = (text.len(), kept + read < buffer.len());
        if is_broken || is_last {
            return Ok(!is_broken && valid == len);
        }
        buffer.copy_within(valid..len, 0);
        kept = len - valid;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::charts::package::tests::{answer, outline, package};

    #[test]
    fn a_file_is_found_by_its_path_and_the_last_at_it_counts() {
        let files = package(&[
            ("x/README.md", "first"),
            ("x/charts/s/README.md", "of a subchart"),
            ("x/docs/empty", ""),
            ("y/README.md", "\u{feff}last"),
            ("x/mark", "\u{feff}"),
        ]);
        for (path, content) in [
            ("README.md", Some("last")),
            ("charts/s/README.md", Some("of a subchart")),
            ("docs/empty", Some("")),
            ("mark", Some("")),
            ("docs", None),
            ("../README.md", None),
        ] {
            for room in [1, 3, 1000] {
                let found = answer(FileAt(path.to_owned()), &files, room);
                let expected = content.map(|text| text.as_bytes().to_vec());
                assert_eq!(found, expected, "{path} {room}");
            }
            let said = outline(FileAt(path.to_owned()), &files);
            assert_eq!(
                said.map(|said| said.0),
                content.map(|text| text.len() as u64)
            );
        }
    }

    #[test]
    fn text_is_told_from_other_bytes_wherever_they_are() {
        let umlauts = "ü".repeat(40_000);
        for (bytes, is_text) in [
            (&b""[..], true),
            (b"a", true),
            ("ü".as_bytes(), true),
            (b"\xff", false),
            (&"ü".as_bytes()[..1], false),
            (umlauts.as_bytes(), true),
            (&umlauts.as_bytes()[..70_001], false),
            (
                &[umlauts.as_bytes(), b"\xff", umlauts.as_bytes()].concat(),
                false,
            ),
            (&[b"a", umlauts.as_bytes()].concat(), true),
        ] {
            let files = package(&[("x/a", bytes)]);
            let said = outline(FileAt("a".to_owned()), &files).expect("a file");
            assert_eq!(said.1, is_text, "{} bytes", bytes.len());
        }
    }
}
