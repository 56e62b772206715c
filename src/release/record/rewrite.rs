//! Converts a record to the API versions that a server serves. Helm builds the objects of the previous revision from
//! its record, whatever it does next, and fails on each whose version the server does not serve.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::payload::{open, seal};
use super::{Record, RecordError};
use crate::release::manifest::ManifestError;
use crate::release::manifest::rewrite::{self, kinds, rewrite};
use crate::release::manifest::served::{ApiKind, Unserved};

/// Why a record cannot be converted to other API versions.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// The payload is invalid.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Its manifest, or a hook's.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// The kinds that a record names, those of its hooks too, in the versions in which it names them.
///
/// # Errors
/// A manifest is invalid.
pub fn named(record: &Record) -> Result<BTreeSet<ApiKind>, ManifestError> {
    let mut named = kinds(&record.manifest)?;
    for hook in &record.hooks {
        named.extend(kinds(&hook.manifest)?);
    }
    Ok(named)
}

/// The payload with its manifest and hooks converted by [`rewrite()`]; a hook of which nothing is left is removed. All
/// other fields keep their values, the chart's templates among them.
///
/// # Errors
/// As [`Record::decode`] and [`rewrite()`].
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

/// The payload with a manifest without these definitions, which Helm then takes for none of the release's; `None` if it
/// has none of them.
///
/// # Errors
/// As [`rewritten`].
pub fn without_definitions(
    data: &[u8],
    names: &BTreeSet<String>,
) -> Result<Option<Vec<u8>>, RewriteError> {
    let mut release: Map<String, Value> =
        serde_json::from_slice(&open(data)?).map_err(RecordError::Json)?;
    let Some(Value::String(manifest)) = release.get_mut("manifest") else {
        return Ok(None);
    };
    let without = rewrite::without_definitions(manifest, names)?;
    if without == *manifest {
        return Ok(None);
    }
    *manifest = without;
    let json = serde_json::to_vec(&release).map_err(RecordError::Json)?;
    Ok(Some(seal(&json)?))
}
