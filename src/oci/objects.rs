//! What the registry needs of a storage. Everything it keeps is an object with a key ([`keys`](super::keys)); blobs and
//! uploads are streamed, the rest is small.
//!
//! Calls block and are made on threads that may. When one that writes returns, its effect survives a power cut, except
//! where its documentation says otherwise.

use std::fmt::Debug;
use std::io::{self, Read};
use std::ops::Range;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream::BoxStream;

/// Size and age of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectStat {
    /// Its bytes.
    pub size: u64,
    /// When it was written or last touched.
    pub touched: SystemTime,
}

/// What lies directly below a prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its name below the prefix.
    pub name: String,
    /// It is an object, not a prefix of others.
    pub is_object: bool,
}

/// A storage. One implementation is a local directory.
pub trait Objects: Debug + Send + Sync {
    /// The bytes of a small object, `None` if there is none.
    fn read(&self, key: &str) -> io::Result<Option<Vec<u8>>>;

    /// Size and age of an object, `None` if there is none.
    fn stat(&self, key: &str) -> io::Result<Option<ObjectStat>>;

    /// A part of a large object, piece by piece, `None` if there is none.
    fn open(
        &self,
        key: &str,
        range: Range<u64>,
    ) -> io::Result<Option<BoxStream<'static, io::Result<Bytes>>>>;

    /// Creates or replaces a small object, all of it at once.
    fn write(&self, key: &str, bytes: &[u8]) -> io::Result<()>;

    /// Makes an object young; false if there is none. A power cut may make it old again.
    fn touch(&self, key: &str) -> io::Result<bool>;

    /// Removes an object; false if there was none.
    fn remove(&self, key: &str) -> io::Result<bool>;

    /// Removes an object that nobody has touched since `before`; false if there was none such. One that is touched
    /// meanwhile stays, also if another process does it.
    fn remove_untouched(&self, key: &str, before: SystemTime) -> io::Result<bool>;

    /// What lies directly below a prefix, in the order of the names. A prefix that nothing has is empty.
    fn list(&self, prefix: &str) -> io::Result<Vec<Listed>>;

    /// Begins an upload, which is an object that grows. A power cut may undo this and what is appended.
    fn begin(&self, key: &str) -> io::Result<()>;

    /// Appends to an upload that holds `at` bytes. If it holds more, what is beyond is replaced.
    fn append(&self, key: &str, at: u64, bytes: &[Bytes]) -> io::Result<()>;

    /// Cuts an upload off after `size` bytes.
    fn truncate(&self, key: &str, size: u64) -> io::Result<()>;

    /// Reads a whole upload, or a whole blob.
    fn reader(&self, key: &str) -> io::Result<Option<Box<dyn Read + Send>>>;

    /// Gives an upload its final key. An object that is there already is the same and stays, touched.
    fn adopt(&self, upload: &str, key: &str) -> io::Result<()>;

    /// Removes what writes that a crash interrupted before `before` have left; returns how many.
    fn sweep(&self, before: SystemTime) -> io::Result<usize>;

    /// Bytes that can still be written, if the storage knows.
    fn free(&self) -> io::Result<Option<u64>>;
}
