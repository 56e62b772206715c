//! The index as readers get it: an immutable list of byte buffers with its ETag, shared and never waited for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::{BufMut as _, Bytes, BytesMut};
use chrono::{DateTime, Utc};

use crate::repository::memory_file::{MemoryFile, MemoryFiles};
use crate::repository::page::{Deflated, Page, deflate};

/// One state of a tenant's `index.yaml`.
#[derive(Debug)]
pub struct PublishedIndex {
    head: Bytes,
    pages: Vec<Arc<Page>>,
    tail: Bytes,
    len: u64,
    identity: u128,
    generated: DateTime<Utc>,
    gzip: OnceLock<Vec<Bytes>>,
    reads: AtomicU64,
}

impl PublishedIndex {
    /// Joins the parts; `identity` names the content, whatever its division into pages.
    pub(super) fn new(
        head: Bytes,
        pages: Vec<Arc<Page>>,
        tail: Bytes,
        identity: u128,
        generated: DateTime<Utc>,
    ) -> Self {
        let len =
            head.len() + tail.len() + pages.iter().map(|page| page.bytes().len()).sum::<usize>();
        Self {
            head,
            pages,
            tail,
            len: len as u64,
            identity,
            generated,
            gzip: OnceLock::new(),
            reads: AtomicU64::new(0),
        }
    }

    /// The entity tag of the plain form, quotes included.
    pub fn etag(&self) -> String {
        format!("\"{:032x}\"", self.identity)
    }

    /// The entity tag of the gzip form, quotes included.
    pub fn gzip_etag(&self) -> String {
        format!("\"{:032x}-gzip\"", self.identity)
    }

    /// The time of this state.
    pub fn generated(&self) -> DateTime<Utc> {
        self.generated
    }

    /// Bytes of the plain form.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True if the index has no bytes: never, it has at least its frame.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The plain form, in order.
    pub fn parts(&self) -> impl Iterator<Item = &Bytes> {
        (std::iter::once(&self.head))
            .chain(self.pages.iter().map(|page| page.bytes()))
            .chain(std::iter::once(&self.tail))
    }

    /// The plain form, in order, each part with the file that has it too, if there is one.
    pub fn parts_in_files(&self) -> impl Iterator<Item = (&Bytes, Option<&Arc<MemoryFile>>)> {
        (std::iter::once((&self.head, None)))
            .chain(self.pages.iter().map(|page| (page.bytes(), page.file())))
            .chain(std::iter::once((&self.tail, None)))
    }

    /// Counts a read of the plain form. True for one of them: the one that shows it is read more than once.
    pub fn is_read_again(&self) -> bool {
        self.reads.fetch_add(1, Ordering::Relaxed) == 1
    }

    /// Makes files for the pages that have none, as many as there can be. This blocks for as long as copying the pages
    /// takes.
    pub fn make_files(&self, files: &MemoryFiles) {
        self.pages.iter().all(|page| page.make_file(files));
    }

    /// The plain form in one piece.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.parts().flat_map(|part| part.iter().copied()).collect()
    }

    /// True if [`gzip_parts`](Self::gzip_parts) costs nothing.
    pub fn is_gzipped(&self) -> bool {
        self.gzip.get().is_some()
    }

    /// The gzip form (RFC 1952, one member), in order. The first call deflates the pages that no earlier state had
    /// deflated.
    pub fn gzip_parts(&self) -> &[Bytes] {
        self.gzip.get_or_init(|| self.join_gzip())
    }

    fn join_gzip(&self) -> Vec<Bytes> {
        // magic, deflate, no flags, no time, no extra flags, unknown operating system
        const HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
        // a last, empty block with fixed codes
        const FINAL_BLOCK: &[u8] = &[0x03, 0x00];
        let mut crc = crc32fast::Hasher::new();
        let mut parts = Vec::with_capacity(self.pages.len() + 4);
        let mut join = |deflated: &Deflated, plain_len: usize| {
            crc.combine(&crc32fast::Hasher::new_with_initial_len(
                deflated.crc,
                plain_len as u64,
            ));
            parts.push(deflated.bytes.clone());
        };
        join(
            &Deflated {
                bytes: Bytes::from_static(HEADER),
                crc: 0,
            },
            0,
        );
        join(&deflate(&self.head), self.head.len());
        for page in &self.pages {
            join(page.deflated(), page.bytes().len());
        }
        join(&deflate(&self.tail), self.tail.len());
        let mut trailer = BytesMut::with_capacity(10);
        trailer.put_slice(FINAL_BLOCK);
        trailer.put_u32_le(crc.finalize());
        // RFC 1952 section 2.3.1: the size modulo 2^32
        trailer.put_u32_le((self.len & u64::from(u32::MAX)) as u32);
        parts.push(trailer.freeze());
        parts
    }
}
