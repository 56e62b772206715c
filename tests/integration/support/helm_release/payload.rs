//! A release in its Secret: JSON in gzip in base64, in the base64 of every Secret.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::Value;

/// The release in this Secret; `None` when it cannot be read.
pub fn of(secret: &Value) -> Option<Value> {
    let outer = STANDARD.decode(secret["data"]["release"].as_str()?).ok()?;
    let inner = STANDARD.decode(outer).ok()?;
    let mut json = Vec::new();
    GzDecoder::new(&inner[..]).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

/// The text for `data.release` of a Secret.
pub fn encode(release: &Value) -> String {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(release.to_string().as_bytes())
        .expect("memory takes all bytes");
    let inner = STANDARD.encode(gzip.finish().expect("memory takes all bytes"));
    STANDARD.encode(inner)
}

/// The same for a release that nobody can read.
pub fn garbage() -> String {
    STANDARD.encode(STANDARD.encode(b"\x1f\x8b\x08 and no more"))
}
