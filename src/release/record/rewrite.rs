//! A record told in the API versions that a server serves. Helm builds the objects of the revision before from its record,
//! whatever it does next, and fails over each that the server does not know by that version.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::payload::{open, seal};
use super::{Record, RecordError};
use crate::release::manifest::ManifestError;
use crate::release::manifest::rewrite::{kinds, rewrite};
use crate::release::manifest::served::{ApiKind, Unserved};

/// Why a record cannot be told in other API versions.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// The payload is not one.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Its manifest, or a hook's.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// The kinds that a record names, those of its hooks too, in the versions in which it names them.
///
/// # Errors
/// A manifest that is none.
pub fn named(record: &Record) -> Result<BTreeSet<ApiKind>, ManifestError> {
    let mut named = kinds(&record.manifest)?;
    for hook in &record.hooks {
        named.extend(kinds(&hook.manifest)?);
    }
    Ok(named)
}

/// The same payload with its manifest and its hooks as [`rewrite`] tells them; a hook of which nothing is left goes. All
/// other fields keep their values, the chart's templates among them.
///
/// # Errors
/// As [`Record::decode`] and [`rewrite`].
pub fn rewritten(data: &[u8], unserved: &Unserved) -> Result<Vec<u8>, RewriteError> {
    let mut release: Map<String, Value> =
        serde_json::from_slice(&open(data)?).map_err(RecordError::Json)?;
    if let Some(Value::String(manifest)) = release.get_mut("manifest") {
        *manifest = rewrite(manifest, unserved)?;
    }
    if let Some(Value::Array(hooks)) = release.get_mut("hooks") {
        let mut left = Vec::with_capacity(hooks.len());
        for mut hook in hooks.drain(..) {
            if let Some(Value::String(manifest)) = hook.get_mut("manifest") {
                let text = rewrite(manifest, unserved)?;
                if kinds(&text)?.is_empty() && !kinds(manifest)?.is_empty() {
                    continue;
                }
                *manifest = text;
            }
            left.push(hook);
        }
        *hooks = left;
    }
    let json = serde_json::to_vec(&release).map_err(RecordError::Json)?;
    Ok(seal(&json)?)
}
