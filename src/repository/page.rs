//! A page: a run of neighbouring index entries as rendered bytes, and the same bytes deflated.
//!
//! Pages are why a write costs the same in a repository of any size: it renders one page again, the others are shared.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status};

use crate::config::IndexFormat;
use crate::repository::entry::Entry;
use crate::repository::memory_file::{Made, MemoryFile, MemoryFiles};
use crate::repository::yaml_text;

/// The entry before the first one of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
    /// Nothing: it is the first of the index.
    First,
    /// The last version of another chart.
    NewChart,
    /// Another version of the same chart.
    SameChart,
}

/// Rendered entries. Immutable once made, but for the deflated form, which is made when it is first asked for, and the
/// memory file, which is made when the page is read repeatedly. A memory file doubles what the page
/// takes; it goes with the page, or with the last response that is still being sent from it.
#[derive(Debug)]
pub struct Page {
    /// No entry of this page sorts before it.
    pub(super) start: Arc<Entry>,
    pub(super) lead: Lead,
    bytes: Bytes,
    deflated: OnceLock<Deflated>,
    /// `None` if there never will be one.
    file: OnceLock<Option<Arc<MemoryFile>>>,
}

/// A raw deflate stream that ends on a byte boundary and refers to nothing before its own start, so that such streams
/// can be joined.
#[derive(Clone, Debug)]
pub struct Deflated {
    /// The stream, without a final block.
    pub bytes: Bytes,
    /// CRC-32 of what it inflates to.
    pub crc: u32,
}

impl Page {
    /// Renders `entries`, which are in index order and not empty; `lead` is about the first of them.
    pub(super) fn render(entries: &[Arc<Entry>], lead: Lead, format: IndexFormat) -> Self {
        let mut out = Vec::with_capacity(entries.iter().map(|entry| entry.line().len() + 16).sum());
        let mut lead_of_next = lead;
        for (i, entry) in entries.iter().enumerate() {
            match format {
                IndexFormat::Json => write_json(&mut out, entry, lead_of_next),
                IndexFormat::Yaml => {
                    yaml_text::write_entry(&mut out, entry, lead_of_next != Lead::SameChart)
                }
            }
            lead_of_next = match entries.get(i + 1) {
                Some(next) if next.name == entry.name => Lead::SameChart,
                _ => Lead::NewChart,
            };
        }
        out.shrink_to_fit();
        let start = Arc::clone(entries.first().expect("a page has entries"));
        Self {
            start,
            lead,
            bytes: out.into(),
            deflated: OnceLock::new(),
            file: OnceLock::new(),
        }
    }

    /// The rendered entries.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The deflated form; the first call does the work.
    pub fn deflated(&self) -> &Deflated {
        self.deflated.get_or_init(|| deflate(&self.bytes))
    }

    /// The file that has the rendered entries too, if it was made.
    pub fn file(&self) -> Option<&Arc<MemoryFile>> {
        self.file.get()?.as_ref()
    }

    /// Makes the file if there is none. False if it has to wait for others to be released.
    pub(super) fn make_file(&self, files: &MemoryFiles) -> bool {
        if self.file.get().is_some() {
            return true;
        }
        let made = match files.make(&self.bytes) {
            Made::File(file) => Some(file),
            Made::Never => None,
            Made::Later => return false,
        };
        // another thread may have been first: then this file is closed again
        let _ = self.file.set(made);
        true
    }
}

fn write_json(out: &mut Vec<u8>, entry: &Entry, lead: Lead) {
    match lead {
        Lead::SameChart => out.extend_from_slice(b",\n"),
        Lead::First | Lead::NewChart => {
            if lead == Lead::NewChart {
                out.extend_from_slice(b"\n],\n");
            }
            // the name is already JSON inside the line, but not at a known place; it is short: write it again
            let key = serde_json::Value::String(entry.name.to_string()).to_string();
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b":[\n");
        }
    }
    out.extend_from_slice(entry.line().as_bytes());
}

/// Deflates `bytes` into a joinable stream.
pub(super) fn deflate(bytes: &Bytes) -> Deflated {
    let mut compress = Compress::new(Compression::new(6), false);
    let mut out = Vec::with_capacity(bytes.len() / 4 + 64);
    loop {
        let consumed = usize::try_from(compress.total_in()).expect("a page is smaller than memory");
        let status = compress
            .compress_vec(&bytes[consumed..], &mut out, FlushCompress::Full)
            .expect("deflating from memory to memory cannot fail");
        // a flush is complete when the output buffer was not filled to its end
        let all_in = compress.total_in() == bytes.len() as u64;
        if all_in && (out.len() < out.capacity() || status == Status::BufError) {
            break;
        }
        out.reserve(out.capacity().max(256));
    }
    out.shrink_to_fit();
    Deflated {
        crc: crc32fast::hash(bytes),
        bytes: out.into(),
    }
}
