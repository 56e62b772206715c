//! Small objects as they lie in the storage.

use std::io;

use bytes::Bytes;

use crate::oci::digest::Digest;
use crate::oci::objects::Objects;

/// The digest that is written down under a key.
pub(super) fn read_digest(objects: &dyn Objects, key: &str) -> io::Result<Option<Digest>> {
    let text = objects.read(key)?;
    Ok(text
        .and_then(|text| String::from_utf8(text).ok())
        .and_then(|text| Digest::parse(&text).ok()))
}

/// A manifest as its object has it.
pub(super) struct Record {
    pub media_type: String,
    pub bytes: Bytes,
}

/// A stored manifest: a line with its type, then its bytes.
pub(super) fn read_stored(objects: &dyn Objects, key: &str) -> io::Result<Option<Record>> {
    let Some(record) = objects.read(key)? else {
        return Ok(None);
    };
    let record = Bytes::from(record);
    let end = record.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    Ok(Some(Record {
        media_type: String::from_utf8_lossy(&record[..end]).into_owned(),
        bytes: record.slice((end + 1).min(record.len())..),
    }))
}
